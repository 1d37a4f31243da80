package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata"
)

// place writes a fixture's database into a folder.
func place(t *testing.T, fixture string) Options {
	t.Helper()
	dir := t.TempDir()
	o := Options{Database: filepath.Join(dir, "qod_mock.sqlite3"), Artifacts: filepath.Join(dir, "artifacts")}
	must(t, os.WriteFile(o.Database, testdata.Read(fixture), 0o644))
	return o
}

func open(t *testing.T, o Options) *SQLite {
	t.Helper()
	s, err := OpenSQLite(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// python runs a script with python3's own SQLite, or skips the test.
func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := tryPython(t, script, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func tryPython(t *testing.T, script string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	out, err := exec.Command(path, append([]string{"-c", script}, args...)...).CombinedOutput()
	return string(out), err
}

// add appends one record through the store.
func add(t *testing.T, s *SQLite, id string) Record {
	t.Helper()
	r, err := prove(s, id)
	must(t, err)
	return r
}

// The original's ledger opens, keeps every row, and goes on at its head; opening
// it again changes nothing.
func TestOriginalLedger(t *testing.T) {
	o := place(t, "qod-mock-v0.4/ledger.sqlite3")
	s := open(t, o)
	list := chain(t, s, 12)
	if len(list) != 12 || list[0].KID != "2026-q2" && list[0].KID != "default" {
		t.Fatalf("%d records, the last %+v", len(list), list[0])
	}
	r := add(t, s, "new")
	if r.Position != 13 || r.PrevHash != list[0].ThisHash || r.CreatedAt <= list[0].CreatedAt {
		t.Errorf("the next record: %+v", r)
	}
	must(t, s.Close())
	s = open(t, o)
	if got := chain(t, s, 13); len(got) != 13 || got[0] != r || got[12] != list[11] {
		t.Errorf("after opening again: %d records", len(got))
	}
	if kids, err := s.KIDs(t.Context()); err != nil || strings.Join(kids, " ") != "2026-q2 default k" {
		t.Errorf("kids %q, %v", kids, err)
	}
}

// A ledger of v0.1 lacks two columns; it opens all the same. Its records stay as
// they are, its first predecessor is lost, and new ones follow its head.
func TestLegacyLedger(t *testing.T) {
	s := open(t, place(t, "qod-mock-v0.1/ledger-8cfcc1b.sqlite3"))
	last, err := s.Before(t.Context(), 1<<60)
	must(t, err)
	if last.Position != 21 || last.Signature != "" || last.KID != "" {
		t.Fatalf("the last record: %+v", last)
	}
	if r := add(t, s, "new"); r.Position != 22 || r.PrevHash != last.ThisHash {
		t.Errorf("the next record: %+v", r)
	}
}

// A file of a later version is left alone.
func TestNewerSchema(t *testing.T) {
	o := place(t, "qod-mock-v0.4/ledger.sqlite3")
	s := open(t, o)
	must(t, s.submit(t.Context(), func(x *transaction) error { return x.control("PRAGMA user_version = 99") }))
	must(t, s.Close())
	if _, err := OpenSQLite(t.Context(), o); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("got %v", err)
	}
}

// Python's sqlite3 reads and writes beside a running store, while others
// finalize. What it appends as the original would is taken into the chain, and a
// fork that it tries fails instead of deleting the rival.
func TestBesidePython(t *testing.T) {
	o := place(t, "qod-mock-v0.4/ledger.sqlite3")
	s := open(t, o)
	first := add(t, s, "a")
	var wait sync.WaitGroup
	stop := make(chan struct{})
	wait.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := fmt.Sprintf("load%d", i)
			if err := s.CreateSession(context.Background(), session(id)); err != nil {
				t.Errorf("beside Python: %v", err)
				return
			}
		}
	})
	out := python(t, `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
assert db.execute("SELECT count(*) FROM proof_ledger").fetchone()[0] == 13
for i in range(50):
    with db:
        db.execute("INSERT INTO telemetry (session_id, created_at, sample_json) VALUES ('x', 1.0, '{}')")
with db:
    db.execute("INSERT OR REPLACE INTO proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES ('py', 1.9e9, '{}', ?, ?, 's', 'k')", (sys.argv[2], "b" * 64))
try:
    with db:
        db.execute("INSERT OR REPLACE INTO proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES ('fork', 1.9e9, '{}', ?, ?, 's', 'k')", (sys.argv[2], "c" * 64))
    print("forked")
except sqlite3.IntegrityError as e:
    print(e)
`, o.Database, first.ThisHash)
	close(stop)
	wait.Wait()
	if !strings.Contains(out, "the chain would fork") {
		t.Errorf("a fork by INSERT OR REPLACE: %s", out)
	}
	py, err := s.Record(t.Context(), "py")
	if err != nil || py.Position != first.Position+1 {
		t.Fatalf("the record that Python appended: %+v, %v", py, err)
	}
	if r := add(t, s, "b"); r.PrevHash != py.ThisHash || r.Position != py.Position+1 {
		t.Errorf("the next record: %+v", r)
	}
}

