package verify

import (
	"errors"
	"testing"

	"github.com/qodverify/qodverify/bundle"
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
	r.rivals = []*run{nil} // makes note fail
	r.all()
	notes := r.report.Notes()
	if r.report.Verdict() != Failed || len(notes) == 0 || notes[len(notes)-1].Code != InternalError {
		t.Errorf("%s with notes %v", r.report.Verdict(), notes)
	}
}
