package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
)

// Each format is read here by the rules of those who consume it: what makes a host refuse
// a report whole, or show less than it has, is an error. Where the rules stand is beside
// each.

// checkout is a repository with proofs of every kind, for a pipeline to judge.
type checkout struct{ root, outside, server string }

func newCheckout(t *testing.T) checkout {
	t.Helper()
	fx := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	c := checkout{root: t.TempDir(), outside: t.TempDir()}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(fx, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	write := func(name string, data []byte) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.root, name)
		}
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	good, bad := read("good/00.bundle.json"), read("tampered/artifact-value.json")
	keys := read("jwks.json")
	write(".git/HEAD", nil)
	write("keys.json", keys)
	write("good.json", good)
	write("bad.json", bad)
	for _, n := range []string{"00", "01", "03", "05"} {
		write("gap/"+n+".json", read("good/"+n+".bundle.json"))
	}
	for i := range 12 {
		write(fmt.Sprintf("many/%02d.json", i), bytes.ReplaceAll(bad, []byte("212daebb-2756-43d1-a5e4-b71335adad6d"), fmt.Appendf(nil, "212daebb-2756-43d1-a5e4-b71335ada%03d", i)))
	}
	for _, name := range []string{"odd/name with spaces.json", "odd/100%25 #1?.json", "odd/a:b,c.json", "odd/::error::x.json", "odd/line\nbreak.json", "odd/[[ATTACHMENT|x]].json", "odd/ümlaut.json"} {
		write(name, bad)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(bad)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	write("packed.json.gz", packed.Bytes())
	write(filepath.Join(c.outside, "bad.json"), bad)
	write("ledger.sqlite3", read("ledger.sqlite3"))
	var lines []byte
	for i := range 12 {
		lines = append(append(lines, bytes.Replace(read(fmt.Sprintf("good/%02d.bundle.json", i)), []byte(`"latency_ms":`), []byte(`"latency_ms":1`), 1)...), '\n')
	}
	write("ledger.jsonl", lines)
	packed.Reset()
	z = gzip.NewWriter(&packed)
	_, err = z.Write(lines)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	write("ledger.jsonl.gz", packed.Bytes())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "jwks.json") {
			_, _ = w.Write(keys)
			return
		}
		_, _ = w.Write(bad)
	}))
	t.Cleanup(server.Close)
	c.server = server.URL
	return c
}

// consumed are the invocations whose reports are read.
func (c checkout) consumed() map[string]struct {
	args  []string
	stdin string
} {
	type one = struct {
		args  []string
		stdin string
	}
	return map[string]one{
		"good":            {[]string{"good.json"}, ""},
		"several":         {[]string{"good.json", "bad.json", "many"}, ""},
		"gap":             {[]string{"gap"}, ""},
		"one twice":       {[]string{"bad.json", "bad.json", "./bad.json"}, ""},
		"odd names":       {[]string{"odd"}, ""},
		"absolute":        {[]string{filepath.Join(c.root, "bad.json")}, ""},
		"outside":         {[]string{filepath.Join(c.outside, "bad.json")}, ""},
		"stdin":           {[]string{"-"}, "bad.json"},
		"url":             {[]string{c.server + "/proof/1/bundle"}, ""},
		"packed":          {[]string{"packed.json.gz"}, ""},
		"missing":         {[]string{"no-such.json"}, ""},
		"no keys":         {[]string{"--jwks", "none.json", "good.json"}, ""},
		"ledger":          {[]string{"audit", "ledger.jsonl"}, ""},
		"ledger, packed":  {[]string{"audit", "ledger.jsonl.gz"}, ""},
		"ledger, stdin":   {[]string{"audit", "-"}, "ledger.jsonl"},
		"ledger, folder":  {[]string{"audit", "many"}, ""},
		"ledger, SQLite":  {[]string{"audit", "ledger.sqlite3", "--artifacts-dir", "many"}, ""},
		"ledger, no keys": {[]string{"audit", "ledger.sqlite3", "--pin", "X8SA8NgbGcejYQTtWNxXyb8dzdDjPGc9nLjLWrdfg14"}, ""},
	}
}

