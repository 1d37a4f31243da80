package verify

import (
	"bytes"
	"fmt"

	"github.com/gowebpki/jcs"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// formulas says under which canonical form each of the two hashes matches.
type formulas struct {
	profile  canonical.Profile // the one that the bundle is judged by
	artifact canonical.Profile // Unspecified: none matches
	ledger   canonical.Profile // Unspecified: none matches
}

// matchFormulas picks the profile: the first under which both hashes match,
// else the ledger hash, else the artifact's; else the first to try. A bundle is
// judged under one profile, never half under each.
func matchFormulas(b *bundle.Bundle, profiles []canonical.Profile) formulas {
	f := formulas{profile: profiles[0]}
	best := 0
	for _, p := range profiles {
		artifact, ledger := artifactMatches(b, p), ledgerMatches(b, p)
		score := 0
		if ledger {
			score += 2
		}
		if artifact {
			score++
		}
		if score <= best {
			continue
		}
		best = score
		f = formulas{profile: p}
		if artifact {
			f.artifact = p
		}
		if ledger {
			f.ledger = p
		}
		if best == 3 {
			return f
		}
	}
	// Older generations hashed their proofs over Python's default form. Whether
	// a v0.4 proof matches it is told as an explanation, never as a pass.
	if f.ledger == canonical.Unspecified && b.Generation != bundle.V04 && ledgerMatches(b, canonical.PythonDefault) {
		f.ledger = canonical.PythonDefault
	}
	return f
}

func artifactMatches(b *bundle.Bundle, p canonical.Profile) bool {
	if !b.Artifact.Exists() {
		return false
	}
	d, err := bundle.ArtifactDigest(b.Artifact.Value, p)
	return err == nil && d.String() == b.Proof.ArtifactSHA256
}

func ledgerMatches(b *bundle.Bundle, p canonical.Profile) bool {
	d, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, p)
	return err == nil && d.String() == b.Entry.ThisHash
}

const artifactPointer = "/proof/artifacts/runtime_artifact_sha256"

// artifactHash: sha256(canonical(runtime_artifact)) = runtime_artifact_sha256.
func (r *run) artifactHash() ([]Check, error) {
	b := r.bundle
	switch {
	case !b.Generation.BindsArtifact():
		return []Check{{Status: Skip, Code: ArtifactNotBound,
			Message: fmt.Sprintf("a proof of generation %s holds no hash of a runtime artifact", b.Generation)}}, nil
	case b.ArtifactErr != nil:
		return []Check{{Status: Fail, Code: ArtifactUnreadable, Message: fmt.Sprintf("the runtime artifact can't be read: %v", b.ArtifactErr),
			Expected: b.Proof.ArtifactSHA256, Actual: "no JSON object", Pointer: artifactPointer}}, nil
	case !b.Artifact.Exists() && b.Form == bundle.FormRecord:
		return []Check{{Code: RuntimeArtifactMissing, Message: "a ledger record comes without its runtime artifact",
			Expected: b.Proof.ArtifactSHA256, Pointer: artifactPointer, Hint: "give the artifact with --artifact FILE or --artifacts-dir DIR"}}, nil
	case !b.Artifact.Exists() && !b.HasArtifact:
		// Left out on the way, or never given: that contradicts nothing.
		return []Check{{Code: RuntimeArtifactMissing, Message: "the bundle comes without its runtime artifact",
			Expected: b.Proof.ArtifactSHA256, Pointer: artifactPointer, Hint: "give the artifact with --artifact FILE or --artifacts-dir DIR"}}, nil
	case !b.Artifact.Exists():
		return []Check{{Status: Fail, Code: RuntimeArtifactMissing, Message: "the bundle says that it has no runtime artifact, so the hash that the proof claims can't be recomputed",
			Expected: b.Proof.ArtifactSHA256, Actual: "no artifact", Pointer: "/runtime_artifact"}}, nil
	}
	got, err := bundle.ArtifactDigest(b.Artifact.Value, r.formulas.profile)
	if err != nil {
		return []Check{refusedByProfile(err, "/runtime_artifact")}, nil
	}
	c := Check{Status: Pass, Code: OK, Message: "the runtime artifact has the SHA-256 that the proof claims",
		Expected: b.Proof.ArtifactSHA256, Actual: got.String()}
	switch _, err := bundle.ParseDigest(b.Proof.ArtifactSHA256); {
	case err != nil:
		c.Status, c.Code, c.Pointer = Fail, HashMalformed, artifactPointer
		c.Message = fmt.Sprintf("runtime_artifact_sha256 is no SHA-256 in lower-case hexadecimal: %v", err)
	case r.formulas.artifact != r.formulas.profile:
		c.Status, c.Code, c.Pointer = Fail, RuntimeHashMismatch, "/runtime_artifact"
		c.Message = "the runtime artifact does not have the SHA-256 that the proof claims"
		if err := r.rejudge(b.Artifact.Value); err != nil {
			return nil, err
		}
	}
	return append([]Check{c}, r.givenArtifact()...), nil
}

