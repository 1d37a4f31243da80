//go:build unix

package files

import "syscall"

// noWait keeps open(2) from waiting for a pipe's other end.
const noWait = syscall.O_NONBLOCK
