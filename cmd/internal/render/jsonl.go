package render

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/qodverify/qodverify/verify"
)

// LineSchemaID names the layout of JSON Lines. Each line has a type: "result" or
// "finding", and at the end "summary", without which the report is cut off.
const LineSchemaID = "qodverify/lines/v1"

type jsonLine struct {
	Schema   string       `json:"schema"`
	Type     string       `json:"type"`
	Verdict  string       `json:"verdict"`
	Headline string       `json:"headline,omitempty"` // the verdict and what stands behind it
	Tool     *Tool        `json:"tool,omitempty"`
	Result   *jsonResult  `json:"result,omitempty"`
	Finding  *jsonFinding `json:"finding,omitempty"`
	Summary  *jsonSummary `json:"summary,omitempty"`
	Chain    *jsonChain   `json:"chain,omitempty"`
	Skipped  []Skipped    `json:"skipped,omitempty"`
	Unused   []string     `json:"ignore_unmatched,omitempty"`
	Audit    *jsonAudit   `json:"audit,omitempty"`
	Problem  *Problem     `json:"error,omitempty"`
}

func writeLine(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(PrintableJSON(b.Bytes()))
	return err
}

// linesRun writes each result as it comes.
type linesRun struct{ w io.Writer }

func newLinesRun(w io.Writer, _ Tool, _ int, _ Options) runWriter { return linesRun{w} }

func (l linesRun) add(r Result) error {
	j := resultJSON(r)
	return writeLine(l.w, jsonLine{Schema: LineSchemaID, Type: "result", Verdict: j.Verdict, Headline: j.Headline, Result: &j})
}

func (l linesRun) end(r Run) error {
	summary := r.summary()
	return writeLine(l.w, jsonLine{Schema: LineSchemaID, Type: "summary", Verdict: r.Verdict().String(), Headline: r.standing().String(), Tool: &r.Tool, Summary: &summary, Problem: r.Problem, Chain: r.chainJSON(), Skipped: r.Skipped, Unused: r.Unused})
}

func (linesRun) drop() error { return nil }

// summary counts the verdicts.
func (r Run) summary() jsonSummary {
	all := r.standing()
	return jsonSummary{
		Warnings: all.warnings, Warned: all.warned, NotPinned: all.unpinned,
		Inputs: len(r.Outcomes), Verified: r.count(verify.Verified), Failed: r.count(verify.Failed),
		Inconclusive: r.count(verify.Inconclusive), Malformed: r.count(verify.Malformed), Unreadable: r.count(verify.Unreadable),
	}
}

func (a Audit) writeJSONL(w io.Writer) error {
	doc := a.document()
	findings := doc.Findings
	doc.Findings = []jsonFinding{}
	for i := range findings {
		if err := writeLine(w, jsonLine{Schema: LineSchemaID, Type: "finding", Verdict: doc.Verdict, Finding: &findings[i]}); err != nil {
			return err
		}
	}
	return writeLine(w, jsonLine{Schema: LineSchemaID, Type: "summary", Verdict: doc.Verdict, Headline: doc.Headline, Tool: &a.Tool, Audit: &doc})
}