// A head that is edited in the file does not become the anchor of new records.
func TestEditedHead(t *testing.T) {
	s := openTemp(t)
	first := add(t, s, "a")
	must(t, s.submit(t.Context(), func(x *transaction) error {
		return x.control("UPDATE proof_ledger SET this_hash = '" + strings.Repeat("0", 64) + "'")
	}))
	if r := add(t, s, "b"); r.PrevHash != first.ThisHash {
		t.Errorf("the next record follows the edited head: %+v", r)
	}
	must(t, s.submit(t.Context(), func(x *transaction) error { return x.control("DELETE FROM proof_ledger WHERE session_id = 'b'") }))
	if r := add(t, s, "c"); r.Position != 3 || r.PrevHash == bundle.Genesis || r.PrevHash == first.ThisHash {
		t.Errorf("the next record hides that one was deleted: %+v", r)
	}
}

// Two processes on one ledger, here two stores, make one chain.
func TestTwoStores(t *testing.T) {
	dir := t.TempDir()
	o := Options{Database: filepath.Join(dir, "l.sqlite3"), Artifacts: filepath.Join(dir, "artifacts")}
	stores := []*SQLite{open(t, o), open(t, o)}
	var wait sync.WaitGroup
	for n, s := range stores {
		for c := range 4 {
			wait.Go(func() {
				for i := range 25 {
					id := fmt.Sprintf("s%d-%d-%d", n, c, i)
					if _, err := prove(s, id); err != nil {
						t.Errorf("%s: %v", id, err)
					}
				}
			})
		}
	}
	wait.Wait()
	if n := len(chain(t, stores[0], 200)); n != 200 {
		t.Errorf("the chain has %d records, want 200", n)
	}
}

// A ledger of the original is read page by page, so that the original can go on
// writing; what it appends meanwhile does not come, and nothing twice.
func TestLedgerPages(t *testing.T) {
	name := filepath.Join(t.TempDir(), "original.sqlite3")
	db, err := sql.Open("sqlite", name+"?_pragma=busy_timeout(1000)")
	must(t, err)
	defer db.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE proof_ledger (session_id TEXT PRIMARY KEY, created_at REAL NOT NULL, proof_json TEXT NOT NULL, prev_hash TEXT NOT NULL, this_hash TEXT NOT NULL)")
	add := func(i int) {
		exec("INSERT INTO proof_ledger VALUES (?, ?, '{}', 'GENESIS', '')", fmt.Sprintf("s%05d", i), i)
	}
	exec("BEGIN")
	for i := range 2*exportPage + 7 {
		add(i)
	}
	exec("COMMIT")
	l, err := OpenLedger(t.Context(), name, "")
	must(t, err)
	defer l.Close()
	n := 0
	for e, err := range l.Lines(t.Context()) {
		must(t, err)
		line := e.Line()
		if want := fmt.Sprintf(`{"session_id":"s%05d",`, n); !strings.HasPrefix(string(line), want) || !strings.Contains(string(line), `"this_hash":""}`) {
			t.Fatalf("record %d: %s", n, line)
		}
		if n == 10 {
			add(2*exportPage + 7) // would fail, busy, if a statement read all along
		}
		n++
	}
	if n != 2*exportPage+7 || l.Count() != 2*exportPage+7 {
		t.Errorf("%d records of %d", n, l.Count())
	}
}

// What SQLite lets stand in a column must not end the reading, and no column may
// hold more than fits.
func TestOddRows(t *testing.T) {
	name := filepath.Join(t.TempDir(), "odd.sqlite3")
	db, err := sql.Open("sqlite", name)
	must(t, err)
	_, err = db.Exec(`CREATE TABLE proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash, signature, kid);
		INSERT INTO proof_ledger VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL), (1, 'x', x'ff00', 2.5, x'', char(0), 'k"\'),
		('s', 9e999, '{"a":1,"a":2}', zeroblob(20000000), '', '', ''), ('t', 1, '{"a":1} ', '', '', '', '')`)
	must(t, err)
	must(t, db.Close())
	l, err := OpenLedger(t.Context(), name, "")
	must(t, err)
	defer l.Close()
	var lines []string
	for e, err := range l.Lines(t.Context()) {
		must(t, err)
		line := e.Line()
		if len(line) > 1<<20 || strings.Contains(string(line), "\n") {
			t.Errorf("a line of %d bytes", len(line))
		}
		lines = append(lines, string(line))
	}
	if len(lines) != 4 || !strings.Contains(lines[2], `"proof":"{`) || !strings.Contains(lines[3], `"proof":{"a":1}`) {
		t.Errorf("%.300q", lines)
	}
	for _, text := range []string{"CREATE TABLE other (x)", "CREATE TABLE proof_ledger (session_id)"} {
		file := filepath.Join(t.TempDir(), "none.sqlite3")
		db, err := sql.Open("sqlite", file)
		must(t, err)
		_, err = db.Exec(text)
		must(t, errors.Join(err, db.Close()))
		if _, err := OpenLedger(t.Context(), file, ""); err == nil {
			t.Errorf("%s: is taken for a ledger", text)
		}
	}
}
