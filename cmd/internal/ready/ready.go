// Package ready knows why a service can't do its work now: the reasons, what each
// of them says to a client, and the board on which those stand that last. An answer
// with 503, GET /ready and the log tell a reason by the same code.
package ready

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
)

// Code is one reason, by which programs know it. Codes are published: they stay.
type Code string

// The reasons.
const (
	DatabaseLocked   Code = "database_locked"   // another program holds the database's lock
	DatabaseDamaged  Code = "database_damaged"  // its pages make no sense
	DatabaseReadOnly Code = "database_readonly" // it, or its folder, can't be written
	DatabaseReplaced Code = "database_replaced" // another file bears its name, or none
	LedgerChanged    Code = "ledger_changed"    // its end is not the one that was signed
	DiskFull         Code = "disk_full"
	DiskFailed       Code = "disk_failed"    // reading or writing fails
	ArtifactsLost    Code = "artifacts_lost" // the artifacts folder is not where it was
	StorageStalled   Code = "storage_stalled"
	Storage          Code = "storage_unavailable" // none of the above
	NoKey            Code = "no_signing_key"
	Draining         Code = "shutting_down"
)

type meaning struct {
	code   Code
	detail string
	retry  int // seconds after which to try again
}

// meanings is in the order in which reasons are told.
var meanings = []meaning{
	{Draining, "The service is shutting down.", 5},
	{DatabaseReplaced, "The ledger's database is no longer the file that was opened: it was moved, removed or replaced.", 60},
	{LedgerChanged, "The end of the ledger is not the one that this service signed: the database was restored, cut or edited.", 60},
	{DatabaseDamaged, "The ledger's database is damaged.", 60},
	{DatabaseReadOnly, "The ledger's database can't be written.", 30},
	{DatabaseLocked, "Another program holds the ledger's database.", 2},
	{ArtifactsLost, "The artifacts folder is no longer the one that was opened: it was moved, removed or replaced.", 30},
	{DiskFull, "The disk is full.", 30},
	{DiskFailed, "The disk fails to read or write.", 30},
	{StorageStalled, "The storage does not answer in time.", 5},
	{Storage, "The storage can't be used now.", 5},
	{NoKey, "there is no signing key", 60},
}

func find(code Code) meaning {
	for _, m := range meanings {
		if m.code == code {
			return m
		}
	}
	return meaning{code, "The service can't do this now.", 5}
}

// Detail is what a client is told: no paths, and nothing of what the system said.
func (c Code) Detail() string { return find(c).detail }

// RetryAfter is the number of seconds after which to try again.
func (c Code) RetryAfter() int { return find(c).retry }

// Error is an error of a known reason.
type Error struct {
	Code Code
	Err  error
}

// Error tells the cause, which may hold local paths: it belongs into a log.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Because gives an error its reason.
func Because(code Code, err error) error { return &Error{code, err} }

// CodeOf returns the reason that an error was given, or "".
func CodeOf(err error) Code {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Board has the reasons that hold now. Its methods may be called from many
// goroutines. The log has a line when a reason comes and when it goes, and none
// for each request that meets it.
type Board struct {
	log    *slog.Logger
	mu     sync.Mutex
	causes map[Code]error
}

// NewBoard returns a board without reasons. A nil logger tells nobody.
func NewBoard(log *slog.Logger) *Board {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Board{log: log, causes: map[Code]error{}}
}

// Set says that from now on the service is not ready for this reason, and why that
// is known. The cause is not nil.
func (b *Board) Set(code Code, cause error) {
	b.mu.Lock()
	before, known := b.causes[code]
	b.causes[code] = cause
	b.mu.Unlock()
	switch {
	case !known:
		b.log.Error("not ready", "code", string(code), "reason", code.Detail(), "error", cause)
	case before.Error() != cause.Error():
		b.log.Warn("still not ready", "code", string(code), "error", cause)
	}
}

// Clear says that a reason is no more.
func (b *Board) Clear(code Code) {
	b.mu.Lock()
	_, known := b.causes[code]
	delete(b.causes, code)
	b.mu.Unlock()
	if known {
		b.log.Info("no longer in the way", "code", string(code))
	}
}

// Cause returns why a reason holds, or nil when it does not.
func (b *Board) Cause(code Code) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.causes[code]
}

// Codes returns the reasons that hold, the gravest first. There are none when the
// service is ready.
func (b *Board) Codes() []Code {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Code
	for code := range b.causes {
		list = append(list, code)
	}
	slices.SortFunc(list, func(x, y Code) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y))
	})
	return list
}

func rank(code Code) int {
	at := slices.IndexFunc(meanings, func(m meaning) bool { return m.code == code })
	if at < 0 {
		return len(meanings)
	}
	return at
}
