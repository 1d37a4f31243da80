package bundle

import "github.com/qodverify/qodverify/bundle/canonical"

// Generation is the version of the proof format that a record belongs to. The
// format carries no version member, so it is recognised by what a record has.
// The guess decides only which rules and which words apply: it never makes a
// check pass, and leaving members out to look older never verifies.
type Generation string

// The generations of the original service, as thirteen versions of it wrote them.
const (
	// V01 records are linked by hash and not signed. Their hash is over
	// json.dumps(proof, sort_keys=True) with Python's default separators.
	V01 Generation = "v0.1"
	// V02 records bind a runtime artifact and are not signed. Their hashes are those
	// of v0.4, and created_at is a number of seconds.
	V02 Generation = "v0.2"
	// V03 records are as those of v0.4, with an HMAC-SHA256 over this_hash in place of
	// the signature, 64 hexadecimal characters under a secret of the operator, and no
	// kid.
	V03 Generation = "v0.3"
	// V04 records are signed with Ed25519, name their key and bind a runtime artifact.
	V04 Generation = "v0.4"
	// Unbound is none that the original wrote: a record with a signature or a kid
	// whose proof binds no artifact.
	Unbound Generation = "unbound"
)

// Signed reports whether records of this generation carry a signature that can be
// held to a public key.
func (g Generation) Signed() bool { return g == V04 || g == Unbound }

// SharedSecret reports whether records of this generation carry a code under a
// secret that signer and verifier share, which nobody outside can check.
func (g Generation) SharedSecret() bool { return g == V03 }

// NamesKey reports whether records of this generation name their key.
func (g Generation) NamesKey() bool { return g.Signed() }

// BindsArtifact reports whether proofs of this generation hold the hash of a
// runtime artifact.
func (g Generation) BindsArtifact() bool { return g == V02 || g == V03 || g == V04 }

// recognise names the generation by what a record has. What is looked at beside the
// signature is hashed, but for a signature and a kid that were taken away: a record
// of v0.4 without them tells by its time that it is none of v0.2.
func (f *Fields) recognise() Generation {
	unsigned, nameless := f.empty(FieldSignature), f.empty(FieldKID)
	switch artifacts := f.values[FieldArtifacts].Exists(); {
	case artifacts && unsigned && nameless && f.values[FieldProofCreatedAt].Kind() == canonical.Number:
		return V02
	case artifacts && nameless && isHMAC(f.values[FieldSignature]):
		return V03
	case artifacts || unsigned && !nameless:
		return V04 // which insists on artifacts
	case unsigned:
		return V01
	}
	return Unbound
}

// isHMAC reports whether a signature is spelled as an HMAC-SHA256 is: 64 lower-case
// hexadecimal characters.
func isHMAC(v canonical.Value) bool {
	b, ok := v.Bytes()
	if !ok || len(b) != 64 {
		return false
	}
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
