package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// database makes a SQLite file by statements and returns a connection to it.
func database(t *testing.T, name string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", name+"?_pragma=busy_timeout(5000)")
	must(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	for _, s := range statements {
		_, err := db.Exec(s)
		must(t, err)
	}
	return db
}

const (
	tableLedger = `CREATE TABLE proof_ledger (session_id TEXT PRIMARY KEY, created_at REAL NOT NULL, proof_json TEXT NOT NULL,
		prev_hash TEXT NOT NULL, this_hash TEXT NOT NULL, signature TEXT NOT NULL DEFAULT '', kid TEXT NOT NULL DEFAULT '')`
	// fillLedger inserts %d records of some 4 KB.
	fillLedger = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO proof_ledger SELECT printf('s%%06d', i), i, '{"n":"' || hex(zeroblob(2000)) || '"}', printf('%%064x', i - 1), printf('%%064x', i), '', '' FROM n`
)

// sessions reads a ledger to its end.
func sessions(ctx context.Context, l *Ledger, each func(n int)) (list []string, err error) {
	for e, err := range l.Lines(ctx) {
		if err != nil {
			return list, err
		}
		list = append(list, e.SessionID)
		if each != nil {
			each(len(list))
		}
	}
	return list, nil
}

// A service that starts in the middle of a reading, writes, and moves its log into
// the file that is being read, changes nothing that is given: it is the ledger as
// it was at one time.
func TestWrittenWhileRead(t *testing.T) {
	const records = 3000
	for name, c := range map[string]struct {
		write []string
		torn  bool
		most  int
	}{
		"appends":      {[]string{"INSERT INTO proof_ledger SELECT 't' || session_id, created_at, proof_json, prev_hash, this_hash, '', '' FROM proof_ledger LIMIT 700"}, false, records + 700},
		"all moves":    {[]string{"DELETE FROM other", "VACUUM"}, false, records},
		"past altered": {[]string{"DELETE FROM other", "UPDATE proof_ledger SET kid = 'x' WHERE rowid = 1", "VACUUM"}, true, 0},
	} {
		for _, mode := range []string{"WAL", "DELETE"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "ledger.sqlite3")
				db := database(t, file, "PRAGMA journal_mode = "+mode, "CREATE TABLE other (x)", "INSERT INTO other VALUES (zeroblob(1000000))", tableLedger, fmt.Sprintf(fillLedger, records))
				must(t, db.Close())
				l, err := OpenLedger(t.Context(), file, "")
				must(t, err)
				defer l.Close()
				list, err := sessions(t.Context(), l, func(n int) {
					if n != 600 {
						return
					}
					db := database(t, file, append(c.write, "PRAGMA wal_checkpoint(TRUNCATE)")...)
					if mode == "DELETE" {
						must(t, db.Close())
					}
				})
				if c.torn && mode == "WAL" {
					if !errors.Is(err, ErrTorn) {
						t.Fatalf("%d records, %v", len(list), err)
					}
					return
				}
				must(t, err)
				if len(list) != records && len(list) != c.most {
					t.Errorf("%d records", len(list))
				}
				for i, s := range list {
					if i < records && s != fmt.Sprintf("s%06d", i+1) {
						t.Fatalf("record %d is of %s", i+1, s)
					}
				}
			})
		}
	}
}

// A service that writes all the time holds nothing up.
func TestBusyWhileRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.sqlite3")
	db := database(t, file, "PRAGMA journal_mode = WAL", tableLedger, fmt.Sprintf(fillLedger, 3000))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := db.Exec("INSERT INTO proof_ledger VALUES (?, 1, '{}', '', '', '', ''); PRAGMA wal_checkpoint(RESTART)", fmt.Sprintf("t%06d", i)); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	for range 3 {
		l, err := OpenLedger(t.Context(), file, "")
		must(t, err)
		list, err := sessions(t.Context(), l, func(n int) {
			if n%500 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		})
		must(t, errors.Join(err, l.Close()))
		if len(list) < 3000 || list[0] != "s000001" || list[2999] != "s003000" {
			t.Errorf("%d records", len(list))
		}
	}
	stop()
	must(t, <-ended)
}

// Reading writes nothing beside a database, whatever lies there.
func TestNothingBeside(t *testing.T) {
	for name, keep := range map[string][]string{"at rest": {""}, "without index": {"", "-wal"}, "with an index of nobody": {"", "-wal", "-shm"}} {
		t.Run(name, func(t *testing.T) {
			from, to := filepath.Join(t.TempDir(), "a.db"), filepath.Join(t.TempDir(), "b.db")
			db := database(t, from, "PRAGMA journal_mode = WAL", tableLedger, fmt.Sprintf(fillLedger, 10))
			if len(keep) == 1 {
				_, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
				must(t, err)
			}
			before := map[string]string{}
			for _, suffix := range keep {
				data, err := os.ReadFile(from + suffix)
				must(t, err)
				must(t, os.WriteFile(to+suffix, data, 0o644))
				before[filepath.Base(to+suffix)] = string(data)
			}
			l, err := OpenLedger(t.Context(), to, "")
			must(t, err)
			list, err := sessions(t.Context(), l, nil)
			must(t, errors.Join(err, l.Close()))
			if len(list) != 10 || len(l.Notes()) != map[bool]int{true: 1, false: 0}[len(keep) == 1] {
				t.Errorf("%d records, notes %q", len(list), l.Notes())
			}
			entries, err := os.ReadDir(filepath.Dir(to))
			must(t, err)
			for _, e := range entries {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(to), e.Name()))
				must(t, err)
				if was, ok := before[e.Name()]; !ok || was != string(data) {
					t.Errorf("%s: there before %v, changed", e.Name(), ok)
				}
			}
		})
	}
}

// However a ledger lies in a database, every record comes out, with what stands
// in it.
func TestShapes(t *testing.T) {
	row := `INSERT INTO proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash) VALUES `
	for name, c := range map[string]struct {
		statements []string
		want       []string // of each line
	}{
		"capitals":      {[]string{`CREATE TABLE PROOF_LEDGER (SESSION_ID, CREATED_AT, PROOF_JSON, PREV_HASH, THIS_HASH)`, row + `('a', 1.5, '{}', 'p', 't')`}, []string{`"session_id":"a","ledger":{"created_at":1.5,"prev_hash":"p","this_hash":"t"}`}},
		"without rowid": {[]string{`CREATE TABLE proof_ledger (session_id PRIMARY KEY, created_at, proof_json, prev_hash, this_hash) WITHOUT ROWID`, row + `('a', 1, '{}', 'p', 't')`}, []string{`"session_id":"a"`}},
		"a view": {[]string{`CREATE TABLE entries (session_id, created_at, proof_json, prev_hash, this_hash)`, `CREATE VIEW proof_ledger AS SELECT * FROM entries`,
			`INSERT INTO entries VALUES ('a', 1, '{}', 'p', 't')`}, []string{`"session_id":"a"`}},
		"created_at a text":   {[]string{tableLedger, row + `('a', 'abc', '{}', 'p', 't'), ('b', x'00', '{}', 'p', 't')`}, []string{`"created_at":"abc"`, `"created_at":"\u0000"`}},
		"created_at exact":    {[]string{tableLedger, row + `('a', 1795463676.0697134, '{}', 'p', 't'), ('b', '1795463676.5', '{}', 'p', 't')`}, []string{`"created_at":1795463676.0697134,`, `"created_at":1795463676.5,`}},
		"nothing at all":      {[]string{`CREATE TABLE proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash, signature, kid)`, row + `(NULL, NULL, NULL, NULL, NULL)`}, []string{`"session_id":"","ledger":{},"proof":""`}},
		"overwritten hash":    {[]string{tableLedger, row + `('a', 1, '{}', 'p', x'ff00')`}, []string{`"this_hash":"` + "\ufffd"}},
		"a proof of 17 MB":    {[]string{tableLedger, row + `('a', 1, zeroblob(17000000), 'p', 't'), ('b', 1, '{}', 't', 'u')`}, []string{`"proof":"longer than`, `"session_id":"b"`}},
		"no JSON, and a BLOB": {[]string{tableLedger, row + `('a', 1, 'x', 'p', 't'), ('b', 1, CAST('{"x":1}' AS BLOB), 't', 'u')`}, []string{`"proof":"x"`, `"proof":{"x":1}`}},
		"position null, a text": {[]string{tableLedger, `ALTER TABLE proof_ledger ADD COLUMN position INTEGER`, `CREATE UNIQUE INDEX p ON proof_ledger (position)`, row + `('a', 1, '{}', 'p', 't'), ('b', 1, '{}', 't', 'u'), ('c', 1, '{}', 'u', 'v')`,
			`UPDATE proof_ledger SET position = 1 WHERE session_id = 'c'`, `UPDATE proof_ledger SET position = 'x' WHERE session_id = 'a'`}, []string{`"session_id":"b"`, `"session_id":"c"`, `"session_id":"a"`}},
	} {
		for _, mode := range []string{"WAL", "DELETE"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "ledger.sqlite3")
				must(t, database(t, file, append([]string{"PRAGMA journal_mode = " + mode}, c.statements...)...).Close())
				l, err := OpenLedger(t.Context(), file, "")
				must(t, err)
				defer l.Close()
				var lines []string
				for e, err := range l.Lines(t.Context()) {
					must(t, err)
					lines = append(lines, string(e.Line()))
				}
				if len(lines) != len(c.want) {
					t.Fatalf("%d records", len(lines))
				}
				all := strings.Join(lines, "\n")
				for i, want := range c.want {
					if mode == "WAL" && !strings.Contains(lines[i], want) || !strings.Contains(all, want) {
						t.Errorf("%d: no %s in %.300s", i, want, lines[i])
					}
				}
			})
		}
	}
}

