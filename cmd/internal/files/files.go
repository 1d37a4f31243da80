// Package files opens files that nobody named: what lies in a folder, or at a
// default place. A named pipe there would hold the program for ever, and a device
// never end, so only regular files are opened, and opening never waits.
package files

import (
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular is the error for a pipe, a device, a socket or a folder.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file for reading. Symbolic links are followed.
func Open(name string) (*os.File, error) {
	return regular(os.OpenFile(name, os.O_RDONLY|noWait, 0))
}

// OpenIn is Open inside a folder: no link leads out of it.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return regular(root.OpenFile(name, os.O_RDONLY|noWait, 0))
}

// regular looks at what was opened and not at its name, which may lead elsewhere
// by then.
func regular(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: ErrNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
