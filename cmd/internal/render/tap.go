package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// tapWriter writes TAP version 13 (testanything.org) as it comes: a line a check, what
// is wrong as YAML below it, and the plan at the end.
type tapWriter struct {
	w io.Writer
	n int
}

func newTAP(w io.Writer, _ Tool, _ Options) sheetWriter { return &tapWriter{w: w} }

func (t *tapWriter) unit(u suite) error {
	var b strings.Builder
	if t.n == 0 {
		b.WriteString("TAP version 13\n")
	}
	for _, i := range u.items {
		if i.unlisted.count > 0 {
			fmt.Fprintf(&b, "# %s: %s\n", tapText(i.id), tapText(i.message))
		}
		if i.level == noted || i.leftOut() {
			continue // what was left out has lines of its own
		}
		t.n++
		outcome, directive := "ok", ""
		switch i.level {
		case failed, broken:
			outcome = "not ok"
		case skipped:
			directive = " # SKIP " + tapText(i.message)
		}
		fmt.Fprintf(&b, "%s %d - %s: %s%s\n", outcome, t.n, tapText(u.name), tapText(i.name()), directive)
		if !i.problem() && i.level != warned && i.level != usual {
			continue
		}
		b.WriteString("  ---\n")
		yamlLine(&b, "message", i.message)
		yamlLine(&b, "severity", map[level]string{failed: "fail", broken: "error", warned: "warn", usual: "note"}[i.level])
		yamlLine(&b, "code", string(i.code))
		for _, d := range i.details {
			yamlLine(&b, d.name, d.value)
		}
		if i.pointer != "" {
			yamlLine(&b, "pointer", i.pointer)
		}
		if i.at.file != "" {
			yamlLine(&b, "file", i.at.file)
			if i.at.line > 0 {
				fmt.Fprintf(&b, "  line: %d\n", i.at.line)
			}
			if i.at.column > 0 {
				fmt.Fprintf(&b, "  column: %d\n", i.at.column)
			}
		}
		b.WriteString("  ...\n")
	}
	t.leftOut(&b, u.left)
	_, err := io.WriteString(t.w, b.String())
	return err
}

// leftOut writes a skipped line for each file that was left out and decides nothing.
func (t *tapWriter) leftOut(b *strings.Builder, left LeftOut) {
	benign, more := left.benign()
	for _, s := range benign {
		t.n++
		fmt.Fprintf(b, "ok %d - left out: %s # SKIP %s\n", t.n, tapText(s.Name), tapText(s.Reason))
	}
	if more > 0 {
		fmt.Fprintf(b, "# and %d more were left out of folders: --output json lists all\n", more)
	}
	for _, pattern := range left.Unused {
		fmt.Fprintf(b, "# --ignore %s left nothing out\n", tapText(pattern))
	}
}

func (t *tapWriter) end(s standing) error {
	head := ""
	if t.n == 0 {
		head = "TAP version 13\n"
	}
	_, err := fmt.Fprintf(t.w, "%s1..%d\n# qodverify: %s\n", head, t.n, s)
	return err
}

func (*tapWriter) drop() error { return nil }

// tapText makes a description: # starts a directive (a file named "# SKIP" must
// not skip anything), and a backslash escapes it in some readers and not in others.
func tapText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\\x23`).Replace(Printable(s))
}

// yamlLine writes one member. A JSON string is a YAML string.
func yamlLine(b *strings.Builder, name, value string) {
	quoted, err := json.Marshal(Printable(value))
	if err != nil {
		quoted = []byte(`""`)
	}
	fmt.Fprintf(b, "  %s: %s\n", name, quoted)
}
