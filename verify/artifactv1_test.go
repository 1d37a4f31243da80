package verify_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

const (
	copiedSession = "890a6cbb-fc9c-4482-b930-ca123e240fd3"
	copied        = fixtures + "artifacts/" + copiedSession + "/artifact_v1.json"
)

// withArtifact judges the service's artifact_v1.json with the artifact that lies beside
// it.
func withArtifact(t *testing.T, v *verify.Verifier, data []byte) *verify.Report {
	t.Helper()
	b, err := bundle.Parse(data)
	if err != nil {
		return verify.MalformedReport(err)
	}
	if b.Artifact, err = bundle.ParseArtifact(testdata.Read(fixtures + "artifacts/" + copiedSession + "/artifact.json")); err != nil {
		t.Fatal(err)
	}
	return v.Bundle(b)
}

func audited(data []byte) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		yield(bundle.Raw{Data: data, Artifact: testdata.Read(fixtures + "artifacts/" + copiedSession + "/artifact.json")}, nil)
	}
}

// A copy of a record is judged as the record is, by a verifier and in an audit.
func TestArtifactV1(t *testing.T) {
	data := testdata.Read(copied)
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	r := withArtifact(t, v, data)
	if r.Verdict() != verify.Verified || r.Subject().SessionID != copiedSession {
		t.Error(describe(r))
	}
	var covered bool
	for _, c := range r.Coverage() {
		covered = covered || c.Pointer == "/outputs/proof_record/this_hash"
	}
	if !covered {
		t.Errorf("the coverage: %v", r.Coverage())
	}
	if l := v.Ledger(audited(data), verify.LedgerOptions{}); l.ByVerdict[verify.Verified] != 1 {
		t.Errorf("an audit: %v", l.Listed)
	}
	alone := judge(v, data)
	if alone.Verdict() != verify.Inconclusive || alone.Reason() != verify.RuntimeArtifactMissing {
		t.Error(describe(alone))
	}
	for _, c := range alone.Checks() {
		if c.ID == verify.ArtifactHash && (c.Pointer != "/outputs/proof_record/proof/artifacts/runtime_artifact_sha256" || c.Region.Line != 34) {
			t.Errorf("the place of a finding: %+v", c)
		}
	}
}

// No copy verifies of which a value was changed, or that contradicts its proof.
func TestArtifactV1Changed(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	var document map[string]any
	d := json.NewDecoder(bytes.NewReader(testdata.Read(copied)))
	d.UseNumber() // whose spelling is hashed
	if err := d.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(document); err != nil || withArtifact(t, v, text).Verdict() != verify.Verified {
		t.Fatalf("written anew without a change: %v", err)
	}
	changes := 0
	try := func(pointer string) {
		changes++
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if r := withArtifact(t, v, text); r.Verdict() == verify.Verified || r.Verdict() == verify.Inconclusive && !strings.HasSuffix(pointer, "/kid") && !strings.HasSuffix(pointer, "/signature") {
			t.Errorf("%s: %s", pointer, describe(r))
		}
		if l := v.Ledger(audited(text), verify.LedgerOptions{}); l.ByVerdict[verify.Verified] != 0 {
			t.Errorf("%s: verified in an audit", pointer)
		}
	}
	var walk func(object map[string]any, pointer string)
	walk = func(object map[string]any, pointer string) {
		for name, value := range object {
			at := pointer + "/" + name
			switch x := value.(type) {
			case map[string]any:
				walk(x, at)
				continue
			case string:
				object[name] = "x" + x
			case json.Number:
				object[name] = json.Number(x + "1")
			default:
				t.Fatalf("%s: %T", at, value)
			}
			try(at)
			object[name] = value
		}
	}
	walk(document["outputs"].(map[string]any), "/outputs")
	if changes < 20 {
		t.Errorf("only %d values were changed", changes)
	}
	quality, outputs := document["quality"].(map[string]any), document["outputs"].(map[string]any)
	quality["has_telemetry"] = false
	try("/quality/has_telemetry")
	quality["has_telemetry"] = true
	document["session_id"] = "other"
	try("/session_id")
	delete(document, "session_id")
	outputs["session_id"] = "other"
	try("/outputs/session_id")
	outputs["session_id"] = copiedSession
	if text, err := json.Marshal(document); err != nil || withArtifact(t, v, text).Verdict() != verify.Verified {
		t.Errorf("its own session named once more: %v", err)
	}
}
