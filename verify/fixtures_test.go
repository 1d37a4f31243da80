package verify_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

const fixtures = "qod-mock-v0.4/"

func keys(t testing.TB, name string) *jwks.KeySet {
	t.Helper()
	set, err := jwks.Parse(testdata.Read(fixtures + name))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func verifier(t testing.TB, p verify.Policy) *verify.Verifier {
	t.Helper()
	v, err := verify.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parse(t testing.TB, data []byte) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// judge is the whole path from bytes to report.
func judge(v *verify.Verifier, data []byte) *verify.Report {
	b, err := bundle.Parse(data)
	if err != nil {
		return verify.MalformedReport(err)
	}
	return v.Bundle(b)
}

// describe prints every finding, for failure messages.
func describe(r *verify.Report) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s (%s)", r.Verdict(), r.Reason())
	for _, c := range r.Checks() {
		fmt.Fprintf(&s, "\n  %-8s %-14s %s %s at %q; expected %q, actual %q; hint %q", c.Status, c.ID, c.Code, c.Message, c.Pointer, c.Expected, c.Actual, c.Hint)
	}
	for _, n := range r.Notes() {
		fmt.Fprintf(&s, "\n  note     %s %s %s", n.Code, n.Pointer, n.Message)
	}
	return s.String()
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	names, err := fs.Glob(testdata.FS, fixtures+dir+"/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return names
}

func TestGenuineBundles(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	for _, dir := range []string{"good", "refinalized"} {
		n := 0
		for _, name := range files(t, dir) {
			if !strings.HasSuffix(name, ".bundle.json") {
				continue
			}
			n++
			r := judge(v, testdata.Read(name))
			if r.Verdict() != verify.Verified || r.Err() != nil || r.Reason() != verify.OK || !r.Proven() {
				t.Errorf("%s: %s", name, describe(r))
			}
			if got := r.Subject(); got.Profile.String() != "qod-mock" || got.Generation != bundle.V04 {
				t.Errorf("%s: profile %s, generation %s", name, got.Profile, got.Generation)
			}
			if got := r.Outcome(verify.ClaimsConstants); got != verify.Warn {
				t.Errorf("%s: the constants that nobody measured are %s, want warn", name, got)
			}
		}
		if n != 12 {
			t.Errorf("%d bundles in %s, want 12", n, dir)
		}
	}
}

// Given together, the good bundles are one chain; in refinalized the successor
// of the replaced record 02 has lost its predecessor.
func TestChain(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	for dir, unlinked := range map[string][]int{"good": {0}, "refinalized": {0, 3}} {
		var bundles []*bundle.Bundle
		for i := range 12 {
			bundles = append(bundles, parse(t, testdata.Read(fmt.Sprintf("%s%s/%02d.bundle.json", fixtures, dir, i))))
		}
		slices.Reverse(bundles) // the order of the inputs does not matter
		reports := v.Bundles(bundles)
		slices.Reverse(reports)
		for i, r := range reports {
			want := verify.Pass
			if slices.Contains(unlinked, i) {
				want = verify.Skip
			}
			if got := r.Outcome(verify.LedgerLink); got != want {
				t.Errorf("%s/%02d: ledger.link is %s, want %s", dir, i, got, want)
			}
			if r.Verdict() != verify.Verified {
				t.Errorf("%s/%02d: %s", dir, i, describe(r))
			}
		}
	}
}

func TestTamperedBundles(t *testing.T) {
	var expected map[string]struct {
		Verdict      string
		FailedChecks []string `json:"failed_checks"`
		Reason       *string
		Note         string
	}
	if err := json.Unmarshal(testdata.Read(fixtures+"tampered/expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) < 46 {
		t.Fatalf("%d tampered bundles expected, want at least 46", len(expected))
	}
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	for name, want := range expected {
		r := judge(v, testdata.Read(fixtures+"tampered/"+name))
		if r.Verdict().String() != want.Verdict {
			t.Errorf("%s (%s): want %s, got %s", name, want.Note, want.Verdict, describe(r))
			continue
		}
		for _, id := range want.FailedChecks {
			if r.Outcome(verify.CheckID(id)) != verify.Fail {
				t.Errorf("%s (%s): %s did not fail: %s", name, want.Note, id, describe(r))
			}
		}
		if want.Reason != nil && string(r.Reason()) != *want.Reason {
			t.Errorf("%s (%s): reason %s, want %s", name, want.Note, r.Reason(), *want.Reason)
		}
		if (r.Err() == nil) != (want.Verdict == "verified") {
			t.Errorf("%s: Err() is %v for verdict %s", name, r.Err(), want.Verdict)
		}
		t.Logf("%s: %s", name, describe(r))
	}
}

// With the first key alone the six later bundles can't be judged.
func TestOldKeySet(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks-old-only.json")})
	for i := range 12 {
		r := judge(v, testdata.Read(fmt.Sprintf("%sgood/%02d.bundle.json", fixtures, i)))
		want, reason := verify.Verified, verify.OK
		if i >= 6 {
			want, reason = verify.Inconclusive, verify.PublicKeyMissing
		}
		if r.Verdict() != want || r.Reason() != reason {
			t.Errorf("%02d: want %s (%s), got %s", i, want, reason, describe(r))
		}
	}
}

// The bundles among the original's recorded answers: each verifies with the keys
// that were served there, but for those served without their artifact.
func TestRecordedBundles(t *testing.T) {
	path, ok := testdata.Shared("vectors/orig-api/transcripts.jsonl")
	if !ok {
		t.Skip("shared vectors/orig-api is not here")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sets []*jwks.KeySet
	var bundles []string
	for line := range strings.Lines(string(data)) {
		var exchange struct {
			Request  struct{ Path string }
			Response struct {
				Status int
				Body   string
			}
		}
		if err := json.Unmarshal([]byte(line), &exchange); err != nil {
			t.Fatal(err)
		}
		body := exchange.Response.Body
		switch {
		case exchange.Response.Status != 200:
		case strings.HasSuffix(exchange.Request.Path, "/bundle"):
			bundles = append(bundles, body)
		case strings.HasSuffix(exchange.Request.Path, "/jwks.json") && body != `{"keys":[]}`:
			set, err := jwks.Parse([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			sets = append(sets, set)
		}
	}
	set, err := jwks.Merge(sets...)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, verify.Policy{Keys: set})
	verified := 0
	for _, body := range bundles {
		r := judge(v, []byte(body))
		want := verify.OK
		if strings.Contains(body, `"runtime_artifact":null`) {
			want = verify.RuntimeArtifactMissing
		}
		if r.Reason() != want {
			t.Errorf("want %s: %s", want, describe(r))
		}
		if r.Verdict() == verify.Verified {
			verified++
		}
	}
	if len(bundles) != 7 || verified != 5 {
		t.Errorf("%d of %d bundles verified, want 5 of 7", verified, len(bundles))
	}
}
