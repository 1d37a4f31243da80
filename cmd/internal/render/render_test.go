package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func judged(t *testing.T, name string) Result {
	t.Helper()
	keys, err := jwks.Parse(testdata.Read("qod-mock-v0.4/jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys, KeySource: "jwks.json"})
	if err != nil {
		t.Fatal(err)
	}
	data := testdata.Read("qod-mock-v0.4/" + name)
	result := Result{Input: name, Digest: fmt.Sprintf("%x", sha256.Sum256(data))}
	if b, err := bundle.Parse(data); err != nil {
		result.Report = verify.MalformedReport(err)
	} else {
		result.Report = v.Bundle(b)
	}
	return result
}

// TestGolden holds the text report to stored files, so that a change of words
// is seen in review. go test ./cmd/internal/render -update writes them.
func TestGolden(t *testing.T) {
	for golden, names := range map[string][]string{
		"verified":     {"good/01.bundle.json"},
		"reserialised": {"tampered/reserialised-by-js.json"},
		"inconclusive": {"tampered/kid-unknown.json"},
		"malformed":    {"tampered/dup-key.json"},
		"several":      {"good/00.bundle.json", "tampered/session-relabelled.json", "tampered/deep.json"},
		"notes":        {"tampered/case-variant-shadow.json"},
	} {
		var results []Result
		for _, name := range names {
			results = append(results, judged(t, name))
		}
		run := Run{Tool: Tool{"qodverify", "test"}, Results: results, Outcomes: NewRun(Tool{}, results).Outcomes}
		var plain, colored bytes.Buffer
		if err := Text(&plain, run, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := Text(&colored, run, TextOptions{Color: true}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", golden+".txt")
		if *update {
			if err := os.WriteFile(path, plain.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if plain.String() != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", golden, plain.String(), want)
		}
		if !strings.Contains(colored.String(), "\x1b[") {
			t.Errorf("%s: no colour", golden)
		}
		if stripped := stripColor(colored.String()); stripped != plain.String() {
			t.Errorf("%s: colour changes more than colour:\n%s", golden, stripped)
		}
	}
}

// stripColor drops SGR sequences, the only ones that the report may use.
func stripColor(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !ok {
			return trimLines(b.String())
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// trimLines drops blanks before line ends, where plain text has none.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestVerdicts(t *testing.T) {
	verified, failed := judged(t, "good/00.bundle.json"), judged(t, "tampered/sig-empty.json")
	inconclusive, malformed := judged(t, "tampered/kid-unknown.json"), judged(t, "tampered/nan.json")
	for _, c := range []struct {
		results []Result
		problem *Problem
		want    verify.Verdict
	}{
		{nil, nil, verify.Inconclusive},
		{[]Result{verified}, nil, verify.Verified},
		{[]Result{verified}, &Problem{}, verify.Inconclusive},
		{[]Result{verified, inconclusive}, nil, verify.Inconclusive},
		{[]Result{inconclusive, malformed, verified}, nil, verify.Malformed},
		{[]Result{malformed, failed, inconclusive}, nil, verify.Failed},
		{[]Result{{Report: &verify.Report{}}}, nil, verify.Inconclusive},
	} {
		run := Run{Problem: c.problem}
		for _, r := range c.results {
			run.Outcomes = append(run.Outcomes, OutcomeOf(r))
		}
		if got := run.Verdict(); got != c.want {
			t.Errorf("%d results: %s, want %s", len(c.results), got, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 日本 🚗":   "plain é 日本 🚗",
		"\x1b]52;c;x\a":  `\u001b]52;c;x\u0007`,
		"a\u202eb\u2066": `a\u202eb\u2066`,
		"\u009b31m\x7f":  `\u009b31m\u007f`,
		"\u200b\u2028\n": `\u200b\u2028\u000a`,
		"\xff\xfe":       `\xff\xfe`,
		"\U000e0001":     `\U000e0001`,
		"\ufffd\ue000":   "\ufffd" + `\ue000`, // the replacement character itself is visible
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzPrintable: whatever goes in, only visible characters come out; and in
// JSON the value stays the same.
func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[31m\u202e\u009b\U000e0001\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Printable(s) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q: %q comes out", s, r)
			}
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		out := PrintableJSON(encoded)
		if !utf8.Valid(out) {
			t.Fatalf("%q: invalid UTF-8", s)
		}
		for _, r := range string(out) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q: %q comes out in JSON", s, r)
			}
		}
		var before, after string
		if err := errors.Join(json.Unmarshal(encoded, &before), json.Unmarshal(out, &after)); err != nil || before != after {
			t.Fatalf("%q: %q became %q (%v)", s, before, after, err)
		}
	})
}
