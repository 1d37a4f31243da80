package verify

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
)

// finish judges the chain.
func (l *ledger) finish(err error) {
	r := l.report
	r.Timeline, r.trust, r.seals = l.timeline.report(), l.policy.trustIn(l.links.index.kids), l.sealed()
	if l.tables.Load() == 0 {
		r.Engine = EngineStdlib // too few records of one key for anything else
	}
	for _, s := range l.spans {
		if s.Records > 0 {
			r.Keys = append(r.Keys, s)
		}
	}
	l.judgeChain(err)
	if l.stopped.Load() {
		l.found(Finding{Status: NotRun, Code: InternalError, Message: l.audit.err.Error(), Hint: "please report it with the ledger, and use --crypto stdlib meanwhile"})
	}
	if failed := l.scratchErr(); failed != nil {
		l.found(Finding{Status: NotRun, Code: InternalError, Message: fmt.Sprintf("the temporary file of the audit: %v", failed)})
		l.stop(failed)
	}
	switch {
	case errors.Is(err, ErrInterrupted):
		l.found(Finding{Status: NotRun, Code: Interrupted, Message: "the audit was interrupted: what follows was not looked at", Place: Place{Record: r.Records}})
	case err != nil:
		l.found(Finding{Status: NotRun, Code: InputUnreadable, Message: fmt.Sprintf("the ledger could not be read on: %v", err), Place: Place{Record: r.Records}})
	case r.Records == 0 && r.Contradiction == nil:
		l.found(Finding{Status: NotRun, Code: LedgerEmpty, Message: "there is no record"})
	}
	r.complete = err == nil && !l.stopped.Load()
	slices.SortStableFunc(r.Listed, func(a, b Finding) int { return int(a.Place.Record - b.Place.Record) })
}

// judgeChain judges the chain, if all that is needed for it could be kept and read
// back. A scratch file that failed on the way is the auditor's disk, and no ground
// for a finding: what was found until then falls away with what was not.
func (l *ledger) judgeChain(err error) {
	r := l.report
	if l.stopped.Load() || l.scratchErr() != nil {
		return
	}
	if l.links.index.count == 0 {
		if s := l.options.Since; err == nil && s != nil && r.unread() == 0 {
			l.pastAbsent(HistoryTruncated, fmt.Sprintf("there is no record in this input; the audit before ended at position %d", s.Count))
		}
		return
	}
	if l.options.Progress != nil {
		l.options.Progress(Progress{Records: r.Records, Findings: r.Total(), Linking: true})
	}
	l.linking = true
	l.chain(err == nil)
	l.linking = false
	if l.scratchErr() != nil {
		r.Head, r.Contradiction, r.headRaw, r.marks, r.Ends, r.Unordered = Head{}, nil, nil, nil, 0, false
	}
}

// scratchErr returns the first error of a scratch file.
func (l *ledger) scratchErr() error {
	for _, t := range []*tape{l.links.index.rows, l.links.index.texts, l.doubles.runs} {
		if t.err != nil {
			return t.err
		}
	}
	return nil
}

// chain puts the records in order and finds what is wrong with their links.
func (l *ledger) chain(complete bool) {
	var wanted *[32]byte
	if s := l.options.Since; s != nil {
		if d, err := bundle.ParseDigest(s.Head); err == nil {
			wanted = (*[32]byte)(&d)
		}
		if l.report.continues {
			l.links.offset = s.Count
		}
	}
	at := l.links.resolve(wanted)
	l.vouched(at, complete)
	l.lookElsewhere()
	l.roots()
	l.repeated()
	l.forks()
	for _, s := range l.links.segments {
		if s.parent >= 0 {
			r, before := l.links.index.row(s.start), l.links.index.row(s.parent)
			l.times(&r, &before)
		}
	}
	l.head()
	l.report.Unordered = l.links.unordered()
	if complete {
		l.history(at)
	}
}

