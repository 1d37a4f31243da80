package canonical

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Code is a stable, machine-readable name of what is wrong with an input.
type Code string

// The codes of [Parse] and of writing canonical bytes.
const (
	CodeEmpty           Code = "json_empty"
	CodeSyntax          Code = "json_syntax"
	CodeTruncated       Code = "json_truncated"
	CodeTrailingData    Code = "json_trailing_data"
	CodeDuplicateName   Code = "json_duplicate_name"
	CodeInvalidUTF8     Code = "json_invalid_utf8"
	CodeLoneSurrogate   Code = "json_lone_surrogate"
	CodeNotANumber      Code = "json_not_a_number"
	CodeNumberRange     Code = "json_number_range"
	CodeIntegerTooLong  Code = "json_integer_too_long"
	CodeIntegerInexact  Code = "json_integer_inexact"
	CodeTooLarge        Code = "json_too_large"
	CodeTooDeep         Code = "json_too_deep"
	CodeTooManyValues   Code = "json_too_many_values"
	CodeByteOrderMark   Code = "json_byte_order_mark"
	CodeProfileRequired Code = "profile_required"
)

// Error says what is wrong with an input, and where. Its text may quote the
// input with control characters escaped, so it is safe to print.
type Error struct {
	Code    Code
	Offset  int    // byte offset in the input, from 0
	Line    int    // line, from 1
	Column  int    // column in characters (code points), from 1
	Pointer string // RFC 6901 pointer to the value at fault; "" is the whole document
	Detail  string // one sentence without a final stop

	path []string // pointer tokens gathered while the reader unwinds, innermost first
}

// Error returns "line L, column C, at POINTER: detail".
func (e *Error) Error() string {
	at := ""
	if e.Pointer != "" {
		at = ", at " + strconv.QuoteToGraphic(e.Pointer)
	}
	if e.Line == 0 {
		return e.Detail + at
	}
	return fmt.Sprintf("line %d, column %d%s: %s", e.Line, e.Column, at, e.Detail)
}

// maxPointerToken bounds how much of one hostile name an error repeats.
const maxPointerToken = 128

// Clip cuts a text of more than max bytes and ends it in "…", so that a message
// repeats no more of a hostile value than a reader needs.
func Clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "") + "…"
}

// PointerToken escapes one member name for an RFC 6901 JSON pointer. A name of
// more than 128 bytes is cut and ends in "…": such a pointer leads nowhere, but
// no genuine name is that long and a report must stay readable.
func PointerToken(name string) string {
	name = Clip(name, maxPointerToken)
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return escapeToken.Replace(name)
}

// RFC 6901 §4: "~" and "/" are written "~0" and "~1" in a pointer's tokens.
var (
	escapeToken   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapeToken = strings.NewReplacer("~1", "/", "~0", "~")
)

// within records that the error lies inside the member or element named token.
func (e *Error) within(token string) *Error {
	e.path = append(e.path, PointerToken(token))
	return e
}

// locate fills in line, column and pointer from the offset and the path.
func (e *Error) locate(src []byte) *Error {
	e.Line, e.Column = position(src, e.Offset)
	for i := len(e.path) - 1; i >= 0; i-- {
		e.Pointer += "/" + e.path[i]
	}
	e.path = nil
	return e
}

// position returns the line and the column, both from 1, of a byte offset.
func position(src []byte, offset int) (line, column int) {
	line, column = 1, 1
	for i := 0; i < offset && i < len(src); i++ {
		switch {
		case src[i] == '\n':
			line, column = line+1, 1
		case utf8.RuneStart(src[i]) && !(i == 0 && hasBOM(src)):
			column++
		}
	}
	return line, column
}

func hasBOM(src []byte) bool {
	return len(src) >= 3 && src[0] == 0xEF && src[1] == 0xBB && src[2] == 0xBF
}
