package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Digest is a SHA-256 hash. The hash function is fixed by the format; nothing
// in the data chooses it.
type Digest [sha256.Size]byte

// String returns the digest as 64 lower-case hexadecimal characters, the form
// that proofs hold and that is signed.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// ParseDigest reads exactly 64 lower-case hexadecimal characters. Upper case is
// refused because the signature covers the characters, not the bytes.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*len(d) {
		return Digest{}, fmt.Errorf("%d characters, want 64 lower-case hexadecimal ones", len(s))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return Digest{}, fmt.Errorf("character %d is not a lower-case hexadecimal digit", i+1)
		}
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err
}

// ArtifactDigest computes what the proof's runtime_artifact_sha256 must be.
func ArtifactDigest(artifact canonical.Value, profile canonical.Profile) (Digest, error) {
	sum, err := artifact.SHA256(profile)
	return Digest(sum), err
}

// LinkDigest computes what this_hash must be: the hash of prevHash, a bar, and
// the canonical proof. prevHash must be [Genesis] or a digest's 64 characters:
// that fixes where the bar stands, so that no other pair of prevHash and proof
// joins to the same bytes.
func LinkDigest(prevHash string, proof canonical.Value, profile canonical.Profile) (Digest, error) {
	if err := CheckPrevHash(prevHash); err != nil {
		return Digest{}, err
	}
	b, err := proof.Canonical(profile)
	if err != nil {
		return Digest{}, err
	}
	h := sha256.New()
	h.Write([]byte(prevHash + "|"))
	h.Write(b)
	return Digest(h.Sum(nil)), nil
}

// CheckPrevHash returns nil for [Genesis] and for 64 lower-case hexadecimal
// characters.
func CheckPrevHash(s string) error {
	if s == Genesis {
		return nil
	}
	_, err := ParseDigest(s)
	return err
}

// SigningInput returns what the signature covers: the 64 ASCII characters of
// this_hash, not its 32 bytes.
func SigningInput(thisHash Digest) []byte { return []byte(thisHash.String()) }