// roots judges the segments that follow no record of the input.
func (l *ledger) roots() {
	x := l.links.index
	var first []int64
	for _, s := range l.links.segments {
		if s.parent == genesisParent {
			first = append(first, s.start)
		}
	}
	if places, status := l.rivals(first); len(places) > 1 {
		l.found(Finding{Status: status, Code: GenesisRepeated, Place: places[1], Others: slices.Delete(slices.Clone(places), 1, 2), Pointer: "/ledger/prev_hash",
			Message: upTo(len(places)) + " records claim to be the first of the ledger" + l.unshown(status), Expected: "one record after " + bundle.Genesis})
	}
	begun := l.beginsAsGiven(first)
	for i := range l.links.segments {
		s := &l.links.segments[i]
		if s.parent != noParent || s.lost {
			continue // lost: prev_hash is no hash, as the record's own findings say
		}
		r := x.row(s.start)
		prev := bundle.Digest(r.prev).String()
		switch {
		case s.start == 0 && l.options.StartsAtHead:
			s.parent, begun = startParent, true
		case !begun && prev == l.start():
			s.parent, begun = startParent, true
		case !begun:
			begun = true
			l.found(Finding{Status: NotRun, Code: GenesisMissing, Place: x.placeOf(&r), Pointer: "/ledger/prev_hash", Expected: prev,
				Message: "the ledger's first record is not in this input: none follows " + bundle.Genesis + ", and the earliest that is there follows the record with hash " + prev,
				Hint:    l.lacking(l.keptElsewhere(prev, "give the whole ledger; if this is a part of it, give the hash of the record before with --previous"))})
		default:
			l.missing(s, &r, prev)
		}
	}
}

// start is the hash that the first record names, where the input is known to go on
// from there: as the caller says, or since the audit before ended there.
func (l *ledger) start() string {
	if s := l.options.Since; l.previous == "" && s != nil && l.report.continues {
		return s.Head
	}
	return l.previous
}

// beginsAsGiven holds the start of the input to the predecessor that the caller
// named, and reports whether the ledger's first record is there. first are the rows
// that follow GENESIS.
func (l *ledger) beginsAsGiven(first []int64) bool {
	l.report.part = len(first) == 0 && !l.options.StartsAtHead
	if l.previous == "" || l.previous == bundle.Genesis && len(first) > 0 {
		return len(first) > 0
	}
	for i := range l.links.segments {
		s := &l.links.segments[i]
		if r := l.links.index.row(s.start); s.parent == noParent && !s.lost && bundle.Digest(r.prev).String() == l.previous {
			return len(first) > 0 // roots makes it the start
		}
	}
	r := l.links.index.row(0)
	actual := bundle.Digest(r.prev).String()
	if r.flags&genesisRow != 0 {
		actual = bundle.Genesis
	}
	f := Finding{Status: Fail, Code: LedgerChainBroken, Place: l.links.index.placeOf(&r), Pointer: "/ledger/prev_hash", Expected: l.previous, Actual: actual,
		Message: "the ledger does not go on from the predecessor that was given: no record names it"}
	if r.flags&genuineRow == 0 || l.report.unread() > 0 {
		f.Status = NotRun
		f.Hint = "not every record could be read, and shown to be the signer's"
	}
	l.found(f)
	return len(first) > 0
}

// lacking adds to a hint what the caller knows of what the input may lack, first.
func (l *ledger) lacking(hint string) string {
	return joined(l.report.mayLack, hint)
}

// rivals returns the places of rows whose hashes differ, and what they are: a
// contradiction of the signer if two of them are shown to be his own; else only
// something that could not be judged.
func (l *ledger) rivals(rows []int64) ([]Place, Status) {
	var genuine []int64
	for _, at := range rows {
		if r := l.links.index.row(at); r.flags&genuineRow != 0 {
			genuine = append(genuine, at)
		}
	}
	if places := l.distinct(genuine); len(places) > 1 {
		return places, Fail
	}
	return l.distinct(rows), NotRun
}

// unshown ends the message of a finding that accuses nobody.
func (l *ledger) unshown(status Status) string {
	if status == Fail {
		return ""
	}
	return "; that they are all the signer's own is not shown"
}

// missing tells that a record's predecessor is not there.
func (l *ledger) missing(s *segment, r *row, prev string) {
	x := l.links.index
	f := Finding{Status: NotRun, Code: RecordMissing, Place: x.placeOf(r), Pointer: "/ledger/prev_hash", Expected: prev}
	f.Message = "a record is not in this input: the one before this one, with hash " + prev
	var before row
	if s.start > 0 {
		before = x.row(s.start - 1)
		f.Others = []Place{x.placeOf(&before)}
		f.Hint = "in the input it follows the record with hash " + f.Others[0].ThisHash
	}
	switch {
	case r.flags&hashHolds == 0:
		f.Code = LedgerChainBroken
		f.Message = "the link is broken: prev_hash is of no record, and this record's own hash does not hold"
	case r.flags&afterUnread != 0:
		f.Hint = "what stands before it in the input could not be read, and may be that record"
	}
	if f.Code == RecordMissing {
		f.Hint = l.keptElsewhere(prev, f.Hint)
	}
	f.Hint = l.lacking(f.Hint)
	l.found(f)
	if f.Code == RecordMissing && l.spares[prev] == nil && r.flags&afterUnread == 0 && l.replaced(s) {
		l.found(Finding{Status: NotRun, Code: RecordReplaced, Place: x.placeOf(&before), Others: []Place{x.placeOf(r)}, Expected: prev, Actual: bundle.Digest(before.this).String(),
			Message: fmt.Sprintf("the record stands in the input where the one with hash %s is missing, and by its link %d records later in the chain: by that order its session was finalized again, and its first record replaced",
				prev, l.links.depth(s.start-1)-l.links.depth(s.start)+1)})
	}
}

