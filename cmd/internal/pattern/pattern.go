// Package pattern compiles regular expressions when they are first asked for. Most runs
// of the program never need most of them, and every run would wait for all.
package pattern

import (
	"regexp"
	"sync"
)

// Lazy returns what compiles an expression once; it panics as [regexp.MustCompile] does.
func Lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
