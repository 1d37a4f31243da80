package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qodverify/qodverify/verify"
)

// The HTML report is one file that loads nothing and runs nothing: its policy
// allows its own style sheet, by hash, and no more. Every value goes through
// Printable and then through html/template.

//go:embed report.html
var reportHTML string

//go:embed report.css
var reportCSS string

// StyleHash is the CSP source of the report's style sheet, for pages that show
// reports in a frame: a frame is held to the policy of its page as well.
func StyleHash() string {
	sum := sha256.Sum256([]byte(reportCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// ReportPolicy is the Content-Security-Policy of the report.
func ReportPolicy() string {
	return "default-src 'none'; style-src " + StyleHash() + "; base-uri 'none'; form-action 'none'"
}

// Bounds of the page.
const (
	maxHTMLShown   = 512 << 10 // bytes of one bundle
	maxHTMLEach    = 32 << 10  // bytes of one bundle among several
	maxHTMLDetails = 5 << 20   // bytes of the details of all inputs of several
	maxHTMLIndex   = 4 << 20   // bytes of the index
)

// reportTemplate is parsed when the first page is made: other runs don't wait for it.
var reportTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"p":       func(v any) string { return Printable(fmt.Sprint(v)) },
		"upper":   strings.ToUpper,
		"explain": func(code any) verify.Explanation { e, _ := verify.Explain(verify.Code(fmt.Sprint(code))); return e },
		"counts":  countsText,
		"sentence": func(s string) string {
			if strings.HasSuffix(s, ".") {
				return s
			}
			return s + "."
		},
		"time":   timeText,
		"region": regionText,
		"needs":  ShellNeeds,
	}).Parse(reportHTML))
})

// page is what the template sees.
type page struct {
	Policy   string
	CSS      template.CSS
	Title    string
	Verdict  verify.Verdict
	Banner   htmlBanner
	Tool     Tool
	Rule     string
	Home     string
	JSON     string
	Inputs   []htmlInput
	Index    []htmlRow
	Details  template.HTML  // of several inputs
	Left     int            // verified inputs that the index leaves out
	Remarks  []htmlTogether // the warnings of several inputs
	Together []htmlTogether
	Summary  jsonSummary
	Problem  *Problem
	Audit    *htmlAudit
	Schema   string
	// What was left out of folders: a sentence on what may be a proof, the names, and
	// how many more there are.
	NotLooked string
	LeftOut   []Skipped
	Unused    []string // patterns of --ignore
	LeftMore  int
}

func (p *page) leftOut(l LeftOut) {
	p.NotLooked = l.sentence()
	p.LeftOut, p.LeftMore = l.listed()
	p.Unused = l.Unused
}

// htmlTogether is a line of what all inputs say together.
type htmlTogether struct {
	Word    string
	Code    verify.Code
	Message string
}

type htmlInput struct {
	Name, Digest string
	Number       int
	Verdict      verify.Verdict
	Banner       htmlBanner
	Reason       string
	Plain        string // the verdict in a sentence
	Report       *verify.Report
	Subject      verify.Subject
	Key          verify.KeyUsed
	Proven       bool
	Settled      bool           // the artifact too
	Failures     []verify.Check // what decides the verdict, unless it is verified
	Warnings     []verify.Check // what is to be looked at, where it is
	Topics       []topic
	Chart        template.HTML
	Steps        []step
	NoSteps      string
	Notes        []verify.Note
	NotCovered   []string
	Evidence     string
	NoEvidence   string
	Judged       verify.Judged
}

type topic struct {
	Name   string
	Claims []verify.Claim
}

// htmlBanner is a verdict as the page shows it: its sign, its word, what stands behind
// it, and both together.
type htmlBanner struct{ Class, Mark, Word, Rest, Whole string }

func bannerOf(s standing) htmlBanner {
	return htmlBanner{s.class(), s.mark(), s.word(), strings.TrimLeft(s.rest(), ", "), s.String()}
}

func newPage(tool Tool, s standing, title string) page {
	return page{
		Policy: ReportPolicy(), CSS: template.CSS(reportCSS), Title: title, Verdict: s.verdict, Banner: bannerOf(s), Tool: tool, Rule: signatureRule, Home: Home,
	}
}

func mark(v verify.Verdict) string {
	switch v {
	case verify.Verified:
		return "✓"
	case verify.Inconclusive:
		return "?"
	case verify.Malformed, verify.Unreadable:
		return "⊘"
	}
	return "✗"
}

// htmlRun shows one input in full. Of several it has an index, worst first, and in full
// those that are not verified.
type htmlRun struct {
	w        io.Writer
	inputs   int
	only     *htmlInput
	json     runWriter // of one input: what is shown
	jsonText bytes.Buffer
	number   int
	details  [ranks]pieces
	shown    []int // numbers of the inputs that have details
	remarks  remarks
}

