package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/qodverify/qodverify/bundle"
)

// Checkpoint is where a complete audit ended: what the next one goes on from. Its
// head pins, through the chain, every proof before it. It is the auditor's own
// memory and not signed by anyone; whoever keeps it must keep it from others.
type Checkpoint struct {
	// Origin is the this_hash of the first record: which ledger it is.
	Origin string
	Count  int64  // chain position of the head, from 1
	Head   string // this_hash of the head
	// SessionID and SignedAt are the head's, as its proof claims them.
	SessionID string
	SignedAt  time.Time
	// Record is the head's record as it was read, to show what stood there; nil
	// when it was not at the end of the input.
	Record []byte
	// Marks are hashes at positions before the head, at most 64, by which a
	// rewritten past is located.
	Marks []Mark
	// Part: the record of Origin is not the ledger's first, so Count and the marks
	// count from it.
	Part  bool
	Trust Trust
	// Seals is a digest over the kids and signatures of the records, in 64 hexadecimal
	// characters; "" when it is not known.
	Seals      string
	Signatures SignatureMode
	Findings   []KnownFinding // at most maxKnown of them
	Statuses   map[Status]int64
}

// Mark is the hash that stood at a chain position, from 1.
type Mark struct {
	Position int64
	ThisHash string
}

// KnownFinding is a finding of an earlier audit.
type KnownFinding struct {
	Digest   string // of [Finding.Digest]
	Code     Code
	Status   Status
	unreadAt int64 // of what is no record: its number in this input; else 0
}

// maxKnown bounds Checkpoint.Findings.
const maxKnown = 10_000

// unsettled are the codes of findings that keep an audit from taking the place of the one
// before.
var unsettled = []Code{HistoryRewritten, HistoryTruncated, HistoryMoved, HistoryForked, PastNotGiven, PastNotInOrder, PastSealsChanged, OtherLedger, TrustChanged}

// Contradiction is what shows that a ledger is not the one that was audited
// before: what stood at a position then, and what stands there now.
type Contradiction struct {
	Code     Code
	Before   Checkpoint
	Position int64  // chain position of what was found, from 1; 0 when nothing was
	Found    Place  // the last record when nothing stands at Before's position
	Record   []byte // that record as it was read; nil when it was not kept
	// Intact is the last position, from 1, at which a mark still holds, and Changed
	// the first at which one does not; 0 when no mark tells.
	Intact, Changed int64
}

// Digest identifies a finding from one audit to the next, in 64 hexadecimal
// characters.
func (f *Finding) Digest() string {
	h := sha256.New()
	at := f.Place.ThisHash
	if at == "" {
		at = strconv.FormatInt(f.Place.Record, 10)
	}
	for _, s := range []string{string(f.Code), string(f.Check), at, f.Place.SessionID, f.Pointer, f.Expected, f.Actual} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c *Checkpoint) digests() map[string]KnownFinding {
	if c == nil {
		return nil
	}
	known := map[string]KnownFinding{}
	for _, f := range c.Findings {
		known[f.Digest] = f
	}
	return known
}

// Checkpoint returns where this audit ended, or nil when it was not complete or
// contradicts the one before: then the earlier one must be kept.
func (r *LedgerReport) Checkpoint() *Checkpoint {
	if !r.complete || r.Records == 0 || r.Head.Position == 0 || r.Contradiction != nil ||
		slices.ContainsFunc(unsettled, func(c Code) bool { return r.Counts[c] > 0 }) {
		return nil
	}
	c := &Checkpoint{
		Origin: r.origin, Count: r.Head.Position, Head: r.Head.ThisHash, SessionID: r.Head.SessionID, SignedAt: r.Head.SignedAt,
		Record: r.headRaw, Marks: r.marks, Signatures: r.Signatures, Findings: r.known, Statuses: map[Status]int64{},
		Part: r.part, Trust: r.trust, Seals: r.seals,
	}
	if s := r.Since; s != nil {
		if r.startsAtHead || r.continues {
			c.Origin, c.Marks, c.Part, c.Trust = s.Origin, append(slices.Clone(s.Marks), Mark{s.Count, s.Head}), s.Part, r.trust.merge(s.Trust)
		}
		// What was found before and not looked for again still stands.
		for _, f := range r.carried {
			if len(c.Findings) < maxKnown {
				c.Findings = append(c.Findings, f)
			}
		}
	}
	for status, n := range r.findings {
		if n > 0 && Status(status) != Pass {
			c.Statuses[Status(status)] = n
		}
	}
	// What could not be read behind the head, the last line while it was being written
	// perhaps, lies behind the state's head too, and is looked at anew.
	c.Findings = slices.DeleteFunc(slices.Clone(c.Findings), func(f KnownFinding) bool {
		torn := f.unreadAt > r.Head.Record
		if torn {
			c.Statuses[f.Status]--
		}
		return torn
	})
	return c
}

