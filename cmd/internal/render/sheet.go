package render

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// A sheet is what the formats for pipelines have in common: units (an input, or a
// ledger), each a list of items with a level and a place. One rule holds in every
// format: what its reader takes for success is given only where the verdict is
// verified, and then always.
type sheet struct {
	verdict verify.Verdict
	units   []suite
}

type suite struct {
	name    string // as the user gave it
	verdict verify.Verdict
	reason  verify.Code
	about   []property
	items   []item // the first one is the verdict itself
	left    LeftOut
	place   func(string) string // see Options; of what was left out
}

type property struct{ name, value string }

// level is what an item means to a pipeline. The zero level is the strictest.
type level uint8

const (
	broken  level = iota // it had to be judged and could not be
	failed               // it was judged and does not hold
	warned               // worth a look, decides nothing
	noted                // worth knowing
	skipped              // it did not apply, or what it needs was not given
	passed
)

type item struct {
	id      string // the check, or for findings about a chain the code
	code    verify.Code
	level   level
	message string
	details []property // expected, found, hint
	pointer string
	at      position
}

// position is where an item stands. Without a file there is no place that a
// pipeline could show; without a line it is the file.
type position struct {
	file               string // slashes, as the user gave it, or as Options.Place made it
	line, column       int64
	endLine, endColumn int64
}

const verdictID = "verdict"

// problem tells whether a pipeline must hear of the item.
func (i item) problem() bool { return i.level == failed || i.level == broken }

// problems returns the unit's items that a pipeline must hear of, the most telling
// ones: the verdict stands for itself only where nothing else does.
func (u suite) problems() (list []item) {
	for _, i := range u.items[1:] {
		if i.problem() {
			list = append(list, i)
		}
	}
	if len(list) == 0 && u.verdict != verify.Verified {
		list = u.items[:1]
	}
	return list
}

// remarks returns the items that decide nothing and are worth a look.
func (u suite) remarks() (list []item) {
	for _, i := range u.items {
		if i.level == warned || i.level == noted {
			list = append(list, i)
		}
	}
	return list
}

func verdictLevel(v verify.Verdict) level {
	switch v {
	case verify.Verified:
		return passed
	case verify.Failed, verify.Malformed, verify.Unreadable:
		return failed
	}
	return broken
}

// units are what a run says beside its results.
func (r Run) units(o Options) (list []suite) {
	if u, ok := r.togetherSuite(o); ok {
		list = append(list, u)
	}
	if p := r.Problem; p != nil || len(r.Outcomes) == 0 {
		if p == nil {
			p = &Problem{Code: "input", Message: "nothing was verified"}
		}
		v := verify.Inconclusive
		if p.Unread {
			v = verify.Unreadable
		}
		list = append(list, suite{name: "qodverify", verdict: v, reason: verify.Code(p.Code), items: []item{{id: verdictID, code: verify.Code(p.Code), message: p.Message}}})
		list[len(list)-1].items[0].detail(false, "", "", p.Hint)
	}
	return list
}

// rank orders units, the worst first.
func (u suite) rank() int {
	warnings := 0
	for _, i := range u.items {
		if i.level == warned {
			warnings++
		}
	}
	return rankOf(u.verdict, warnings)
}

func (r Result) suite(o Options) suite {
	report := r.Report
	v := report.Verdict()
	u := suite{name: r.Input, verdict: v, reason: report.Reason()}
	file := o.place(r.Input)
	s := report.Subject()
	for _, p := range []property{{"verdict", v.String()}, {"reason", string(report.Reason())}, {"session_id", s.SessionID}, {"signed_at", s.SignedAt}, {"input_sha256", r.Digest}} {
		if p.value != "" {
			u.about = append(u.about, p)
		}
	}
	u.items = append(u.items, item{id: verdictID, code: u.reason, level: verdictLevel(v), message: "the verdict is " + v.String(), at: position{file: file, line: 1}})
	for _, c := range report.Checks() {
		i := item{id: string(c.ID), code: c.Code, message: c.Message, pointer: c.Pointer}
		i.at = position{file, max(1, int64(c.Region.Line)), int64(c.Region.Column), int64(c.Region.EndLine), int64(c.Region.EndColumn)}
		switch {
		case c.Status == verify.Pass:
			i.level = passed
		case c.Status == verify.Fail:
			i.level = failed
		case c.Status == verify.Warn:
			i.level = warned
		case v == verify.Inconclusive && (report.Required(c.ID) || c.Code == verify.InternalError):
			i.level = broken
		default:
			i.level = skipped
		}
		i.detail(c.Status == verify.Fail, c.Expected, c.Actual, c.Hint)
		u.items = append(u.items, i)
	}
	for _, n := range append(report.Notes(), r.Notes...) {
		u.items = append(u.items, item{id: "note", code: n.Code, level: noted, message: n.Message, pointer: n.Pointer, at: position{file: file, line: 1}})
	}
	return u
}

