package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
)

// reported is one invocation's report in every format.
type reported struct {
	code    exitCode
	verdict string
	in      map[string]string // by format
}

// allFormats verifies once and has every format written to a file; the formats
// on stdout are the same bytes.
func allFormats(t *testing.T, args ...string) reported {
	t.Helper()
	t.Setenv("GITHUB_STEP_SUMMARY", "")
	t.Setenv("GITHUB_WORKSPACE", "")
	dir := t.TempDir()
	var flags []string
	for _, f := range render.Formats() {
		flags = append(flags, "--report", f.Name+"="+filepath.Join(dir, f.Name))
	}
	var stdout, stderr bytes.Buffer
	code := run(slices.Concat(args, flags, []string{"--output", "json"}), strings.NewReader(""), &stdout, &stderr)
	r := reported{code: code, in: map[string]string{}}
	for _, f := range render.Formats() {
		data, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.String())
		}
		r.in[f.Name] = string(data)
	}
	if r.in["json"] != stdout.String() {
		t.Errorf("%v: --report json and --output json differ", args)
	}
	var doc struct{ Verdict string }
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	r.verdict = doc.Verdict
	return r
}

// hold holds every format to its reader: what the reader takes for success is
// there exactly when the verdict is verified.
func (r reported) hold(t *testing.T, name string) {
	t.Helper()
	good := r.verdict == "verified"
	if good != (r.code == exitVerified) {
		t.Errorf("%s: exit %d with %s", name, r.code, r.verdict)
	}
	for format, success := range map[string]func(string) (bool, error){
		"jsonl": readJSONL, "junit": readJUnit, "tap": readTAP, "github": readGitHub, "gitlab": readGitLab, "sarif": readSARIF,
		"text": func(s string) (bool, error) {
			return !regexp.MustCompile(`(?m): (FAILED|INCONCLUSIVE|MALFORMED|UNREADABLE|NOTHING VERIFIED)`).MatchString(s), nil
		},
		"markdown": func(s string) (bool, error) {
			return regexp.MustCompile(`^## qodverify: VERIFIED( BY|,| with|\n)`).MatchString(s), nil
		},
		"html": func(s string) (bool, error) { return strings.Contains(s, "<title>VERIFIED · "), nil },
	} {
		got, err := success(r.in[format])
		if err != nil {
			t.Errorf("%s: %s: %v\n%.2000s", name, format, err, r.in[format])
		} else if got != good {
			t.Errorf("%s: %s says %t of a verdict of %s\n%.2000s", name, format, got, r.verdict, r.in[format])
		}
	}
}

func readJSONL(s string) (bool, error) {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	verdict := ""
	for i, line := range lines {
		var v struct{ Type, Verdict string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return false, err
		}
		if (v.Type == "summary") != (i == len(lines)-1) {
			return false, fmt.Errorf("line %d is a %s", i+1, v.Type)
		}
		verdict = v.Verdict
	}
	return verdict == "verified", nil
}

// readJUnit reads as a CI system does: by counts and by cases, which must agree.
func readJUnit(s string) (bool, error) {
	type counts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	var doc struct {
		XMLName xml.Name `xml:"testsuites"`
		counts
		Suites []struct {
			Name string `xml:"name,attr"`
			counts
			Cases []struct {
				Name      string    `xml:"name,attr"`
				ClassName string    `xml:"classname,attr"`
				Failure   *struct{} `xml:"failure"`
				Error     *struct{} `xml:"error"`
				Skipped   *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	d := xml.NewDecoder(strings.NewReader(s))
	d.Strict = true
	if err := d.Decode(&doc); err != nil {
		return false, err
	}
	var all counts
	for _, suite := range doc.Suites {
		var c counts
		for _, x := range suite.Cases {
			c.Tests++
			for _, n := range []struct {
				there *struct{}
				count *int
			}{{x.Failure, &c.Failures}, {x.Error, &c.Errors}, {x.Skipped, &c.Skipped}} {
				if n.there != nil {
					*n.count++
				}
			}
			if x.Name == "" || x.ClassName != suite.Name {
				return false, fmt.Errorf("case %q of class %q in suite %q", x.Name, x.ClassName, suite.Name)
			}
		}
		if c != suite.counts || c.Tests == 0 {
			return false, fmt.Errorf("suite %q counts %+v and has %+v", suite.Name, suite.counts, c)
		}
		all = counts{all.Tests + c.Tests, all.Failures + c.Failures, all.Errors + c.Errors, all.Skipped + c.Skipped}
	}
	if all != doc.counts {
		return false, fmt.Errorf("all count %+v and are %+v", doc.counts, all)
	}
	return all.Failures+all.Errors == 0, nil
}

// readTAP reads the test lines; TestProve has prove read them.
func readTAP(s string) (bool, error) {
	lines := strings.Split(s, "\n")
	if lines[0] != "TAP version 13" {
		return false, errors.New("no version")
	}
	n, good := 0, true
	for _, line := range lines {
		m := regexp.MustCompile(`^(not )?ok (\d+) - [^#]*( # SKIP [^#]*)?$`).FindStringSubmatch(line)
		if m == nil {
			if strings.HasPrefix(line, "ok") || strings.HasPrefix(line, "not ok") {
				return false, fmt.Errorf("line %q", line)
			}
			continue
		}
		if n++; m[2] != strconv.Itoa(n) {
			return false, fmt.Errorf("line %q is number %d", line, n)
		}
		good = good && m[1] == ""
	}
	// The plan may stand at the end, where the number is known.
	if len(lines) < 3 || lines[len(lines)-3] != fmt.Sprintf("1..%d", n) {
		return false, fmt.Errorf("the plan is not 1..%d: %q", n, lines[max(0, len(lines)-3):])
	}
	return good, nil
}

// workflowCommand is one workflow command, unescaped as the runner does it.
type workflowCommand struct {
	kind, message string
	properties    map[string]string
}

// readCommands reads a log as the runner of GitHub Actions does: a line whose first
// characters after blanks are "::" is a command, and so is "##[" anywhere.
func readCommands(s string) (list []workflowCommand, err error) {
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		if strings.Contains(line, "##[") || strings.Contains(line, "\r") {
			return nil, fmt.Errorf("line %q", line)
		}
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "::") {
			continue
		}
		m := regexp.MustCompile(`^::([a-z]+) ([^:]*)::(.*)$`).FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("line %q", line)
		}
		c := workflowCommand{kind: m[1], message: strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(m[3]), properties: map[string]string{}}
		for pair := range strings.SplitSeq(m[2], ",") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				return nil, fmt.Errorf("property %q", pair)
			}
			c.properties[name] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
		}
		list = append(list, c)
	}
	return list, nil
}

