package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// maxBatch bounds the operations of one transaction, and with it the time that
// the first of them waits for the last.
const maxBatch = 256

// operation is one write in the queue. apply either changes rows, or returns an
// error before it has changed any; an *UnavailableError undoes the transaction.
type operation struct {
	ctx   context.Context
	apply func(*transaction) error
	err   error
	done  chan struct{}
}

// submit hands an operation to the writer and waits for its commit. Once it is
// queued it is not abandoned, so the caller always learns what became of it.
func (s *SQLite) submit(ctx context.Context, apply func(*transaction) error) error {
	o := &operation{ctx: ctx, apply: apply, done: make(chan struct{})}
	select {
	case <-s.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case s.queue <- o:
	}
	select {
	case <-o.done:
		return o.err
	case <-s.ended: // closed while o was on its way into the queue
		select {
		case <-o.done:
			return o.err
		default:
			return ErrClosed
		}
	}
}

// run is the writer.
func (s *SQLite) run() {
	defer close(s.ended)
	for {
		select {
		case o := <-s.queue:
			s.commit(s.gather(o))
		case <-s.closed:
			for {
				select {
				case o := <-s.queue:
					s.commit(s.gather(o))
				default:
					return
				}
			}
		}
	}
}

// gather takes what has queued up behind o, without waiting for more.
func (s *SQLite) gather(o *operation) []*operation {
	batch := []*operation{o}
	for len(batch) < s.batch {
		select {
		case o := <-s.queue:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// commit carries out a batch in one transaction. When that fails each operation
// is tried by itself, so that one that can't be stored fails alone.
func (s *SQLite) commit(batch []*operation) {
	err := s.attempt(batch)
	if err != nil && len(batch) > 1 {
		for _, o := range batch {
			s.commit([]*operation{o})
		}
		return
	}
	for _, o := range batch {
		if err != nil {
			o.err = err
		}
		close(o.done)
	}
}

func (s *SQLite) attempt(batch []*operation) error {
	// Not a request's context: a client that goes away must not undo the
	// others' work.
	t := &transaction{store: s, ctx: context.Background(), statements: &s.statements}
	// IMMEDIATE: the head is read under the lock that the record is written
	// under, which is what keeps two writers from forking the chain.
	if err := t.control("BEGIN IMMEDIATE"); err != nil {
		return s.failed(t, err)
	}
	t.open = true
	for _, o := range batch {
		o.err = o.ctx.Err()
		if o.err != nil {
			continue
		}
		o.err = t.run(o)
		if unavailable := (*UnavailableError)(nil); errors.As(o.err, &unavailable) {
			return s.failed(t, o.err)
		}
	}
	if len(t.files) > 0 {
		if err := s.folder.writeAll(t.files); err != nil {
			return s.failed(t, err)
		}
	}
	if err := t.control("COMMIT"); err != nil {
		// Whether it reached the disk is not known, so the files stay, and the
		// head is read again.
		s.head, t.files = nil, nil
		return s.failed(t, err)
	}
	if t.head != nil {
		s.head = t.head
	}
	return nil
}

// failed undoes a transaction and returns its cause as an UnavailableError.
func (s *SQLite) failed(t *transaction, cause error) error {
	if t.open {
		if err := t.control("ROLLBACK"); err != nil {
			s.log.Error("rolling back", "error", err) // a full disk may have done it already
		}
	}
	for _, files := range t.files {
		s.folder.remove(files)
	}
	s.log.Error("a write failed; nothing of it is stored", "error", cause)
	unavailable := (*UnavailableError)(nil)
	if errors.As(cause, &unavailable) {
		return unavailable
	}
	return &UnavailableError{cause}
}

// transaction is one write transaction on the writer's connection.
type transaction struct {
	store *SQLite
	ctx   context.Context
	open  bool
	head  *Head // of the chain with this transaction's records; nil until loaded
	files [][]mint.File
	*statements
}

// statements are prepared once for the writer's connection.
type statements struct {
	insertSession, sessionState, insertSample        *sql.Stmt
	session, record, laterSamples, samples, appendTo *sql.Stmt
	storedHead                                       *sql.Stmt
}

// all lists the statements with their text.
func (s *statements) all() []statement {
	return []statement{
		{&s.insertSession, `INSERT INTO sessions (session_id, created_at, intent_json, qos_profile, qos_status, provider_note) VALUES (?, ?, ?, ?, ?, ?)`},
		{&s.sessionState, `SELECT EXISTS (SELECT 1 FROM proof_ledger p WHERE p.session_id = s.session_id) FROM sessions s WHERE s.session_id = ?`},
		{&s.insertSample, `INSERT INTO telemetry (session_id, created_at, sample_json) VALUES (?, ?, ?)`},
		{&s.session, `SELECT session_id, created_at, intent_json, qos_profile, qos_status, provider_note FROM sessions WHERE session_id = ?`},
		{&s.record, selectRecord + ` WHERE session_id = ?`},
		{&s.laterSamples, `SELECT EXISTS (SELECT 1 FROM telemetry WHERE session_id = ? AND created_at > ?)`},
		{&s.samples, `SELECT created_at, sample_json FROM telemetry WHERE session_id = ? ORDER BY id`},
		{&s.storedHead, `SELECT position, this_hash, created_at FROM proof_ledger ORDER BY position DESC LIMIT 1`},
		{&s.appendTo, `INSERT INTO proof_ledger (position, session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`},
	}
}

type statement struct {
	to   **sql.Stmt
	text string
}

func (s *statements) prepare(ctx context.Context, conn *sql.Conn) (err error) {
	for _, p := range s.all() {
		if *p.to, err = conn.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// close lets go of the statements; an open one keeps SQLite from tidying up its
// write-ahead log at the end.
func (s *statements) close() error {
	var errs []error
	for _, p := range s.all() {
		if *p.to != nil {
			errs = append(errs, (*p.to).Close())
		}
	}
	return errors.Join(errs...)
}

func (t *transaction) control(statement string) error {
	_, err := t.store.conn.ExecContext(t.ctx, statement)
	return err
}

// run applies one operation. A panic in it fails that operation alone: the
// writer serves everyone.
func (t *transaction) run(o *operation) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.store.log.Error("a panic in the writer", "panic", fmt.Sprint(p))
			err = errors.New("internal error while writing")
		}
	}()
	return o.apply(t)
}

func (t *transaction) exec(s *sql.Stmt, args ...any) error {
	_, err := s.ExecContext(t.ctx, args...)
	return none(err, nil)
}

// append writes a record; its files are written before the commit.
func (t *transaction) append(r Record, files []mint.File) error {
	err := t.exec(t.appendTo, r.Position, r.SessionID, r.CreatedAt, r.ProofJSON, r.PrevHash, r.ThisHash, r.Signature, r.KID)
	if err != nil {
		return err
	}
	t.files = append(t.files, files)
	t.head = &Head{r.Position, r.ThisHash, r.CreatedAt}
	return nil
}
