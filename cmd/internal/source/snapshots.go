package source

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// maxSnapshots bounds the proof files of an artifacts folder that are looked at.
const maxSnapshots = 500_000

// Snapshots finds records among the proof files that the original and this program
// write beside the artifacts, proof_SESSION_TIME.json. A session that was finalized
// again has several there, and the ledger has the last one alone.
type Snapshots struct {
	ctx   context.Context
	dir   string
	names map[string]string // by this_hash; nil until something is looked for
}

// NewSnapshots reads nothing yet.
func NewSnapshots(ctx context.Context, dir string) *Snapshots { return &Snapshots{ctx: ctx, dir: dir} }

// Find returns the proof with a this_hash, as its file has it, or the zero Raw.
// Nothing is known of it but that it claims the hash.
func (s *Snapshots) Find(thisHash string) bundle.Raw {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return bundle.Raw{}
	}
	defer root.Close()
	if s.names == nil {
		s.names = map[string]string{}
		s.list(root)
	}
	name, ok := s.names[thisHash]
	if !ok {
		return bundle.Raw{}
	}
	return bundle.Raw{Input: filepath.Join(s.dir, name), Data: snapshot(root, name)}
}

// list reads all proof files once.
func (s *Snapshots) list(root *os.Root) {
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	for n := 0; n < maxSnapshots; {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if n++; s.ctx.Err() != nil {
				return
			}
			if name := e.Name(); strings.HasPrefix(name, "proof_") && strings.HasSuffix(name, ".json") {
				if b, err := bundle.Parse(snapshot(root, name)); err == nil {
					s.names[b.Entry.ThisHash] = name
				}
			}
		}
		if err != nil {
			return
		}
	}
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
