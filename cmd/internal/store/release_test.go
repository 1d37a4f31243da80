package store

import (
	"database/sql"
	"os"
	"slices"
	"strings"
	"testing"
)

// A clock that stepped back leaves records whose order is not that of their times:
// the order survives the way to the original and back.
func TestReleaseKeepsTheOrder(t *testing.T) {
	o := place(t, "qod-mock-v0.4/ledger.sqlite3")
	order := func() (list []string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+o.Database)
		must(t, err)
		defer db.Close()
		rows, err := db.Query("SELECT session_id FROM proof_ledger ORDER BY position")
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var id string
			must(t, rows.Scan(&id))
			list = append(list, id)
		}
		must(t, rows.Err())
		return list
	}
	change := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", "file:"+o.Database)
		must(t, err)
		_, err = db.Exec(statement)
		must(t, err)
		must(t, db.Close())
	}
	must(t, open(t, o).Close())
	whole := order()
	change("UPDATE proof_ledger SET created_at = created_at - 1000 WHERE position > 6")
	r, err := Release(t.Context(), o)
	must(t, err)
	if !r.Kept || r.Records != int64(len(whole)) || r.Missing != r.Records {
		t.Errorf("released %+v", r)
	}
	// The original goes on, and knows no position.
	change("INSERT INTO proof_ledger (session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES ('new', 1, '{}', 'x', 'y', '', 'k')")
	s := open(t, o)
	must(t, s.Close())
	if got, want := order(), append(slices.Clone(whole), "new"); !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
	// An order that times give is not kept: the file is the original's to the column.
	change("UPDATE proof_ledger SET created_at = position")
	if r, err = Release(t.Context(), o); err != nil || r.Kept {
		t.Errorf("released %+v, %v", r, err)
	}
}

func TestReleaseRefuses(t *testing.T) {
	o := place(t, "qod-mock-v0.4/ledger.sqlite3")
	s := open(t, o)
	if _, err := Release(t.Context(), o); err == nil || !strings.Contains(err.Error(), "stop the service first") {
		t.Errorf("under a service: %v", err)
	}
	must(t, s.Close())
	must(t, os.WriteFile(o.Database, []byte("noise"), 0o644))
	if _, err := Release(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not an SQLite database") {
		t.Errorf("noise: %v", err)
	}
	o.Database += ".none"
	if _, err := Release(t.Context(), o); err == nil {
		t.Error("nothing was released")
	}
	if _, err := os.Stat(o.Database); err == nil {
		t.Error("a database was made")
	}
}
