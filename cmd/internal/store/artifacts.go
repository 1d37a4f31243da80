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

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// folder is the artifacts folder. os.Root keeps every name inside it, symbolic
// links included: a name built from the database can't reach another file.
type folder struct{ root *os.Root }

func openFolder(name string) (*folder, error) {
	if err := os.MkdirAll(filepath.Join(name, "run_summaries"), 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

func (f *folder) close() error { return f.root.Close() }

// write puts files on the disk: each one as a temporary file that is synced and
// renamed, then the folders that hold them. A reader sees the old file or the
// new one, and after a power cut there is no half of either.
func (f *folder) write(files []mint.File) error {
	var folders []string
	for _, file := range files {
		dir := path.Dir(file.Name)
		if err := f.writeFile(dir, file); err != nil {
			return fmt.Errorf("writing %s: %w", file.Name, err)
		}
		if len(folders) == 0 || folders[len(folders)-1] != dir {
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		if dir == "." || dir == "run_summaries" {
			continue // shared by the batch; see sync
		}
		if err := f.syncFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

// sync makes the entries of the shared folders durable, once for a batch.
func (f *folder) sync() error {
	return errors.Join(f.syncFolder("."), f.syncFolder("run_summaries"))
}

func (f *folder) writeFile(dir string, file mint.File) error {
	if dir != "." && dir != "run_summaries" {
		if err := f.root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// One name a file: only the writer writes here, and a leftover of a crash is
	// overwritten.
	temporary := path.Join(dir, "."+path.Base(file.Name)+".tmp")
	w, err := f.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(file.Data)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err == nil {
		err = f.root.Rename(temporary, file.Name)
	}
	if err != nil {
		f.root.Remove(temporary)
	}
	return err
}

func (f *folder) syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders can't be synced there; NTFS journals their entries
	}
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// remove takes back files whose record was not committed, as well as it can.
func (f *folder) remove(files []mint.File) {
	for _, file := range files {
		f.root.Remove(file.Name)
	}
}

// read returns the bytes of a session's artifact.
func (f *folder) read(sessionID string) ([]byte, error) {
	r, err := f.root.Open(mint.ArtifactPath(sessionID))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoArtifact, err)
	}
	defer r.Close()
	if info, err := r.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, ErrNoArtifact // a named pipe would hold the request for ever
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxArtifact+1))
	if err != nil || len(data) > MaxArtifact {
		return nil, ErrNoArtifact
	}
	return data, nil
}

// ready tries a write.
func (f *folder) ready() error {
	return f.writeFile(".", mint.File{Name: ".ready", Data: []byte("qodverify\n")})
}

// writeAll writes the files of a batch, several records at a time: the file
// system joins concurrent syncs, as the ledger joins commits.
func (f *folder) writeAll(drafts [][]mint.File) error {
	const writers = 32
	var (
		wait   sync.WaitGroup
		errs   = make([]error, len(drafts))
		tokens = make(chan struct{}, writers)
	)
	for i, files := range drafts {
		tokens <- struct{}{}
		wait.Go(func() {
			errs[i] = f.write(files)
			<-tokens
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return f.sync()
}
