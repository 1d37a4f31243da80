package mint

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/jwks"
)

// Signer is an Ed25519 signing key with the kid that its records name.
type Signer struct {
	KID     string
	private ed25519.PrivateKey
}

// GenerateSigner makes a new key.
func GenerateSigner(kid string) (*Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return &Signer{kid, private}, err
}

// NewSigner returns the signer of a 32-byte seed (RFC 8032, 5.1.5).
func NewSigner(kid string, seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the private key has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	return &Signer{kid, ed25519.NewKeyFromSeed(seed)}, nil
}

// ParseSigner reads a private JWK (RFC 8037, 2). It refuses one whose public
// part x does not belong to its private part d.
func ParseSigner(data []byte) (*Signer, error) {
	doc, err := canonical.Parse(data, canonical.Options{MaxBytes: 1 << 16, AllowBOM: true})
	if err != nil {
		return nil, err
	}
	member := func(name string) string {
		text, _ := doc.Root().Get(name).Text()
		return text
	}
	if member("kty") != "OKP" || member("crv") != "Ed25519" {
		return nil, errors.New(`not an Ed25519 JWK: want "kty":"OKP" and "crv":"Ed25519"`)
	}
	if member("kid") == "" {
		return nil, errors.New(`the JWK has no "kid"`)
	}
	seed, err := jwks.DecodeBase64URL(member("d"), ed25519.SeedSize)
	if err != nil {
		return nil, errors.New(`the JWK's "d" is not a private key: want 43 characters of base64url`)
	}
	s, err := NewSigner(member("kid"), seed)
	if err != nil {
		return nil, err
	}
	if member("x") != s.X() {
		return nil, errors.New("the JWK's public key x does not belong to its private key d")
	}
	return s, nil
}

// ReadSigner reads a private JWK from a file.
func ReadSigner(name string) (*Signer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20)) // a key has some 200 bytes
	if err != nil {
		return nil, err
	}
	s, err := ParseSigner(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, kind.Explain(err, data, kind.SigningKey))
	}
	return s, nil
}

// WriteFile writes the private JWK to a new file that its owner alone can read.
// It never overwrites one: a signing key that was lost can't be had back. The
// name appears with the whole key behind it or not at all, so a crash leaves no
// half of a key to start with.
func (s *Signer) WriteFile(name string) error {
	private := append(s.JWK(), pyjson.Member{Name: "d", Value: base64.RawURLEncoding.EncodeToString(s.private.Seed())})
	err := files.Write(name, append(pyjson.Indent(private), '\n'), files.Options{Fresh: true, Private: true, Durable: true})
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; a key is never overwritten (%w)", name, fs.ErrExist)
	}
	return err
}

// Public returns the public key in the shape that verifiers use.
func (s *Signer) Public() jwks.Key {
	return jwks.Key{KID: s.KID, Public: [32]byte(s.private.Public().(ed25519.PublicKey))}
}

// X returns the public key as base64url, the "x" of its JWK.
func (s *Signer) X() string { return X(s.Public()) }

// X returns a public key as unpadded base64url.
func X(key jwks.Key) string { return base64.RawURLEncoding.EncodeToString(key.Public[:]) }

// JWK returns the public JWK.
func (s *Signer) JWK() pyjson.Object { return PublicJWK(s.Public()) }

// PublicJWK returns a public key as the original's JWKS lists it, and the bounds
// of its time where it has some: without them it would verify more than its
// owner meant.
func PublicJWK(key jwks.Key) pyjson.Object {
	jwk := pyjson.Object{
		{Name: "kty", Value: "OKP"}, {Name: "crv", Value: "Ed25519"}, {Name: "kid", Value: key.KID},
		{Name: "use", Value: "sig"}, {Name: "alg", Value: "EdDSA"}, {Name: "x", Value: X(key)},
	}
	w := key.Window
	if w.NotBefore != 0 {
		jwk = append(jwk, pyjson.Member{Name: "nbf", Value: w.NotBefore})
	}
	if w.Expires != 0 {
		jwk = append(jwk, pyjson.Member{Name: "exp", Value: w.Expires})
	}
	if w.Revoked {
		jwk = append(jwk, pyjson.Member{Name: "revoked", Value: pyjson.Object{
			{Name: "revoked_at", Value: w.RevokedAt}, {Name: "reason", Value: w.RevokeReason},
		}})
	}
	return jwk
}

// Private returns the private key, for signing what is no record.
func (s *Signer) Private() ed25519.PrivateKey { return s.private }

func (s *Signer) sign(thisHash bundle.Digest) string {
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, bundle.SigningInput(thisHash)))
}

// DecodeKey reads 32 bytes of base64 as the original's environment has them: in the
// alphabet of URLs or the standard one, with or without padding, and with blanks
// where Python passes over them. It passes over anything else too; here that is an
// error, since it may be a key that was mistyped.
func DecodeKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	want := (4 - len(text)%4) % 4 // the original fills up before it decodes, blanks counted
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	digits := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }), "")
	digits, padding := strings.TrimRight(digits, "="), len(digits)-len(strings.TrimRight(digits, "="))
	data, err := base64.RawStdEncoding.DecodeString(digits)
	switch {
	case err != nil:
		return nil, errors.New("it has characters that are not of base64")
	case len(data) != 32:
		return nil, fmt.Errorf("it has %d bytes", len(data))
	case padding+want < 1: // 43 characters want one
		return nil, errors.New("with its blanks it lacks a = at its end")
	}
	return data, nil
}
