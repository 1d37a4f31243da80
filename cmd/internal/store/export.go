package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// Ledger is a ledger's database opened for reading alone: nothing in it or
// beside it is written, its schema stays what it is, and a service may go on
// writing to it.
type Ledger struct {
	db     *sql.DB
	folder *folder // nil without artifacts
	query  string
	paged  bool // the query wants the rowid behind which to go on
	count  int64
}

// IsDatabase reports whether a file is a SQLite database by its first bytes. It
// looks at regular files alone: what is read from a pipe is gone from it.
func IsDatabase(name string) bool {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [16]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "SQLite format 3\x00"
}

// OpenLedger opens a ledger of the original, of any generation, or of this
// program. An empty name of the artifacts folder means that there is none.
func OpenLedger(ctx context.Context, database, artifacts string) (*Ledger, error) {
	absolute, err := filepath.Abs(database)
	if err != nil {
		return nil, err
	}
	parameters := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)", "cache_size(-500)", "trusted_schema(0)"}}
	if atRest(absolute) {
		// Even reading a database in WAL mode makes two files beside it. Without a
		// log there is no writer and nothing to recover, so no file is needed.
		parameters.Set("immutable", "1")
	}
	l := &Ledger{}
	name := (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(absolute), "/"), RawQuery: parameters.Encode()}).String()
	if l.db, err = sql.Open("sqlite", name); err != nil {
		return nil, err
	}
	l.db.SetMaxOpenConns(1)
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if artifacts != "" {
		root, err := os.OpenRoot(artifacts)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the artifacts folder: %w", err), l.Close())
		}
		l.folder = &folder{root: root}
	}
	return l, nil
}

// atRest reports whether a database in WAL mode has no write-ahead log.
func atRest(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [20]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || !bytes.Equal(head[18:20], []byte{2, 2}) {
		return false
	}
	info, err := os.Stat(name + "-wal")
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
}

// prepare builds the query out of the columns that are there: v0.1 has no
// signature, v0.2 no kid, the original no position. Types and sizes are the
// query's and not the file's: SQLite keeps any type in any column.
func (l *Ledger) prepare(ctx context.Context) error {
	rows, err := l.db.QueryContext(ctx, "SELECT name FROM pragma_table_info('proof_ledger')")
	if err != nil {
		return err
	}
	defer rows.Close()
	have := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		have[name] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range []string{"session_id", "created_at", "proof_json", "prev_hash", "this_hash"} {
		if !have[name] {
			return fmt.Errorf("it holds no ledger: the table proof_ledger has no column %s", name)
		}
	}
	text := func(name string, limit int) string {
		if !have[name] {
			return "''"
		}
		return fmt.Sprintf("coalesce(CAST(substr(%s, 1, %d) AS TEXT), '')", name, limit)
	}
	// By position in one statement: this program's ledgers are in WAL mode, where
	// reading holds nobody up. The original's are not, and while a statement reads
	// the original can't commit: by rowid, the order of insertion, page by page.
	order := " ORDER BY position, rowid"
	if l.paged = !have["position"]; l.paged {
		order = fmt.Sprintf(" WHERE rowid > ? ORDER BY rowid LIMIT %d", exportPage)
	}
	l.query = "SELECT rowid, " + strings.Join([]string{
		text("session_id", 1<<16), "coalesce(CAST(created_at AS REAL), 0.0)", text("proof_json", 16<<20+1),
		text("prev_hash", 1<<16), text("this_hash", 1<<16), text("signature", 1<<16), text("kid", 1<<16),
	}, ", ") + " FROM proof_ledger" + order
	return l.db.QueryRowContext(ctx, "SELECT count(*) FROM proof_ledger").Scan(&l.count)
}

// Count returns the number of records when the ledger was opened.
func (l *Ledger) Count() int64 { return l.count }

// exportPage is how many rows of a ledger without positions are read at a time.
const exportPage = 500

// Lines yields every record's bundle as [mint.Stored.Line] writes it, in the
// order of the ledger. Records that are appended meanwhile may come too.
func (l *Ledger) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		line := func(r row) bool {
			var artifact []byte
			var err error
			if l.folder != nil {
				if artifact, err = l.folder.read(r.SessionID); errors.Is(err, ErrNoArtifact) {
					err = nil
				}
			}
			return yield(r.Line(artifact), err) && err == nil
		}
		if !l.paged {
			for r, err := range l.rows(ctx) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !line(r) {
					return
				}
			}
			return
		}
		for after := int64(math.MinInt64); ; {
			var page []row
			for r, err := range l.rows(ctx, after) {
				if err != nil {
					yield(nil, err)
					return
				}
				page = append(page, r)
			}
			for _, r := range page {
				if after = r.id; !line(r) {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
		}
	}
}

// row is a stored record with its rowid.
type row struct {
	id int64
	mint.Stored
}

// rows runs the query.
func (l *Ledger) rows(ctx context.Context, args ...any) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		rows, err := l.db.QueryContext(ctx, l.query, args...)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var s row
			err := rows.Scan(&s.id, &s.SessionID, &s.CreatedAt, &s.ProofJSON, &s.PrevHash, &s.ThisHash, &s.Signature, &s.KID)
			if !yield(s, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(row{}, err)
		}
	}
}

// Close ends reading.
func (l *Ledger) Close() error {
	var err error
	if l.folder != nil {
		err = l.folder.root.Close()
	}
	return errors.Join(l.db.Close(), err)
}
