package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
)

type hostileSet struct{ bundle, keys string }

// nasty means something to every output: a terminal, HTML, XML, Markdown, a log of
// GitHub, GitLab and Azure, TAP, a shell, a spreadsheet.
const nasty = "<script>alert(1)</script>]]>\"'--><img src=x onerror=alert(1)>\n::error::boo\r\n##[add-mask]x ##vso[task.x] %0A::warning::x # SKIP # TODO \x1b[2J\x1b]52;c;AA\a\u202egnp|`a`](javascript:alert(1)) @everyone www.evil.example $(id) {{.}} \u009b31m\u200b\u2028 &amp; \\"

// hostileFiles writes a bundle whose every text is nasty, under a name that is,
// with a key set that is as well.
func hostileFiles(t *testing.T) hostileSet {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(testdata.Read("qod-mock-v0.4/good/01.bundle.json"), &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name := range v {
				v[name] = walk(v[name])
			}
			return v
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
			return v
		case string:
			return nasty + v
		}
		return v
	}
	walk(doc)
	doc[nasty] = nasty
	proof := doc["proof"].(map[string]any)
	proof["issuer"] = nasty
	bundle, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// No slash and no NUL; all else a file name may have.
	name := strings.NewReplacer("/", "", "\x00", "").Replace(nasty)
	set := hostileSet{filepath.Join(dir, "::error::"+name[:180]+".json"), filepath.Join(dir, "##[error]"+name[:180]+".jwks")}
	keys := testdata.Read("qod-mock-v0.4/jwks.json")
	if err := errors.Join(os.WriteFile(set.bundle, bundle, 0o644), os.WriteFile(set.keys, keys, 0o644)); err != nil {
		t.Fatal(err)
	}
	return set
}

// TestHostile: nothing of it does anything in any format.
func TestHostile(t *testing.T) {
	h := hostileFiles(t)
	t.Chdir(filepath.Dir(h.bundle))
	name, keys := filepath.Base(h.bundle), filepath.Base(h.keys)
	ledger, err := os.ReadFile(h.bundle)
	if err == nil {
		err = os.WriteFile("::debug::ledger.jsonl", slices.Concat(ledger, []byte("\n"), ledger, []byte("\n{\n")), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--jwks", keys, name}, {"--jwks", keys, name, "./" + name}, {"audit", "--jwks", keys, "::debug::ledger.jsonl"}, {"audit", "--jwks", keys, "."}} {
		r := allFormats(t, args...)
		r.hold(t, args[0])
		for format, out := range r.in {
			for i, c := range out {
				if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
					t.Errorf("%s: %U at %.60q", format, c, out[max(0, i-30):])
					break
				}
			}
			if strings.Contains(out, "##[") || strings.Contains(out, "##v") {
				t.Errorf("%s: a runner's command", format)
			}
			if regexp.MustCompile(`(?m)^\s*::`).MatchString(out) && format != "github" {
				t.Errorf("%s: a line that is a command", format)
			}
			if format == "html" && regexp.MustCompile(`(?i)<(script|img|iframe|object|link|base|form)`).MatchString(out) || format == "markdown" && strings.ContainsAny(strings.NewReplacer("<code>", "", "</code>", "").Replace(out), "<") {
				t.Errorf("%s: an element that is not ours", format)
			}
		}
		commands, err := readCommands(r.in["github"])
		if err != nil {
			t.Error(err)
		}
		for _, c := range commands {
			if c.kind == "notice" {
				continue // of what was left out of the folder, or given twice
			}
			if c.kind != "error" && c.kind != "warning" || args[0] != "audit" && c.properties["file"] != render.Printable(name) {
				t.Errorf("%s %q", c.kind, c.properties)
			}
		}
	}
}
