package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaryDir is the folder of the program that binary built, for TestMain to
// remove.
var binaryDir string

// binary builds the real program once.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if binaryDir, err = os.MkdirTemp("", "qodverify-test"); err != nil {
		return "", err
	}
	name := filepath.Join(binaryDir, "qodverify")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return name, nil
})

func build(t testing.TB) string {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// process is a running qodverify serve.
type process struct {
	cmd    *exec.Cmd
	url    string
	stderr *lockedBuffer
	ended  chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.WriteString(line + "\n")
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var listening = regexp.MustCompile(`listening on (http://[0-9.]+:\d+)`)

// serve starts the program in a folder and waits until it listens.
func serve(t testing.TB, dir string, env []string, args ...string) (*process, error) {
	t.Helper()
	p := &process{stderr: &lockedBuffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(build(t), append([]string{"serve", "--quiet", "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			p.stderr.add(lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
		p.ended <- p.cmd.Wait()
	}()
	select {
	case p.url = <-found:
		t.Cleanup(func() { p.cmd.Process.Kill() })
		return p, nil
	case err := <-p.ended:
		return p, err
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		return p, errors.New("it does not listen")
	}
}

func mustServe(t testing.TB, dir string, env []string, args ...string) *process {
	t.Helper()
	p, err := serve(t, dir, env, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	return p
}

// stop ends the process with a signal and returns its exit status.
func (p *process) stop(t testing.TB, signal os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end\n%s", p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// call sends a JSON request with the token and returns the answer.
func (p *process) call(method, path, token, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	return reply.StatusCode, data, err
}

// session makes a finalized session and returns its id and this_hash.
func (p *process) session(token string) (id, hash string, err error) {
	post := func(path, body string, into any) error {
		status, data, err := p.call("POST", path, token, body)
		if err != nil {
			return err
		}
		if status != 200 {
			return fmt.Errorf("POST %s: %d %s", path, status, data)
		}
		return json.Unmarshal(data, into)
	}
	var session struct {
		ID string `json:"session_id"`
	}
	var stored struct{ Status string }
	var record struct {
		Hash string `json:"this_hash"`
	}
	err = post("/intent", `{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`, &session)
	if err == nil {
		err = post("/telemetry", `{"session_id": "`+session.ID+`", "n": 5, "p50_ms": 10, "p95_ms": 20.5, "jitter_ms": 1}`, &stored)
	}
	if err == nil {
		err = post("/proof/"+session.ID+"/finalize", "", &record)
	}
	return session.ID, record.Hash, err
}

// command runs the program to its end.
func command(t testing.TB, dir string, env []string, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.Command(build(t), args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestServe goes through a service's life: first start, proofs, verification
// over HTTP, a restart, an exchange of the key, and the starts that are refused.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	token := []string{"QOD_API_TOKEN=secret"}
	p := mustServe(t, dir, token)
	keyFile := filepath.Join(dir, "qod-data", "signing-key.json")
	if log := p.stderr.String(); !strings.Contains(log, "there was no signing key; a new one is in "+filepath.Join("qod-data", "signing-key.json")) || strings.Contains(log, "secret\n") {
		t.Errorf("the first start says:\n%s", log)
	}
	if info, err := os.Stat(keyFile); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	first, _, err := p.session("secret")
	if err != nil {
		t.Fatal(err)
	}
	if status, _, err := p.call("GET", "/proof/"+first, "wrong", ""); err != nil || status != 401 {
		t.Errorf("a wrong token: %d, %v", status, err)
	}
	if status, _, err := p.call("GET", "/_debug/env", "secret", ""); err != nil || status != 404 {
		t.Errorf("/_debug without its flag: %d, %v", status, err)
	}
	for _, args := range [][]string{{p.url, "--session", first}, {p.url + "/proof/" + first + "/bundle"}} {
		if code, out := command(t, dir, []string{"QODVERIFY_TOKEN=secret"}, args...); code != 0 || !strings.Contains(out, "VERIFIED") {
			t.Errorf("qodverify %q: exit %d\n%s", args, code, out)
		}
	}
	if code, out := command(t, dir, []string{"QODVERIFY_TOKEN=secret"}, "probe", p.url, "--session", first, "-n", "3"); code != 3 || !strings.Contains(out, "finalized") {
		t.Errorf("probe of a finalized session: exit %d\n%s", code, out)
	}
	_, data, err := p.call("GET", "/proof/"+first+"/bundle", "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "first.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit %d\n%s", code, p.stderr)
	}

	// Another key: the old one stays published, and its proofs verify.
	if code, out := command(t, dir, nil, "keys", "generate", "--out", "new.json", "--kid", "2027"); code != 0 {
		t.Fatalf("keys generate: exit %d\n%s", code, out)
	}
	p = mustServe(t, dir, token, "--key", "new.json")
	second, _, err := p.session("secret")
	if err != nil {
		t.Fatal(err)
	}
	_, keys, err := p.call("GET", "/.well-known/jwks.json", "", "")
	if err != nil || strings.Count(string(keys), `"kid"`) != 2 {
		t.Errorf("keys after the exchange: %s, %v", keys, err)
	}
	for _, id := range []string{first, second} {
		if code, out := command(t, dir, []string{"QODVERIFY_TOKEN=secret"}, p.url, "--session", id); code != 0 {
			t.Errorf("session %s after the exchange: exit %d\n%s", id, code, out)
		}
	}
	if _, answer, err := p.call("GET", "/proof/"+second+"/verify", "secret", ""); err != nil || !strings.Contains(string(answer), `"reason":"ok"`) {
		t.Errorf("the chain over the exchange: %s, %v", answer, err)
	}
	if code := p.stop(t, os.Interrupt); code != 0 {
		t.Errorf("SIGINT: exit %d\n%s", code, p.stderr)
	}

	// The past must stay checkable.
	if err := os.Rename(filepath.Join(dir, "qod-data", "jwks.json"), filepath.Join(dir, "kept.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, token, "no public key of that name would be published", "--key", "new.json")
	p = mustServe(t, dir, token, "--key", "new.json", "--jwks", "kept.json")
	p.stop(t, os.Interrupt)

	kept, err := os.ReadFile(filepath.Join(dir, "kept.json"))
	if err != nil {
		t.Fatal(err)
	}
	expired := strings.Replace(string(kept), `"kid": "2027",`, `"kid": "2027", "exp": 1700000000,`, 1)
	if err := os.WriteFile(filepath.Join(dir, "expired.json"), []byte(expired), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, token, "may not sign now", "--key", "new.json", "--jwks", "expired.json", "--data", "other")

	seed, other := strings.Repeat("A", 42)+"E", strings.Repeat("A", 42)+"I"
	refused(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=" + seed, "QOD_SIGNING_PUBLIC_KEY_B64URL=" + other}, "does not belong to")
	refused(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=short"}, "is not 32 bytes")
	refused(t, dir, token, "anyone on the network", "--no-auth", "--listen", "0.0.0.0:0")
	refused(t, dir, []string{"QOD_AUTH_REQUIRED=off"}, "anyone on the network", "--listen", "[::]:0")
	refused(t, dir, token, "is not HOST:PORT", "--listen", "8000")
	refused(t, dir, []string{"MAX_BODY_BYTES=lots"}, "MAX_BODY_BYTES")
}

// refused starts the program with what it must refuse, by exit status 2 and a
// reason.
func refused(t *testing.T, dir string, env []string, why string, args ...string) {
	t.Helper()
	code, out := command(t, dir, env, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	if code != int(exitUsage) || !strings.Contains(out, why) {
		t.Errorf("serve %q %q: exit %d, want %d and %q\n%s", env, args, code, exitUsage, why, out)
	}
}

// In a checkout of the original its places and its .env are used.
func TestServeInPlace(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "backend"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := "QOD_API_TOKEN='from the file'\nexport QOD_ACTIVE_SIGNING_KID=k7\nQOD_SIGNING_PRIVATE_KEY_B64URL=" + strings.Repeat("A", 42) + "E=\n" +
		"QOD_PUBLIC_KEYS=bad;k8=" + "fSgxFsXH09jvFFJAeHcQZfcKyQ-gED8qMscG-pm6rIk,worse=AAAA\n"
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	p := mustServe(t, dir, nil, "--debug-endpoints")
	id, _, err := p.session("from the file")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"backend/qod_mock.sqlite3", "artifacts/" + id + "/artifact.json"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	_, keys, err := p.call("GET", "/public-keys", "", "")
	if err != nil || !strings.Contains(string(keys), `"kid":"k7"`) || !strings.Contains(string(keys), `"kid":"k8"`) || strings.Contains(string(keys), "worse") {
		t.Errorf("keys %s, %v", keys, err)
	}
	if log := p.stderr.String(); !strings.Contains(log, "entry 1 is left out") || !strings.Contains(log, "entry 3 is left out") {
		t.Errorf("bad entries of QOD_PUBLIC_KEYS were dropped without a word:\n%s", log)
	}
	if status, _, err := p.call("GET", "/_debug/env", "", ""); err != nil || status != 200 {
		t.Errorf("/_debug/env: %d, %v", status, err)
	}
	p.stop(t, os.Interrupt)
	// Another key under the name of the one that signed would accuse all that it made.
	refused(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=", "QOD_PUBLIC_KEYS=k7=6WUsa-ez3vOG1ta1VuYQddfPpKN9AbGkn2VsBv22VZo"}, `published as "k7" is not the one that signed`)
	// The environment says that there is no key: nothing is signed.
	k7 := regexp.MustCompile(`"kid":"k7","alg":"ed25519","public_key_b64url":"([^"]+)"`).FindSubmatch(keys)
	p = mustServe(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=", "QOD_PUBLIC_KEYS=k7=" + string(k7[1])})
	if _, _, err := p.session("from the file"); err == nil || !strings.Contains(err.Error(), "500") || !strings.Contains(err.Error(), "Ed25519 signing key missing") {
		t.Errorf("without a key: %v", err)
	}
}

// The file of variables is found where python-dotenv finds it, and read as it
// reads it.
func TestServeEnvironmentFile(t *testing.T) {
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const key = "QOD_SIGNING_PRIVATE_KEY_B64URL=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"
	for _, c := range []struct{ name, backend, here, above, token string }{
		{"in backend", "QOD_API_TOKEN=abc$1def\n", "QOD_API_TOKEN=other\n", "", "abc$1def"},
		{"here", "", "\ufeffQOD_API_TOKEN=\"a\\$b\"\r\nsome prose\r\n", "QOD_API_TOKEN=other\n", `a\$b`},
		{"above", "", "", "X=1\nQOD_API_TOKEN='k$A${X}'\n", "k$A1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "checkout")
			write(filepath.Join(dir, "backend"), "main.py", "")
			for place, text := range map[string]string{filepath.Join(dir, "backend"): c.backend, dir: c.here, above: c.above} {
				if text != "" {
					write(place, ".env", text+key)
				}
			}
			p := mustServe(t, dir, nil)
			if _, _, err := p.session(c.token); err != nil {
				t.Errorf("%v\n%s", err, p.stderr)
			}
			log := p.stderr.String()
			if !strings.Contains(log, "settings from ") || strings.Contains(c.here, "prose") && !strings.Contains(log, "line 2 is no NAME=VALUE") {
				t.Errorf("it says:\n%s", log)
			}
			if _, keys, err := p.call("GET", "/public-keys", "", ""); err != nil || !strings.Contains(string(keys), `"kid":"default"`) {
				t.Errorf("keys %s, %v", keys, err)
			}
			p.stop(t, os.Interrupt)
		})
	}
}

// TestCrash kills the service under load, again and again: after each restart
// every proof that was answered is there, the chain is whole, no artifact is
// missing or halved, and leftovers do no harm. $QODVERIFY_CRASHES sets how
// often.
func TestCrash(t *testing.T) {
	crashes := 6
	if text := os.Getenv("QODVERIFY_CRASHES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		crashes = n
	}
	dir := t.TempDir()
	answered := map[string]string{}
	for crash := range crashes {
		p := mustServe(t, dir, nil, "--no-auth")
		if crash > 0 {
			checkAnswered(t, p, answered)
		}
		var mu sync.Mutex
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for {
					id, hash, err := p.session("")
					if err != nil {
						return // killed
					}
					mu.Lock()
					answered[id] = hash
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		wait.Wait()
		http.DefaultClient.CloseIdleConnections()
	}
	p := mustServe(t, dir, nil, "--no-auth")
	checkAnswered(t, p, answered)
	t.Logf("%d crashes, %d answered proofs", crashes, len(answered))
	if len(answered) < crashes {
		t.Errorf("only %d proofs were answered: the test kills too early", len(answered))
	}
}

// checkAnswered holds a restarted service to what it answered before, and its
// whole ledger to the chain and to the artifacts.
func checkAnswered(t *testing.T, p *process, answered map[string]string) {
	t.Helper()
	var list []struct {
		ID        string `json:"session_id"`
		Finalized bool
	}
	missing := maps.Clone(answered)
	for offset := 0; ; offset += 1000 {
		_, data, err := p.call("GET", fmt.Sprintf("/sessions?limit=1000&offset=%d", offset), "", "")
		if err != nil {
			t.Fatal(err)
		}
		list = nil
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, s := range list {
			if !s.Finalized {
				if answered[s.ID] != "" {
					t.Fatalf("session %s was answered as finalized and is not", s.ID)
				}
				continue
			}
			_, answer, err := p.call("GET", "/proof/"+s.ID+"/verify", "", "")
			if err != nil || !strings.Contains(string(answer), `"reason":"ok"`) {
				t.Fatalf("session %s: %s, %v", s.ID, answer, err)
			}
			if hash := answered[s.ID]; hash != "" && !strings.Contains(string(answer), `"proof_this_hash_stored":"`+hash+`"`) {
				t.Fatalf("session %s was answered with this_hash %s: %s", s.ID, hash, answer)
			}
			delete(missing, s.ID)
		}
	}
	if len(missing) > 0 {
		t.Fatalf("%d answered proofs are gone", len(missing))
	}
}

// TestLoad is 32 clients for a while ($QODVERIFY_LOAD_SECONDS, 2 by default): no
// error, one chain, and memory that does not grow.
func TestLoad(t *testing.T) {
	seconds := 2
	if text := os.Getenv("QODVERIFY_LOAD_SECONDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		seconds = n
	}
	dir := t.TempDir()
	p := mustServe(t, dir, nil, "--no-auth")
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 32
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	var mu sync.Mutex
	done := 0
	early := 0 // resident after a quarter of the time
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() {
			for time.Now().Before(end) {
				if _, _, err := p.session(""); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done++
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Until(end) * 1 / 4)
	early = resident(p.cmd.Process.Pid)
	wait.Wait()
	late := resident(p.cmd.Process.Pid)
	t.Logf("%d sessions in %d s; resident %d KiB, then %d KiB", done, seconds, early, late)
	if early > 0 && late > 2*early+32<<10 {
		t.Errorf("memory grew from %d to %d KiB", early, late)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "qod-data", "qod_mock.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var records, predecessors, last, broken int
	err = db.QueryRow(`SELECT count(*), count(DISTINCT prev_hash), max(position),
		(SELECT count(*) FROM proof_ledger a JOIN proof_ledger b ON b.position = a.position + 1 WHERE b.prev_hash <> a.this_hash)
		FROM proof_ledger`).Scan(&records, &predecessors, &last, &broken)
	if err != nil || done == 0 || records != done || predecessors != done || last != done || broken != 0 {
		t.Errorf("%d sessions: %d records, %d predecessors, last position %d, %d broken links, %v", done, records, predecessors, last, broken, err)
	}
}

// resident returns a process's memory in KiB, 0 where that can't be read.
func resident(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+)`).FindSubmatch(data)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}
