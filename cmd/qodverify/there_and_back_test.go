package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// theOriginal writes records as the original does, by formulas of its own: a row
// by INSERT OR REPLACE, chained to the newest one, and the artifact's file.
type theOriginal struct {
	db        *sql.DB
	artifacts string
	key       ed25519.PrivateKey
	mu        sync.Mutex
}

const originalSchema = `
CREATE TABLE IF NOT EXISTS sessions (session_id TEXT PRIMARY KEY, created_at REAL NOT NULL, intent_json TEXT NOT NULL,
	qos_profile TEXT NOT NULL, qos_status TEXT NOT NULL, provider_note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, created_at REAL NOT NULL, sample_json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS proof_ledger (session_id TEXT PRIMARY KEY, created_at REAL NOT NULL, proof_json TEXT NOT NULL,
	prev_hash TEXT NOT NULL, this_hash TEXT NOT NULL, signature TEXT NOT NULL, kid TEXT NOT NULL);`

func startOriginal(t *testing.T, dir string, seed []byte) *theOriginal {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "backend"), 0o755), os.MkdirAll(filepath.Join(dir, "artifacts"), 0o755)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "backend", "qod_mock.sqlite3")+"?_pragma=busy_timeout(5000)")
	if err == nil {
		_, err = db.Exec(originalSchema)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &theOriginal{db: db, artifacts: filepath.Join(dir, "artifacts"), key: ed25519.NewKeyFromSeed(seed)}
}

func hexOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// finalize makes one session with its proof.
func (o *theOriginal) finalize() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := uuid.NewString()
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	artifact := `{"created_at":"` + now + `","decision":{"reasons":["latency 20.0ms <= target max_latency_ms 100ms","jitter observed 1.0ms (informational)"],"result":"pass"},` +
		`"inputs":{"network":{"country":"","ip_address":"","msisdn":""},"targets":{"max_latency_ms":100,"min_availability_pct":0.0,"min_throughput_mbps":0.1}},` +
		`"measured":{"availability_pct":100.0,"jitter_ms":1.0,"latency_ms":20.0,"packet_loss_pct":0.0,"throughput_mbps":0.0},"qos_profile":"standard","schema_version":"v1","session_id":"` + id + `"}`
	intent := `{"duration_s":30,"flow_label":"demo-flow","target_jitter_ms":20,"target_p95_latency_ms":100,"text":"t"}`
	proof := `{"artifacts":{"runtime_artifact_relpath":"` + id + `/artifact.json","runtime_artifact_sha256":"` + hexOf(artifact) + `"},"created_at":"` + now +
		`","measured_outcomes":{"avg_jitter_ms":1.0,"avg_p50_ms":10.0,"avg_p95_ms":20.0,"samples_count":1},"provider_observed":{"provider_note":"local-simulated-provider","qos_status_at_finalize":"REQUESTED"},` +
		`"requested":{"intent":` + intent + `,"qos_profile":"QOS_BALANCED"},"session_id":"` + id + `"}`
	prev := "GENESIS"
	err := o.db.QueryRow("SELECT this_hash FROM proof_ledger ORDER BY created_at DESC LIMIT 1").Scan(&prev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	this := hexOf(prev + "|" + proof)
	signature := base64.RawURLEncoding.EncodeToString(ed25519.Sign(o.key, []byte(this)))
	stored := strings.NewReplacer(`":`, `": `, `,"`, `, "`).Replace(proof)
	seconds := float64(time.Now().UnixMicro()) / 1e6
	if err := os.Mkdir(filepath.Join(o.artifacts, id), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.artifacts, id, "artifact.json"), []byte(artifact), 0o644); err != nil {
		return err
	}
	_, err = o.db.Exec("INSERT INTO sessions(session_id, created_at, intent_json, qos_profile, qos_status, provider_note) VALUES (?, ?, ?, 'QOS_BALANCED', 'REQUESTED', 'local-simulated-provider')", id, seconds, intent)
	if err == nil {
		_, err = o.db.Exec("INSERT OR REPLACE INTO proof_ledger(session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES (?, ?, ?, ?, ?, ?, 'default')", id, seconds, stored, prev, this, signature)
	}
	return err
}

