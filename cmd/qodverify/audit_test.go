package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/server"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/testdata/ledgergen"
)

// auditReport is what the tests read of an audit's JSON.
type auditReport struct {
	Verdict  string
	Complete bool
	Head     struct {
		Position int64
		ThisHash string `json:"this_hash"`
	}
	Signatures struct{ Verified int64 }
	Summary    struct {
		Records, Sessions int64
		Unordered         bool
	}
	Total    int64 `json:"findings_total"`
	Findings []struct {
		Code, Status string
		Place        struct {
			Record    int64
			SessionID string `json:"session_id"`
		}
		Others []struct{ Record int64 }
	}
	State *struct {
		Written  bool
		Position int64
	}
	Evidence string
}

func validAudit(document string) error { return valid(render.AuditSchema, document) }

// audited runs an audit with a JSON report, which the schema must accept.
func audited(t *testing.T, args ...string) (auditReport, exitCode, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"audit", "--output", "json"}, args...), strings.NewReader(""), &stdout, &stderr)
	var r auditReport
	if stdout.Len() > 0 {
		check := validAudit
		if strings.Contains(stdout.String(), `"error": {`) {
			check = validReport // nothing was audited
		}
		if err := check(stdout.String()); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, stdout.String())
		}
	}
	return r, code, stderr.String()
}

// summary is what the forms of one ledger must have in common.
func (r auditReport) summary() string {
	var list []string
	for _, f := range r.Findings {
		s := fmt.Sprintf("%s %s at record %d (%s) beside", f.Status, f.Code, f.Place.Record, f.Place.SessionID)
		for _, o := range f.Others {
			s += fmt.Sprint(" ", o.Record)
		}
		list = append(list, s)
	}
	slices.Sort(list)
	return fmt.Sprintf("%s, %d records, %d sessions, %d findings, head %s at %d, unordered %t\n%s", r.Verdict, r.Summary.Records, r.Summary.Sessions,
		r.Total, r.Head.ThisHash, r.Head.Position, r.Summary.Unordered, strings.Join(list, "\n"))
}

