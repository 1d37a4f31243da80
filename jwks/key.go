package jwks

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/edwards25519"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Key is one usable Ed25519 public key.
type Key struct {
	KID    string // "" when the set gives none; such a key is never looked up
	Public [ed25519.PublicKeySize]byte
	Window Window
	JWK    []byte // the key as spelled in the set
	// Source says which set the key stood in, as [KeySet.From] was told; it is for
	// people and decides nothing.
	Source string
	// BoundElsewhere: the window is narrower than the key's own entry says, since
	// the same key stands under another kid with tighter bounds.
	BoundElsewhere bool

	jwk     canonical.Value // where it stands, for errors
	pointer string
}

// Window is the time in which a key may sign, in whole seconds since 1970 as
// RFC 7519 NumericDate has them. Zero members do not bound it.
type Window struct {
	NotBefore    int64  // nbf: from this second on
	Expires      int64  // exp: before this second
	RevokedAt    int64  // revoked.revoked_at
	RevokeReason string // revoked.reason, clipped, for people
	Revoked      bool
	// Harmless: the reason of the revocation is one of those that leave what was
	// signed before it valid. Every other reason, and none, does not.
	Harmless bool
}

// harmlessReasons are the reasons of a revocation (RFC 5280 §5.3.1) that say that
// nobody else had the key. The reason is matched whole, in this spelling: what is
// not known to be harmless may be a compromise in other words.
var harmlessReasons = map[string]bool{"superseded": true, "cessationOfOperation": true, "affiliationChanged": true}

// strictest returns the window inside both: what bounds a key under one kid
// bounds it under every other, for a record's kid is not signed.
func (w Window) strictest(other Window) Window {
	if w.NotBefore == 0 || other.NotBefore != 0 && other.NotBefore > w.NotBefore {
		w.NotBefore = other.NotBefore
	}
	if w.Expires == 0 || other.Expires != 0 && other.Expires < w.Expires {
		w.Expires = other.Expires
	}
	switch {
	case !other.Revoked:
	case !w.Revoked:
		w.Revoked, w.RevokedAt, w.RevokeReason, w.Harmless = true, other.RevokedAt, other.RevokeReason, other.Harmless
	default:
		w.RevokedAt = min(w.RevokedAt, other.RevokedAt)
		if w.Harmless && !other.Harmless {
			w.RevokeReason, w.Harmless = other.RevokeReason, false
		}
	}
	return w
}

// The errors of [Key.ValidAt].
var (
	ErrNotYetValid = errors.New("the key was not valid yet")
	ErrExpired     = errors.New("the key had expired")
	ErrRevoked     = errors.New("the key had been revoked")
	// ErrCompromised is for a time before a revocation whose reason does not rule a
	// compromise out: whoever has the key can write any time into a proof, so the
	// time does not help.
	ErrCompromised = errors.New("the key was later revoked, its reason does not rule out that it was compromised, and the signed time is the signer's own claim")
)

// ValidAt returns nil when the key was allowed to sign at the given time:
// nbf ≤ t < exp, and t before any revocation, which must be for a reason that is
// known to be harmless ([Window.Harmless]).
func (k Key) ValidAt(t time.Time) error {
	s := t.Unix()
	w := k.Window
	switch {
	case w.NotBefore != 0 && s < w.NotBefore:
		return ErrNotYetValid
	case w.Expires != 0 && s >= w.Expires:
		return ErrExpired
	case w.Revoked && s >= w.RevokedAt:
		return ErrRevoked
	case w.Revoked && !w.Harmless:
		return ErrCompromised
	}
	return nil
}

// String tells the bounds with their RFC 7517 and OpenID Federation names, times
// in RFC 3339; it is empty for an unbounded window.
func (w Window) String() string {
	var parts []string
	add := func(name string, seconds int64) {
		parts = append(parts, name+" "+time.Unix(seconds, 0).UTC().Format(time.RFC3339))
	}
	if w.NotBefore != 0 {
		add("nbf", w.NotBefore)
	}
	if w.Expires != 0 {
		add("exp", w.Expires)
	}
	if w.Revoked {
		add("revoked_at", w.RevokedAt)
		if w.RevokeReason != "" {
			parts[len(parts)-1] += " (" + w.RevokeReason + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// Bounded reports whether the key's validity depends on the time.
func (w Window) Bounded() bool { return w.NotBefore != 0 || w.Expires != 0 || w.Revoked }

// Verify reports whether sig is the key's Ed25519 signature over message (RFC
// 8032 §5.1.7), with exactly the accept set of crypto/ed25519: cofactorless,
// S below the group order.
func (k Key) Verify(message, sig []byte) bool {
	return len(sig) == ed25519.SignatureSize && ed25519.Verify(k.Public[:], message, sig)
}

// Thumbprint is an RFC 7638 JWK thumbprint with SHA-256.
type Thumbprint [sha256.Size]byte

// Thumbprint returns the hash of {"crv":"Ed25519","kty":"OKP","x":"…"}.
func (k Key) Thumbprint() Thumbprint {
	x := base64.RawURLEncoding.EncodeToString(k.Public[:])
	return sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
}

// String returns the thumbprint as 43 characters of base64url.
func (t Thumbprint) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// thumbprintURI is the prefix of RFC 9278.
const thumbprintURI = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"

// ParseThumbprint reads 43 characters of canonical base64url, alone or as an
// RFC 9278 URI.
func ParseThumbprint(s string) (Thumbprint, error) {
	b, err := DecodeBase64URL(strings.TrimPrefix(s, thumbprintURI), sha256.Size)
	if err != nil {
		return Thumbprint{}, fmt.Errorf("a SHA-256 thumbprint (RFC 7638) is 43 characters of base64url: %w", err)
	}
	return Thumbprint(b), nil
}

// DecodeBase64URL decodes exactly size bytes of canonical base64url (RFC 7515
// §2): no padding, no white space, unused bits zero. So every value has one
// spelling, and a signature can't be respelled without notice.
func DecodeBase64URL(s string, size int) ([]byte, error) {
	if i := strings.IndexFunc(s, notBase64URL); i >= 0 {
		switch c := s[i]; c {
		case '=':
			return nil, errors.New("padded; base64url of RFC 7515 has no padding")
		case '+', '/':
			return nil, fmt.Errorf("%q at character %d belongs to the standard alphabet, not to base64url", c, i+1)
		default:
			return nil, fmt.Errorf("character %d is not of the base64url alphabet", i+1)
		}
	}
	if want := base64.RawURLEncoding.EncodedLen(size); len(s) != want {
		return nil, fmt.Errorf("%d characters, want %d", len(s), want)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("the unused bits of the last character are not zero")
	}
	return b, nil
}

func notBase64URL(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// CheckPublicKey returns an error unless key is the canonical encoding of a
// point outside the small-order subgroup. crypto/ed25519 accepts the 14 weak
// encodings, under which signatures exist that fit any message (four of them)
// or most messages; non-canonical ones give one key two thumbprints.
func CheckPublicKey(key []byte) error {
	point, err := new(edwards25519.Point).SetBytes(key)
	if err != nil {
		return errors.New("not a point of edwards25519")
	}
	if !bytes.Equal(point.Bytes(), key) {
		return errors.New("a non-canonical encoding of its point (RFC 8032 §5.1.3)")
	}
	if new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("a point of small order: one signature would fit any message")
	}
	return nil
}

// refuse builds the refusal of one key.
func refuse(code canonical.Code, pointer, format string, args ...any) *RefusedKeyError {
	return &RefusedKeyError{Code: code, Pointer: pointer, Reason: fmt.Sprintf(format, args...)}
}
