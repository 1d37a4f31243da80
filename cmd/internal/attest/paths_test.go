package attest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Paths go where they stand as names, and nowhere else.
func TestWithoutPaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "b.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"read from " + file:                 "read from b.json",
		file + ", and " + file + ".":        "b.json, and b.json.",
		"below " + dir + " and " + dir:      "below . and .",
		"(" + filepath.Join(dir, "k") + ")": "(." + string(filepath.Separator) + "k)",
		file + "x":                          "." + string(filepath.Separator) + "b.jsonx",
		"/other" + file:                     "/other" + file,
		dir + "more":                        dir + "more",
		"ünlaut " + file + " é":             "ünlaut b.json é",
	} {
		if got := shortened([]string{file}).replace(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := shortened([]string{"https://qod.example/b?token=secret"}).replace("from https://qod.example/b?token=secret, pinned"); got != "from https://qod.example/b, pinned" {
		t.Errorf("a URL: %q", got)
	}
	out, err := withoutPaths([]byte(`{"input":"/proof/b.json","checks":[{"message":"/proof/created_at is odd, in /proof/b.json","pointer":"/proof/b.json","expected":"/proof/b.json"}],"n":1.50}`), []string{"/proof/b.json"})
	if want := `{"checks":[{"expected":"/proof/b.json","message":"/proof/created_at is odd, in b.json","pointer":"/proof/b.json"}],"input":"b.json","n":1.50}`; err != nil || string(out) != want && !strings.Contains(dir, `\`) {
		t.Errorf("%v %s", err, out)
	}
}
