package cause

import (
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// parsers explains what the standard library's readers of formats say.
func parsers(err error) *Error {
	switch e := err.(type) {
	case *json.SyntaxError:
		if strings.Contains(e.Error(), "unexpected end") {
			return &Error{Text: "the JSON ends too early: its end was cut off", Do: "Get it whole, and try again."}
		}
		return &Error{Text: fmt.Sprintf("it is not JSON from byte %d on", e.Offset)}
	case *json.UnmarshalTypeError:
		what := "a value"
		if e.Field != "" {
			what = fmt.Sprintf("the member %q", e.Field)
		}
		return &Error{Text: fmt.Sprintf("%s is a JSON %s (at byte %d), and something else is wanted there", what, e.Value, e.Offset)}
	case *strconv.NumError:
		if errors.Is(e, strconv.ErrRange) {
			return &Error{Text: fmt.Sprintf("%q is larger than a number may be here", e.Num)}
		}
		return &Error{Text: fmt.Sprintf("%q is not a number", e.Num)}
	case *time.ParseError:
		return &Error{Text: fmt.Sprintf("%q is not a time as RFC 3339 has it, like 2026-11-25T10:00:00+01:00", e.Value)}
	case flate.CorruptInputError, bzip2.StructuralError:
		return damaged()
	case base64.CorruptInputError:
		return &Error{Text: fmt.Sprintf("it is not base64 from character %d on", int64(e)+1)}
	case hex.InvalidByteError:
		return &Error{Text: fmt.Sprintf("it is not hexadecimal: it has the character %q", rune(e))}
	}
	switch err {
	case gzip.ErrHeader, zlib.ErrHeader:
		return &Error{Text: "it begins as gzip and is not", Do: "Get it again; it was damaged on the way."}
	case gzip.ErrChecksum, zlib.ErrChecksum:
		return damaged()
	case hex.ErrLength:
		return &Error{Text: "it is not hexadecimal: it has an odd number of characters"}
	case io.ErrNoProgress:
		return &Error{Text: "nothing comes of it any more", Do: "Try again."}
	}
	return nil
}

func damaged() *Error {
	return &Error{Text: "the compressed data is damaged", Do: "Get it again; it was damaged on the way."}
}
