package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

const (
	// exportPage is how many rows are read at a time.
	exportPage = 500
	// exportBytes ends a block of rows early.
	exportBytes = 8 << 20
	// stallAfter is how long to wait for rows.
	stallAfter = time.Minute
)

// selectEntries selects the columns that are there: v0.1 has no signature, v0.2 no
// kid. Types and sizes are the query's and not the file's, since SQLite keeps any
// type in any column; what is too long is not even loaded.
func selectEntries(have map[string]bool, paged bool) string {
	text := func(name string, limit int) string {
		if !have[name] {
			return "NULL"
		}
		return fmt.Sprintf("CASE WHEN octet_length(%s) > %d THEN 'longer than %d bytes' ELSE CAST(%s AS TEXT) END", name, limit, limit, name)
	}
	columns := []string{
		text("session_id", 1<<16), "CASE WHEN typeof(created_at) IN ('real', 'integer') THEN created_at ELSE " + text("created_at", 64) + " END", text("proof_json", 16<<20),
		text("prev_hash", 1<<16), text("this_hash", 1<<16), text("signature", 1<<16), text("kid", 1<<16),
	}
	if paged {
		columns = append(columns, "rowid")
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM proof_ledger"
}

// Lines yields every record in the order of the ledger, as it was at one time: at
// the last opening of the database. It can be read again.
func (l *Ledger) Lines(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r := &reading{Ledger: l, seed: maphash.MakeSeed()}
		r.hash.SetSeed(r.seed)
		for {
			if l.session == nil {
				yield(Entry{}, errors.New("the database is closed"))
				return
			}
			err := r.pass(ctx, yield)
			if err == nil || errors.Is(err, errStopped) {
				return
			}
			if l.moved(err) {
				if err = l.connect(ctx, l.prepare); err == nil {
					continue
				}
			} else if errors.Is(err, errMoved) || !l.holds() {
				err = ErrTorn
			}
			yield(Entry{}, l.explained(err))
			return
		}
	}
}

var errStopped = errors.New("the consumer has enough")

// reading is one reading of the whole ledger, over as many openings of the
// database as it takes.
type reading struct {
	*Ledger
	seed  maphash.Seed
	hash  maphash.Hash // over the rows that were given
	given int64
}

