package render

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A scope says what a run was about, in the same words the next time: where its inputs
// lie and where its keys came from. Code scanning takes two reports of one scope for one
// report and its successor, so two operators in one workflow must not share one.
type scope struct {
	command string
	where   []string // the folders that all inputs have in common
	keys    string
	several bool // keys came from more than one place
	some    bool
}

func (s *scope) add(u suite) {
	if s.command == "" {
		s.command = u.command
	}
	if len(u.about) == 0 || u.together {
		return
	}
	where := whereabouts(u)
	if !s.some {
		s.where, s.some = where, true
	}
	n := 0
	for n < len(s.where) && n < len(where) && s.where[n] == where[n] {
		n++
	}
	s.where = s.where[:n]
	switch {
	case u.keys == "":
	case s.keys == "":
		s.keys = u.keys
	case s.keys != u.keys:
		s.several = true
	}
}

// whereabouts are the folders of an input, or the ledger itself.
func whereabouts(u suite) []string {
	name := publicPlace(u.name, u.items[0].at)
	switch {
	case u.command == "audit":
	case isURL(u.name):
		name, _, _ = strings.Cut(name, "/") // the path has the session
	case u.items[0].at.file != "":
		name = path.Dir(name)
	}
	return strings.Split(name, "/")
}

// publicPlace names a place without telling the folders of the machine: the path in the
// repository, host and path of a URL, else the last part of the name.
func publicPlace(name string, at position) string {
	switch {
	case at.inside():
		return at.file
	case isURL(name):
		if u, err := url.Parse(name); err == nil && u.Host != "" {
			return u.Host + strings.TrimSuffix(u.Path, "/")
		}
		return "url"
	case name == "-":
		return "stdin"
	}
	return path.Join("outside", path.Base(filepath.ToSlash(name)))
}

// id is the scope as one word of path segments, which ends in a slash.
func (s *scope) id() string {
	parts := []string{"qodverify"}
	if s.command != "" {
		parts = append(parts, s.command)
	}
	segments := slices.Clone(s.where)
	if s.keys != "" && !s.several {
		// A folder that is in both is named once.
		keys := strings.TrimPrefix(s.keys, strings.Join(s.where, "/")+"/")
		segments = append(segments, strings.Split(keys, "/")...)
	}
	for _, p := range segments {
		if p != "" && p != "." {
			parts = append(parts, url.PathEscape(Printable(p)))
		}
	}
	return strings.Join(parts, "/") + "/"
}
