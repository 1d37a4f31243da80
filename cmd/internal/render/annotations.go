package render

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// github writes workflow commands, one an annotation, and a line an input. The
// runner takes every line that starts with "::" for a command, and "##[" anywhere
// in a line for one of the old kind; Printable leaves no line break and no "##",
// and every other line starts with our name.
func github(w io.Writer, s sheet) error {
	var b strings.Builder
	for _, u := range s.units {
		for _, i := range u.problems() {
			annotation(&b, "error", u, i)
		}
		for _, i := range u.remarks() {
			if i.level == warned {
				annotation(&b, "warning", u, i)
			}
		}
		fmt.Fprintf(&b, "qodverify: %s: %s%s\n", Printable(u.name), strings.ToUpper(u.verdict.String()), reasonText(u))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func reasonText(u suite) string {
	if u.verdict == verify.Verified || string(u.reason) == u.verdict.String() {
		return ""
	}
	return " (" + Printable(string(u.reason)) + ")"
}

func annotation(b *strings.Builder, kind string, u suite, i item) {
	text := i.prose()
	if i.at.file == "" {
		text = Printable(u.name) + ": " + text
	}
	fmt.Fprintf(b, "::%s ", kind)
	if i.at.file != "" {
		fmt.Fprintf(b, "file=%s,", commandProperty(i.at.file))
		for _, p := range []struct {
			name  string
			value int64
		}{{"line", i.at.line}, {"endLine", i.at.endLine}, {"col", i.at.column}, {"endColumn", i.at.endColumn}} {
			// GitHub takes columns only where the region is one line.
			if p.value > 0 && !(i.at.endLine > i.at.line && strings.Contains(strings.ToLower(p.name), "col")) {
				fmt.Fprintf(b, "%s=%d,", p.name, p.value)
			}
		}
	}
	fmt.Fprintf(b, "title=%s::%s\n", commandProperty("qodverify "+i.id+" ("+string(i.code)+")"), commandData(text))
}

// commandData and commandProperty escape as @actions/core does.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(Printable(s)))
}

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

// gitlab writes a Code Quality report: an empty list is success. Only problems
// and warnings are issues.
func gitlab(w io.Writer, s sheet) error {
	issues := []gitlabIssue{}
	seen := map[string]int{}
	for _, u := range s.units {
		for _, i := range append(u.problems(), u.remarks()...) {
			if i.level == noted {
				continue
			}
			v := gitlabIssue{CheckName: string(i.code), Description: i.id + ": " + i.message, Severity: map[level]string{failed: "critical", broken: "major", warned: "minor"}[i.level]}
			for _, d := range i.details {
				v.Description += "; " + d.name + ": " + d.value
			}
			v.Description = Printable(v.Description)
			v.Location.Path, v.Location.Lines.Begin = Printable(i.at.file), max(1, i.at.line)
			if i.at.file == "" {
				v.Location.Path = Printable(u.name)
			}
			v.Fingerprint = i.fingerprint(u, seen)
			issues = append(issues, v)
		}
	}
	return WriteJSON(w, issues)
}

// fingerprint is the same for the same problem in the next run, wherever its line
// has moved to, and another for every problem of one run.
func (i item) fingerprint(u suite, seen map[string]int) string {
	key := strings.Join([]string{u.name, i.at.file, i.id, string(i.code), i.pointer}, "\x00")
	seen[key]++
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key])))
}
