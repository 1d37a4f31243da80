package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// tap writes TAP version 13 (testanything.org): a line a check, what is wrong as
// YAML below it.
func tap(w io.Writer, s sheet) error {
	var b strings.Builder
	n := 0
	for _, u := range s.units {
		for _, i := range u.items {
			if i.level == noted {
				continue
			}
			n++
			outcome, directive := "ok", ""
			switch i.level {
			case failed, broken:
				outcome = "not ok"
			case skipped:
				directive = " # SKIP " + tapText(i.message)
			}
			fmt.Fprintf(&b, "%s %d - %s: %s%s\n", outcome, n, tapText(u.name), tapText(i.id), directive)
			if !i.problem() && i.level != warned {
				continue
			}
			b.WriteString("  ---\n")
			yamlLine(&b, "message", i.message)
			yamlLine(&b, "severity", map[level]string{failed: "fail", broken: "error", warned: "warn"}[i.level])
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
	}
	_, err := fmt.Fprintf(w, "TAP version 13\n1..%d\n%s# qodverify: %s\n", n, b.String(), s.verdict)
	return err
}

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
