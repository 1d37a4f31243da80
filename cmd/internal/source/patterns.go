package source

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxPattern bounds a pattern's length.
const maxPattern = 4096

// isPattern reports whether an argument is a pattern: nothing has it for a name, and
// it can be read as one. Whatever can't is the name of a file that is not there.
func isPattern(arg string) bool {
	if !strings.ContainsAny(arg, "*?[{") || len(arg) > maxPattern {
		return false
	}
	_, err := os.Lstat(arg)
	return err != nil && doublestar.ValidatePattern(filepath.ToSlash(arg))
}

// A pattern selects files below a folder. Slashes part it, on every system, and **
// stands for any number of folders.
type pattern struct {
	base  string // the folder in which it begins, which has no part in the matching
	rest  string
	parts []string // of rest; nil where a group holds a slash
}

// newPattern reads an argument that is one.
func newPattern(arg string) *pattern {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(arg))
	p := &pattern{base: filepath.FromSlash(base), rest: rest}
	p.parts = strings.Split(rest, "/")
	if slices.ContainsFunc(p.parts, func(s string) bool { return strings.Count(s, "{") != strings.Count(s, "}") }) {
		p.parts = nil
	}
	return p
}

// takes reports whether a file or folder is one that the pattern names. Extensions
// count in any case, as they do in a folder.
func (p *pattern) takes(within string) bool {
	within = filepath.ToSlash(within)
	stem := strings.TrimSuffix(within, extensions(within))
	return doublestar.MatchUnvalidated(p.rest, within) ||
		doublestar.MatchUnvalidated(p.rest, stem+strings.ToLower(extensions(within)))
}

// below reports whether the pattern may name something in a folder.
func (p *pattern) below(within string) bool {
	if p.parts == nil {
		return true
	}
	for i, name := range strings.Split(filepath.ToSlash(within), "/") {
		switch {
		case i == len(p.parts):
			return false
		case p.parts[i] == "**":
			return true
		case !doublestar.MatchUnvalidated(p.parts[i], name):
			return false
		}
	}
	return strings.Count(filepath.ToSlash(within), "/")+1 < len(p.parts)
}

// hidden reports whether the pattern asks for hidden names by their dot.
func (p *pattern) hidden() bool {
	return strings.HasPrefix(p.rest, ".") || strings.Contains(p.rest, "/.")
}

// named reports whether the pattern says more of a file's name than that it has one.
func (p *pattern) named() bool {
	return strings.Trim(path.Base(p.rest), "*") != ""
}

// extensions is what follows a name's last dot, or its last two where it is packed.
func extensions(name string) string {
	last := path.Ext(name)
	if slices.Contains([]string{".gz", ".zst"}, strings.ToLower(last)) {
		return path.Ext(strings.TrimSuffix(name, last)) + last
	}
	return last
}

// Ignore is what the user wants left out of folders: patterns of paths within the
// folder that was named, or, without a slash, of names at any depth. A path as a
// report has it, or a name with special characters in it, is its own pattern.
type Ignore struct {
	patterns []string
	literal  []bool // it can't be read as a pattern
	used     []bool
}

// NewIgnore reads patterns.
func NewIgnore(patterns []string) (*Ignore, error) {
	i := &Ignore{used: make([]bool, len(patterns))}
	for _, given := range patterns {
		slashed := strings.TrimPrefix(filepath.ToSlash(given), "./")
		if len(given) > maxPattern || slashed == "" {
			return nil, fmt.Errorf("%w: --ignore %.80q is not a pattern", ErrUsage, given)
		}
		i.patterns = append(i.patterns, slashed)
		i.literal = append(i.literal, !doublestar.ValidatePattern(slashed))
	}
	return i, nil
}

// match returns the pattern by which a file or folder is left out, "" for none. It is
// named in two ways: as reports name it, and by its path in the folder.
func (i *Ignore) match(name, within string) (by string) {
	if i == nil {
		return ""
	}
	name, within = filepath.ToSlash(name), filepath.ToSlash(within)
	for n, p := range i.patterns {
		trimmed := strings.TrimSuffix(p, "/") // of a folder
		candidates := []string{within, name}
		if !strings.Contains(trimmed, "/") {
			candidates = []string{path.Base(within)}
		}
		for _, c := range candidates {
			if c == trimmed || !i.literal[n] && doublestar.MatchUnvalidated(trimmed, c) {
				i.used[n] = true // every pattern that fits is in use
				if by == "" {
					by = p
				}
			}
		}
	}
	return by
}

// Unused returns the patterns that left nothing out.
func (i *Ignore) Unused() (list []string) {
	if i == nil {
		return nil
	}
	for n, p := range i.patterns {
		if !i.used[n] {
			list = append(list, p)
		}
	}
	return list
}
