package verify

import (
	"errors"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

// With each check made to err, to panic or to return nothing, in turn,
// the verdict is never verified; the other checks still run.
func TestFaults(t *testing.T) {
	set, err := jwks.Parse(testdata.Read("qod-mock-v0.4/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(testdata.Read("qod-mock-v0.4/good/01.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string]func(*run) ([]Check, error){
		"error":             func(*run) ([]Check, error) { return nil, errors.New("injected") },
		"error beside pass": func(*run) ([]Check, error) { return []Check{{Status: Pass, Code: OK}}, errors.New("injected") },
		"panic":             func(*run) ([]Check, error) { panic("injected") },
		"nothing":           func(*run) ([]Check, error) { return nil, nil },
	}
	for i, faulty := range defaultChecks {
		for name, fault := range faults {
			v, err := New(Policy{Keys: set})
			if err != nil {
				t.Fatal(err)
			}
			v.checks = append([]check(nil), defaultChecks...)
			v.checks[i].run = fault
			r := v.Bundle(b)
			if r.Verdict() == Verified || r.Err() == nil || r.Outcome(faulty.id) != NotRun {
				t.Errorf("%s in %s: %s", name, faulty.id, r.Verdict())
			}
			for _, other := range defaultChecks {
				if other.id != faulty.id && r.Outcome(other.id) == NotRun {
					t.Errorf("%s in %s kept %s from running", name, faulty.id, other.id)
				}
			}
		}
		// A check that is missing from the table altogether.
		v, err := New(Policy{Keys: set, Require: []CheckID{faulty.id}})
		if err != nil {
			t.Fatal(err)
		}
		v.checks = append(append([]check(nil), defaultChecks[:i]...), defaultChecks[i+1:]...)
		if r := v.Bundle(b); r.Verdict() == Verified {
			t.Errorf("verified without %s", faulty.id)
		}
	}
}

// A rule that breaks is a rule that was not met.
func TestRuleFaults(t *testing.T) {
	b, err := bundle.Parse(testdata.Read("telemetry/honest/good.json"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.Parse(testdata.Read("telemetry/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	none := int64(0)
	rules := Rules{
		Name: "t", Keys: []KeyRule{{Thumbprint: first(set).Thumbprint()}}, KID: "lies", SessionID: b.Proof.SessionID, QoSProfile: "QOS_LOW_LATENCY",
		Canonical: canonical.QodMock, NotFuture: true, MinSamples: 1, Telemetry: Disclosed, Latency: &Target{}, Jitter: &Target{}, MaxLossPPM: &none,
		MinAvailablePPM: 1_000_000, Require: []CheckID{TelemetrySamples}, Claims: map[CheckID]Treatment{ClaimsPercentile: Refuse},
	}
	for i, faulty := range append([]check{{}}, ruleChecks...) {
		if i > 0 && !rules.has(faulty.id) {
			continue
		}
		v, err := New(Policy{Keys: set, Rules: &rules, At: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		for j := range v.checks {
			if v.checks[j].id == faulty.id {
				v.checks[j].run = func(*run) ([]Check, error) { panic("injected") }
			}
		}
		if r := v.Bundle(b); (r.Verdict() == Verified) != (i == 0) || i > 0 && r.Outcome(faulty.id) != NotRun {
			t.Errorf("a fault in %q: %s (%s)", faulty.id, r.Verdict(), r.Reason())
		}
	}
	if _, err := New(Policy{Keys: set, Rules: &rules}); err == nil {
		t.Error("a rule on the time, without a time")
	}
}

// A panic while explaining costs the explanation and no more.
func TestExplainPanics(t *testing.T) {
	b, err := bundle.Parse(testdata.Read("qod-mock-v0.4/tampered/artifact-value.json"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.Parse(testdata.Read("qod-mock-v0.4/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(Policy{Keys: set})
	if err != nil {
		t.Fatal(err)
	}
	r := v.start(b)
	r.batch = &Batch{links: []link{{flags: genuineLink, prev: [32]byte{1}}}, byPrev: []int32{7}} // makes note fail
	r.all()
	notes := r.report.Notes()
	if r.report.Verdict() != Failed || len(notes) == 0 || notes[len(notes)-1].Code != InternalError {
		t.Errorf("%s with notes %v", r.report.Verdict(), notes)
	}
}

func first(set *jwks.KeySet) jwks.Key {
	for k := range set.All() {
		return k
	}
	return jwks.Key{}
}
