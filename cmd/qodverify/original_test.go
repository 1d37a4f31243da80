package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/browser"
	"github.com/qodverify/qodverify/testdata"
)

// verified asks the service's own /verify.
func (p *process) verified(t *testing.T, id, token string) (answer struct {
	Verified     bool
	Reason       string
	LedgerHash   bool   `json:"ledger_hash_verified"`
	Signature    bool   `json:"signature_verified"`
	Chain        bool   `json:"chain_continuity_verified"`
	Artifact     bool   `json:"runtime_artifact_verified"`
	PrevHash     string `json:"proof_prev_hash"`
	ExpectedPrev string `json:"expected_prev_this_hash"`
	Edited       *struct {
		ID             string `json:"session_id"`
		Stored, Signed string
	} `json:"edited_previous_record"`
}) {
	t.Helper()
	status, data, err := p.call("GET", "/proof/"+id+"/verify", token, "")
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	if err != nil || status != 200 {
		t.Fatalf("/verify of %s: %d %s, %v", id, status, data, err)
	}
	return answer
}

// TestOriginalFlows goes through what the original's test suite and its two demos
// do, in an order in which each meets what the others left, and again.
func TestOriginalFlows(t *testing.T) {
	dir := t.TempDir()
	const token = "dev-token-123"
	p := mustServe(t, dir, []string{"QOD_API_TOKEN=" + token}, "--as-original")
	if log := p.stderr.String(); !strings.Contains(log, "as the original") || !strings.Contains(log, filepath.Join("backend", "qod_mock.sqlite3")) || !strings.Contains(log, "artifacts artifacts") {
		t.Errorf("--as-original is not told:\n%s", log)
	}
	good := func(t *testing.T) string {
		t.Helper()
		for path, want := range map[string]int{"/_debug/env": 200, "/_debug/protected": 401} {
			if status, _, err := p.call("GET", path, "", ""); err != nil || status != want {
				t.Fatalf("GET %s without a token: %d, want %d, %v", path, status, want, err)
			}
		}
		if status, _, err := p.call("GET", "/_debug/protected", token, ""); err != nil || status != 200 {
			t.Fatalf("GET /_debug/protected: %d, %v", status, err)
		}
		id, _, err := p.session(token)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.verified(t, id, token); !v.Verified || v.Reason != "ok" || !v.Chain || v.PrevHash != "GENESIS" && v.PrevHash != v.ExpectedPrev {
			t.Fatalf("an honest session: %+v", v)
		}
		if names, err := filepath.Glob(filepath.Join(dir, "artifacts", "proof_"+id+"_*.json")); err != nil || len(names) != 1 {
			t.Fatalf("snapshots %q, %v", names, err)
		}
		return id
	}
	edited := map[string]bool{}
	// The proof is rewritten and this_hash made to fit it; the signature stays.
	tamper := func(t *testing.T) {
		t.Helper()
		id := good(t)
		rewriteRecord(t, filepath.Join(dir, "backend", "qod_mock.sqlite3"), id, true)
		edited[id] = true
		if v := p.verified(t, id, token); v.Verified || v.Reason != "signature_mismatch" || !v.LedgerHash || v.Signature {
			t.Fatalf("an edited record: %+v", v)
		}
	}
	proofAlone := func(t *testing.T) {
		t.Helper()
		id := good(t)
		rewriteRecord(t, filepath.Join(dir, "backend", "qod_mock.sqlite3"), id, false)
		if v := p.verified(t, id, token); v.Verified || v.Reason != "ledger_hash_mismatch" {
			t.Fatalf("an edited proof: %+v", v)
		}
	}
	artifact := func(t *testing.T) {
		t.Helper()
		id := good(t)
		name := filepath.Join(dir, "artifacts", id, "artifact.json")
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.Replace(string(whole), "{", `{"tampered": true,`, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if v := p.verified(t, id, token); v.Verified || v.Reason != "runtime_hash_mismatch" || v.Artifact {
			t.Fatalf("an edited artifact: %+v", v)
		}
		if err := os.WriteFile(name, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		if v := p.verified(t, id, token); !v.Verified {
			t.Fatalf("the artifact restored: %+v", v)
		}
	}
	// The suite's modules start services of their own, on whatever is there.
	restart := func(sub *testing.T) {
		sub.Helper()
		p.stop(sub, os.Interrupt)
		p = mustServe(t, dir, []string{"QOD_API_TOKEN=" + token}, "--as-original")
		good(sub)
	}
	flows := map[string]func(*testing.T){"restart": restart, "good": func(t *testing.T) { good(t) }, "tamper": tamper, "proof alone": proofAlone, "artifact": artifact}
	for _, name := range []string{"tamper", "artifact", "good", "tamper", "tamper", "good", "proof alone", "good", "good", "artifact", "restart", "tamper", "good", "tamper", "restart", "good", "tamper", "proof alone", "restart", "tamper", "restart"} {
		if !t.Run(name, flows[name]) {
			t.Fatalf("the service says:\n%s", p.stderr)
		}
	}
	// Nothing was chained to what was edited: the only findings are the edited ones.
	_, keys, err := p.call("GET", "/.well-known/jwks.json", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jwks.json"), keys, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, dir, nil, "audit", "--jwks", "jwks.json", "--artifacts-dir", "artifacts", filepath.Join("backend", "qod_mock.sqlite3")); code != 1 || strings.Contains(out, "ledger_fork") || !strings.Contains(out, fmt.Sprintf("signature_mismatch (%d)", len(edited))) {
		t.Errorf("audit: exit %d, %d edited\n%s", code, len(edited), out)
	}
	// Whoever follows an edited record says which one it is.
	id := func() string { tamper(t); return good(t) }()
	if v := p.verified(t, id, token); v.Edited == nil || !edited[v.Edited.ID] {
		t.Errorf("the edited record is not named: %+v", v)
	}
}

// rewriteRecord edits a stored proof as the original's tamper scripts do, by a
// program of its own: a row with sorted members and ASCII, whose canonical form
// differs in the separators alone.
func rewriteRecord(t *testing.T, database, id string, hash bool) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var proof, prev string
	if err := db.QueryRow("SELECT proof_json, prev_hash FROM proof_ledger WHERE session_id = ?", id).Scan(&proof, &prev); err != nil {
		t.Fatal(err)
	}
	proof = strings.Replace(proof, "local-simulated-provider", "evil-simulated-provider", 1)
	canonical := strings.ReplaceAll(strings.ReplaceAll(proof, `": `, `":`), `, "`, `,"`)
	sum := sha256.Sum256([]byte(prev + "|" + canonical))
	if _, err = db.Exec("UPDATE proof_ledger SET proof_json = ? WHERE session_id = ?", proof, id); err == nil && hash {
		_, err = db.Exec("UPDATE proof_ledger SET this_hash = ? WHERE session_id = ?", hex.EncodeToString(sum[:]), id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The original's settings mean what they mean there, or are refused.
func TestOriginalSettings(t *testing.T) {
	const seed, public = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE", "6WUsa-ez3vOG1ta1VuYQddfPpKN9AbGkn2VsBv22VZo"
	dir := t.TempDir()
	key := "QOD_SIGNING_PRIVATE_KEY_B64URL=" + seed
	refused(t, dir, []string{key, "QOD_ARTIFACTS_DIR="}, "QOD_ARTIFACTS_DIR is empty")
	refused(t, dir, []string{key, "QOD_ARTIFACTS_DIR=art "}, "begins or ends with blanks")
	refused(t, dir, []string{key, "QOD_DB_PATH= l.db"}, "begins or ends with blanks")
	refused(t, dir, []string{key, "MAX_BODY_BYTES=1_"}, "MAX_BODY_BYTES")
	refused(t, dir, []string{"QOD_SIGNING_PUBLIC_KEY_B64URL=short"}, "QOD_SIGNING_PUBLIC_KEY_B64URL")
	mustServe(t, dir, []string{"QOD_ACTIVE_SIGNING_KID=k1"}, "--data", "own").stop(t, os.Interrupt)
	refused(t, dir, []string{"QOD_ACTIVE_SIGNING_KID=k2"}, `QOD_ACTIVE_SIGNING_KID is "k2", and the key in`, "--data", "own")

	standard := strings.NewReplacer("-", "+", "_", "/").Replace(public) + "="
	p := mustServe(t, dir, []string{key, "QOD_API_TOKEN= t ", "MAX_BODY_BYTES= 1_000 ", "QOD_GIT_SHA=abc", "QOD_IMAGE_TAG=v1",
		"QOD_ARTIFACTS_DIR=art", "QOD_PUBLIC_KEYS=a=b:" + standard}, "--plain-proofs")
	if _, keys, err := p.call("GET", "/public-keys", "", ""); err != nil || !strings.Contains(string(keys), `{"kid":"a=b","alg":"ed25519","public_key_b64url":"`+public+`"}`) {
		t.Errorf("keys %s, %v", keys, err)
	}
	if status, _, err := p.call("POST", "/intent", "t", strings.Repeat(" ", 1001)); err != nil || status != 413 {
		t.Errorf("MAX_BODY_BYTES=1_000: %d, %v", status, err)
	}
	id, _, err := p.session("t")
	if err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "art", "run_summaries", "run_*_"+id+".json"))
	if len(names) != 1 {
		t.Fatalf("run summaries %q", names)
	}
	if data, err := os.ReadFile(names[0]); err != nil || !strings.Contains(string(data), `"git_sha": "abc"`) || !strings.Contains(string(data), `"image_tag": "v1"`) {
		t.Errorf("the run summary: %s, %v", data, err)
	}
	p.stop(t, os.Interrupt)
	p = mustServe(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=", "QOD_SIGNING_PUBLIC_KEY_B64URL=" + public}, "--data", "third")
	if _, keys, err := p.call("GET", "/public-keys", "", ""); err != nil || !strings.Contains(string(keys), `"kid":"default","alg":"ed25519","public_key_b64url":"`+public) {
		t.Errorf("keys %s, %v", keys, err)
	}
}

// The log's lines are JSON on request, and artifacts/run.log has the original's.
func TestOriginalLogs(t *testing.T) {
	dir := t.TempDir()
	p := mustServe(t, dir, []string{"QOD_API_TOKEN=t"}, "--log-format", "json", "--quiet=false")
	if status, _, err := p.call("POST", "/proof/00000000-0000-0000-0000-000000000000/finalize", "t", ""); err != nil || status != 404 {
		t.Fatal(status, err)
	}
	if status, _, err := p.call("GET", "/sessions/"+strings.Repeat("x", 8000), "t", ""); err != nil || status != 422 {
		t.Fatal(status, err)
	}
	p.stop(t, os.Interrupt)
	type request struct {
		Event, Path, Client, Level string
		Status                     int
		Code                       int     `json:"status_code"`
		Duration                   float64 `json:"duration_ms"`
		ID                         string  `json:"request_id"`
	}
	lines := func(text string, status func(request) int) {
		t.Helper()
		var seen []int
		for line := range strings.Lines(text) {
			var r request
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			if r.Event != "http_request" {
				continue
			}
			if r.Client != "127.0.0.1" || r.Duration <= 0 || r.ID == "" || r.Level != "INFO" || len(line) > 1000 {
				t.Errorf("a request's line: %s", line)
			}
			seen = append(seen, status(r))
		}
		if !slices.Equal(seen, []int{404, 422}) {
			t.Errorf("requests of status %v in:\n%s", seen, text)
		}
	}
	lines(p.stderr.String(), func(r request) int { return r.Status })
	data, err := os.ReadFile(filepath.Join(dir, "qod-data", "artifacts", "run.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines(string(data), func(r request) int { return r.Code })
	if code, out := command(t, dir, nil, "serve", "--log-format", "xml"); code != int(exitUsage) || !strings.Contains(out, "neither text nor json") {
		t.Errorf("--log-format xml: exit %d\n%s", code, out)
	}
}

// originalPage makes the calls of the original's page, and those of the API that it
// was made for, from another origin and without a token.
const originalPage = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><ul id="list"></ul><pre id="detail"></pre><script>
const base = new URLSearchParams(location.search).get("base");
const get = async (path, options) => { const r = await fetch(base + path, options); return [r.status, await r.json()]; };
const show = async (id) => {
  const [session, proof] = await Promise.all([get("/sessions/" + id), get("/proof/" + id)]);
  document.getElementById("detail").textContent = JSON.stringify({session, proof});
};
(async () => {
  const [, sessions] = await get("/sessions");
  for (const s of sessions) {
    const li = document.createElement("li");
    li.textContent = s.session_id + " " + s.qos_profile + " " + s.qos_status;
    li.onclick = () => show(s.session_id);
    document.getElementById("list").append(li);
  }
  window.listed = sessions.length;
  window.made = async () => {
    const post = (path, body) => get(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
    const [, intent] = await post("/intent", {text: "t", target_p95_latency_ms: 100, target_jitter_ms: 20, duration_s: 30});
    const id = intent.session_id;
    const answers = [await post("/telemetry", {session_id: id, n: 5, p50_ms: 10, p95_ms: 20, jitter_ms: 1}), await post("/proof/" + id + "/finalize", {}), await get("/proof/" + id + "/verify")];
    window.refused = await get("/sessions/" + id, {method: "DELETE"});
    return answers.map((a) => a[0]).join() + " " + answers[2][1].reason;
  };
})();
</script>`

// TestOriginalPage is the original's page in a browser, by the two names that its
// developers' server has.
func TestOriginalPage(t *testing.T) {
	tab := browser.Open(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(originalPage))
	}))
	defer web.Close()
	named := strings.Replace(web.URL, "127.0.0.1", "localhost", 1)
	p := mustServe(t, t.TempDir(), nil, "--as-original", "--no-auth", "--cors-origin", web.URL, "--cors-origin", named)
	var ids []string
	for range 3 {
		id, _, err := p.session("")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for i, origin := range []string{web.URL, named} {
		tab.Go(origin + "/?base=" + p.url)
		tab.Until("window.listed === " + strconv.Itoa(3+i))
		for _, id := range ids {
			if text := tab.Text("document.getElementById('list').textContent"); !strings.Contains(text, id+" QOS_BALANCED REQUESTED") {
				t.Errorf("the list from %s: %s", origin, text)
			}
		}
		tab.Eval("void document.querySelector('li:last-child').click()", nil)
		tab.Until("document.getElementById('detail').textContent !== ''")
		if text := tab.Text("document.getElementById('detail').textContent"); !strings.Contains(text, `{"session":[200,{"session_id":"`+ids[0]) || !strings.Contains(text, `"proof":[200,{"session_id":"`+ids[0]) {
			t.Errorf("a session's details: %s", text)
		}
		tab.Eval("void window.made().then((text) => { window.done = text; })", nil)
		tab.Until("window.done !== undefined")
		if text := tab.Text("window.done"); text != "200,200,200 ok" {
			t.Errorf("a session made by the page: %s", text)
		}
		if text := tab.Text("JSON.stringify(window.refused)"); !strings.HasPrefix(text, `[409,{"detail":"The session has a signed proof`) {
			t.Errorf("a session deleted by the page: %s", text)
		}
		for _, complaint := range tab.Errors() {
			if !strings.Contains(complaint, "409") { // the browser tells it of every refusal
				t.Errorf("the browser complains from %s: %s", origin, complaint)
			}
		}
	}
}

// What an original without keys publishes is one answer from a file and from the
// service: nothing can be checked with it, and nobody is accused.
func TestEmptyKeySet(t *testing.T) {
	dir := t.TempDir()
	p := mustServe(t, dir, []string{"QOD_SIGNING_PRIVATE_KEY_B64URL=", "QOD_API_TOKEN=t"})
	url := p.url + "/.well-known/jwks.json"
	_, keys, err := p.call("GET", "/.well-known/jwks.json", "", "")
	if err != nil || string(keys) != `{"keys":[]}` {
		t.Fatalf("%s, %v", keys, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jwks.json"), keys, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, fixture := range map[string]string{"bundle.json": "qod-mock-v0.4/good/00.bundle.json", "ledger.sqlite3": "qod-mock-v0.4/ledger.sqlite3"} {
		if err := os.WriteFile(filepath.Join(dir, name), testdata.Read(fixture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, set := range []string{"jwks.json", url} {
		for _, args := range [][]string{{"keys", set}, {"--jwks", set, "bundle.json"}, {"audit", "--jwks", set, "ledger.sqlite3"}} {
			if code, out := command(t, dir, nil, args...); code != int(exitInconclusive) {
				t.Errorf("qodverify %q: exit %d, want %d\n%s", args, code, exitInconclusive, out)
			}
		}
	}
}

// A start on a last record that was edited, and on a key that is not the ledger's,
// signs nothing on top of it.
func TestStartOnTampered(t *testing.T) {
	seed := func(letter string) string {
		return "QOD_SIGNING_PRIVATE_KEY_B64URL=" + strings.Repeat(letter, 42) + "A"
	}
	env := func(key string) []string { return []string{"QOD_API_TOKEN=t", key} }
	dir := t.TempDir()
	p := mustServe(t, dir, env(seed("B")))
	var id string
	for range 3 {
		var err error
		if id, _, err = p.session("t"); err != nil {
			t.Fatal(err)
		}
	}
	p.stop(t, os.Interrupt)
	refused(t, dir, env(seed("C")), `published as "default" is not the one that signed`)
	refused(t, dir, []string{seed("C"), "QOD_ACTIVE_SIGNING_KID=new"}, `no public key of that name would be published`)

	database := filepath.Join(dir, "qod-data", "qod_mock.sqlite3")
	rewriteRecord(t, database, id, true)
	p = mustServe(t, dir, env(seed("B")))
	if log := p.stderr.String(); !strings.Contains(log, "of session "+id+", was edited") {
		t.Errorf("it says:\n%s", log)
	}
	next, _, err := p.session("t")
	if err != nil {
		t.Fatal(err)
	}
	if v := p.verified(t, next, "t"); !v.Verified || v.Edited == nil || v.Edited.ID != id {
		t.Errorf("the next record: %+v", v)
	}
	p.stop(t, os.Interrupt)
	// An edit after the start and before the first record is seen as well.
	p = mustServe(t, dir, env(seed("B")))
	rewriteRecord(t, database, next, true)
	last, _, err := p.session("t")
	if err != nil {
		t.Fatal(err)
	}
	if v := p.verified(t, last, "t"); !v.Verified || v.Edited == nil || v.Edited.ID != next {
		t.Errorf("the record after an edit: %+v", v)
	}
	p.stop(t, os.Interrupt)
	next = last
	rewriteRecord(t, database, next, true)
	if err := os.Remove(filepath.Join(dir, "qod-data", "artifacts", next, "artifact_v1.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, env(seed("B")), "restore the database from a backup")
}
