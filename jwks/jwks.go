// Package jwks reads the public keys of proof services: a JWK Set (RFC 7517)
// of Ed25519 keys (RFC 8037). It decides which keys may verify a signature and
// says of every other key why not.
//
// A set looks so:
//
//	{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"default","use":"sig",
//	          "alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
//
// The rules, each stricter than common JOSE libraries:
//
//   - kty is OKP and crv is Ed25519. Keys of any other type are skipped with a
//     warning and never make the set unreadable (RFC 7517 §5).
//   - x is exactly 32 bytes in canonical base64url: 43 characters, no padding,
//     no white space, no other alphabet, unused bits zero (RFC 7515 §2).
//   - x is the canonical encoding of a point that is not of small order. A
//     small-order key has one signature that fits any message, so its owner
//     could disown or claim anything.
//   - alg is absent, EdDSA (RFC 8037) or Ed25519 (RFC 9864); use is absent or
//     sig; key_ops is absent or holds verify.
//   - A private member (d, or k of a symmetric key) makes the whole set an
//     error: a published private key proves nothing, and must be seen.
//   - Two different keys under one kid make the whole set an error. The same
//     key twice is one key, with a warning.
//   - nbf, exp and revoked{revoked_at, reason}, the members of OpenID
//     Federation's historical keys, bound the time in which a key may sign
//     ([Key.ValidAt]). A revocation leaves what was signed before it valid only for
//     the reasons superseded, cessationOfOperation and affiliationChanged (RFC 5280
//     §5.3.1); every other reason, and none, may be a compromise.
//   - What bounds or forbids a key holds for the key, under whatever kid it stands
//     in the set: the strictest window counts everywhere, and a key that is refused
//     under one kid is refused under all. A record's kid is not signed.
//   - An optional member that is null is absent; so is an empty private member, use
//     or alg, and, with a warning, an empty key_ops.
//
// A key is found by exactly its kid ([KeySet.Lookup]). There is no fallback to
// the only key of a set: whoever forges a record would choose its kid freely.
package jwks

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// The bounds of [Parse]: a genuine set has a handful of keys.
const (
	MaxBytes = 1 << 20 // one mebibyte
	MaxKeys  = 4096
)

// The codes of the [canonical.Error] that [Parse] returns beside those of the
// JSON reader: each concerns the whole set.
const (
	CodeNotJWKS canonical.Code = "jwks_not_a_set"
	// CodeNoKeys is not an error of Parse: an empty set trusts nobody.
	CodeNoKeys       canonical.Code = "jwks_no_keys"
	CodeTooManyKeys  canonical.Code = "jwks_too_many_keys"
	CodePrivateKey   canonical.Code = "jwks_private_key"
	CodeAmbiguousKID canonical.Code = "jwks_ambiguous_kid"
	CodeKeyNotObject canonical.Code = "jwks_key_not_an_object"
)

// KeySet is a read JWK Set: the usable keys and the others with their reasons.
// The zero KeySet is empty and usable.
type KeySet struct {
	keys     []Key
	refused  []RefusedKeyError
	warnings []string
	byKID    map[string]int // where in keys a kid stands
	badKID   map[string]int // where in refused
}

// ErrUnknownKID is the error of [KeySet.Lookup] when no key has the kid.
var ErrUnknownKID = errors.New("no key of the set has this kid")

// Parse reads a JWK Set, or a single JWK in place of one. An error means that
// the set as a whole can't be trusted to mean one thing; a key that alone is
// unusable is set aside and listed by [KeySet.Refused].
func Parse(data []byte) (*KeySet, error) {
	doc, err := canonical.Parse(data, canonical.Options{MaxBytes: MaxBytes, AllowBOM: true})
	if err != nil {
		return nil, err
	}
	root := doc.Root()
	set := &KeySet{}
	if root.Kind() != canonical.Object {
		return nil, root.Errorf(CodeNotJWKS, "", "a JWK Set is an object, and this is %s", root.Kind())
	}
	list := root.Get("keys")
	switch {
	case !member(root, "keys").Exists() && root.Get("kty").Exists():
		set.warnings = append(set.warnings, "a single JWK was given in place of a JWK Set")
		if err := set.add(root, ""); err != nil {
			return nil, err
		}
		return set, set.settle()
	case isEmptyList(list):
		// What a set lacks is no fault of whoever is judged with it.
		set.warnings = append(set.warnings, "the set has no keys")
		return set, nil
	case list.Kind() != canonical.Array:
		return nil, root.Errorf(CodeNotJWKS, "/keys", "a JWK Set has an array of keys, and this has %s", list.Kind())
	case list.Len() > MaxKeys:
		return nil, list.Errorf(CodeTooManyKeys, "/keys", "%d keys; the limit is %d", list.Len(), MaxKeys)
	}
	for i, v := range list.Elements() {
		if err := set.add(v, fmt.Sprintf("/keys/%d", i)); err != nil {
			return nil, err
		}
	}
	if err := set.settle(); err != nil {
		return nil, err
	}
	return set, nil
}

// Merge joins sets as if their keys stood in one. The same key in several sets
// is one key; different keys under one kid are an error.
func Merge(sets ...*KeySet) (*KeySet, error) {
	merged := &KeySet{}
	for _, s := range sets {
		merged.keys = append(merged.keys, s.keys...)
		merged.refused = append(merged.refused, s.refused...)
		merged.warnings = append(merged.warnings, s.warnings...)
	}
	if err := merged.settle(); err != nil {
		return nil, err
	}
	return merged, nil
}