// givenArtifact holds an artifact that was given beside the bundle's own to the proof
// as well: neither may stand in for the other.
func (r *run) givenArtifact() []Check {
	b := r.bundle
	if !b.GivenArtifact.Exists() {
		return nil
	}
	got, err := bundle.ArtifactDigest(b.GivenArtifact.Value, r.formulas.profile)
	if err != nil {
		return []Check{refusedByProfile(err, "")}
	}
	if got.String() == b.Proof.ArtifactSHA256 {
		return []Check{{Status: Pass, Code: OK, Message: "the artifact that was given beside the bundle's own has that SHA-256, too"}}
	}
	return []Check{{Status: Fail, Code: RuntimeHashMismatch, Expected: b.Proof.ArtifactSHA256, Actual: got.String(), Pointer: artifactPointer,
		Message: "the artifact that was given beside the bundle's own does not have the SHA-256 that the proof claims",
		Hint:    "this finding is about the file that was given; the bundle's own artifact has a finding of its own"}}
}

// ledgerHash: sha256(prev_hash + "|" + canonical(proof)) = this_hash.
func (r *run) ledgerHash() ([]Check, error) {
	b := r.bundle
	if err := bundle.CheckPrevHash(b.Entry.PrevHash); err != nil {
		return []Check{{Status: Fail, Code: HashMalformed, Pointer: b.EntryPointer("prev_hash"),
			Message:  fmt.Sprintf("prev_hash is neither GENESIS nor a SHA-256 in lower-case hexadecimal: %v", err),
			Expected: "GENESIS or 64 characters 0-9a-f", Actual: b.Entry.PrevHash}}, nil
	}
	formula := r.formulas.ledger
	if formula == canonical.Unspecified {
		formula = r.formulas.profile
		if b.Generation == bundle.V01 {
			formula = canonical.PythonDefault
		}
	}
	got, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, formula)
	if err != nil {
		return []Check{refusedByProfile(err, "/proof")}, nil
	}
	c := Check{Status: Pass, Code: OK, Message: "this_hash follows from prev_hash and the proof", Expected: b.Entry.ThisHash, Actual: got.String()}
	if formula == canonical.PythonDefault {
		c.Message += ", by the formula of generation v0.1"
	}
	switch _, err := bundle.ParseDigest(b.Entry.ThisHash); {
	case err != nil:
		c.Status, c.Code, c.Pointer = Fail, HashMalformed, b.EntryPointer("this_hash")
		c.Message = fmt.Sprintf("this_hash is no SHA-256 in lower-case hexadecimal: %v", err)
	case r.formulas.ledger == canonical.Unspecified:
		c.Status, c.Code, c.Pointer = Fail, LedgerHashMismatch, b.EntryPointer("this_hash")
		c.Message = "this_hash does not follow from prev_hash and the proof"
		if err := r.rejudge(b.Proof.Value); err != nil {
			return nil, err
		}
	}
	return []Check{c}, nil
}

func refusedByProfile(err error, pointer string) Check {
	c := Check{Code: ProfileRefused, Message: err.Error(), Pointer: pointer, Hint: "choose the profile under which the proof was made (--profile)"}
	if e, ok := err.(*canonical.Error); ok {
		c.Message, c.Pointer = e.Detail, pointer+e.Pointer
	}
	return c
}

// rejudge holds our jcs writer to gowebpki/jcs before a mismatch accuses
// anyone: a difference between the two is an error of the tool, not of the
// operator.
func (r *run) rejudge(v canonical.Value) error {
	for _, p := range r.policy.profiles() {
		if p != canonical.JCS {
			continue
		}
		ours, err := v.Canonical(canonical.JCS)
		if err != nil {
			continue // a value that jcs can't write was not judged under it
		}
		theirs, err := jcs.Transform(v.Raw())
		if err != nil || !bytes.Equal(ours, theirs) {
			return fmt.Errorf("two implementations of RFC 8785 write this value differently (%v)", err)
		}
	}
	return nil
}
