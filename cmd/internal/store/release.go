package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// Released is what [Release] left behind.
type Released struct {
	Records int64
	// Kept: the order of the records is not that of their times, by which the
	// original goes, so the column with the order stays. It does not mind it.
	Kept bool
	// Missing is how many records have no artifact.json.
	Missing int64
}

// errInUse: only one program at a time can change how the database is kept.
var errInUse = errors.New("a program has the database open: stop the service first")

// Release gives a ledger back to the original: without the triggers and indexes
// that keep it from forking, at which the original's own writes fail, and without
// the write-ahead log, so that the file is whole by itself. Records stay as they
// are. [OpenSQLite] takes it again.
func Release(ctx context.Context, o Options) (r Released, err error) {
	info, err := os.Stat(o.Database)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err == nil && !IsDatabase(o.Database) {
		err = errors.New("it is not an SQLite database")
	}
	if err != nil {
		return r, err
	}
	db, err := sql.Open("sqlite", databaseURL(o.Database, "busy_timeout(2000)", "synchronous(FULL)"))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return r, unopened(o.Database, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil || mode != "delete" {
		if err != nil && !isBusy(err) {
			return r, unopened(o.Database, err)
		}
		return r, errInUse
	}
	if _, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		if isBusy(err) {
			return r, errInUse
		}
		return r, unopened(o.Database, err)
	}
	if err := r.strip(ctx, conn); err != nil {
		_, rollback := conn.ExecContext(ctx, "ROLLBACK")
		return r, errors.Join(err, rollback)
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return r, err
	}
	r.Missing, err = missingArtifacts(ctx, conn, o.Artifacts)
	return r, err
}

// originalColumns are the original's tables.
var originalColumns = map[string][]string{
	"sessions":     {"session_id", "created_at", "intent_json", "qos_profile", "qos_status", "provider_note"},
	"telemetry":    {"id", "session_id", "created_at", "sample_json"},
	"proof_ledger": {"session_id", "created_at", "proof_json", "prev_hash", "this_hash", "signature", "kid"},
}

// strip takes out what schema.sql adds to the original's schema, and nothing that
// anybody else added.
func (r *Released) strip(ctx context.Context, conn *sql.Conn) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return newerSchema(version)
	}
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM proof_ledger").Scan(&r.Records); err != nil {
		return err
	}
	if version == 0 {
		return nil // it is the original's already
	}
	added, columns, err := ownSchema(ctx)
	if err != nil {
		return err
	}
	for _, statement := range added {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	err = conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM (
		SELECT position AS p, row_number() OVER (ORDER BY created_at, rowid) AS n, row_number() OVER (ORDER BY position) AS m FROM proof_ledger
	) WHERE p IS NULL OR n <> m)`).Scan(&r.Kept)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if c[0] == "proof_ledger" && c[1] == "position" && r.Kept {
			continue
		}
		there, err := hasColumn(ctx, conn, c[0], c[1])
		if err == nil && there {
			_, err = conn.ExecContext(ctx, "ALTER TABLE "+c[0]+" DROP COLUMN "+c[1])
		}
		if err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "PRAGMA user_version = 0")
	return err
}

// ownSchema returns the statements that drop what schema.sql makes beside the
// original's tables, and the columns, with their tables, that it adds to those.
func ownSchema(ctx context.Context) (drop []string, columns [][2]string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if err := migrateIn(ctx, conn); err != nil {
		return nil, nil, err
	}
	rows, err := conn.QueryContext(ctx, `SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'
		ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'index' THEN 1 ELSE 2 END`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var kind, name string
	for rows.Next() {
		if err := rows.Scan(&kind, &name); err != nil {
			return nil, nil, err
		}
		if _, theirs := originalColumns[name]; !theirs {
			drop = append(drop, fmt.Sprintf("DROP %s IF EXISTS %s", strings.ToUpper(kind), name))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	for table, theirs := range originalColumns {
		names, err := columnNames(ctx, conn, table)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			if !slices.Contains(theirs, name) {
				columns = append(columns, [2]string{table, name})
			}
		}
	}
	return drop, columns, nil
}

func columnNames(ctx context.Context, conn *sql.Conn, table string) (names []string, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func hasColumn(ctx context.Context, conn *sql.Conn, table, column string) (bool, error) {
	names, err := columnNames(ctx, conn, table)
	return slices.Contains(names, column), err
}

// missingArtifacts counts the records without artifact.json, which the original's
// /verify wants.
func missingArtifacts(ctx context.Context, conn *sql.Conn, artifacts string) (n int64, err error) {
	root, err := os.OpenRoot(artifacts)
	if err != nil {
		return 0, fmt.Errorf("the artifacts folder: %w", err)
	}
	defer root.Close()
	rows, err := conn.QueryContext(ctx, "SELECT session_id FROM proof_ledger")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return n, err
		}
		if _, err := root.Lstat(mint.ArtifactPath(id)); err != nil {
			n++
		}
	}
	return n, rows.Err()
}

// settle takes the database out of WAL mode when the service ends, if it is the
// last that has it open. A file in WAL mode without its log is then one that was
// copied from under a service, or lost its log.
func (s *SQLite) settle() {
	ctx := context.Background()
	closeAll(s.statements.all())
	closeAll(s.readers.all())
	s.reader.Close()
	_, err := s.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE")
	if err != nil && !isBusy(err) && !errors.Is(err, sql.ErrConnDone) {
		s.log.Warn("the database stays in WAL mode", "error", err)
	}
}

// unlogged reports whether a database is in WAL mode and its log is not there.
func unlogged(name string) bool {
	c, err := look(name)
	if err != nil || !c.wal {
		return false
	}
	_, err = os.Stat(name + walSuffix)
	return errors.Is(err, fs.ErrNotExist)
}

// Unlogged is what whoever starts a service on such a file is told.
func (s *SQLite) Unlogged() string {
	if !s.unlogged {
		return ""
	}
	return filepath.Base(s.name) + " was in WAL mode, and no " + filepath.Base(s.name) + walSuffix +
		" lay beside it: if it is a copy that was made while its service ran (cp), its last records are in the file that was not copied, and what is signed now forks from them; copy with sqlite3 FILE \".backup COPY\", or with the service stopped"
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlitecode.SQLITE_BUSY || e.Code()&0xff == sqlitecode.SQLITE_LOCKED)
}