// settle holds the set to one Ed25519 key a kid. A refused one beside a usable
// one counts too: which of two keys was meant must not depend on which of them
// this version of the tool can use. Keys of other types don't count (RFC 7517
// §4.5 lets them share a kid).
func (s *KeySet) settle() error {
	byKID := map[string]Key{}
	var kept []Key
	for _, k := range s.keys {
		first, seen := byKID[k.KID]
		switch {
		case k.KID == "" || !seen:
			byKID[k.KID] = k
			kept = append(kept, k)
		case first.Public == k.Public && first.Window == k.Window:
			s.warnings = append(s.warnings, fmt.Sprintf("%s: the key with kid %q stands there twice", k.pointer, clip(k.KID)))
		case first.Public == k.Public:
			// Which of the two is newer can't be told.
			return k.jwk.Errorf(CodeAmbiguousKID, k.pointer, "the key with kid %q stands there twice, with different nbf, exp or revoked: give the set that holds now, alone", clip(k.KID))
		default:
			return ambiguous(k.jwk, k.pointer+"/kid", k.KID)
		}
	}
	s.keys = kept
	for _, r := range s.refused {
		k, seen := byKID[r.KID]
		if same := string(r.public) == string(k.Public[:]); seen && !same && r.KID != "" && r.Code != CodeKeyType {
			return ambiguous(r.jwk, r.Pointer, r.KID)
		}
	}
	s.bind()
	s.index()
	return nil
}

// bind holds every key to what the set says of it under any kid.
func (s *KeySet) bind() {
	windows, refusals := map[[ed25519.PublicKeySize]byte]Window{}, map[string]*RefusedKeyError{}
	for i := range s.refused {
		if r := &s.refused[i]; r.public != nil && r.Code != CodeKeyTwin {
			refusals[string(r.public)] = r
		}
	}
	for _, k := range s.keys {
		w, seen := windows[k.Public]
		if !seen {
			w = k.Window
		}
		windows[k.Public] = w.strictest(k.Window)
	}
	kept := s.keys[:0:0]
	for _, k := range s.keys {
		if r := refusals[string(k.Public[:])]; r != nil {
			twin := refuse(CodeKeyTwin, k.pointer, "the same key stands at %s, and may not verify there: %s", pointerOrRoot(r.Pointer), r.Reason)
			twin.KID, twin.jwk, twin.public = k.KID, k.jwk, k.Public[:]
			s.refused = append(s.refused, *twin)
			continue
		}
		if k.Window != windows[k.Public] {
			k.Window, k.BoundElsewhere = windows[k.Public], true
		}
		kept = append(kept, k)
	}
	s.keys = kept
}

// index makes Lookup independent of the number of keys.
func (s *KeySet) index() {
	s.byKID, s.badKID = make(map[string]int, len(s.keys)), map[string]int{}
	for i, k := range s.keys {
		if _, seen := s.byKID[k.KID]; !seen {
			s.byKID[k.KID] = i
		}
	}
	for i, r := range s.refused {
		if _, seen := s.badKID[r.KID]; !seen {
			s.badKID[r.KID] = i
		}
	}
}

// SetAside refuses a usable key under every kid, as when another reader takes it
// for another key. The rest of the set stays usable.
func (s *KeySet) SetAside(public [ed25519.PublicKeySize]byte, reason string) {
	kept := s.keys[:0:0]
	for _, k := range s.keys {
		if k.Public != public {
			kept = append(kept, k)
			continue
		}
		r := refuse(CodeKeyDisputed, k.pointer, "%s", reason)
		r.KID, r.jwk, r.public = k.KID, k.jwk, k.Public[:]
		s.refused = append(s.refused, *r)
	}
	s.keys = kept
	s.index()
}

// From notes where the set came from, which its keys then tell as [Key.Source].
// It returns the set.
func (s *KeySet) From(source string) *KeySet {
	for i := range s.keys {
		s.keys[i].Source = source
	}
	return s
}

func ambiguous(jwk canonical.Value, pointer, kid string) error {
	return jwk.Errorf(CodeAmbiguousKID, pointer, "two different keys have the kid %q", clip(kid))
}

// Lookup returns the usable key of exactly this kid, compared byte for byte.
// Its error is [ErrUnknownKID], or a [*RefusedKeyError] when the set has the
// kid under a key that may not verify.
func (s *KeySet) Lookup(kid string) (Key, error) {
	// An empty kid names nothing; a key without kid can't be chosen by one.
	if s == nil || kid == "" {
		return Key{}, ErrUnknownKID
	}
	if i, ok := s.byKID[kid]; ok {
		return s.keys[i], nil
	}
	if i, ok := s.badKID[kid]; ok {
		r := s.refused[i]
		return Key{}, &r
	}
	return Key{}, ErrUnknownKID
}

// All yields the usable keys in the order of the set.
func (s *KeySet) All() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		if s == nil {
			return
		}
		for _, k := range s.keys {
			if !yield(k) {
				return
			}
		}
	}
}

// Len returns the number of usable keys.
func (s *KeySet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Refused returns the keys that may not verify, each with its reason.
func (s *KeySet) Refused() []RefusedKeyError {
	if s == nil {
		return nil
	}
	return slices.Clone(s.refused)
}

// Warnings returns what is odd about the set and does no harm.
func (s *KeySet) Warnings() []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.warnings)
}
