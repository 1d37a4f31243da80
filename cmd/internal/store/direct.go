package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/files"
)

// direct gives SQLite a database in WAL mode and its write-ahead log to read, and
// nothing else. SQLite's own way to the files makes two more beside them, even to
// read, and can't in a folder that can't be written. This one takes no locks, so
// what was read through it counts only if a [fence] has held.
type direct struct{ database string }

// The names by which SQLite asks.
const (
	directName = "ledger"
	directWAL  = directName + walSuffix
	walSuffix  = "-wal"
)

// Open implements [fs.FS].
func (d direct) Open(name string) (fs.File, error) {
	switch name {
	case directName:
		return files.Open(d.database)
	case directWAL:
		f, err := files.Open(d.database + walSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			return &noLog{Reader: bytes.NewReader(nil)}, nil
		}
		return f, err
	}
	return nil, fs.ErrNotExist
}

// Stat implements [fs.StatFS].
func (d direct) Stat(name string) (fs.FileInfo, error) {
	switch name {
	case directName:
		return os.Stat(d.database)
	case directWAL:
		return os.Stat(d.database + walSuffix)
	}
	return nil, fs.ErrNotExist
}

// noLog is the write-ahead log of a database that has none: SQLite asks for one
// by the database's header.
type noLog struct{ *bytes.Reader }

func (*noLog) Stat() (fs.FileInfo, error) { return noLogInfo{}, nil }
func (*noLog) Close() error               { return nil }

type noLogInfo struct{}

func (noLogInfo) Name() string       { return directWAL }
func (noLogInfo) Size() int64        { return 0 }
func (noLogInfo) Mode() fs.FileMode  { return 0o444 }
func (noLogInfo) ModTime() time.Time { return time.Time{} }
func (noLogInfo) IsDir() bool        { return false }
func (noLogInfo) Sys() any           { return nil }

// fence tells whether the pages that a reader without locks has seen may have
// been written over since it was taken. What a service appends to the log
// meanwhile changes none of them. Only a checkpoint does, which writes into the
// database file, and a log that is begun anew, which then has another header.
type fence struct {
	info os.FileInfo
	head [100]byte
	log  [32]byte // zeros without a log
}

// fenceQuiet is how old the last write must be: two writes within one tick of the
// file system's clock leave one time.
const fenceQuiet = 50 * time.Millisecond

// newFence takes a fence of the files as they are.
func newFence(database string) (*fence, error) {
	for deadline := time.Now().Add(time.Second); ; {
		f, err := readFence(database)
		if err != nil {
			return nil, err
		}
		age := time.Since(f.info.ModTime())
		if age < 0 || age >= fenceQuiet {
			return f, nil
		}
		if time.Now().After(deadline) {
			return nil, errMoved
		}
		time.Sleep(fenceQuiet - age)
	}
}

func readFence(database string) (*fence, error) {
	f := &fence{}
	r, err := files.Open(database)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.ReadFull(r, f.head[:]); err != nil {
		return nil, err
	}
	if f.info, err = r.Stat(); err != nil {
		return nil, err
	}
	log, err := files.Open(database + walSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	} else if err != nil {
		return nil, err
	}
	defer log.Close()
	if _, err := io.ReadFull(log, f.log[:]); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return f, nil
}

// holds reports whether nothing was written over.
func (f *fence) holds(database string) bool {
	now, err := readFence(database)
	return err == nil && os.SameFile(f.info, now.info) && f.info.Size() == now.info.Size() &&
		f.info.ModTime().Equal(now.info.ModTime()) && f.head == now.head && (f.log == now.log || f.log == [32]byte{})
}
