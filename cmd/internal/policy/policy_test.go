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
		"version: 1\njitter: {max_ms: 0}":                                    "want a positive number",
		"version: 1\nkeys: []":                                               "line 2: a value is empty",
		"version: 1\nissuer:":                                                "line 2: a value is empty",
		"version: 1\nkid: ''":                                                "line 2: a value is empty",
		"version: 1\nmax_age: 0s":                                            "no proof is that young",
		"version: 1\nmin_available_pct: 1e-9":                                "too little to be a rule",
		"version: 2":                                                         "want version: 1",
		"name: x":                                                            "the version is missing",
		"version: 1\nlatency: {lost: sometimes}":                             "want left_out or never_arrived",
		"version: 1\nlatency: {percentile: 101}":                             "at most 100",
		"version: 1\nlatency: {percentile: .nan}":                            "line 2: \".nan\" has more than one reading",
		"version: 1\nmin_samples: 010":                                       "line 2: \"010\" has more than one reading",
		"version: 1\nmin_samples: 0x10":                                      "more than one reading",
		"version: 1\nmin_samples: 0o10":                                      "more than one reading",
		"version: 1\nmin_samples: 0b11":                                      "more than one reading",
		"version: 1\nmin_samples: 1_000":                                     "more than one reading",
		"version: 1\nmax_loss_pct: 1_0.5":                                    "more than one reading",
		"version: 1\nissuer: yes":                                            "more than one reading",
		"version: 1\nissuer: NO":                                             "more than one reading",
		"version: 1\nnot_future: on":                                         "more than one reading",
		"version: 1\nsession: 12:30":                                         "more than one reading",
		"version: 1\nissuer: 2026-01-01":                                     "needs its zone",
		"version: 1\nkid: ~":                                                 "line 2: a value is empty",
		"version: 1\nkid: &a x":                                              "anchors",
		"version: 1\nkid: !!str 5":                                           "a tag",
		"version: 1\nmin_samples: 1\nmin_samples: 2":                         "already defined",
		"version: 1\nclaims: {constants: ignore, claims.constants: fail}":    "line 2: claims.constants is there twice",
		"version: 1\nrequire: [policy.latency]":                              "needs a rule",
		"version: 1\nrequire: [policy.require]":                              "can't require itself",
		"version: 1\nrequire: [telemetry, telemetry]":                        "twice",
		"version: 1\nmin_samples: 99999999999":                               "more samples",
		"version: 1\nlimits: {A: {packetErrorLossRate: 0}}":                  "exponent",
		"version: 1\nlimits: {A: {name: A}}":                                 "nothing that a proof can be held to",
		"version: 1\nlimits: {A: {jitter: {value: 5, unit: Seconds, x: 1}}}": "field x is not known here",
		"version: 1\nkid: a\nkeys: [{thumbprint: gUDCEBXcn62NG1Me1F7SIz5HcLHSs5AWLiMikNriiXQ, kid: b}]": "listed under another",
		"version: 1\ntelemetry: yes please":                                                     "want any or committed or disclosed",
		"version: 1\nmin_available_pct: 101":                                                    "want 0 to 100",
		"version: 1\nmax_loss_pct: -1":                                                          "want 0 to 100",
		"version: 1\nmin_samples: -1":                                                           "negative",
		"version: 1\nmax_age: -5m":                                                              "no duration",
		"version: 1\nkeys: [{thumbprint: abc}]":                                                 "keys, entry 1",
		"version: 1\nrequire: [telemetri]":                                                      "does not exist",
		"version: 1\nclaims: {constants: maybe}":                                                "want fail or ignore or warn",
		"version: 1\nclaims: {consistency: ignore}":                                             "not known here",
		"version: 1\nlimits: {A: {jitter: {value: 5}}}":                                         "unit",
		"version: 1\nlimits: {A: {jitter: {value: 0, unit: Seconds}}}":                          "positive",
		"version: 1\nlimits: {A: {packetErrorLossRate: 11}}":                                    "exponent",
		"version: 1\nkeys: [{thumbprint: gUDCEBXcn62NG1Me1F7SIz5HcLHSs5AWLiMikNriiXQ, pin: 1}]": "line 2: field pin is not known here",
		"{\"version\": 1,}":                                                                     "line 1, column 15",
		"a: &a [*a]":                                                                            "",
		"- version: 1":                                                                          "",
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

// A CAMARA QosProfile may be pasted whole; what no proof tells of is named.
func TestWholeProfile(t *testing.T) {
	data := []byte("version: 1\nlimits:\n  QOS_E:\n    name: QOS_E\n    status: ACTIVE\n    priority: 20\n    minDuration: {value: 10, unit: Seconds}\n" +
		"    packetDelayBudget: {value: 50, unit: Milliseconds}\n    beyond_operator: 7ms\n")
	r, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if l := r.Limits["QOS_E"]; l.PacketDelayBudget != 50*time.Millisecond || l.BeyondOperator == nil || *l.BeyondOperator != 7*time.Millisecond {
		t.Errorf("%+v", l)
	}
	if got := strings.Join(NotHeld(data), " "); got != "limits.QOS_E.name limits.QOS_E.status limits.QOS_E.minDuration limits.QOS_E.priority" {
		t.Errorf("not held: %s", got)
	}
}

// What is understood of the policy with every rule, each in words.
func TestDescribe(t *testing.T) {
	r, err := Parse(testdata.Read("telemetry/policy-all.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(Describe(r), "\n")
	for _, want := range []string{`under the kid "lies" from 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z`, `issuer is "operator.example"`, "signed at most 720h0m0s ago", "at least 5 samples",
		"at least 250 probes", "all are there", "latency at p99 is at most 40 ms, lost probes counted as never arrived", "jitter at p99 is at most 15 ms", "at most 0.1 % of the probes",
		"at least 100 %", "packetDelayBudget 20ms one way", "at most 10^-3", "telemetry.samples must pass", "claims.constants is a failure", "claims.times is not told"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
