package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// JUnit XML as Jenkins, GitLab and most CI systems read it: a suite an input, a
// case a check. Values are made printable first; encoding/xml escapes the rest.
//
// GitLab knows a case by the names of its class and its own, and shows one of each; so
// does Jenkins in its history. Every case has a pair of names that no other has.

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

func (c *junitCounts) add(o junitCounts) {
	c.Tests += o.Tests
	c.Failures += o.Failures
	c.Errors += o.Errors
	c.Skipped += o.Skipped
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

// maxJUnit bounds the report: GitLab reads no file of 30 MB. What does not fit in full has
// one case an input, and what still does not fit was verified and is counted.
const maxJUnit = 28 << 20

// junitWriter keeps the suites, worst first, until their sums can be written.
type junitWriter struct {
	w           io.Writer
	tool        Tool
	suites      map[string]int // how often a suite of this name was there
	full, brief [ranks]junitPart
}

// junitPart is the suites of one rank.
type junitPart struct {
	spool
	sum   junitCounts
	bytes int
	n     int
	left  int // suites that are not in it
}

func newJUnit(w io.Writer, tool Tool, _ Options) sheetWriter {
	return &junitWriter{w: w, tool: tool, suites: map[string]int{}}
}

func (j *junitWriter) unit(u suite) error {
	suite := junitSuite{Name: numbered(j.suites, Printable(u.label()))}
	for _, p := range u.about {
		suite.Properties = append(suite.Properties, junitProperty{p.name, Printable(p.value)})
	}
	names := map[string]int{}
	rank := u.rank()
	brief := suite
	brief.Properties = slices.Clone(suite.Properties)
	for n, i := range u.items {
		if i.unlisted.count > 0 {
			p := junitProperty{"not_listed", Printable(i.id + ": " + i.message)}
			suite.Properties, brief.Properties = append(suite.Properties, p), append(brief.Properties, p)
		}
		if i.level == noted || i.leftOut() {
			continue // what was left out has cases of its own
		}
		c := i.junit(numbered(names, Printable(i.name())), suite.Name)
		suite.add(c)
		if n == 0 || i.problem() {
			brief.add(c)
		}
	}
	suite.leftOut(u, names)
	if err := j.full[rank].write(suite, maxJUnit); err != nil {
		return err
	}
	room := maxJUnit
	if u.verdict != verify.Verified {
		room = math.MaxInt // it is never left out
	}
	return j.brief[rank].write(brief, room)
}

// leftOut adds a skipped case for each file that was left out and decides nothing,
// and their number as a property.
func (s *junitSuite) leftOut(u suite, names map[string]int) {
	benign, more := u.left.benign()
	for _, b := range benign {
		c := junitCase{Name: numbered(names, Printable("left out: "+b.Name)), ClassName: s.Name, Skipped: &junitMessage{Message: Printable(b.Reason)}}
		if at := (position{file: u.place(b.Name)}); at.inside() {
			c.File = Printable(at.file)
		}
		s.add(c)
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

// label is the unit's name for a reader who knows files by their paths in the repository.
func (u suite) label() string {
	if len(u.items) > 0 && u.items[0].at.inside() {
		return u.items[0].at.file
	}
	return u.name
}

// numbered makes a name one of its own.
func numbered(seen map[string]int, name string) string {
	for {
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s (%d)", name, n)
			continue
		}
		return name
	}
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.junitCounts.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (i item) junit(name, class string) junitCase {
	c := junitCase{Name: name, ClassName: class, Line: i.at.line}
	if i.at.inside() {
		c.File = Printable(i.at.file)
	}
	m := &junitMessage{Message: clipped(Printable(i.message)), Type: Printable(string(i.code)), Text: clipped(i.prose())}
	switch i.level {
	case failed:
		c.Failure = m
	case skipped:
		c.Skipped = &junitMessage{Message: m.Message}
	case warned:
		c.Out = "warning: " + m.Text
	case usual:
		c.Out = "note: " + m.Text
	case passed:
	default:
		c.Error = m
	}
	return c
}

func (p *junitPart) write(suite junitSuite, room int) error {
	if p.left > 0 || p.bytes > room {
		p.left++
		return nil
	}
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	e.Indent("  ", "  ")
	if err := e.EncodeElement(suite, xml.StartElement{Name: xml.Name{Local: "testsuite"}}); err != nil {
		return err
	}
	b.WriteByte('\n')
	p.sum.add(suite.junitCounts)
	p.bytes += b.Len()
	p.n++
	_, err := p.Write(b.Bytes())
	return err
}

func (j *junitWriter) end(standing) error {
	var parts []*junitPart
	var sum junitCounts
	room, left := maxJUnit, 0
	later := 0 // bytes that are needed for the brief forms of what comes
	for rank := range j.brief {
		later += j.brief[rank].bytes
	}
	for rank := range j.full {
		later -= j.brief[rank].bytes
		part := &j.full[rank]
		if part.left > 0 || part.bytes+later > room {
			part = &j.brief[rank]
		}
		if part.bytes > room && rank >= rankOf(verify.Verified, 1) {
			left += part.n + part.left
			continue
		}
		room -= part.bytes
		left += part.left
		sum.add(part.sum)
		parts = append(parts, part)
	}
	rest := ""
	if left > 0 {
		sum.Tests++
		rest = fmt.Sprintf("  <testsuite name=\"left out\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"0\">\n    <testcase name=\"%d more verified inputs, for which there is no room\" classname=\"left out\" time=\"0\"></testcase>\n  </testsuite>\n", left)
	}
	b, err := xml.Marshal(junitSuites{Name: Printable(j.tool.Name), junitCounts: sum})
	if err != nil {
		return err
	}
	head, tail, _ := bytes.Cut(b, []byte("></"))
	if _, err := fmt.Fprintf(j.w, "%s%s>\n", xml.Header, head); err != nil {
		return err
	}
	for _, part := range parts {
		if err := part.copyTo(j.w); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(j.w, "%s</%s\n", rest, tail)
	return err
}

func (j *junitWriter) drop() (err error) {
	for rank := range j.full {
		if closeErr := j.full[rank].close(); err == nil {
			err = closeErr
		}
		if closeErr := j.brief[rank].close(); err == nil {
			err = closeErr
		}
	}
	return err
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
