package jwks

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// RefusedKeyError says why a key of the set may not verify signatures.
type RefusedKeyError struct {
	KID     string
	Code    canonical.Code
	Pointer string // of the member at fault
	Reason  string

	jwk    canonical.Value // where it stands, for errors
	public []byte          // the key that x spells, nil when it spells none
}

// Error returns the reason with the place.
func (e *RefusedKeyError) Error() string {
	return fmt.Sprintf("the key with kid %q (%s) may not verify: %s", e.KID, e.Pointer, e.Reason)
}

// The codes of a refused key.
const (
	CodeKeyType     canonical.Code = "key_type"      // not an Ed25519 key; skipped, as RFC 7517 §5 asks
	CodeKeyKID      canonical.Code = "key_kid"       // kid is not a string
	CodeKeyUse      canonical.Code = "key_use"       // use, key_ops or alg forbid verifying
	CodeKeyEncoding canonical.Code = "key_encoding"  // x is not 32 bytes of canonical base64url
	CodeKeyWeak     canonical.Code = "key_weak"      // x is no point, not canonical, or of small order
	CodeKeyWindow   canonical.Code = "key_window"    // nbf, exp or revoked can't be read
	CodeKeyTwin     canonical.Code = "key_twin"      // the same key stands elsewhere in the set, and is refused there
	CodeKeyDisputed canonical.Code = "key_disputed"  // another reader takes the key for something else ([KeySet.SetAside])
	maxNumericDate                 = 253402300799    // the end of year 9999
	minNumericDate                 = -maxNumericDate // dates before 1970 make sense for no proof, but are readable
)

// privateMembers are the members besides d that hold a secret, by key type (RFC
// 7518 §6.3.2 and §6.4; AKP is the key type of ML-DSA). Of an unknown type only
// d is taken for one: another name may well be public there.
var privateMembers = map[string][]string{
	"RSA": {"p", "q", "dp", "dq", "qi", "oth"},
	"oct": {"k"},
	"AKP": {"priv"},
}

// member returns an optional member. Null is a member that is absent: .NET writes
// every one that a key lacks so.
func member(v canonical.Value, name string) canonical.Value {
	if m := v.Get(name); m.Kind() != canonical.Null {
		return m
	}
	return canonical.Value{}
}

// isEmpty reports whether a member is the empty text, as which some libraries
// write an absent one.
func isEmpty(v canonical.Value) bool {
	s, ok := v.Text()
	return ok && s == ""
}

// isEmptyList reports whether a member is the empty list, as which .NET writes an
// absent one.
func isEmptyList(v canonical.Value) bool { return v.Kind() == canonical.Array && v.Len() == 0 }

// add guards one key. Its error concerns the whole set.
func (s *KeySet) add(v canonical.Value, pointer string) error {
	if v.Kind() != canonical.Object {
		return v.Errorf(CodeKeyNotObject, pointer, "a JWK is an object, and this is %s", v.Kind())
	}
	kty, _ := v.Get("kty").Text()
	for _, name := range append([]string{"d"}, privateMembers[kty]...) {
		// Whatever key this is, its owner has published it. Nothing that was
		// signed with it, or beside it, can be relied upon unseen.
		if m := member(v, name); m.Exists() && !isEmpty(m) && !isEmptyList(m) {
			return m.Errorf(CodePrivateKey, pointer+"/"+name, "the set publishes a private key (member %q)", name)
		}
	}
	key, refused := guard(v, pointer)
	if refused != nil {
		refused.KID, _ = v.Get("kid").Text()
		refused.jwk = v
		refused.public = publicOf(v)
		s.refused = append(s.refused, *refused)
		return nil
	}
	if key.KID == "" {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: the key has no kid, so no record can name it", pointerOrRoot(pointer)))
	}
	if member(v, "x5c").Exists() || member(v, "x5u").Exists() {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: certificates (x5c, x5u) are ignored", pointerOrRoot(pointer)))
	}
	if isEmptyList(v.Get("key_ops")) {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: key_ops is empty and is taken as absent", pointerOrRoot(pointer)))
	}
	s.keys = append(s.keys, key)
	return nil
}

// publicOf returns the bytes of a refused key, so that what was said of it, a
// revocation above all, holds for the same key under another kid. It reads the
// spellings that a usable key may not have, since a revocation in one of them is
// still meant; it is nil for what is no Ed25519 key in any spelling.
func publicOf(v canonical.Value) []byte {
	kty, _ := v.Get("kty").Text()
	crv, _ := v.Get("crv").Text()
	text, _ := v.Get("x").Text()
	if v.Get("kty").Exists() && !strings.EqualFold(kty, "OKP") || v.Get("crv").Exists() && !strings.EqualFold(crv, "Ed25519") || len(text) > maxLooseX {
		return nil
	}
	text = strings.NewReplacer("+", "-", "/", "_", "=", "", " ", "", "\t", "", "\r", "", "\n", "").Replace(text)
	x, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil
	}
	return x
}

