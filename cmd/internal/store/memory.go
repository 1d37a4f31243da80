package store

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// Memory is a store that ends with the process: for tests, and for showing the
// service without leaving anything behind.
type Memory struct {
	mu       sync.RWMutex
	closed   bool
	sessions map[string]*memorySession
	order    []string // session ids, oldest first
	ledger   []Record
	files    map[string][]byte
}

type memorySession struct {
	Session
	samples  []Sample
	position int64
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{sessions: map[string]*memorySession{}, files: map[string][]byte{}}
}

// CreateSession implements [Store].
func (m *Memory) CreateSession(ctx context.Context, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	m.sessions[s.ID] = &memorySession{Session: s}
	m.order = append(m.order, s.ID)
	return nil
}

func (m *Memory) usable(ctx context.Context) error {
	if m.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// AddSample implements [Store].
func (m *Memory) AddSample(ctx context.Context, s Sample) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	session, ok := m.sessions[s.SessionID]
	switch {
	case m.closed:
		return ErrClosed
	case !ok:
		return ErrUnknownSession
	case session.position > 0:
		return ErrFinalized
	}
	session.samples = append(session.samples, s)
	return ctx.Err()
}

// Finalize implements [Store].
func (m *Memory) Finalize(ctx context.Context, sessionID string, prepare Prepare) (Record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return Record{}, false, err
	}
	session, ok := m.sessions[sessionID]
	switch {
	case !ok:
		return Record{}, false, ErrUnknownSession
	case session.position > 0:
		return m.ledger[session.position-1], true, nil
	}
	head := Head{ThisHash: bundle.Genesis}
	if n := len(m.ledger); n > 0 {
		head = Head{int64(n), m.ledger[n-1].ThisHash, m.ledger[n-1].CreatedAt}
	}
	link, err := prepare(session.Session, values(session.samples))
	if err != nil {
		return Record{}, false, err
	}
	draft, err := link(head)
	if err != nil {
		return Record{}, false, err
	}
	record := draft.place(head, sessionID)
	draft.Sign(&record)
	for _, file := range draft.Files() {
		m.files[file.Name] = file.Data
	}
	m.ledger = append(m.ledger, record)
	session.position = record.Position
	return record, false, nil
}

// place completes a draft's record for the end of the chain.
func (d *Draft) place(head Head, sessionID string) Record {
	r := d.Record
	r.Position, r.SessionID = head.Position+1, sessionID
	// The original orders by this time, so it must rise even where the clock
	// stands or steps back: by a microsecond, which a double of today resolves.
	// A head that claims to be of tomorrow is not followed.
	if head.CreatedAt < r.CreatedAt+24*60*60 {
		r.CreatedAt = max(r.CreatedAt, head.CreatedAt+1e-6)
	}
	return r
}

// Samples implements [Store].
func (m *Memory) Samples(ctx context.Context, sessionID string, limit int64) ([]Sample, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	session, ok := m.sessions[sessionID]
	if !ok {
		return nil, nil
	}
	return first(values(session.samples), limit)
}

// first gathers samples.
func first(samples iter.Seq2[Sample, error], limit int64) (list []Sample, err error) {
	for v, err := range samples {
		if err != nil || int64(len(list)) >= limit {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func values(list []Sample) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (s *memorySession) summary() Summary {
	return Summary{s.Session, int64(len(s.samples)), s.position}
}

// Session implements [Store].
func (m *Memory) Session(_ context.Context, id string) (Summary, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s, ok := m.sessions[id]; ok {
		return s.summary(), nil
	}
	return Summary{}, ErrUnknownSession
}

// Sessions implements [Store].
func (m *Memory) Sessions(_ context.Context, limit, offset int) ([]Summary, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []Summary
	for i := len(m.order) - 1 - offset; i >= 0 && len(list) < limit; i-- {
		list = append(list, m.sessions[m.order[i]].summary())
	}
	return list, nil
}

// Record implements [Store].
func (m *Memory) Record(_ context.Context, id string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s, ok := m.sessions[id]; ok && s.position > 0 {
		return m.ledger[s.position-1], nil
	}
	return Record{}, ErrNoRecord
}

// Before implements [Store].
func (m *Memory) Before(_ context.Context, position int64) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, _ := slices.BinarySearchFunc(m.ledger, position, func(r Record, p int64) int { return cmp.Compare(r.Position, p) })
	if i == 0 {
		return Record{}, ErrNoRecord
	}
	return m.ledger[i-1], nil
}

// Records implements [Store].
func (m *Memory) Records(_ context.Context, from int64, limit int) ([]Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	first := int(min(max(from-1, 0), int64(len(m.ledger))))
	return slices.Clone(m.ledger[first:min(first+limit, len(m.ledger))]), nil
}

// Artifact implements [Store].
func (m *Memory) Artifact(_ context.Context, id string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if data, ok := m.files[mint.ArtifactPath(id)]; ok {
		return data, nil
	}
	return nil, ErrNoArtifact
}

// KIDs implements [Store].
func (m *Memory) KIDs(context.Context) ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var kids []string
	for _, r := range m.ledger {
		if !slices.Contains(kids, r.KID) {
			kids = append(kids, r.KID)
		}
	}
	slices.Sort(kids)
	return kids, nil
}

// Ready implements [Store].
func (m *Memory) Ready(ctx context.Context) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.usable(ctx)
}

// Close implements [Store].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
