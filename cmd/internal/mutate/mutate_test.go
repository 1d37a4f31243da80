package mutate

import (
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

func measure(t *testing.T, name, keys string) Measurement {
	t.Helper()
	set, err := jwks.Parse(testdata.Read(keys))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: set})
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	data := testdata.Read(name)
	m, err := Measure(data, func(b []byte) *verify.Report {
		judged++
		parsed, err := bundle.Parse(b)
		if err != nil {
			return verify.MalformedReport(err)
		}
		return v.Bundle(parsed)
	})
	if err != nil || judged != len(m.Outcomes)+1 {
		t.Fatalf("%d of %d outcomes, %v", judged, len(m.Outcomes), err)
	}
	return m
}

// Of both formats, the original's and ours, exactly the members that the README
// calls unsigned are open, and whatever the coverage says of a member holds when
// it is changed.
func TestOwnFormat(t *testing.T) {
	for name, x := range map[string]struct {
		keys string
		open []string
		some int
	}{
		"qod-mock-v0.4/good/01.bundle.json": {"qod-mock-v0.4/jwks.json", []string{"/ledger/created_at", "/jwks_url"}, 50},
		"telemetry/honest/camara.json":      {"telemetry/jwks.json", []string{"/ledger/created_at", "/jwks_url", "/telemetry"}, 100},
	} {
		m := measure(t, name, x.keys)
		protected, members, open := m.Protected()
		b, err := bundle.Parse(testdata.Read(name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(open, x.open) {
			t.Errorf("%s: nothing protects %v, want %v", name, open, x.open)
		}
		if members < x.some || protected != members-len(open) {
			t.Errorf("%s: %d of %d members protected", name, protected, members)
		}
		for _, o := range m.Outcomes {
			covered := coverage(b, o.Pointer)
			switch {
			case o.Kind == Changed && len(covered) > 0 && !o.Caught() && !slices.Contains([]string{"/jwks_url", "/ledger/created_at"}, o.Pointer):
				t.Errorf("%s: %s is said to be covered by %v, and a change of it is not caught", name, o.Pointer, covered)
			case o.Kind == Changed && o.Caught() && o.Verdict == verify.Failed && len(covered) > 0 && !slices.ContainsFunc(o.By, func(id verify.CheckID) bool { return slices.Contains(covered, id) }):
				t.Errorf("%s: %s is caught by %v, and said to be covered by %v", name, o.Pointer, o.By, covered)
			case o.Caught() && len(o.By) == 0:
				t.Errorf("%s: %s %s is caught by nothing", name, o.Pointer, o.Kind)
			case o.Kind == Added && !o.Caught() && (strings.HasPrefix(o.Pointer, "/proof") || strings.HasPrefix(o.Pointer, "/runtime_artifact")):
				t.Errorf("%s: a member can be added to %s", name, o.Pointer)
			}
		}
	}
}

// coverage is what the bundle's own list says of a member, or of what it is in.
func coverage(b *bundle.Bundle, pointer string) (checks []verify.CheckID) {
	for _, c := range verify.CoverageOf(b) {
		if c.Pointer == pointer || strings.HasPrefix(pointer, c.Pointer+"/") {
			checks = c.Checks
		}
	}
	return checks
}

// An edit changes one value, and all others keep their bytes.
func TestEdit(t *testing.T) {
	const text = ` { "a" : 1.50, "b":[ true,null , "x" ], "c/d":{}, "":{"":"é"} } `
	doc, err := canonical.Parse([]byte(text), canonical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/a":    `{"a":2.50,"b":[ true,null , "x" ],"c/d":{},"":{"":"é"}}`,
		"/b/0":  `{"a":1.50,"b":[false,null,"x"],"c/d":{},"":{"":"é"}}`,
		"/b/1":  `{"a":1.50,"b":[true,0,"x"],"c/d":{},"":{"":"é"}}`,
		"/b":    `{"a":1.50,"b":[],"c/d":{},"":{"":"é"}}`,
		"/b/2":  `{"a":1.50,"b":[true,null,"y"],"c/d":{},"":{"":"é"}}`,
		"/c~1d": `{"a":1.50,"b":[ true,null , "x" ],"c/d":{},"":{"":"é"}}`,
	} {
		if got := edit(doc.Root(), pointer, other); string(got) != want {
			t.Errorf("%s:\n%s, want\n%s", pointer, got, want)
		}
	}
	if got := edit(doc.Root(), "/b", func(canonical.Value) []byte { return nil }); string(got) != `{"a":1.50,"c/d":{},"":{"":"é"}}` {
		t.Errorf("removed: %s", got)
	}
	if got := edit(doc.Root(), "/c~1d", withMember); !strings.Contains(string(got), `"c/d":{"qodverify_mutation":1}`) {
		t.Errorf("added: %s", got)
	}
}
