package render

import (
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// The first line of a verdict says how much stands behind it, and no tick stands over
// what is to be looked at.
func TestHeadline(t *testing.T) {
	for _, c := range []struct {
		dir, name string
		pinned    bool
		headline  string
		mark      string
	}{
		{"qod-mock-v0.4", "good/00.bundle.json", false, "VERIFIED with 4 warnings, key not pinned", "!"},
		{"qod-mock-v0.4", "good/00.bundle.json", true, "VERIFIED with 4 warnings, key pinned", "!"},
		{"qod-mock-v0.4", "good/01.bundle.json", false, "VERIFIED with 2 warnings, key not pinned; its result is fail", "!"},
		{"telemetry", "honest/hidden-peak.json", false, "VERIFIED with 1 warning, key not pinned", "!"},
		{"telemetry", "honest/half-outside.json", false, "VERIFIED with 1 warning, key not pinned", "!"},
		{"telemetry", "honest/camara.json", false, "VERIFIED, key not pinned", "✓"},
		{"telemetry", "honest/camara.json", true, "VERIFIED, key pinned", "✓"},
		{"qod-mock-v0.4", "tampered/sig-bitflip.json", true, "FAILED", "✗"},
		{"qod-mock-v0.4", "tampered/kid-unknown.json", false, "INCONCLUSIVE", "?"},
	} {
		keys, err := jwks.Parse(testdata.Read(c.dir + "/jwks.json"))
		if err != nil {
			t.Fatal(err)
		}
		policy := verify.Policy{Keys: keys}
		for k := range keys.All() {
			if c.pinned {
				policy.Pins = append(policy.Pins, k.Thumbprint())
			}
		}
		v, err := verify.New(policy)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Parse(testdata.Read(c.dir + "/" + c.name))
		if err != nil {
			t.Fatal(err)
		}
		s := Result{Report: v.Bundle(b)}.standing()
		if s.String() != c.headline || s.mark() != c.mark || (s.class() == "verified") != (c.mark == "✓") {
			t.Errorf("%s: %s %q as %s, want %s %q", c.name, s.mark(), s, s.class(), c.mark, c.headline)
		}
	}
	all := standing{verdict: verify.Verified}
	all.add(standing{warnings: 2, warned: 1, keys: 1, unpinned: 1, inputs: 1})
	all.add(standing{keys: 1, inputs: 1})
	if got := all.String(); got != "VERIFIED with 2 warnings, keys of 1 proof not pinned" {
		t.Error(got)
	}
}
