package verify_test

import (
	"bytes"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// What historic versions of the original service answered. None of it is malformed
// and none failed: what a version did not write yet can't be checked, and is said.
func TestGenerations(t *testing.T) {
	set, err := jwks.Parse(testdata.Read("generations/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, verify.Policy{Keys: set})
	for version, x := range map[string]struct {
		generation bundle.Generation
		verdict    verify.Verdict
		reason     verify.Code
		artifact   bool // is bound
	}{
		"e2a1c6b": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"fe025e9": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"ed79fbb": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"e1defd5": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"43d7776": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"6c84aec": {bundle.V01, verify.Inconclusive, verify.UnsignedGeneration, false},
		"f8e626b": {bundle.V02, verify.Inconclusive, verify.UnsignedGeneration, true},
		"2108ed0": {bundle.V03, verify.Inconclusive, verify.SharedSecret, true},
		"7cd438e": {bundle.V04, verify.Verified, verify.OK, true},
		"4a76cad": {bundle.V04, verify.Verified, verify.OK, true},
		"1769c32": {bundle.V04, verify.Verified, verify.OK, true},
	} {
		t.Run(version, func(t *testing.T) {
			data := testdata.Read("generations/" + version + "/get-proof.json")
			b := parse(t, data)
			if x.artifact {
				artifact := testdata.Read("generations/" + version + "/" + b.Proof.ArtifactPath)
				if b.Artifact, err = bundle.ParseArtifact(artifact); err != nil {
					t.Fatal(err)
				}
			}
			r := v.Bundle(b)
			if b.Generation != x.generation || r.Verdict() != x.verdict || r.Reason() != x.reason || r.Outcome(verify.LedgerHash) != verify.Pass || x.artifact != (r.Outcome(verify.ArtifactHash) == verify.Pass) {
				t.Errorf("%s: %s", b.Generation, describe(r))
			}
			for _, c := range r.Checks() {
				if c.Status == verify.Fail {
					t.Errorf("%s failed: %s", c.ID, c.Message)
				}
			}
			// A changed one fails by its hash, whatever it poses as.
			changed := parse(t, bytes.Replace(data, []byte(`"duration_s":60`), []byte(`"duration_s":61`), 1))
			changed.Artifact = b.Artifact
			if r := v.Bundle(changed); r.Verdict() != verify.Failed || r.Outcome(verify.LedgerHash) != verify.Fail {
				t.Errorf("changed: %s", describe(r))
			}
			if x.artifact {
				other := parse(t, data)
				other.Artifact, _ = bundle.ParseArtifact([]byte(`{}`))
				if r := v.Bundle(other); r.Verdict() != verify.Failed || r.Outcome(verify.ArtifactHash) != verify.Fail {
					t.Errorf("another artifact: %s", describe(r))
				}
			}
		})
	}
}

// A record of v0.4 whose signature and kid were taken away is one that lacks them,
// and none of an older generation.
func TestStripped(t *testing.T) {
	for _, x := range []struct {
		name           string
		signature, kid any
		generation     bundle.Generation
		verdict        verify.Verdict
	}{
		{"signature", nil, "key", bundle.V04, verify.Inconclusive},
		{"kid", "keep", nil, bundle.V04, verify.Inconclusive},
		{"both", nil, nil, bundle.V04, verify.Inconclusive},
		{"both empty", "", "", bundle.V04, verify.Inconclusive},
		{"posing as v0.3", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", nil, bundle.V03, verify.Inconclusive},
	} {
		t.Run(x.name, func(t *testing.T) {
			f := newForge(t).seal()
			if x.signature != "keep" {
				f.set("ledger.signature", x.signature)
			}
			if x.kid != "key" {
				f.set("ledger.kid", x.kid)
			}
			r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
			if r.Subject().Generation != x.generation || r.Verdict() == verify.Verified || x.name != "both empty" && r.Verdict() != x.verdict {
				t.Errorf("%s", describe(r))
			}
			f.set("proof.requested.intent.text", "changed")
			if r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json()); r.Verdict() != verify.Failed {
				t.Errorf("changed: %s", describe(r))
			}
		})
	}
}
