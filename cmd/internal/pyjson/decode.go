package pyjson

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is below CPython's own bound of about 1,000, past which json.loads
// raises RecursionError; no request nests more than two deep.
const maxDepth = 200

// maxDigits is sys.int_info.default_max_str_digits.
const maxDigits = 4300

// SyntaxError is json.JSONDecodeError: its message, and the offset in code
// points of the decoded text.
type SyntaxError struct {
	Message string
	Offset  int
}

// Error returns the error as Python prints it, without line and column.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s: char %d", e.Message, e.Offset) }

// ErrUnreadable is returned for input at which json.loads raises something other
// than JSONDecodeError: bytes in no UTF encoding, an integer of more than 4,300
// digits, nesting too deep.
var ErrUnreadable = errors.New("unreadable JSON text")

// Decode is json.loads of bytes: UTF-8, UTF-16 or UTF-32, with or without a byte
// order mark. Its error is a *SyntaxError or [ErrUnreadable].
func Decode(data []byte) (any, error) {
	text, err := decodeText(data)
	if err != nil {
		return nil, err
	}
	d := decoder{text: text}
	d.space()
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	d.space()
	if d.pos < len(d.text) {
		return nil, d.fail("Extra data", d.pos)
	}
	return v, nil
}

// decodeText is json.detect_encoding followed by bytes.decode with the error
// handler "surrogatepass". The result is valid UTF-8 except for lone surrogates.
func decodeText(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		return decode32(data[4:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}):
		return decode32(data[4:], binary.BigEndian)
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return decode16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return decode16(data[2:], binary.BigEndian)
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return decode8(data[3:])
	}
	zero := func(i int) bool { return i < len(data) && data[i] == 0 }
	switch {
	case len(data) >= 4 && zero(0) && zero(1):
		return decode32(data, binary.BigEndian)
	case len(data) >= 4 && zero(0):
		return decode16(data, binary.BigEndian)
	case len(data) >= 4 && zero(1) && zero(2) && zero(3):
		return decode32(data, binary.LittleEndian)
	case len(data) >= 4 && zero(1):
		return decode16(data, binary.LittleEndian)
	case len(data) == 2 && zero(0):
		return decode16(data, binary.BigEndian)
	case len(data) == 2 && zero(1):
		return decode16(data, binary.LittleEndian)
	}
	return decode8(data)
}

func decode8(data []byte) (string, error) {
	text := string(data)
	if utf8.ValidString(text) {
		return text, nil
	}
	for i := 0; i < len(text); {
		r, size := decodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return "", ErrUnreadable
		}
		i += size
	}
	return text, nil
}

func decode16(data []byte, order binary.ByteOrder) (string, error) {
	if len(data)%2 != 0 {
		return "", ErrUnreadable
	}
	var text []byte
	for i := 0; i < len(data); i += 2 {
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) && i+4 <= len(data) {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(data[i+2:]))); pair != utf8.RuneError {
				r = pair
				i += 2
			}
		}
		text = appendRune(text, r)
	}
	return string(text), nil
}

func decode32(data []byte, order binary.ByteOrder) (string, error) {
	if len(data)%4 != 0 {
		return "", ErrUnreadable
	}
	var text []byte
	for i := 0; i < len(data); i += 4 {
		u := order.Uint32(data[i:])
		if u > utf8.MaxRune {
			return "", ErrUnreadable
		}
		text = appendRune(text, rune(u))
	}
	return string(text), nil
}

// appendRune appends a code point, lone surrogates included.
func appendRune(dst []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return appendSurrogate(dst, r)
	}
	return utf8.AppendRune(dst, r)
}

type decoder struct {
	text string
	pos  int
}

func (d *decoder) fail(message string, pos int) error {
	return &SyntaxError{message, utf8.RuneCountInString(d.text[:pos])}
}

func (d *decoder) space() {
	for d.pos < len(d.text) && strings.IndexByte(" \t\n\r", d.text[d.pos]) >= 0 {
		d.pos++
	}
}

func (d *decoder) peek() byte {
	if d.pos < len(d.text) {
		return d.text[d.pos]
	}
	return 0
}