func readGitHub(s string) (bool, error) {
	commands, err := readCommands(s)
	if err != nil {
		return false, err
	}
	for _, c := range commands {
		if c.kind != "error" && c.kind != "warning" && c.kind != "notice" {
			return false, fmt.Errorf("command %s", c.kind)
		}
		for name := range c.properties {
			if !slices.Contains([]string{"file", "line", "endLine", "col", "endColumn", "title"}, name) {
				return false, fmt.Errorf("property %s", name)
			}
		}
	}
	return !slices.ContainsFunc(commands, func(c workflowCommand) bool { return c.kind == "error" }), nil
}

func readGitLab(s string) (bool, error) {
	var list []struct {
		Description, Fingerprint, Severity string
		CheckName                          string `json:"check_name"`
		Location                           struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return false, err
	}
	good := true
	seen := map[string]bool{}
	for _, v := range list {
		if v.Description == "" || v.CheckName == "" || v.Location.Path == "" || v.Location.Lines.Begin < 1 || seen[v.Fingerprint] || len(v.Fingerprint) != 64 {
			return false, fmt.Errorf("%+v", v)
		}
		seen[v.Fingerprint] = true
		switch v.Severity {
		case "critical", "major":
			good = false
		case "minor", "info":
		default:
			return false, fmt.Errorf("severity %q", v.Severity)
		}
	}
	return good, nil
}

// readSARIF looks at what decides; testdata/readers holds it to the schema.
func readSARIF(s string) (bool, error) {
	var doc struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID, Level string
				RuleIndex     int
			}
		}
	}
	if err := json.Unmarshal([]byte(s), &doc); err != nil {
		return false, err
	}
	if doc.Version != "2.1.0" || len(doc.Runs) != 1 {
		return false, errors.New("not one run of 2.1.0")
	}
	good := true
	for _, r := range doc.Runs[0].Results {
		if rules := doc.Runs[0].Tool.Driver.Rules; r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			return false, fmt.Errorf("result %+v has another rule", r)
		}
		good = good && r.Level != "error"
	}
	return good, nil
}

