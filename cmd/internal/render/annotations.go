package render

import (
	"bytes"
	"crypto/sha256"
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
// A step shows ten errors and ten warnings: so each input that is not verified has one
// error as it is judged, and what else is wrong comes when all have had theirs.
type githubWriter struct {
	w     io.Writer
	later spools
}

func newGitHub(w io.Writer, _ Tool) sheetWriter { return &githubWriter{w: w} }

func (g *githubWriter) unit(u suite) error {
	var now, later strings.Builder
	for n, i := range u.problems() {
		b := &now
		if n > 0 {
			b = &later
		}
		annotation(b, "error", u, i)
	}
	for _, i := range u.remarks() {
		switch {
		case i.level == warned:
			annotation(&later, "warning", u, i)
		case i.leftOut():
			annotation(&later, "notice", u, i)
		}
	}
	fmt.Fprintf(&now, "qodverify: %s: %s%s\n", Printable(u.name), strings.ToUpper(u.verdict.String()), reasonText(u))
	if _, err := io.WriteString(g.w, now.String()); err != nil {
		return err
	}
	_, err := io.WriteString(&g.later[u.rank()], later.String())
	return err
}

func (g *githubWriter) end(verify.Verdict) error { return g.later.copyTo(g.w) }
func (g *githubWriter) drop() error              { return g.later.close() }

func reasonText(u suite) string {
	if u.verdict == verify.Verified || string(u.reason) == u.verdict.String() {
		return ""
	}
	return " (" + Printable(string(u.reason)) + ")"
}

func annotation(b *strings.Builder, kind string, u suite, i item) {
	text := i.prose()
	if i.at.file == "" {
		text = Printable(u.name) + ": " + text
	}
	fmt.Fprintf(b, "::%s ", kind)
	if i.at.file != "" {
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

// commandData and commandProperty escape as @actions/core does.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(Printable(s)))
}

type gitlabIssue struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int64 `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// gitlabWriter writes a Code Quality report, worst first: an empty list is success. Only
// problems, warnings and what was left out of folders are issues.
type gitlabWriter struct {
	w      io.Writer
	issues spools
	seen   map[string]int
}

func newGitLab(w io.Writer, _ Tool) sheetWriter { return &gitlabWriter{w: w, seen: map[string]int{}} }

func (g *gitlabWriter) unit(u suite) error {
	for _, i := range append(u.problems(), u.remarks()...) {
		if i.level == noted && !i.leftOut() {
			continue
		}
		v := gitlabIssue{CheckName: string(i.code), Description: i.id + ": " + i.message, Severity: map[level]string{failed: "critical", broken: "major", warned: "minor", noted: "info"}[i.level]}
		for _, d := range i.details {
			v.Description += "; " + d.name + ": " + d.value
		}
		v.Description = Printable(v.Description)
		v.Location.Path, v.Location.Lines.Begin = Printable(i.at.file), max(1, i.at.line)
		if i.at.file == "" {
			v.Location.Path = Printable(u.name)
		}
		v.Fingerprint = i.fingerprint(u, g.seen)
		b, err := indented(v, "  ")
		if err == nil {
			_, err = fmt.Fprintf(&g.issues[u.rank()], "  %s,\n", bytes.TrimSpace(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gitlabWriter) end(verify.Verdict) error {
	if _, err := io.WriteString(g.w, "["); err != nil {
		return err
	}
	c := &commaTrimmer{w: g.w}
	if err := g.issues.copyTo(c); err != nil {
		return err
	}
	_, err := io.WriteString(g.w, c.end()+"]\n")
	return err
}

func (g *gitlabWriter) drop() error { return g.issues.close() }

// commaTrimmer writes a list's elements, each on a line that ends with a comma, but for
// the last comma.
type commaTrimmer struct {
	w    io.Writer
	held []byte // a comma and a line break that may be the last ones
	some bool
}

func (c *commaTrimmer) Write(p []byte) (int, error) {
	b := append(c.held, p...)
	if !c.some && len(b) > 0 {
		c.some = true
		b = append([]byte("\n"), b...)
	}
	n := max(0, len(b)-2)
	c.held = append([]byte(nil), b[n:]...)
	if _, err := c.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *commaTrimmer) end() string {
	if !c.some {
		return ""
	}
	return "\n"
}

// fingerprint is the same for the same problem in the next run, wherever its line
// has moved to, and another for every problem of one run.
func (i item) fingerprint(u suite, seen map[string]int) string {
	key := strings.Join([]string{u.name, i.at.file, i.id, string(i.code), i.pointer}, "\x00")
	seen[key]++
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key])))
}