// keep notes a finding for the next audit. That findings of before stand is told
// by themselves.
func (l *ledger) keep(f Finding) {
	switch f.Code {
	case EarlierFindings, Interrupted, InputUnreadable, InternalError, PastNotInOrder, PastSealsChanged:
		return
	}
	unreadAt := int64(0)
	if f.Place.ThisHash == "" {
		unreadAt = f.Place.Record
	}
	if len(l.report.known) < maxKnown {
		l.report.known = append(l.report.known, KnownFinding{Digest: f.Digest(), Code: f.Code, Status: f.Status, unreadAt: unreadAt})
	}
}

// maxMarks bounds Checkpoint.Marks.
const maxMarks = 64

// mark keeps the hash of every n-th row, with n doubled whenever there are too
// many.
func (l *ledger) mark(at int64, r *record) {
	if l.stride == 0 {
		l.stride = 1
	}
	if at%l.stride != 0 {
		return
	}
	if len(l.marks) == maxMarks {
		kept := l.marks[:0]
		for i := 0; i < maxMarks; i += 2 {
			kept = append(kept, l.marks[i])
		}
		l.marks, l.stride = kept, 2*l.stride
		if at%l.stride != 0 {
			return
		}
	}
	l.marks = append(l.marks, mark{at, r.this})
}

type mark struct {
	row  int64
	hash [32]byte
}

// history holds the ledger to the audit before. at is the row that has the hash
// of the remembered head. Only what is there can contradict: a ledger that shows
// another past, up to and beyond the remembered position. One that does not reach
// it, or does not begin where that one did, merely lacks it.
func (l *ledger) history(at int64) {
	l.setMarks()
	s := l.options.Since
	if s == nil {
		return
	}
	r := l.report
	head, _ := l.links.head()
	_, changed := l.intact(head)
	whole := len(l.links.segments) > 0 && r.unread() == 0 && r.Counts[RecordMissing] == 0 && r.Counts[LedgerChainBroken] == 0 && r.Hashed == r.Records
	sameStart := !r.Unordered && r.origin == s.Origin
	switch {
	case at == noParent && r.continues:
		l.carry() // the records of before are not in this input
	case at == noParent && l.options.StartsAtHead && l.rivalsHead():
		l.contradicts(HistoryRewritten, 0, fmt.Sprintf("the past was rewritten: another record follows the one that the record at position %d followed", s.Count))
	case at == noParent && l.options.StartsAtHead:
		l.pastAbsent(PastNotGiven, fmt.Sprintf("the record that stood at position %d is not in what was read; it may stand elsewhere in the ledger", s.Count))
	case at == noParent && !whole:
		l.pastAbsent(PastNotGiven, "the record that ended the audit before is not in this input, of which not all could be read or linked")
	case at == noParent && r.part && !sameStart:
		l.pastAbsent(PastNotGiven, "the earlier records are not in this input: it begins elsewhere in the ledger than where the audit before ended")
	case at == noParent && !sameStart:
		l.pastAbsent(OtherLedger, "the audit before was of another ledger: the first record is another one")
	case at == noParent && changed == 0 && r.Head.Position < s.Count:
		l.pastAbsent(HistoryTruncated, fmt.Sprintf("the input ends at position %d, and the audit before ended at position %d: the records after it are not in this input", r.Head.Position, s.Count))
	case at == noParent:
		rival := l.rival(head)
		if rival == noParent {
			l.pastAbsent(PastNotGiven, fmt.Sprintf("the record that stood at position %d is not in this input, and what stands there is not shown to be the signer's", s.Count))
			return
		}
		l.contradicts(HistoryRewritten, rival, fmt.Sprintf("the past was rewritten: the record that stood at position %d is not in the ledger any more", s.Count))
	case !s.Part && !r.part && l.links.depth(at)+1 != s.Count:
		l.pastAbsent(HistoryMoved, fmt.Sprintf("the record that stood at position %d stands at position %d in this input: records before it are missing here, or were then", s.Count, l.links.depth(at)+1))
	case !l.links.descends(head, at) && !l.shown(head):
		l.pastAbsent(HistoryForked, fmt.Sprintf("the record that stood at position %d is on a side branch of this input, and the longer one is not shown to be the signer's", s.Count))
	case !l.links.descends(head, at):
		l.contradicts(HistoryForked, head, fmt.Sprintf("the past was forked: the record that stood at position %d is on a side branch now", s.Count))
	default:
		l.pastHolds()
	}
}

// pastAbsent tells that the records of the audit before are not there to be held to
// it. Nobody is accused of that: an old copy, a part, or a file that was cut off on
// the way lacks them too.
func (l *ledger) pastAbsent(code Code, message string) {
	s := l.options.Since
	l.found(Finding{Status: NotRun, Code: code, Place: l.report.Head.Place, Pointer: "/ledger/this_hash", Expected: s.Head, Message: message,
		Hint: l.lacking("the state stays as it was; audit the ledger whole and up to date, and make sure that the state is of this ledger")})
}

