package verify

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// link is what a [Batch] remembers of a bundle: enough to find its neighbours, and no
// more. The zero link is that of an input that is no bundle.
type link struct {
	this, prev [32]byte
	session    [16]byte // see sessionKey
	at         int64    // microseconds since 1970; 0 where it is not known
	by         uint16   // number of the verifier
	result     uint8    // see results
	flags      linkFlags
}

// results are the results that proofs state; any other is the last.
var results = [...]string{"", "pass", "fail", "other"}

type linkFlags uint8

const (
	genuineLink   linkFlags = 1 << iota // hash and signature hold, by a key of the set
	provenLink                          // and the key is trusted: [Report.Proven]
	artifactFits                        // the artifact at hand has the hash that the proof claims
	artifactOther                       // it has another
	artifactOwn                         // it came with the bundle
	firstLink                           // prev_hash is GENESIS
)

// Batch is what the bundles of a run are to each other. Each is looked at by
// [Batch.Look] first, and judged by [Batch.Judge] when all are known; so none need be
// held meanwhile, and a run of any length needs some 110 bytes a bundle.
type Batch struct {
	links []link
	// Genuine records, each once for each verifier, by what they are looked up by.
	byThis, byPrev, bySession []int32

	mu        sync.Mutex
	verifiers []*Verifier
	spelled   map[int]string // sessions that are not spelled as UUIDs usually are
}

// NewBatch returns the batch of n bundles.
func NewBatch(n int) *Batch { return &Batch{links: make([]link, n), spelled: map[int]string{}} }

// Look looks at the own record of bundle i, apart from every other check. Calls for
// different bundles may be made at once.
func (b *Batch) Look(v *Verifier, i int, x *bundle.Bundle) {
	if x == nil {
		return
	}
	r := &run{Verifier: v, bundle: x, formulas: matchFormulas(x, v.policy.profiles())}
	l := &b.links[i]
	b.name(i, x.Entry.ThisHash, x.Entry.PrevHash, x.Proof.SessionID)
	if at, ok := x.Proof.Time(); ok {
		l.at = at.UnixMicro()
	}
	l.by = b.number(v)
	genuine, err := r.guardedGenuine()
	if genuine && err == nil {
		l.flags |= genuineLink
	}
	switch {
	case r.formulas.artifact != canonical.Unspecified:
		l.flags |= artifactFits
	case x.Artifact.Exists():
		l.flags |= artifactOther
	}
	if x.HasArtifact {
		l.flags |= artifactOwn
	}
}

// number is that of a verifier. Beyond 65,535 all are one: that is more than a run has
// key sets, and would at most let a record of one count as another's predecessor.
func (b *Batch) number(v *Verifier) uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.verifiers, v)
	if i < 0 {
		i = len(b.verifiers)
		b.verifiers = append(b.verifiers, v)
	}
	return uint16(min(i, math.MaxUint16))
}

func (b *Batch) name(i int, this, prev, session string) {
	l := &b.links[i]
	isUUID := false
	if l.session, isUUID = sessionKey([]byte(session)); !isUUID || bundle.FormatUUID(l.session) != session {
		b.mu.Lock()
		b.spelled[i] = strings.Clone(bounded(session))
		b.mu.Unlock()
	}
	// A record counts only if its hash was recomputed, and then both of these are hashes,
	// or prev_hash is GENESIS.
	if d, err := bundle.ParseDigest(this); err == nil {
		l.this = d
	}
	if d, err := bundle.ParseDigest(prev); err == nil {
		l.prev = d
	} else if prev == bundle.Genesis {
		l.flags |= firstLink
	}
}

// session returns the session that proof i names, as it is spelled.
func (b *Batch) session(i int32) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.spelled[int(i)]; ok {
		return s
	}
	return bundle.FormatUUID(b.links[i].session)
}

func (l *link) genuine() bool { return l.flags&genuineLink != 0 }

// Lost reports whether bundle i is a genuine record whose artifact, which came apart from
// it, is not the one that the proof was made of, as after a second finalize of the session.
func (b *Batch) Lost(i int) bool {
	l := &b.links[i]
	return l.genuine() && l.flags&(artifactOther|artifactOwn) == artifactOther
}

// Fits reports whether bundle i is a genuine record with the artifact that was signed for.
func (b *Batch) Fits(i int) bool { return b.links[i].genuine() && b.links[i].flags&artifactFits != 0 }

// Later reports whether proof i was signed after another, by the signers' clocks.
func (b *Batch) Later(i, than int) bool {
	x, y := b.links[i].at, b.links[than].at
	return x != 0 && y != 0 && x > y
}

// first reports whether the record says that it is the first of its ledger.
func (l *link) first() bool { return l.flags&firstLink != 0 }

// Looked ends the looking: all bundles are known.
func (b *Batch) Looked() {
	links := b.links
	var genuine []int32
	for i := range links {
		if links[i].genuine() {
			genuine = append(genuine, int32(i))
		}
	}
	b.bySession = b.sorted(genuine, bySession)
	for _, same := range b.groups(b.sorted(genuine, byThis), byThis) {
		seen := map[uint16]bool{}
		for _, i := range same {
			if by := links[i].by; !seen[by] {
				seen[by] = true
				b.byThis = append(b.byThis, i)
			}
		}
	}
	b.byPrev = b.sorted(b.byThis, byPrev)
}

func byThis(a, b *link) int    { return bytes.Compare(a.this[:], b.this[:]) }
func byPrev(a, b *link) int    { return bytes.Compare(a.prev[:], b.prev[:]) }
func bySession(a, b *link) int { return bytes.Compare(a.session[:], b.session[:]) }

