package verify

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Link is what a [Batch] remembers of a bundle: enough to find its neighbours, and no
// more, so that a run of any length needs some 130 bytes a bundle. The zero Link is that
// of an input that is no bundle.
type Link struct {
	this, prev [32]byte
	session    [16]byte // see sessionKey
	spelled    *string  // nil where it is the UUID's usual spelling
	at         int64    // microseconds since 1970; 0 where it is not known
	by         *Verifier
	result     uint8 // see results
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

// Link looks at a bundle's own record, apart from every other check.
func (v *Verifier) Link(b *bundle.Bundle) Link {
	if b == nil {
		return Link{}
	}
	r := &run{Verifier: v, bundle: b, formulas: matchFormulas(b, v.policy.profiles())}
	l := newLink(b.Entry.ThisHash, b.Entry.PrevHash, b.Proof.SessionID)
	l.by = v
	if at, ok := b.Proof.Time(); ok {
		l.at = at.UnixMicro()
	}
	genuine, err := r.guardedGenuine()
	if genuine && err == nil {
		l.flags |= genuineLink
	}
	switch {
	case r.formulas.artifact != canonical.Unspecified:
		l.flags |= artifactFits
	case b.Artifact.Exists():
		l.flags |= artifactOther
	}
	if b.HasArtifact {
		l.flags |= artifactOwn
	}
	return l
}

func newLink(this, prev, session string) Link {
	var l Link
	isUUID := false
	if l.session, isUUID = sessionKey([]byte(session)); !isUUID || bundle.FormatUUID(l.session) != session {
		spelled := strings.Clone(bounded(session))
		l.spelled = &spelled
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
	return l
}

// Session returns the session that the proof names, as it is spelled.
func (l Link) Session() string {
	if l.spelled == nil {
		return bundle.FormatUUID(l.session)
	}
	return *l.spelled
}

// Genuine reports whether the record's own hash and signature hold.
func (l Link) Genuine() bool { return l.flags&genuineLink != 0 }

// Lost reports whether an artifact that came apart from the bundle is not the one that
// the proof was made of, as after a second finalize of the session.
func (l Link) Lost() bool { return l.Genuine() && l.flags&(artifactOther|artifactOwn) == artifactOther }

// Fits reports whether the record is genuine and its artifact the one that was signed for.
func (l Link) Fits() bool { return l.Genuine() && l.flags&artifactFits != 0 }

// Later reports whether the proof was signed after another, by the signer's clock.
func (l Link) Later(than Link) bool {
	return l.at != 0 && than.at != 0 && l.at > than.at
}

// first reports whether the record says that it is the first of its ledger.
func (l *Link) first() bool { return l.flags&firstLink != 0 }

// Batch is what the bundles of a run are to each other. Each is looked at by
// [Verifier.Link] first, in any order and at once, and judged by [Batch.Judge] when all
// are known; so none need be held meanwhile.
type Batch struct {
	links []Link
	// Genuine records, each once for each verifier, by what they are looked up by.
	byThis, byPrev, bySession []int32
}

// NewBatch returns the batch of some bundles. It keeps the links.
func NewBatch(links []Link) *Batch {
	b := &Batch{links: links}
	var genuine []int32
	for i := range links {
		if links[i].Genuine() {
			genuine = append(genuine, int32(i))
		}
	}
	b.bySession = b.sorted(genuine, bySession)
	for _, same := range b.groups(b.sorted(genuine, byThis), byThis) {
		seen := map[*Verifier]bool{}
		for _, i := range same {
			if by := links[i].by; !seen[by] {
				seen[by] = true
				b.byThis = append(b.byThis, i)
			}
		}
	}
	b.byPrev = b.sorted(b.byThis, byPrev)
	return b
}

func byThis(a, b *Link) int    { return bytes.Compare(a.this[:], b.this[:]) }
func byPrev(a, b *Link) int    { return bytes.Compare(a.prev[:], b.prev[:]) }
func bySession(a, b *Link) int { return bytes.Compare(a.session[:], b.session[:]) }

// sorted returns some links in an order, equal ones as they stand.
func (b *Batch) sorted(of []int32, compare func(a, c *Link) int) []int32 {
	list := slices.Clone(of)
	slices.SortFunc(list, func(x, y int32) int { return cmp.Or(compare(&b.links[x], &b.links[y]), cmp.Compare(x, y)) })
	return list
}

// groups returns the runs of equal links of an order.
func (b *Batch) groups(order []int32, compare func(a, c *Link) int) iter.Seq2[int, []int32] {
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
func (b *Batch) equal(order []int32, compare func(a, c *Link) int, to Link) []int32 {
	from := sort.Search(len(order), func(i int) bool { return compare(&b.links[order[i]], &to) >= 0 })
	n := sort.Search(len(order)-from, func(i int) bool { return compare(&b.links[order[from+i]], &to) > 0 })
	return order[from : from+n]
}

// OfSession returns the numbers of the genuine bundles of a link's session, in their
// order.
func (b *Batch) OfSession(l Link) []int32 { return b.equal(b.bySession, bySession, l) }

// Link returns what is remembered of bundle i.
func (b *Batch) Link(i int) Link { return b.links[i] }

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

// predecessor returns the genuine record before the run's own, judged with the same
// keys; nil where it is not in the batch.
func (r *run) predecessor() *Link {
	if r.batch == nil {
		return nil
	}
	own := &r.batch.links[r.number]
	if own.prev == [32]byte{} {
		return nil // the first of its ledger
	}
	for _, i := range r.batch.equal(r.batch.byThis, byThis, Link{this: own.prev}) {
		if p := &r.batch.links[i]; p.by == own.by {
			return p
		}
	}
	return nil
}

// rivals returns other genuine records that name the run's predecessor.
func (r *run) rivals() (list []*Link) {
	if r.batch == nil {
		return nil
	}
	own := &r.batch.links[r.number]
	if !own.Genuine() || own.first() { // GENESIS is no record, and shared by all ledgers
		return nil
	}
	for _, i := range r.batch.equal(r.batch.byPrev, byPrev, *own) {
		if l := &r.batch.links[i]; l.by == own.by && l.this != own.this {
			if list = append(list, l); len(list) == maxRivals {
				break
			}
		}
	}
	return list
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
		if len(b.equal(records, byThis, Link{this: l.prev})) == 0 {
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
			c.Sessions = append(c.Sessions, Rivals{Of: b.links[same[0]].Session(), Reports: numbers(same), Contradict: b.differ(same)})
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
