package bundle

import "github.com/qodverify/qodverify/bundle/canonical"

// Limits bounds what [Read] takes in. The zero value is the strictest.
type Limits struct {
	MaxBytes  int // 0 means [canonical.MaxBytes], 16 MiB
	MaxDepth  int // 0 means [canonical.MaxDepth], 64
	MaxValues int // 0 means [canonical.MaxValues], about a million
}

// options also allows a byte order mark: tools on Windows write one at the
// start of a file, and no hash covers it.
func (l Limits) options() canonical.Options {
	return canonical.Options{MaxBytes: l.MaxBytes, MaxDepth: l.MaxDepth, MaxValues: l.MaxValues, AllowBOM: true}
}
