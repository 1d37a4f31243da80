package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// service is a running service with its files.
type service struct {
	*httptest.Server
	t                   testing.TB
	store               *store.SQLite
	database, artifacts string
}

// start runs a service in a folder; change adjusts its configuration.
func start(t testing.TB, dir string, change func(*Config)) *service {
	t.Helper()
	v := &service{t: t, database: filepath.Join(dir, "qod_mock.sqlite3"), artifacts: filepath.Join(dir, "artifacts")}
	var err error
	if v.store, err = store.OpenSQLite(context.Background(), store.Options{Database: v.database, Artifacts: v.artifacts}); err != nil {
		t.Fatal(err)
	}
	c := Config{Store: v.store, Keys: &Keyring{}, AllowAnonymous: true}
	if err := c.Keys.Sign(testSigner(t, "default", 1)); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	v.Server = httptest.NewServer(New(c))
	t.Cleanup(v.stop)
	return v
}

func (v *service) stop() {
	v.Close()
	v.store.Close()
}

// call sends a request and returns the answer.
func (v *service) call(method, path, body string, header ...string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequest(method, v.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply.StatusCode, string(data)
}

// must is call for what has to answer 200.
func (v *service) must(method, path, body string) string {
	v.t.Helper()
	status, answer := v.call(method, path, body)
	if status != http.StatusOK {
		v.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// measured makes a session with telemetry.
func (v *service) measured(p95s ...string) string {
	v.t.Helper()
	id := createdSession(v.must("POST", "/intent", `{"text": "vidéo → 🚀", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`))
	if len(p95s) == 0 {
		p95s = []string{"90.25", "100"}
	}
	for _, p95 := range p95s {
		v.must("POST", "/telemetry", `{"session_id": "`+id+`", "n": 10, "p50_ms": 1e-6, "p95_ms": `+p95+`, "jitter_ms": 3}`)
	}
	return id
}

func (v *service) finalized() string {
	v.t.Helper()
	id := v.measured()
	v.must("POST", "/proof/"+id+"/finalize", "")
	return id
}

// reason is the word of /verify, and that of the offline verifier about the bundle.
func (v *service) reasons(id string) (online, offline string) {
	v.t.Helper()
	var answer struct{ Reason string }
	if err := json.Unmarshal([]byte(v.must("GET", "/proof/"+id+"/verify", "")), &answer); err != nil {
		v.t.Fatal(err)
	}
	status, text := v.call("GET", "/proof/"+id+"/bundle", "")
	if status != http.StatusOK {
		return answer.Reason, fmt.Sprint(status)
	}
	b, err := bundle.Parse([]byte(text))
	if err != nil {
		return answer.Reason, "malformed"
	}
	keys, err := jwks.Parse([]byte(v.must("GET", "/.well-known/jwks.json", "")))
	if err != nil {
		v.t.Fatal(err)
	}
	verifier, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		v.t.Fatal(err)
	}
	report := verifier.Bundle(b)
	if report.Verdict() == verify.Verified {
		return answer.Reason, "ok"
	}
	return answer.Reason, string(report.Reason())
}

func TestFlow(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	if online, offline := v.reasons(id); online != "ok" || offline != "ok" {
		t.Errorf("a fresh proof: /verify %s, offline %s", online, offline)
	}
	first := v.must("GET", "/proof/"+id, "")
	again := v.must("POST", "/proof/"+id+"/finalize", "")
	if v.must("GET", "/proof/"+id, "") != first {
		t.Error("a second finalize changed the record")
	}
	if !strings.Contains(again, `"proof":{"session_id":"`+id+`","requested"`) {
		t.Errorf("a second finalize answers in another shape: %s", again)
	}
	if status, answer := v.call("POST", "/telemetry", `{"session_id": "`+id+`", "n": 1, "p50_ms": 1, "p95_ms": 1, "jitter_ms": 1}`); status != 409 || !strings.Contains(answer, "finalized") {
		t.Errorf("telemetry after finalize: %d %s", status, answer)
	}
	for _, name := range []string{id + "/artifact.json", id + "/artifact_v1.json", "proof_" + id + "_*.json", "run_summaries/run_*_" + id + ".json"} {
		matches, err := filepath.Glob(filepath.Join(v.artifacts, name))
		if err != nil || len(matches) != 1 {
			t.Errorf("%s: %q, %v", name, matches, err)
			continue
		}
		data, err := os.ReadFile(matches[0])
		if err != nil || !json.Valid(data) || bytes.Contains(data, []byte(v.artifacts)) {
			t.Errorf("%s: %v, or not JSON, or it tells a local path:\n%s", name, err, data)
		}
	}
	left, _ := filepath.Glob(filepath.Join(v.artifacts, id, ".*"))
	if len(left) != 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	var list []struct {
		ID        string `json:"session_id"`
		Finalized bool
		Samples   int `json:"samples_count"`
	}
	if err := json.Unmarshal([]byte(v.must("GET", "/sessions", "")), &list); err != nil || len(list) != 1 || list[0].ID != id || !list[0].Finalized || list[0].Samples != 2 {
		t.Errorf("/sessions: %+v, %v", list, err)
	}
	if answer := v.must("GET", "/sessions/"+strings.ToUpper(id), ""); !strings.Contains(answer, `"intent":{"text":"vidéo → 🚀"`) {
		t.Errorf("/sessions/{id}: %s", answer)
	}
	for path, want := range map[string]int{"/sessions?limit=0": 422, "/sessions?limit=x": 422, "/sessions?limit=1001": 422, "/sessions?offset=-1": 422, "/sessions?limit=5&offset=1": 200, "/sessions/x": 422, "/sessions/00000000-0000-0000-0000-000000000000": 404} {
		if status, answer := v.call("GET", path, ""); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, answer, want)
		}
	}
}

