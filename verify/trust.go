package verify

import (
	"cmp"
	"maps"
	"slices"
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