// make makes n records, and ends as the original does.
func (o *theOriginal) make(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := o.finalize(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Microsecond) // its order is by time
	}
	if err := o.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// schemaOf returns what a database holds beside rows.
func schemaOf(t *testing.T, database string) (objects []string, journal string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' UNION ALL SELECT 'column ' || name FROM pragma_table_info('proof_ledger') ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, s)
	}
	if err := errors.Join(rows.Err(), db.QueryRow("PRAGMA journal_mode").Scan(&journal), db.QueryRow("PRAGMA user_version").Scan(&version)); err != nil {
		t.Fatal(err)
	}
	return objects, journal, version
}

// sessions makes n proofs, several at a time.
func (p *process) sessions(t *testing.T, n int) {
	t.Helper()
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			for range n / 10 {
				if _, _, err := p.session("t"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// TestThereAndBack: a ledger goes from the original to this service, back, and here
// again, and is one chain in the end.
func TestThereAndBack(t *testing.T) {
	dir := t.TempDir()
	seed := make([]byte, 32)
	database := filepath.Join(dir, "backend", "qod_mock.sqlite3")
	env := []string{"QOD_API_TOKEN=t", "QOD_SIGNING_PRIVATE_KEY_B64URL=" + base64.RawURLEncoding.EncodeToString(seed)}
	startOriginal(t, dir, seed).make(t, 320)
	before, _, _ := schemaOf(t, database)

	p := mustServe(t, dir, env)
	p.sessions(t, 320)
	if code, out := command(t, dir, env, "serve", "--release"); code != int(exitMalformed) || !strings.Contains(out, "stop the service first") {
		t.Errorf("a release under a running service: exit %d\n%s", code, out)
	}
	_, keys, err := p.call("GET", "/.well-known/jwks.json", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jwks.json"), keys, 0o644); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.sqlite3")
	data, err := os.ReadFile(database)
	if err == nil {
		err = os.WriteFile(copied, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.stop(t, os.Interrupt)

	// A copy from under the service is told from a database at rest.
	audit := func(name string) (int, string) {
		return command(t, dir, nil, "audit", "--jwks", "jwks.json", "--artifacts-dir", "artifacts", name)
	}
	const lost = "in WAL mode, and no "
	if code, out := audit(copied); !strings.Contains(out, lost) {
		t.Errorf("audit of a copy: exit %d\n%s", code, out)
	}
	if code, out := audit(database); code != 0 || strings.Contains(out, lost) || !strings.Contains(out, "640 verified") {
		t.Errorf("audit of the database: exit %d\n%s", code, out)
	}
	c := mustServe(t, dir, env, "--db", copied, "--artifacts", "other", "--data", "other")
	c.stop(t, os.Interrupt)
	if log := c.stderr.String(); !strings.Contains(log, "was in WAL mode, and no copy.sqlite3-wal lay beside it") {
		t.Errorf("serve on a copy says:\n%s", log)
	}

	for round := range 2 { // a second release changes nothing
		if code, out := command(t, dir, env, "serve", "--release"); code != 0 || !strings.Contains(out, "640 records") || strings.Contains(out, "position") {
			t.Fatalf("release %d: exit %d\n%s", round, code, out)
		}
		if after, journal, version := schemaOf(t, database); !slices.Equal(after, before) || journal != "delete" || version != 0 {
			t.Errorf("released: %q, %s, version %d; the original has %q", after, journal, version, before)
		}
	}
	startOriginal(t, dir, seed).make(t, 300)
	p = mustServe(t, dir, env)
	p.sessions(t, 20)
	p.stop(t, os.Interrupt)
	if code, out := audit(database); code != 0 || !strings.Contains(out, fmt.Sprint(320+320+300+20)+" verified") {
		t.Errorf("audit in the end: exit %d\n%s", code, out)
	}
	for what, args := range map[string][]string{"no file": {"--db", "none.sqlite3"}, "no database": {"--db", "jwks.json"}} {
		if code, out := command(t, dir, env, append([]string{"serve", "--release"}, args...)...); code != int(exitMalformed) {
			t.Errorf("release of %s: exit %d\n%s", what, code, out)
		}
	}
}
