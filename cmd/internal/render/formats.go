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

	sheet(Options) sheet
	writeText(io.Writer, TextOptions) error
	writeJSON(io.Writer) error
	writeJSONL(io.Writer) error
	writeHTML(io.Writer) error
}

// Format is one form of a report.
type Format struct {
	Name, About string
	write       func(io.Writer, Report, Options) error
}

// formats are all of them, in the order in which help lists them.
var formats = []Format{
	{"text", "for people, on a terminal", func(w io.Writer, r Report, o Options) error { return r.writeText(w, o.TextOptions) }},
	{"json", "one document, by the published schema", func(w io.Writer, r Report, _ Options) error { return r.writeJSON(w) }},
	{"jsonl", "one line of JSON an input or finding, then a summary", func(w io.Writer, r Report, _ Options) error { return r.writeJSONL(w) }},
	{"junit", "JUnit XML, for test reports", fromSheet(junit)},
	{"sarif", "SARIF 2.1.0, for code scanning", fromSheet(sarif)},
	{"tap", "TAP 13, for prove and its kin", fromSheet(tap)},
	{"github", "GitHub Actions annotations", fromSheet(github)},
	{"gitlab", "GitLab Code Quality JSON", fromSheet(gitlab)},
	{"markdown", "a page for a pull request or a wiki", fromSheet(markdown)},
	{"html", "a page for people: self-contained, to print or to mail", func(w io.Writer, r Report, _ Options) error { return r.writeHTML(w) }},
}

func fromSheet(write func(io.Writer, sheet) error) func(io.Writer, Report, Options) error {
	return func(w io.Writer, r Report, o Options) error { return write(w, r.sheet(o)) }
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
	if err := formats[i].write(&b, r, o); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r Run) writeText(w io.Writer, o TextOptions) error { return Text(w, r, o) }
func (r Run) writeJSON(w io.Writer) error                { return JSON(w, r) }

// Verdict returns the verdict on the ledger.
func (a Audit) Verdict() verify.Verdict { return a.Report.Verdict() }

func (a Audit) writeText(w io.Writer, o TextOptions) error { return AuditText(w, a, o) }
func (a Audit) writeJSON(w io.Writer) error                { return AuditJSON(w, a) }