// Telemetry that another program adds to a finalized session is not proven, and
// finalizing says so.
func TestTelemetryBeside(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	python(t, fmt.Sprintf(`
import sqlite3, time
db = sqlite3.connect(%q)
db.execute("INSERT INTO telemetry (session_id, created_at, sample_json) VALUES (?, ?, '{}')", (%q, time.time() + 1))
db.commit()`, v.database, id))
	if status, answer := v.call("POST", "/proof/"+id+"/finalize", ""); status != 409 || !strings.Contains(answer, "telemetry was added after") {
		t.Errorf("%d %s", status, answer)
	}
	if online, offline := v.reasons(id); online != "ok" || offline != "ok" {
		t.Errorf("the proof itself: /verify %s, offline %s", online, offline)
	}
}

// python runs a script, or skips the test where there is no python3 with
// sqlite3.
func python(t testing.TB, script string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	out, err := exec.Command(path, append([]string{"-c", script}, args...)...).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "ModuleNotFoundError") {
			t.Skipf("skipped: this python3 lacks a module: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestTampering edits the database and the artifacts from Python while the
// service runs, as the original's tamper demo does. Both the service's own check
// and the offline verifier see it, in the original's words.
func TestTampering(t *testing.T) {
	cases := map[string]struct{ script, online, offline string }{
		"proof edited":          {`sql("UPDATE proof_ledger SET proof_json = replace(proof_json, '\"target_p95_latency_ms\": 100', '\"target_p95_latency_ms\": 200') WHERE session_id = ?", sid)`, "ledger_hash_mismatch", "ledger_hash_mismatch"},
		"this_hash edited":      {`sql("UPDATE proof_ledger SET this_hash = ? WHERE session_id = ?", "0" * 64, sid)`, "signature_mismatch", "signature_mismatch"},
		"signature edited":      {`sql("UPDATE proof_ledger SET signature = CASE substr(signature, 1, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(signature, 2) WHERE session_id = ?", sid)`, "signature_mismatch", "signature_mismatch"},
		"signature removed":     {`sql("UPDATE proof_ledger SET signature = '' WHERE session_id = ?", sid)`, "signature_mismatch", "signature_mismatch"},
		"kid unknown":           {`sql("UPDATE proof_ledger SET kid = 'other' WHERE session_id = ?", sid)`, "public_key_missing", "public_key_missing"},
		"predecessor edited":    {`sql("UPDATE proof_ledger SET this_hash = ? WHERE session_id = ?", "0" * 64, before)`, "ok", "ok"},
		"predecessor resigned":  {`sql("UPDATE proof_ledger SET this_hash = ?, signature = '' WHERE session_id = ?", "0" * 64, before)`, "ok", "ok"},
		"predecessor replaced":  {`sql("UPDATE proof_ledger SET this_hash = ?, signature = '', prev_hash = 'x' WHERE session_id = ?", "0" * 64, before)`, "ledger_chain_broken", "ok"},
		"predecessor removed":   {`sql("DELETE FROM proof_ledger WHERE session_id = ?", before)`, "ledger_chain_broken", "ok"},
		"prev_hash edited":      {`sql("UPDATE proof_ledger SET prev_hash = ? WHERE session_id = ?", "0" * 64, sid)`, "ledger_hash_mismatch", "ledger_hash_mismatch"},
		"artifact edited":       {`edit(lambda s: s.replace('"result": "pass"', '"result": "fail"'))`, "runtime_hash_mismatch", "runtime_hash_mismatch"},
		"artifact a digit":      {`edit(lambda s: s.replace('95.12', '95.13', 1))`, "runtime_hash_mismatch", "runtime_hash_mismatch"},
		"artifact reformatted":  {`edit(lambda s: "\ufeff" + json.dumps(json.loads(s)))`, "ok", "ok"},
		"artifact not JSON":     {`edit(lambda s: s[:-5])`, "runtime_hash_mismatch", "runtime_artifact_missing"},
		"artifact name twice":   {`edit(lambda s: s[:-1] + ', "schema_version": "v1"}')`, "runtime_hash_mismatch", "runtime_artifact_missing"},
		"artifact removed":      {`os.remove(artifact)`, "runtime_hash_mismatch", "runtime_artifact_missing"},
		"artifact a link away":  {`os.remove(artifact); os.symlink("/etc/hostname", artifact)`, "runtime_hash_mismatch", "runtime_artifact_missing"},
		"proof not JSON":        {`sql("UPDATE proof_ledger SET proof_json = '{' WHERE session_id = ?", sid)`, "ledger_hash_mismatch", "500"},
		"proof name twice":      {`sql("UPDATE proof_ledger SET proof_json = substr(proof_json, 1, length(proof_json) - 1) || ', \"session_id\": \"x\"}' WHERE session_id = ?", sid)`, "ledger_hash_mismatch", "ledger_hash_mismatch"},
		"relpath in the record": {`sql("UPDATE proof_ledger SET proof_json = replace(proof_json, ?, '../../../etc/passwd') WHERE session_id = ?", sid + "/artifact.json", sid)`, "ledger_hash_mismatch", "ledger_hash_mismatch"},
		"created_at a year on":  {`sql("UPDATE proof_ledger SET created_at = created_at + 31536000 WHERE session_id = ?", sid)`, "ok", "ok"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := start(t, t.TempDir(), nil)
			before, id := v.finalized(), v.finalized()
			python(t, `
import json, os, sqlite3, sys
database, artifact, before, sid = sys.argv[1:]
def sql(text, *args):
    db = sqlite3.connect(database)
    assert db.execute(text, args).rowcount == 1
    db.commit()
def edit(change):
    with open(artifact, encoding="utf-8") as f: text = f.read()
    changed = change(text)
    assert changed != text
    with open(artifact, "w", encoding="utf-8") as f: f.write(changed)
`+c.script, v.database, filepath.Join(v.artifacts, id, "artifact.json"), before, id)
			online, offline := v.reasons(id)
			if online != c.online || offline != c.offline {
				t.Errorf("/verify %q, offline %q; want %q and %q", online, offline, c.online, c.offline)
			}
			// The chain goes on from what was signed, whatever was edited.
			next := v.finalized()
			if online, offline := v.reasons(next); online != "ok" || offline != "ok" {
				t.Errorf("the next proof: /verify %q, offline %q", online, offline)
			}
		})
	}
}

// TestPythonVerifiers lets the original's two offline formulas, remade with
// python3 and cryptography, judge what is served.
func TestPythonVerifiers(t *testing.T) {
	dir := t.TempDir()
	v := start(t, dir, nil)
	var bundles []string
	for i, p95s := range [][]string{{"90.25"}, {"30.005", "1e-5"}, {"5000.5"}, {"47.25", "339.156", "327.0"}, {"60000"}} {
		id := v.measured(p95s...)
		v.must("POST", "/proof/"+id+"/finalize", "")
		name := filepath.Join(dir, fmt.Sprintf("bundle%d.json", i))
		if err := os.WriteFile(name, []byte(v.must("GET", "/proof/"+id+"/bundle", "")), 0o644); err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, name)
	}
	keys := filepath.Join(dir, "jwks.json")
	if err := os.WriteFile(keys, []byte(v.must("GET", "/.well-known/jwks.json", "")), 0o644); err != nil {
		t.Fatal(err)
	}
	out := python(t, string(testdata.Read("gen/original_verifiers.py")), append([]string{keys}, bundles...)...)
	if want := strings.Repeat("ok\n", len(bundles)); out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	// And they are no yes-men: a changed digit is seen.
	data, err := os.ReadFile(bundles[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bundles[0], bytes.Replace(data, []byte("90.25"), []byte("90.26"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := python(t, string(testdata.Read("gen/original_verifiers.py")), keys, bundles[0]); strings.Contains(out, "ok") {
		t.Errorf("the oracle took a tampered bundle: %q", out)
	}
}

// TestParallelFinalizes: 1,000 finalizes from 32 clients, each session asked for
// twice, give one chain of 1,000, which our own verifier accepts link by link.
func TestParallelFinalizes(t *testing.T) {
	const total, clients = 1000, 32
	v := start(t, t.TempDir(), nil)
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients
	ids := make([]string, total)
	answers := make([][2]string, total)
	var wait sync.WaitGroup
	for c := range clients {
		wait.Go(func() {
			for i := c; i < total; i += clients {
				ids[i] = v.measured("50")
				var both sync.WaitGroup
				for n := range 2 {
					both.Go(func() { answers[i][n] = v.must("POST", "/proof/"+ids[i]+"/finalize", "") })
				}
				both.Wait()
			}
		})
	}
	wait.Wait()
	for i, a := range answers {
		if a[0] != a[1] {
			t.Fatalf("session %d was finalized in two ways:\n%s\n%s", i, a[0], a[1])
		}
	}
	checkChain(t, v.store, v.must("GET", "/.well-known/jwks.json", ""), total)
}

// checkChain verifies every record of a ledger with its artifact, and that they
// are one chain of the given length.
func checkChain(t testing.TB, s store.Store, keySet string, want int) {
	t.Helper()
	keys, err := jwks.Parse([]byte(keySet))
	if err != nil {
		t.Fatal(err)
	}
	n, next := 0, store.Record{}
	for position := int64(1) << 60; ; n++ {
		r, err := s.Before(context.Background(), position)
		if err == store.ErrNoRecord {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && (next.PrevHash != r.ThisHash || next.Position != r.Position+1 || next.CreatedAt <= r.CreatedAt) {
			t.Fatalf("record %d does not follow record %d", next.Position, r.Position)
		}
		if n > 0 {
			checkRecord(t, s, keys, next, r.ThisHash)
		}
		next, position = r, r.Position
	}
	if n > 0 {
		checkRecord(t, s, keys, next, bundle.Genesis)
	}
	if n != want {
		t.Errorf("the chain has %d records, want %d", n, want)
	}
}

func checkRecord(t testing.TB, s store.Store, keys *jwks.KeySet, r store.Record, previous string) {
	t.Helper()
	b, err := bundle.Parse(fmt.Appendf(nil, `{"session_id":%q,"created_at":%s,"prev_hash":%q,"this_hash":%q,"signature":%q,"kid":%q,"proof":%s}`,
		r.SessionID, canonical.PythonFloat(r.CreatedAt), r.PrevHash, r.ThisHash, r.Signature, r.KID, r.ProofJSON))
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Artifact(context.Background(), r.SessionID)
	if err == nil {
		b.Artifact, err = bundle.ParseArtifact(data)
	}
	if err != nil {
		t.Fatalf("artifact of %s: %v", r.SessionID, err)
	}
	verifier, err := verify.New(verify.Policy{Keys: keys, Previous: previous, Require: []verify.CheckID{verify.LedgerLink}})
	if err != nil {
		t.Fatal(err)
	}
	if report := verifier.Bundle(b); report.Verdict() != verify.Verified {
		t.Fatalf("record %d: %s %s", r.Position, report.Verdict(), report.Reason())
	}
}

func TestLogHasNoSecrets(t *testing.T) {
	var log bytes.Buffer
	v := start(t, t.TempDir(), func(c *Config) {
		c.AllowAnonymous, c.Token = false, "correct-horse"
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	v.call("POST", "/intent", `{}`, "Authorization", "Bearer wrong-battery")
	v.call("GET", "/sessions/%1b[31m%0a", "", "Authorization", "Bearer correct-horse")
	v.Close()
	for _, secret := range []string{"correct-horse", "wrong-battery", "\x1b"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "status=401") || !strings.Contains(log.String(), "request_id=") {
		t.Errorf("the log lacks what happened:\n%s", log.String())
	}
}

func TestKeySetAnswer(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	get := func(header ...string) *http.Response {
		r, err := http.NewRequest("GET", v.URL+"/.well-known/jwks.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply
	}
	plain := get()
	tag := plain.Header.Get("ETag")
	if tag == "" || plain.Header.Get("Cache-Control") != "public, max-age=300" || plain.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", plain.Header)
	}
	if r := get("Accept", "application/jwk-set+json, application/json;q=0.5"); r.Header.Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("asked for jwk-set+json: %v", r.Header)
	}
	if r := get("If-None-Match", `"x", W/`+tag); r.StatusCode != http.StatusNotModified {
		t.Errorf("the same ETag: %d", r.StatusCode)
	}
	if r := get("If-None-Match", `"x"`); r.StatusCode != http.StatusOK {
		t.Errorf("another ETag: %d", r.StatusCode)
	}
}

// A key's time bounds are published with it: dropping them would widen it.
func TestKeyWindowIsPublished(t *testing.T) {
	want := jwks.Window{NotBefore: 1700000000, Expires: 1900000000, Revoked: true, RevokedAt: 1800000000, RevokeReason: "superseded", Harmless: true}
	old := testSigner(t, "old", 9).Public()
	old.Window = want
	v := start(t, t.TempDir(), func(c *Config) {
		if err := c.Keys.Publish(old); err != nil {
			t.Fatal(err)
		}
	})
	answer := v.must("GET", "/.well-known/jwks.json", "")
	set, err := jwks.Parse([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	key, err := set.Lookup("old")
	if err != nil || key.Window != want || key.Public != old.Public {
		t.Errorf("published %+v, %v, want %+v", key.Window, err, want)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		t.Fatal(err)
	}
	if err := apiSchemas(t)("/components/schemas/JWKS").Validate(value); err != nil {
		t.Error(err)
	}
}

// A body whose length is not stated is bounded too.
func TestChunkedBody(t *testing.T) {
	v := start(t, t.TempDir(), func(c *Config) { c.MaxBody = 1000 })
	for _, size := range []int{1000, 1001, 1 << 20} {
		body := io.MultiReader(strings.NewReader(strings.Repeat(" ", size))) // hides the length
		r, err := http.NewRequest("POST", v.URL+"/intent", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		want := http.StatusRequestEntityTooLarge
		if size <= 1000 {
			want = http.StatusUnprocessableEntity
		}
		if reply.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", size, reply.StatusCode, want)
		}
	}
}

// Bad input of every kind gets its status, and nothing is stored.
func TestBadInput(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.measured()
	telemetry := func(member string) string {
		return `{"session_id": "` + id + `", "n": 1, "p50_ms": 1, "p95_ms": 2, "jitter_ms": 1, ` + member + `}`
	}
	const intent = `"target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30`
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/intent", `{"text": "\ud800", ` + intent + `}`, 422},
		{"/intent", `{"text": "a\ud800b", ` + intent + `, "\udfff": "\ud800"}`, 422},
		{"/intent", `{"text": "t", ` + intent + `, "x": NaN}`, 422},
		{"/intent", `{"text": ["t"], ` + intent + `}`, 422},
		{"/intent", `{"Text": "t", ` + intent + `}`, 422},
		{"/intent", strings.Repeat("[", 100_000), 400},
		{"/intent", strings.Repeat("1", 5000), 400},
		{"/intent", "\xff{}", 400},
		{"/intent", `{"text": "t"`, 422},
		{"/telemetry", telemetry(`"p95_ms": NaN`), 422},
		{"/telemetry", telemetry(`"p95_ms": -Infinity`), 422},
		{"/telemetry", telemetry(`"p95_ms": 1e999`), 422},
		{"/telemetry", telemetry(`"p95_ms": "nan"`), 422},
		{"/telemetry", telemetry(`"p95_ms": "0x10"`), 422},
		{"/telemetry", telemetry(`"p95_ms": ` + strings.Repeat("9", 400)), 422},
		{"/telemetry", telemetry(`"n": "1__0"`), 422},
		{"/telemetry", telemetry(`"n": -` + strings.Repeat("9", 30)), 422},
		{"/telemetry", telemetry(`"session_id": "../../etc/passwd"`), 422},
		{"/telemetry", telemetry(`"notes": "\udc00"`), 422},
		{"/proof/..%2f..%2fetc/finalize", "", 404},
		{"/proof/%00/finalize", "", 422},
	} {
		method := "POST"
		status, answer := v.call(method, c.path, c.body)
		if status != c.status || !json.Valid([]byte(answer)) {
			t.Errorf("%s %.80q: %d %.300s, want %d and JSON", c.path, c.body, status, answer, c.status)
		}
	}
	var list []struct {
		Samples int `json:"samples_count"`
	}
	if err := json.Unmarshal([]byte(v.must("GET", "/sessions", "")), &list); err != nil || len(list) != 1 || list[0].Samples != 2 {
		t.Errorf("something was stored: %+v, %v", list, err)
	}
}

// Storage that fails gives 503 without a local path, and 200 again when it is
// mended.
func TestStorageFails(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.measured()
	blocked := filepath.Join(v.artifacts, id)
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	status, answer := v.call("POST", "/proof/"+id+"/finalize", "")
	if status != 503 || strings.Contains(answer, v.artifacts) || !strings.Contains(answer, "nothing was stored") {
		t.Errorf("%d %s", status, answer)
	}
	if status, _ := v.call("GET", "/proof/"+id, ""); status != 404 {
		t.Errorf("a record is there: %d", status)
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	v.must("POST", "/proof/"+id+"/finalize", "")
	if online, offline := v.reasons(id); online != "ok" || offline != "ok" {
		t.Errorf("after mending: %s, %s", online, offline)
	}
	v.must("GET", "/ready", "")
	v.store.Close()
	if status, answer := v.call("GET", "/sessions", ""); status != 503 && status != 500 {
		t.Errorf("a closed store: %d %s", status, answer)
	}
}

func TestNotReady(t *testing.T) {
	v := start(t, t.TempDir(), func(c *Config) { c.Keys = &Keyring{} })
	if status, answer := v.call("GET", "/ready", ""); status != 503 || !strings.Contains(answer, `"problems":["there is no signing key"]`) {
		t.Errorf("%d %s", status, answer)
	}
}
