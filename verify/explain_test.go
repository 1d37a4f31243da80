package verify_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// Each explanation is given where it is proven, at the right place, and nothing
// in it turns the verdict.
func TestExplanations(t *testing.T) {
	good := func() *forge { return newForge(t).seal() }
	for _, c := range []struct {
		name    string
		data    []byte
		policy  verify.Policy
		id      verify.CheckID
		pointer string
		hint    string // part of it; "" means that nothing is proven
	}{
		{"numbers rewritten by JavaScript, artifact", testdata.Read(fixtures + "tampered/reserialised-by-js.json"), verify.Policy{},
			verify.ArtifactHash, "/runtime_artifact/inputs/targets/min_availability_pct", "the signed bytes have 0.0 and this file has 0"},
		{"numbers rewritten by JavaScript, proof", testdata.Read(fixtures + "tampered/reserialised-by-js.json"), verify.Policy{},
			verify.LedgerHash, "/proof/measured_outcomes/avg_jitter_ms", "the signed bytes have 5000.0 and this file has 5000"},
		{"integers rewritten as floats", good().set("runtime_artifact.inputs.targets.max_latency_ms", "=151.0").json(), verify.Policy{},
			verify.ArtifactHash, "/runtime_artifact/inputs/targets/max_latency_ms", "the signed bytes have 151 and this file has 151.0"},
		{"numbers rewritten and one changed", good().set("runtime_artifact.measured.availability_pct", "=100").set("runtime_artifact.measured.jitter_ms", "=1.0").json(), verify.Policy{},
			verify.ArtifactHash, "/runtime_artifact", "this file does not hold the artifact that was hashed"},
		{"another profile, artifact", jcsForge(t).json(), verify.Policy{Profile: canonical.QodMock}, verify.ArtifactHash, "/runtime_artifact", "match under the profile jcs"},
		{"another profile, proof", jcsForge(t).json(), verify.Policy{Profile: canonical.QodMock}, verify.LedgerHash, "/ledger/this_hash", "match under the profile jcs"},
		{"genuine under --profile jcs", testdata.Read(fixtures + "good/01.bundle.json"), verify.Policy{Profile: canonical.JCS}, verify.ArtifactHash, "/runtime_artifact", "match under the profile qod-mock"},
		{"older formula", olderFormula(t).json(), verify.Policy{}, verify.LedgerHash, "/ledger/this_hash", "by the formula of generation v0.1"},
		{"artifact of another session", testdata.Read(fixtures + "tampered/artifact-of-another.json"), verify.Policy{}, verify.ArtifactHash, "/runtime_artifact", "it belongs to another proof"},
		{"artifact changed", testdata.Read(fixtures + "tampered/artifact-value.json"), verify.Policy{}, verify.ArtifactHash, "/runtime_artifact", "this file does not hold the artifact that was hashed"},
		{"proof changed", testdata.Read(fixtures + "tampered/proof-value.json"), verify.Policy{}, verify.LedgerHash, "/ledger/this_hash", "this file does not hold the proof and prev_hash that were signed"},
		{"only the wrapper's session", testdata.Read(fixtures + "tampered/session-relabelled.json"), verify.Policy{}, verify.Consistency, "/session_id", "only the unsigned wrapper differs"},
		{"only the wrapper's path", good().set("runtime_artifact_relpath", "other/artifact.json").json(), verify.Policy{}, verify.Consistency, "/runtime_artifact_relpath", "only the unsigned wrapper differs"},
		{"wrapper and signature", good().set("session_id", "other").set("ledger.signature", strings.Repeat("A", 86)).json(), verify.Policy{}, verify.Consistency, "/session_id", ""},
		{"rehashed, not signed", testdata.Read(fixtures + "tampered/proof-rehashed.json"), verify.Policy{}, verify.Signature, "/ledger/signature", "another one under the same kid"},
		{"another key of the set", testdata.Read(fixtures + "tampered/kid-swapped.json"), verify.Policy{}, verify.Signature, "/ledger/signature", `under the key "default" (thumbprint X8SA8NgbGcejYQTtWNxXyb8dzdDjPGc9nLjLWrdfg14)`},
		{"raw digest signed", rawDigest(t).json(), verify.Policy{}, verify.Signature, "/ledger/signature", "covers the 32 bytes of this_hash"},
		{"this_hash alone changed", good().set("ledger.this_hash", strings.Repeat("0", 64)).json(), verify.Policy{}, verify.Signature, "/ledger/signature", "only this_hash was changed"},
		{"upper case, hash", testdata.Read(fixtures + "tampered/hash-uppercase.json"), verify.Policy{}, verify.LedgerHash, "/ledger/this_hash", "spelled in upper case"},
		{"upper case, signature", testdata.Read(fixtures + "tampered/hash-uppercase.json"), verify.Policy{}, verify.Signature, "/ledger/signature", "does cover the lower-case characters"},
		{"padded signature", good().set("ledger.signature", good().doc["ledger"].(map[string]any)["signature"].(string)+"==").json(), verify.Policy{}, verify.Signature, "/ledger/signature", "is a good signature by the key \"forged\""},
		{"standard alphabet", standardAlphabet(t).json(), verify.Policy{}, verify.Signature, "/ledger/signature", "is a good signature by the key \"forged\""},
		{"nothing known", good().set("ledger.signature", strings.Repeat("A", 86)).set("ledger.this_hash", strings.Repeat("0", 64)).json(), verify.Policy{}, verify.Signature, "/ledger/signature", ""},
	} {
		c.policy.Keys = newForge(t).keySet("")
		r := judge(verifier(t, c.policy), c.data)
		if r.Verdict() != verify.Failed {
			t.Errorf("%s: %s", c.name, describe(r))
			continue
		}
		found := false
		for _, check := range r.Checks() {
			if check.ID == c.id && check.Status == verify.Fail && check.Pointer == c.pointer {
				found = true
				if c.hint == "" && check.Hint != "" || !strings.Contains(check.Hint, c.hint) {
					t.Errorf("%s: hint %q, want %q", c.name, check.Hint, c.hint)
				}
			}
		}
		if !found {
			t.Errorf("%s: no failure of %s at %s: %s", c.name, c.id, c.pointer, describe(r))
		}
	}
}

