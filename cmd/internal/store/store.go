// Package store keeps sessions, their telemetry, and the ledger of proofs.
//
// The ledger is append-only: a record is never replaced, each one's prev_hash is
// its predecessor's this_hash, and one writer at a time holds the head, so the
// chain can't fork. A record is answered only after it and its artifact files
// are on the disk: files first, then the row, so that a crash may leave files
// that no row names and never a row whose files are missing.
//
// The package moves text about and understands none of it: what a proof says
// and how it is hashed is package mint's concern, which is called back with the
// head.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/ready"
)

// Session is one row of sessions. Times are seconds since 1970.
type Session struct {
	ID         string // canonical UUID
	CreatedAt  float64
	IntentJSON string
	Profile    string
	Status     string // as stored at creation; see [mint.Status] for now
	Note       string
}

// Sample is one row of telemetry.
type Sample struct {
	SessionID string
	CreatedAt float64
	JSON      string
}

// Record is one row of proof_ledger. Position counts from 1 along the chain.
type Record struct {
	Position                           int64
	SessionID                          string
	CreatedAt                          float64
	ProofJSON                          string
	PrevHash, ThisHash, Signature, KID string
}

// Stored returns the record as package mint writes it out.
func (r *Record) Stored() mint.Stored {
	return mint.Stored{SessionID: r.SessionID, CreatedAt: r.CreatedAt, ProofJSON: r.ProofJSON, PrevHash: r.PrevHash, ThisHash: r.ThisHash, Signature: r.Signature, KID: r.KID}
}

// Summary is a session as a list shows it.
type Summary struct {
	Session
	Samples  int64
	Position int64 // 0 when the session has no proof
}

// Head is where the next record goes.
type Head struct {
	Position  int64   // of the last record, 0 when there is none
	ThisHash  string  // of the last record, [bundle.Genesis] when there is none
	CreatedAt float64 // of the last record
}

// Prepare does the work on a session's record that needs no place in the chain.
// It is called beside others, before the writer's turn, and once more in it when
// telemetry came in between.
type Prepare func(session Session, samples iter.Seq2[Sample, error]) (Link, error)

// Link makes the record that follows head. The writer calls it in the order of
// the chain, and again with another head when a write failed.
type Link func(head Head) (*Draft, error)

// Draft is a record about to be appended. Position and SessionID are the store's
// to fill in.
type Draft struct {
	Record
	// Sign fills in the signature, which the next link does not need. It is
	// called beside those of other drafts.
	Sign func(*Record)
	// Files returns the files that go before the record. It is called after
	// Sign, beside those of other drafts.
	Files func() []mint.File
}

// Store is the contract that SQLite and Memory keep. Methods may be called from
// many goroutines. Every error other than those below, the context's, and those
// of a Prepare or Link is an *UnavailableError, and means that nothing was stored.
type Store interface {
	// CreateSession adds a session.
	CreateSession(context.Context, Session) error
	// AddSample adds telemetry to a session that has no proof yet, else
	// ErrUnknownSession or ErrFinalized.
	AddSample(context.Context, Sample) error
	// Finalize appends the session's record and returns it. A session that has
	// one already keeps it: the stored record is returned with existed true, or
	// ErrChanged when telemetry was added beside the store after it.
	Finalize(ctx context.Context, sessionID string, prepare Prepare) (r Record, existed bool, err error)

	// Session returns one session, or ErrUnknownSession.
	Session(context.Context, string) (Summary, error)
	// Sessions returns sessions, newest first, from offset on.
	Sessions(ctx context.Context, limit, offset int) ([]Summary, error)
	// Record returns a session's record, or ErrNoRecord.
	Record(context.Context, string) (Record, error)
	// Before returns the record at the highest position below the given one, or
	// ErrNoRecord.
	Before(ctx context.Context, position int64) (Record, error)
	// Records returns the records from a position on, in the order of the chain,
	// at most limit of them. Pages fit together while records are appended.
	Records(ctx context.Context, from int64, limit int) ([]Record, error)
	// Samples returns a session's telemetry in the order in which it came, at most
	// limit samples.
	Samples(ctx context.Context, sessionID string, limit int64) ([]Sample, error)
	// Artifact returns the bytes of a session's artifact.json, or ErrNoArtifact
	// for one that is missing or larger than MaxArtifact.
	Artifact(ctx context.Context, sessionID string) ([]byte, error)
	// KIDs returns every kid that the ledger's records name.
	KIDs(context.Context) ([]string, error)
	// Ready returns nil when the store can be read and written.
	Ready(context.Context) error
	// Close ends the writer after what it has begun.
	Close() error
}

// The errors that callers decide by.
var (
	ErrUnknownSession = errors.New("unknown session")
	ErrNoRecord       = errors.New("no record of this session")
	ErrNoArtifact     = errors.New("no readable artifact of this session")
	ErrFinalized      = errors.New("the session is finalized")
	ErrChanged        = errors.New("telemetry was added after the session was finalized")
	ErrClosed         = errors.New("the store is closed")
)

// UnavailableError says that the storage failed: a full disk, a folder that
// can't be written, a database that another program holds. Nothing was stored.
type UnavailableError struct{ Err error }

// Error tells the cause, which may hold local paths: it belongs into a log, not
// into an answer.
func (e *UnavailableError) Error() string { return fmt.Sprintf("storage unavailable: %v", e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Code is the reason as answers and /ready tell it: the one that the cause was given
// ([ready.Because]), else what the system's or SQLite's code for it means.
func (e *UnavailableError) Code() ready.Code { return cmp.Or(ready.CodeOf(e.Err), codeOf(e.Err)) }

// MaxArtifact bounds an artifact file in bytes.
const MaxArtifact = mint.MaxArtifact

var (
	_ Store = (*SQLite)(nil)
	_ Store = (*Memory)(nil)
)
