// Package kind says what a file is that is not what was wanted: by its first bytes,
// by what its text looks like, and of JSON by its members. It is asked where a parser
// has refused, so that a person reads "this is UTF-16 text" and the command that helps
// in place of a byte that nobody expected. It decides no verdict, and does no I/O.
package kind

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Want is what a file should have been.
type Want uint8

// What may be wanted.
const (
	Bundle     Want = iota // a proof bundle or a ledger record
	Ledger                 // bundles, one a line
	Keys                   // a JWK Set
	Artifact               // a runtime artifact
	Telemetry              // a measuring tool's output
	Policy                 // a policy, YAML or JSON
	State                  // what audit --state wrote
	Evidence               // the evidence that an audit wrote
	Database               // the service's SQLite database
	SigningKey             // a private JWK
	JSON                   // any JSON
)

// Kind is what a file is.
type Kind struct {
	ID   string // stable: "utf-16", "jwk-set"
	What string // "UTF-16 text, as PowerShell's > writes it"
	Do   string // what helps: one sentence, which names the thing and the command
}

// Sentence says both: what it is, and what helps.
func (k Kind) Sentence() string {
	r, n := utf8.DecodeRuneInString(k.Do)
	return "this is " + k.What + "; " + string(unicode.ToLower(r)) + strings.TrimSuffix(k.Do[n:], ".")
}

// Of says what data is. It is false for what is wanted, whatever is wrong with it, and
// for what is not known.
func Of(data []byte, want Want) (Kind, bool) {
	k, ok := of(data, want)
	if want == Telemetry && slices.Contains(weak, k.ID) {
		return Kind{}, false // the reader of the tool's output knows better
	}
	if want == Policy && (k.ID == "empty" || k.ID == "blank") {
		return Kind{}, false
	}
	return k, ok
}

func of(data []byte, want Want) (Kind, bool) {
	if k, ok := bytesKind(data, want); ok {
		return k, true
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	switch {
	case err == nil && want == JSON:
		return Kind{}, false
	case err == nil:
		return shapeKind(doc.Root(), want)
	}
	var e *canonical.Error
	if !errors.As(err, &e) {
		return Kind{}, false
	}
	return textKind(data, e, want)
}

// Document says what a JSON document is, as [Of] does.
func Document(root canonical.Value, want Want) (Kind, bool) { return shapeKind(root, want) }

// Head says what a stream is by its first bytes alone, where these settle it.
func Head(head []byte, want Want) (Kind, bool) {
	if k, ok := bytesKind(head, want); ok {
		if k.ID == "zeros" {
			k.What = "a file that begins with zero bytes (NUL), as a crash or a broken copy leaves it"
		}
		return k, true
	}
	if body := trimmed(head); len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"') {
		return Kind{}, false
	}
	if doc, err := canonical.Parse(head, canonical.Options{AllowBOM: true}); err == nil {
		return shapeKind(doc.Root(), want)
	}
	return textKind(head, &canonical.Error{Code: canonical.CodeSyntax}, want)
}

// Error is a parser's error on what is something else.
type Error struct {
	Kind Kind
	err  error
}

// Explain adds to the error of a parser what the data is, if that is known. The
// parser's error and its code stay below it.
func Explain(err error, data []byte, want Want) error {
	if err == nil {
		return nil
	}
	if k, ok := Of(data, want); ok {
		return &Error{k, err}
	}
	return err
}

// New is the error of data that is something else, where there was no parser.
func New(k Kind) error { return &Error{k, nil} }

func (e *Error) Error() string { return e.Kind.Sentence() }

func (e *Error) Unwrap() error { return e.err }

// Finding is the message of a report, which has the hint by itself: what it is, and
// where the parser stopped, unless that was at its first byte.
func (e *Error) Finding() string {
	text := "this is " + e.Kind.What
	var at *canonical.Error
	if errors.As(e.err, &at) && (at.Line > 1 || at.Column > 2) {
		text += " (" + at.Error() + ")"
	}
	return text
}

// Hint is what helps.
func (e *Error) Hint() string { return e.Kind.Do }