// fixtureFiles returns every stored bundle with the keys to judge it by.
func fixtureFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for dir, keys := range map[string]string{"qod-mock-v0.4": "qod-mock-v0.4/jwks.json", "telemetry": "telemetry/jwks.json"} {
		err := filepath.WalkDir(filepath.Join(testdata.Root(), "testdata", dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".json" {
				files[path] = filepath.Join(testdata.Root(), "testdata", keys)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 120 {
		t.Fatalf("only %d fixtures", len(files))
	}
	return files
}

// Every code of an error that a command may end with is in the table.
func TestProblemCodes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`problemError\{(?:code: )?"([a-z]+)"`).FindAllStringSubmatch(string(data), -1) {
			n++
			if render.WordsFor(m[1]) == nil {
				t.Errorf("%s: %s is not explained", file, m[1])
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d were found", n)
	}
}

func TestFormats(t *testing.T) {
	codes := map[string]bool{}
	for _, e := range render.Explanations() {
		codes[string(e.Code)] = true
	}
	for file, keys := range fixtureFiles(t) {
		r := allFormats(t, "--jwks", keys, file)
		r.hold(t, file)
		for _, m := range regexp.MustCompile(`"(?:code|reason)": "([^"]*)"`).FindAllStringSubmatch(r.in["json"], -1) {
			if !codes[m[1]] {
				t.Errorf("%s: the code %q has no entry in the table", file, m[1])
			}
		}
		holdPositions(t, file, r)
	}
	fx := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	for _, args := range [][]string{
		{"--jwks", filepath.Join(fx, "jwks.json"), filepath.Join(fx, "good")},
		{"--jwks", filepath.Join(fx, "jwks.json"), filepath.Join(fx, "tampered")},
		{filepath.Join(fx, "good", "00.bundle.json")}, // no keys
		{"--jwks", filepath.Join(fx, "jwks.json"), "no-such-file.json"},
		{"--jwks", "no-such-keys.json", filepath.Join(fx, "good", "00.bundle.json")},
		{"--policy", "strict", "--jwks", filepath.Join(fx, "jwks.json"), filepath.Join(fx, "good", "00.bundle.json")},
		{"audit", filepath.Join(fx, "ledger.sqlite3"), "--jwks", filepath.Join(fx, "jwks.json")},
		{"audit", filepath.Join(fx, "good"), "--jwks", filepath.Join(fx, "jwks.json")},
		{"audit", filepath.Join(fx, "tampered"), "--jwks", filepath.Join(fx, "jwks.json"), "--max-findings", "2"},
		{"audit", filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.1", "ledger-8cfcc1b.jsonl")},
	} {
		allFormats(t, args...).hold(t, strings.Join(args, " "))
	}
}

// holdPositions looks up every place that an annotation names: there, in the file,
// stands the value that its pointer leads to.
func holdPositions(t *testing.T, file string, r reported) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil {
		return // the place is the reader's own
	}
	lines := strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	commands, err := readCommands(r.in["github"])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		_, pointer, ok := strings.Cut(c.message, "\nat: ")
		if !ok {
			continue
		}
		pointer, _, _ = strings.Cut(pointer, "\n")
		v := doc.Root().At(pointer)
		line, _ := strconv.Atoi(c.properties["line"])
		column, _ := strconv.Atoi(c.properties["col"])
		if !v.Exists() || column == 0 {
			if v.Exists() && line != 1 && !bytes.Contains(v.Raw(), []byte("\n")) { // GitHub takes no columns for several lines
				t.Errorf("%s: %s has no column: %v", file, pointer, c.properties)
			}
			continue
		}
		rest := string([]rune(lines[line-1])[column-1:]) + "\n" + strings.Join(lines[line:], "\n")
		if !strings.HasPrefix(rest, string(v.Raw())) {
			t.Errorf("%s: at %d:%d there is %.40q and not %s", file, line, column, rest, pointer)
		}
	}
}

// prove reads the TAP of every kind of verdict, and of a bundle and a file name
// that want to be skipped.
func TestProve(t *testing.T) {
	if _, err := exec.LookPath("prove"); err != nil {
		t.Skip("there is no prove on this machine")
	}
	fx := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	hostile := hostileFiles(t)
	for name, args := range map[string][]string{
		"verified": {filepath.Join(fx, "good", "00.bundle.json"), "--jwks", filepath.Join(fx, "jwks.json")}, "failed": {filepath.Join(fx, "tampered", "sig-empty.json"), "--jwks", filepath.Join(fx, "jwks.json")},
		"inconclusive": {filepath.Join(fx, "good", "00.bundle.json")}, "malformed": {filepath.Join(fx, "tampered", "nan.json")}, "audit": {"audit", filepath.Join(fx, "good"), "--jwks", filepath.Join(fx, "jwks.json")},
		"hostile": {hostile.bundle, "--jwks", hostile.keys},
	} {
		r := allFormats(t, args...)
		file := filepath.Join(t.TempDir(), "report.tap")
		if err := os.WriteFile(file, []byte(r.in["tap"]), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("prove", "--exec", "cat", file).CombinedOutput()
		if (err == nil) != (r.verdict == "verified") || strings.Contains(string(out), "Parse errors") {
			t.Errorf("%s (%s): prove: %v\n%s", name, r.verdict, err, out)
		}
	}
	// All fixtures at once: its summary names exactly those that are not verified.
	dir := t.TempDir()
	verified := map[string]bool{}
	for file, keys := range fixtureFiles(t) {
		r := allFormats(t, "--jwks", keys, file)
		name := filepath.Join(dir, fmt.Sprintf("%03d.tap", len(verified)))
		verified[name] = r.verdict == "verified"
		if err := os.WriteFile(name, []byte(r.in["tap"]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("prove", append([]string{"--exec", "cat"}, slices.Sorted(maps.Keys(verified))...)...).CombinedOutput()
	_, summary, ok := strings.Cut(string(out), "Test Summary Report")
	if err == nil || !ok || strings.Contains(summary, "Parse errors") {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, good := range verified {
		if strings.Contains(summary, name) == good {
			t.Errorf("prove says otherwise of %s, verified: %t", name, good)
		}
	}
}
