package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how a file is written. The zero Options replace what is there, and
// make what is new readable by everybody.
type Options struct {
	// Fresh refuses a name that something bears already.
	Fresh bool
	// Private makes a new file readable by its owner alone.
	Private bool
	// Durable has the file on the disk, whole, before its name leads to it.
	Durable bool
}

// Writer writes one file whole: under a name of its own first, beside the one that
// was asked for, which it gets at the end. So a reader sees the file that was there
// before or all of the new one, and what breaks off leaves nothing behind. A pipe or
// a device is written to as it is.
type Writer struct {
	name    string // as it was asked for
	target  string // where symbolic links lead to
	options Options
	mode    fs.FileMode
	f       *os.File
	direct  bool
	err     error // of a write
	over    bool
}

// Create begins to write a file. Every error, also a later one, is a [WriteError].
func Create(name string, o Options) (*Writer, error) {
	w := &Writer{name: name, target: name, options: o, mode: 0o644}
	if o.Private {
		w.mode = 0o600
	}
	if err := w.open(); err != nil {
		return nil, w.fault(err)
	}
	return w, nil
}

func (w *Writer) open() (err error) {
	if w.options.Fresh {
		if _, err := os.Lstat(w.name); err == nil {
			return fs.ErrExist
		}
	} else if resolved, err := filepath.EvalSymlinks(w.name); err == nil {
		w.target = resolved // the link stays
	}
	info, err := os.Stat(w.target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return errFolder
	case !info.Mode().IsRegular():
		w.direct = true
		w.f, err = os.OpenFile(w.target, os.O_WRONLY, 0)
		return err
	default:
		// A file that may not be written is not replaced either, and one that few may
		// read stays one.
		f, err := os.OpenFile(w.target, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		f.Close()
		w.mode = info.Mode().Perm()
	}
	w.f, err = os.CreateTemp(filepath.Dir(w.target), ".qodverify-*") // 0600
	return err
}

// Write writes a part of the file.
func (w *Writer) Write(data []byte) (int, error) {
	n, err := w.f.Write(data)
	if err != nil {
		err = w.fault(err)
		if w.err == nil {
			w.err = err
		}
	}
	return n, err
}

// Err returns the first error of a write.
func (w *Writer) Err() error { return w.err }

// Commit ends the file and gives it its name, unless a part of it could not be
// written.
func (w *Writer) Commit() error {
	defer w.Abort()
	if w.err != nil {
		return w.err
	}
	if w.direct {
		w.over = true
		return w.fault(w.f.Close())
	}
	var err error
	if w.options.Durable {
		err = w.f.Sync()
	}
	if w.mode != 0o600 {
		err = errors.Join(err, w.f.Chmod(w.mode))
	}
	if err = errors.Join(err, w.f.Close()); err != nil {
		return w.fault(err)
	}
	if err := w.rename(); err != nil {
		return w.fault(err)
	}
	w.over = true
	if w.options.Durable {
		// The name itself is on the disk once the folder is. Where folders can't be
		// synced (Windows) the file is whole all the same.
		if d, err := os.Open(filepath.Dir(w.target)); err == nil {
			d.Sync()
			d.Close()
		}
	}
	return nil
}

func (w *Writer) rename() error {
	if !w.options.Fresh {
		return os.Rename(w.f.Name(), w.target)
	}
	err := os.Link(w.f.Name(), w.target) // over nothing that has come to be there
	if err == nil {
		os.Remove(w.f.Name())
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// No hard links here: look, then rename.
	if _, err := os.Lstat(w.target); err == nil {
		return fs.ErrExist
	}
	return os.Rename(w.f.Name(), w.target)
}

// Abort leaves everything as it was. After Commit it does nothing.
func (w *Writer) Abort() {
	if w.over {
		return
	}
	w.over = true
	w.f.Close()
	if !w.direct {
		os.Remove(w.f.Name())
	}
}

// Write writes a file at once.
func Write(name string, data []byte, o Options) error {
	w, err := Create(name, o)
	if err != nil {
		return err
	}
	w.Write(data) // Commit has its error
	return w.Commit()
}

// Writable returns why a file can't be written, as far as that shows before there is
// anything to write. It leaves nothing behind.
func Writable(name string, o Options) error {
	// A pipe would wait for its reader.
	if info, err := os.Stat(name); err == nil && !info.IsDir() && !info.Mode().IsRegular() && !o.Fresh {
		return nil
	}
	w, err := Create(name, o)
	if err != nil {
		return err
	}
	w.Abort()
	return nil
}

// Folder writes a folder with files whole: it is there with all of them, or not at
// all. Nothing may have its name.
func Folder(name string, contents map[string][]byte) error {
	name = filepath.Clean(name)
	if _, err := os.Lstat(name); err == nil {
		return Unwritten(name, fs.ErrExist)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(name), ".qodverify-*") // 0700
	if err != nil {
		return Unwritten(name, err)
	}
	defer os.RemoveAll(temporary)
	for file, data := range contents {
		if err := os.WriteFile(filepath.Join(temporary, file), data, 0o644); err != nil {
			return Unwritten(name, err)
		}
	}
	err = os.Chmod(temporary, 0o755)
	if err == nil {
		// Over an empty folder that has come to be there it may go.
		err = os.Rename(temporary, name)
	}
	return Unwritten(name, err)
}

// WriteError is why a file could not be written: by the name that was asked for, and
// in plain words.
type WriteError struct {
	Name string
	Err  error
	why  string
}

func (e *WriteError) Error() string { return fmt.Sprintf("%s can't be written: %s", e.Name, e.why) }

func (e *WriteError) Unwrap() error { return e.Err }

// Unwritten returns a [WriteError] for an error of the system that came of writing a
// file by other means, or nil for nil.
func Unwritten(name string, err error) error { return (&Writer{name: name, target: name}).fault(err) }

func (w *Writer) fault(err error) error {
	if err == nil {
		return nil
	}
	if already := (*WriteError)(nil); errors.As(err, &already) {
		return err
	}
	return &WriteError{Name: w.name, Err: cause(err), why: reason(err, w.target)}
}
