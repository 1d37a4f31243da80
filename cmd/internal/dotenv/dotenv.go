// Package dotenv reads files of settings (.env) as python-dotenv 1.2 does, which
// the original service reads its own with. The libraries of Go read another
// grammar: they expand $NAME too, where python-dotenv expands ${NAME} alone, so a
// token with a dollar sign would silently be another one.
//
// No message quotes the file: it holds secrets.
package dotenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Name is the name of the file.
const Name = ".env"

// MaxBytes bounds the file.
const MaxBytes = 1 << 20

// The grammar of python-dotenv (parser.py). Python's \s is wider than Go's.
const (
	space = `\t-\r\x1c-\x20\x{85}\p{Z}`
	blank = `\t\x0b\x0c\x1c-\x20\x{85}\p{Z}` // without line ends
)

var (
	spaces     = regexp.MustCompile(`^[` + space + `]*`)
	blanks     = regexp.MustCompile(`^[` + blank + `]*`)
	export     = regexp.MustCompile(`^(?:export[` + blank + `]+)?`)
	quotedKey  = regexp.MustCompile(`^'([^']+)'`)
	plainKey   = regexp.MustCompile(`^([^=#` + space + `]+)`)
	equals     = regexp.MustCompile(`^=[` + blank + `]*`)
	single     = regexp.MustCompile(`^'((?:\\'|[^'])*)'`)
	double     = regexp.MustCompile(`^"((?:\\"|[^"])*)"`)
	plainValue = regexp.MustCompile(`^([^\n]*)`)
	comment    = regexp.MustCompile(`^(?:[` + blank + `]*#[^\n]*)?`)
	lineEnd    = regexp.MustCompile(`^[` + blank + `]*(?:\n|$)`)
	rest       = regexp.MustCompile(`^[^\n]*\n?`)

	trailing     = regexp.MustCompile(`[` + space + `]+#.*`)
	singleEscape = regexp.MustCompile(`\\[\\']`)
	doubleEscape = regexp.MustCompile(`\\[\\'"abfnrtv]`)
	variable     = regexp.MustCompile(`\$\{([^}:]*)(?::-([^}]*))?\}`)
)

// File is what a file sets.
type File struct {
	values map[string]setting
	// Notes tell the lines that set nothing, by number.
	Notes []string
}

// setting is what the last line with a name says: that it has a value, or, without
// =, that it has none.
type setting struct {
	value string
	set   bool
}

// Lookup returns a setting.
func (f *File) Lookup(name string) (string, bool) {
	if f == nil {
		return "", false
	}
	v := f.values[name]
	return v.value, v.set
}

// Parse reads the file's text. env looks up the variables of the environment, for
// ${NAME}: they win over the file's.
func Parse(data []byte, env func(string) (string, bool)) (*File, error) {
	f := &File{values: map[string]setting{}}
	text, err := f.decode(data)
	if err != nil {
		return nil, err
	}
	s := &scanner{text: text, line: 1}
	for s.text != "" {
		s.take(spaces)
		if s.text == "" {
			break
		}
		line := s.line
		name, value, assigned, ok := s.binding()
		switch {
		case !ok:
			f.note("line %d is no NAME=VALUE and is left out", line)
		case name != "" && !assigned:
			f.values[name] = setting{}
			f.note("line %d has a name and no =, and sets nothing", line)
		case name == "":
			// A comment.
		case strings.ContainsRune(name+value, 0):
			return nil, fmt.Errorf("line %d has a character of code 0, which no variable can have", line)
		default:
			f.values[name] = setting{expand(value, func(name string) (string, bool) {
				if v, there := env(name); there {
					return v, true
				}
				v, there := f.values[name]
				return v.value, there
			}), true}
		}
	}
	return f, nil
}

// maxNotes bounds the notes: a file that is something else has thousands of lines.
const maxNotes = 10

func (f *File) note(format string, args ...any) {
	switch {
	case len(f.Notes) < maxNotes:
		f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
	case len(f.Notes) == maxNotes:
		f.Notes = append(f.Notes, "and so are more lines")
	}
}