func newHTMLRun(w io.Writer, tool Tool, inputs int, o Options) runWriter {
	h := &htmlRun{w: w, inputs: inputs}
	if inputs < 2 {
		h.json = newJSONRun(&h.jsonText, tool, inputs, o)
	}
	return h
}

func (h *htmlRun) add(r Result) error {
	h.number++
	o := OutcomeOf(r)
	if h.inputs < 2 {
		in := r.html(h.number)
		h.only = &in
		return h.json.add(r)
	}
	h.remarks.result(r)
	rank := o.rank()
	kept := &h.details[rank]
	if o.Verdict == verify.Verified || kept.left > 0 {
		return nil
	}
	in := r.html(h.number)
	if len(in.Evidence) > maxHTMLEach {
		in.Evidence, in.NoEvidence = "", "Among several inputs there is no room for it; the digest above names the exact bytes."
	}
	var b strings.Builder
	if err := reportTemplate().ExecuteTemplate(&b, "input", in); err != nil {
		return err
	}
	if kept.add(b.String(), maxHTMLDetails); kept.left == 0 {
		h.shown = append(h.shown, h.number)
	}
	return nil
}

func (h *htmlRun) end(r Run) error {
	p := newPage(r.Tool, r.standing(), "QoD proof report")
	p.Summary, p.Problem, p.Schema = r.summary(), r.Problem, SchemaID
	if h.inputs < 2 {
		short := r
		short.Skipped, _ = r.LeftOut.listed()
		if err := h.json.end(short); err != nil {
			return err
		}
		p.JSON = h.jsonText.String()
	}
	if h.only != nil {
		p.Title += ": " + h.only.Name
		p.Inputs = []htmlInput{*h.only}
	}
	var details strings.Builder
	fitting(h.details[:], maxHTMLDetails, &details, "", 0)
	p.Details = template.HTML(details.String()) // made by the template
	if len(r.Outcomes) > 1 {
		p.index(r, h.shown)
	}
	p.leftOut(r.LeftOut)
	for _, m := range h.remarks.all() {
		p.Remarks = append(p.Remarks, htmlTogether{m.word(), m.item.code, m.text()})
	}
	together := r.together()
	if len(r.Outcomes) == 0 {
		together = nil // what was left out has a table of its own
	}
	for _, i := range together {
		if i.leftOut() {
			continue // the table has it
		}
		word := map[level]string{failed: "fail", broken: "not_run", warned: "warn", usual: "note", noted: "note"}[i.level]
		p.Together = append(p.Together, htmlTogether{word, i.code, i.message})
	}
	return reportTemplate().Execute(h.w, p)
}

func (h *htmlRun) drop() error { return nil }

// htmlRow is an input's line in the index.
type htmlRow struct {
	Outcome
	Number      int
	Mark, Class string
	Shown       bool
}

// index lists the inputs, worst first. What it has no room for was verified.
func (p *page) index(r Run, shown []int) {
	rows := make([]htmlRow, len(r.Outcomes))
	for i, o := range r.Outcomes {
		_, found := slices.BinarySearch(shown, i+1)
		s := o.standing()
		rows[i] = htmlRow{o, i + 1, s.mark(), s.class(), found}
	}
	slices.SortStableFunc(rows, func(a, b htmlRow) int { return cmp.Compare(a.rank(), b.rank()) })
	size := 0
	for i, row := range rows {
		if size += len(row.Input) + 120; size > maxHTMLIndex && row.Verdict == verify.Verified {
			p.Left = len(rows) - i
			break
		}
		p.Index = append(p.Index, row)
	}
}

func (r Result) html(number int) htmlInput {
	report := r.Report
	v := report.Verdict()
	in := htmlInput{
		Name: r.Input, Digest: r.Digest, Number: number, Verdict: v, Banner: bannerOf(r.standing()), Reason: string(report.Reason()), Report: report, Subject: report.Subject(),
		Key: report.Key(), Proven: report.Proven(), Notes: append(report.Notes(), r.Notes...), NotCovered: notCovered(report), Judged: report.Judged(),
	}
	in.Settled = in.Proven && report.Outcome(verify.ArtifactHash) == verify.Pass
	for _, c := range report.Checks() {
		switch {
		case v == verify.Verified:
			if c.Status == verify.Warn && !usualCheck(c) {
				in.Warnings = append(in.Warnings, c)
			}
		case v == verify.Inconclusive && c.Status != verify.Pass && (report.Required(c.ID) || c.Code == verify.InternalError), v != verify.Inconclusive && c.Status == verify.Fail:
			in.Failures = append(in.Failures, c)
		}
	}
	in.Plain = in.sentence()
	for _, c := range report.Claims() {
		if n := len(in.Topics); n == 0 || in.Topics[n-1].Name != c.Topic {
			in.Topics = append(in.Topics, topic{Name: c.Topic})
		}
		t := &in.Topics[len(in.Topics)-1]
		t.Claims = append(t.Claims, c)
	}
	if r.Bundle != nil {
		in.Chart = chart(r.Bundle, number)
		in.recompute(r)
	}
	switch {
	case r.Data == nil:
		in.NoEvidence = "The input's bytes are not at hand."
	case len(r.Data) > maxHTMLShown:
		in.NoEvidence = fmt.Sprintf("The input has %d bytes, too many for a page; the digest above names them.", len(r.Data))
	default:
		in.Evidence = PrintableLines(string(r.Data))
	}
	return in
}

