package render

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// The bounds of a Markdown report: GitHub cuts a step summary off at 1 MiB.
const (
	maxMarkdownUnits = 200
	maxMarkdownItems = 50
)

// markdown writes GitHub-flavoured Markdown: a table of the inputs, and for those
// that are not verified what is wrong.
func markdown(w io.Writer, s sheet) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## qodverify: %s\n\n", strings.ToUpper(s.verdict.String()))
	b.WriteString("| input | verdict | reason |\n|---|---|---|\n")
	for n, u := range s.units {
		if n == maxMarkdownUnits {
			fmt.Fprintf(&b, "| and %d more | | |\n", len(s.units)-n)
			break
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", mdCode(u.name), mdMark(u.verdict), u.verdict, mdCode(string(u.reason)))
	}
	for n, u := range s.units {
		if n == maxMarkdownUnits {
			break
		}
		u.markdown(&b)
	}
	fmt.Fprintf(&b, "\nA signature shows who claims the measurements, not that they are true. What a code means: `qodverify explain CODE`. Checked by qodverify %s.\n", mdCode(s.tool.Version))
	_, err := io.WriteString(w, b.String())
	return err
}

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