// words are the literals that json.loads knows, JSON's and Python's.
var words = []struct {
	text  string
	value any
}{
	{"null", nil}, {"true", true}, {"false", false},
	{"NaN", math.NaN()}, {"Infinity", math.Inf(1)}, {"-Infinity", math.Inf(-1)},
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, ErrUnreadable
	}
	switch d.peek() {
	case '"':
		d.pos++
		return d.str()
	case '{':
		d.pos++
		return d.object(depth)
	case '[':
		d.pos++
		return d.array(depth)
	}
	for _, w := range words {
		if strings.HasPrefix(d.text[d.pos:], w.text) {
			d.pos += len(w.text)
			return w.value, nil
		}
	}
	return d.number()
}

func (d *decoder) object(depth int) (any, error) {
	o := Object{}
	index := map[string]int{} // a dict: linear also for a body of 100,000 names
	d.space()
	if d.peek() == '}' {
		d.pos++
		return o, nil
	}
	for {
		if d.peek() != '"' {
			return nil, d.fail("Expecting property name enclosed in double quotes", d.pos)
		}
		d.pos++
		name, err := d.str()
		if err != nil {
			return nil, err
		}
		d.space()
		if d.peek() != ':' {
			return nil, d.fail("Expecting ':' delimiter", d.pos)
		}
		d.pos++
		d.space()
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if i, repeated := index[name]; repeated {
			o[i].Value = v
		} else {
			index[name] = len(o)
			o = append(o, Member{name, v})
		}
		d.space()
		switch d.peek() {
		case '}':
			d.pos++
			return o, nil
		case ',':
		default:
			return nil, d.fail("Expecting ',' delimiter", d.pos)
		}
		d.pos++
		d.space()
	}
}

func (d *decoder) array(depth int) (any, error) {
	list := []any{}
	d.space()
	if d.peek() == ']' {
		d.pos++
		return list, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		d.space()
		switch d.peek() {
		case ']':
			d.pos++
			return list, nil
		case ',':
		default:
			return nil, d.fail("Expecting ',' delimiter", d.pos)
		}
		d.pos++
		d.space()
	}
}

// str reads a string whose opening quote has been read.
func (d *decoder) str() (string, error) {
	begin := d.pos - 1
	var out []byte
	for {
		if d.pos >= len(d.text) {
			return "", d.fail("Unterminated string starting at", begin)
		}
		c := d.text[d.pos]
		switch {
		case c == '"':
			d.pos++
			return string(out), nil
		case c < 0x20:
			return "", d.fail("Invalid control character at", d.pos)
		case c != '\\':
			out = append(out, c)
			d.pos++
			continue
		}
		if d.pos+1 >= len(d.text) {
			return "", d.fail("Unterminated string starting at", begin)
		}
		if i := strings.IndexByte(`"\/bfnrt`, d.text[d.pos+1]); i >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[i])
			d.pos += 2
			continue
		}
		if d.text[d.pos+1] != 'u' {
			return "", d.fail(`Invalid \escape`, d.pos)
		}
		r, err := d.escape()
		if err != nil {
			return "", err
		}
		out = appendRune(out, r)
	}
}

// escape reads \uXXXX at pos, and the second half of a surrogate pair.
func (d *decoder) escape() (rune, error) {
	r, ok := hex4(d.text[d.pos+2:])
	if !ok || d.pos+6 >= len(d.text) { // CPython wants one more character than the four
		return 0, d.fail(`Invalid \uXXXX escape`, d.pos+1)
	}
	d.pos += 6
	if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(d.text[d.pos:], `\u`) && d.pos+6 < len(d.text) {
		if low, ok := hex4(d.text[d.pos+2:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				d.pos += 6
				return pair, nil
			}
		}
	}
	return r, nil
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	u, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(u), err == nil
}

func (d *decoder) number() (any, error) {
	begin := d.pos
	digits := func() int {
		from := d.pos
		for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
			d.pos++
		}
		return d.pos - from
	}
	if d.peek() == '-' {
		d.pos++
	}
	integer := d.pos
	if d.peek() == '0' {
		d.pos++
	} else if digits() == 0 {
		d.pos = begin
		return nil, d.fail("Expecting value", begin)
	}
	end, float := d.pos, false
	if d.peek() == '.' {
		d.pos++
		if digits() > 0 {
			end, float = d.pos, true
		}
		d.pos = end
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if digits() > 0 {
			end, float = d.pos, true
		}
		d.pos = end
	}
	text := d.text[begin:end]
	if float {
		f, _ := strconv.ParseFloat(text, 64) // beyond a double: ±Inf, as float() gives
		return f, nil
	}
	if end-integer > maxDigits {
		return nil, ErrUnreadable
	}
	if text == "-0" {
		text = "0"
	}
	return Int(text), nil
}
