package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// ledger follows the chain as batches come in, and judges it at the end.
type ledger struct {
	*audit
	report   *LedgerReport
	links    *links
	doubles  *doubles
	previous string
	spans    []KeySpan
	known    map[string]KnownFinding // of the audit before, by digest, not found again yet
	unread   []Place                 // records that could not be read, since the last that could
	linking  bool                    // all records are read; the chain is judged
	progress int64
	tails    []tail // in mode head: what is needed to verify a segment's last record
	suspects bool   // some record's artifact may be another session's
	// copied has, for the first row of a record that is there more than once, the rows
	// that follow its copies where they stand.
	copied      map[int64][]int64
	at          []byte            // the record that stands at Since's position
	spares      map[string]*spare // records found outside, by this_hash
	notAllAsked bool              // of the records that are missing
	seals       seals
	sealsAt     string // up to there
	sealing     bool
	marks       []mark
	stride      int64
	from, to    int64
	timeline    timeline
}

// tail is the signature of a segment's last record.
type tail struct {
	row       int64
	key       *trusted
	signature [64]byte
	hashed    [64]byte
	decoded   bool
	signedAt  int64
}

// take follows the records of one batch.
func (l *ledger) take(b *batch) {
	for i := range b.records {
		l.record(b, i)
	}
	for i := len(b.records) - 1; i >= 0; i-- {
		if !b.records[i].unread {
			l.report.headRaw = append(l.report.headRaw[:0], b.data(i)...)
			break
		}
	}
	if l.options.Progress != nil && l.report.Records > l.progress {
		l.progress = l.report.Records
		l.options.Progress(Progress{Records: l.report.Records, Findings: l.report.Total()})
	}
}

func (l *ledger) record(b *batch, i int) {
	r, rep := &b.records[i], l.report
	rep.Records++
	rep.ByVerdict[r.verdict]++
	if r.unread {
		place := Place{Record: r.number, Input: r.input, Line: r.line}
		l.unread = append(l.unread[:min(len(l.unread), maxRivals-1)], place)
		l.recordFindings(r, place)
		return
	}
	g := rep.Generations[r.generation]
	g.Records++
	if r.flags&hashHolds != 0 {
		g.Hashed++
		rep.Hashed++
	}
	rep.Generations[r.generation] = g
	if r.settled && r.holds && r.key.usable {
		rep.Verifieds++
	}
	// Only what is shown to be the signer's own can contradict him: anyone can write
	// a record that names an honest predecessor.
	// Nor does what is signed by a key that could not sign then, or may be a thief's.
	if r.flags&hashHolds != 0 && r.generation.Signed() && (r.settled && r.holds || r.past && !l.keyUnjudged()) && r.mayHaveSigned() {
		r.flags |= genuineRow
	}
	if len(l.unread) > 0 {
		r.flags |= afterUnread
	}
	r.kid = l.links.index.kid(r.kidText)
	before := l.links.last
	at := l.links.index.count
	if at > 0 || !rep.startsAtHead || rep.continues { // the head of before is in them
		if l.sealing {
			l.seals.add(r)
		}
	}
	linked := l.links.add(&r.row, &r.computed, r.input, r.session)
	l.doubles.add(&r.row.session, at, false)
	switch {
	case r.sound:
		// Its artifact names its own session. Of two records of different sessions
		// with one artifact at most one is so, so the other one gives them away.
	case r.flags&hasArtifact != 0:
		l.doubles.add(&r.row.artifact, at, true)
		l.suspects = true
	}
	l.span(r)
	l.remember(r, b, i, at, linked)
	if r.report != nil {
		l.recordFindings(r, l.place(r))
	}
	if linked {
		l.times(&r.row, &before)
	}
	l.unread = l.unread[:0]
}

func (l *ledger) place(r *record) Place {
	p := Place{Record: r.number, Input: r.input, Line: r.line, KID: bounded(r.kidText), SessionID: bounded(r.session), ThisHash: r.hash()}
	if r.flags&uuidSession != 0 {
		p.SessionID = bundle.FormatUUID(r.row.session)
	}
	return p
}

// remember keeps what may be needed at the end.
func (l *ledger) remember(r *record, b *batch, i int, at int64, linked bool) {
	if at == 0 {
		l.report.origin = bundle.Digest(r.this).String()
	}
	l.mark(at, r)
	if s := l.options.Since; s != nil && at == s.Count-1-l.links.offset {
		l.at, l.sealsAt = slices.Clone(b.data(i)), l.sealed()
	}
	if l.options.Signatures == SignaturesHead {
		t := tail{at, r.key, r.signature, r.hashed, r.decoded, r.signedAt}
		if linked {
			l.tails[len(l.tails)-1] = t
		} else {
			l.tails = append(l.tails, t)
		}
	}
}

func (l *ledger) span(r *record) {
	for int(r.kid) >= len(l.spans) {
		l.spans = append(l.spans, KeySpan{})
	}
	s := &l.spans[r.kid]
	if s.Records++; s.Records == 1 {
		s.KID, s.First = bounded(r.kidText), r.number
		if r.kid == maxKIDs {
			s.KID = fmt.Sprintf("(more than %d others)", maxKIDs)
		}
		if _, err := l.policy.Keys.Lookup(r.kidText); err == nil && r.kid < maxKIDs {
			s.Found, s.Thumbprint, s.Window = true, r.key.key.Thumbprint(), r.key.key.Window
		}
	}
	s.Last = r.number
	if r.signedAt == noTime {
		return
	}
	l.timeline.add(r.signedAt, r.verdict == Verified)
	t := time.UnixMicro(r.signedAt).UTC()
	if s.From.IsZero() || t.Before(s.From) {
		s.From = t
	}
	if t.After(s.To) {
		s.To = t
	}
	if l.from == 0 || r.signedAt < l.from {
		l.from, l.report.From = r.signedAt, t
	}
	if r.signedAt > l.to {
		l.to, l.report.To = r.signedAt, t
	}
}

