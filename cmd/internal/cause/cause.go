// Package cause says in plain words what an error of the system, the network or a
// library means: what happened, which limit was met, and what to do about it. The
// words of a library are for those who program with it.
package cause

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Error is an error in plain words. It wraps the one that it explains.
type Error struct {
	Text string // what happened
	Do   string // what to do about it, in a sentence; "" where the text has it
	// Write: it came of writing, so nothing is known to be wrong with what was read.
	Write bool
	err   error
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.err }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Do }

// New returns an error in plain words. err is what it explains; nil is allowed.
func New(err error, do, format string, args ...any) *Error {
	return &Error{Text: fmt.Sprintf(format, args...), Do: do, err: err}
}

// Of returns err in plain words, nil for nil. What wraps a library's error keeps its
// own words around it. The file, the host or the URL is left out where the error is
// about nothing else: the caller names it.
func Of(err error) error {
	if err == nil {
		return nil
	}
	return said(err, false)
}

// Full is [Of] for an error whose file the caller may not name.
func Full(err error) error {
	if err == nil {
		return nil
	}
	return said(err, true)
}

// Words are the words of [Full].
func Words(err error) string { return Full(err).Error() }

func said(err error, named bool) error {
	if own := (*Error)(nil); errors.As(err, &own) && err == error(own) {
		return err
	}
	e := explained(err, named)
	if e == nil {
		return err
	}
	return e
}

// explained returns the explanation of an error, nil where it says nothing that
// needs one.
func explained(err error, named bool) *Error {
	if own, ok := err.(*Error); ok {
		return own
	}
	if e := known(err, named); e != nil {
		e.err = err
		return e
	}
	var inside []error
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		inside = []error{wrapper.Unwrap()}
	case interface{ Unwrap() []error }:
		inside = wrapper.Unwrap()
	}
	text := err.Error()
	out := &Error{Text: text, err: err}
	for _, inner := range inside {
		if inner == nil {
			continue
		}
		raw := inner.Error()
		before, after, ok := strings.Cut(out.Text, raw)
		if !ok {
			continue
		}
		// The wrapper names the file itself, or does not.
		e := explained(inner, !namesFile(inner, before))
		if e == nil {
			continue
		}
		out.Text, out.Write = before+e.Text+after, out.Write || e.Write
		if out.Do == "" {
			out.Do = e.Do
		}
	}
	if out.Text == text && out.Do == "" && !out.Write {
		return nil
	}
	return out
}

// namesFile reports whether text names the file that an error is about, or, where that
// is a temporary one, another of its folder.
func namesFile(err error, text string) bool {
	file := path(err)
	dir, _ := filepath.Split(file)
	return file != "" && (mentions(text, file, true) || dir != "" && mentions(text, dir, false))
}

// mentions reports whether a text has a path, and not just its letters: whole says that
// the path ends there, too.
func mentions(text, path string, whole bool) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], path)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(path)
		if (start == 0 || strings.ContainsRune(" '\"=(", rune(text[start-1]))) && (!whole || end == len(text) || strings.ContainsRune(" '\":;,)", rune(text[end]))) {
			return true
		}
		at = start + 1
	}
}

func path(err error) string {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Path
	case errors.As(err, &l):
		return l.New
	}
	return ""
}

// known explains one error of the system or of a library by itself.
func known(err error, named bool) *Error {
	for _, explain := range []func(error) *Error{network, parsers, files, bounds} {
		if e := explain(err); e != nil {
			if p := path(err); named && p != "" && !mentions(e.Text, p, true) {
				e.Text = p + ": " + e.Text
			}
			return e
		}
	}
	return nil
}
