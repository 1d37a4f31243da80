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
	maxMarkdown     = 1<<20 - 16<<10
	maxMarkdownGood = 128 << 10 // the rows of what is verified
	maxMarkdownItem = 50        // items of one input
	maxMarkdownText = 512       // a value
	minMarkdown     = 4 << 10   // what is written wherever there is no room
)

// markdownWriter writes GitHub-flavoured Markdown: what came of how many inputs, a table
// of them, worst first, what is wrong with those that are not verified, and each warning
// once. Where there is no room for all, the verified ones are left out first, then
// details.
type markdownWriter struct {
	w             io.Writer
	tool          Tool
	room          int
	rows, details [ranks]pieces
	remarks       remarks
	counts        [ranks]int
	units         int
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

func newMarkdown(w io.Writer, tool Tool, o Options) sheetWriter {
	m := &markdownWriter{w: w, tool: tool, room: maxMarkdown}
	if o.Room != 0 {
		m.room = min(m.room, max(o.Room, minMarkdown))
	}
	return m
}

func (m *markdownWriter) unit(u suite) error {
	if text := u.left.sentence(); text != "" {
		m.notLooked = "❔ " + mdText(clip(text, maxMessage)) + "\n\n"
	}
	rank := u.rank()
	if !u.together {
		m.units++
		m.counts[rank]++
	}
	m.remarks.add(u)
	verdict := u.verdict.String()
	if n := u.standing.warnings; n > 0 && u.verdict == verify.Verified {
		verdict += ", " + count(n, "warning")
	}
	room := m.room
	if u.verdict == verify.Verified {
		room = maxMarkdownGood
	}
	m.rows[rank].add(fmt.Sprintf("| %s | %s %s | %s |\n", mdCode(u.name), mdMark(u.standing), verdict, mdCode(string(u.reason))), room)
	var b strings.Builder
	if u.markdown(&b); b.Len() > 0 {
		m.details[rank].add(b.String(), m.room)
	}
	return nil
}

func (m *markdownWriter) end(s standing) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## qodverify: %s\n\n", s)
	if m.units > 1 {
		fmt.Fprintf(&b, "%d inputs: %s.\n\n", m.units, rankCounts(m.counts))
	}
	b.WriteString(m.notLooked)
	b.WriteString("| input | verdict | reason |\n|---|---|---|\n")
	remarks := m.remarks.markdown()
	room := max(0, m.room-b.Len()-len(remarks)-1<<10)
	good := rankOf(verify.Verified, 1)
	room -= fitting(m.rows[:good], room, &b, "| and %d more: %s | | |\n", 0)
	fitting(m.rows[good:], min(room/2, maxMarkdownGood), &b, "| and %d more: %s | | |\n", good)
	b.WriteString(remarks)
	fitting(m.details[:], m.room-b.Len()-1<<10, &b, "\nThere is no room for the details of %d more inputs: %s.\n", 0)
	fmt.Fprintf(&b, "\nA signature shows who claims the measurements, not that they are true. What a code means: `qodverify explain CODE`. Checked by qodverify %s.\n", mdCode(m.tool.Version))
	_, err := io.WriteString(m.w, b.String())
	return err
}

// fitting writes what fits, worst first, and then how many of each rank do not; it
// returns how much was written.
func fitting(of []pieces, room int, b *strings.Builder, more string, rank int) (written int) {
	start, full := b.Len(), false
	var left [ranks]int
	for n, p := range of {
		left[rank+n] = p.left
		for _, s := range p.list {
			if full = full || b.Len()-start+len(s) > room; full {
				left[rank+n]++
				continue
			}
			b.WriteString(s)
		}
		full = full || p.left > 0
	}
	for rank, n := range left {
		if n > 0 && more != "" {
			fmt.Fprintf(b, more, n, rankWords[rank])
		}
	}
	return b.Len() - start
}

func (*markdownWriter) drop() error { return nil }

func mdMark(s standing) string {
	switch s.verdict {
	case verify.Verified:
		if s.doubtful {
			return "⚠️"
		}
		return "✅"
	case verify.Inconclusive:
		return "❔"
	case verify.Malformed, verify.Unreadable:
		return "🚫"
	}
	return "❌"
}

// markdown writes the unit's problems, and what is worth knowing; its warnings are joined
// with those of the others.
func (u suite) markdown(b *strings.Builder) {
	list := u.problems()
	for _, i := range u.items {
		if i.level == noted {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", mdCode(u.name))
	for n, i := range list {
		if n == maxMarkdownItem {
			for _, line := range namedRecords(recordsOf(list[n:])) {
				fmt.Fprintf(b, "- %s\n", mdText(clip(line, maxMessage)))
			}
			break
		}
		i.markdown(b)
	}
}

// recordsOf groups items by what they are about, to be named.
func recordsOf(items []item) (list []recordFindings) {
	for _, i := range items {
		f := verify.Finding{Code: i.code, Place: i.record}
		if n := len(list); n > 0 && list[n-1].Place == i.record && i.record != (verify.Place{}) {
			list[n-1].List = append(list[n-1].List, f)
			continue
		}
		list = append(list, recordFindings{Place: i.record, List: []verify.Finding{f}})
	}
	return list
}

func (i item) markdown(b *strings.Builder) {
	mark := map[level]string{failed: "❌", broken: "❔", warned: "⚠️", usual: "ℹ️", noted: "ℹ️"}[i.level]
	fmt.Fprintf(b, "- %s **%s** %s: %s\n", mark, mdText(i.id), mdCode(string(i.code)), mdText(clip(i.message, maxMarkdownText)))
	if i.at.inside() && i.at.line > 0 {
		place := fmt.Sprintf("%s:%d", i.at.file, i.at.line)
		if i.at.column > 0 {
			place += fmt.Sprintf(":%d", i.at.column)
		}
		fmt.Fprintf(b, "  - at %s %s\n", mdCode(place), mdCode(i.pointer))
	}
	for _, d := range i.details {
		value := clip(d.value, maxMarkdownText)
		if d.name == "hint" {
			value = mdText(value)
		} else {
			value = mdCode(value)
		}
		fmt.Fprintf(b, "  - %s: %s\n", d.name, value)
	}
}

// markdown tells each warning once.
func (r *remarks) markdown() string {
	var b strings.Builder
	for _, l := range []level{warned, usual} {
		for _, m := range r.of(l) {
			if b.Len() == 0 {
				b.WriteString("\n### Warnings\n\n")
			}
			i := m.item
			i.details = nil
			if m.inputs > 1 || m.times > 1 {
				i.message, i.at = m.text(), position{}
			}
			i.markdown(&b)
		}
	}
	return b.String()
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