// replaced reports whether the record before a segment without predecessor stands
// in the missing one's place. A second finalize of the original replaces the
// session's record by one at the end of the chain. Where the input has kept the
// old order, that one stands, alone, between the record that the missing one
// followed, which nothing follows now, and the one that lost its predecessor. In
// an input that is not by and large in order, the record before is just any record
// and says nothing.
func (l *ledger) replaced(s *segment) bool {
	k := l.links
	if s.start < 2 || 2*int64(len(k.segments)) > k.index.count {
		return false
	}
	alone, end := k.segmentOf(s.start-1), k.segmentOf(s.start-2)
	return k.segments[alone].start == s.start-1 && k.segments[alone].parent >= 0 &&
		end != alone && k.segments[end].children == 0 && k.depth(s.start-1) > k.depth(s.start)
}

// upTo tells a number of places that distinct has counted.
func upTo(n int) string {
	if n == maxRivals {
		return fmt.Sprint(n, " or more")
	}
	return fmt.Sprint(n)
}

// distinct returns the places of rows whose hashes differ, at most maxRivals.
func (l *ledger) distinct(rows []int64) (places []Place) {
	var seen [][32]byte
	slices.Sort(rows)
	for _, at := range rows {
		if r := l.links.index.row(at); !slices.Contains(seen, r.this) && len(seen) < maxRivals {
			seen = append(seen, r.this)
			places = append(places, l.links.index.placeOf(&r))
		}
	}
	return places
}

// forks finds records that several others follow, missing ones too.
func (l *ledger) forks() {
	k := l.links
	tell := func(rows []int64, parent int64) {
		places, status := l.rivals(rows)
		if len(places) < 2 {
			return
		}
		hash := bundle.Digest(k.index.row(rows[0]).prev).String()
		f := Finding{Status: status, Code: LedgerFork, Place: places[1], Others: slices.Delete(slices.Clone(places), 1, 2), Pointer: "/ledger/prev_hash", Actual: hash,
			Message: fmt.Sprintf("the ledger forks: %s records follow the one with hash %s", upTo(len(places)), hash)}
		if parent >= 0 {
			r := k.index.row(parent)
			place := k.index.placeOf(&r)
			f.Actual = place.ThisHash
			f.Message = fmt.Sprintf("the ledger forks: %s records follow the one with hash %s (record %d)", upTo(len(places)), place.ThisHash, place.Record)
		}
		f.Message += l.unshown(status)
		l.found(f)
	}
	following := k.sorted(func(s *segment) bool { return s.parent >= 0 }, func(s *segment) uint64 { return uint64(s.parent) })
	l.groups(following, func(s *segment) [32]byte { return parentKey(s.parent) }, func(rows []int64) {
		parent := k.segments[k.segmentOf(rows[0])].parent
		tell(l.withCopies(rows, parent), parent)
	})
	for _, parent := range slices.Sorted(maps.Keys(l.copied)) {
		tell(l.withCopies(nil, parent), parent) // that no segment follows
	}
	orphans := k.sorted(func(s *segment) bool { return s.parent == noParent && !s.lost }, func(s *segment) uint64 { return s.print })
	var rivals [][]int64
	l.groups(orphans, func(s *segment) [32]byte { return k.index.row(s.start).prev }, func(rows []int64) {
		if len(rows) > 1 {
			rivals = append(rivals, slices.Clone(rows))
		}
	})
	// In the order of the input: that of the fingerprints is another in each run.
	slices.SortFunc(rivals, func(a, b []int64) int { return cmp.Compare(a[0], b[0]) })
	for _, rows := range rivals {
		tell(rows, noParent)
	}
}

func parentKey(parent int64) (key [32]byte) {
	binary.BigEndian.PutUint64(key[:], uint64(parent))
	return key
}

// groups calls f with the first rows of the segments that share a key, at most
// 4 · maxRivals of them and some that are the signer's own. Segments of one key stand together.
func (l *ledger) groups(segments []int32, key func(*segment) [32]byte, f func(rows []int64)) {
	var rows []int64
	var last [32]byte
	for _, i := range segments {
		s := &l.links.segments[i]
		if k := key(s); len(rows) > 0 && k != last {
			f(rows)
			rows, last = rows[:0], k
		} else {
			last = k
		}
		if len(rows) < 4*maxRivals || l.rivalBeyond(rows[4*maxRivals:], s.start) {
			rows = append(rows, s.start)
		}
	}
	if len(rows) > 0 {
		f(rows)
	}
}

