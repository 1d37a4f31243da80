package render

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/verify"
)

// manyInputs is a run of verified inputs with warnings, the last one of which failed, and
// one before it could not be judged.
func manyInputs(t *testing.T, n int) Run {
	t.Helper()
	good, unknown, bad := judged(t, "good/00.bundle.json"), judged(t, "tampered/kid-unknown.json"), judged(t, "tampered/sig-empty.json")
	run := Run{Tool: Tool{"qodverify", "test"}}
	for i := range n {
		r := good
		switch i {
		case n - 2:
			r = unknown
		case n - 1:
			r = bad
		}
		r.Input = fmt.Sprintf("proofs/%05d.json", i+1)
		run.Results = append(run.Results, r)
		run.Outcomes = append(run.Outcomes, OutcomeOf(r))
	}
	return run
}

// manyFindings is an audit with so many listed findings of one code, and the worst last.
func manyFindings(n int) Audit {
	r := &verify.LedgerReport{Records: int64(n), ByVerdict: map[verify.Verdict]int64{}, Counts: map[verify.Code]int64{}, Statuses: map[verify.Code]verify.Status{}}
	for i := range n {
		f := verify.Finding{Check: verify.ClaimsTimes, Status: verify.Warn, Code: verify.TimesOutOfLine, Message: "odd", Place: verify.Place{Record: int64(i + 1), Line: int64(i + 1), Input: "l.jsonl", SessionID: fmt.Sprint("s", i)}}
		if i >= n-2 {
			f.Check, f.Status, f.Code, f.Place.Record = verify.Signature, verify.Fail, verify.SignatureMismatch, int64(n)
			f.Place.SessionID = "the-last"
		}
		r.Listed = append(r.Listed, f)
		r.Counts[f.Code]++
		r.Statuses[f.Code] = f.Status
	}
	return Audit{Tool: Tool{"qodverify", "test"}, Ledger: "l.jsonl", Report: r}
}

func written(t *testing.T, format string, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, Options{}); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

// Whatever the number of findings, each host takes the report and shows the worst: GitHub
// refuses SARIF of more than 25,000 results or 10 MB packed and drops a summary of more
// than 1 MiB, GitLab reads no test report of 30 MB.
func TestBounds(t *testing.T) {
	const n = 26_000
	for name, c := range map[string]struct {
		report Report
		worst  string
	}{
		"inputs":   {manyInputs(t, n), "proofs/26000.json"},
		"findings": {manyFindings(n), "the-last"},
	} {
		t.Run(name, func(t *testing.T) {
			boundSARIF(t, written(t, "sarif", c.report), c.worst)
			boundJUnit(t, written(t, "junit", c.report), c.worst)
			md := written(t, "markdown", c.report)
			if len(md) > 1<<20 {
				t.Errorf("markdown: %d bytes", len(md))
			}
			if at := strings.Index(md, c.worst); at < 0 || at > 4000 {
				t.Errorf("markdown: the worst stands at byte %d", at)
			}
			gh := written(t, "github", c.report)
			errors := regexp.MustCompile(`(?m)^::error .*$`).FindAllString(gh, 10)
			if !strings.Contains(strings.Join(errors, "\n"), c.worst) {
				t.Errorf("github: the first errors are %q", errors)
			}
			if warnings := len(regexp.MustCompile(`(?m)^::(warning|notice) `).FindAllString(gh, -1)); warnings > 6 {
				t.Errorf("github: %d warnings and notices", warnings)
			}
			boundGitLab(t, written(t, "gitlab", c.report))
			page := written(t, "html", c.report)
			if at := strings.Index(page, c.worst); len(page) > 12<<20 || at < 0 {
				t.Errorf("html: %d bytes, the worst at %d", len(page), at)
			}
		})
	}
}