func TestConsumers(t *testing.T) {
	c := newCheckout(t)
	t.Chdir(c.root)
	for _, name := range append(slices.Clone(rootVariables), "QODVERIFY_JWKS", "GITHUB_STEP_SUMMARY") {
		t.Setenv(name, "")
	}
	for name, one := range c.consumed() {
		t.Run(name, func(t *testing.T) {
			var stdin []byte
			if one.stdin != "" {
				var err error
				if stdin, err = os.ReadFile(one.stdin); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Contains(one.args, "--jwks") {
				one.args = append(one.args, "--jwks", "keys.json")
			}
			dir := t.TempDir()
			args := one.args
			for _, f := range render.Formats() {
				args = append(args, "--report", f.Name+"="+filepath.Join(dir, f.Name))
			}
			var stdout, stderr bytes.Buffer
			code := run(args, bytes.NewReader(stdin), &stdout, &stderr)
			for format, consume := range map[string]func(*testing.T, checkout, string, bool){
				"sarif": codeScanning, "github": annotations, "gitlab": codeQuality, "junit": testReports, "tap": harness, "markdown": stepSummary,
			} {
				data, err := os.ReadFile(filepath.Join(dir, format))
				if err != nil {
					t.Fatalf("%v\n%s", err, stderr.String())
				}
				t.Run(format, func(t *testing.T) { consume(t, c, string(data), code == exitVerified) })
			}
		})
	}
}

// has reports whether a path is the relative path of something in the repository, or of
// the file that was named and is not there.
func (c checkout) has(file string) bool {
	if file == "" || path.IsAbs(file) || strings.HasPrefix(file, "./") || strings.Contains(file, `\`) || path.Clean(file) != file {
		return false
	}
	_, err := os.Stat(filepath.Join(c.root, filepath.FromSlash(file)))
	return err == nil || file == "no-such.json"
}

// codeScanning reads SARIF as GitHub does: docs.github.com, "SARIF support for code
// scanning" (the properties that it requires) and "SARIF results exceed one or more
// limits"; and as its ingestion answers: "locationFromSarifResult: expected artifact
// location" refuses the whole file.
func codeScanning(t *testing.T, c checkout, s string, good bool) {
	var doc struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID, HelpURI                             string
						ShortDescription, FullDescription, Help struct{ Text string }
						DefaultConfiguration                    struct{ Level string }
					}
				}
			}
			AutomationDetails  struct{ ID string }
			OriginalURIBaseIDs map[string]map[string]any
			Results            []struct {
				RuleID, Level string
				RuleIndex     int
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation *struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           *struct{ StartLine, StartColumn, EndLine, EndColumn int }
					}
				}
				PartialFingerprints map[string]string
				Properties          map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(s), &doc); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(s))
	if err = errors.Join(err, z.Close()); err != nil || packed.Len() > 10<<20 {
		t.Errorf("%d bytes packed, %v; at most 10 MiB are taken", packed.Len(), err)
	}
	if doc.Version != "2.1.0" || len(doc.Runs) != 1 {
		t.Fatalf("version %s, %d runs", doc.Version, len(doc.Runs))
	}
	run := doc.Runs[0]
	if id := run.AutomationDetails.ID; !strings.HasPrefix(id, "qodverify/") || !strings.HasSuffix(id, "/") || strings.Contains(id, c.root) || strings.Contains(id, c.outside) {
		t.Errorf("automationDetails.id %q", id)
	}
	if base, ok := run.OriginalURIBaseIDs["%SRCROOT%"]; !ok || base["uri"] != nil {
		t.Errorf("originalUriBaseIds %v", run.OriginalURIBaseIDs)
	}
	for _, r := range run.Tool.Driver.Rules {
		if u, err := url.Parse(r.HelpURI); err != nil || u.Scheme != "https" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || !slices.Contains([]string{"error", "warning", "note"}, r.DefaultConfiguration.Level) {
			t.Errorf("rule %+v", r)
		}
	}
	if len(run.Results) > 5000 || len(run.Tool.Driver.Rules) > 25000 {
		t.Errorf("%d results, %d rules", len(run.Results), len(run.Tool.Driver.Rules))
	}
	alerts, errors := map[string]bool{}, 0
	for i, r := range run.Results {
		if r.Message.Text == "" || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result %+v", r)
		}
		if r.Level == "error" {
			errors++
			if i > 0 && run.Results[i-1].Level != "error" {
				t.Errorf("the error %s stands behind a %s", r.RuleID, run.Results[i-1].Level)
			}
		}
		if r.Level == "warning" && r.RuleID == "constants_never_measured" {
			t.Error("what is true of every proof is a warning")
		}
		fingerprint := r.PartialFingerprints["qodverify/v1"]
		if len(r.PartialFingerprints) != 1 || len(fingerprint) != 64 || alerts[fingerprint] {
			t.Errorf("the fingerprint of %s is no other's: %v", r.RuleID, r.PartialFingerprints)
		}
		alerts[fingerprint] = true
		if r.Locations == nil {
			// A database and what is compressed are files, and have no lines.
			input, _ := r.Properties["input"].(string)
			if input == "" || input == "all inputs together" || c.has(input) && !opaqueFile(input) {
				t.Errorf("%s stands nowhere: %v", r.RuleID, r.Properties)
			}
			continue
		}
		for _, l := range r.Locations {
			if l.PhysicalLocation == nil || l.PhysicalLocation.ArtifactLocation.URI == "" {
				t.Fatalf("expected artifact location: %s", r.RuleID)
			}
			at := l.PhysicalLocation.ArtifactLocation
			u, err := url.Parse(at.URI)
			if err != nil || u.Fragment != "" || u.RawQuery != "" {
				t.Errorf("uri %q: %v", at.URI, err)
				continue
			}
			if inside := at.URIBaseID == "%SRCROOT%"; inside != (u.Scheme == "") || inside && !c.has(strings.TrimPrefix(u.Path, "./")) {
				t.Errorf("%+v is no file of the repository", at)
			}
			if g := l.PhysicalLocation.Region; g != nil && (g.StartLine < 1 || g.EndLine != 0 && g.EndLine < g.StartLine) {
				t.Errorf("region %+v", g)
			}
		}
	}
	if good != (errors == 0) {
		t.Errorf("%d errors, verified: %t", errors, good)
	}
}

// annotations reads workflow commands as the runner does: @actions/core (command.ts)
// escapes them, and docs.github.com and actions/toolkit (problem-matchers.md) say that ten
// errors, ten warnings and ten notices of a step are shown.
func annotations(t *testing.T, c checkout, s string, good bool) {
	commands, err := readCommands(s)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]workflowCommand{}
	for _, w := range commands {
		of[w.kind] = append(of[w.kind], w)
		file := w.properties["file"]
		// A name with invisible characters is shown escaped.
		if _, there := w.properties["file"]; there && !c.has(file) && !strings.Contains(file, `\u000a`) {
			t.Errorf("file %q is none of the repository", file)
		}
		if w.message == "" || w.properties["title"] == "" || strings.Contains(w.message, "constants_never_measured") && w.kind == "warning" {
			t.Errorf("%s %+v", w.kind, w)
		}
	}
	if good != (len(of["error"]) == 0) {
		t.Errorf("%d errors, verified: %t", len(of["error"]), good)
	}
	bad := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^qodverify: (.*): (?:FAILED|MALFORMED|UNREADABLE|INCONCLUSIVE)`).FindAllStringSubmatch(s, -1) {
		bad[m[1]] = true
	}
	named := map[string]bool{}
	for _, w := range of["error"][:min(10, len(of["error"]))] {
		named[w.properties["file"]+"\x00"+strings.SplitN(w.message, ":", 2)[0]] = true
	}
	if shown := min(10, len(bad)); len(named) < shown {
		t.Errorf("the first ten errors name %d of %d inputs", len(named), len(bad))
	}
	for _, kind := range []string{"warning", "notice"} {
		seen := map[string]bool{}
		for _, w := range of[kind] {
			if seen[w.properties["title"]] && !strings.Contains(w.properties["title"], "skipped") {
				t.Errorf("%s is said twice", w.properties["title"])
			}
			seen[w.properties["title"]] = true
		}
	}
}

// codeQuality reads as GitLab does: docs.gitlab.com, "Code Quality report format", and
// lib/gitlab/ci/parsers/codequality/code_climate.rb, where the first issue that is not
// valid ends the reading; a fingerprint is one issue.
func codeQuality(t *testing.T, c checkout, s string, good bool) {
	var list []map[string]any
	if err := json.Unmarshal([]byte(s), &list); err != nil || list == nil || strings.HasPrefix(s, "\ufeff") {
		t.Fatal(err)
	}
	fingerprints, bad := map[string]bool{}, 0
	for _, issue := range list {
		location, _ := issue["location"].(map[string]any)
		lines, _ := location["lines"].(map[string]any)
		file, _ := location["path"].(string)
		begin, _ := lines["begin"].(float64)
		for _, name := range []string{"description", "check_name", "fingerprint", "severity"} {
			if v, ok := issue[name].(string); !ok || v == "" {
				t.Errorf("%s of %v", name, issue)
			}
		}
		severity, _ := issue["severity"].(string)
		if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, severity) {
			t.Errorf("severity %q", severity)
		}
		if severity == "major" || severity == "critical" || severity == "blocker" {
			bad++
		}
		if begin < 1 || file == "" || path.IsAbs(file) || strings.HasPrefix(file, ".") || strings.Contains(file, "..") || strings.Contains(file, "://") {
			t.Errorf("location %v", location)
		}
		if strings.Contains(file, "/") && !c.has(file) && !strings.Contains(file, `\u000a`) {
			t.Errorf("%q is no file of the repository", file)
		}
		fingerprint, _ := issue["fingerprint"].(string)
		if fingerprints[fingerprint] {
			t.Errorf("two issues are one: %v", issue)
		}
		fingerprints[fingerprint] = true
	}
	if good != (bad == 0) {
		t.Errorf("%d issues that are no remark, verified: %t", bad, good)
	}
}

