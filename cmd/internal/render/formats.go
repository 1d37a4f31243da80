package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// Report is what can be written in every format: a [Run] or an [Audit].
type Report interface {
	Verdict() verify.Verdict

	write(io.Writer, Format, Options) error
}

// Format is one form of a report.
type Format struct {
	Name, About string
	run         func(w io.Writer, tool Tool, inputs int, o Options) runWriter
	audit       func(io.Writer, Audit, Options) error
}

// formats are all of them, in the order in which help lists them.
var formats = []Format{
	{"text", "for people, on a terminal", newTextRun, func(w io.Writer, a Audit, o Options) error { return AuditText(w, a, o.TextOptions) }},
	{"json", "one document, by the published schema", newJSONRun, func(w io.Writer, a Audit, _ Options) error { return AuditJSON(w, a) }},
	{"jsonl", "one line of JSON an input or finding, then a summary", newLinesRun, func(w io.Writer, a Audit, _ Options) error { return a.writeJSONL(w) }},
	sheetFormat("junit", "JUnit XML, for test reports", newJUnit),
	sheetFormat("sarif", "SARIF 2.1.0, for code scanning", newSARIF),
	sheetFormat("tap", "TAP 13, for prove and its kin", newTAP),
	sheetFormat("github", "GitHub Actions annotations", newGitHub),
	sheetFormat("gitlab", "GitLab Code Quality JSON", newGitLab),
	sheetFormat("markdown", "a page for a pull request or a wiki", newMarkdown),
	{"html", "a page for people: self-contained, to print or to mail", newHTMLRun, func(w io.Writer, a Audit, _ Options) error { return a.writeHTML(w) }},
}

func sheetFormat(name, about string, begin func(io.Writer, Tool, Options) sheetWriter) Format {
	return Format{name, about,
		func(w io.Writer, tool Tool, _ int, o Options) runWriter { return sheetRun{begin(w, tool, o), o} },
		func(w io.Writer, a Audit, o Options) error { return a.sheet(o).write(begin(w, a.Tool, o)) }}
}

// Formats returns every format of a report.
func Formats() []Format { return slices.Clone(formats) }

// FormatNames lists them as a sentence does.
func FormatNames() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// Known reports whether there is a format of this name.
func Known(name string) bool {
	return slices.ContainsFunc(formats, func(f Format) bool { return f.Name == name })
}

// Write writes a report in one format, all or nothing of it.
func Write(w io.Writer, format string, r Report, o Options) error {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == format })
	if i < 0 {
		return fmt.Errorf("unknown output format %q: want %s", format, FormatNames())
	}
	var b bytes.Buffer
	if err := r.write(&b, formats[i], o); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Verdict returns the verdict on the ledger, as far as what was left out of a folder
// allows it.
func (a Audit) Verdict() verify.Verdict { return a.LeftOut.verdict(a.Report.Verdict()) }

func (a Audit) write(w io.Writer, f Format, o Options) error { return f.audit(w, a, o) }
