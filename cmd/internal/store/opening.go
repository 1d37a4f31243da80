package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"
	"modernc.org/sqlite/vfs"
)

// maxTries bounds how often a database is opened anew because a service wrote
// over what was being read. The later ones are read transactions.
const maxTries = 8

// opening is one opening of the database.
type opening struct {
	db    *sql.DB
	conn  *sql.Conn
	files *vfs.FS // nil: SQLite's own way to the files, with locks
	fence *fence  // nil with locks
	// left: a statement of it is still under way in a goroutine that nobody waits
	// for.
	left bool
}

// close gives up what a statement under way still uses: the program is about to
// end.
func (s *opening) close() error {
	if s.left {
		return nil
	}
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.files != nil {
		errs = append(errs, s.files.Close())
	}
	return errors.Join(errs...)
}

// connect opens the database and does something with it, again and in the end
// under locks while a service writes over it.
func (l *Ledger) connect(ctx context.Context, do func(context.Context) error) error {
	for {
		err := l.open(ctx)
		if err == nil {
			err = do(ctx)
		}
		if err == nil && l.holds() {
			return nil
		}
		if !l.moved(err) {
			return l.explained(err)
		}
	}
}

// holds reports whether what was read through the session is of one state.
func (l *Ledger) holds() bool {
	return l.session != nil && (l.session.fence == nil || l.session.fence.holds(l.name))
}

// moved reports whether an error, or none, is to be put down to a change of the
// files, and whether there are tries left.
func (l *Ledger) moved(err error) bool {
	return (errors.Is(err, errMoved) || l.session != nil && !l.holds()) && l.tries < maxTries
}

// open opens the database once more.
func (l *Ledger) open(ctx context.Context) (err error) {
	if l.session != nil {
		if err := l.session.close(); err != nil {
			return err
		}
		l.session = nil
	}
	l.tries++
	s := &opening{}
	parameters := url.Values{"mode": {"ro"}}
	pragmas := []string{"busy_timeout = 5000", "query_only = 1", "cache_size = -500", "trusted_schema = 0", "temp_store = FILE", "cell_size_check = 1", "ignore_check_constraints = 1"}
	path := "///" + strings.TrimPrefix(filepath.ToSlash(l.name), "/")
	_, shm := os.Stat(l.name + "-shm")
	if l.view || l.container.wal && (l.tries == 1 || shm != nil) {
		if s.fence, err = newFence(l.name); err != nil {
			return err
		}
		name, files, err := vfs.New(direct{l.name})
		if err != nil {
			return err
		}
		s.files, path = files, directName
		parameters.Set("vfs", name)
		// An index of the log in memory, and none in a file. It must be asked for
		// before anything is read.
		pragmas = append([]string{"locking_mode = EXCLUSIVE"}, pragmas...)
	}
	l.session = s
	if s.db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+parameters.Encode()); err != nil {
		return err
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	for _, p := range pragmas {
		if _, err := s.conn.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return err
		}
	}
	if l.container.wal && s.fence == nil {
		_, err = s.conn.ExecContext(ctx, "BEGIN")
	}
	return err
}

// table is proof_ledger as it is there.
type table struct {
	query string
	// paged: the query takes the rowids after which to go on and where to end.
	paged bool
	last  int64 // rowid of the last record when the ledger was opened
	bound int64 // rows that a view may have; 0 for a table
}