// What can't be read says why, and what to do.
func TestUnreadableDatabases(t *testing.T) {
	endless := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS session_id, i AS created_at, '{}' AS proof_json, '' AS prev_hash, '' AS this_hash FROM n`
	for name, c := range map[string]struct {
		statements []string
		damage     func(t *testing.T, file string)
		want       string
		damaged    bool
	}{
		"no table":     {statements: []string{"CREATE TABLE sessions (x)", "CREATE TABLE users (x)"}, want: "there is no table proof_ledger (there are: sessions, users)"},
		"no column":    {statements: []string{"CREATE TABLE proof_ledger (session_id)"}, want: "no column created_at"},
		"endless view": {statements: []string{"CREATE VIEW proof_ledger AS " + endless}, want: "may have no end"},
		"greedy view": {statements: []string{`CREATE VIEW proof_ledger AS WITH RECURSIVE n(i, b) AS (SELECT 1, randomblob(1000000) UNION SELECT i + 1, randomblob(1000000) FROM n) SELECT b AS session_id, i AS created_at, '{}' AS proof_json, '' AS prev_hash, '' AS this_hash FROM n WHERE i < 0`},
			want: "needs more memory than a view of a table does"},
		"huge values": {statements: []string{`CREATE VIEW proof_ledger AS SELECT hex(randomblob(400000000)) AS session_id, 1 AS created_at, '{}' AS proof_json, '' AS prev_hash, '' AS this_hash`},
			want: "needs more memory than a view of a table does"},
		"a page zeroed":  {statements: []string{tableLedger, strings.Replace(fmt.Sprintf(fillLedger, 40), "zeroblob(2000)", "zeroblob(100)", 1)}, damage: overwrite(4096*4, make([]byte, 4096)), want: "the database file itself is damaged", damaged: true},
		"a cell count":   {statements: []string{tableLedger, strings.Replace(fmt.Sprintf(fillLedger, 40), "zeroblob(2000)", "zeroblob(100)", 1)}, damage: overwrite(4096*4+3, []byte{0, 1}), want: "the database file itself is damaged", damaged: true},
		"cut":            {statements: []string{tableLedger, fmt.Sprintf(fillLedger, 100)}, damage: func(t *testing.T, file string) { must(t, os.Truncate(file, 50000)) }, want: "it was cut: 50000 bytes of", damaged: true},
		"only a header":  {statements: []string{tableLedger}, damage: func(t *testing.T, file string) { must(t, os.Truncate(file, 60)) }, want: "it ends within its header", damaged: true},
		"a journal":      {statements: []string{tableLedger}, damage: hotJournalOf, want: "left over from a crash"},
		"content no one": {statements: []string{tableLedger, fmt.Sprintf(fillLedger, 10)}, damage: overwrite(100, []byte(strings.Repeat("\xa5", 4000))), want: "the database file itself is damaged", damaged: true},
	} {
		for _, mode := range []string{"WAL", "DELETE"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "ledger.sqlite3")
				must(t, database(t, file, append([]string{"PRAGMA journal_mode = " + mode}, c.statements...)...).Close())
				if c.damage != nil {
					c.damage(t, file)
				}
				l, err := OpenLedger(t.Context(), file, "")
				if err == nil {
					_, err = sessions(t.Context(), l, nil)
					must(t, l.Close())
				}
				var damaged *DamagedError
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &damaged) != c.damaged {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func overwrite(at int64, data []byte) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(data, at)
		must(t, errors.Join(err, f.Close()))
	}
}

// hotJournalOf leaves what a crash in the middle of a transaction leaves.
func hotJournalOf(t *testing.T, file string) {
	live := filepath.Join(t.TempDir(), "live.sqlite3")
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(live, data, 0o644))
	db := database(t, live, "PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 2", "BEGIN", fmt.Sprintf(fillLedger, 2000))
	defer db.Close()
	journal, err := os.ReadFile(live + "-journal")
	must(t, err)
	must(t, os.WriteFile(file+"-journal", journal, 0o644))
}

// A statement that does not end is left behind.
func TestStopsInTheMiddle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.sqlite3")
	endless := `CREATE VIEW proof_ledger AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
		SELECT i AS session_id, i AS created_at, '{}' AS proof_json, '' AS prev_hash, '' AS this_hash FROM n WHERE i < 0`
	must(t, database(t, file, endless).Close())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	l, err := OpenLedger(ctx, file, "")
	must(t, err)
	start := time.Now()
	if _, err := sessions(ctx, l, nil); err == nil {
		t.Error("an endless view ended")
	}
	must(t, l.Close())
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

// A service answers a record of which a cell was edited.
func TestEditedCells(t *testing.T) {
	for _, edit := range []string{"created_at = 'abc'", "created_at = x'00'", "signature = x'ff'", "proof_json = zeroblob(10)", "position = NULL"} {
		t.Run(edit, func(t *testing.T) {
			o := place(t, "qod-mock-v0.4/ledger.sqlite3")
			s := open(t, o)
			list, err := s.Records(t.Context(), 1, 100)
			must(t, err)
			id := list[3].SessionID
			_, err = database(t, o.Database).Exec("UPDATE proof_ledger SET "+edit+" WHERE session_id = ?", id)
			must(t, err)
			if r, err := s.Record(t.Context(), id); err != nil || r.SessionID != id {
				t.Errorf("the record: %+v, %v", r, err)
			}
			list, err = s.Records(t.Context(), 1, 100)
			if err != nil || len(list) != 12 && edit != "position = NULL" {
				t.Errorf("%d records, %v", len(list), err)
			}
			if r, err := prove(s, "new"); err != nil || r.Position != 13 {
				t.Errorf("the next record: %+v, %v", r, err)
			}
		})
	}
}

// Damage that is met in the middle of a reading is damage, and no state of a ledger.
func TestDamagedWhileRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.sqlite3")
	must(t, database(t, file, "PRAGMA journal_mode = WAL", tableLedger, strings.Replace(fmt.Sprintf(fillLedger, 20_000), "zeroblob(2000)", "zeroblob(100)", 1)).Close())
	info, err := os.Stat(file)
	must(t, err)
	l, err := OpenLedger(t.Context(), file, "")
	must(t, err)
	defer l.Close()
	list, err := sessions(t.Context(), l, func(n int) {
		if n == 1 {
			for at := info.Size() / 2; at < info.Size(); at += 4096 {
				overwrite(at/4096*4096, make([]byte, 4096))(t, file)
			}
			must(t, os.Chtimes(file, time.Time{}, info.ModTime())) // the disk's doing, and no program's
		}
	})
	var damaged *DamagedError
	if !errors.As(err, &damaged) || len(list) == 0 || len(list) == 20_000 {
		t.Errorf("%d records, %v", len(list), err)
	}
}
