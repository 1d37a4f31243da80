package bundle

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

// The table has a row for every member of proof and artifact that the reader knows,
// and no other.
func TestTableIsWhole(t *testing.T) {
	want := map[string]Field{}
	var walk func(members object, pointer string)
	walk = func(members object, pointer string) {
		for _, m := range members {
			at := pointer + "/" + m.name
			if m.field == FieldTelemetry || m.field == FieldSession {
				continue // package telemetry's
			}
			want[at] = m.field
			walk(m.children, at)
		}
	}
	want["/proof"], want["/runtime_artifact"] = FieldProof, FieldArtifact
	walk(proofMembers, "/proof")
	walk(artifactMembers, "/runtime_artifact")
	got := map[string]Field{}
	for _, s := range shapes {
		got[s.at] = s.field
		if s.kind == canonical.Number && s.low >= s.high {
			t.Errorf("%s has no range", s.at)
		}
		if s.kind == canonical.Object && s.artifact() && len(s.closed) == 0 {
			t.Errorf("%s is open", s.at)
		}
	}
	if !maps.Equal(got, want) || len(got) != len(shapes) {
		t.Errorf("%d rows:\n%v\nwant\n%v", len(shapes), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// Every genuine bundle and record is what the table says, and the two ways of asking
// agree; the short one allocates nothing.
func TestGenuineAreFaultless(t *testing.T) {
	names := []string{"qod-mock-v0.4/good/01.bundle.json", "telemetry/honest/camara.json", "telemetry/honest/lossy.json", "telemetry/honest/plain-samples.json"}
	for _, name := range names {
		data := testdata.Read(name)
		b, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if faults := b.Faults(); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
		doc, err := canonical.Parse(data, canonical.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var f Fields
		if err := f.Read(doc); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() {
			if !f.Faultless() {
				t.Errorf("%s is not faultless", name)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for line := range strings.Lines(string(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl"))) {
		b, err := Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if faults := b.Faults(); len(faults) > 0 {
			t.Errorf("v0.1: %v", faults)
		}
	}
}
