package canonical

import (
	"bytes"
	"crypto/sha256"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Canonical returns the canonical bytes of v under a profile. The result may
// share memory with the input and must not be changed. Its error is an
// [*Error]: a value that the profile can't represent, or a missing profile.
func (v Value) Canonical(profile Profile) ([]byte, error) {
	return v.CanonicalBuffer(nil, profile)
}

// CanonicalBuffer is as [Value.Canonical], and takes the memory of buf when
// bytes have to be written: the spelling of most proofs already is canonical,
// and then the result is the input's own bytes.
func (v Value) CanonicalBuffer(buf []byte, profile Profile) ([]byte, error) {
	if s := styleOf(profile); s != nil && v.doc != nil && v.node().flags&s.raw != 0 {
		return v.Raw(), nil
	}
	return v.AppendCanonical(buf[:0], profile)
}

// AppendCanonical appends the canonical bytes of v under a profile to dst.
func (v Value) AppendCanonical(dst []byte, profile Profile) ([]byte, error) {
	s := styleOf(profile)
	if s == nil {
		return nil, v.Errorf(CodeProfileRequired, "", "no canonical profile was chosen")
	}
	if v.doc == nil {
		return nil, v.Errorf(CodeEmpty, "", "there is no value to write")
	}
	w := writer{doc: v.doc, style: s}
	dst, err := w.value(dst, v.index)
	if err != nil {
		return nil, err.locate(v.doc.src)
	}
	return dst, nil
}

// SHA256 returns the SHA-256 of v's canonical bytes under a profile.
func (v Value) SHA256(profile Profile) ([32]byte, error) {
	b, err := v.Canonical(profile)
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// style is all that differs between the profiles.
type style struct {
	raw         flags // what a value has whose spelling already is in this form
	comma       string
	colon       string
	asciiOnly   bool
	utf16Order  bool
	appendFloat func(dst []byte, f float64) []byte
	doubles     bool // every number is a double, integers too
}

var styles = [...]*style{
	QodMock:       {raw: rawQodMock, comma: ",", colon: ":", appendFloat: appendPythonFloat},
	PythonDefault: {comma: ", ", colon: ": ", asciiOnly: true, appendFloat: appendPythonFloat},
	JCS:           {raw: rawJCS, comma: ",", colon: ":", utf16Order: true, appendFloat: appendECMAScriptNumber, doubles: true},
}

// styleOf returns nil for a profile that nothing can be written under.
func styleOf(p Profile) *style {
	if int(p) >= len(styles) {
		return nil
	}
	return styles[p]
}

type writer struct {
	doc *Document
	*style
}

func (w *writer) value(dst []byte, i uint32) ([]byte, *Error) {
	n := &w.doc.nodes[i]
	if n.flags&w.raw != 0 {
		return append(dst, w.doc.src[n.value.start:n.value.end]...), nil
	}
	switch n.kind {
	case Object:
		return w.object(dst, n)
	case Array:
		return w.array(dst, i)
	case String:
		return w.text(dst, unescaped(w.doc.src[n.value.start+1:n.value.end-1], n.flags&escaped != 0)), nil
	case Number:
		return w.number(dst, n)
	}
	return append(dst, w.doc.src[n.value.start:n.value.end]...), nil
}

func (w *writer) object(dst []byte, n *node) ([]byte, *Error) {
	members := w.doc.order[n.order : n.order+n.count]
	if w.utf16Order && n.flags&highNames != 0 {
		members = slices.Clone(members)
		slices.SortFunc(members, func(a, b uint32) int {
			return compareUTF16(w.doc.nameBytes(a), w.doc.nameBytes(b))
		})
	}
	dst = append(dst, '{')
	for k, c := range members {
		if k > 0 {
			dst = append(dst, w.comma...)
		}
		if m := &w.doc.nodes[c]; m.flags&nameEscaped == 0 && !w.asciiOnly {
			dst = append(dst, w.doc.src[m.name.start-1:m.name.end+1]...) // in its quotes
		} else {
			dst = w.text(dst, w.doc.nameBytes(c))
		}
		dst = append(dst, w.colon...)
		var err *Error
		if dst, err = w.value(dst, c); err != nil {
			return nil, err.within(w.doc.name(c))
		}
	}
	return append(dst, '}'), nil
}

func (w *writer) array(dst []byte, i uint32) ([]byte, *Error) {
	dst = append(dst, '[')
	k := 0
	for c := range (Value{w.doc, i}).children() {
		if k > 0 {
			dst = append(dst, w.comma...)
		}
		var err *Error
		if dst, err = w.value(dst, c); err != nil {
			return nil, err.within(strconv.Itoa(k))
		}
		k++
	}
	return append(dst, ']'), nil
}

// maxSafeInteger is the largest integer that a double and its neighbours tell
// apart (ECMAScript's Number.MAX_SAFE_INTEGER, RFC 7493 §2.2).
const maxSafeInteger = 1<<53 - 1

func (w *writer) number(dst []byte, n *node) ([]byte, *Error) {
	raw := w.doc.src[n.value.start:n.value.end]
	if n.flags&integer != 0 {
		if !w.doubles {
			if string(raw) == "-0" {
				raw = raw[1:] // Python's int has no negative zero
			}
			return append(dst, raw...), nil
		}
		// Refused rather than rounded: two different integers would share one
		// canonical form, and with it one hash and one signature.
		i, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || i > maxSafeInteger || i < -maxSafeInteger {
			return nil, &Error{Code: CodeIntegerInexact, Offset: int(n.value.start),
				Detail: "the jcs profile cannot write an integer beyond ±(2^53−1) exactly"}
		}
		return strconv.AppendInt(dst, i, 10), nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, &Error{Code: CodeNumberRange, Offset: int(n.value.start), Detail: "the number is beyond the range of a double"}
	}
	return w.appendFloat(dst, f), nil
}

// appendPythonFloat appends repr(f) as CPython writes it: shortest digits that
// round-trip, with an exponent below 1e-4 and from 1e16 on, and ".0" where the
// result would read as an integer.
func appendPythonFloat(dst []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendECMAScriptNumber appends f as ECMAScript's Number.prototype.toString
// does (RFC 8785 §3.2.2.3): an exponent below 1e-6 and from 1e21 on, without
// padding; negative zero is 0.
func appendECMAScriptNumber(dst []byte, f float64) []byte {
	a := math.Abs(f)
	switch {
	case a == 0:
		return append(dst, '0')
	case a >= 1e-6 && a < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	sign := start + bytes.IndexByte(dst[start:], 'e') + 1
	if dst[sign+1] == '0' { // Go writes e-07, ECMAScript e-7
		dst = append(dst[:sign+1], dst[sign+2:]...)
	}
	return dst
}

// PythonFloat returns repr(f) as CPython writes it, "100.0" for 100. Reasons
// and measured values of the original are made with it.
func PythonFloat(f float64) string { return string(appendPythonFloat(nil, f)) }

// text appends a quoted string. All profiles escape the quote, the backslash
// and control characters below 0x20 alike.
func (w *writer) text(dst, s []byte) []byte {
	const hexDigits = "0123456789abcdef"
	unit := func(dst []byte, r rune) []byte {
		return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20 && (c < utf8.RuneSelf && (c != 0x7F || !w.asciiOnly) || !w.asciiOnly):
			dst = append(dst, c)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(s)
			if r >= 0x10000 {
				r -= 0x10000
				dst = unit(unit(dst, 0xD800+r>>10), 0xDC00+r&0x3FF)
			} else {
				dst = unit(dst, r)
			}
			s = s[n:]
			continue
		default:
			dst = appendControl(dst, c, unit)
		}
		s = s[1:]
	}
	return append(dst, '"')
}

func appendControl(dst []byte, c byte, unit func([]byte, rune) []byte) []byte {
	switch c {
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	return unit(dst, rune(c))
}

func unescaped(raw []byte, hasEscapes bool) []byte {
	if !hasEscapes {
		return raw
	}
	return appendUnescaped(nil, raw)
}

// appendUnescaped resolves the escapes of a string that the reader accepted.
func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		switch c := s[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(s, i+2)
			if r >= 0xD800 && r < 0xDC00 {
				low, _ := hex4(s, i+8)
				r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			i += 4
		default:
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

// compareUTF16 orders valid UTF-8 by UTF-16 code units (RFC 8785 §3.2.3). That
// differs from byte order only where a supplementary character, which starts
// with 0xF0 or more, meets U+E000 to U+FFFF, which start with 0xEE or 0xEF:
// UTF-16 puts the surrogates of the former first.
func compareUTF16(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}
