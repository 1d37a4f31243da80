package store

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // SQLite in pure Go, with the C library's own locks

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/ready"
)

// schemaVersion is the user_version that this package writes.
const schemaVersion = 1

//go:embed schema.sql
var schema string

// SQLite is the durable store: the original's database file and artifacts
// folder. Reads go through a pool; all writes go through one goroutine, which
// commits what has queued up in one transaction (group commit), since a commit
// costs a disk flush however much is in it.
type SQLite struct {
	reader  *sql.DB
	readers reads
	writer  *sql.DB   // of one connection,
	conn    *sql.Conn // this one
	statements
	folder *folder
	queue  chan *operation
	ended  chan struct{} // closed when the writer has ended
	closed chan struct{} // closed when no more operations are taken
	log    *slog.Logger
	board  *ready.Board
	head   *Head // what the writer committed last; nil until it has
	batch  int   // upper bound of operations in one transaction
	last   int   // operations in the last one
	name   string
	// unlogged: see [SQLite.Unlogged].
	unlogged bool
}

// Options names the files of a [SQLite] store.
type Options struct {
	Database  string // file; made with its folder when missing
	Artifacts string // folder; made when missing
	Log       *slog.Logger
	// Board is told what stands in the way of the store until somebody mends it; nil
	// means one of its own.
	Board *ready.Board
	// Batch is the largest number of writes that share a commit; 0 means 256.
	Batch int
}

// OpenSQLite opens a ledger, an existing one of the original included, and
// brings its schema up to date.
func OpenSQLite(ctx context.Context, o Options) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(o.Database), 0o755); err != nil {
		return nil, err
	}
	folder, err := openFolder(o.Artifacts)
	if err != nil {
		return nil, fmt.Errorf("the artifacts folder: %w", err)
	}
	s := &SQLite{
		folder: folder, log: o.Log, batch: cmp.Or(o.Batch, maxBatch),
		queue: make(chan *operation, maxBatch), ended: make(chan struct{}), closed: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.board = o.Board; s.board == nil {
		s.board = ready.NewBoard(s.log)
	}
	if err := s.open(ctx, o.Database); err != nil {
		return nil, errors.Join(fmt.Errorf("the ledger database %s: %w", o.Database, unopened(o.Database, err)), s.release())
	}
	go s.run()
	return s, nil
}

func (s *SQLite) open(ctx context.Context, file string) error {
	s.name = file
	if _, statErr := os.Stat(file); statErr == nil {
		s.unlogged = unlogged(file)
	}
	// FULL: a commit that was answered survives a power cut. NORMAL would lose
	// the last ones in WAL mode. A page cache of 500 KiB for each connection, a
	// quarter of the default, keeps memory flat as the ledger grows, and costs
	// nothing measurable: what is looked up is what was just written.
	name := databaseURL(file, "busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-500)")
	var err error
	if s.writer, err = sql.Open("sqlite", name); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.conn, err = s.writer.Conn(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	if err := s.statements.prepareAll(ctx, s.conn); err != nil {
		return err
	}
	if s.reader, err = sql.Open("sqlite", name); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(8)
	s.reader.SetMaxIdleConns(8)
	for _, p := range s.readers.all() {
		if *p.to, err = s.reader.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// databaseURL is the name by which the driver opens a file.
func databaseURL(file string, pragmas ...string) string {
	if absolute, err := filepath.Abs(file); err == nil {
		file = absolute
	}
	return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(file), "/"), RawQuery: url.Values{"_pragma": pragmas}.Encode()}).String()
}

func newerSchema(version int) error {
	return fmt.Errorf("its schema is version %d, newer than this program's %d", version, schemaVersion)
}

// migrate takes the file to schemaVersion in one transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := migrateIn(ctx, conn); err != nil {
		_, rollback := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, rollback)
	}
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

