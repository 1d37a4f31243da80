package mint

import (
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// Stored is a ledger record as it lies in a database.
type Stored struct {
	SessionID                                     string
	CreatedAt                                     float64 // seconds since 1970
	ProofJSON, PrevHash, ThisHash, Signature, KID string
}

// Bundle returns what GET /proof/{session_id}/bundle answers for a record, with
// its proof and its artifact (nil: null) decoded.
func (s Stored) Bundle(proof, artifact any) pyjson.Object {
	return pyjson.Object{
		{Name: "session_id", Value: s.SessionID},
		{Name: "ledger", Value: pyjson.Object{
			{Name: "created_at", Value: s.CreatedAt}, {Name: "prev_hash", Value: s.PrevHash}, {Name: "this_hash", Value: s.ThisHash},
			{Name: "signature", Value: s.Signature}, {Name: "kid", Value: s.KID},
		}},
		{Name: "proof", Value: proof},
		{Name: "runtime_artifact", Value: artifact},
		{Name: "runtime_artifact_relpath", Value: ArtifactPath(s.SessionID)},
		{Name: "jwks_url", Value: "/.well-known/jwks.json"},
	}
}

// Line returns the record's bundle on one line without its end, for a ledger in
// JSONL. An artifact that is missing (nil) or no strict JSON is null, as the
// bundle has it. A stored proof that is no strict JSON stands there as a string:
// the line is then no bundle, says why, and hides nothing.
func (s Stored) Line(artifact []byte) []byte {
	proof, ok := decode([]byte(s.ProofJSON), canonical.MaxBytes)
	if !ok {
		proof = canonical.Clip(s.ProofJSON, 4096)
	}
	value, _ := decode(artifact, MaxArtifact)
	return pyjson.Compact(s.Bundle(proof, value))
}

// MaxArtifact bounds an artifact file in bytes. A genuine one has about 700.
const MaxArtifact = 1 << 20

// decode reads JSON that is strict too: what Python reads leniently (the last of
// two members of one name) must not come out looking sound.
func decode(data []byte, maxBytes int) (any, bool) {
	if data == nil {
		return nil, false
	}
	if _, err := canonical.Parse(data, canonical.Options{MaxBytes: maxBytes, AllowBOM: true}); err != nil {
		return nil, false
	}
	v, err := pyjson.Decode(data)
	return v, err == nil
}
