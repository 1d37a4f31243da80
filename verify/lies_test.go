package verify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

func liesVerifier(t testing.TB, p verify.Policy) *verify.Verifier {
	t.Helper()
	keys, err := jwks.Parse(testdata.Read("telemetry/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	p.Keys = keys
	v, err := verify.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func liesBundle(t testing.TB, name string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Parse(testdata.Read("telemetry/" + name))
	if err != nil {
		t.Fatal(name, err)
	}
	return b
}

type lie struct{ Verdict, Check, Code string }

func lies(t testing.TB) map[string]lie {
	t.Helper()
	var expected map[string]lie
	if err := json.Unmarshal(testdata.Read("telemetry/expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	return expected
}

// Bundles of another implementation, signed with the good key: the honest ones
// verify, and each lie is found by the check that should.
func TestSignedLies(t *testing.T) {
	v := liesVerifier(t, verify.Policy{})
	told := 0
	for name, want := range lies(t) {
		r := v.Bundle(liesBundle(t, name))
		if r.Verdict().String() != want.Verdict || !r.Proven() {
			t.Errorf("%s: %s", name, describe(r))
		}
		if want.Check == "" {
			continue
		}
		told++
		found := false
		for _, c := range r.Checks() {
			if c.Status == verify.Fail && string(c.ID) == want.Check && string(c.Code) == want.Code {
				found = true
				if c.Pointer == "" {
					t.Errorf("%s: %s has no place", name, c.Code)
				}
			}
			if c.Status == verify.NotRun && want.Code != string(verify.TelemetryMalformed) {
				t.Errorf("%s kept %s from running", name, c.ID)
			}
		}
		if !found {
			t.Errorf("%s: no finding %s of %s: %s", name, want.Code, want.Check, describe(r))
		}
	}
	if told < 40 {
		t.Errorf("only %d lies", told)
	}
}

// The verdicts in an audit are those of the bundles alone.
func TestSignedLiesInLedger(t *testing.T) {
	v := liesVerifier(t, verify.Policy{})
	for name, want := range lies(t) {
		report := v.Ledger(func(yield func(bundle.Raw, error) bool) {
			yield(bundle.Raw{Input: name, Data: testdata.Read("telemetry/" + name)}, nil)
		}, verify.LedgerOptions{})
		if got := report.Verdict().String(); got != want.Verdict {
			t.Errorf("%s: %s in a ledger", name, got)
		}
	}
}

// The average of percentiles, and the percentile: both numbers are told.
func TestHiddenPeak(t *testing.T) {
	r := liesVerifier(t, verify.Policy{}).Bundle(liesBundle(t, "honest/hidden-peak.json"))
	for _, c := range r.Checks() {
		if c.ID != verify.ClaimsPercentile {
			continue
		}
		if c.Status != verify.Warn || !strings.Contains(c.Message, "19.3 ms") || !strings.Contains(c.Message, "195.9 ms") {
			t.Errorf("%+v", c)
		}
		return
	}
	t.Error("no claims.percentile")
}

// Every claim and every member has its standing, and none is better than what
// protects it.
func TestStandings(t *testing.T) {
	v := liesVerifier(t, verify.Policy{})
	standing := func(name, pointer string) verify.Standing {
		for _, c := range v.Bundle(liesBundle(t, name)).Claims() {
			if c.Pointer == pointer {
				return c.Standing
			}
		}
		t.Fatalf("%s: no claim of %s", name, pointer)
		return ""
	}
	const average, loss, throughput = "/proof/measured_outcomes/avg_p95_ms", "/runtime_artifact/measured/packet_loss_pct", "/runtime_artifact/measured/throughput_mbps"
	for _, c := range []struct {
		name, pointer string
		want          verify.Standing
	}{
		{"honest/good.json", average, verify.Recomputed},
		{"honest/not-disclosed.json", average, verify.NotRecomputable},
		{"honest/partly-disclosed.json", average, verify.NotRecomputable},
		{"lies/average-lowered.json", average, verify.Unproven},
		{"honest/lossy.json", loss, verify.Recomputed},
		{"honest/plain-samples.json", loss, verify.Constant},
		{"honest/good.json", throughput, verify.Constant},
		{"honest/good.json", "/ledger/kid", verify.Unsigned},
		{"lies/decision-passes.json", "/runtime_artifact/decision/result", verify.Unproven},
	} {
		if got := standing(c.name, c.pointer); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.pointer, got, c.want)
		}
	}
	// Without a trusted key nothing signed is proven.
	nobody, err := verify.New(verify.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range nobody.Bundle(liesBundle(t, "honest/good.json")).Claims() {
		if c.Standing != verify.Unproven && c.Standing != verify.Unsigned {
			t.Errorf("without a key %s is %s", c.Pointer, c.Standing)
		}
	}
}

// Every member of a bundle is in the coverage, and what is said to be covered is:
// a change of it fails one of the checks named.
func TestCoverage(t *testing.T) {
	v := liesVerifier(t, verify.Policy{})
	data := testdata.Read("telemetry/honest/good.json")
	b := liesBundle(t, "honest/good.json")
	doc, err := canonical.Parse(data, canonical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string][]verify.CheckID{}
	for _, c := range v.Bundle(b).Coverage() {
		covered[c.Pointer] = c.Checks
	}
	var walk func(value canonical.Value, pointer string)
	members := 0
	walk = func(value canonical.Value, pointer string) {
		checks, listed := covered[pointer]
		if !listed {
			if value.Kind() != canonical.Object {
				t.Errorf("%s is not in the coverage", pointer)
			}
			for name, member := range value.Members() {
				walk(member, pointer+"/"+canonical.PointerToken(name))
			}
			return
		}
		members++
		if value.Kind() == canonical.Array || value.Kind() == canonical.Object {
			return
		}
		// Another value of the same kind.
		other := `"changed"`
		if value.Kind() == canonical.Number {
			other = fmt.Sprintf("%s1", value.Raw())
		}
		changed := string(data[:value.Offset()]) + other + string(data[value.Offset()+len(value.Raw()):])
		parsed, err := bundle.Parse([]byte(changed))
		if err != nil {
			return
		}
		r := v.Bundle(parsed)
		caught := false
		for _, id := range checks {
			caught = caught || r.Outcome(id) != verify.Pass
		}
		if len(checks) > 0 && !caught {
			t.Errorf("%s is said to be covered by %v, and none of them sees it changed", pointer, checks)
		}
		if len(checks) == 0 && r.Verdict() == verify.Failed {
			t.Errorf("%s is said to be covered by nothing, and its change fails: %s", pointer, describe(r))
		}
	}
	walk(doc.Root(), "")
	if members < 60 {
		t.Errorf("only %d members", members)
	}
}

// Samples that a tool re-serialised are told from samples that were changed.
func TestSamplesExplained(t *testing.T) {
	v := liesVerifier(t, verify.Policy{})
	data := string(testdata.Read("telemetry/honest/plain-samples.json"))
	at := strings.Index(data, `"telemetry":{"samples"`)
	for text, hint := range map[string]string{
		data[:at] + strings.ReplaceAll(data[at:], `_ms":10.0`, `_ms":10`):                     "re-serialised",
		data[:at] + strings.ReplaceAll(data[at:], `_ms":10.0`, `_ms":9.0`):                    "does not hold the samples that it was made of",
		strings.Replace(data, `"telemetry":{"samples"`, `"telemetry":null,"x":{"samples"`, 1): "",
	} {
		b, err := bundle.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r := v.Bundle(b)
		got := ""
		for _, c := range r.Checks() {
			if c.ID == verify.TelemetrySamples {
				got += c.Hint
			}
		}
		if hint == "" && r.Verdict() != verify.Verified || !strings.Contains(got, hint) {
			t.Errorf("%s with the hint %q, want %q", r.Verdict(), got, hint)
		}
	}
}