// sorted returns some links in an order, equal ones as they stand.
func (b *Batch) sorted(of []int32, compare func(a, c *link) int) []int32 {
	list := slices.Clone(of)
	slices.SortFunc(list, func(x, y int32) int { return cmp.Or(compare(&b.links[x], &b.links[y]), cmp.Compare(x, y)) })
	return list
}

// groups returns the runs of equal links of an order.
func (b *Batch) groups(order []int32, compare func(a, c *link) int) iter.Seq2[int, []int32] {
	return func(yield func(int, []int32) bool) {
		for from := 0; from < len(order); {
			to := from + 1
			for to < len(order) && compare(&b.links[order[from]], &b.links[order[to]]) == 0 {
				to++
			}
			if !yield(from, order[from:to]) {
				return
			}
			from = to
		}
	}
}

// equal returns the part of an order that is equal to a link.
func (b *Batch) equal(order []int32, compare func(a, c *link) int, to link) []int32 {
	from := sort.Search(len(order), func(i int) bool { return compare(&b.links[order[i]], &to) >= 0 })
	n := sort.Search(len(order)-from, func(i int) bool { return compare(&b.links[order[from+i]], &to) > 0 })
	return order[from : from+n]
}

// OfSession returns the numbers of the genuine bundles of bundle i's session, in their
// order.
func (b *Batch) OfSession(i int) []int32 { return b.equal(b.bySession, bySession, b.links[i]) }

// Judge verifies bundle i, and its link where its predecessor is another of them. Calls
// for different bundles may be made at once.
func (b *Batch) Judge(v *Verifier, i int, x *bundle.Bundle) *Report {
	r := v.start(x)
	if len(b.links) > 1 {
		r.batch, r.number = b, i
	}
	r.all()
	b.Settle(i, r.report)
	return r.report
}

// Settle remembers for [Batch.Chain] what a report says of bundle i.
func (b *Batch) Settle(i int, r *Report) {
	l := &b.links[i]
	if l.flags &^= provenLink; r.Proven() {
		l.flags |= provenLink
	}
	if l.result = 0; r.Outcome(ArtifactHash) == Pass {
		if l.result = uint8(slices.Index(results[:], r.Subject().Result)); int(l.result) >= len(results) {
			l.result = uint8(len(results) - 1)
		}
	}
}

// predecessor returns the session of the genuine record before the run's own, judged with
// the same keys, if it is in the batch.
func (r *run) predecessor() (session string, ok bool) {
	if r.batch == nil {
		return "", false
	}
	own := &r.batch.links[r.number]
	if own.prev == [32]byte{} {
		return "", false // the first of its ledger
	}
	for _, i := range r.batch.equal(r.batch.byThis, byThis, link{this: own.prev}) {
		if p := &r.batch.links[i]; p.by == own.by {
			return r.batch.session(i), true
		}
	}
	return "", false
}

// rivals returns the sessions of other genuine records that name the run's predecessor.
func (r *run) rivals() (sessions []string) {
	if r.batch == nil {
		return nil
	}
	own := &r.batch.links[r.number]
	if !own.genuine() || own.first() { // GENESIS is no record, and shared by all ledgers
		return nil
	}
	for _, i := range r.batch.equal(r.batch.byPrev, byPrev, *own) {
		if l := &r.batch.links[i]; l.by == own.by && l.this != own.this {
			if sessions = append(sessions, r.batch.session(i)); len(sessions) == maxRivals {
				break
			}
		}
	}
	return sessions
}

// Chain holds the bundles that were judged to each other. What is no proven record of
// generation v0.4 is passed over.
func (b *Batch) Chain() *Chain {
	var proven, records []int32 // each record once, as it first stands
	for i := range b.links {
		if b.links[i].flags&provenLink != 0 {
			proven = append(proven, int32(i))
		}
	}
	for _, same := range b.groups(b.sorted(proven, byThis), byThis) {
		records = append(records, same[0])
	}
	c := &Chain{Records: len(records)}
	for _, same := range b.groups(b.sorted(records, byPrev), byPrev) {
		l := &b.links[same[0]]
		if l.first() {
			// GENESIS is no record: what names it follows nothing, in any ledger.
			c.Firsts = numbers(same)
			c.Pieces += len(same)
			continue
		}
		if len(b.equal(records, byThis, link{this: l.prev})) == 0 {
			c.Pieces += len(same)
			c.Gaps++
			c.Starts = append(c.Starts, numbers(same)...)
		}
		if len(same) > 1 {
			c.Forks = append(c.Forks, Rivals{Of: bundle.Digest(l.prev).String(), Reports: numbers(same), Contradict: true})
		}
	}
	slices.Sort(c.Starts)
	for _, same := range b.groups(b.sorted(records, bySession), bySession) {
		if len(same) > 1 {
			c.Sessions = append(c.Sessions, Rivals{Of: b.session(same[0]), Reports: numbers(same), Contradict: b.differ(same)})
		}
	}
	for _, list := range [][]Rivals{c.Forks, c.Sessions} {
		slices.SortFunc(list, func(x, y Rivals) int { return cmp.Compare(x.Reports[0], y.Reports[0]) })
	}
	return c
}

func numbers(of []int32) []int {
	list := make([]int, len(of))
	for i, n := range of {
		list[i] = int(n)
	}
	return list
}

// differ reports whether proofs of one session came to different results.
func (b *Batch) differ(of []int32) bool {
	var result uint8
	for _, i := range of {
		if got := b.links[i].result; got != 0 {
			if result != 0 && got != result {
				return true
			}
			result = got
		}
	}
	return false
}