// One ledger in all its forms: the same findings.
func TestEveryForm(t *testing.T) {
	p := ledgergen.Plant(1500, 21, ledgergen.PlantOptions{NoMalformed: true})
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keys := file("keys.json", p.JWKS)
	var jsonl []byte
	folder := filepath.Join(dir, "bundles")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Lines {
		jsonl = append(append(jsonl, l.Data...), '\n')
		file(fmt.Sprintf("bundles/%06d.json", l.Number), l.Data)
	}
	file("bundles/jwks.json", p.JWKS)
	file("bundles/notes.txt", []byte("not a bundle"))
	var zipped, twice bytes.Buffer
	for i, part := range [][]byte{jsonl[:len(jsonl)/3], jsonl[len(jsonl)/3:]} {
		z := gzip.NewWriter(&zipped) // two members, as "cat a.gz b.gz" makes
		z.Write(part)
		z.Close()
		s, err := zstd.NewWriter(&twice, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		if err != nil {
			t.Fatal(i, err)
		}
		s.Write(part)
		s.Close()
	}
	database := plantDatabase(t, dir, p)
	service := ledgerService(t, database)

	plain, code, _ := audited(t, "--jwks", keys, file("ledger.jsonl", jsonl))
	if code != exitFailed || plain.Total != int64(len(p.Expected)) || !plain.Complete {
		t.Fatalf("exit %d, %d findings, want %d\n%s", code, plain.Total, len(p.Expected), plain.summary())
	}
	for name, args := range map[string][]string{
		"gzip": {"--jwks", keys, file("ledger", zipped.Bytes())}, "zstd": {"--jwks", keys, file("ledger.any", twice.Bytes())},
		"folder": {folder}, "database": {"--jwks", keys, database}, "service": {"--jwks", keys, service},
		"crypto/ed25519": {"--jwks", keys, "--crypto", "stdlib", "--workers", "1", filepath.Join(dir, "ledger.jsonl")},
	} {
		if r, code, stderr := audited(t, args...); code != exitFailed || r.summary() != plain.summary() {
			t.Errorf("%s: exit %d\n%s\nand not\n%s\n%s", name, code, r.summary(), plain.summary(), stderr)
		}
	}
	// What export writes is what the service answers, and is audited the same.
	var exported, stderr bytes.Buffer
	if code := run([]string{"export", database}, nil, &exported, &stderr); code != exitVerified || !strings.Contains(stderr.String(), strconv.Itoa(len(p.Lines))+" records") {
		t.Fatalf("export: exit %d, %s", code, stderr.String())
	}
	if r, _, _ := audited(t, "--jwks", keys, file("exported.jsonl", exported.Bytes())); r.summary() != plain.summary() {
		t.Errorf("exported: %s", r.summary())
	}
	var stdout bytes.Buffer
	if code := run([]string{"audit", "-o", "json", "--jwks", keys, "-"}, bytes.NewReader(zipped.Bytes()), &stdout, &stderr); code != exitFailed || !strings.Contains(stdout.String(), fmt.Sprintf(`"findings_total": %d`, plain.Total)) {
		t.Errorf("stdin: exit %d, %s", code, stderr.String())
	}
	all := filepath.Join(dir, "all.jsonl")
	if r, _, _ := audited(t, "--jwks", keys, "--findings", all, "--max-findings", "1", filepath.Join(dir, "ledger.jsonl")); r.Total != plain.Total || int64(len(r.Findings)) >= r.Total {
		t.Errorf("%d findings, %d listed", r.Total, len(r.Findings))
	}
	if data, err := os.ReadFile(all); err != nil || int64(bytes.Count(data, []byte("\n"))) != plain.Total {
		t.Errorf("--findings: %d lines, %v", bytes.Count(data, []byte("\n")), err)
	}
}

// plantDatabase writes a ledger as the service's database has it, but for the
// rule that a session has one row, which a planted one breaks.
func plantDatabase(t *testing.T, dir string, p *ledgergen.Planted) string {
	t.Helper()
	name := filepath.Join(dir, "ledger.sqlite3")
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(tx.Exec(`CREATE TABLE sessions (session_id TEXT PRIMARY KEY, created_at REAL NOT NULL, intent_json TEXT NOT NULL, qos_profile TEXT NOT NULL, qos_status TEXT NOT NULL, provider_note TEXT NOT NULL);
		CREATE TABLE telemetry (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, created_at REAL NOT NULL, sample_json TEXT NOT NULL);
		CREATE TABLE proof_ledger (session_id TEXT, created_at REAL, proof_json TEXT, prev_hash TEXT, this_hash TEXT, signature TEXT, kid TEXT, position INTEGER);
		PRAGMA user_version = 1`))
	for _, l := range p.Lines {
		r := l.Record
		must(tx.Exec("INSERT INTO proof_ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)", r.SessionID, r.LedgerTime, r.Proof, r.Prev, r.This, r.Signature, r.KID, l.Number))
		if r.Artifact != "null" {
			must(nil, os.MkdirAll(filepath.Join(dir, "artifacts", r.SessionID), 0o755))
			must(nil, os.WriteFile(filepath.Join(dir, "artifacts", r.SessionID, "artifact.json"), []byte(r.Artifact), 0o644))
		}
	}
	must(nil, tx.Commit())
	return name
}

// ledgerService serves a database's ledger without a token.
func ledgerService(t *testing.T, database string) string {
	t.Helper()
	s, err := store.OpenSQLite(context.Background(), store.Options{Database: database, Artifacts: filepath.Join(filepath.Dir(database), "artifacts")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	web := httptest.NewServer(server.New(server.Config{Store: s, AllowAnonymous: true}))
	t.Cleanup(web.Close)
	return web.URL
}

// Reading a database leaves no trace in it or beside it.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"qod-mock-v0.4/ledger.sqlite3", "qod-mock-v0.1/ledger-8cfcc1b.sqlite3"} {
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, testdata.Read(name), 0o444); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"audit", "export"} {
			var stdout, stderr bytes.Buffer
			if code := run([]string{command, "--quiet", file}, nil, &stdout, &stderr); code == exitUsage || code == exitMalformed {
				t.Errorf("%s %s: exit %d %s", command, name, code, stderr.String())
			}
		}
		if data, err := os.ReadFile(file); err != nil || !bytes.Equal(data, testdata.Read(name)) {
			t.Errorf("%s was changed (%v)", name, err)
		}
	}
	// In WAL mode too, at rest as after the service ended.
	wal := filepath.Join(dir, "wal.sqlite3")
	if err := os.WriteFile(wal, testdata.Read("qod-mock-v0.4/ledger.sqlite3"), 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", wal)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA journal_mode(WAL); CREATE TABLE more (x)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"export", wal}, nil, &stdout, &stderr); code != exitVerified || strings.Count(stdout.String(), "\n") != 12 {
		t.Errorf("exit %d %s", code, stderr.String())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*-*")); len(left) != 1 { // the v0.1 fixture's own name has one
		t.Errorf("left beside the databases: %v", left)
	}
}

