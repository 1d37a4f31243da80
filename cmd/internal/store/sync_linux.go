package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem makes everything durable that was written to the file system of
// an open file, and reports errors of doing so (Linux 5.8 and later).
var syncFileSystem = func(f *os.File) error { return unix.Syncfs(int(f.Fd())) }
