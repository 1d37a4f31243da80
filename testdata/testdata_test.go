package testdata_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

const module = "github.com/qodverify/qodverify"

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = testdata.Root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}

// A program that imports the library gets no network, database, process or
// command-line package with it, and from other modules only these four.
func TestLibraryDependencies(t *testing.T) {
	deps := list(t, "-deps", "./bundle/...", "./jwks", "./verify")
	if len(deps) < 30 {
		t.Fatalf("only %d packages: %v", len(deps), deps)
	}
	allowed := []string{"filippo.io/edwards25519", "filippo.io/edwards25519/field", "github.com/gowebpki/jcs", "golang.org/x/mod/sumdb/tlog"}
	for _, d := range deps {
		first, _, _ := strings.Cut(d, "/")
		switch {
		case strings.HasPrefix(d, module+"/cmd"), first == "net", first == "database", d == "os/exec", d == "log", d == "flag", first == "plugin":
			t.Errorf("the library reaches %s", d)
		case strings.Contains(first, ".") && !strings.HasPrefix(d, module) && !slices.Contains(allowed, d):
			t.Errorf("the library reaches %s of another module", d)
		}
	}
}

// The verifier for browsers has nothing in it that could dial out.
func TestPageDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/internal/page/wasm")
	cmd.Dir, cmd.Env = testdata.Root(), append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	for _, d := range deps {
		if d == "net" || d == "net/http" || d == "crypto/tls" || strings.HasPrefix(d, "modernc.org/") {
			t.Errorf("it reaches %s", d)
		}
	}
	if len(deps) < 30 {
		t.Errorf("only %d packages: %v", len(deps), deps)
	}
}

// Arrows point down only.
func TestArrows(t *testing.T) {
	may := map[string][]string{
		"/verify/internal/fixedkey": {},

		"/bundle/canonical": {},
		"/bundle":           {"/bundle/canonical"},
		"/bundle/telemetry": {"/bundle", "/bundle/canonical"},
		"/jwks":             {"/bundle/canonical"},
		"/verify":           {"/bundle", "/bundle/canonical", "/bundle/telemetry", "/jwks", "/verify/internal/fixedkey"},

		"/cmd/internal/pattern":  {},
		"/cmd/internal/files":    {"/cmd/internal/cause"},
		"/cmd/internal/render":   {"/bundle", "/bundle/canonical", "/bundle/telemetry", "/cmd/internal/state", "/jwks", "/verify"},
		"/cmd/internal/cause":    {},
		"/cmd/internal/dotenv":   {},
		"/cmd/internal/source":   {"/bundle", "/bundle/canonical", "/cmd/internal/cause", "/cmd/internal/files", "/cmd/internal/kind", "/cmd/internal/unpack", "/jwks"},
		"/cmd/internal/unpack":   {},
		"/cmd/internal/kind":     {"/bundle/canonical", "/cmd/internal/pattern"},
		"/cmd/internal/state":    {"/bundle", "/cmd/internal/files", "/cmd/internal/kind", "/cmd/internal/unpack", "/verify"},
		"/cmd/internal/probe":    {"/bundle/telemetry"},
		"/cmd/internal/importer": {"/bundle/canonical", "/cmd/internal/pattern"},
		"/cmd/internal/pyjson":   {"/bundle/canonical"},
		"/cmd/internal/policy":   {"/bundle/canonical", "/cmd/internal/pattern", "/jwks", "/verify"},
		"/cmd/internal/mint":     {"/bundle", "/bundle/canonical", "/bundle/telemetry", "/cmd/internal/files", "/cmd/internal/kind", "/cmd/internal/pyjson", "/jwks"},
		"/cmd/internal/ready":    {},
		"/cmd/internal/store":    {"/bundle", "/cmd/internal/files", "/cmd/internal/mint", "/cmd/internal/ready"},
		"/cmd/internal/judge":    {"/bundle", "/bundle/canonical", "/cmd/internal/kind", "/cmd/internal/render", "/cmd/internal/unpack", "/jwks", "/verify"},
		"/cmd/internal/page":     {"/cmd/internal/render"},
		"/cmd/internal/server":   {"/bundle", "/bundle/canonical", "/bundle/telemetry", "/cmd/internal/files", "/cmd/internal/judge", "/cmd/internal/mint", "/cmd/internal/page", "/cmd/internal/pyjson", "/cmd/internal/ready", "/cmd/internal/render", "/cmd/internal/source", "/cmd/internal/store", "/jwks", "/verify"},
	}
	for room, below := range may {
		for _, d := range list(t, "-f", `{{join .Imports "\n"}}`, module+room) {
			if rest, ours := strings.CutPrefix(d, module); ours && !slices.Contains(below, rest) {
				t.Errorf("%s imports %s", room, rest)
			}
		}
	}
}

// The README's program compiles in a module of its own that has nothing but
// this one, and verifies a real bundle.
func TestConsumerModule(t *testing.T) {
	root := testdata.Root()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, program, ok := strings.Cut(string(readme), "```go\n")
	program, _, closed := strings.Cut(program, "```")
	if !ok || !closed {
		t.Fatal("the README has no Go program")
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string]string{
		"main.go": program,
		"go.mod":  "module example.com/consumer\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n",
		"go.sum":  string(sum),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "consumer")
	build := exec.Command("go", "build", "-mod=mod", "-o", binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fixtures := filepath.Join(root, "testdata", "qod-mock-v0.4")
	keys := filepath.Join(fixtures, "jwks.json")
	if out, err := exec.Command(binary, keys, filepath.Join(fixtures, "good", "00.bundle.json")).Output(); err != nil || !strings.Contains(string(out), "pass signature ") {
		t.Errorf("a genuine bundle: %v\n%s", err, out)
	}
	if out, err := exec.Command(binary, keys, filepath.Join(fixtures, "tampered", "artifact-value.json")).Output(); err == nil || !strings.Contains(string(out), "runtime_hash_mismatch") {
		t.Errorf("a tampered bundle: %v\n%s", err, out)
	}
}

// The README has every check, and its tables name no other.
func TestReadmeChecks(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(testdata.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## What it checks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z._]+)` \\|").FindAllStringSubmatch(section, -1) {
		rows = append(rows, m[1])
	}
	var ids []string
	for _, id := range verify.Checks() {
		ids = append(ids, string(id))
	}
	if !slices.Equal(rows, ids) {
		t.Errorf("the README has %v, the code %v", rows, ids)
	}
}

// gowebpki/jcs before 1.0.2 could be crashed by deep nesting and accepted
// invalid UTF-8 and numbers.
func TestJCSVersion(t *testing.T) {
	got := list(t, "-m", "-f", "{{.Version}}", "github.com/gowebpki/jcs")
	if len(got) != 1 || got[0] < "v1.0.2" {
		t.Errorf("gowebpki/jcs %v, want at least v1.0.2", got)
	}
}

// Every stored file is reachable through FS, so that what another implementer
// imports is what the tests use.
func TestEmbedded(t *testing.T) {
	for _, name := range []string{"qod-mock-v0.4/jwks.json", "pycanon/random-300.jsonl.gz", "jwks-abuse/cases.json", "gen/canonical_random.py", "qod-mock-v0.1/ledger-8cfcc1b.jsonl"} {
		if len(testdata.Read(name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}