// recompute adds the commands with which the formulas can be redone.
func (in *htmlInput) recompute(r Result) {
	switch {
	case !in.Key.Found:
		in.NoSteps = "There is no key to hold the signature against."
		return
	case in.Subject.Generation != "v0.4":
		in.NoSteps = fmt.Sprintf("Generation %s has formulas of its own.", in.Subject.Generation)
		return
	}
	redo, err := RecomputeOf(r.Bundle, in.Subject.Profile, in.Key.Public)
	if err != nil {
		in.NoSteps = "The bundle can't be put into commands: " + err.Error() + "."
		return
	}
	if in.Steps = redo.steps(); in.Steps == nil {
		in.NoSteps = "The canonical bytes are too long for a page: qodverify export openssl writes them to files."
	}
}

// sentence says what the verdict means.
func (in htmlInput) sentence() string {
	switch in.Verdict {
	case verify.Verified:
		s := "Nobody changed this proof since the holder of this key signed it, and the measurement beside it is the one that was signed for."
		if len(in.Warnings) > 0 {
			s += " Whether the service was delivered is another question:"
		}
		if in.Judged.Policy != "" {
			s += " It meets the policy " + in.Judged.Policy + "."
		}
		return s
	case verify.Failed:
		return "At least one check does not hold. What the bundle says must not be relied on before that is explained."
	case verify.Malformed:
		return "The input was read and is not a proof bundle, so nothing in it was verified."
	case verify.Unreadable:
		return "The input could not be read, so nothing was verified."
	}
	return "Nothing failed, and something that is required could not be checked. This is not a proof."
}

// spanText is the time that a ledger's proofs span.
func spanText(from, to time.Time) string {
	if from.IsZero() {
		return ""
	}
	return timeText(from) + " to " + timeText(to)
}

type htmlAudit struct {
	Audit
	R          *verify.LedgerReport
	Plain      string
	Counts     string
	Signatures string
	Span       string
	Codes      []htmlCode
	Records    []recordFindings
	More       []string // the other records
	Left       []codeCount
	Timeline   template.HTML
	Keys       template.HTML
	NotCovered []string
	Note       string
}

type htmlCode struct {
	Code   verify.Code
	Status verify.Status
	Count  int64
}

// maxHTMLFindings is how many findings of one code the page shows.
const maxHTMLFindings = 50

func (a Audit) writeHTML(w io.Writer) error {
	r := a.Report
	p := newPage(a.Tool, a.standing(), "QoD ledger report: "+a.Ledger)
	p.Schema = AuditSchemaID
	doc := a.document()
	doc.Skipped, _ = a.LeftOut.listed()
	var b bytes.Buffer
	if err := WriteJSON(&b, doc); err != nil {
		return err
	}
	p.JSON = b.String()
	h := &htmlAudit{Audit: a, R: r, Counts: verdictCounts(r), Signatures: signatureText(r), Span: spanText(r.From, r.To), NotCovered: a.notCovered(), Note: a.failedNote()}
	h.Plain = map[verify.Verdict]string{
		verify.Verified:     "Every record and every link of the chain holds, up to the head named below.",
		verify.Failed:       "At least one record, or the chain, does not hold.",
		verify.Malformed:    "Something in the ledger is not a record.",
		verify.Unreadable:   "Something in the ledger could not be read.",
		verify.Inconclusive: "Nothing failed, and something that is required could not be checked.",
	}[a.Verdict()]
	for _, code := range findingCodes(r) {
		h.Codes = append(h.Codes, htmlCode{code, r.Statuses[code], r.Counts[code]})
	}
	h.Records, h.More, h.Left = shownRecords(r, maxHTMLFindings)
	h.Timeline, h.Keys = timelineChart(r.Timeline), keysChart(r)
	p.Audit = h
	p.leftOut(a.LeftOut)
	return reportTemplate().Execute(w, p)
}

// Place names a finding's place for the template.
func (h htmlAudit) Place(p verify.Place) string { return PlaceText(p) }
