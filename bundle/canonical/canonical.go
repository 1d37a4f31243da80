// Package canonical reads JSON strictly and writes its canonical forms.
//
// A proof is signed over bytes, so two parties must write one JSON value with
// the same bytes. Two profiles do that, and they differ:
//
//   - [QodMock] is what the original proof service (qod-mock v0.4) hashes:
//     CPython's json.dumps(v, sort_keys=True, separators=(",", ":"),
//     ensure_ascii=False) in UTF-8. Integers keep every digit, floats are
//     Python's repr, names are in code-point order.
//   - [JCS] is RFC 8785: every number is an IEEE 754 double written as
//     ECMAScript does, names are in UTF-16 code-unit order.
//
// The same document under both:
//
//	{"b": 1.50, "a": 100.0, "c": 1e-7}
//	qod-mock  {"a":100.0,"b":1.5,"c":1e-07}
//	jcs       {"a":100,"b":1.5,"c":1e-7}
//
// [Parse] is stricter than either form asks, because a value that two readers
// understand in two ways is no evidence: it refuses duplicate names at any
// depth (after unescaping), lone surrogates, invalid UTF-8, NaN and Infinity,
// numbers beyond a double, and anything past its bounds on bytes, depth and
// count. Its time and memory are linear in the input, up to sorting names.
//
// The package imports no other room of this module, does no I/O, and keeps the
// spelling and offset of every value, so that an error can name the place.
package canonical

import "fmt"

// Profile names a canonical form. The zero value is no profile at all: writing
// under it is an error, so that a forgotten profile can't pick one silently.
type Profile uint8

// The canonical forms.
const (
	// Unspecified is the zero Profile; no bytes can be written under it.
	Unspecified Profile = iota
	// QodMock is CPython's compact, sorted json.dumps, exact to the byte.
	QodMock
	// JCS is RFC 8785.
	JCS
	// PythonDefault is CPython's json.dumps(v, sort_keys=True) with its default
	// separators and ASCII escapes. Records of generation v0.1 were hashed over
	// it. It is no profile that a user may choose for new proofs.
	PythonDefault
)

var profileNames = [...]string{"unspecified", "qod-mock", "jcs", "python-default"}

// String returns the profile's name as the command line and reports spell it.
func (p Profile) String() string {
	if int(p) < len(profileNames) {
		return profileNames[p]
	}
	return fmt.Sprintf("Profile(%d)", uint8(p))
}

// ParseProfile returns the profile that a user may choose by name: "qod-mock"
// or "jcs", spelled exactly so.
func ParseProfile(name string) (Profile, error) {
	for _, p := range []Profile{QodMock, JCS} {
		if name == p.String() {
			return p, nil
		}
	}
	return Unspecified, fmt.Errorf("unknown canonical profile %q: want qod-mock or jcs", name)
}

// The bounds of [Parse] where [Options] sets none, each with its reason.
const (
	// MaxBytes bounds one document. A genuine bundle is about 2 KiB.
	MaxBytes = 16 << 20
	// MaxDepth bounds nesting. A genuine bundle nests 5 deep; the readers of
	// other languages differ from about 500 on.
	MaxDepth = 64
	// MaxValues bounds the values of one document, and so the memory of
	// reading it (about 40 bytes each). A genuine bundle has about 60.
	MaxValues = 1 << 20
	// MaxIntegerDigits is CPython's own bound (sys.int_info.default_max_str_digits):
	// a longer integer could not have been hashed by the original.
	MaxIntegerDigits = 4300
)

// Options adjusts [Parse]. The zero value is the strictest.
type Options struct {
	MaxBytes  int  // 0 means [MaxBytes]
	MaxDepth  int  // 0 means [MaxDepth]
	MaxValues int  // 0 means [MaxValues]
	AllowBOM  bool // skip one leading UTF-8 byte order mark, as files by PowerShell have
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxBytes
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = MaxDepth
	}
	if o.MaxValues <= 0 {
		o.MaxValues = MaxValues
	}
	return o
}
