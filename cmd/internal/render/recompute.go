package render

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Recompute holds what a person needs to check a bundle without this program:
// exact bytes, and the values that they must give.
type Recompute struct {
	Artifact     []byte // its canonical form; nil when there is none
	ArtifactHash string // as the proof has it
	Record       []byte // prev_hash | canonical proof
	ThisHash     string // as the record has it; the signed message too
	Signature    []byte
	Key          []byte // SubjectPublicKeyInfo, DER (RFC 8410)
}

// ed25519SPKI is what stands before the 32 bytes of an Ed25519 key in its
// SubjectPublicKeyInfo (RFC 8410). crypto/x509 would bring the network along into
// the verifier for browsers.
var ed25519SPKI = []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}

// SPKI returns a public key's SubjectPublicKeyInfo, DER.
func SPKI(public [32]byte) []byte { return slices.Concat(ed25519SPKI, public[:]) }

// RecomputeOf returns it for a bundle. Nothing is verified: the values are those
// that the bundle claims.
func RecomputeOf(b *bundle.Bundle, p canonical.Profile, public [32]byte) (r Recompute, err error) {
	if p == canonical.Unspecified {
		p = canonical.QodMock
	}
	proof, err := b.Proof.Value.Canonical(p)
	if err != nil {
		return r, fmt.Errorf("the proof has no canonical form: %w", err)
	}
	if b.Artifact.Exists() {
		if r.Artifact, err = b.Artifact.Value.Canonical(p); err != nil {
			return r, fmt.Errorf("the artifact has no canonical form: %w", err)
		}
	}
	r.ArtifactHash, r.ThisHash = b.Proof.ArtifactSHA256, b.Entry.ThisHash
	// Both go into files of hashes and shell commands: nothing but hashes may.
	for _, h := range []string{r.ArtifactHash, r.ThisHash} {
		if _, err := bundle.ParseDigest(h); err != nil && (h != "" || h == r.ThisHash) {
			return r, errors.New("a hash of the bundle is not 64 lower-case hexadecimal characters")
		}
	}
	if err := bundle.CheckPrevHash(b.Entry.PrevHash); err != nil {
		return r, err
	}
	r.Record = append([]byte(b.Entry.PrevHash+"|"), proof...)
	if r.Signature, err = base64.RawURLEncoding.Strict().DecodeString(b.Entry.Signature); err != nil || len(r.Signature) != ed25519.SignatureSize {
		return r, errors.New("the signature is not 64 bytes of base64url")
	}
	r.Key = SPKI(public)
	return r, nil
}

// step is one command with what it shows.
type step struct{ About, Command, Want string }

// ShellNeeds says which programs the commands of [Recompute] need, and what those of
// other systems are called.
func ShellNeeds() []string {
	return []string{
		"They need OpenSSL 3.0 or newer (openssl version). \"unknown option -rawin\", or the like, means that openssl is older or the LibreSSL of macOS; it says nothing about the proof. On macOS install it (brew install openssl@3) and write \"$(brew --prefix openssl@3)/bin/openssl\" for openssl.",
		"Where there is no sha256sum, as on macOS, shasum -a 256 does the same; where base64 knows no -d, it is base64 -D.",
	}
}

// maxShell bounds the bytes in one command.
const maxShell = 100 << 10

// steps returns commands for a POSIX shell with sha256sum and openssl that redo
// the formulas with the bundle's own bytes.
func (r Recompute) steps() (list []step) {
	if len(r.Artifact) > maxShell || len(r.Record) > maxShell {
		return nil
	}
	if r.Artifact != nil {
		list = append(list, step{"The artifact's hash. It must be the one that the signed proof has as runtime_artifact_sha256.", print(r.Artifact) + " | sha256sum", r.ArtifactHash})
	}
	list = append(list, step{`The record's hash, over prev_hash, "|" and the proof. It must be this_hash.`, print(r.Record) + " | sha256sum", r.ThisHash})
	list = append(list, step{"The signature over the 64 characters of this_hash.",
		"printf '%s' '" + r.ThisHash + "' > message\n" +
			"printf '%s' '" + base64.StdEncoding.EncodeToString(r.Signature) + "' | base64 -d > signature\n" +
			"printf '%s' '" + base64.StdEncoding.EncodeToString(r.Key) + "' | base64 -d > key.der\n" +
			"openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in message -sigfile signature",
		"Signature Verified Successfully"})
	return list
}

// print is a command that writes exactly these bytes: readable where all of them
// are, in base64 where some would not survive being shown and copied.
func print(data []byte) string {
	if s := string(data); visible(s) && !strings.Contains(s, "\ufffd") {
		return "printf '%s' '" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return "printf '%s' '" + base64.StdEncoding.EncodeToString(data) + "' | base64 -d"
}