// A state by file and by service: what is new alone is asked for and verified,
// and a past that was changed leaves evidence that another copy can check.
func TestStateFiles(t *testing.T) {
	g, key, prev := ledgergen.New(4), ledgergen.NewKey("default", "perf"), bundle.Genesis
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	var lines, rewritten [][]byte
	var past string
	for i := range 40 {
		r := g.Next()
		r.Seal(prev, key)
		past, prev = prev, r.This
		lines = append(lines, append(r.Bundle(), '\n'))
		if i == 39 { // another record where the last one stood
			r.FlowLabel = "rewritten"
			r.Seal(past, key)
			rewritten = append(slices.Clone(lines[:39]), append(r.Bundle(), '\n'))
		}
	}
	write := func(name string, data ...[]byte) string {
		if err := os.WriteFile(path(name), bytes.Join(data, nil), 0o644); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	keys, state := write("keys.json", ledgergen.JWKS(key.JWK(""))), path("state.json")
	requests, whole := 0, false
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		if from < 30 && !whole {
			t.Errorf("asked for records from %d on", from) // none of these is new
		}
		if requests == 1 { // breaks off in the middle of a record, and is asked again
			w.Header().Set("Content-Length", "1000000")
			w.Write(lines[from-1][:100])
			return
		}
		w.Header().Set("X-Ledger-Size", strconv.Itoa(len(lines)))
		for _, l := range lines[min(from-1, len(lines)):min(from+3, len(lines))] {
			w.Write(l)
		}
	}))
	defer web.Close()

	r, code, stderr := audited(t, "--jwks", keys, "--state", state, write("ledger.jsonl", lines[:30]...))
	if code != exitVerified || !r.State.Written || r.State.Position != 0 || !strings.Contains(stderr, "no state yet") {
		t.Errorf("the first audit: exit %d, %+v, %s", code, r.State, stderr)
	}
	before, _ := os.ReadFile(state)
	r, code, _ = audited(t, "--jwks", keys, "--state", state, web.URL)
	if code != exitVerified || r.Head.Position != 40 || r.Signatures.Verified != 11 || requests < 4 {
		t.Errorf("by the service: exit %d, head %d, %d signatures, %d requests", code, r.Head.Position, r.Signatures.Verified, requests)
	}
	after, _ := os.ReadFile(state)
	// What this copy lacks accuses nobody; what it has in its place does.
	if r, code, _ = audited(t, "--jwks", keys, "--state", state, write("ledger.jsonl", lines[:30]...)); code != exitInconclusive || r.State.Written || r.Evidence != "" || r.Findings[0].Code != "history_truncated" {
		t.Errorf("cut: exit %d %+v", code, r)
	}
	if _, err := os.Stat(state + ".evidence.json"); err == nil {
		t.Error("evidence of what an input lacks")
	}
	if r, code, _ = audited(t, "--jwks", keys, "--state", state, write("ledger.jsonl", rewritten...)); code != exitFailed || r.State.Written || r.Evidence != state+".evidence.json" {
		t.Errorf("rewritten: exit %d %+v", code, r)
	}
	if kept, _ := os.ReadFile(state); !bytes.Equal(kept, after) || bytes.Equal(kept, before) {
		t.Error("the state was overwritten by an audit that contradicts it")
	}
	var stdout, errs bytes.Buffer
	if code := run([]string{"evidence", "--jwks", keys, r.Evidence}, nil, &stdout, &errs); code != exitVerified || !strings.Contains(stdout.String(), "HOLDS (history_rewritten)") {
		t.Errorf("evidence: exit %d, %s%s", code, stdout.String(), errs.String())
	}
	evidence, _ := os.ReadFile(r.Evidence)
	if bytes.Contains(evidence, []byte(filepath.Dir(state))) {
		t.Errorf("the evidence names the auditor's folder: %s", evidence)
	}
	if r, code, stderr = audited(t, "--jwks", keys, "--state", state, "--evidence", path("no/evidence.json"), path("ledger.jsonl")); code != exitFailed || r.Evidence != "" || r.Findings[0].Code != "history_rewritten" || !strings.Contains(stderr, path("no/evidence.json")+" can't be written") {
		t.Errorf("evidence that can't be written: exit %d %+v %s", code, r, stderr)
	}
	for name, c := range map[string]struct {
		file string
		args []string
		code exitCode
	}{
		"without keys":    {write("e1.json", evidence), nil, exitInconclusive},
		"edited":          {write("e2.json", bytes.Replace(evidence, []byte(`"position": 40`), []byte(`"position": 41`), 1)), []string{"--jwks", keys}, exitMalformed},
		"not evidence":    {keys, []string{"--jwks", keys}, exitMalformed},
		"of an own forge": {write("e3.json", evidence), []string{"--jwks", write("other.json", ledgergen.JWKS(ledgergen.NewKey("default", "x").JWK("")))}, exitFailed},
	} {
		if code := run(append([]string{"evidence", "-q", c.file}, c.args...), nil, &stdout, &errs); code != c.code {
			t.Errorf("evidence %s: exit %d, want %d", name, code, c.code)
		}
	}
	// A service that has less than it had is asked for what it still has.
	lines, whole = lines[:35], true
	if r, code, stderr = audited(t, "--jwks", keys, "--state", state, web.URL); code != exitInconclusive || len(r.Findings) != 1 || r.Findings[0].Code != "history_truncated" {
		t.Errorf("a service cut its ledger: exit %d %+v %s", code, r, stderr)
	}
	// One that has rewritten its past is read from the start, and caught.
	lines = rewritten
	if r, code, stderr = audited(t, "--jwks", keys, "--state", state, web.URL); code != exitFailed || len(r.Findings) != 1 || r.Findings[0].Code != "history_rewritten" {
		t.Errorf("a service rewrote its ledger: exit %d %+v %s", code, r, stderr)
	}
	// A state that was damaged is no fresh start.
	full := write("full.jsonl", lines...)
	for name, data := range map[string][]byte{
		"empty": {}, "half": after[:len(after)/2], "a digit": bytes.Replace(after, []byte(`"count": 40`), []byte(`"count": 41`), 1),
		"a hash": bytes.Replace(after, []byte(`"head": "`), []byte(`"head": "0`), 1), "not JSON": []byte("state"), "a bundle": lines[0], "unknown member": bytes.Replace(after, []byte(`{`), []byte(`{"x":1,`), 1),
	} {
		file := write("damaged.json", data)
		r, code, stderr := audited(t, "--jwks", keys, "--state", file, full)
		if code != exitMalformed || r.Verdict == "verified" || !strings.Contains(stderr, "nothing was audited") {
			t.Errorf("a state that is damaged (%s): exit %d, %s", name, code, stderr)
		}
		if kept, _ := os.ReadFile(file); !bytes.Equal(kept, data) {
			t.Errorf("a damaged state (%s) was written over", name)
		}
	}
	// An audit that did not come to its end writes none.
	if _, code, _ := audited(t, "--jwks", keys, "--state", path("none.json"), write("broken.gz", zip(t, bytes.Join(lines, nil))[:2000])); code != exitInconclusive {
		t.Errorf("a gzip file that was cut: exit %d", code)
	}
	if _, err := os.Stat(path("none.json")); err == nil {
		t.Error("an audit that was not complete wrote a state")
	}
}

