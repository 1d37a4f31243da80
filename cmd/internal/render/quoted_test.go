package render

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A shell takes a quoted name for exactly that name, and what is shown is visible.
func TestShellQuoted(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh on this machine")
	}
	for name, want := range map[string]string{
		"proof":         "proof",
		"a/b-1.json":    "a/b-1.json",
		"it's a proof":  `'it'\''s a proof'`,
		"-o":            "./-o",
		"- o":           "'./- o'",
		"~":             "'~'",
		"$(id)`id`":     "'$(id)`id`'",
		"a\nb":          `"$(printf %b 'a\0012b')"`,
		"100%\t'x'\\n":  "",
		"\x1b[2Jx":      "",
		"\xff\xfe":      "",
		"a\u202eb":      "",
		"##[error]":     "",
		"é ü.json":      "",
		"$\n`id`\"a":    "",
		"":              "''",
		"*":             "'*'",
		"a;b&c|d>e<f!g": "",
	} {
		quoted := ShellQuoted(name)
		if want != "" && quoted != want || Printable(quoted) != quoted {
			t.Errorf("%q is written as %s, want %s", name, quoted, want)
		}
		cmd := exec.Command(sh, "-c", "printf %s "+quoted)
		cmd.Dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(cmd.Dir, "other"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimPrefix(string(out), "./") != name {
			t.Errorf("%q as %s is %q to the shell: %v", name, quoted, out, err)
		}
	}
}
