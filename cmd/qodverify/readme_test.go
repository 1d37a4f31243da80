package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
)

var update = flag.Bool("update", false, "write the README's table of codes and its help anew")

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The README's table of codes is the one that reports use, and its usage text is
// what --help prints.
func TestReadmeGenerated(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"--help"}, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("--help: exit %d", code)
	}
	text := readme(t)
	want := text
	for _, part := range []struct{ start, end, content string }{
		{"<!-- codes -->\n", "<!-- /codes -->", render.CodesMarkdown()},
		{"<!-- The block below is the output of qodverify --help; a test holds it to that. -->\n```text\n", "```", stdout.String()},
	} {
		before, rest, ok := strings.Cut(want, part.start)
		_, after, closed := strings.Cut(rest, "\n"+part.end)
		if strings.HasPrefix(rest, part.end) {
			after, closed = rest[len(part.end):], true
		}
		if !ok || !closed {
			t.Fatalf("the README has no %q", part.start)
		}
		want = before + part.start + strings.TrimRight(part.content, "\n") + "\n" + part.end + after
	}
	if *update {
		if err := os.WriteFile(filepath.Join(testdata.Root(), "README.md"), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Error("the README is not up to date: go test ./cmd/qodverify -run TestReadmeGenerated -update")
	}
}

// action is action.yml as GitHub reads it.
type action struct {
	Inputs map[string]struct {
		Description string
		Required    bool
		Default     string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Name, Uses, Shell, Run string
			Env                        map[string]string
		}
	}
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata.Root(), "action.yml"))
	if err == nil {
		err = yaml.Unmarshal(data, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// outcome is what a run of the action left.
type outcome struct {
	code         int
	log, summary string
	outputs      string
}

// runAction runs the action's steps in a shell as the runner does: bash with -e
// and pipefail, inputs in the environment, in the checkout.
func runAction(t *testing.T, checkout string, with map[string]string) (o outcome) {
	t.Helper()
	a := readAction(t)
	temp := t.TempDir()
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			t.Errorf("the action has no input %q", name)
		}
	}
	expression := regexp.MustCompile(`\$\{\{ *([a-z._-]+) *\}\}`)
	for _, step := range a.Runs.Steps {
		if step.Uses != "" {
			continue // Go is there
		}
		if strings.Contains(step.Run, "${{") || step.Shell != "bash" {
			t.Fatalf("%s: an expression in a script, where its value could run", step.Name)
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Dir = checkout
		cmd.Env = append(os.Environ(), "RUNNER_TEMP="+runnerTemp(t), "GITHUB_WORKSPACE="+checkout, "GITHUB_OUTPUT="+filepath.Join(temp, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(temp, "summary"))
		for name, value := range step.Env {
			value = expression.ReplaceAllStringFunc(value, func(s string) string {
				e := expression.FindStringSubmatch(s)[1]
				if e == "github.action_path" {
					return testdata.Root()
				}
				input, ok := strings.CutPrefix(e, "inputs.")
				if _, known := a.Inputs[input]; !ok || !known {
					t.Fatalf("expression %s", s)
				}
				if v, given := with[input]; given {
					return v
				}
				return a.Inputs[input].Default
			})
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		o.log += string(out)
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			o.code = exit.ExitCode()
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for name, into := range map[string]*string{"output": &o.outputs, "summary": &o.summary} {
		if data, err := os.ReadFile(filepath.Join(temp, name)); err == nil {
			*into = string(data)
		}
	}
	return o
}

// runnerTemp is the runner's folder, in which the program that was built stays.
func runnerTemp(t *testing.T) string {
	t.Helper()
	if runnerDir == "" {
		var err error
		if runnerDir, err = os.MkdirTemp("", "qodverify-runner-*"); err != nil {
			t.Fatal(err)
		}
	}
	return runnerDir
}

var runnerDir string

func needBash(t *testing.T) {
	t.Helper()
	for _, program := range []string{"bash", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s on this machine", program)
		}
	}
}

// The README's five commands, up to the push: the action then fails, with an
// annotation at the member that was changed.
func TestPullRequest(t *testing.T) {
	needBash(t)
	_, text, ok := strings.Cut(readme(t), "<!-- A test runs these commands up to the push, and then what the workflow would. -->\n```sh\n")
	text, _, closed := strings.Cut(text, "```")
	commands := strings.Split(strings.TrimSpace(text), "\n")
	if !ok || !closed || len(commands) != 5 {
		t.Fatalf("the README has not five commands: %q", commands)
	}
	checkout := t.TempDir()
	script := "git init -q . && git config user.name n && git config user.email e@example.invalid\n" + strings.Join(commands[:4], "\n") + "\n" + strings.SplitN(commands[4], "&& git push", 2)[0]
	cmd := exec.Command("bash", "-e", "-c", script)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), "QOD="+fx(""))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(checkout, ".github", "workflows", "qod.yml"))
	if err != nil {
		t.Fatal(err)
	}
	o := runAction(t, checkout, workflowInputs(t, string(data)))
	if o.code != 1 || o.outputs != "verdict=failed\nexit-code=1\n" {
		t.Errorf("exit %d, outputs %q\n%s", o.code, o.outputs, o.log)
	}
	bundle, err := os.ReadFile(filepath.Join(checkout, "proofs", "01.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	commandsRead, err := readCommands(o.log)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(commandsRead, func(c workflowCommand) bool { return strings.Contains(c.properties["title"], "latency_mismatch") })
	if i < 0 {
		t.Fatalf("no annotation at the changed member:\n%s", o.log)
	}
	c := commandsRead[i]
	column := len([]rune(string(bundle[:bytes.Index(bundle, []byte(`"latency_ms":9.0`))]))) + len(`"latency_ms":`) + 1
	if c.kind != "error" || c.properties["file"] != "proofs/01.bundle.json" || c.properties["line"] != "1" || c.properties["col"] != strconv.Itoa(column) {
		t.Errorf("%s %v, want column %d", c.kind, c.properties, column)
	}
	if !strings.Contains(o.summary, "## qodverify: FAILED") {
		t.Errorf("the summary:\n%s", o.summary)
	}
}

// workflowInputs returns what a workflow gives to our action.
func workflowInputs(t *testing.T, text string) map[string]string {
	t.Helper()
	var doc struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for _, job := range doc.Jobs {
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "qodverify/qodverify@") {
				return step.With
			}
		}
	}
	t.Fatalf("the workflow does not use the action:\n%s", text)
	return nil
}

