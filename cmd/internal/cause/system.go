package cause

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	doSpelling = "Look at the spelling, and at the folder in which the command runs."
	doRight    = "Give this user the right to it, or name a copy or a place that it may use."
	doAgain    = "Try again; if it stays so, get it by another way (curl -o FILE URL) and give the file."
)

// errnos are what the system says, on every system that spells it so.
var errnos = []struct {
	is    error
	text  string
	do    string
	write bool
}{
	{fs.ErrNotExist, "there is no such file or folder", doSpelling, false},
	{fs.ErrPermission, "permission denied", doRight, false},
	{fs.ErrExist, "it exists already", "Name another file.", true},
	{fs.ErrClosed, "it was closed while it was used", "", false},
	{syscall.EISDIR, "it is a folder, and a file is wanted", "Name a file in it.", false},
	{syscall.ENOTDIR, "a part of its path is a file, and no folder", doSpelling, false},
	{syscall.ENOSPC, "the disk is full", "Make room, or name a file on another disk.", true},
	{syscall.EROFS, "the disk can't be written to (it is mounted read-only)", "Name a file on another disk.", true},
	{syscall.EPIPE, "its reader went away", "", true},
	{syscall.EMFILE, "this program has as many files open as it may", "Raise the limit (ulimit -n), or give fewer inputs at once.", false},
	{syscall.ENFILE, "the system has as many files open as it can", "Close other programs, and try again.", false},
	{syscall.ELOOP, "its links lead in a circle", "Name the file itself.", false},
	{syscall.ENAMETOOLONG, "its name is longer than the system takes", "Give it a shorter name.", false},
	{syscall.EIO, "the disk or the device gave an error", "Copy it to another disk, and give the copy.", false},
	{syscall.EFBIG, "it is larger than a file may be here", "Name a file on another disk.", true},
	{syscall.ENXIO, "it is a device or a socket that nothing answers at", "Name a file.", false},
	{syscall.EBUSY, "another program holds it", "Try again when that has ended.", false},
	{syscall.EINVAL, "the system does not take this name", doSpelling, false},
	{syscall.ENOMEM, "there is not enough memory", "Close other programs, or give fewer inputs at once.", false},
}

// files explains what the system says of files.
func files(err error) *Error {
	if strings.HasPrefix(err.Error(), "EvalSymlinks: too many links") {
		err = syscall.ELOOP // filepath has words of its own
	}
	switch err.(type) {
	case *fs.PathError, *os.LinkError, *os.SyscallError, syscall.Errno:
	default:
		if err != fs.ErrNotExist && err != fs.ErrPermission && err != fs.ErrExist && err != fs.ErrClosed {
			return nil
		}
	}
	for _, e := range errnos {
		if errors.Is(err, e.is) {
			return &Error{Text: e.text, Do: e.do, Write: e.write}
		}
	}
	// Of what is wrapped only the last word is the system's, and what we said ourselves
	// (a pipe where a file is wanted) stays.
	inner := err
	for next := errors.Unwrap(inner); next != nil; next = errors.Unwrap(inner) {
		inner = next
	}
	if inner == err {
		return &Error{Text: "the system refused it (" + err.Error() + ")"}
	}
	if e := known(inner, false); e != nil {
		return e
	}
	return &Error{Text: inner.Error()}
}

// bounds explains the few errors that every reader may return.
func bounds(err error) *Error {
	switch err {
	case io.ErrUnexpectedEOF:
		return &Error{Text: "it ends too early: its end was cut off, or is still being written", Do: "Get it whole, and try again."}
	case io.EOF:
		return &Error{Text: "it ended before anything came", Do: "Look at whether it is the right one, and try again."}
	case io.ErrShortWrite:
		return &Error{Text: "not all of it could be written", Write: true}
	case io.ErrClosedPipe:
		return &Error{Text: "its reader went away", Write: true}
	case context.Canceled:
		return &Error{Text: "it was interrupted"}
	case context.DeadlineExceeded, os.ErrDeadlineExceeded:
		return &Error{Text: "there was no whole answer in the time for one", Do: doAgain}
	}
	return nil
}
