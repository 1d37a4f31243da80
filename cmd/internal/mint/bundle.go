package mint

import (
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// Stored is a ledger record as it lies in a database.
type Stored struct {
	SessionID                                     string
	CreatedAt                                     float64 // seconds since 1970
	ProofJSON, PrevHash, ThisHash, Signature, KID string

	// Created, when set, is what stands in place of the number CreatedAt.
	Created *string
	// Absent names members of ledger for which the row has no value.
	Absent []string
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
// JSONL. Without an artifact (nil) the line has no runtime_artifact: null would be
// a word about what there was, and all that is known is what is at hand. A stored
// proof or an artifact that is no strict JSON stands there as a string: the line is
// then no bundle, says why, and hides nothing.
func (s Stored) Line(artifact []byte) []byte {
	line := s.Bundle(strict(s.ProofJSON, canonical.MaxBytes), nil)
	i := slices.IndexFunc(line, func(m pyjson.Member) bool { return m.Name == "runtime_artifact" })
	if artifact == nil {
		line = slices.Delete(line, i, i+1)
	} else {
		line[i].Value = strict(string(artifact), MaxArtifact)
	}
	if entry, ok := line[1].Value.(pyjson.Object); ok {
		if s.Created != nil {
			entry[0].Value = *s.Created
		}
		line[1].Value = slices.DeleteFunc(entry, func(m pyjson.Member) bool { return slices.Contains(s.Absent, m.Name) })
	}
	return pyjson.Compact(line)
}

// IsStrict reports whether an artifact's bytes are strict JSON.
func IsStrict(artifact []byte) bool {
	_, ok := decode(artifact, MaxArtifact)
	return ok
}

// strict decodes JSON that is strict, and clips every other text.
func strict(text string, maxBytes int) any {
	if v, ok := decode([]byte(text), maxBytes); ok {
		return v
	}
	return canonical.Clip(strings.ToValidUTF8(text, "\ufffd"), 4096)
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
