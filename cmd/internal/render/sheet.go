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
	standing standing
	units    []suite
}

type suite struct {
	name     string // as the user gave it
	verdict  verify.Verdict
	reason   verify.Code
	standing standing
	together bool   // it is about all inputs, and about none of them
	command  string // what was done: "verify" or "audit"
	keys     string // where the keys came from
	about    []property
	items    []item // the first one is the verdict itself
	left     LeftOut
	place    func(string) string // see Options; of what was left out
}

type property struct{ name, value string }

// level is what an item means to a pipeline. The zero level is the strictest.
type level uint8

const (
	broken  level = iota // it had to be judged and could not be
	failed               // it was judged and does not hold
	warned               // worth a look, decides nothing
	usual                // true of every proof of the original, and so worth one look
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
	record  verify.Place // in an audit: the record that it is about
	first   bool         // the first item of its record
	// unlisted: it stands for findings that are not listed, so many and of that level.
	unlisted struct {
		count int64
		level level
	}
}

// position is where an item stands. Without a file there is no place that a
// pipeline could show; without a line it is the file.
type position struct {
	file               string // slashes, as the user gave it, or as Options.Place made it
	line, column       int64
	endLine, endColumn int64
	// opaque: what the file holds is not the text that line and column count, since
	// it is compressed, or a database.
	opaque bool
}

// inside reports whether the file is one of the repository.
func (p position) inside() bool {
	return p.file != "" && !isAbsolute(p.file) && p.file != ".." && !strings.HasPrefix(p.file, "../")
}

// isAbsolute tells a path from a root, on any system.
func isAbsolute(file string) bool {
	return strings.HasPrefix(file, "/") || len(file) > 2 && file[1] == ':' && file[2] == '/'
}

// name tells the item from every other of its unit, but for repeats.
func (i item) name() string {
	switch {
	case i.record == verify.Place{}:
		return i.id
	case i.record.SessionID != "" && i.record.Record > 0:
		return fmt.Sprintf("%s, record %d, session %s", i.id, i.record.Record, i.record.SessionID)
	case i.record.Record > 0:
		return fmt.Sprintf("%s, record %d", i.id, i.record.Record)
	}
	if i.record.SessionID == "" {
		return fmt.Sprintf("%s, hash %s", i.id, i.record.ThisHash)
	}
	return fmt.Sprintf("%s, session %s", i.id, i.record.SessionID)
}