func boundSARIF(t *testing.T, s, worst string) {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	var doc struct {
		Runs []struct {
			Invocations []struct {
				Notifications []struct {
					Properties struct {
						Code, Level string
						Left        int `json:"left_out"`
					}
				} `json:"toolExecutionNotifications"`
			}
			Results []struct {
				RuleID, Level       string
				Message             struct{ Text string }
				PartialFingerprints map[string]string
				Properties          map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(s), &doc); err != nil {
		t.Fatal(err)
	}
	run := doc.Runs[0]
	if len(run.Results) != maxSARIF || packed.Len() > 10<<20 {
		t.Errorf("sarif: %d results, %d bytes packed", len(run.Results), packed.Len())
	}
	if first := run.Results[0]; first.Level != "error" || first.Properties["input"] != worst && first.Properties["session"] != worst {
		t.Errorf("sarif: the first result is %+v", first)
	}
	rank, seen := 0, map[string]bool{}
	for _, r := range run.Results {
		at := map[string]int{"error": 0, "warning": 1, "note": 2}[r.Level]
		if at < rank || seen[r.PartialFingerprints["qodverify/v1"]] {
			t.Fatalf("sarif: %+v", r)
		}
		rank = at
		seen[r.PartialFingerprints["qodverify/v1"]] = true
	}
	left := 0
	for _, n := range run.Invocations[0].Notifications {
		if n.Properties.Level == "error" {
			t.Errorf("sarif: %d errors of %s are left out", n.Properties.Left, n.Properties.Code)
		}
		left += n.Properties.Left
	}
	if left < 20_000 {
		t.Errorf("sarif: only %d results are told to be left out", left)
	}
}

func boundJUnit(t *testing.T, s, worst string) {
	t.Helper()
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(s), &doc); err != nil || len(s) >= 30_000_000 {
		t.Fatalf("junit: %d bytes, %v", len(s), err)
	}
	seen, failures := map[string]bool{}, 0
	for _, suite := range doc.Suites {
		for _, c := range suite.Cases {
			if key := c.Class + "_" + c.Name; seen[key] {
				t.Fatalf("junit: %s is there twice", key)
			} else {
				seen[key] = true
			}
			if c.Failure != nil {
				failures++
			}
		}
	}
	if doc.Tests != len(seen) || doc.Failures != failures || failures == 0 || !strings.Contains(s, worst) {
		t.Errorf("junit: %d cases for %d, %d failures for %d", len(seen), doc.Tests, failures, doc.Failures)
	}
}

func boundGitLab(t *testing.T, s string) {
	t.Helper()
	var list []struct{ Fingerprint, Severity string }
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Fingerprint] {
			t.Fatalf("gitlab: %+v is there twice", v)
		}
		seen[v.Fingerprint] = true
	}
	if list[0].Severity != "critical" {
		t.Errorf("gitlab: the first is %+v", list[0])
	}
}

// A report of which not even the verified inputs' single cases have room says how many
// are left out, and leaves out no other.
func TestJUnitLeavesOutVerified(t *testing.T) {
	j := newJUnit(nil, Tool{}, Options{}).(*junitWriter)
	var b bytes.Buffer
	j.w = &b
	u := suite{name: strings.Repeat("x", 4000), verdict: verify.Verified, standing: standing{verdict: verify.Verified}}
	bad := u
	bad.verdict, bad.standing.verdict = verify.Failed, verify.Failed
	u.items = []item{{id: verdictID, level: passed, message: "fine"}}
	bad.items = []item{{id: verdictID, level: failed, message: "wrong"}}
	for range 10_000 {
		if err := j.unit(u); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		if err := j.unit(bad); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.end(standing{verdict: verify.Failed}); err != nil {
		t.Fatal(err)
	}
	if b.Len() >= 30_000_000 || !strings.Contains(b.String(), `tests="101" failures="100"`) || !strings.Contains(b.String(), "10000 more verified inputs") {
		t.Errorf("%d bytes, %.300s", b.Len(), b.String())
	}
}
