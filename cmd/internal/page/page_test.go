package page

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/browser"
	_ "github.com/qodverify/qodverify/cmd/internal/judge" // a change of it must run these tests again
	"github.com/qodverify/qodverify/cmd/internal/page/build"
	"github.com/qodverify/qodverify/testdata"
)

// The program in the tree is the one that this source gives.
func TestReproducible(t *testing.T) {
	// The go command caches results by what a test imports and opens.
	if _, err := os.ReadFile(filepath.Join("wasm", "main.go")); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	have, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	release := regexp.MustCompile(`go1\.[0-9]+(\.[0-9]+)?`).Find(have)
	if string(release) != runtime.Version() {
		t.Skipf("verifier.wasm.gz was built with %s, and this is %s: their bytes differ", release, runtime.Version())
	}
	file := filepath.Join(t.TempDir(), "verifier.wasm")
	if err := build.WASM(file); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("verifier.wasm.gz is not what the source gives: go generate ./cmd/internal/page")
	}
	original, err := build.Loader()
	if err != nil || string(original) != loader {
		t.Error("wasm_exec.js is not the Go release's: go generate ./cmd/internal/page")
	}
}

// The page is one file of whole elements: nothing in its parts ends a script.
func TestParts(t *testing.T) {
	out := string(HTML(`v1"><script>`))
	if n := strings.Count(out, "</script"); n != 4 {
		t.Errorf("%d scripts end", n)
	}
	if strings.Contains(out, "{{") || strings.Contains(out, `"><script>`) {
		t.Error("a place was not filled in, or not escaped")
	}
	for _, word := range []string{"connect-src", "unsafe-inline", "unsafe-eval' ", "http:", "https:", "*"} {
		if strings.Contains(Policy(), word) {
			t.Errorf("the policy has %s: %s", word, Policy())
		}
	}
}

