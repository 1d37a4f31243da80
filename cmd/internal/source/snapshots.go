package source

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// maxSnapshots bounds the proof files of an artifacts folder that are looked at.
const maxSnapshots = 500_000

// maxCopies bounds the files of one record that are looked at.
const maxCopies = 8

// Snapshots finds records among the proof files that the original and this program
// write beside the artifacts, proof_SESSION_TIME.json, wherever in the folder they lie. A
// session that was finalized again has several there, and the ledger has the last one
// alone.
type Snapshots struct {
	ctx     context.Context
	dir     string
	genuine func(*bundle.Bundle) bool
	names   map[string][]string // by this_hash; nil until something is looked for
}

// NewSnapshots reads nothing yet. Of several files of one record a genuine one is found.
func NewSnapshots(ctx context.Context, dir string, genuine func(*bundle.Bundle) bool) *Snapshots {
	return &Snapshots{ctx: ctx, dir: dir, genuine: genuine}
}

// Find returns the proof with a this_hash, as its file has it, or the zero Raw. A damaged
// copy does not hide a genuine one; without that, nothing is known of what is found but
// that it claims the hash.
func (s *Snapshots) Find(thisHash string) (first bundle.Raw) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return bundle.Raw{}
	}
	defer root.Close()
	if s.names == nil {
		s.names = map[string][]string{}
		s.list(root)
	}
	for _, name := range s.names[thisHash] {
		raw := bundle.Raw{Input: filepath.Join(s.dir, name), Data: snapshot(root, name)}
		if b, err := bundle.Parse(raw.Data); err == nil && b.Entry.ThisHash == thisHash && s.genuine(b) {
			return raw
		}
		if first.Data == nil {
			first = raw
		}
	}
	return first
}

// list reads all proof files once. Links are not followed.
func (s *Snapshots) list(root *os.Root) {
	n := 0
	_ = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if n++; n > maxSnapshots || s.ctx.Err() != nil {
			return fs.SkipAll
		}
		if e != nil && e.IsDir() && strings.Count(name, "/") >= maxFolderDepth {
			return fs.SkipDir
		}
		if err != nil || !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "proof_") || !strings.HasSuffix(e.Name(), ".json") {
			return nil // what can't be read is not there to be found
		}
		if b, err := bundle.Parse(snapshot(root, name)); err == nil && len(s.names[b.Entry.ThisHash]) < maxCopies {
			s.names[b.Entry.ThisHash] = append(s.names[b.Entry.ThisHash], name)
		}
		return nil
	})
}

func snapshot(root *os.Root, name string) []byte {
	f, err := files.OpenIn(root, name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil || len(data) > MaxBytes {
		return nil
	}
	return data
}
