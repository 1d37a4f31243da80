package source

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// Place is where an input is found. Read gets it.
type Place struct {
	Name string // as the user would name it: a path, "-" or a URL

	by *reached // of all places of one folder the same: there may be very many
}

// reached is how a place was reached.
type reached struct {
	arg   *argument
	root  string  // the folder that was named, or in which the pattern begins; "" unless one was
	files *folder // in which it was found; nil when it was named itself
	again bool    // it can be read again: a pipe can't
	held  *Input  // it was read already
	err   error   // there is nothing to read
}

// argument is one of the user's, with what came of it.
type argument struct {
	text   string
	fetch  func() Input // of what is no file
	judged atomic.Int64
	folder bool
}

// Places lists what the arguments name, in their order, and reads nothing but folders.
// What is reached twice is listed once. Its error is one of usage.
func (r *Reader) Places(args []string) ([]Place, error) {
	if r.Session != "" && !isSession(r.Session) {
		return nil, fmt.Errorf("%w: --session %q is no session id (letters, digits and hyphens)", ErrUsage, r.Session)
	}
	ignore, err := NewIgnore(r.Ignore)
	if err != nil {
		return nil, err
	}
	r.ignore, r.arguments = ignore, nil
	l := &listing{Reader: r, at: map[string]int{}, only: len(args) == 1}
	for _, text := range args {
		l.arg = &argument{text: text}
		r.arguments = append(r.arguments, l.arg)
		if err := l.argument(text); err != nil {
			return nil, err
		}
	}
	l.tidy()
	return l.places, nil
}

// tidy tells once what was left out, and does not call left out what is judged because
// another argument names it.
func (l *listing) tidy() {
	told := map[Skipped]bool{}
	l.Skipped = slices.DeleteFunc(l.Skipped, func(s Skipped) bool {
		again := told[s]
		told[s] = true
		return again
	})
	for i, s := range l.Skipped {
		if !s.Evidence {
			continue
		}
		if place, err := resolved(s.Name); err == nil {
			if at, judged := l.at[place]; judged {
				l.Skipped[i] = Skipped{Name: s.Name, Reason: "judged, as it was given by itself: " + l.places[at].Name}
			}
		}
	}
}

// listing collects places.
type listing struct {
	*Reader
	arg    *argument
	places []Place
	at     map[string]int // index of a file by its resolved path
	only   bool           // there is one argument
}

func (l *listing) argument(text string) error {
	switch {
	case text == "-" && l.Session != "":
		return fmt.Errorf("%w: --session needs a server's base URL or an artifacts folder, not stdin", ErrUsage)
	case text == "-":
		if err := l.takeStdin(); err != nil {
			return err
		}
		l.arg.fetch = func() Input {
			in := Input{Name: text}
			in.read(io.NopCloser(l.Stdin), nil)
			return in
		}
		l.places = append(l.places, Place{text, &reached{arg: l.arg}})
	case IsURL(text):
		target, err := l.bundleURL(text)
		if err != nil {
			return err
		}
		l.arg.fetch = func() Input {
			data, err := l.fetch(target, MaxBytes, l.Token)
			return Input{Name: target.String(), Data: data, Err: err, Origin: origin(target)}
		}
		l.places = append(l.places, Place{target.String(), &reached{arg: l.arg}})
	case strings.Contains(text, "://"):
		return fmt.Errorf("%w: %q: only http and https URLs are read", ErrUsage, text)
	default:
		return l.path(text)
	}
	return nil
}

// path lists a file, the proofs of a folder, or those that a pattern names.
func (l *listing) path(arg string) error {
	if isPattern(arg) {
		p := newPattern(arg)
		return l.folder(p.base, p)
	}
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		l.places = append(l.places, Place{arg, &reached{arg: l.arg, err: plain(err)}})
	case info.IsDir():
		return l.folder(arg, nil)
	case l.Session != "":
		return fmt.Errorf("%w: --session needs a server's base URL or an artifacts folder, and %q is a file", ErrUsage, arg)
	default:
		place, err := resolved(arg)
		if err != nil || !info.Mode().IsRegular() {
			place = ""
		}
		l.add(Place{arg, &reached{arg: l.arg, again: info.Mode().IsRegular()}}, place)
	}
	return nil
}

// add lists a file, unless it was reached before: then it is told, and judged as what
// it was reached by as well, a folder's proof with what the folder has for it.
func (l *listing) add(p Place, place string) {
	at, again := l.at[place]
	if place == "" || !again {
		if place != "" {
			l.at[place] = len(l.places)
		}
		l.places = append(l.places, p)
		return
	}
	first := &l.places[at]
	both := *first.by
	if both.root == "" {
		both.root = p.by.root
	}
	if p.by.files == nil {
		both.files = nil // named itself, too
	}
	first.by = &both
	p.by.arg.judged.Add(1)
	l.Skipped = append(l.Skipped, Skipped{Name: p.Name, Reason: "judged once, and reached again: it is " + first.Name})
}

