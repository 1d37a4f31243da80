//go:build !linux

package store

import "os"

// syncFileSystem is nil where there is none that waits: each file is synced.
var syncFileSystem func(*os.File) error
