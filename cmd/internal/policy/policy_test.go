package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// Each preset is sound, and each says what the one before says or more.
func TestPresets(t *testing.T) {
	last := -1
	for _, name := range Presets() {
		data, ok := Preset(name)
		if !ok {
			t.Fatalf("no preset %s", name)
		}
		r, err := Parse(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(verify.RuleChecks(r)); r.Name != name || n <= last {
			t.Errorf("%s is called %q and has %d rules", name, r.Name, n)
		} else {
			last = n
		}
	}
	if _, ok := Preset("../policy.go"); ok {
		t.Error("a preset by a path")
	}
}

// The policy with every rule makes every check, and JSON is read as YAML.
func TestEveryRule(t *testing.T) {
	r, err := Parse(testdata.Read("telemetry/policy-all.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(verify.RuleChecks(r)), len(verify.PolicyChecks()); got != want {
		t.Errorf("%d checks of %d: %v", got, want, verify.RuleChecks(r))
	}
	if r.MaxAge != 30*24*time.Hour || r.Latency.MilliPercent != 99_000 || r.Latency.Max != 40_000_000 || *r.MaxLossPPM != 1000 || r.Limits["QOS_E"].PacketDelayBudget != 20*time.Millisecond {
		t.Errorf("%+v", r)
	}
	same, err := Parse([]byte("{\n\t\"version\": 1, \"latency\": {\"percentile\": 99.9, \"max_ms\": 0.5, \"lost\": \"left_out\"}}"))
	if err != nil || same.Latency.MilliPercent != 99_900 || same.Latency.Max != 500_000 || !same.Latency.AllowLost {
		t.Errorf("%+v, %v", same, err)
	}
}

func TestFaulty(t *testing.T) {
	for text, reason := range map[string]string{
		"version: 1\njitter: {max_ms: 0}":                              "want a positive number",
		"version: 1\nkeys: []":                                         "line 2: a value is empty",
		"version: 1\nissuer:":                                          "line 2: a value is empty",
		"version: 1\nkid: ''":                                          "line 2: a value is empty",
		"version: 1\nmax_age: 0s":                                      "no proof is that young",
		"version: 1\nmin_available_pct: 1e-9":                          "too little to be a rule",
		"version: 2":                                                   "want version: 1",
		"name: x":                                                      "want version: 1",
		"version: 1\nlatency: {lost: sometimes}":                       "want left_out or never_arrived",
		"version: 1\nlatency: {percentile: 101}":                       "at most 100",
		"version: 1\nlatency: {percentile: .nan}":                      "at most 100",
		"version: 1\ntelemetry: yes please":                            "want any or committed or disclosed",
		"version: 1\nmin_available_pct: 101":                           "want 0 to 100",
		"version: 1\nmax_loss_pct: -1":                                 "want 0 to 100",
		"version: 1\nmin_samples: -1":                                  "negative",
		"version: 1\nmax_age: -5m":                                     "no duration",
		"version: 1\nkeys: [{thumbprint: abc}]":                        "keys, entry 1",
		"version: 1\nrequire: [telemetri]":                             "does not exist",
		"version: 1\nclaims: {constants: maybe}":                       "want fail or ignore or warn",
		"version: 1\nclaims: {consistency: ignore}":                    "not known here",
		"version: 1\nlimits: {A: {jitter: {value: 5}}}":                "unit",
		"version: 1\nlimits: {A: {jitter: {value: 0, unit: Seconds}}}": "positive",
		"version: 1\nlimits: {A: {packetErrorLossRate: 11}}":           "exponent",
		"version: 1\nkeys: [{thumbprint: gUDCEBXcn62NG1Me1F7SIz5HcLHSs5AWLiMikNriiXQ, pin: 1}]": "line 2: field pin is not known here",
		"{\"version\": 1,}": "line 1, column 15",
		"a: &a [*a]":        "",
		"- version: 1":      "",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(reason)) {
			t.Errorf("%q: %v, want %q", text, err, reason)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(testdata.Read("telemetry/policy-all.yaml"))
	for _, name := range Presets() {
		data, _ := Preset(name)
		f.Add(data)
	}
	f.Add([]byte(`{"version":1,"latency":{"percentile":95}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			return
		}
		if _, err := verify.New(verify.Policy{Rules: r, At: time.Unix(1, 0)}); err != nil {
			t.Fatalf("%q is read as a policy that means nothing: %v", data, err)
		}
	})
}
