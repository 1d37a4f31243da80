package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// actionCase is one use of the action.
type actionCase struct {
	with    map[string]string
	verdict string
	code    int // of qodverify
	never   int // of the step, with fail: never
	says    string
}

// actionWith returns inputs of the action: the proofs, and pairs of others.
func actionWith(proofs string, more ...string) map[string]string {
	w := map[string]string{"proofs": proofs, "jwks": "jwks.json"}
	for i := 0; i < len(more); i += 2 {
		w[more[i]] = more[i+1]
	}
	return w
}

func actionCases() map[string]actionCase {
	with := actionWith
	const ok, value = "proofs/00.bundle.json", "proofs/artifact-value.json"
	return map[string]actionCase{
		"genuine":                    {with(ok, "html", "a.html"), "verified", 0, 0, ": VERIFIED"},
		"two lines, one blank":       {with(ok + "\n\nlone/*.json\n"), "verified", 0, 0, ": VERIFIED"},
		"a pattern to the bottom":    {with("**/value.json"), "failed", 1, 0, "file=deep/er/value.json"},
		"a pattern of one folder":    {with("proofs/artifact-*.json"), "failed", 1, 0, "file=proofs/artifact-value.json"},
		"left out on purpose":        {with("proofs", "ignore", "**/nan.json\n**/artifact-value.json"), "verified", 0, 0, ": VERIFIED"},
		"a malformed bundle":         {with("proofs/nan.json"), "malformed", 3, 0, ": MALFORMED"},
		"and a genuine one":          {with("proofs/nan.json\n" + ok), "malformed", 3, 0, ": MALFORMED"},
		"no key for any proof":       {with("lone", "jwks", ""), "inconclusive", 4, 4, "not one proof could be verified"},
		"no keys where they were":    {with(ok, "jwks", "no-keys.json"), "error", 3, 3, "no-keys.json"},
		"keys that are none":         {with(ok, "jwks", "proofs/nan.json"), "error", 3, 3, "proofs/nan.json"},
		"no proofs where they were":  {with("no-proofs"), "error", 3, 3, "no-proofs"},
		"some proofs are not there":  {with(ok + "\nno-proofs"), "error", 3, 3, "no-proofs"},
		"an empty folder":            {with("empty"), "error", 3, 3, "empty"},
		"a pattern without a match":  {with("proofs/*.jsn"), "error", 3, 3, "proofs/*.jsn"},
		"no proofs were named":       {with("\n"), "error", 2, 2, "::error"},
		"a page that can't be":       {with(ok, "html", "no/q.html"), "error", 3, 3, "no/q.html can't be written"},
		"and a proof that fails":     {with(value, "html", "no/q.html"), "failed", 1, 1, "file=proofs/artifact-value.json"},
		"SARIF at a folder's name":   {with(ok, "sarif", "empty"), "error", 3, 3, "empty can't be written"},
		"a policy that is not there": {with(ok, "policy", "no-policy"), "error", 2, 2, "no-policy"},
		"a pin that is none":         {with(ok, "pin", "x"), "error", 2, 2, "--pin"},
	}
}

// The action tells a broken set-up from what the proofs are, and is not green on one
// whatever its input fail says; log, outputs and status agree.
func TestActionSetUp(t *testing.T) {
	needBash(t)
	dir := repository(t, "good/00.bundle.json", "tampered/nan.json", "tampered/artifact-value.json")
	for _, empty := range []string{"empty", "lone", "deep/er"} {
		if err := os.MkdirAll(filepath.Join(dir, empty), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"proofs/00.bundle.json": "lone/00.bundle.json", "proofs/artifact-value.json": "deep/er/value.json", "proofs/jwks.json": "jwks.json"} {
		data, err := os.ReadFile(filepath.Join(dir, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range actionCases() {
		t.Run(name, func(t *testing.T) {
			for fail, code := range map[string]int{"not-verified": c.code, "never": c.never} {
				c.with["fail"] = fail
				o := runAction(t, dir, c.with)
				if o.code != code || o.outputs != fmt.Sprintf("verdict=%s\nexit-code=%d\n", c.verdict, c.code) || !strings.Contains(o.log, c.says) {
					t.Errorf("fail: %s: exit %d, want %d, %q\n%s", fail, o.code, code, o.outputs, o.log)
				}
				commands, err := readCommands(o.log)
				if err != nil {
					t.Error(err)
				}
				broken := slices.ContainsFunc(commands, func(c workflowCommand) bool { return strings.Contains(c.message, "the set-up is broken") })
				if broken != (c.verdict == "error") || c.verdict == "error" && strings.Contains(o.log, "INCONCLUSIVE") {
					t.Errorf("fail: %s: the log and the verdict %s differ:\n%s", fail, c.verdict, o.log)
				}
			}
		})
	}
	if o := runAction(t, dir, actionWith("proofs/00.bundle.json", "fail", "nevr")); o.code != 2 || o.outputs != "verdict=error\nexit-code=2\n" || !strings.Contains(o.log, "::error title=qodverify (action)::the input fail") {
		t.Errorf("an unknown value of fail: exit %d, %q\n%s", o.code, o.outputs, o.log)
	}
}

// Where the program can't be built or run, that is the verdict.
func TestActionUnbuilt(t *testing.T) {
	needBash(t)
	a := readAction(t)
	for i, step := range a.Runs.Steps {
		if step.Uses != "" {
			continue
		}
		temp := t.TempDir()
		cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Dir = temp
		cmd.Env = append(os.Environ(), "RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+filepath.Join(temp, "output"), "ACTION_PATH="+temp, "PROOFS=x", "FAIL=never")
		out, err := cmd.CombinedOutput()
		outputs, _ := os.ReadFile(filepath.Join(temp, "output"))
		if err == nil || !strings.HasPrefix(string(outputs), "verdict=error\nexit-code=") || !bytes.Contains(out, []byte("::error title=qodverify (action)::")) {
			t.Errorf("step %d: %v, %q\n%s", i, err, outputs, out)
		}
	}
	for name, o := range a.Outputs {
		if !strings.Contains(o.Value, "steps.verify.outputs."+name+" || steps.build.outputs."+name+" || ") || o.Description == "" {
			t.Errorf("%s: %s", name, o.Value)
		}
	}
	for name, i := range a.Inputs {
		if i.Description == "" {
			t.Errorf("the input %s is not described", name)
		}
	}
}
