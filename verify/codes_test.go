package verify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// Every code that the packages declare has one entry in the table, and the table
// has no other.
func TestCodeTable(t *testing.T) {
	declared := map[string]string{}
	for _, dir := range []string{"bundle", "bundle/canonical", "bundle/telemetry", "jwks", "verify"} {
		files, err := filepath.Glob(filepath.Join(testdata.Root(), dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				v, ok := n.(*ast.ValueSpec)
				if !ok || v.Type == nil || len(v.Values) != 1 {
					return true
				}
				typed := ""
				switch x := v.Type.(type) {
				case *ast.Ident:
					typed = x.Name
				case *ast.SelectorExpr:
					typed = x.Sel.Name
				}
				if literal, ok := v.Values[0].(*ast.BasicLit); ok && typed == "Code" {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					declared[text] = dir + "." + v.Names[0].Name
				}
				return true
			})
		}
	}
	if len(declared) < 100 {
		t.Fatalf("only %d codes were found", len(declared))
	}
	entries := map[string]bool{}
	for _, e := range verify.Explanations() {
		code := string(e.Code)
		if entries[code] {
			t.Errorf("%s has two entries", code)
		}
		entries[code] = true
		if declared[code] == "" {
			t.Errorf("%s is declared nowhere", code)
		}
		if e.Means == "" || strings.HasSuffix(e.Means, ".") || !regexp.MustCompile(`[.)]$`).MatchString(e.Why) || !strings.HasSuffix(e.Do, ".") {
			t.Errorf("%s: want a clause, and two sentences: %q, %q, %q", code, e.Means, e.Why, e.Do)
		}
		if got, ok := verify.Explain(e.Code); !ok || got != e {
			t.Errorf("Explain(%s): %v, %v", code, got, ok)
		}
	}
	for code, name := range declared {
		if !entries[code] {
			t.Errorf("%s (%s) has no entry", code, name)
		}
	}
	if _, ok := verify.Explain("no_such_code"); ok {
		t.Error("a code that there is not has an entry")
	}
}
