package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/qodverify/qodverify/bundle"
)

// Trust is what an audit trusted: the keys that its records named, each with the
// window in which it could sign, and the pins. By it the next audit knows whether
// what was verified then still counts.
type Trust struct {
	Keys []KeyTrust
	Pins []string // RFC 7638 thumbprints, sorted
}

// KeyTrust is what was known of one kid.
type KeyTrust struct {
	KID        string
	Thumbprint string // RFC 7638; "" when the set had no usable key of this kid
	Window     string // as [jwks.Window.String] tells it; "" when unbounded
}

// keyTrust looks a kid up.
func (p Policy) keyTrust(kid string) KeyTrust {
	k := KeyTrust{KID: kid}
	if key, err := p.Keys.Lookup(kid); err == nil {
		k.Thumbprint, k.Window = key.Thumbprint().String(), key.Window.String()
	}
	return k
}

func (p Policy) pinned() []string {
	pins := map[string]bool{}
	for _, pin := range p.Pins {
		pins[pin.String()] = true
	}
	return slices.Sorted(maps.Keys(pins))
}

// trustIn returns what the policy says of the keys that records named. With more of
// them than an audit tells apart there is no telling, and the zero Trust covers
// nothing.
func (p Policy) trustIn(kids []string) Trust {
	if len(kids) == 0 || len(kids) >= maxKIDs {
		return Trust{}
	}
	t := Trust{Pins: p.pinned()}
	for _, kid := range kids {
		t.Keys = append(t.Keys, p.keyTrust(kid))
	}
	slices.SortFunc(t.Keys, func(a, b KeyTrust) int { return cmp.Compare(a.KID, b.KID) })
	return t
}

// covers reports whether a policy trusts the same keys in the same way. The zero
// Trust, of an audit that did not tell, covers nothing.
func (t Trust) covers(p Policy) bool {
	if len(t.Keys) == 0 || !slices.Equal(t.Pins, p.pinned()) {
		return false
	}
	return !slices.ContainsFunc(t.Keys, func(k KeyTrust) bool { return k != p.keyTrust(k.KID) })
}

// merge adds the keys of an earlier audit whose records were not read again.
func (t Trust) merge(earlier Trust) Trust {
	if len(t.Keys) == 0 || len(earlier.Keys) == 0 {
		return Trust{}
	}
	for _, k := range earlier.Keys {
		if !slices.ContainsFunc(t.Keys, func(have KeyTrust) bool { return have.KID == k.KID }) {
			t.Keys = append(t.Keys, k)
		}
	}
	slices.SortFunc(t.Keys, func(a, b KeyTrust) int { return cmp.Compare(a.KID, b.KID) })
	return t
}

// seals is a digest over the kids and signatures of records in the order of the input.
// Neither is covered by this_hash. An audit that leaves old signatures out must know
// that they are those that were verified, and said to be of the same keys.
type seals [sha256.Size]byte

func (s *seals) add(r *record) {
	var buffer [256]byte
	b := append(buffer[:0], s[:]...)
	b = append(b, r.signature[:]...)
	if r.decoded {
		b = append(b, 1)
	}
	*s = sha256.Sum256(append(append(b, 0), r.kidText...))
}

// startSeals goes on from the audit before where its records are not read again. In the
// head mode no signature is verified, so none is worth knowing again.
func (l *ledger) startSeals() {
	l.sealing = l.options.Signatures != SignaturesHead && !l.options.Once
	if s := l.options.Since; s != nil && (l.report.continues || l.options.StartsAtHead) {
		d, err := bundle.ParseDigest(s.Seals)
		l.seals, l.sealing = seals(d), l.sealing && err == nil
	}
}

// sealed returns the digest so far; "" when it is not known.
func (l *ledger) sealed() string {
	if !l.sealing {
		return ""
	}
	return hex.EncodeToString(l.seals[:])
}

// vouched settles, once the rows are in order, whether those whose signatures were left
// out are those of the audit before. at is the row of its head. If they are not, nobody
// has verified them, and they show nothing.
func (l *ledger) vouched(at int64, complete bool) {
	s := l.options.Since
	if l.past == 0 || s == nil {
		return
	}
	inOrder := at != noParent && at == s.Count-1 && l.links.end(0) > at && (l.links.segments[0].parent < noParent || s.Part) && !l.unreadBefore(at)
	f := Finding{Status: NotRun, Hint: "audit the whole ledger anew (--whole)"}
	switch {
	case !inOrder:
		f.Code = PastNotInOrder
		f.Message = "the records that were audited before do not come first and in order, so some signatures were verified neither then nor now"
	case l.sealsAt != s.Seals && !l.keyUnjudged():
		f.Code = PastSealsChanged
		f.Message = "signatures or kids of the records that were audited before are others in this input, and were not verified"
	default:
		return
	}
	l.links.index.doubted = l.past
	first := l.links.index.row(0)
	if f.Place = l.links.index.placeOf(&first); complete {
		l.found(f)
	}
}

// shown reports whether the record at a row is the signer's own, by hash and signature.
// One whose signature was left out is verified now, if it was kept.
func (l *ledger) shown(at int64) bool {
	if r := l.links.index.row(at); r.flags&genuineRow != 0 {
		return true
	}
	var kept []byte
	switch at {
	case l.options.Since.Count - 1 - l.links.offset:
		kept = l.at
	case l.links.index.count - 1:
		kept = l.report.headRaw
	}
	b, err := bundle.Parse(kept)
	return err == nil && l.Bundle(b).Proven()
}
