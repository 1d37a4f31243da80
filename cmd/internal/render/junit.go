package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// JUnit XML as Jenkins, GitLab and most CI systems read it: a suite an input, a
// case a check. Values are made printable first; encoding/xml escapes the rest.

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Time     int `xml:"time,attr"` // seconds; a report tells no times, so that equal runs are equal
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Time      int           `xml:"time,attr"`
	File      string        `xml:"file,attr,omitempty"`
	Line      int64         `xml:"line,attr,omitempty"`
	Skipped   *junitMessage `xml:"skipped"`
	Error     *junitMessage `xml:"error"`
	Failure   *junitMessage `xml:"failure"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// junitWriter keeps the suites, worst first, until their sums can be written.
type junitWriter struct {
	w      io.Writer
	tool   Tool
	sum    junitCounts
	suites spools
}

func newJUnit(w io.Writer, tool Tool) sheetWriter { return &junitWriter{w: w, tool: tool} }

func (j *junitWriter) unit(u suite) error {
	suite := junitSuite{Name: Printable(u.name)}
	for _, p := range u.about {
		suite.Properties = append(suite.Properties, junitProperty{p.name, Printable(p.value)})
	}
	for _, i := range u.items {
		if i.level == noted || i.leftOut() {
			continue // what was left out has cases of its own
		}
		c := junitCase{Name: Printable(i.id), ClassName: Printable(u.name), File: Printable(i.at.file), Line: i.at.line}
		m := &junitMessage{Message: Printable(i.message), Type: Printable(string(i.code)), Text: i.prose()}
		switch i.level {
		case failed:
			c.Failure, suite.Failures = m, suite.Failures+1
		case skipped:
			c.Skipped, suite.Skipped = &junitMessage{Message: m.Message}, suite.Skipped+1
		case warned:
			c.Out = "warning: " + m.Text
		case passed:
		default:
			c.Error, suite.Errors = m, suite.Errors+1
		}
		suite.Tests++
		suite.Cases = append(suite.Cases, c)
	}
	suite.leftOut(u)
	j.sum.Tests += suite.Tests
	j.sum.Failures += suite.Failures
	j.sum.Errors += suite.Errors
	j.sum.Skipped += suite.Skipped
	to := &j.suites[u.rank()]
	e := xml.NewEncoder(to)
	e.Indent("  ", "  ")
	if err := e.EncodeElement(suite, xml.StartElement{Name: xml.Name{Local: "testsuite"}}); err != nil {
		return err
	}
	_, err := io.WriteString(to, "\n")
	return err
}

func (j *junitWriter) end(verify.Verdict) error {
	b, err := xml.Marshal(junitSuites{Name: Printable(j.tool.Name), junitCounts: j.sum})
	if err != nil {
		return err
	}
	head, tail, _ := bytes.Cut(b, []byte("></"))
	if _, err := fmt.Fprintf(j.w, "%s%s>\n", xml.Header, head); err != nil {
		return err
	}
	if err := j.suites.copyTo(j.w); err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.w, "</%s\n", tail)
	return err
}

func (j *junitWriter) drop() error { return j.suites.close() }

// leftOut adds a skipped case for each file that was left out and decides nothing,
// and their number as a property.
func (s *junitSuite) leftOut(u suite) {
	benign, more := u.left.benign()
	for _, b := range benign {
		s.Tests, s.Skipped = s.Tests+1, s.Skipped+1
		s.Cases = append(s.Cases, junitCase{Name: Printable("left out: " + b.Name), ClassName: s.Name, File: Printable(u.place(b.Name)), Skipped: &junitMessage{Message: Printable(b.Reason)}})
	}
	if n := len(u.left.Skipped); n > 0 {
		s.Properties = append(s.Properties, junitProperty{"left_out", fmt.Sprint(n)}, junitProperty{"not_looked_at", fmt.Sprint(len(u.left.evidence()))})
	}
	if more > 0 {
		s.Properties = append(s.Properties, junitProperty{"left_out_not_listed", fmt.Sprint(more)})
	}
	for _, pattern := range u.left.Unused {
		s.Properties = append(s.Properties, junitProperty{"ignore_unmatched", Printable(pattern)})
	}
}

// prose is the item in printable lines: the message, what was compared, the hint
// and the pointer.
func (i item) prose() string {
	lines := []string{Printable(i.message)}
	for _, d := range i.details {
		lines = append(lines, Printable(d.name+": "+d.value))
	}
	if i.pointer != "" {
		lines = append(lines, Printable("at: "+i.pointer))
	}
	return strings.Join(append(lines, "code: "+Printable(string(i.code))), "\n")
}