// testReports reads JUnit XML as GitLab and Jenkins do. GitLab: docs.gitlab.com, "Unit
// test reports" (30 MB a file; of equal names one is shown), and
// lib/gitlab/ci/parsers/test/junit.rb and reports/test_case.rb: a case is the names of
// its suite, class and its own, and [[ATTACHMENT|path]] in the output of a failed one is
// a link. Jenkins: junit-plugin's SuiteResult and CaseResult, for which the name of a
// suite and of a case must be there, and times are not negative.
func testReports(t *testing.T, c checkout, s string, good bool) {
	if len(s) >= 30_000_000 {
		t.Errorf("%d bytes", len(s))
	}
	if ok, err := readJUnit(s); err != nil || ok != good {
		t.Errorf("%t, %v; verified: %t", ok, err, good)
	}
	var doc struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Time  string `xml:"time,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Class   string `xml:"classname,attr"`
				File    string `xml:"file,attr"`
				Time    string `xml:"time,attr"`
				Out     string `xml:"system-out"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(s), &doc); err != nil {
		t.Fatal(err)
	}
	suites, cases := map[string]bool{}, map[string]bool{}
	for _, suite := range doc.Suites {
		if suite.Name == "" || suites[suite.Name] || suite.Time != "0" {
			t.Errorf("suite %q, time %s", suite.Name, suite.Time)
		}
		suites[suite.Name] = true
		for _, x := range suite.Cases {
			key := suite.Name + "_" + x.Class + "_" + x.Name
			if x.Name == "" || x.Class == "" || cases[key] || x.Time != "0" {
				t.Errorf("case %q of %q is not the only one", x.Name, x.Class)
			}
			cases[key] = true
			if x.File != "" && !c.has(x.File) && !strings.Contains(x.File, `\u000a`) {
				t.Errorf("%q is no file of the repository", x.File)
			}
			if x.Failure != nil && x.Out != "" {
				t.Errorf("%s: the output of a failed case may be a link", x.Name)
			}
		}
	}
}