// identity tells the item from others, and is the same in the next run, wherever its
// record stands by then.
func (i item) identity() string {
	who := i.record.ThisHash
	if who == "" {
		who = i.record.SessionID
	}
	if who == "" && i.record.Record > 0 {
		who = fmt.Sprint(i.record.Record)
	}
	return strings.Join([]string{i.id, string(i.code), i.pointer, who}, "\x00")
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
		if i.level == warned || i.level == usual || i.level == noted {
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
	if u, ok := r.togetherSuite(o); ok && len(r.Outcomes) > 0 {
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
		list = append(list, suite{name: "qodverify", verdict: v, standing: standing{verdict: v, nothing: len(r.Outcomes) == 0}, command: "verify", reason: verify.Code(p.Code), items: []item{{id: verdictID, code: verify.Code(p.Code), message: p.Message}}})
		u := &list[len(list)-1]
		u.items[0].detail(false, "", "", p.Hint)
		if len(r.Outcomes) == 0 {
			u.left, u.place = r.LeftOut, o.place
			u.items = append(u.items, placed(r.LeftOut.items(), o)...)
		}
	}
	return list
}

// rank orders units, the worst first.
func (u suite) rank() int {
	warnings := 0
	for _, i := range u.items {
		if i.level == warned || i.level == usual {
			warnings++
		}
	}
	return rankOf(u.verdict, warnings)
}

func (r Result) suite(o Options) suite {
	report := r.Report
	v := report.Verdict()
	u := suite{name: r.Input, verdict: v, reason: report.Reason(), standing: r.standing(), command: "verify", keys: o.keysFrom(report.Key().Source)}
	s := report.Subject()
	for _, p := range []property{{"verdict", v.String()}, {"headline", u.standing.String()}, {"reason", string(report.Reason())}, {"session_id", s.SessionID}, {"signed_at", s.SignedAt}, {"input_sha256", r.Digest}} {
		if p.value != "" {
			u.about = append(u.about, p)
		}
	}
	u.items = append(u.items, item{id: verdictID, code: u.reason, level: verdictLevel(v), message: "the verdict is " + u.standing.String(), at: o.at(r.Input, position{line: 1})})
	for _, c := range report.Checks() {
		i := item{id: string(c.ID), code: c.Code, message: c.Message, pointer: c.Pointer}
		i.at = o.at(r.Input, position{line: max(1, int64(c.Region.Line)), column: int64(c.Region.Column), endLine: int64(c.Region.EndLine), endColumn: int64(c.Region.EndColumn)})
		switch {
		case c.Status == verify.Pass:
			i.level = passed
		case c.Status == verify.Fail:
			i.level = failed
		case usualCheck(c):
			i.level = usual
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
		u.items = append(u.items, item{id: "note", code: n.Code, level: noted, message: n.Message, pointer: n.Pointer, at: o.at(r.Input, position{line: 1})})
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
	u := suite{name: a.Ledger, verdict: a.Verdict(), reason: a.reason(), standing: a.standing(), command: "audit", left: a.LeftOut, place: o.place, keys: o.keysFrom(a.Keys)}
	u.about = []property{
		{"verdict", u.verdict.String()}, {"headline", u.standing.String()}, {"records", fmt.Sprint(r.Records)}, {"findings", fmt.Sprint(r.Total())}, {"signatures", string(r.Signatures)},
		{"head", r.Head.ThisHash}, {"head_position", fmt.Sprint(r.Head.Position)},
	}
	message := fmt.Sprintf("the verdict on the ledger is %s: %s, %s", u.standing, count(r.Records, "record"), verdictCounts(r))
	u.items = append(u.items, item{id: verdictID, code: u.reason, level: verdictLevel(u.verdict), message: message, at: o.at(a.Ledger, position{line: 1})})
	for _, g := range byRecord(r.Listed) {
		for n, f := range g.List {
			i := findingItem(f, a.Ledger, o)
			i.first = n == 0
			u.items = append(u.items, i)
		}
	}
	for _, code := range findingCodes(r) {
		if more := r.Counts[code] - int64(listed(r, code)); more > 0 {
			i := item{id: string(code), code: code, level: noted, message: fmt.Sprintf("and %d more: --findings FILE takes all", more), at: o.at(a.Ledger, position{})}
			i.unlisted.count, i.unlisted.level = more, findingLevel(r.Statuses[code])
			u.items = append(u.items, i)
		}
	}
	u.items = append(u.items, placed(a.LeftOut.items(), o)...)
	return sheet{standing: u.standing, units: []suite{u}}
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

func findingLevel(s verify.Status) level {
	switch s {
	case verify.Fail:
		return failed
	case verify.Warn:
		return warned
	}
	return broken
}

func findingItem(f verify.Finding, ledger string, o Options) item {
	i := item{id: string(f.Check), code: f.Code, message: PlaceText(f.Place) + ": " + f.Message, pointer: f.Pointer, record: f.Place}
	if f.Check == "" {
		i.id = string(f.Code)
	}
	i.level = findingLevel(f.Status)
	file := ledger
	if f.Place.Input != "" {
		file = f.Place.Input
	}
	i.at = o.at(file, positionOf(f))
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
	scheme, _, ok := strings.Cut(name, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// Options adjusts how a report is written.
type Options struct {
	TextOptions
	// Place, when set, turns the name of a file into the path by which a pipeline
	// knows it: relative to the repository, absolute outside of it, "" when it is no
	// file.
	Place func(name string) string
	// Room, when set, bounds the bytes of a Markdown report further: those that a step
	// summary still has.
	Room int
	// Opaque, when set, tells a file that holds no text of its own: a database, or what
	// is compressed. No line of it can be shown.
	Opaque func(name string) bool
}

// at completes a position with the file in which it is.
func (o Options) at(name string, p position) position {
	p.file = o.place(name)
	if p.file != "" && o.Opaque != nil && o.Opaque(name) {
		return position{file: p.file, opaque: true}
	}
	return p
}

// place returns the path of an input, "" when it is no file.
func (o Options) place(name string) string {
	if name == "" || name == "-" || name == "stdin" || isURL(name) {
		return ""
	}
	if o.Place != nil {
		if name = o.Place(name); name == "" {
			return ""
		}
	}
	return path.Clean(filepath.ToSlash(name))
}

// keysFrom names the place of a key set for a reader elsewhere.
func (o Options) keysFrom(source string) string {
	if source == "" {
		return ""
	}
	return publicPlace(source, position{file: o.place(source)})
}

// uri returns a path as an RFC 3986 reference.
func uri(file string) string {
	u := url.URL{Path: file}
	if isAbsolute(file) {
		u.Scheme, u.Path = "file", "/"+strings.TrimPrefix(file, "/")
	}
	return u.String() // escapes, and puts "./" before a first segment with a colon
}
