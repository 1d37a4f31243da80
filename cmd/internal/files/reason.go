package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	plain "github.com/qodverify/qodverify/cmd/internal/cause"
)

var errFolder = errors.New("it is a folder")

// Reason says in plain words why something can't be written. Where it was to be
// written is the caller's to tell: names that the system's error has, which may be
// those of temporary files, are left out.
func Reason(err error) string { return reason(err, "") }

// reason looks at the file's surroundings where the system's word for it would mislead.
func reason(err error, target string) string {
	dir := filepath.Dir(target)
	switch {
	case errors.Is(err, errFolder), errors.Is(err, syscall.EISDIR):
		return errFolder.Error()
	case errors.Is(err, fs.ErrExist):
		return "it exists already, and is not overwritten"
	case errors.Is(err, syscall.ENOTDIR) && target != "":
		return fmt.Sprintf("%s is not a folder", above(target))
	case errors.Is(err, fs.ErrNotExist) && missing(dir):
		return fmt.Sprintf("there is no folder %s", dir)
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only"
	case errors.Is(err, fs.ErrPermission) && target != "":
		if _, statErr := os.Stat(target); statErr == nil {
			if f, openErr := os.OpenFile(target, os.O_WRONLY, 0); openErr != nil {
				return "the file is read-only for this user"
			} else {
				f.Close()
			}
		}
		return fmt.Sprintf("this user may not write in the folder %s", dir)
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(err, syscall.EDQUOT):
		return "the user's disk quota is used up"
	case errors.Is(err, syscall.EPIPE):
		return "its reader has closed the pipe"
	case errors.Is(err, syscall.EFBIG):
		return "it is larger than a file may be here"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "its name is too long"
	}
	return plain.Of(cause(err)).Error()
}

func missing(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// above returns the first part of a path that is there and is no folder.
func above(name string) string {
	for {
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			return name
		}
		parent := filepath.Dir(name)
		if parent == name {
			return name
		}
		name = parent
	}
}

// cause returns an error of the system without the names in it.
func cause(err error) error {
	for {
		var (
			path   *fs.PathError
			link   *os.LinkError
			system *os.SyscallError
		)
		switch {
		case errors.As(err, &path):
			err = path.Err
		case errors.As(err, &link):
			err = link.Err
		case errors.As(err, &system):
			err = system.Err
		default:
			return err
		}
	}
}
