// Package pyjson reads and writes JSON as CPython's json module does, for the
// places where clients of the original proof service see its habits: request
// bodies, error messages with their character offsets, answers with floats as
// Python's repr ("100.0"), and files with indent=2.
//
// It is lax where Python is lax (a repeated name keeps its last value, NaN is
// read, a lone surrogate is read) because a server must answer such input
// sensibly. Nothing that it reads is evidence: what is hashed or verified goes
// through package canonical, which is strict.
package pyjson

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// The values of a document are nil, bool, [Int], int, int64, float64, string,
// []any and [Object].

// Object is a Python dict: members in order of insertion, names unique.
type Object []Member

// Member is one name with its value.
type Member struct {
	Name  string
	Value any
}

// Int is an integer of any size in decimal, as Python's int.
type Int string

// Get returns the value of a member and whether there is one.
func (o Object) Get(name string) (any, bool) {
	i := slices.IndexFunc(o, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return nil, false
	}
	return o[i].Value, true
}

// style is one set of arguments to json.dumps.
type style struct {
	comma, colon string
	ascii        bool // ensure_ascii
	indent       int
}

// Compact returns json.dumps(v, ensure_ascii=False, separators=(",", ":")), the
// form of HTTP answers. A float that is no number is written as null, since NaN
// is not JSON, and a lone surrogate as U+FFFD, since it is not UTF-8.
func Compact(v any) []byte { return style{comma: ",", colon: ":"}.append(make([]byte, 0, 1024), v, 0) }

// ASCII returns json.dumps(v), the form of stored intents and samples.
func ASCII(v any) []byte {
	return style{comma: ", ", colon: ": ", ascii: true}.append(make([]byte, 0, 1024), v, 0)
}

// Indent returns json.dumps(v, indent=2), the form of artifact files.
func Indent(v any) []byte {
	return style{comma: ",", colon: ": ", ascii: true, indent: 2}.append(make([]byte, 0, 1024), v, 0)
}

func (s style) append(dst []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case Int:
		return append(dst, v...)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		if v != v || v-v != 0 {
			return append(dst, "null"...)
		}
		return append(dst, canonical.PythonFloat(v)...)
	case string:
		return s.appendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			dst = s.append(s.next(dst, i, depth+1), element, depth+1)
		}
		return append(s.end(dst, len(v), depth), ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v {
			dst = s.appendString(s.next(dst, i, depth+1), m.Name)
			dst = s.append(append(dst, s.colon...), m.Value, depth+1)
		}
		return append(s.end(dst, len(v), depth), '}')
	}
	panic("pyjson: a value of a type that is not JSON")
}

// next starts the i-th item of a container.
func (s style) next(dst []byte, i, depth int) []byte {
	if i > 0 {
		dst = append(dst, s.comma...)
	}
	return s.newline(dst, depth)
}

// end closes a container of n items; Python writes an empty one as {} or [].
func (s style) end(dst []byte, n, depth int) []byte {
	if n == 0 {
		return dst
	}
	return s.newline(dst, depth)
}

func (s style) newline(dst []byte, depth int) []byte {
	if s.indent == 0 {
		return dst
	}
	dst = append(dst, '\n')
	for range depth * s.indent {
		dst = append(dst, ' ')
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func (s style) appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		if n := plain(text[i:]); n > 0 {
			dst = append(dst, text[i:i+n]...)
			i += n
			continue
		}
		c := text[i]
		if c < utf8.RuneSelf && !(s.ascii && c == 0x7f) {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		r, size := decodeRune(text[i:])
		switch {
		case !s.ascii:
			dst = utf8.AppendRune(dst, r) // U+FFFD for a lone surrogate
		case r > 0xffff:
			dst = appendEscape(dst, 0xd800+(r-0x10000)>>10)
			dst = appendEscape(dst, 0xdc00+(r-0x10000)&0x3ff)
		default:
			dst = appendEscape(dst, r)
		}
		i += size
	}
	return append(dst, '"')
}

// plain returns how many characters at the start are written as they are.
func plain(s string) int {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > '~' || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

func appendASCII(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c >= 0x20:
		return append(dst, c)
	}
	if i := slices.Index([]byte("\b\t\n\f\r"), c); i >= 0 {
		return append(dst, '\\', "btnfr"[i])
	}
	return appendEscape(dst, rune(c))
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendSurrogate appends a lone surrogate in the three bytes that UTF-8 would
// have for it. They are invalid UTF-8, so [HasSurrogate] finds them again.
func appendSurrogate(dst []byte, r rune) []byte {
	return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
}

// decodeRune is utf8.DecodeRuneInString that knows lone surrogates.
func decodeRune(s string) (rune, int) {
	if len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return utf8.DecodeRuneInString(s)
}

// HasSurrogate reports whether a decoded text holds a lone surrogate, which no
// UTF-8 text can hold and which therefore can't be stored or signed.
func HasSurrogate(s string) bool { return !utf8.ValidString(s) }

// Len returns len(s) as Python counts: code points.
func Len(s string) int {
	n := 0
	for i := 0; i < len(s); n++ {
		_, size := decodeRune(s[i:])
		i += size
	}
	return n
}