func zip(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Ctrl-C gives what is known so far, as inconclusive.
func TestInterrupt(t *testing.T) {
	program := build(t)
	g, key, prev := ledgergen.New(4), ledgergen.NewKey("default", "perf"), bundle.Genesis
	dir := t.TempDir()
	keys, state := filepath.Join(dir, "keys.json"), filepath.Join(dir, "state.json")
	if err := os.WriteFile(keys, ledgergen.JWKS(key.JWK("")), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "audit", "--output", "json", "--jwks", keys, "--state", state, "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		if _, err := in.Write(append(r.Bundle(), '\n')); err != nil {
			t.Fatal(err)
		}
	}
	// The pipe stays open, and nothing more comes.
	time.Sleep(200 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		t.Fatal("it does not end while it waits for its input")
	}
	in.Close()
	var r auditReport
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	if code := cmd.ProcessState.ExitCode(); code != int(exitInconclusive) || r.Verdict != "inconclusive" || r.Complete || r.Summary.Records == 0 || len(r.Findings) != 1 || r.Findings[0].Code != "interrupted" {
		t.Errorf("exit %d, %+v", code, r)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("a state was written")
	}
}

// valid holds a document to a JSON Schema, with a library of its own.
func valid(schemaText []byte, document string) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("report.json", schema); err != nil {
		return err
	}
	compiled, err := compiler.Compile("report.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}