func (i *item) detail(compared bool, expected, actual, hint string) {
	if compared && (expected != "" || actual != "") {
		i.details = append(i.details, property{"expected", orNothing(expected)}, property{"found", orNothing(actual)})
	}
	if hint != "" {
		i.details = append(i.details, property{"hint", hint})
	}
}

func (a Audit) sheet(o Options) sheet {
	r := a.Report
	u := suite{name: a.Ledger, verdict: a.Verdict(), reason: a.reason(), left: a.LeftOut, place: o.place}
	u.about = []property{
		{"verdict", u.verdict.String()}, {"records", fmt.Sprint(r.Records)}, {"findings", fmt.Sprint(r.Total())}, {"signatures", string(r.Signatures)},
		{"head", r.Head.ThisHash}, {"head_position", fmt.Sprint(r.Head.Position)},
	}
	message := fmt.Sprintf("the verdict on the ledger is %s: %s, %s", u.verdict, count(r.Records, "record"), verdictCounts(r))
	u.items = append(u.items, item{id: verdictID, code: u.reason, level: verdictLevel(u.verdict), message: message, at: position{file: o.place(a.Ledger), line: 1}})
	for _, f := range r.Listed {
		u.items = append(u.items, findingItem(f, a.Ledger, o))
	}
	for _, code := range findingCodes(r) {
		if more := r.Counts[code] - int64(listed(r, code)); more > 0 {
			u.items = append(u.items, item{id: string(code), code: code, level: noted, message: fmt.Sprintf("and %d more: --findings FILE takes all", more), at: position{file: o.place(a.Ledger)}})
		}
	}
	u.items = append(u.items, placed(a.LeftOut.items(), o)...)
	return sheet{verdict: u.verdict, units: []suite{u}}
}

// reason is one word for the verdict on a ledger.
func (a Audit) reason() verify.Code {
	switch {
	case a.Verdict() == verify.Verified:
		return verify.OK
	case a.Report.Verdict() == verify.Verified:
		return verify.NotLookedAt
	}
	for _, code := range findingCodes(a.Report) {
		return code // failures come first
	}
	return verify.InternalError
}

func findingItem(f verify.Finding, ledger string, o Options) item {
	i := item{id: string(f.Check), code: f.Code, message: PlaceText(f.Place) + ": " + f.Message, pointer: f.Pointer}
	if f.Check == "" {
		i.id = string(f.Code)
	}
	switch f.Status {
	case verify.Fail:
		i.level = failed
	case verify.Warn:
		i.level = warned
	}
	i.at = positionOf(f)
	i.at.file = o.place(ledger)
	if f.Place.Input != "" {
		i.at.file = o.place(f.Place.Input)
	}
	i.detail(f.Expected != "" || f.Actual != "", f.Expected, f.Actual, f.Hint)
	for _, other := range f.Others {
		i.details = append(i.details, property{"also", PlaceText(other)})
	}
	return i
}

// positionOf returns the line and column of a finding in its file: the place says
// where the record starts, the region where in the record.
func positionOf(f verify.Finding) position {
	if isURL(f.Place.Input) {
		return position{} // the place is a position in the chain
	}
	g := f.Region
	p := position{line: int64(g.Line), column: int64(g.Column), endLine: int64(g.EndLine), endColumn: int64(g.EndColumn)}
	if f.Place.Line > 0 {
		p.line, p.endLine = f.Place.Line, 0
		if g.EndLine > 0 {
			p.endLine = f.Place.Line // a record of JSONL is one line
		}
	}
	return p
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// Options adjusts how a report is written.
type Options struct {
	TextOptions
	// Place, when set, turns the name of a file into the path by which a pipeline
	// knows it: relative to the repository.
	Place func(name string) string
}

// place returns the path of an input, "" when it is no file.
func (o Options) place(name string) string {
	if name == "" || name == "-" || name == "stdin" || isURL(name) {
		return ""
	}
	if o.Place != nil {
		name = o.Place(name)
	}
	return path.Clean(filepath.ToSlash(name))
}

// uri returns a path as an RFC 3986 reference.
func uri(file string) string {
	u := url.URL{Path: file}
	if strings.HasPrefix(file, "/") {
		u.Scheme = "file"
	}
	return u.String() // escapes, and puts "./" before a first segment with a colon
}
