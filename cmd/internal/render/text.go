package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/verify"
)

// The rules of the text report: the verdict first; when it is not "verified",
// the reason and the hint before everything else; one line a check; what the
// verdict does not cover, always. The words are the same with and without
// colour, and on a terminal and in a pipe.

// TextOptions adjusts [Text].
type TextOptions struct {
	Color   bool
	Verbose bool // of several inputs the verified ones in full as well
}

type painter struct {
	w                        io.Writer
	good, bad, doubt, subtle *color.Color
	bold                     *color.Color
}

func newPainter(w io.Writer, o TextOptions) *painter {
	paint := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if o.Color {
			c.EnableColor()
		} else {
			c.DisableColor() // whatever the environment says: the caller has decided
		}
		return c
	}
	return &painter{w: w, good: paint(color.FgGreen), bad: paint(color.FgRed), doubt: paint(color.FgYellow), subtle: paint(color.Faint), bold: paint(color.Bold)}
}

// Text writes the report for a person.
func Text(w io.Writer, run Run, o TextOptions) error {
	return Write(w, "text", run, Options{TextOptions: o})
}

// textRun tells of one input in full. Of several each has its line as it is judged, and
// in full, worst first, come those that are not verified; a summary is last.
type textRun struct {
	w       io.Writer
	options TextOptions
	inputs  int
	later   spools
	remarks remarks
}

func newTextRun(w io.Writer, _ Tool, inputs int, o Options) runWriter {
	return &textRun{w: w, options: o.TextOptions, inputs: inputs}
}

func (t *textRun) add(r Result) error {
	if t.inputs < 2 {
		return newPainter(t.w, t.options).told(func(p *painter) { p.result(r) })
	}
	o := OutcomeOf(r)
	t.remarks.result(r)
	err := newPainter(t.w, t.options).told(func(p *painter) { p.heading(o) })
	if err == nil && (o.Verdict != verify.Verified || t.options.Verbose) {
		err = newPainter(&t.later[o.rank()], t.options).told(func(p *painter) {
			p.line("")
			p.result(r)
		})
	}
	return err
}

func (t *textRun) end(run Run) error {
	if err := t.later.copyTo(t.w); err != nil {
		return err
	}
	return newPainter(t.w, t.options).told(func(p *painter) {
		if len(run.Outcomes) > 1 {
			p.line("")
			p.line("%d inputs: %s%s", len(run.Outcomes), run.counts(), p.doubt.Sprint(run.standing().together()))
			for _, m := range t.remarks.all() {
				p.line("  %s  %-20s  %s: %s", p.doubt.Sprintf("%-11s", m.word()), m.item.id, Printable(string(m.item.code)), Printable(m.text()))
			}
		}
		p.together(run)
		if v := run.Verdict(); len(run.Outcomes) > 0 && v != worst(verify.Verified, run.Outcomes) {
			p.line("all inputs together: %s", p.verdict(v))
		}
		if run.Problem != nil {
			word := "NOTHING VERIFIED"
			if len(run.Outcomes) > 0 {
				word = "NOT ALL JUDGED"
			}
			p.line("qodverify: %s (%s)", p.bad.Sprint(word), Printable(run.Problem.Code))
			p.field("why", "%s", run.Problem.Message)
			if run.Problem.Hint != "" {
				p.field("  hint", "%s", run.Problem.Hint)
			}
		}
	})
}

func (t *textRun) drop() error { return t.later.close() }

// counts tells how many inputs have which verdict.
func (r Run) counts() string {
	return fmt.Sprintf("%d verified, %d failed, %d inconclusive, %d malformed, %d unreadable",
		r.count(verify.Verified), r.count(verify.Failed), r.count(verify.Inconclusive), r.count(verify.Malformed), r.count(verify.Unreadable))
}

// told writes what f tells, at once.
func (p *painter) told(f func(*painter)) error {
	w := p.w
	var b bytes.Buffer
	p.w = &b
	f(p)
	_, err := w.Write(b.Bytes())
	return err
}

// heading is an input's line.
func (p *painter) heading(o Outcome) {
	heading := p.bold.Sprint(Printable(o.Input)) + ": " + p.headline(o.standing())
	if o.Verdict != verify.Verified && string(o.Reason) != o.Verdict.String() {
		heading += " (" + Printable(string(o.Reason)) + ")"
	}
	p.line("%s", heading)
}

func (p *painter) line(format string, args ...any) {
	s := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	if strings.HasPrefix(strings.TrimLeft(s, " "), "::") {
		// A file may be named so, and a CI runner would take the line for a command.
		s = "./" + s
	}
	fmt.Fprintln(p.w, s)
}

// field writes one labelled line; the values are escaped here.
func (p *painter) field(label, format string, args ...any) {
	p.line("  %-11s  %s", label, Printable(fmt.Sprintf(format, args...)))
}

