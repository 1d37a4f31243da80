package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

func TestMain(m *testing.M) { testscript.Main(cleaned{m}, map[string]func(){"qodverify": main}) }

// cleaned removes what the tests share when all have run.
type cleaned struct{ *testing.M }

func (c cleaned) Run() int {
	code := c.M.Run()
	for _, dir := range []string{binaryDir, runnerDir} {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}
	return code
}

// TestScripts runs testdata/script. Beside testscript's own commands there are:
//
//	exits N PROGRAM ARG…   the program ends with exactly this status
//	report                 stdout of the last program is one report that the JSON Schema accepts
//	auditreport            the same for an audit's
//
// $FX is the folder of fixtures, $SERVER a proof service that wants the token
// "secret" for bundles and serves the session $SID.
func TestScripts(t *testing.T) {
	server := proofService(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("FX", filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4"))
			env.Setenv("V01", filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.1"))
			env.Setenv("TEL", filepath.Join(testdata.Root(), "testdata", "telemetry"))
			env.Setenv("GEN", filepath.Join(testdata.Root(), "testdata", "generations"))
			env.Setenv("SERVER", server.URL)
			env.Setenv("SID", serverSession)
			env.Setenv("TCP", strings.Replace(server.URL, "http", "tcp", 1))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"report":      func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(validReport(ts.ReadFile("stdout"))) },
			"auditreport": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(validAudit(ts.ReadFile("stdout"))) },
		},
	})
}

const serverSession = "6a55e554-4929-47f2-8675-0f6ff4fb44e0"

func proofService(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		w.Write(testdata.Read("qod-mock-v0.4/jwks.json"))
	})
	mux.HandleFunc("GET /proof/{sid}/bundle", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			http.Error(w, `{"detail":"Missing Authorization header"}`, http.StatusUnauthorized)
		case strings.HasPrefix(r.PathValue("sid"), "6a55e554") || strings.HasPrefix(r.PathValue("sid"), "swapped"):
			w.Write(testdata.Read("qod-mock-v0.4/good/01.bundle.json"))
		default:
			http.NotFound(w, r)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// validReport holds a document to the published JSON Schema.
func validReport(document string) error { return valid(render.Schema, document) }

// Every fixture's report, alone and all in one run, is accepted by the schema,
// and the exit status is the verdict's.
func TestEveryFixture(t *testing.T) {
	root := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		n++
		var stdout, stderr bytes.Buffer
		code := run([]string{"--output", "json", "--jwks", filepath.Join(root, "jwks.json"), path}, strings.NewReader(""), &stdout, &stderr)
		if err := validReport(stdout.String()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if verified := strings.Contains(stdout.String(), `"verified": true`); verified != (code == exitVerified) {
			t.Errorf("%s: exit %d with %s", path, code, stdout.String())
		}
		return nil
	})
	if err != nil || n < 80 {
		t.Errorf("%d fixtures, %v", n, err)
	}
}

func TestExitCodes(t *testing.T) {
	for v, want := range map[verify.Verdict]exitCode{
		verify.Verified: 0, verify.Failed: 1, verify.Malformed: 3, verify.Unreadable: 3, verify.Inconclusive: 4, verify.Verdict(99): 4,
	} {
		if got := exitFor(v); got != want {
			t.Errorf("%s: exit %d, want %d", v, got, want)
		}
	}
	for _, c := range [][3]exitCode{{0, 0, 0}, {0, 4, 4}, {4, 3, 3}, {3, 1, 1}, {1, 0, 1}, {4, 1, 1}} {
		if got := joined(c[0], c[1]); got != c[2] {
			t.Errorf("joined(%d, %d) = %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// A report that could not be written was not given.
func TestUnwritable(t *testing.T) {
	root := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	for _, output := range []string{"text", "json"} {
		var stderr bytes.Buffer
		code := run([]string{"--output", output, "--jwks", filepath.Join(root, "jwks.json"), filepath.Join(root, "good", "00.bundle.json")}, strings.NewReader(""), full{}, &stderr)
		if code == exitVerified || !strings.Contains(stderr.String(), "disk full") {
			t.Errorf("%s: exit %d, %s", output, code, stderr.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// The real program, built with the fault hook, for each check made to err:
// never exit 0, never "verified".
func TestInjectedFaults(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "qodverify-fault")
	build := exec.Command("go", "build", "-tags", "qodverify_fault", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	judge := func(fault string) (int, string) {
		cmd := exec.Command(binary, "--output", "json", "--jwks", filepath.Join(root, "jwks.json"),
			filepath.Join(root, "good", "00.bundle.json"), filepath.Join(root, "good", "01.bundle.json"))
		cmd.Env = append(os.Environ(), "QODVERIFY_FAULT="+fault)
		out, _ := cmd.Output()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	proven := filepath.Join(testdata.Root(), "testdata", "telemetry")
	expected := func(fault string) (int, string) {
		cmd := exec.Command(binary, "--output", "json", "--jwks", filepath.Join(proven, "jwks.json"), "--policy", filepath.Join(proven, "policy-all.yaml"), "--at", "2026-11-25T00:00:00Z",
			filepath.Join(proven, "honest", "camara.json"))
		cmd.Env = append(os.Environ(), "QODVERIFY_FAULT="+fault)
		out, _ := cmd.Output()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if code, out := expected(""); code != 0 {
		t.Errorf("a policy with every rule: exit %d\n%s", code, out)
	}
	for _, id := range verify.PolicyChecks() {
		code, out := expected(string(id))
		if code != int(exitInconclusive) || strings.Contains(out, `"verdict": "verified"`) || !strings.Contains(out, "injected fault") {
			t.Errorf("%s: exit %d\n%s", id, code, out)
		}
	}
	integrity := slices.DeleteFunc(verify.Checks(), func(id verify.CheckID) bool { return slices.Contains(verify.PolicyChecks(), id) })
	for _, id := range integrity {
		code, out := judge(string(id))
		if code != int(exitInconclusive) || strings.Contains(out, `"verdict": "verified"`) || !strings.Contains(out, "injected fault") {
			t.Errorf("%s: exit %d\n%s", id, code, out)
		}
	}
	audit := func(fault string) int {
		cmd := exec.Command(binary, "audit", "--quiet", "--jwks", filepath.Join(root, "jwks.json"), filepath.Join(root, "good"))
		cmd.Env = append(os.Environ(), "QODVERIFY_FAULT="+fault)
		cmd.Run()
		return cmd.ProcessState.ExitCode()
	}
	for _, id := range integrity {
		if code := audit(string(id)); code != int(exitInconclusive) {
			t.Errorf("audit with a fault in %s: exit %d", id, code)
		}
	}
	if code := audit(""); code != 0 {
		t.Errorf("audit, when the hook is not used: exit %d", code)
	}
	cmd := exec.Command(binary, "--quiet", "--jwks", filepath.Join(root, "jwks.json"), filepath.Join(root, "good", "00.bundle.json"))
	if err := cmd.Run(); err != nil {
		t.Errorf("the hook does harm when it is not used: %v", err)
	}
}
