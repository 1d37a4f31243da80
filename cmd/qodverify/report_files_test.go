package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// unwritable makes names that can't be written, each with what the message must say.
func unwritable(t *testing.T, dir string) map[string][2]string {
	t.Helper()
	folder, file := filepath.Join(dir, "folder"), filepath.Join(dir, "file")
	if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(file, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	names := map[string][2]string{
		"a folder that is not there":     {filepath.Join(dir, "no", "such", "r"), "there is no folder " + filepath.Join(dir, "no", "such")},
		"a folder of its name":           {folder, "it is a folder"},
		"a folder that is a file":        {filepath.Join(file, "r"), file + " is not a folder"},
		"a name that is longer than any": {filepath.Join(dir, strings.Repeat("n", 300)), "name is too long"},
	}
	if runtime.GOOS == "linux" {
		names["a full disk"] = [2]string{"/dev/full", "the disk is full"}
		names["a folder that takes no files"] = [2]string{"/proc/self/r", ""}
	}
	if os.Geteuid() > 0 {
		locked := filepath.Join(dir, "locked")
		if err := os.WriteFile(locked, []byte("as it was"), 0o444); err != nil {
			t.Fatal(err)
		}
		names["a read-only file"] = [2]string{locked, "the file is read-only for this user"}
	}
	return names
}

// A report that can't be written costs nothing else: stdout and the other files are
// written, what failed stays failed, and the message has the name that was asked for.
func TestReportUnwritable(t *testing.T) {
	t.Setenv("GITHUB_STEP_SUMMARY", "")
	good := []string{"--jwks", fx("jwks.json"), fx("good/00.bundle.json")}
	inputs := map[string]struct {
		args    []string
		code    exitCode
		verdict string
	}{
		"verified":     {good, exitMalformed, "verified"},
		"failed":       {[]string{"--jwks", fx("jwks.json"), fx("tampered/sig-empty.json")}, exitFailed, "failed"},
		"inconclusive": {[]string{fx("good/00.bundle.json")}, exitMalformed, "inconclusive"},
		"an audit":     {[]string{"audit", "--jwks", fx("jwks.json"), fx("good")}, exitMalformed, "verified"},
		"two inputs":   {append(slices.Clone(good), fx("tampered/sig-empty.json")), exitFailed, "failed"},
	}
	dir := t.TempDir()
	for what, bad := range unwritable(t, dir) {
		for name, input := range inputs {
			t.Run(what+"/"+name, func(t *testing.T) {
				out := t.TempDir()
				json1, json2 := filepath.Join(out, "1.json"), filepath.Join(out, "2.json")
				var stdout, stderr bytes.Buffer
				code := run(slices.Concat(input.args, []string{"-o", "json", "--report", "json=" + json1, "--report", "html=" + bad[0], "--report", "json=" + json2}), strings.NewReader(""), &stdout, &stderr)
				if code != input.code {
					t.Errorf("exit %d, want %d\n%s", code, input.code, stderr.String())
				}
				if said := stderr.String(); !strings.Contains(said, bad[0]) || !strings.Contains(said, bad[1]) || strings.Contains(said, ".qodverify") || strings.Contains(said, "u000a") {
					t.Errorf("stderr: %s", said)
				}
				holdWritten(t, input.verdict, stdout.Bytes(), json1, json2)
				if left, err := os.ReadDir(out); err != nil || len(left) != 2 {
					t.Errorf("left behind: %v %v", left, err)
				}
			})
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// holdWritten holds what was written to the verdict: on stdout, and the same in files.
func holdWritten(t *testing.T, verdict string, stdout []byte, files ...string) {
	t.Helper()
	var doc struct{ Verdict string }
	if err := json.Unmarshal(stdout, &doc); err != nil || doc.Verdict != verdict {
		t.Errorf("stdout has %q: %v", doc.Verdict, err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err != nil || !bytes.Equal(data, stdout) {
			t.Errorf("%s: %v, %d bytes", file, err, len(data))
		}
	}
}

// Where stdout can't be written, the files are, and stderr has the verdict.
func TestStdoutUnwritable(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code exitCode
		says string
	}{
		"verified": {[]string{"--jwks", fx("jwks.json"), fx("good/00.bundle.json")}, exitMalformed, "VERIFIED"},
		"failed":   {[]string{"--jwks", fx("jwks.json"), fx("tampered/sig-empty.json")}, exitFailed, "FAILED"},
		"an audit": {[]string{"audit", "--jwks", fx("jwks.json"), fx("good")}, exitMalformed, "VERIFIED"},
		"nothing":  {[]string{"--jwks", "none.json", fx("good/00.bundle.json")}, exitMalformed, "none.json"},
	} {
		for _, output := range []string{"text", "json", "github"} {
			t.Run(name+"/"+output, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "report.json")
				var stderr bytes.Buffer
				code := run(append(c.args, "-o", output, "--report", "json="+file), strings.NewReader(""), full{}, &stderr)
				if code != c.code || !strings.Contains(stderr.String(), c.says) || output != "text" && !strings.Contains(stderr.String(), "stdout can't be written: disk full") {
					t.Errorf("exit %d\n%s", code, stderr.String())
				}
				data, err := os.ReadFile(file)
				if err != nil || !bytes.Contains(data, []byte(`"verdict"`)) {
					t.Errorf("the file: %v\n%s", err, data)
				}
			})
		}
	}
}

// The step summary is a report like the others.
func TestSummaryUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(t.TempDir(), "no", "summary"))
	var stdout, stderr bytes.Buffer
	code := run([]string{"-o", "github", "--report", "json=" + file, "--jwks", fx("jwks.json"), fx("tampered/sig-empty.json")}, strings.NewReader(""), &stdout, &stderr)
	commands, err := readCommands(stdout.String())
	if err != nil || code != exitFailed || !strings.Contains(stderr.String(), "$GITHUB_STEP_SUMMARY: ") {
		t.Errorf("exit %d, %v\n%s", code, err, stderr.String())
	}
	if !slices.ContainsFunc(commands, func(c workflowCommand) bool { return strings.Contains(c.message, "$GITHUB_STEP_SUMMARY: ") }) ||
		!slices.ContainsFunc(commands, func(c workflowCommand) bool { return strings.Contains(c.properties["title"], "signature_missing") }) {
		t.Errorf("annotations: %s", stdout.String())
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// What an audit keeps beside its report costs its verdict nothing either.
func TestAuditUnwritable(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, bundles ...string) string {
		var b bytes.Buffer
		for _, v := range bundles {
			data, err := os.ReadFile(fx(v))
			if err == nil {
				err = json.Compact(&b, data)
			}
			if err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	sound, broken := write("sound.jsonl", "good/00.bundle.json", "good/01.bundle.json"), write("broken.jsonl", "good/00.bundle.json", "tampered/sig-empty.json")
	for what, bad := range unwritable(t, dir) {
		for _, flag := range []string{"--state", "--findings"} {
			if info, err := os.Stat(bad[0]); flag == "--state" && err == nil && !info.IsDir() {
				continue // what is there and is no state is no reason to start anew
			}
			for ledger, want := range map[string]exitCode{sound: exitMalformed, broken: exitFailed} {
				if bad[0] == "/dev/full" && ledger == sound {
					continue // there is no finding to write
				}
				t.Run(what+"/"+flag+"/"+filepath.Base(ledger), func(t *testing.T) {
					var stdout, stderr bytes.Buffer
					code := run([]string{"audit", "-o", "json", "--jwks", fx("jwks.json"), flag, bad[0], ledger}, strings.NewReader(""), &stdout, &stderr)
					if said := stderr.String(); code != want || !strings.Contains(said, flag+": "+bad[0]) || !strings.Contains(said, bad[1]) || strings.Contains(said, ".qodverify") {
						t.Errorf("exit %d, want %d\n%s", code, want, said)
					}
					holdWritten(t, map[exitCode]string{exitMalformed: "verified", exitFailed: "failed"}[want], stdout.Bytes())
				})
			}
		}
	}
}

// A pipe whose reader is gone is one of them, and so is a file that stdout goes to.
func TestReportPipe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("bash's pipes are not here")
	}
	needBash(t)
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "qodverify"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for script, says := range map[string]string{
		`exec 9> >(exit 0); sleep 0.3; qodverify --report html=/dev/fd/9 --report json=r.json --jwks "$KEYS" "$BUNDLE"`:       "its reader has closed the pipe",
		`qodverify --report json=out.txt --report json=r.json --jwks "$KEYS" "$BUNDLE" > out.txt; r=$?; cat out.txt; exit $r`: "is where stdout goes",
	} {
		dir := t.TempDir()
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KEYS="+fx("jwks.json"), "BUNDLE="+fx("tampered/sig-empty.json"), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != int(exitFailed) || !bytes.Contains(out, []byte(says)) || !bytes.Contains(out, []byte(": FAILED")) {
			t.Errorf("%s: exit %d\n%s", script, code, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "r.json")); err != nil {
			t.Error(err)
		}
	}
}
