package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// problems are the codes of a report's error: why there is no verdict at all.
var problems = []verify.Explanation{
	{Code: "usage", Means: "the command line makes no sense", Why: "Nothing was verified.", Do: "See the message, and qodverify --help."},
	{Code: "input", Means: "no input could be read, or none matched", Why: "Nothing was verified.", Do: "See the message for the file or folder."},
	{Code: "keys", Means: "the keys that were named can't be used", Why: "Without keys nothing can be verified.", Do: "See the message, and qodverify keys FILE."},
	{Code: "policy", Means: "the policy can't be read", Why: "A rule that can't be read can't be held.", Do: "qodverify policy lint FILE names the line."},
	{Code: "output", Means: "a report or an export could not be written", Why: "A verdict that nobody can read was not given.", Do: "See the message for the file."},
	{Code: "findings", Means: "the file of all findings could not be written", Why: "A verdict that nobody can read was not given.", Do: "See the message for the file."},
	{Code: "state", Means: "the state of the audit before can't be read or written", Why: "Whether the past was changed can't be told.", Do: "Restore the file from a backup; do not start over without asking why it is damaged."},
	{Code: "evidence", Means: "the evidence file can't be read or written", Why: "It is what shows both versions of a past.", Do: "See the message for the file."},
	{Code: "scratch", Means: "the temporary file of an audit failed", Why: "What could not be remembered could not be checked.", Do: "Give $TMPDIR room: some 180 bytes a record."},
	{Code: "serve", Means: "the service could not start or go on", Why: "Nothing is served.", Do: "See the message."},
	{Code: "demo", Means: "the demonstration broke off", Why: "Nothing was shown.", Do: "See the message."},
	{Code: "probe", Means: "the round trips could not be measured or posted", Why: "Nothing was measured.", Do: "See the message."},
}

// Explanations returns the one table of codes: those of findings, and those of
// errors.
func Explanations() []verify.Explanation { return slices.Concat(verify.Explanations(), problems) }

// ExplainText writes what a few words mean, or a line of each of many.
func ExplainText(w io.Writer, list []Word, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	for i, e := range list {
		kind := ""
		if e.Kind != "code" {
			kind = " (" + e.Kind + ")"
		}
		if len(list) > 8 {
			p.line("%-32s  %s", string(e.Code)+kind, e.Means)
			continue
		}
		if i > 0 {
			p.line("")
		}
		p.line("%s%s: %s", p.bold.Sprint(e.Code), kind, e.Means)
		p.field("why", "%s", e.Why)
		p.field("do", "%s", e.Do)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ExplainJSON writes the same as one document.
func ExplainJSON(w io.Writer, tool Tool, list []Word) error {
	type entry struct {
		Code  string `json:"code"`
		Kind  string `json:"kind"`
		Means string `json:"means"`
		Why   string `json:"why"`
		Do    string `json:"do"`
	}
	doc := struct {
		Schema string  `json:"schema"`
		Tool   Tool    `json:"tool"`
		Codes  []entry `json:"codes"`
	}{"qodverify/explain/v1", tool, []entry{}}
	for _, e := range list {
		doc.Codes = append(doc.Codes, entry{string(e.Code), e.Kind, e.Means, e.Why, e.Do})
	}
	return WriteJSON(w, doc)
}

// CodesMarkdown is the table as the README has it.
func CodesMarkdown() string {
	var b strings.Builder
	b.WriteString("| code | means | what to do |\n|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`)
	for _, e := range Explanations() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Code, cell.Replace(e.Means), cell.Replace(e.Do))
	}
	return b.String()
}