// intact holds the chain that leads to a row to the marks of the audit before. It
// returns the last position, from 1, at which a mark holds, and the first at which one
// does not; 0 for none.
func (l *ledger) intact(head int64) (intact, changed int64) {
	for _, m := range l.options.Since.Marks {
		at := l.links.ancestor(head, m.Position-1)
		if at == noParent {
			break
		}
		if found := l.links.index.row(at); bundle.Digest(found.this).String() != m.ThisHash {
			return intact, m.Position
		}
		intact = m.Position
	}
	return intact, 0
}

// rivalsHead reports whether the first record names the predecessor that the
// remembered head named. Both are signed, so the signer has two histories.
func (l *ledger) rivalsHead() bool {
	before, err := bundle.Parse(l.options.Since.Record)
	if err != nil || before.Entry.PrevHash == bundle.Genesis || before.Entry.ThisHash != l.options.Since.Head {
		return false
	}
	r := l.links.index.row(0)
	return r.flags&genuineRow != 0 && bundle.Digest(r.prev).String() == before.Entry.PrevHash
}

// pastHolds: the remembered head stands where it stood. What remains is what was
// found then.
func (l *ledger) pastHolds() {
	l.report.stands = true
	if !l.report.rechecked { // else everything was looked for again
		l.carry()
	}
}

// unreadBefore reports whether a record that could not be read stands before a row
// in the input.
func (l *ledger) unreadBefore(at int64) bool {
	return l.report.unread() > 0 && l.links.index.row(at).number != at+1
}

// carry tells of findings of the audit before that were not looked for again.
func (l *ledger) carry() {
	s, r := l.options.Since, l.report
	var worst Status
	kept := map[Status]int64{}
	carry := func(status Status, first bool) {
		if worse(status, worst, first) {
			worst = status
		}
	}
	for _, f := range s.Findings {
		kept[f.Status]++
		if _, open := l.known[f.Digest]; open {
			r.carried = append(r.carried, f)
			carry(f.Status, len(r.carried) == 1)
		}
	}
	// A state keeps so many findings and no more, but their number of each status:
	// one that was left out still stands.
	n := int64(len(r.carried))
	for status, all := range s.Statuses {
		if more := all - kept[status]; more > 0 {
			carry(status, n == 0)
			n += more
		}
	}
	if n > 0 {
		l.found(Finding{Status: worst, Code: EarlierFindings, Place: r.Head.Place,
			Message: fmt.Sprintf("%d findings of the audit before stand: what they are about was not looked at again", n),
			Hint:    "audit the whole ledger anew to see them (--whole)"})
	}
}

// setMarks turns marks by row into marks by position, which they are in a ledger
// that is one chain in order.
func (l *ledger) setMarks() {
	if len(l.links.segments) != 1 {
		return
	}
	for _, m := range l.marks {
		l.report.marks = append(l.report.marks, Mark{m.row + 1 + l.links.offset, bundle.Digest(m.hash).String()})
	}
}

// rival returns the row that shows another past: the one that stands at the remembered
// position, or the last before it that is behind what changed. It must be the signer's
// own: then, with all hashes and links, he has signed what stands before it. Else it is
// noParent.
func (l *ledger) rival(head int64) int64 {
	from := l.options.Since.Count - 1
	at := l.links.ancestor(head, min(from, l.links.depth(head)))
	if _, changed := l.intact(head); changed > 0 {
		from = min(from, changed-1)
	}
	if at == noParent || l.links.depth(at) < from || !l.links.descends(at, 0) || !l.shown(at) {
		return noParent
	}
	return at
}

// contradicts tells that the record at a row, which is shown to be the signer's own,
// contradicts the audit before.
func (l *ledger) contradicts(code Code, row int64, message string) {
	s, r := l.options.Since, l.report
	c := &Contradiction{Code: code, Before: *s}
	found := l.links.index.row(row)
	c.Found, c.Position = l.links.index.placeOf(&found), l.links.depth(row)+1
	switch row {
	case s.Count - 1 - l.links.offset:
		c.Record = l.at
	case l.links.index.count - 1:
		c.Record = r.headRaw
	}
	if !l.options.StartsAtHead {
		c.Intact, c.Changed = l.intact(row)
	}
	if c.Intact > 0 {
		message += fmt.Sprintf("; up to position %d it is as it was", c.Intact)
	}
	if c.Changed > 0 {
		message += fmt.Sprintf(", at position %d it is not", c.Changed)
	}
	r.Contradiction = c
	hint := l.lacking("keep the state file and this ledger: together they are the evidence")
	l.found(Finding{Status: Fail, Code: code, Place: c.Found, Pointer: "/ledger/this_hash", Expected: s.Head, Actual: c.Found.ThisHash, Message: message,
		Hint: hint})
}
