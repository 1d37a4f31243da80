package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// Ledger is a ledger's database opened for reading alone: nothing in it or
// beside it is written, its schema stays what it is, and a service may go on
// writing to it.
//
// A database with a rollback journal, as the original has it, is read page by
// page under SQLite's own locks, since nothing can be committed to it while it is
// read. One in WAL mode is read without locks, behind a [fence]; when that breaks,
// a service has started, and the reading goes on in one of its read transactions.
// Either way what [Ledger.Lines] gives is the ledger as it was at one time.
type Ledger struct {
	name      string // absolute, links resolved
	container container
	session   *opening
	table     table
	view      bool
	folder    *folder // nil without artifacts
	count     int64
	tries     int
}

// IsDatabase reports whether a file is a SQLite database by its first bytes. It
// looks at regular files alone: what is read from a pipe is gone from it.
func IsDatabase(name string) bool {
	f, err := files.Open(name)
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
	name, err := filepath.Abs(database)
	if err == nil {
		// SQLite looks beside the file itself, not beside a link to it.
		name, err = filepath.EvalSymlinks(name)
	}
	if err != nil {
		return nil, err
	}
	l := &Ledger{name: name}
	if l.container, err = look(name); err != nil {
		return nil, err
	}
	if err := l.connect(ctx, l.prepare); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if artifacts != "" {
		info, err := os.Stat(artifacts)
		if err == nil && !info.IsDir() {
			err = errors.New("it is no folder")
		}
		var root *os.Root
		if err == nil {
			root, err = os.OpenRoot(artifacts)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the artifacts folder: %w", err), l.Close())
		}
		l.folder = &folder{root: root}
	}
	return l, nil
}

// Count returns the number of records when the ledger was opened; 0 for a view,
// which may have no end.
func (l *Ledger) Count() int64 { return l.count }

// Notes says what the files tell of their own completeness.
func (l *Ledger) Notes() []string { return l.container.notes }

// HasArtifacts reports whether there is a folder of artifacts.
func (l *Ledger) HasArtifacts() bool { return l.folder != nil }

// Close ends reading.
func (l *Ledger) Close() error {
	var err error
	if l.folder != nil {
		err = l.folder.root.Close()
	}
	if l.session != nil {
		err = errors.Join(err, l.session.close())
	}
	return err
}

// Entry is one record with its artifact.
type Entry struct {
	mint.Stored
	// Artifact is the file's bytes, nil where there is none.
	Artifact []byte
}

// Line returns the record as [mint.Stored.Line] writes it.
func (e *Entry) Line() []byte { return e.Stored.Line(e.Artifact) }

// Apart returns the record's line, and the artifact's bytes beside it when they
// are no strict JSON, so that the artifact can be judged by what it is.
func (e *Entry) Apart() (line, artifact []byte) {
	if e.Artifact != nil && !mint.IsStrict(e.Artifact) {
		return e.Stored.Line(nil), e.Artifact
	}
	return e.Line(), nil
}

// entry finds a record's artifact.
func (l *Ledger) entry(r *mint.Stored) (Entry, error) {
	e := Entry{Stored: *r}
	if l.folder == nil {
		return e, nil
	}
	data, err := l.folder.read(r.SessionID)
	if errors.Is(err, ErrNoArtifact) {
		return e, nil
	}
	e.Artifact = data
	return e, err
}
