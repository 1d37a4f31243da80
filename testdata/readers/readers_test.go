// Package readers holds report formats to readers that this project did not write.
// It is a module of its own, so that nobody who uses qodverify pays for them.
package readers

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// reports builds the program and returns its report on each argument list.
func reports(t *testing.T, format string) map[string][]byte {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "qodverify")
	build := exec.Command("go", "build", "-o", binary, "./cmd/qodverify")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hostile := filepath.Join(t.TempDir(), "a|b`c`<script>alert(1)[x](javascript:y) @all # SKIP.json")
	data, err := os.ReadFile("../qod-mock-v0.4/tampered/session-relabelled.json")
	if err == nil {
		text := regexp.MustCompile(`"kid": ?"[^"]*"`).ReplaceAllString(string(data), `"kid":"<img src=x>|**b** _i_ www.evil.example https://evil.example :smile: ~~s~~ &lt; \\| `+"`"+`c`+"`"+`"`)
		err = os.WriteFile(hostile, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	keys := "../qod-mock-v0.4/jwks.json"
	for _, args := range [][]string{
		{"--jwks", keys, "../qod-mock-v0.4/good"}, {"--jwks", keys, "../qod-mock-v0.4/tampered"}, {"../qod-mock-v0.4/good/00.bundle.json"}, {"--jwks", keys, hostile},
		{"--jwks", keys, "no-such-file.json"}, {"--jwks", "none.json", "x"}, {"--jwks", "../telemetry/jwks.json", "../telemetry/lies"}, {"audit", "--jwks", keys, "../qod-mock-v0.4/ledger.sqlite3"},
		{"audit", "--jwks", keys, "../qod-mock-v0.4/tampered"}, {"audit", "../qod-mock-v0.1/ledger-8cfcc1b.jsonl"},
	} {
		data, err := exec.Command(binary, append(slices.Clip(args), "--output", format)...).Output()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		out[strings.Join(args, " ")] = data
	}
	return out
}

// schema returns the SARIF 2.1.0 schema of OASIS, which go-sarif has as a constant.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == "schema" {
			text, err = strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	if err != nil || len(text) < 50_000 {
		t.Fatalf("a schema of %d bytes, %v", len(text), err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSARIF(t *testing.T) {
	s := schema(t)
	for name, data := range reports(t, "sarif") {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err == nil {
			err = s.Validate(doc)
		}
		if err != nil {
			t.Errorf("%s: %v\n%.3000s", name, err, data)
		}
		read, err := sarif.FromBytes(data)
		if err != nil || len(read.Runs) != 1 || *read.Runs[0].Tool.Driver.Name != "qodverify" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Validate(map[string]any{"version": "2.1.0", "runs": []any{}, "extra": 1}); err == nil {
		t.Error("the schema refuses nothing")
	}
}

// The page has our own elements and no other, and each cell is one cell.
func TestMarkdown(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	for name, data := range reports(t, "markdown") {
		var b bytes.Buffer
		if err := md.Convert(data, &b); err != nil {
			t.Fatal(err)
		}
		allowed := []string{"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "strong"}
		for _, m := range regexp.MustCompile(`<([a-zA-Z!?/][^>]*)>`).FindAllStringSubmatch(b.String(), -1) {
			if !slices.Contains(allowed, strings.TrimPrefix(m[1], "/")) {
				t.Errorf("%s: <%s>", name, m[1])
			}
		}
		for _, row := range strings.Split(b.String(), "<tr>")[1:] {
			row, _, _ = strings.Cut(row, "</tr>")
			if n := strings.Count(row, "<td>") + strings.Count(row, "<th>"); n != 3 {
				t.Errorf("%s: a row of %d cells: %s", name, n, row)
			}
		}
		if !strings.Contains(b.String(), "<h2>qodverify: ") {
			t.Errorf("%s: no heading\n%s", name, b.String())
		}
		if strings.Contains(name, "script") && !strings.Contains(b.String(), "a|b`c`&lt;script&gt;alert(1)[x](javascript:y) @all # SKIP.json") {
			t.Errorf("the name is not shown as it is:\n%s", b.String())
		}
	}
}
