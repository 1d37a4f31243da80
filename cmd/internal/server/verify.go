package server

import (
	"errors"
	"slices"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/jwks"
)

// getVerify is the service's word about its own record. It is what the original
// answers, from the same formulas that the offline tool uses; whoever does not
// trust the service checks the bundle instead.
func (s *Server) getVerify(r *request) reply {
	id, refused := r.sessionID()
	if refused != nil {
		return *refused
	}
	record, err := s.Store.Record(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNoRecord):
		return detail(404, noRecord)
	case err != nil:
		return s.failure(r, err)
	}
	expected, err := s.Store.Before(r.Context(), record.Position)
	hasPrevious := err == nil
	if err != nil && !errors.Is(err, store.ErrNoRecord) {
		return s.failure(r, err)
	}
	var artifactHash any
	_, artifact, err := s.artifact(r, id)
	if err != nil {
		if refused := s.unlessMissing(r, err); refused != nil {
			return *refused
		}
	} else if digest, err := bundle.ArtifactDigest(artifact.Root(), canonical.QodMock); err == nil {
		artifactHash = digest.String()
	}

	claimed, linkHash := s.proofHashes(record)
	signature := s.signatureReason(record)
	want := bundle.Genesis
	var previous any
	var edited pyjson.Object
	if hasPrevious {
		// The chain goes on from what was signed. A predecessor that was edited since
		// is named, and accuses its own record alone.
		if record.PrevHash != expected.ThisHash && s.wasSigned(expected, record.PrevHash) {
			edited = pyjson.Object{{Name: "edited_previous_record", Value: pyjson.Object{
				{Name: "session_id", Value: expected.SessionID},
				{Name: "this_hash_stored", Value: expected.ThisHash}, {Name: "this_hash_signed", Value: record.PrevHash},
			}}}
			expected.ThisHash = record.PrevHash
		}
		want, previous = expected.ThisHash, expected.ThisHash
	}
	runtimeOK := artifactHash != nil && artifactHash == claimed
	ledgerOK := linkHash != nil && linkHash == record.ThisHash
	chainOK := record.PrevHash == want
	reason := "ok"
	switch {
	case signature != "ok":
		reason = signature
	case !ledgerOK:
		reason = "ledger_hash_mismatch"
	case !chainOK:
		reason = "ledger_chain_broken"
	case !runtimeOK:
		reason = "runtime_hash_mismatch"
	}
	return ok(append(pyjson.Object{
		{Name: "session_id", Value: id},
		{Name: "verified", Value: reason == "ok"}, {Name: "reason", Value: reason},
		{Name: "runtime_artifact_verified", Value: runtimeOK},
		{Name: "ledger_hash_verified", Value: ledgerOK},
		{Name: "chain_continuity_verified", Value: chainOK},
		{Name: "signature_verified", Value: signature == "ok"}, {Name: "signature_reason", Value: signature},
		{Name: "kid", Value: record.KID},
		{Name: "proof_prev_hash", Value: record.PrevHash}, {Name: "expected_prev_this_hash", Value: previous},
		{Name: "proof_this_hash_stored", Value: record.ThisHash}, {Name: "proof_this_hash_computed", Value: linkHash},
		{Name: "proof_signature_stored", Value: record.Signature}, {Name: "proof_created_at", Value: record.CreatedAt},
		{Name: "claimed_runtime_sha256", Value: claimed}, {Name: "computed_runtime_sha256", Value: artifactHash},
		{Name: "runtime_artifact_path", Value: mint.ArtifactPath(id)},
	}, edited...))
}

// wasSigned reports whether a record had this_hash when it was signed, whatever its
// row says now: its signature is one of that hash, or its proof and place still
// give it.
func (s *Server) wasSigned(r store.Record, thisHash string) bool {
	if _, link := s.proofHashes(r); link == thisHash {
		return true
	}
	return slices.ContainsFunc(s.Keys.published, func(key jwks.Key) bool { return signedBy(key, thisHash, r.Signature) })
}

// proofHashes returns the artifact hash that the stored proof claims and the
// this_hash that it should have, each nil when the proof does not give one.
func (s *Server) proofHashes(r store.Record) (claimed, link any) {
	doc, err := canonical.Parse([]byte(r.ProofJSON), canonical.Options{})
	if err != nil {
		return nil, nil
	}
	if text, isText := doc.Root().At("/artifacts/runtime_artifact_sha256").Text(); isText {
		claimed = text
	}
	if digest, err := bundle.LinkDigest(r.PrevHash, doc.Root(), canonical.QodMock); err == nil {
		link = digest.String()
	}
	return claimed, link
}

func (s *Server) signatureReason(r store.Record) string {
	key, published := s.Keys.lookup(r.KID)
	if !published {
		return "public_key_missing"
	}
	if !signedBy(key, r.ThisHash, r.Signature) {
		return "signature_mismatch"
	}
	return "ok"
}

// artifact reads a session's artifact.json, strictly.
func (s *Server) artifact(r *request, id string) ([]byte, *canonical.Document, error) {
	data, err := s.Store.Artifact(r.Context(), id)
	if err != nil {
		return nil, nil, err
	}
	doc, err := canonical.Parse(data, canonical.Options{MaxBytes: store.MaxArtifact, AllowBOM: true})
	if err != nil {
		return nil, nil, store.ErrNoArtifact
	}
	return data, doc, nil
}

// unlessMissing returns the reply to a failed read; a missing or unreadable
// artifact is not one, but a finding.
func (s *Server) unlessMissing(r *request, err error) *reply {
	if errors.Is(err, store.ErrNoArtifact) {
		return nil
	}
	f := s.failure(r, err)
	return &f
}
