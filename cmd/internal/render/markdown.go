package render

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// The bounds of a Markdown report, in bytes: GitHub drops a step summary of more than
// 1 MiB whole.
const (
	maxMarkdownRows    = 256 << 10
	maxMarkdownDetails = 640 << 10
	maxMarkdownItems   = 50 // of one input
)

// markdownWriter writes GitHub-flavoured Markdown: a table of the inputs, worst first,
// and for those that are not verified, or that have warnings, what is to be said.
type markdownWriter struct {
	w             io.Writer
	tool          Tool
	rows, details [ranks]pieces
	notLooked     string
}

// pieces are texts of which no more than max bytes are kept.
type pieces struct {
	list []string
	size int
	left int // that were not kept
}

func (p *pieces) add(s string, max int) {
	if p.left > 0 || p.size+len(s) > max {
		p.left++
		return
	}
	p.list, p.size = append(p.list, s), p.size+len(s)
}

func newMarkdown(w io.Writer, tool Tool) sheetWriter {
	return &markdownWriter{w: w, tool: tool}
}

func (m *markdownWriter) unit(u suite) error {
	if text := u.left.sentence(); text != "" {
		m.notLooked = "❔ " + mdText(text) + "\n\n"
	}
	rank := u.rank()
	m.rows[rank].add(fmt.Sprintf("| %s | %s %s | %s |\n", mdCode(u.name), mdMark(u.verdict), u.verdict, mdCode(string(u.reason))), maxMarkdownRows)
	var b strings.Builder
	if u.markdown(&b); b.Len() > 0 {
		m.details[rank].add(b.String(), maxMarkdownDetails)
	}
	return nil
}

func (m *markdownWriter) end(v verify.Verdict) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## qodverify: %s\n\n", strings.ToUpper(v.String()))
	b.WriteString(m.notLooked)
	b.WriteString("| input | verdict | reason |\n|---|---|---|\n")
	words := [ranks]string{"failed", "malformed or unreadable", "inconclusive", "verified, with warnings", "verified"}
	for rank, left := range fitting(&m.rows, maxMarkdownRows, &b) {
		if left > 0 {
			fmt.Fprintf(&b, "| and %d more: %s | | |\n", left, words[rank])
		}
	}
	for rank, left := range fitting(&m.details, maxMarkdownDetails, &b) {
		if left > 0 {
			fmt.Fprintf(&b, "\nThere is no room for the details of %d more inputs: %s.\n", left, words[rank])
		}
	}
	fmt.Fprintf(&b, "\nA signature shows who claims the measurements, not that they are true. What a code means: `qodverify explain CODE`. Checked by qodverify %s.\n", mdCode(m.tool.Version))
	_, err := io.WriteString(m.w, b.String())
	return err
}

// fitting writes what fits, worst first, and returns how many of each rank did not.
func fitting(of *[ranks]pieces, max int, b *strings.Builder) (left [ranks]int) {
	full := false
	for rank, p := range of {
		left[rank] = p.left
		for _, s := range p.list {
			if full = full || len(s) > max; full {
				left[rank]++
				continue
			}
			max -= len(s)
			b.WriteString(s)
		}
		full = full || p.left > 0
	}
	return left
}

func (*markdownWriter) drop() error { return nil }

func mdMark(v verify.Verdict) string {
	switch v {
	case verify.Verified:
		return "✅"
	case verify.Inconclusive:
		return "❔"
	}
	return "❌"
}

func (u suite) markdown(b *strings.Builder) {
	list := append(u.problems(), u.remarks()...)
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", mdCode(u.name))
	for n, i := range list {
		if n == maxMarkdownItems {
			fmt.Fprintf(b, "- and %d more\n", len(list)-n)
			break
		}
		mark := map[level]string{failed: "❌", broken: "❔", warned: "⚠️", noted: "ℹ️"}[i.level]
		fmt.Fprintf(b, "- %s **%s** %s: %s\n", mark, mdText(i.id), mdCode(string(i.code)), mdText(i.message))
		if i.at.file != "" && i.at.line > 0 {
			place := fmt.Sprintf("%s:%d", i.at.file, i.at.line)
			if i.at.column > 0 {
				place += fmt.Sprintf(":%d", i.at.column)
			}
			fmt.Fprintf(b, "  - at %s %s\n", mdCode(place), mdCode(i.pointer))
		}
		for _, d := range i.details {
			value := mdText(d.value)
			if d.name != "hint" {
				value = mdCode(d.value)
			}
			fmt.Fprintf(b, "  - %s: %s\n", d.name, value)
		}
	}
}

// mdText writes a value so that Markdown reads it as text: every character that
// means something to Markdown, to HTML, or to a host's own extensions (mentions,
// links, emoji) becomes a character reference.
func mdText(s string) string {
	runes := []rune(Printable(s))
	var b strings.Builder
	for i, r := range runes {
		special := strings.ContainsRune("\\`*_[]<>#|~&@$", r)
		switch {
		case r == ':' && i+1 < len(runes) && runes[i+1] != ' ': // :emoji:, https://
			special = true
		case r == '.' && i > 0 && (runes[i-1] == 'w' || runes[i-1] == 'W'): // www.
			special = true
		}
		if special {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plainCode are values that mean nothing to anyone between backticks.
var plainCode = regexp.MustCompile(`^[A-Za-z0-9._/:,-]+$`)

// mdCode writes a value as code: between backticks, where all of it is plain; else
// in HTML's element, since character references mean nothing between backticks.
func mdCode(s string) string {
	switch {
	case s == "":
		return ""
	case plainCode.MatchString(s):
		return "`" + s + "`"
	}
	return "<code>" + mdText(s) + "</code>"
}