// prepare looks at the table, holds it to SQLite's own check, and counts it.
func (l *Ledger) prepare(ctx context.Context) error {
	var kind string
	var withoutRowid bool
	err := l.session.conn.QueryRowContext(ctx, "SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = 'proof_ledger' COLLATE NOCASE").Scan(&kind, &withoutRowid)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return l.noTable(ctx)
	case err != nil:
		return err
	case kind != "table" && kind != "view":
		return fmt.Errorf("proof_ledger is a %s table, and its rows are made by a program: give a database with a plain table", kind)
	}
	if l.view = kind == "view"; l.view && l.session.fence == nil {
		if hotJournal(l.name) {
			return errJournal
		}
		return errMoved // once more, by the way that has no place for temporary files
	}
	have, positioned, err := l.columns(ctx)
	if err != nil {
		return err
	}
	if kind == "table" {
		if err := l.check(ctx); err != nil {
			return err
		}
	}
	l.table = table{paged: kind == "table" && !withoutRowid && !l.container.wal}
	l.table.query = selectEntries(have, l.table.paged) + l.order(kind, withoutRowid, positioned)
	switch {
	case kind == "view":
		info, err := os.Stat(l.name)
		if err != nil {
			return err
		}
		l.table.bound = info.Size()/64 + 64 // each record has two hashes of 64 characters
		// A view is a program, whose values and intermediate tables can be of any size.
		// The latter must fit the page cache: there is no file for them.
		_, err = sqlite.Limit(l.session.conn, sqlitecode.SQLITE_LIMIT_LENGTH, 32<<20)
		return err
	case l.table.paged:
		return l.session.conn.QueryRowContext(ctx, "SELECT count(*), coalesce(max(rowid), 0) FROM proof_ledger").Scan(&l.count, &l.table.last)
	}
	return l.session.conn.QueryRowContext(ctx, "SELECT count(*) FROM proof_ledger").Scan(&l.count)
}

// order is the order of the chain as far as an index has it; the links have it
// anyway. Sorting would take memory that grows with the ledger.
func (l *Ledger) order(kind string, withoutRowid, positioned bool) string {
	switch {
	case kind == "view" || withoutRowid:
		return ""
	case l.table.paged:
		return fmt.Sprintf(" WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT %d", exportPage)
	case positioned:
		return " ORDER BY position, rowid"
	}
	return " ORDER BY rowid"
}

// columns returns the columns by their names in small letters, and whether an
// index has the order by position.
func (l *Ledger) columns(ctx context.Context) (have map[string]bool, positioned bool, err error) {
	names, err := l.texts(ctx, "SELECT name FROM pragma_table_info('proof_ledger')")
	if err != nil {
		return nil, false, err
	}
	have = map[string]bool{}
	for _, name := range names {
		have[asciiLower(name)] = true
	}
	for _, name := range []string{"session_id", "created_at", "proof_json", "prev_hash", "this_hash"} {
		if !have[name] {
			return nil, false, fmt.Errorf("the table proof_ledger has no column %s: it is no ledger of a proof service", name)
		}
	}
	if !have["position"] {
		return have, false, nil
	}
	indexed, err := l.texts(ctx, `SELECT i.name FROM pragma_index_list('proof_ledger') AS x, pragma_index_info(x.name) AS i
		WHERE x.partial = 0 AND i.seqno = 0 AND i.name = 'position' COLLATE NOCASE`)
	return have, len(indexed) > 0, err
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// check runs SQLite's check of the table's pages.
func (l *Ledger) check(ctx context.Context) error {
	found, err := l.texts(ctx, "PRAGMA quick_check('proof_ledger')")
	if err != nil {
		return err
	}
	for _, s := range found {
		// What stands in a column is judged with its record.
		if s != "ok" && !strings.Contains(s, " value in ") {
			detail := strings.Join(strings.Fields(s), " ")
			return &DamagedError{"SQLite's quick_check: " + detail[:min(len(detail), 200)]}
		}
	}
	return nil
}

func (l *Ledger) noTable(ctx context.Context) error {
	names, err := l.texts(ctx, "SELECT substr(name, 1, 64) FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT 9")
	if err != nil {
		return err
	}
	there := "there are none at all"
	if len(names) > 8 {
		names[8] = "…"
	}
	if len(names) > 0 {
		there = "there are: " + strings.Join(names, ", ")
	}
	if notes := l.container.notes; len(names) == 0 && len(notes) > 0 {
		there += "; " + notes[0] // a copy from under a service that is new
	}
	return fmt.Errorf("it holds no ledger: there is no table proof_ledger (%s)", there)
}

// texts returns the first column of a short query.
func (l *Ledger) texts(ctx context.Context, query string) (list []string, err error) {
	rows, err := l.session.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		if list = append(list, s.String); len(list) > math.MaxUint16 {
			break
		}
	}
	return list, rows.Err()
}