func (l *listing) folder(dir string, only *pattern) error {
	l.arg.folder = true
	f, err := walk(dir, only, l.ignore)
	if err != nil {
		if only != nil && errors.Is(err, fs.ErrNotExist) {
			err = errNoMatch
		}
		l.places = append(l.places, Place{l.arg.text, &reached{arg: l.arg, err: err}})
		return nil
	}
	if only != nil && f.empty() {
		l.places = append(l.places, Place{l.arg.text, &reached{arg: l.arg, err: errNoMatch}})
		return nil
	}
	left := f.left()
	if l.Session != "" {
		// The session is matched as text, never as a pattern.
		f.files = slices.DeleteFunc(f.files, func(file found) bool { return !isSnapshot(filepath.Base(file.name), l.Session) })
		left = slices.DeleteFunc(left, func(s Skipped) bool {
			return !s.Ignored && !s.Evidence || !isSnapshot(filepath.Base(s.Name), l.Session)
		})
	}
	// What links reach too has its own name, wherever it has one.
	slices.SortStableFunc(f.files, func(a, b found) int { return cmp.Compare(f.byLink(a), f.byLink(b)) })
	by := &reached{arg: l.arg, root: dir, files: f, again: true}
	l.places = slices.Grow(l.places, len(f.files))
	for _, file := range f.files {
		place := ""
		if !l.only || only != nil { // another argument may reach it
			place = f.place(file)
		}
		l.add(Place{file.name, by}, place)
	}
	f.forget()
	l.Skipped = append(l.Skipped, left...)
	return nil
}

// Held is the place of an input that was read already.
func Held(in Input) Place { return Place{in.Name, &reached{arg: &argument{}, held: &in}} }

// Named reports whether the user named the input itself, and not a folder or a pattern.
func (p Place) Named() bool { return p.by.files == nil }

// Root returns the folder that was named, or in which the pattern begins.
func (p Place) Root() string { return p.by.root }

// Again reports whether an input can be read again.
func (p Place) Again() bool { return p.by.again }

// Read reads an input. A file of a folder that turns out to be none of its proofs, or
// that can't be read, is no input, and left says why. It may be called from several
// goroutines at once.
func (p Place) Read() (in Input, left *Skipped) {
	switch {
	case p.by.held != nil:
		in = *p.by.held
	case p.by.err != nil:
		in = Input{Name: p.Name, Err: p.by.err}
	case p.by.arg.fetch != nil:
		in = p.by.arg.fetch()
	case p.by.files == nil:
		in = Input{Name: p.Name, Dir: filepath.Dir(p.Name), Root: p.by.root}
		f, err := os.Open(p.Name)
		in.read(f, err)
	default:
		in = FolderInput(p.Name, p.by.root)
		if in.Err != nil {
			return in, &Skipped{Name: p.Name, Reason: fmt.Sprintf("could not be read: %v", in.Err), Evidence: true}
		}
		if why := notEvidence(in.Data, p.by.files); why != "" {
			return in, &Skipped{Name: p.Name, Reason: why}
		}
	}
	p.by.arg.judged.Add(1)
	return in, nil
}

// Missing are the folders and patterns among several arguments of which nothing was
// judged, after all places were read: among others they would not be missed.
func (r *Reader) Missing() (inputs []Input) {
	for _, a := range r.arguments {
		if a.folder && a.judged.Load() == 0 && len(r.arguments) > 1 && r.Session == "" {
			inputs = append(inputs, Input{Name: a.text, Err: errNoProof})
		}
	}
	return inputs
}

// Inputs reads all arguments in order. A directory gives one input a file.
// Unreadable inputs are returned with their error, so that the others are
// still verified; the error of Inputs itself is one of usage.
func (r *Reader) Inputs(args []string) ([]Input, error) {
	places, err := r.Places(args)
	if err != nil {
		return nil, err
	}
	var inputs []Input
	for _, p := range places {
		in, left := p.Read()
		if left != nil {
			r.Skipped = append(r.Skipped, *left)
			continue
		}
		inputs = append(inputs, in)
	}
	return append(inputs, r.Missing()...), nil
}

// Unused are the patterns of Ignore that left nothing out, after [Reader.Places].
func (r *Reader) Unused() []string { return r.ignore.Unused() }