// yamlBlock returns the README's block that has a text in it.
func yamlBlock(t *testing.T, has string) string {
	t.Helper()
	for _, block := range strings.Split(readme(t), "```yaml\n")[1:] {
		if block, _, _ = strings.Cut(block, "```"); strings.Contains(block, has) {
			return block
		}
	}
	t.Fatalf("the README has no block with %q", has)
	return ""
}

// repository is a checkout with the folder proofs.
func repository(t *testing.T, bundles ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "proofs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(bundles, "jwks.json") {
		data, err := os.ReadFile(fx(name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "proofs", filepath.Base(name)), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAction(t *testing.T) {
	needBash(t)
	a := readAction(t)
	if a.Runs.Using != "composite" || len(a.Outputs) != 2 {
		t.Errorf("%+v", a)
	}
	with := workflowInputs(t, yamlBlock(t, "upload-sarif"))
	good := repository(t, "good/00.bundle.json", "good/01.bundle.json")
	o := runAction(t, good, with)
	if o.code != 0 || o.outputs != "verdict=verified\nexit-code=0\n" || !strings.Contains(o.summary, "VERIFIED") {
		t.Errorf("genuine proofs: exit %d, %q\n%s", o.code, o.outputs, o.log)
	}
	for _, file := range []string{"qod.sarif", "qod.html"} {
		if _, err := os.Stat(filepath.Join(good, file)); err != nil {
			t.Error(err)
		}
	}
	bad := repository(t, "good/00.bundle.json", "tampered/artifact-value.json")
	for fail, code := range map[string]int{"not-verified": 1, "never": 0} {
		o := runAction(t, bad, map[string]string{"proofs": "proofs/00.bundle.json\nproofs/artifact-value.json", "fail": fail, "junit": "j.xml"})
		if o.code != code || o.outputs != "verdict=failed\nexit-code=1\n" {
			t.Errorf("fail: %s: exit %d, %q\n%s", fail, o.code, o.outputs, o.log)
		}
	}
	// Inputs are values: none of them is a flag, a command or a second output.
	for _, proofs := range []string{"--help", "$(touch ran)", "`touch ran`", "a\"; touch ran; \"", "x\nverdict=verified"} {
		o := runAction(t, good, map[string]string{"proofs": proofs, "fail": "never"})
		if _, err := os.Stat(filepath.Join(good, "ran")); err == nil || strings.Contains(o.outputs, "verdict=verified") {
			t.Errorf("%q: %q\n%s", proofs, o.outputs, o.log)
		}
	}
}

// The README's job for GitLab, run as its runner does.
func TestGitLab(t *testing.T) {
	needBash(t)
	var doc map[string]struct {
		Script    []string
		Artifacts struct {
			Paths   []string
			Reports map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(yamlBlock(t, "codequality:")), &doc); err != nil {
		t.Fatal(err)
	}
	job := doc["qod-proofs"]
	if len(job.Script) == 0 || len(job.Artifacts.Reports) != 2 {
		t.Fatalf("%+v", job)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "qodverify"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	keyless, empty := repository(t, "good/00.bundle.json"), repository(t)
	if err := os.Remove(filepath.Join(keyless, "proofs", "jwks.json")); err != nil {
		t.Fatal(err)
	}
	for dir, names := range map[string]string{
		repository(t, "good/00.bundle.json"):                            "",
		repository(t, "good/00.bundle.json", "tampered/sig-empty.json"): "proofs/sig-empty.json",
		keyless:     "proofs/jwks.json", // nothing was verified, and that is no empty report
		empty:       "proofs",
		t.TempDir(): "proofs",
	} {
		want := names == ""
		cmd := exec.Command("bash", "-e", "-c", strings.Join(job.Script, "\n"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CI_PROJECT_DIR="+dir, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if (err == nil) != want {
			t.Errorf("the job: %v\n%s", err, out)
		}
		for kind, read := range map[string]func(string) (bool, error){"codequality": readGitLab, "junit": readJUnit} {
			data, err := os.ReadFile(filepath.Join(dir, job.Artifacts.Reports[kind]))
			if err != nil {
				t.Fatal(err)
			}
			if good, err := read(string(data)); err != nil || good != want {
				t.Errorf("%s says %t: %v\n%s", kind, good, err, data)
			}
			if !strings.Contains(string(data), names) {
				t.Errorf("%s does not name the file:\n%s", kind, data)
			}
		}
		for _, path := range job.Artifacts.Paths {
			if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
				t.Error(err)
			}
		}
	}
}