// The page and the command line report on every fixture with the same bytes. The
// page is opened as a file: it needs no server.
func TestFixtures(t *testing.T) {
	tab := browser.Open(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "index.html")
	if err := os.WriteFile(file, HTML("devel"), 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "qodverify")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-X main.version=devel", "-o", binary, "github.com/qodverify/qodverify/cmd/qodverify").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tab.Go("file://" + file)
	tab.Until(`document.body.dataset.ready === "yes"`)
	sets := 0
	for set, keys := range map[string]string{"qod-mock-v0.4": "qod-mock-v0.4/jwks.json", "telemetry": "telemetry/jwks.json"} {
		keyFile := filepath.Join(testdata.Root(), "testdata", keys)
		err := filepath.WalkDir(filepath.Join(testdata.Root(), "testdata", set), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte(`"keys"`)) {
				return err // a key set is none of the inputs
			}
			work := t.TempDir()
			copyFile(t, keyFile, filepath.Join(work, "jwks.json"))
			copyFile(t, path, filepath.Join(work, filepath.Base(path)))
			compare(t, tab, binary, work, filepath.Base(path))
			sets++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if sets < 130 {
		t.Errorf("only %d fixtures", sets)
	}
	// Several at once are also held to each other as a chain.
	work := t.TempDir()
	copyFile(t, filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/jwks.json"), filepath.Join(work, "jwks.json"))
	names := []string{"00.bundle.json", "01.bundle.json", "02.bundle.json"}
	for _, name := range names {
		copyFile(t, filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/good", name), filepath.Join(work, name))
	}
	compare(t, tab, binary, work, names...)
	// A ledger, plain and as gzip.
	if out, err := exec.Command(binary, "export", "--out", filepath.Join(work, "ledger.jsonl"), filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/ledger.sqlite3")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compare(t, tab, binary, work, "ledger.jsonl")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	data, err := os.ReadFile(filepath.Join(work, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	z.Write(data[:len(data)*2/3]) // and cut off
	z.Close()
	if err := os.WriteFile(filepath.Join(work, "cut.jsonl.gz"), zipped.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	compare(t, tab, binary, work, "cut.jsonl.gz")
	// One of generation v0.1, and a name that wants to be an element.
	copyFile(t, filepath.Join(testdata.Root(), "testdata/qod-mock-v0.1/ledger-8cfcc1b.jsonl"), filepath.Join(work, "old.jsonl"))
	compare(t, tab, binary, work, "old.jsonl")
	const hostile = "<img src=x onerror=alert(1)>::error::.json"
	copyFile(t, filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/tampered/session-relabelled.json"), filepath.Join(work, hostile))
	compare(t, tab, binary, work, hostile)
	if shown := tab.Text(`document.querySelector("#list").textContent + document.querySelectorAll("img").length`); !strings.Contains(shown, hostile) || !strings.HasSuffix(shown, "0") {
		t.Errorf("the page lists %q", shown)
	}
	// A key set among the evidence is trusted by nobody.
	tab.Eval(`document.getElementById("clear").click()`, nil)
	tab.Choose("#files", filepath.Join(work, "00.bundle.json"), filepath.Join(work, "jwks.json"))
	tab.Until(`document.body.dataset.files === "2"`)
	tab.Eval(`document.getElementById("verify").click()`, nil)
	tab.Until(`document.body.dataset.verdict`)
	if shown := tab.Text(`document.getElementById("status").textContent`); !strings.Contains(shown, "jwks.json is a JWK Set") {
		t.Errorf("a key set among the evidence: the page says %q", shown)
	}
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, "file://"+file) && !strings.HasPrefix(r, "blob:") && r != "about:srcdoc" && r != "about:blank" {
			t.Errorf("the page asked for %s", r)
		}
	}
	if errs := tab.Errors(); len(errs) > 0 {
		t.Errorf("the browser complains: %q", errs)
	}
	// The policy holds: what leaves the machine is refused.
	if got := tab.Text(`fetch("http://127.0.0.1:9/").then(() => "sent", (e) => "refused")`); got != "refused" {
		t.Errorf("a fetch was %s", got)
	}
	if errs := strings.Join(tab.Errors(), " "); !strings.Contains(errs, "Content Security Policy") {
		t.Errorf("the fetch was refused by something else: %s", errs)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// elapsed is the one member that tells a time.
var elapsed = regexp.MustCompile(`"elapsed_ms": [0-9]+`)

// compare verifies files in the page and by the command line.
func compare(t *testing.T, tab *browser.Tab, binary, dir string, names ...string) {
	t.Helper()
	args := []string{"verify", "--output", "json", "--report", "html=report.html", "--jwks", "jwks.json"}
	if strings.Contains(names[0], ".jsonl") {
		args[0] = "audit"
	}
	cmd := exec.Command(binary, append(args, names...)...)
	cmd.Dir = dir
	want, err := cmd.Output()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	tab.Eval(`document.getElementById("clear").click()`, nil)
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(dir, name))
	}
	tab.Choose("#keys", filepath.Join(dir, "jwks.json"))
	tab.Choose("#files", files...)
	tab.Until(`document.body.dataset.files === "` + string('0'+rune(len(files)+1)) + `"`)
	tab.Eval(`document.getElementById("verify").click()`, nil)
	tab.Until(`document.body.dataset.verdict`)
	got := tab.Text(`globalThis.lastReport || document.getElementById("status").textContent`)
	if a, b := elapsed.ReplaceAllString(got, ""), elapsed.ReplaceAllString(string(want), ""); a != b {
		t.Errorf("%s: the page says\n%.3000s\nand the command line\n%.3000s", names, a, b)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	// The audit's page has the JSON report in it, with the time that it took.
	inPage := regexp.MustCompile(`&#34;elapsed_ms&#34;: [0-9]+`)
	if shown := tab.Text(`document.getElementById("report").srcdoc`); inPage.ReplaceAllString(shown, "") != inPage.ReplaceAllString(string(page), "") {
		t.Errorf("%s: the page shows another report than --report html", names)
	}
	var report struct{ Verdict string }
	if err := json.Unmarshal([]byte(got), &report); err != nil {
		t.Fatal(err)
	}
	if shown := tab.Text(`document.getElementById("status").textContent`); shown != "The verdict: "+strings.ToUpper(report.Verdict) {
		t.Errorf("%s: the page shows %q for %s", names, shown, report.Verdict)
	}
	tab.Until(`document.getElementById("report").contentDocument?.querySelector(".word")`)
	if banner := tab.Text(`document.getElementById("report").contentDocument.querySelector(".word").textContent`); !strings.HasSuffix(banner, " "+strings.ToUpper(report.Verdict)) {
		t.Errorf("%s: the report's page shows %q", names, banner)
	}
}