func jcsForge(t *testing.T) *forge {
	f := newForge(t)
	f.profile = canonical.JCS
	return f.seal()
}

func olderFormula(t *testing.T) *forge {
	f := newForge(t)
	f.profile = canonical.PythonDefault
	return f.link().sign()
}

func rawDigest(t *testing.T) *forge {
	f := newForge(t).seal()
	raw, err := hex.DecodeString(f.doc["ledger"].(map[string]any)["this_hash"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return f.sign(raw)
}

func standardAlphabet(t *testing.T) *forge {
	for i := range 100 { // until the signature holds a character that differs
		f := newForge(t).set("proof.requested.intent.text", strings.Repeat("x", i)).seal()
		s := f.doc["ledger"].(map[string]any)["signature"].(string)
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if std := base64.RawStdEncoding.EncodeToString(b); std != s {
			return f.set("ledger.signature", std)
		}
	}
	t.Fatal("no signature with - or _ in 100")
	return nil
}

// Under auto a bundle made under jcs verifies, and the report names the
// profile; a declaration in the bundle changes nothing.
func TestProfiles(t *testing.T) {
	p := verify.Policy{Keys: newForge(t).keySet("")}
	r := judge(verifier(t, p), jcsForge(t).json())
	if r.Verdict() != verify.Verified || r.Subject().Profile != canonical.JCS {
		t.Errorf("jcs under auto: %s", describe(r))
	}
	p.Profile = canonical.JCS
	if r := judge(verifier(t, p), jcsForge(t).json()); r.Verdict() != verify.Verified {
		t.Errorf("jcs under jcs: %s", describe(r))
	}
	p.Profile = canonical.Unspecified
	// Half under each profile is no bundle of either.
	half := jcsForge(t)
	half.profile = canonical.QodMock
	if r := judge(verifier(t, p), half.link().sign().json()); r.Verdict() != verify.Failed || r.Outcome(verify.ArtifactHash) != verify.Fail || !strings.Contains(describe(r), "a bundle has one profile") {
		t.Errorf("half and half: %s", describe(r))
	}
	for _, name := range []string{"profile", "canonical", "schema", "version", "generation"} {
		f := newForge(t).seal().set("runtime_artifact.measured.latency_ms", "=1.5").set(name, "jcs")
		if r := judge(verifier(t, p), f.json()); r.Verdict() != verify.Failed {
			t.Errorf("declaring %s: %s", name, describe(r))
		}
	}
	// An integer that jcs can't write is not judged under it, and does no harm
	// under qod-mock; the artifact's schema has no place for one.
	big := newForge(t).set("runtime_artifact.big", "=123456789012345678901234567890").seal()
	if r := judge(verifier(t, p), big.json()); r.Outcome(verify.ArtifactHash) != verify.Pass || r.Verdict() != verify.Inconclusive || r.Reason() != verify.SchemaUnknown {
		t.Errorf("a big integer: %s", describe(r))
	}
	p.Profile = canonical.JCS
	if r := judge(verifier(t, p), big.json()); r.Verdict() == verify.Verified || r.Outcome(verify.ArtifactHash) != verify.NotRun {
		t.Errorf("a big integer under jcs: %s", describe(r))
	}
}