// found counts, lists and passes on a finding.
func (l *ledger) found(f Finding) {
	if l.linking && l.scratchErr() != nil {
		return // what could not be read back is no ground for a finding
	}
	r := l.report
	for _, s := range []*string{&f.Message, &f.Expected, &f.Actual, &f.Hint, &f.Pointer} {
		*s = bounded(*s)
	}
	if digest := f.Digest(); l.known != nil {
		if _, ok := l.known[digest]; ok {
			f.Known = true
			delete(l.known, digest)
		}
	}
	r.findings[f.Status]++
	r.Counts[f.Code]++
	if worse(f.Status, r.Statuses[f.Code], r.Counts[f.Code] == 1) {
		r.Statuses[f.Code] = f.Status
	}
	if r.Counts[f.Code] <= int64(l.options.MaxListed) {
		r.Listed = append(r.Listed, f)
	}
	l.keep(f)
	if l.options.Found != nil {
		l.options.Found(f)
	}
}

func worse(a, b Status, first bool) bool {
	rank := map[Status]int{Fail: 3, NotRun: 2, Warn: 1}
	return first || rank[a] > rank[b]
}

// recordFindings turns the report on one record into findings: its failures, or,
// without any, what kept it from being verified.
func (l *ledger) recordFindings(r *record, place Place) {
	rep := r.report
	if !r.unread && r.generation != bundle.V04 && rep.Verdict() == Inconclusive {
		l.olderGeneration(r, place)
		return
	}
	failed := rep.Verdict() != Inconclusive
	n := 0
	last := Code("")
	for _, c := range rep.Checks() {
		if failed && c.Status != Fail || !failed && (c.Status == Pass || !rep.Required(c.ID) && c.Code != InternalError) {
			continue
		}
		if !failed && c.Code == last {
			continue // without the key, the signature can't be judged either
		}
		last = c.Code
		f := Finding{Check: c.ID, Status: Fail, Code: c.Code, Place: place, Message: c.Message, Expected: c.Expected, Actual: c.Actual, Hint: c.Hint, Pointer: c.Pointer, Region: c.Region}
		switch {
		case r.unread && n > 0:
			continue
		case r.unread && place.Line > 0:
			f.Status = NotRun
			f.Message = strings.TrimPrefix(f.Message, "line 1, ") // the record is a line; its number is in Place
			if r.number == 1 && c.Code == canonical.CodeTruncated {
				f.Hint = "a ledger has one bundle a line; a single bundle that is spread over lines is verified by itself"
			}
		case r.unread || !failed:
			f.Status = NotRun // a line that can't be read accuses nobody
		}
		n++
		l.found(f)
	}
}

// olderGeneration is the one finding for a record that was made before v0.4, and
// of which nothing failed.
func (l *ledger) olderGeneration(r *record, place Place) {
	f := Finding{Status: NotRun, Code: OlderGeneration, Place: place}
	var not []string
	for _, id := range alwaysRequired {
		if r.report.Outcome(id) == Pass {
			continue
		}
		switch {
		case id == SignatureKey && r.generation.SharedSecret():
			not = append(not, "it is authenticated by a shared secret, which nobody outside can check")
		case id == SignatureKey && !r.generation.Signed():
			not = append(not, "it is not signed")
		case id == SignatureKey:
			if c, ok := r.report.first(id, r.report.Outcome(id)); ok {
				not = append(not, c.Message)
			}
		case id == ArtifactHash && !r.generation.BindsArtifact():
			not = append(not, "it binds no runtime artifact")
		case id == ArtifactHash || id == Consistency:
			if c, ok := r.report.first(id, r.report.Outcome(id)); ok {
				not = append(not, c.Message)
			}
		}
	}
	formula := "this_hash does not follow from the proof by any formula that is known"
	if r.flags&hashHolds != 0 {
		formula = fmt.Sprintf("this_hash matches the formula of %s", r.generation)
	}
	f.Message = fmt.Sprintf("a record of generation %s: %s; %s", r.generation, formula, strings.Join(not, ", "))
	l.found(f)
}

// timeBack bounds how far a time may lie before the predecessor's without being
// told: clocks are set back by a little now and then.
const timeBack = time.Second

// times holds a record's two times to those of the record before it in the chain.
func (l *ledger) times(r, before *row) {
	back := func(now, then int64) bool {
		return now != noTime && then != noTime && now < then-timeBack.Microseconds()
	}
	signed := back(r.signedAt, before.signedAt)
	if !signed && !back(r.recordedAt, before.recordedAt) {
		return
	}
	f := Finding{Status: Warn, Code: SignedTimeBack, Place: l.links.index.placeOf(r), Others: []Place{l.links.index.placeOf(before)}}
	now, then := r.signedAt, before.signedAt
	f.Pointer = "/proof/created_at"
	if signed {
		f.Message = "the signed time is before that of the record that this one follows"
	} else {
		f.Code, f.Pointer = LedgerTimeBack, "/ledger/created_at"
		f.Message = "by the ledger's own times, which nothing protects, this record stands before the one that it follows"
		now, then = r.recordedAt, before.recordedAt
	}
	f.Expected, f.Actual = "not before "+formatMicro(then), formatMicro(now)
	l.found(f)
}

func formatMicro(t int64) string {
	return time.UnixMicro(t).UTC().Format("2006-01-02T15:04:05.000000Z")
}
