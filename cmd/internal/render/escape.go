package render

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Every value that came from outside passes through one of these two functions
// before it reaches an output: a bundle must not be able to move the cursor,
// write to the clipboard or turn the reading direction of its own verdict.

// Printable returns s with every character that is not plainly visible escaped:
// control characters (C0, DEL, C1), escape sequences, bidirectional controls,
// zero-width and other format characters, line and paragraph separators,
// private-use and unassigned characters, and invalid UTF-8; and the second of two
// "#", since CI runners take "##[" and "##vso[" anywhere in a log for commands.
func Printable(s string) string {
	if visible(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) && !(r == '#' && i > 0 && s[i-1] == '#'):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

// PrintableLines is [Printable] line by line.
func PrintableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return strings.Join(lines, "\n")
}

func visible(s string) bool {
	if strings.Contains(s, "##") {
		return false
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// PrintableJSON escapes the same characters in JSON text, as \u escapes, so
// that the text stays the same JSON value. Newlines between tokens are kept;
// inside strings JSON never has them raw.
func PrintableJSON(text []byte) []byte {
	if visible(strings.ReplaceAll(string(text), "\n", "")) {
		return text
	}
	var b []byte
	for before := rune(0); len(text) > 0; {
		r, n := utf8.DecodeRune(text)
		double := r == '#' && before == '#'
		before = r
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError && !double:
			b = append(b, text[:n]...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
		text = text[n:]
	}
	return b
}

// plainArgument is what no shell reads anything into.
var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./:@%+=,-]*$`)

// ShellQuoted writes a name for a POSIX shell, so that a command which is shown means
// exactly that file, whatever its name: bytes that are not plainly visible are written
// by printf, and no name begins like a flag. The shell takes newlines off the end of
// what printf writes; of a folder, "/." behind the name keeps them.
func ShellQuoted(name string) string {
	switch {
	case strings.HasPrefix(name, "-"):
		name = "./" + name
	case name == "":
		return "''"
	}
	if plainArgument.MatchString(name) {
		return name
	}
	if Printable(name) == name {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString(`"$(printf %b '`)
	for _, c := range []byte(name) {
		if c >= ' ' && c < 0x7f && !strings.ContainsRune("'\\#", rune(c)) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\0%03o`, c)
		}
	}
	return b.String() + `')"`
}