// repeated finds sessions and artifacts that are there more than once.
func (l *ledger) repeated() {
	sessions := l.links.index.count
	if l.suspects {
		var r row
		l.links.scan(func(at int64, encoded []byte) {
			if r.decode(encoded); r.flags&(soundRow|hasArtifact) == soundRow|hasArtifact {
				l.doubles.add(&r.artifact, at, true)
			}
		})
	}
	l.doubles.groups(func(rows []int64, ofArtifact bool) {
		var seen known
		for _, at := range rows {
			r := l.links.index.row(at)
			if ofArtifact {
				if o := seen.rival(&r); o != nil {
					l.artifactTwice(&r, o)
				}
			} else if slices.ContainsFunc(seen.rows, func(o row) bool { return o.session == r.session }) {
				sessions--
				l.sessionTwice(&r, seen.rows)
				if first := seen.first(&r); first != noParent {
					l.followsCopy(at, first)
				}
			}
			seen.add(&r, at)
		}
	})
	l.report.Sessions = sessions
}

func (l *ledger) sessionTwice(r *row, others []row) {
	x := l.links.index
	f := Finding{Status: NotRun, Code: SessionDuplicate, Place: x.placeOf(r), Pointer: "/proof/session_id",
		Message: "the session has another record: its proof was made twice, and both stand in the ledger"}
	var same *row
	for i := range others {
		if o := &others[i]; o.session == r.session {
			if o.this == r.this {
				same = o
				continue
			}
			f.Others = append(f.Others, x.placeOf(o))
			if r.flags&o.flags&genuineRow != 0 {
				f.Status = Fail
			}
		}
	}
	if same != nil && (same.flags&genuineRow != 0 || f.Status != Fail) {
		// One record contradicts nothing, however often it is there. But of a copy whose
		// signature was taken away nobody could tell what the record itself shows.
		f.Status, f.Code, f.Others = NotRun, RecordDuplicate, []Place{x.placeOf(same)}
		f.Message, f.Hint = "the record is there twice", "leave the copy out, if the input was joined from parts"
		l.found(f)
		return
	}
	f.Message += l.unshown(f.Status)
	l.found(f)
}

func (l *ledger) artifactTwice(r, other *row) {
	x := l.links.index
	status := NotRun
	if r.flags&other.flags&genuineRow != 0 {
		status = Fail
	}
	l.found(Finding{Status: status, Code: ArtifactReused, Place: x.placeOf(r), Others: []Place{x.placeOf(other)}, Pointer: "/proof/artifacts/runtime_artifact_sha256",
		Message: "one runtime artifact stands under two sessions" + l.unshown(status)})
}

// head names the chain's last record, and in mode head verifies its signature.
func (l *ledger) head() {
	x, rep := l.links.index, l.report
	at, ends := l.links.head()
	r := x.row(at)
	rep.Ends = ends
	rep.Head = Head{Place: x.placeOf(&r), Position: l.links.depth(at) + 1}
	if r.signedAt != noTime {
		rep.Head.SignedAt = time.UnixMicro(r.signedAt).UTC()
	}
	if at != x.count-1 {
		rep.headRaw = nil // kept is the last of the input
	}
	if l.options.Signatures != SignaturesHead {
		rep.Head.Verified = true // with all others, or there is a finding
		return
	}
	t := l.tails[l.links.segmentOf(at)]
	status := Fail
	if !t.key.usable || !t.decoded {
		status = NotRun // without a signature, and a key that counts, nobody is accused
	}
	if b, err := bundle.Parse(rep.headRaw); err == nil {
		alone := l.Bundle(b)
		if status = NotRun; alone.Outcome(SignatureKey) == Fail || alone.Outcome(Signature) == Fail {
			status = Fail
		}
	}
	switch record := (&record{row: r, key: t.key, decoded: t.decoded}); {
	case t.row != at || !record.maySign() || !t.key.key.Verify(t.hashed[:], t.signature[:]):
		l.found(Finding{Check: Signature, Status: status, Code: HeadNotVerified, Place: rep.Head.Place, Pointer: "/ledger/signature",
			Message: "the signature of the last record does not hold, or its key may not sign; without it nothing vouches for the chain",
			Hint:    "verify this record alone to see why, or the ledger with --signatures all"})
	default:
		rep.Head.Verified, rep.Verifieds = true, 1
	}
}