// decode returns the text with the line ends of Unix, as Python reads it, and
// without the byte order mark that editors of Windows write: Python takes that for
// a part of the first name, and so loses it.
func (f *File) decode(data []byte) (string, error) {
	text := string(data)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "", errors.New("it is UTF-16: save it as UTF-8")
	case strings.HasPrefix(text, "\ufeff"):
		text = strings.TrimPrefix(text, "\ufeff")
		f.note("it begins with a byte order mark, which is skipped")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if !utf8.ValidString(text) {
		line := 1
		for rest := text; ; line++ {
			one, after, more := strings.Cut(rest, "\n")
			if !utf8.ValidString(one) || !more {
				break
			}
			rest = after
		}
		return "", fmt.Errorf("line %d is not UTF-8", line)
	}
	return text, nil
}

// scanner is the text that is still to be read.
type scanner struct {
	text string
	line int
}

// take reads what a pattern matches, and returns its group.
func (s *scanner) take(pattern *regexp.Regexp) (string, bool) {
	m := pattern.FindStringSubmatchIndex(s.text)
	if m == nil {
		return "", false
	}
	group := ""
	if len(m) > 2 {
		group = s.text[m[2]:m[3]]
	}
	s.line += strings.Count(s.text[:m[1]], "\n")
	s.text = s.text[m[1]:]
	return group, true
}

// binding reads one statement. Where it is none the rest of its line is skipped:
// not the line's start, since what was read of it is gone.
func (s *scanner) binding() (name, value string, assigned, ok bool) {
	s.take(export)
	ok = true
	switch {
	case strings.HasPrefix(s.text, "#"):
	case strings.HasPrefix(s.text, "'"):
		name, ok = s.take(quotedKey)
	default:
		name, ok = s.take(plainKey)
	}
	if ok {
		s.take(blanks)
		if _, assigned = s.take(equals); assigned {
			value, ok = s.value()
		}
	}
	if ok {
		s.take(comment)
		_, ok = s.take(lineEnd)
	}
	if !ok {
		s.take(rest)
	}
	return name, value, assigned, ok
}

func (s *scanner) value() (string, bool) {
	switch {
	case s.text == "" || s.text[0] == '\n':
		return "", true
	case s.text[0] == '\'':
		v, ok := s.take(single)
		return singleEscape.ReplaceAllStringFunc(v, func(e string) string { return e[1:] }), ok
	case s.text[0] == '"':
		v, ok := s.take(double)
		return doubleEscape.ReplaceAllStringFunc(v, unescape), ok
	}
	v, _ := s.take(plainValue)
	if at := trailing.FindStringIndex(v); at != nil {
		v = v[:at[0]]
	}
	return strings.TrimRight(v, trimmed), true
}

// trimmed is Python's white space.
const trimmed = "\t\n\v\f\r\x1c\x1d\x1e\x1f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func unescape(e string) string {
	if at := strings.IndexByte("abfnrtv", e[1]); at >= 0 {
		return "\a\b\f\n\r\t\v"[at : at+1]
	}
	return e[1:]
}

// expand puts in variables, in quotes of either kind as well. One that nobody sets
// is its default, else empty.
func expand(value string, lookup func(string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(value, func(reference string) string {
		m := variable.FindStringSubmatch(reference)
		if v, there := lookup(m[1]); there {
			return v
		}
		return m[2]
	})
}

// Find returns the file in a folder or the nearest above it, "" when there is
// none.
func Find(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		name := filepath.Join(dir, Name)
		if info, err := os.Stat(name); err == nil && (info.Mode().IsRegular() || info.Mode()&os.ModeNamedPipe != 0) {
			return name
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

// Disabled reports whether python-dotenv is told to read no file.
func Disabled(env func(string) (string, bool)) bool {
	v, _ := env("PYTHON_DOTENV_DISABLED")
	switch strings.ToLower(v) {
	case "1", "true", "t", "yes", "y":
		return true
	}
	return false
}