func migrateIn(ctx context.Context, conn *sql.Conn) error {
	number := func(query string) (n int, err error) {
		err = conn.QueryRowContext(ctx, query).Scan(&n)
		return n, err
	}
	version, err := number("PRAGMA user_version")
	switch {
	case err != nil:
		return err
	case version > schemaVersion:
		return newerSchema(version)
	case version == schemaVersion:
		return nil
	}
	legacy := 0
	old, err := number("SELECT count(*) FROM sqlite_schema WHERE name = 'proof_ledger'")
	if err != nil {
		return err
	}
	if old > 0 {
		if legacy, err = number("SELECT count(*) FROM proof_ledger"); err != nil {
			return err
		}
		// Ledgers of v0.1 and v0.2 lack one or both of these.
		for _, column := range []string{"signature", "kid"} {
			n, err := number("SELECT count(*) FROM pragma_table_info('proof_ledger') WHERE name = '" + column + "'")
			if err == nil && n == 0 {
				_, err = conn.ExecContext(ctx, "ALTER TABLE proof_ledger ADD COLUMN "+column+" TEXT NOT NULL DEFAULT ''")
			}
			if err != nil {
				return err
			}
		}
	}
	// A ledger that was given back to the original may have kept its order.
	if kept, err := hasColumn(ctx, conn, "proof_ledger", "position"); err != nil {
		return err
	} else if old > 0 && !kept {
		if _, err := conn.ExecContext(ctx, "ALTER TABLE proof_ledger ADD COLUMN position INTEGER"); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, strings.ReplaceAll(schema, "LEGACY", strconv.Itoa(legacy))+
		"; PRAGMA user_version = "+strconv.Itoa(schemaVersion))
	return err
}

// Close implements [Store].
func (s *SQLite) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	<-s.ended
	s.settle()
	return s.release()
}

func (s *SQLite) release() error {
	errs := []error{closeAll(s.statements.all()), closeAll(s.readers.all())}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.folder.close())...)
}

const (
	// A cell that somebody edited is a matter of its record, and no reason to answer
	// none.
	selectRecord = `SELECT coalesce(CAST(position AS INTEGER), 0), coalesce(CAST(session_id AS TEXT), ''), coalesce(CAST(created_at AS REAL), 0.0),
		coalesce(CAST(proof_json AS TEXT), ''), coalesce(CAST(prev_hash AS TEXT), ''), coalesce(CAST(this_hash AS TEXT), ''),
		coalesce(CAST(signature AS TEXT), ''), coalesce(CAST(kid AS TEXT), '') FROM proof_ledger`
	selectSummary = `SELECT s.session_id, s.created_at, s.intent_json, s.qos_profile, s.qos_status, s.provider_note,
		(SELECT count(*) FROM telemetry t WHERE t.session_id = s.session_id),
		coalesce((SELECT position FROM proof_ledger p WHERE p.session_id = s.session_id), 0) FROM sessions s `
)

type scanner interface{ Scan(...any) error }

func scanRecord(row scanner) (r Record, err error) {
	err = row.Scan(&r.Position, &r.SessionID, &r.CreatedAt, &r.ProofJSON, &r.PrevHash, &r.ThisHash, &r.Signature, &r.KID)
	return r, none(err, ErrNoRecord)
}

func scanSummary(row scanner) (v Summary, err error) {
	err = row.Scan(&v.ID, &v.CreatedAt, &v.IntentJSON, &v.Profile, &v.Status, &v.Note, &v.Samples, &v.Position)
	return v, none(err, ErrUnknownSession)
}

// none turns "no such row" into what that means, and any other error of the
// database into an UnavailableError.
func none(err, missing error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return missing
	}
	return &UnavailableError{err}
}

// Session implements [Store].
func (s *SQLite) Session(ctx context.Context, id string) (Summary, error) {
	return scanSummary(s.reader.QueryRowContext(ctx, selectSummary+"WHERE s.session_id = ?", id))
}

