//go:build !unix

package files

// noWait: no file here waits to be opened.
const noWait = 0
