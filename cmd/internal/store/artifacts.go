package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// folder is the artifacts folder. os.Root keeps every name inside it, symbolic
// links included: a name built from the database can't reach another file.
type folder struct{ root, summaries *os.Root }

// summaries is the folder of the run summaries.
const summaries = "run_summaries"

func openFolder(name string) (*folder, error) {
	if err := os.MkdirAll(filepath.Join(name, summaries), 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	sub, err := root.OpenRoot(summaries)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folder{root, sub}, nil
}

func (f *folder) close() error { return errors.Join(f.summaries.Close(), f.root.Close()) }

const (
	// wholeSync is how many records make two syncs of the file system cheaper
	// than those of their files and folders.
	wholeSync = 4
	// writers is how many records' files are written at a time: the file system
	// joins concurrent syncs, as the ledger joins commits.
	writers = 32
)

// write puts the files of a batch on the disk: all as temporary files, which are
// synced, then renamed, and then the folders that hold them are synced. A reader
// sees the old file or the new one, and after a power cut there is no half of
// either, and none is missing whose record is in the ledger.
func (f *folder) write(records []*pending) error {
	sets := make([]fileSet, len(records))
	defer func() {
		for i := range sets {
			sets[i].close()
		}
	}()
	files, whole := 0, len(records) >= wholeSync && syncFileSystem != nil
	err := concurrently(len(sets), func(i int) (err error) {
		p := records[i]
		p.draft.Sign(&p.record)
		p.files = p.draft.Files()
		sets[i], err = f.writeTemporary(p.files, !whole)
		return err
	})
	for _, p := range records {
		files += len(p.files)
	}
	if err == nil && files == 0 {
		return nil
	}
	if err == nil && whole {
		err = f.syncAll()
	}
	if err == nil {
		err = concurrently(len(sets), func(i int) error { return sets[i].rename(!whole) })
	}
	switch {
	case err != nil:
		for _, set := range sets {
			set.discard()
		}
		return fmt.Errorf("writing artifacts: %w", err)
	case whole:
		return f.syncAll()
	}
	return errors.Join(syncFolder(f.root), syncFolder(f.summaries))
}

// fileSet is the files of one record on their way.
type fileSet struct {
	own   *os.Root // the session's folder, closed with the set; nil when no file is there
	files []placed
}

// placed is a file with the folder that it lies in and its name there.
type placed struct {
	dir  *os.Root
	name string
}

// temporary is the name under which a file is written first. There is one for
// each name: only the writer writes here, and a leftover of a crash is
// overwritten.
func (p placed) temporary() string { return "." + p.name + ".tmp" }

func (f *folder) writeTemporary(files []mint.File, synced bool) (set fileSet, err error) {
	for _, file := range files {
		p := placed{name: path.Base(file.Name)}
		switch dir := path.Dir(file.Name); dir {
		case ".":
			p.dir = f.root
		case summaries:
			p.dir = f.summaries
		default:
			if set.own == nil {
				if set.own, err = f.openOwn(dir); err != nil {
					return set, err
				}
			}
			p.dir = set.own
		}
		set.files = append(set.files, p)
		if err := p.write(file.Data, synced); err != nil {
			return set, err
		}
	}
	return set, nil
}

func (f *folder) openOwn(dir string) (*os.Root, error) {
	if err := f.root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return f.root.OpenRoot(dir)
}

func (p placed) write(data []byte, synced bool) error {
	w, err := p.dir.OpenFile(p.temporary(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	if err == nil && synced {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

func (s fileSet) rename(synced bool) error {
	for _, p := range s.files {
		if err := p.dir.Rename(p.temporary(), p.name); err != nil {
			return err
		}
	}
	if s.own == nil || !synced {
		return nil
	}
	return syncFolder(s.own)
}

// discard takes back what was not renamed, as well as it can.
func (s fileSet) discard() {
	for _, p := range s.files {
		p.dir.Remove(p.temporary())
	}
}

func (s fileSet) close() {
	if s.own != nil {
		s.own.Close()
	}
}

// concurrently calls f for 0 to n-1 and joins the errors.
func concurrently(n int, f func(int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, n)
	for w := range min(n, writers) {
		wait.Go(func() {
			for i := w; i < n; i += writers {
				errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func syncFolder(dir *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil // folders can't be synced there; NTFS journals their entries
	}
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncAll makes everything on the folder's file system durable.
func (f *folder) syncAll() error {
	d, err := f.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(syncFileSystem(d), d.Close())
}

// remove takes back files whose record was not committed, as well as it can.
func (f *folder) remove(records []*pending) {
	for _, p := range records {
		for _, file := range p.files {
			f.root.Remove(file.Name)
		}
	}
}

// read returns the bytes of a session's artifact.
func (f *folder) read(sessionID string) ([]byte, error) {
	return f.readNamed(mint.ArtifactPath(sessionID))
}

func (f *folder) readNamed(name string) ([]byte, error) {
	// A named pipe would hold the request, or the audit, for ever.
	r, err := files.OpenIn(f.root, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoArtifact, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, MaxArtifact+1))
	if err != nil || len(data) > MaxArtifact {
		return nil, ErrNoArtifact
	}
	return data, nil
}

// ready tries a write.
func (f *folder) ready() error {
	const name = ".ready"
	err := f.write([]*pending{{draft: &Draft{
		Sign:  func(*Record) {},
		Files: func() []mint.File { return []mint.File{{Name: name, Data: []byte("qodverify\n")}} },
	}}})
	if err != nil {
		return err
	}
	return f.root.Remove(name)
}