func (p *painter) result(r Result) {
	report := r.Report
	verdict := report.Verdict()
	heading := p.bold.Sprint(Printable(r.Input)) + ": " + p.headline(r.standing())
	if reason := string(report.Reason()); verdict != verify.Verified && reason != verdict.String() {
		heading += " (" + Printable(reason) + ")"
	}
	p.line("%s", heading)
	p.reasons(report)
	if unread(verdict) {
		return
	}
	p.subject(report)
	if r.Digest != "" {
		p.field("input", "sha256 %s", r.Digest)
	}
	if j := report.Judged(); j.Policy != "" {
		p.field("policy", "%s, judged as of %s", j.Policy, j.At.Format(time.RFC3339))
	}
	p.checks(report)
	p.claims(report.Claims(), "")
	for _, n := range append(report.Notes(), r.Notes...) {
		at := ""
		if n.Pointer != "" {
			at = n.Pointer + ": "
		}
		p.field("note", "%s%s", at, n.Message)
	}
	for i, s := range notCovered(report) {
		label := "not covered"
		if i > 0 {
			label = ""
		}
		p.field(label, "%s", s)
	}
}

// headline is the verdict with what stands behind it.
func (p *painter) headline(s standing) string {
	if s.warnings == 0 && !s.doubtful {
		return p.verdict(s.verdict) + s.rest()
	}
	return p.verdict(s.verdict) + p.doubt.Sprint(s.rest())
}

func (p *painter) verdict(v verify.Verdict) string {
	s := strings.ToUpper(v.String())
	switch v {
	case verify.Verified:
		return p.good.Sprint(s)
	case verify.Inconclusive:
		return p.doubt.Sprint(s)
	}
	return p.bad.Sprint(s)
}

// reasons tells why an input is not verified: every failure, or, without any,
// every required check that could not run.
func (p *painter) reasons(report *verify.Report) {
	if report.Verdict() == verify.Verified {
		return
	}
	failed := report.Verdict() != verify.Inconclusive
	for _, c := range report.Checks() {
		if failed && c.Status != verify.Fail || !failed && (c.Status == verify.Pass || !report.Required(c.ID)) {
			continue
		}
		p.field("why", "%s: %s", c.ID, c.Message)
		if c.Pointer != "" && !unread(report.Verdict()) { // a malformed input's message has the place
			p.field("  at", "%s%s", c.Pointer, regionText(c.Region))
		}
		if c.Expected != "" && c.Status == verify.Fail {
			p.field("  expected", "%s", c.Expected)
			p.field("  found", "%s", c.Actual)
		}
		if c.Hint != "" {
			p.field("  hint", "%s", c.Hint)
		}
	}
}

// regionText says where a member stands.
func regionText(r canonical.Region) string {
	if r.Line == 0 {
		return ""
	}
	return fmt.Sprintf(", line %d, column %d", r.Line, r.Column)
}

func (p *painter) subject(report *verify.Report) {
	s, key := report.Subject(), report.Key()
	standing := "claimed, not proven"
	if report.Proven() {
		standing = "signed"
	}
	p.field("session", "%s (%s)", s.SessionID, standing)
	if s.SignedAt != "" {
		p.field("made at", "%s (%s; the signer's own clock)", date(s.SignedAt), standing)
	}
	if s.QoSProfile != "" {
		p.field("profile", "%s (%s)", s.QoSProfile, standing)
	}
	if s.Result != "" {
		// The result stands in the artifact: signed only through its hash.
		if report.Outcome(verify.ArtifactHash) != verify.Pass {
			standing = "claimed, not proven"
		}
		p.field("result", "%s (%s)", s.Result, standing)
	}
	source := key.Source
	if source == "" {
		source = "no source"
	}
	switch {
	case key.Found && key.Pinned:
		p.field("key", "%q, thumbprint %s, from %s, pinned", key.KID, key.Thumbprint, source)
	case key.Found:
		p.field("key", "%q, thumbprint %s, from %s, not pinned", key.KID, key.Thumbprint, source)
	case s.Generation != bundle.V01:
		p.field("key", "%q: none usable (from %s)", key.KID, source)
	}
	p.field("format", "generation %s, canonical profile %s", s.Generation, s.Profile)
}

// claims tells what the bundle says, topic by topic.
func (p *painter) claims(list []verify.Claim, condition string) {
	topic := ""
	for _, c := range list {
		label := ""
		if c.Topic != topic {
			topic, label = c.Topic, c.Topic
		}
		method := ""
		if c.Method != "" {
			method = "; " + c.Method
		}
		// What a failed check protects has no standing to come, whatever the key.
		if c.Standing == verify.Unproven {
			condition = ""
		}
		p.field(label, "%s%s (%s%s)", c.Text, method, condition, c.Standing)
	}
}

func (p *painter) checks(report *verify.Report) {
	for _, c := range report.Checks() {
		message := c.Message
		switch c.Status {
		case verify.Pass:
		case verify.Fail:
			message = string(c.Code) // told in full above
		default:
			message += " (" + string(c.Code) + ")"
		}
		status := fmt.Sprintf("%-11s", c.Status)
		switch c.Status {
		case verify.Pass:
			status = p.good.Sprint(status)
		case verify.Fail:
			status = p.bad.Sprint(status)
		case verify.Warn, verify.NotRun:
			status = p.doubt.Sprint(status)
		default:
			status = p.subtle.Sprint(status)
		}
		p.line("  %s  %-20s  %s", status, c.ID, Printable(message))
	}
}

// date shows a time that is written as seconds since 1970, as the oldest records do,
// as what it is; any other as it is written.
func date(s string) string {
	if t, ok := bundle.ParseTime(s); ok && !strings.Contains(s, ":") {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return s
}