// pass gives the rows of one opening. Those that were given before are read once
// more and must be the same: so what was given is the beginning of this state.
func (r *reading) pass(ctx context.Context, yield func(Entry, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks := make(chan block)
	go func() {
		defer close(blocks)
		r.read(ctx, blocks)
	}()
	var again maphash.Hash
	again.SetSeed(r.seed)
	skip := r.given
	stalled := time.NewTimer(stallAfter)
	defer stalled.Stop()
	for {
		var b block
		var more bool
		stalled.Reset(stallAfter)
		select {
		case b, more = <-blocks:
		case <-ctx.Done():
			r.session.left = true // its statement may never end
			return ctx.Err()
		case <-stalled.C:
			r.session.left = true
			return errStalled
		}
		if !more {
			return nil
		}
		if b.err != nil {
			return b.err
		}
		if !r.holds() {
			r.drain(cancel, blocks)
			return errMoved
		}
		if err := r.give(b.rows, &skip, &again, yield); err != nil {
			r.drain(cancel, blocks)
			return err
		}
	}
}

// drain ends the reading goroutine, or leaves it behind in a statement that does
// not end.
func (r *reading) drain(cancel func(), blocks <-chan block) {
	cancel()
	patience := time.After(5 * time.Second)
	for {
		select {
		case _, more := <-blocks:
			if !more {
				return
			}
		case <-patience:
			r.session.left = true
			return
		}
	}
}

func (r *reading) give(rows []mint.Stored, skip *int64, again *maphash.Hash, yield func(Entry, error) bool) error {
	for i := range rows {
		if *skip > 0 {
			digest(again, &rows[i])
			if *skip--; *skip == 0 && again.Sum64() != r.hash.Sum64() {
				return ErrTorn
			}
			continue
		}
		digest(&r.hash, &rows[i])
		r.given++
		if r.table.bound > 0 && r.given > r.table.bound {
			return errors.New("the view proof_ledger gives more rows than the file can hold, and may have no end: give a database with a plain table")
		}
		e, err := r.entry(&rows[i])
		if !yield(e, err) || err != nil {
			return errStopped
		}
	}
	return nil
}

func digest(h *maphash.Hash, s *mint.Stored) {
	for _, text := range []string{s.SessionID, strconv.FormatFloat(s.CreatedAt, 'g', -1, 64), s.ProofJSON, s.PrevHash, s.ThisHash, s.Signature, s.KID} {
		h.WriteString(text)
		h.WriteByte(0xff)
	}
}

// block is rows that were read together, or why there are no more.
type block struct {
	rows []mint.Stored
	err  error
}

// read sends blocks until the end, an error, or ctx's end.
func (r *reading) read(ctx context.Context, blocks chan<- block) {
	send := func(b block) bool {
		select {
		case blocks <- b:
			return b.err == nil
		case <-ctx.Done():
			return false
		}
	}
	if !r.table.paged {
		if _, _, err := r.rows(ctx, send); err != nil {
			send(block{err: err})
		}
		return
	}
	total := int64(0)
	for after := int64(math.MinInt64); ; {
		n, last, err := r.rows(ctx, send, after, r.table.last)
		switch total += n; {
		case err != nil:
			send(block{err: err})
			return
		case n < exportPage && total != r.count:
			send(block{err: ErrTorn})
			return
		case n < exportPage:
			return
		}
		after = last
	}
}

// rows runs the query once and sends its rows. Of a page it returns the last
// rowid, and sends after the statement has ended and its lock is gone.
func (r *reading) rows(ctx context.Context, send func(block) bool, args ...any) (n, last int64, err error) {
	rows, err := r.session.conn.QueryContext(ctx, r.table.query, args...)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var b block
	size := 0
	for rows.Next() {
		s, id, err := scanEntry(rows, r.table.paged)
		if err != nil {
			return n, last, err
		}
		n, last = n+1, id
		b.rows = append(b.rows, s)
		if size += len(s.ProofJSON) + 1024; !r.table.paged && (len(b.rows) == exportPage || size > exportBytes) {
			if !send(b) {
				return n, last, nil
			}
			b, size = block{}, 0
		}
	}
	if err := rows.Err(); err != nil {
		return n, last, err
	}
	if err := rows.Close(); err != nil {
		return n, last, err
	}
	if len(b.rows) > 0 {
		send(b)
	}
	return n, last, nil
}

func scanEntry(rows *sql.Rows, withID bool) (s mint.Stored, id int64, err error) {
	var created any
	var session, proof, prev, this, signature, kid sql.NullString
	columns := []any{&session, &created, &proof, &prev, &this, &signature, &kid}
	if withID {
		columns = append(columns, &id)
	}
	if err := rows.Scan(columns...); err != nil {
		return s, 0, err
	}
	clean := func(name string, v sql.NullString) string {
		if !v.Valid {
			s.Absent = append(s.Absent, name)
		}
		return strings.ToValidUTF8(v.String, "\ufffd")
	}
	s.SessionID, s.ProofJSON = clean("", session), proof.String
	s.PrevHash, s.ThisHash = clean("prev_hash", prev), clean("this_hash", this)
	s.Signature, s.KID = clean("signature", signature), clean("kid", kid)
	switch v := created.(type) {
	case nil:
		s.Absent = append(s.Absent, "created_at")
	case int64:
		s.CreatedAt = float64(v)
	case float64:
		s.CreatedAt = v
	case string:
		if s.CreatedAt, err = strconv.ParseFloat(v, 64); err != nil || strings.Trim(v, "0123456789.eE+-") != "" {
			s.CreatedAt, s.Created = 0, new(clean("", sql.NullString{String: v, Valid: true}))
		}
	}
	if math.IsInf(s.CreatedAt, 0) {
		s.CreatedAt, s.Created = 0, new("infinity")
	}
	return s, id, nil
}