// maxLooseX bounds how long a text is searched for a key.
const maxLooseX = 128

func pointerOrRoot(pointer string) string {
	if pointer == "" {
		return "the key"
	}
	return pointer
}

func guard(v canonical.Value, pointer string) (Key, *RefusedKeyError) {
	kty, _ := v.Get("kty").Text()
	crv, _ := v.Get("crv").Text()
	if !v.Get("kty").Exists() {
		return Key{}, refuse(CodeKeyType, pointer, "it has no kty, which every JWK has, so it is no key in the form of RFC 7517 (skipped)")
	}
	if kty != "OKP" || crv != "Ed25519" {
		return Key{}, refuse(CodeKeyType, pointer, "kty %q with crv %q is not an Ed25519 signature key (skipped)", clip(kty), clip(crv))
	}
	k := Key{JWK: v.Raw(), jwk: v, pointer: pointer}
	if kid := member(v, "kid"); kid.Exists() {
		var ok bool
		if k.KID, ok = kid.Text(); !ok {
			return Key{}, refuse(CodeKeyKID, pointer+"/kid", "kid is %s, not a string", kid.Kind())
		}
	}
	if r := mayVerify(v, pointer); r != nil {
		return Key{}, r
	}
	text, ok := v.Get("x").Text()
	if !ok {
		return Key{}, refuse(CodeKeyEncoding, pointer+"/x", "x is %s, not a string", v.Get("x").Kind())
	}
	x, err := DecodeBase64URL(text, ed25519.PublicKeySize)
	if err != nil {
		return Key{}, refuse(CodeKeyEncoding, pointer+"/x", "x is not 32 bytes of canonical base64url: %v", err)
	}
	if err := CheckPublicKey(x); err != nil {
		return Key{}, refuse(CodeKeyWeak, pointer+"/x", "x is %v", err)
	}
	k.Public = [ed25519.PublicKeySize]byte(x)
	var r *RefusedKeyError
	k.Window, r = window(v, pointer)
	return k, r
}

// mayVerify holds use, key_ops and alg (RFC 7517 §4.2 to §4.4) to verifying.
func mayVerify(v canonical.Value, pointer string) *RefusedKeyError {
	if alg := member(v, "alg"); alg.Exists() && !isEmpty(alg) {
		if s, _ := alg.Text(); s != "EdDSA" && s != "Ed25519" {
			return refuse(CodeKeyUse, pointer+"/alg", "alg is %s, not EdDSA or Ed25519", told(alg))
		}
	}
	if use := member(v, "use"); use.Exists() && !isEmpty(use) {
		if s, _ := use.Text(); s != "sig" {
			return refuse(CodeKeyUse, pointer+"/use", "use is %s, not sig", told(use))
		}
	}
	ops := member(v, "key_ops")
	if !ops.Exists() || isEmptyList(ops) {
		return nil
	}
	for _, op := range ops.Elements() {
		if s, _ := op.Text(); s == "verify" {
			return nil
		}
	}
	return refuse(CodeKeyUse, pointer+"/key_ops", "key_ops does not hold verify")
}

// told repeats a member for a message: a text quoted, of others the kind.
func told(v canonical.Value) string {
	if s, ok := v.Text(); ok {
		return strconv.Quote(clip(s))
	}
	return v.Kind().String()
}

// window reads nbf, exp and revoked. A key whose window can't be read is
// refused: ignoring it would turn a bound into no bound.
func window(v canonical.Value, pointer string) (Window, *RefusedKeyError) {
	var w Window
	for _, m := range []struct {
		name string
		to   *int64
	}{{"nbf", &w.NotBefore}, {"exp", &w.Expires}} {
		if d := member(v, m.name); d.Exists() {
			var ok bool
			if *m.to, ok = numericDate(d); !ok {
				return w, refuse(CodeKeyWindow, pointer+"/"+m.name, "%s is not a NumericDate (RFC 7519 §2)", m.name)
			}
		}
	}
	revoked := member(v, "revoked")
	if !revoked.Exists() {
		return w, nil
	}
	at, ok := numericDate(revoked.Get("revoked_at"))
	if !ok {
		return w, refuse(CodeKeyWindow, pointer+"/revoked", "the key is revoked, and revoked.revoked_at is not a NumericDate")
	}
	w.Revoked, w.RevokedAt = true, at
	// The reason is matched before it is clipped. One that is no text is none.
	reason, _ := revoked.Get("reason").Text()
	w.Harmless, w.RevokeReason = harmlessReasons[reason], clip(reason)
	return w, nil
}

// numericDate reads seconds since 1970; zero is moved to one, since zero means
// unbounded in [Window].
func numericDate(v canonical.Value) (int64, bool) {
	f, ok := v.Float()
	if !ok || f > maxNumericDate || f < minNumericDate {
		return 0, false
	}
	if s := int64(f); s != 0 {
		return s, true
	}
	return 1, true
}

// clip bounds how much of a hostile value a message repeats.
func clip(s string) string { return canonical.Clip(s, 64) }