// harness reads TAP as testanything.org's "TAP version 13" has it; TestProve has prove
// itself read it.
func harness(t *testing.T, _ checkout, s string, good bool) {
	if ok, err := readTAP(s); err != nil || ok != good {
		t.Errorf("%t, %v; verified: %t", ok, err, good)
	}
	if n := len(regexp.MustCompile(`(?m)^1\.\.\d+$`).FindAllString(s, -1)); n != 1 || strings.Contains(s, "Bail out!") {
		t.Errorf("%d plans", n)
	}
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "# qodverify: ") || good != strings.HasPrefix(last, "# qodverify: VERIFIED") {
		t.Errorf("the last line is %q", last)
	}
}

// stepSummary: docs.github.com, "Adding a job summary": a step's is at most 1 MiB, or
// none of it is shown.
func stepSummary(t *testing.T, c checkout, s string, good bool) {
	if len(s) > 1<<20 {
		t.Errorf("%d bytes", len(s))
	}
	head, _, _ := strings.Cut(s, "\n")
	if good != strings.HasPrefix(head, "## qodverify: VERIFIED") {
		t.Errorf("the head is %q", head)
	}
}

// What others have written to a step's summary is not lost for what we add.
func TestStepSummaryRoom(t *testing.T) {
	c := newCheckout(t)
	t.Chdir(c.root)
	for before, added := range map[int]bool{0: true, 900 << 10: true, 1<<20 - 20<<10: true, 1<<20 - 100: false, 2 << 20: false} {
		file := filepath.Join(t.TempDir(), "summary.md")
		if err := os.WriteFile(file, bytes.Repeat([]byte("x"), before), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GITHUB_STEP_SUMMARY", file)
		var stdout, stderr bytes.Buffer
		if code := run([]string{"--jwks", "keys.json", "-o", "github", "many", "odd"}, strings.NewReader(""), &stdout, &stderr); code != exitFailed {
			t.Errorf("exit %d\n%s", code, stderr.String())
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if added != (len(data) > before) || added && len(data) > 1<<20 {
			t.Errorf("%d bytes became %d", before, len(data))
		}
		if !added && !strings.Contains(stderr.String(), "no room") {
			t.Errorf("nothing is said of it: %s", stderr.String())
		}
	}
}

// Two operators in one workflow are two analyses.
func TestAutomationID(t *testing.T) {
	c := newCheckout(t)
	t.Chdir(c.root)
	if err := errors.Join(os.Mkdir("other", 0o755), os.Link("bad.json", "other/bad.json"), os.Link("keys.json", "other/jwks.json")); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, args := range [][]string{
		{"--jwks", "keys.json", "many"}, {"--jwks", "keys.json", "odd"}, {"other"}, {"--jwks", "other/jwks.json", "many"},
		{"audit", "--jwks", "keys.json", "many"}, {"audit", "--jwks", "keys.json", "ledger.jsonl"}, {"audit", "--jwks", "keys.json", "ledger.sqlite3"}, {"--jwks", "keys.json", c.server + "/proof/1/bundle"},
	} {
		var stdout, stderr bytes.Buffer
		run(append(args, "-o", "sarif"), strings.NewReader(""), &stdout, &stderr)
		m := regexp.MustCompile(`"automationDetails": \{\s*"id": "([^"]*)"`).FindStringSubmatch(stdout.String())
		if m == nil {
			t.Fatalf("%v: no id\n%s", args, stderr.String())
		}
		if before, ok := ids[m[1]]; ok {
			t.Errorf("%v and %s are both %s", args, before, m[1])
		}
		ids[m[1]] = strings.Join(args, " ")
	}
	for _, want := range []string{"qodverify/verify/many/keys.json/", "qodverify/verify/other/jwks.json/", "qodverify/audit/ledger.sqlite3/keys.json/"} {
		if ids[want] == "" {
			t.Errorf("no %s in %v", want, ids)
		}
	}
}
