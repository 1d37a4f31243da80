package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// githubWriter writes workflow commands, one an annotation, and a line an input. The
// runner takes every line that starts with "::" for a command, and "##[" anywhere
// in a line for one of the old kind; Printable leaves no line break and no "##",
// and every other line starts with our name.
//
// A step shows ten errors, ten warnings and ten notices, and drops what comes later. So
// each input that is not verified, and in an audit each record, has one error before
// anything else is said of any; and a warning is given once a run, however many inputs
// have it.
type githubWriter struct {
	w       io.Writer
	later   spools
	remarks remarks
	counts  [ranks]int
	units   int
}

func newGitHub(w io.Writer, _ Tool, _ Options) sheetWriter { return &githubWriter{w: w} }

func (g *githubWriter) unit(u suite) error {
	var now, later strings.Builder
	for n, i := range u.problems() {
		b := &later
		if n == 0 || i.record != (verify.Place{}) && i.first {
			b = &now
		}
		if n == 0 && u.command == "audit" && i.record != (verify.Place{}) {
			annotation(&now, "error", u.name, u.items[0]) // the ledger itself
		}
		annotation(b, "error", u.name, i)
	}
	for _, i := range u.items {
		if i.unlisted.count > 0 {
			fmt.Fprintf(&later, "qodverify: %s: %s: %s\n", Printable(u.name), Printable(i.id), Printable(i.message))
		}
	}
	if i, ok := u.noticeOfLeftOut(); ok {
		annotation(&later, "notice", u.name, i)
	}
	g.remarks.add(u)
	if !u.together {
		g.units++
		g.counts[u.rank()]++
	}
	name := Printable(u.name) + ": "
	if u.standing.nothing {
		name = "" // it would be our own
	}
	fmt.Fprintf(&now, "qodverify: %s%s%s\n", name, Printable(u.standing.String()), reasonText(u))
	if _, err := io.WriteString(g.w, now.String()); err != nil {
		return err
	}
	_, err := io.WriteString(&g.later[u.rank()], later.String())
	return err
}

// noticeOfLeftOut is one notice of all that was left out of folders and decides nothing.
func (u suite) noticeOfLeftOut() (one item, some bool) {
	var reasons []string
	for _, i := range u.items {
		if i.level != noted || !i.leftOut() {
			continue
		}
		if !some {
			one, some = i, true
		}
		reasons = append(reasons, i.message)
	}
	one.message = strings.Join(reasons, "; ")
	return one, some
}

func (g *githubWriter) end(s standing) error {
	if err := g.later.copyTo(g.w); err != nil {
		return err
	}
	var b strings.Builder
	for _, kind := range []struct {
		level level
		word  string
	}{{warned, "warning"}, {usual, "notice"}} {
		for _, r := range g.remarks.of(kind.level) {
			i := r.item
			if r.times > 1 { // it stands where the first one does
				i.message, i.details, i.pointer = r.text(), nil, ""
			}
			annotation(&b, kind.word, r.names[0], i)
		}
	}
	if g.units > 1 {
		fmt.Fprintf(&b, "qodverify: %d inputs: %s (%s)\n", g.units, Printable(s.String()), rankCounts(g.counts))
	}
	_, err := io.WriteString(g.w, b.String())
	return err
}

func (g *githubWriter) drop() error { return g.later.close() }

// rankCounts tells how many inputs have which verdict, the worst first.
func rankCounts(counts [ranks]int) string {
	var parts []string
	for rank, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, rankWords[rank]))
		}
	}
	return strings.Join(parts, ", ")
}

var rankWords = [ranks]string{"failed", "malformed", "unreadable", "inconclusive", "verified with warnings", "verified"}

func reasonText(u suite) string {
	if u.verdict == verify.Verified || string(u.reason) == u.verdict.String() {
		return ""
	}
	return " (" + Printable(string(u.reason)) + ")"
}

func annotation(b *strings.Builder, kind, input string, i item) {
	text := clipped(i.prose())
	inside := i.at.inside()
	if !inside && input != "" {
		text = Printable(input) + ": " + text
	}
	fmt.Fprintf(b, "::%s ", kind)
	if inside {
		fmt.Fprintf(b, "file=%s,", commandProperty(i.at.file))
		for _, p := range []struct {
			name  string
			value int64
		}{{"line", i.at.line}, {"endLine", i.at.endLine}, {"col", i.at.column}, {"endColumn", i.at.endColumn}} {
			// GitHub takes columns only where the region is one line.
			if p.value > 0 && !(i.at.endLine > i.at.line && strings.Contains(strings.ToLower(p.name), "col")) {
				fmt.Fprintf(b, "%s=%d,", p.name, p.value)
			}
		}
	}
	fmt.Fprintf(b, "title=%s::%s\n", commandProperty("qodverify "+i.id+" ("+string(i.code)+")"), commandData(text))
}

// maxMessage bounds a message where a host bounds its own.
const maxMessage = 4 << 10

// clipped is a text, cut at that bound.
func clipped(s string) string { return clip(s, maxMessage) }

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + fmt.Sprintf("… (cut: %d bytes)", len(s))
}

// commandData and commandProperty escape as @actions/core does.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(Printable(s)))
}
