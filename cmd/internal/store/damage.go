package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"

	"github.com/qodverify/qodverify/cmd/internal/ready"
)

// DamagedError: the database file itself is damaged, so what its records say, and
// which are there, can't be known. That accuses nobody.
type DamagedError struct{ Detail string }

// Error says what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database file itself is damaged (%s): copy it anew, or take a backup; nothing is known of its records", e.Detail)
}

// ErrTorn: the database was changed under the reader in a way that leaves no
// one state of it that was read.
var ErrTorn = errors.New("the database changed while it was read: read it again when less is written to it, or a copy of it (sqlite3 FILE \".backup COPY\")")

var (
	// errMoved: what was read since the fence may be of two states.
	errMoved   = errors.New("the files changed")
	errJournal = errors.New("a hot rollback journal lies beside it (-journal), left over from a crash, and without it half a transaction would be read: copy both files, recover the copy by opening it once with sqlite3, and give the copy")
	errStalled = errors.New("the table proof_ledger gives no record in a minute, and may be a view without end: give a database with a plain table")
)

// explained turns SQLite's errors into what they mean here and what to do.
func (l *Ledger) explained(err error) error {
	var e *sqlite.Error
	if errors.Is(err, errMoved) {
		return ErrTorn
	}
	if err == nil || errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		return err
	}
	code := e.Code()
	if l.view && code&0xff != sqlitecode.SQLITE_CORRUPT && code&0xff != sqlitecode.SQLITE_NOTADB {
		return errors.New("the view proof_ledger fails, or needs more memory than a view of a table does: give a database with a plain table")
	}
	switch code & 0xff {
	case sqlitecode.SQLITE_CORRUPT:
		return &DamagedError{cmp.Or(cut(l.name), "a page of it makes no sense")}
	case sqlitecode.SQLITE_NOTADB:
		return &DamagedError{"its content is no database's; it may be encrypted"}
	case sqlitecode.SQLITE_BUSY, sqlitecode.SQLITE_LOCKED, sqlitecode.SQLITE_PROTOCOL:
		return errors.New("another program holds the database and writes: try again, or give a copy (sqlite3 FILE \".backup COPY\")")
	case sqlitecode.SQLITE_READONLY:
		if code == sqlitecode.SQLITE_READONLY_ROLLBACK {
			return errJournal
		}
		return errors.New("SQLite can't read it without writing to its folder: copy all of its files to a folder of your own, and give the copy")
	case sqlitecode.SQLITE_CANTOPEN:
		if hotJournal(l.name) {
			return errJournal
		}
		return fmt.Errorf("the database or a file beside it can't be opened: copy %s and the files -wal and -shm beside it to a folder of your own, and give the copy", filepath.Base(l.name))
	case sqlitecode.SQLITE_IOERR:
		return fmt.Errorf("reading the file failed (SQLite's I/O error %d): copy it to another disk, and give the copy", code)
	case sqlitecode.SQLITE_NOMEM, sqlitecode.SQLITE_TOOBIG:
		return errors.New("a record of the table proof_ledger needs more memory than a record does: it is none that a service writes")
	case sqlitecode.SQLITE_INTERRUPT:
		return errors.New("reading was interrupted")
	}
	return fmt.Errorf("the table proof_ledger can't be read (%s): give a database with the table as the service made it", detail(e))
}

// detail is what an error of SQLite says beyond its code.
func detail(e *sqlite.Error) string {
	text := regexp.MustCompile(` \(\d+\)$`).ReplaceAllString(e.Error(), "")
	return strings.TrimPrefix(text, "SQL logic error: ")
}

// unopened says why a database can't be opened to be written.
func unopened(name string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlitecode.SQLITE_READONLY, sqlitecode.SQLITE_CANTOPEN, sqlitecode.SQLITE_PERM, sqlitecode.SQLITE_AUTH:
		return errors.New("this user can't write it, or can't write its folder, where SQLite keeps files beside it")
	case sqlitecode.SQLITE_FULL:
		return errors.New("the disk is full")
	}
	return (&Ledger{name: name}).explained(err)
}

// codeOf classes an error of a write or a read.
func codeOf(err error) ready.Code {
	var e *sqlite.Error
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return ready.DiskFull
	case errors.Is(err, syscall.EIO):
		return ready.DiskFailed
	case !errors.As(err, &e):
		return ready.Storage
	}
	switch e.Code() & 0xff {
	case sqlitecode.SQLITE_BUSY, sqlitecode.SQLITE_LOCKED, sqlitecode.SQLITE_PROTOCOL:
		return ready.DatabaseLocked
	case sqlitecode.SQLITE_CORRUPT, sqlitecode.SQLITE_NOTADB:
		return ready.DatabaseDamaged
	case sqlitecode.SQLITE_FULL:
		return ready.DiskFull
	case sqlitecode.SQLITE_READONLY, sqlitecode.SQLITE_CANTOPEN, sqlitecode.SQLITE_PERM, sqlitecode.SQLITE_AUTH:
		return ready.DatabaseReadOnly
	case sqlitecode.SQLITE_IOERR:
		return ready.DiskFailed
	}
	return ready.Storage
}
