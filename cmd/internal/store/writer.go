package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

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

// linger is the longest that a batch waits for company. It is a third of what a
// disk flush takes.
const linger = 100 * time.Microsecond

// gather takes what has queued up behind o. Clients that were answered together
// ask again together: when the last batch had many, this one waits a moment for
// them, since otherwise it would go with the first of them alone and make the
// others wait for a whole flush. A lone client never waits.
func (s *SQLite) gather(o *operation) []*operation {
	batch := []*operation{o}
	deadline := time.Now().Add(linger)
	for len(batch) < s.batch {
		select {
		case o := <-s.queue:
			batch = append(batch, o)
			continue
		default:
		}
		if len(batch) >= s.last/2 || time.Now().After(deadline) {
			break
		}
		runtime.Gosched()
	}
	s.last = len(batch)
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
	if err := t.complete(); err != nil {
		return s.failed(t, err)
	}
	if err := t.control("COMMIT"); err != nil {
		// Whether it reached the disk is not known, so the files stay, and the
		// head is read again.
		s.head, t.pending = nil, nil
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
	s.folder.remove(t.pending)
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
	// pending are the records that follow head, in order; their rows are
	// inserted after their files are written.
	pending []*pending
	*statements
}

// pending is a record with its place in the chain, yet to be signed and written.
type pending struct {
	draft  *Draft
	record Record
	files  []mint.File
}

// statements are prepared once for the writer's connection.
type statements struct {
	reads
	insertSession, insertSample                *sql.Stmt
	record, laterSamples, storedHead, appendTo *sql.Stmt
}

// statement is a prepared statement with its text.
type statement struct {
	to   **sql.Stmt
	text string
}

func (r *reads) all() []statement {
	return []statement{{&r.state, selectState}, {&r.samples, selectSamples}}
}

func (s *statements) all() []statement {
	return append(s.reads.all(),
		statement{&s.insertSession, `INSERT INTO sessions (session_id, created_at, intent_json, qos_profile, qos_status, provider_note) VALUES (?, ?, ?, ?, ?, ?)`},
		statement{&s.insertSample, `INSERT INTO telemetry (session_id, created_at, sample_json) VALUES (?, ?, ?)`},
		statement{&s.record, selectRecord + ` WHERE session_id = ?`},
		statement{&s.laterSamples, `SELECT EXISTS (SELECT 1 FROM telemetry WHERE session_id = ? AND created_at > ?)`},
		statement{&s.storedHead, `SELECT position, this_hash, created_at FROM proof_ledger ORDER BY position DESC LIMIT 1`},
		statement{&s.appendTo, `INSERT INTO proof_ledger (position, session_id, created_at, proof_json, prev_hash, this_hash, signature, kid) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`},
	)
}

func (s *statements) prepareAll(ctx context.Context, conn *sql.Conn) (err error) {
	for _, p := range s.all() {
		if *p.to, err = conn.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// closeAll lets go of statements; an open one keeps SQLite from tidying up its
// write-ahead log at the end.
func closeAll(list []statement) error {
	var errs []error
	for _, p := range list {
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

// append takes a record into the transaction as the new head.
func (t *transaction) append(r Record, draft *Draft) *pending {
	p := &pending{draft: draft, record: r}
	t.pending = append(t.pending, p)
	t.head = &Head{r.Position, r.ThisHash, r.CreatedAt}
	return p
}

// pendingOf returns the record that this transaction is about to append for a
// session. Its row is not in the table yet.
func (t *transaction) pendingOf(sessionID string) *pending {
	for _, p := range t.pending {
		if p.record.SessionID == sessionID {
			return p
		}
	}
	return nil
}

// complete signs the pending records and writes their files, several at a time,
// and then inserts their rows in the order of the chain.
func (t *transaction) complete() error {
	if len(t.pending) == 0 {
		return nil
	}
	if err := t.store.folder.write(t.pending); err != nil {
		return err
	}
	for _, p := range t.pending {
		r := p.record
		err := t.exec(t.appendTo, r.Position, r.SessionID, r.CreatedAt, r.ProofJSON, r.PrevHash, r.ThisHash, r.Signature, r.KID)
		if err != nil {
			return err
		}
	}
	return nil
}
