package canonical

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

const (
	lanes    = 0x0101010101010101 // a one in each byte of a word
	highBits = lanes * 0x80
)

// special marks, by its highest bit, the first of the eight bytes of a word that
// is not plain string content: a quote, a backslash, a control character, or not
// ASCII. It is zero when all are plain. A subtraction may borrow into bytes after
// the first special one, never before it, so the lowest mark is exact.
func special(word uint64) uint64 {
	quote := word ^ lanes*'"'
	slash := word ^ lanes*'\\'
	return ((quote-lanes)&^quote | (slash-lanes)&^slash | (word - lanes*0x20) | word) & highBits
}

// text reads a string whose opening quote stands before i. Its flags say
// whether the string has escapes, whether its spelling is canonical, and
// whether it holds a character from U+E000 on.
func (p *parser) text(i int) (int, flags, *Error) {
	start, f := i-1, rawBoth
	for {
		for i+8 <= len(p.src) {
			if mark := special(binary.LittleEndian.Uint64(p.src[i:])); mark != 0 {
				i += bits.TrailingZeros64(mark) >> 3
				break
			}
			i += 8
		}
		if i >= len(p.src) {
			return 0, 0, p.fail(CodeTruncated, len(p.src), "the input ends inside a string")
		}
		switch c := p.src[i]; {
		case c == '"':
			return i + 1, f, nil
		case c == '\\':
			n, canonical, high, err := p.escape(i)
			if err != nil {
				return 0, 0, err
			}
			f |= escaped
			if !canonical {
				f &^= rawBoth
			}
			if high {
				f |= highNames
			}
			i += n
		case c < 0x20:
			return 0, 0, p.fail(CodeSyntax, i, "unescaped control character 0x%02X in a string", c)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(p.src[i:])
			if r == utf8.RuneError && n <= 1 {
				return 0, 0, p.invalidUTF8(i, start)
			}
			if r >= 0xE000 {
				f |= highNames
			}
			i += n
		default:
			i++
		}
	}
}

func (p *parser) invalidUTF8(i, start int) *Error {
	return p.fail(CodeInvalidUTF8, i, "invalid UTF-8 (byte 0x%02X) in the string that starts at offset %d", p.src[i], start)
}

// escape reads one escape sequence at i, both halves of a surrogate pair
// together. canonical reports whether both profiles would write it just so.
func (p *parser) escape(i int) (n int, canonical, high bool, err *Error) {
	if i+1 >= len(p.src) {
		return 0, false, false, p.fail(CodeTruncated, len(p.src), "the input ends inside an escape sequence")
	}
	switch p.src[i+1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2, true, false, nil
	case '/':
		return 2, false, false, nil
	case 'u':
	default:
		return 0, false, false, p.fail(CodeSyntax, i, "unknown escape sequence: backslash, then %s", quoteByte(p.src[i+1]))
	}
	r, ok := hex4(p.src, i+2)
	switch {
	case !ok:
		return 0, false, false, p.fail(CodeSyntax, i, "\\u is not followed by four hexadecimal digits")
	case r >= 0xDC00 && r < 0xE000:
		return 0, false, false, p.fail(CodeLoneSurrogate, i, "low surrogate \\u%04x without its high half", r)
	case r < 0xD800 || r >= 0xE000:
		return 6, false, r >= 0xE000, nil
	}
	if i+7 < len(p.src) && p.src[i+6] == '\\' && p.src[i+7] == 'u' {
		if low, ok := hex4(p.src, i+8); ok && low >= 0xDC00 && low < 0xE000 {
			return 12, false, true, nil
		}
	}
	return 0, false, false, p.fail(CodeLoneSurrogate, i, "high surrogate \\u%04x without its low half", r)
}

func hex4(s []byte, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range s[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number reads a number (RFC 8259 §6) and refuses what a double can't hold.
func (p *parser) number(i int) (int, flags, *Error) {
	start := i
	if p.src[i] == '-' {
		i++
	}
	digits := func(i int) int {
		for i < len(p.src) && '0' <= p.src[i] && p.src[i] <= '9' {
			i++
		}
		return i
	}
	first := i
	i = digits(i)
	whole := i - first
	switch {
	case whole == 0 && i < len(p.src) && p.src[i] == 'I':
		return 0, 0, p.fail(CodeNotANumber, start, "-Infinity is not a JSON value")
	case whole == 0:
		return 0, 0, p.unexpected(i, "a digit")
	case whole > 1 && p.src[first] == '0':
		return 0, 0, p.fail(CodeSyntax, first, "a number may not start with a zero")
	}
	fraction := 0
	if i < len(p.src) && p.src[i] == '.' {
		end := digits(i + 1)
		if fraction = end - i - 1; fraction == 0 {
			return 0, 0, p.unexpected(end, "a digit after the decimal point")
		}
		i = end
	}
	exponent := false
	if i < len(p.src) && (p.src[i] == 'e' || p.src[i] == 'E') {
		exponent = true
		i++
		if i < len(p.src) && (p.src[i] == '+' || p.src[i] == '-') {
			i++
		}
		end := digits(i)
		if end == i {
			return 0, 0, p.unexpected(end, "a digit in the exponent")
		}
		i = end
	}
	token := p.src[start:i]
	switch {
	case !exponent && fraction == 0 && whole > MaxIntegerDigits:
		return 0, 0, p.fail(CodeIntegerTooLong, start, "an integer of %d digits; the limit is %d", whole, MaxIntegerDigits)
	case (exponent || fraction > 0) && overflows(token, whole, exponent):
		return 0, 0, p.fail(CodeNumberRange, start, "the number is beyond the range of a double (IEEE 754 binary64)")
	}
	return i, numberFlags(token, p.src[first:first+whole], fraction, exponent), nil
}

func overflows(token []byte, whole int, exponent bool) bool {
	if !exponent && whole <= 300 {
		return false
	}
	_, err := strconv.ParseFloat(string(token), 64)
	return err != nil
}

// numberFlags recognises the common spellings that already are canonical. It
// may miss one (the writer then makes the same bytes), never claim one wrongly.
func numberFlags(token, whole []byte, fraction int, exponent bool) flags {
	switch {
	case exponent:
		return 0
	case fraction == 0:
		switch {
		case token[0] == '-' && whole[0] == '0':
			return integer // -0 is written 0
		case len(whole) <= 15: // below 2^53 for certain
			return integer | rawBoth
		}
		return integer | rawQodMock
	case len(whole)+fraction > 15:
		return 0 // may hold more digits than a double's shortest form
	}
	if token[len(token)-1] == '0' {
		if fraction == 1 {
			return rawQodMock // "100.0", "-0.0": Python's float repr, while jcs drops the fraction
		}
		return 0
	}
	// At most 15 significant digits are their own shortest form. Below 1e-4
	// Python turns to an exponent; one of the first four decimals prevents it.
	if whole[0] != '0' {
		return rawBoth
	}
	for _, c := range token[len(token)-fraction : len(token)-fraction+min(fraction, 4)] {
		if c != '0' {
			return rawBoth
		}
	}
	return 0
}