// Sessions implements [Store].
func (s *SQLite) Sessions(ctx context.Context, limit, offset int) ([]Summary, error) {
	rows, err := s.reader.QueryContext(ctx, selectSummary+"ORDER BY s.created_at DESC, s.rowid DESC LIMIT ? OFFSET ?", limit, offset)
	if err != nil {
		return nil, none(err, nil)
	}
	defer rows.Close()
	var list []Summary
	for rows.Next() {
		v, err := scanSummary(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, none(rows.Err(), nil)
}

// Record implements [Store].
func (s *SQLite) Record(ctx context.Context, id string) (Record, error) {
	return scanRecord(s.reader.QueryRowContext(ctx, selectRecord+" WHERE session_id = ?", id))
}

// Before implements [Store].
func (s *SQLite) Before(ctx context.Context, position int64) (Record, error) {
	return scanRecord(s.reader.QueryRowContext(ctx, selectRecord+" WHERE position < ? ORDER BY position DESC LIMIT 1", position))
}

// Records implements [Store].
func (s *SQLite) Records(ctx context.Context, from int64, limit int) ([]Record, error) {
	rows, err := s.reader.QueryContext(ctx, selectRecord+" WHERE position >= ? AND typeof(position) = 'integer' ORDER BY position LIMIT ?", from, limit)
	if err != nil {
		return nil, none(err, nil)
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, none(rows.Err(), nil)
}

// Samples implements [Store].
func (s *SQLite) Samples(ctx context.Context, id string, limit int64) ([]Sample, error) {
	return first(s.readers.samplesOf(ctx, id), limit)
}

// Artifact implements [Store].
func (s *SQLite) Artifact(_ context.Context, id string) ([]byte, error) { return s.folder.read(id) }

// KIDs implements [Store]. The records of v0.1 name none and are left out.
func (s *SQLite) KIDs(ctx context.Context) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT DISTINCT kid FROM proof_ledger WHERE kid <> '' ORDER BY kid")
	if err != nil {
		return nil, none(err, nil)
	}
	defer rows.Close()
	var kids []string
	for rows.Next() {
		var kid string
		if err := rows.Scan(&kid); err != nil {
			return nil, none(err, nil)
		}
		kids = append(kids, kid)
	}
	return kids, none(rows.Err(), nil)
}

// LastOf returns the last records of a kid, at most n.
func (s *SQLite) LastOf(ctx context.Context, kid string, n int) ([]Record, error) {
	rows, err := s.reader.QueryContext(ctx, selectRecord+` WHERE position <= (SELECT max(position) FROM proof_ledger WHERE kid = ?1) AND kid = ?1
		ORDER BY position DESC LIMIT ?2`, kid, n)
	if err != nil {
		return nil, none(err, nil)
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, none(rows.Err(), nil)
}

// Copy returns the file with the signed copy of a session's record.
func (s *SQLite) Copy(id string) ([]byte, error) { return s.folder.readNamed(mint.CopyPath(id)) }

// Remember has the chain go on from a head that is known to have been signed. It
// is called before anything is written.
func (s *SQLite) Remember(h Head) { s.head = &h }

// Ready implements [Store]. The write is a transaction that changes nothing.
func (s *SQLite) Ready(ctx context.Context) error {
	if err := s.folder.ready(); err != nil {
		return &UnavailableError{err}
	}
	return s.submit(ctx, func(t *transaction) error {
		return none(t.control("PRAGMA user_version = "+strconv.Itoa(schemaVersion)), nil)
	})
}

// CreateSession implements [Store].
func (s *SQLite) CreateSession(ctx context.Context, v Session) error {
	return s.submit(ctx, func(t *transaction) error {
		return t.exec(t.insertSession, v.ID, v.CreatedAt, v.IntentJSON, v.Profile, v.Status, v.Note)
	})
}

// AddSample implements [Store].
func (s *SQLite) AddSample(ctx context.Context, v Sample) error {
	return s.submit(ctx, func(t *transaction) error {
		switch now, _, err := t.session(t.ctx, v.SessionID); {
		case err != nil:
			return err
		case now.finalized, t.pendingOf(v.SessionID) != nil:
			return ErrFinalized
		}
		return t.exec(t.insertSample, v.SessionID, v.CreatedAt, v.JSON)
	})
}

// Finalize implements [Store]. What needs no place in the chain is made before
// the writer's turn, from a read of its own; in the turn it is used only if the
// session's telemetry is still what was read.
func (s *SQLite) Finalize(ctx context.Context, id string, prepare Prepare) (record Record, existed bool, err error) {
	link, seen, err := s.readers.prepare(ctx, id, prepare)
	if err != nil && err != ErrFinalized {
		return Record{}, false, err
	}
	var p *pending
	err = s.submit(ctx, func(t *transaction) error {
		p, record, existed = nil, Record{}, false // a retried operation starts anew
		if p = t.pendingOf(id); p != nil {
			existed = true // by another request of this very batch
			return nil
		}
		now, _, err := t.session(t.ctx, id)
		if err != nil {
			return err
		}
		if now.finalized {
			existed = true
			if record, err = scanRecord(t.record.QueryRowContext(t.ctx, id)); err != nil {
				return err
			}
			return t.unchanged(record)
		}
		if link == nil || now != seen {
			if link, _, err = t.prepare(t.ctx, id, prepare); err != nil {
				return err
			}
		}
		head, err := t.loadHead()
		if err != nil {
			return err
		}
		draft, err := link(head)
		if err != nil {
			return err
		}
		p = t.append(draft.place(head, id), draft)
		return nil
	})
	if err != nil {
		return Record{}, existed, err
	}
	if p != nil {
		record = p.record
	}
	return record, existed, nil
}

// state is what a prepared record depends on.
type state struct {
	finalized bool
	last      int64 // id of the last sample, 0 when there is none
}

const (
	selectState = `SELECT EXISTS (SELECT 1 FROM proof_ledger p WHERE p.session_id = s.session_id),
	coalesce((SELECT max(id) FROM telemetry t WHERE t.session_id = s.session_id), 0),
	s.session_id, s.created_at, s.intent_json, s.qos_profile, s.qos_status, s.provider_note
	FROM sessions s WHERE s.session_id = ?`
	selectSamples = `SELECT created_at, sample_json FROM telemetry WHERE session_id = ? ORDER BY id`
)

// reads are the statements of one session, of the readers or of the writer.
type reads struct{ state, samples *sql.Stmt }

func (r *reads) session(ctx context.Context, id string) (now state, v Session, err error) {
	err = r.state.QueryRowContext(ctx, id).Scan(&now.finalized, &now.last,
		&v.ID, &v.CreatedAt, &v.IntentJSON, &v.Profile, &v.Status, &v.Note)
	return now, v, none(err, ErrUnknownSession)
}

// prepare prepares a session's record, and returns the state for which it is
// right. The state is read before the samples: if some come in between, it is
// not the writer's, who then prepares again.
func (r *reads) prepare(ctx context.Context, id string, prepare Prepare) (Link, state, error) {
	seen, v, err := r.session(ctx, id)
	switch {
	case err != nil:
		return nil, seen, err
	case seen.finalized:
		return nil, seen, ErrFinalized
	}
	link, err := prepare(v, r.samplesOf(ctx, id))
	return link, seen, err
}

// unchanged returns ErrChanged when another program added telemetry to a
// finalized session.
func (t *transaction) unchanged(r Record) error {
	var later bool
	if err := t.laterSamples.QueryRowContext(t.ctx, r.SessionID, r.CreatedAt).Scan(&later); err != nil {
		return none(err, nil)
	}
	if later {
		return ErrChanged
	}
	return nil
}

func (r *reads) samplesOf(ctx context.Context, id string) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		rows, err := r.samples.QueryContext(ctx, id)
		if err != nil {
			yield(Sample{}, none(err, nil))
			return
		}
		defer rows.Close()
		for rows.Next() {
			v := Sample{SessionID: id}
			if err := rows.Scan(&v.CreatedAt, &v.JSON); err != nil {
				yield(v, none(err, nil))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Sample{}, none(err, nil))
		}
	}
}

// loadHead returns where the next record goes. The writer's own memory of what
// it committed last is believed over the file: a head that was edited there must
// not become the anchor of new records. Records that another program appended
// after it are taken as they are.
func (t *transaction) loadHead() (Head, error) {
	if t.head != nil {
		return *t.head, nil
	}
	stored := Head{ThisHash: bundle.Genesis}
	err := t.storedHead.QueryRowContext(t.ctx).Scan(&stored.Position, &stored.ThisHash, &stored.CreatedAt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Head{}, none(err, nil)
	}
	if known := t.store.head; known != nil {
		switch {
		case stored.Position > known.Position:
			t.store.log.Warn("another program appended to the ledger", "records", stored.Position-known.Position)
		case stored != *known:
			t.store.log.Error("the ledger's last record was changed by another program; the chain goes on from what was signed",
				"position", known.Position)
			stored = *known
		}
	}
	t.head = &stored
	return stored, nil
}
