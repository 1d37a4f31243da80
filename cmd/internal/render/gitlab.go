package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
)

type gitlabIssue struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int64 `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// gitlabWriter writes a Code Quality report, worst first: an empty list is success. Only
// problems and warnings are issues.
type gitlabWriter struct {
	w      io.Writer
	issues spools
	seen   seenKeys
}

func newGitLab(w io.Writer, _ Tool, _ Options) sheetWriter {
	return &gitlabWriter{w: w, seen: seenKeys{}}
}

func (g *gitlabWriter) unit(u suite) error {
	for _, i := range append(u.problems(), u.remarks()...) {
		if i.level == noted && !i.leftOut() && i.unlisted.count == 0 {
			continue
		}
		v := gitlabIssue{CheckName: string(i.code), Description: i.id + ": " + i.message, Severity: map[level]string{failed: "critical", broken: "major", warned: "minor", usual: "info", noted: "info"}[i.level]}
		for _, d := range i.details {
			v.Description += "; " + d.name + ": " + d.value
		}
		if !i.at.inside() {
			v.Description = u.name + ": " + v.Description
		}
		v.Description = clipped(Printable(v.Description))
		v.Location.Path, v.Location.Lines.Begin = gitlabPath(u, i), max(1, i.at.line)
		v.Fingerprint = i.fingerprint(u, g.seen)
		b, err := indented(v, "  ")
		if err == nil {
			_, err = fmt.Fprintf(&g.issues[u.rank()], "  %s,\n", bytes.TrimSpace(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gitlabWriter) end(standing) error {
	if _, err := io.WriteString(g.w, "["); err != nil {
		return err
	}
	c := &commaTrimmer{w: g.w}
	if err := g.issues.copyTo(c); err != nil {
		return err
	}
	_, err := io.WriteString(g.w, c.end()+"]\n")
	return err
}

func (g *gitlabWriter) drop() error { return g.issues.close() }

// commaTrimmer writes a list's elements, each on a line that ends with a comma, but for
// the last comma.
type commaTrimmer struct {
	w    io.Writer
	held []byte // a comma and a line break that may be the last ones
	some bool
}

func (c *commaTrimmer) Write(p []byte) (int, error) {
	b := append(c.held, p...)
	if !c.some && len(b) > 0 {
		c.some = true
		b = append([]byte("\n"), b...)
	}
	n := max(0, len(b)-2)
	c.held = append([]byte(nil), b[n:]...)
	if _, err := c.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *commaTrimmer) end() string {
	if !c.some {
		return ""
	}
	return "\n"
}

// gitlabPath is where GitLab shows an issue. It refuses a report with an issue that has
// no path, and takes every path for one of the repository: an input that is no file, or
// one outside, is called by a name without folders.
func gitlabPath(u suite, i item) string {
	if i.at.inside() {
		return Printable(i.at.file)
	}
	name := strings.Trim(path.Base(filepath.ToSlash(u.name)), "/.-")
	if name == "" {
		name = "stdin"
	}
	return Printable(name)
}

// seenKeys counts how often something was there.
type seenKeys map[uint64]uint32

// again counts one more, and returns how many there are now.
func (s seenKeys) again(key string) uint32 {
	sum := sha256.Sum256([]byte(key))
	k := binary.BigEndian.Uint64(sum[:])
	s[k]++
	return s[k]
}

// fingerprint is the same for the same problem in the next run, wherever its line
// has moved to, and another for every problem of one run.
func (i item) fingerprint(u suite, seen seenKeys) string {
	where := u.name
	if i.at.inside() {
		where = i.at.file // wherever in the repository the command runs
	}
	key := where + "\x00" + i.identity()
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen.again(key))))
}
