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
	Marks      []Mark
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
	Digest string // of [Finding.Digest]
	Code   Code
	Status Status
}

// maxKnown bounds Checkpoint.Findings.
const maxKnown = 10_000

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
	if !r.complete || r.Records == 0 || r.Head.Position == 0 || r.Contradiction != nil || r.Counts[PastNotInOrder] > 0 {
		return nil
	}
	c := &Checkpoint{
		Origin: r.origin, Count: r.Head.Position, Head: r.Head.ThisHash, SessionID: r.Head.SessionID, SignedAt: r.Head.SignedAt,
		Record: r.headRaw, Marks: r.marks, Signatures: r.Signatures, Findings: r.known, Statuses: map[Status]int64{},
	}
	if s := r.Since; s != nil {
		if r.startsAtHead {
			c.Origin, c.Marks = s.Origin, append(slices.Clone(s.Marks), Mark{s.Count, s.Head})
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
	return c
}

// keep notes a finding for the next audit. That findings of before stand is told
// by themselves.
func (l *ledger) keep(f Finding) {
	switch f.Code {
	case EarlierFindings, Interrupted, Unreadable, InternalError, PastNotInOrder:
		return
	}
	if len(l.report.known) < maxKnown {
		l.report.known = append(l.report.known, KnownFinding{f.Digest(), f.Code, f.Status})
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
// of the remembered head.
func (l *ledger) history(at int64) {
	l.setMarks()
	s := l.options.Since
	if s == nil {
		return
	}
	r := l.report
	head, _ := l.links.head()
	switch {
	case at == noParent && r.Head.Position < s.Count:
		l.contradicts(HistoryTruncated, fmt.Sprintf("the ledger was cut: the audit before ended at position %d, and this one ends at %d; the records after it are gone", s.Count, r.Head.Position))
	case at == noParent:
		l.contradicts(HistoryRewritten, fmt.Sprintf("the past was rewritten: the record that stood at position %d is not in the ledger any more", s.Count))
	case l.links.depth(at)+1 != s.Count:
		l.contradicts(HistoryMoved, fmt.Sprintf("the past was changed: the record that stood at position %d stands at position %d now; records before it were dropped or added", s.Count, l.links.depth(at)+1))
	case !l.links.descends(head, at):
		l.contradicts(HistoryForked, fmt.Sprintf("the past was forked: the record that stood at position %d is on a side branch now", s.Count))
	case !l.options.StartsAtHead && !r.Unordered && r.origin != s.Origin:
		l.contradicts(HistoryRewritten, "the past was rewritten: the first record is another one")
	default:
		l.pastHolds(at)
	}
}

// pastHolds: the remembered head stands where it stood. What remains is whether
// the records whose signatures were left out are those before it, and what was
// found then.
func (l *ledger) pastHolds(at int64) {
	s, r := l.options.Since, l.report
	inOrder := at == s.Count-1 && l.links.end(0) > at && l.links.segments[0].parent < noParent
	if !l.options.Whole && !l.options.StartsAtHead && (!inOrder || r.ByVerdict[Malformed] > 0) {
		l.found(Finding{Status: NotRun, Code: PastNotInOrder, Place: r.Head.Place,
			Message: "the records that were audited before do not come first and in order, so some signatures were verified neither then nor now",
			Hint:    "audit the whole ledger anew"})
	}
	if l.options.Whole {
		return // everything was looked for again
	}
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

func (l *ledger) contradicts(code Code, message string) {
	s, r := l.options.Since, l.report
	c := &Contradiction{Code: code, Before: *s}
	if l.links.index.count > 0 {
		row := l.links.at(s.Count - 1)
		if row == noParent {
			row, _ = l.links.head()
		}
		found := l.links.index.row(row)
		c.Found, c.Position = l.links.index.placeOf(&found), l.links.depth(row)+1
		switch row {
		case s.Count - 1 - l.links.offset:
			c.Record = l.at
		case l.links.index.count - 1:
			c.Record = r.headRaw
		}
	}
	for _, m := range s.Marks {
		if m.Position-1 >= l.links.index.count || l.options.StartsAtHead {
			break
		}
		if found := l.links.index.row(m.Position - 1); bundle.Digest(found.this).String() != m.ThisHash {
			c.Changed = m.Position
			break
		}
		c.Intact = m.Position
	}
	if c.Intact > 0 {
		message += fmt.Sprintf("; up to position %d it is as it was", c.Intact)
	}
	if c.Changed > 0 {
		message += fmt.Sprintf(", at position %d it is not", c.Changed)
	}
	r.Contradiction = c
	hint := "keep the state file and this ledger: together they are the evidence"
	if !l.options.StartsAtHead && !r.Unordered && r.origin != s.Origin && r.origin != "" {
		hint = "the first record is another one too: make sure that the state is of this ledger"
	}
	l.found(Finding{Status: Fail, Code: code, Place: c.Found, Pointer: "/ledger/this_hash", Expected: s.Head, Actual: c.Found.ThisHash, Message: message,
		Hint: hint})
}
