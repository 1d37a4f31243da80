package source

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// Ledger is a ledger to be read from one place, record after record.
type Ledger struct {
	Name   string
	Dir    string   // the folder that holds it, where keys are looked for; "" unless it is a file
	Origin *url.URL // of a service; nil otherwise
	// Again: it can be read a second time.
	Again bool
	// Size is the whole of what Done counts: bytes of a file, records of a service
	// or a folder. 0 when it is not known.
	Size atomic.Int64
	Done atomic.Int64
	// Root is the folder that is read, or in which the pattern begins; "" of others.
	Root string
	// Skipped is what stood in a folder and was not read: all of it after Records, and
	// before them what its name told.
	Skipped []Skipped
	// Unused are the patterns of --ignore that left nothing out.
	Unused []string
	// Records yields the records. It reads anew each time.
	Records iter.Seq2[bundle.Raw, error]

	files *folder // nil unless it is a folder
}

// Snapshots returns the names of a folder's proof files, proof_SESSION_TIME.json, that are
// of the same session as the one named, itself among them; nil when it is the only one.
func (l *Ledger) Snapshots(name string) []string {
	if l.files == nil {
		return nil
	}
	if names := l.files.sessions()[snapshotSession(filepath.Base(name))]; len(names) > 1 {
		return names
	}
	return nil
}

// NewLedger returns a ledger of size records in a file that the caller reads.
func NewLedger(name, dir string, size int64) *Ledger {
	l := &Ledger{Name: name, Dir: dir, Again: true}
	l.Size.Store(size)
	return l
}

// Origins returns the service's origin, if it is one.
func (l *Ledger) Origins() []*url.URL {
	if l.Origin == nil {
		return nil
	}
	return []*url.URL{l.Origin}
}

// Ledger opens a ledger: JSONL of bundles in a file or on stdin ("-"),
// compressed or not; a folder of bundle files and JSONL, or those that a pattern names;
// or a proof service by its base URL, from a chain position (from 1) on. What a file
// is, its content says.
func (r *Reader) Ledger(ctx context.Context, arg string, from int64) (*Ledger, error) {
	switch {
	case arg == "-":
		if err := r.takeStdin(); err != nil {
			return nil, err
		}
		l := &Ledger{Name: arg}
		l.Records = l.stream(func() (io.ReadCloser, error) { return newPatient(ctx, r.Stdin), nil })
		return l, nil
	case IsURL(arg):
		return r.serviceLedger(ctx, arg, from)
	case strings.Contains(arg, "://"):
		return nil, fmt.Errorf("%w: %q: only http and https URLs are read", ErrUsage, arg)
	}
	ignore, err := NewIgnore(r.Ignore)
	if err != nil {
		return nil, err
	}
	if isPattern(arg) {
		p := newPattern(arg)
		return r.folderLedger(arg, p.base, p, ignore)
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, plain(err)
	}
	if info.IsDir() {
		return r.folderLedger(arg, arg, nil, ignore)
	}
	l := &Ledger{Name: arg, Dir: arg, Again: info.Mode().IsRegular()}
	l.Dir = filepath.Dir(arg)
	if l.Again {
		l.Size.Store(info.Size())
	}
	l.Records = l.stream(func() (io.ReadCloser, error) {
		if l.Again {
			return files.Open(arg)
		}
		return newPatient(ctx, &pipe{name: arg}), nil
	})
	return l, nil
}

// pipe opens its file when it is read: opening waits for who writes.
type pipe struct {
	name string
	file *os.File
}

func (p *pipe) Read(b []byte) (n int, err error) {
	if p.file == nil {
		if p.file, err = os.Open(p.name); err != nil {
			return 0, err
		}
	}
	return p.file.Read(b)
}

// patient reads a stream that may keep one waiting, a pipe from another program,
// and gives up when ctx ends. A read that waits then is left behind.
type patient struct {
	ctx    context.Context
	chunks chan chunk
	free   chan []byte
	rest   []byte
	now    chunk
}

type chunk struct {
	data []byte
	err  error
}

func newPatient(ctx context.Context, r io.Reader) *patient {
	p := &patient{ctx: ctx, chunks: make(chan chunk), free: make(chan []byte, 2)}
	for range cap(p.free) {
		p.free <- make([]byte, 128<<10)
	}
	go func() {
		for buffer := range p.free {
			n, err := r.Read(buffer)
			select {
			case p.chunks <- chunk{buffer[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *patient) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.now.err != nil {
			return 0, p.now.err
		}
		if p.now.data != nil {
			p.free <- p.now.data[:cap(p.now.data)]
		}
		select {
		case p.now = <-p.chunks:
			p.rest = p.now.data
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close leaves the stream open, which is not ours.
func (p *patient) Close() error { return nil }

// counter counts the bytes that were read.
type counter struct {
	io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// stream yields the lines of a file.
func (l *Ledger) stream(open func() (io.ReadCloser, error)) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		f, err := open()
		if err != nil {
			yield(bundle.Raw{}, plain(err))
			return
		}
		defer f.Close()
		l.Done.Store(0)
		text, err := decompress(&counter{f, &l.Done})
		if err != nil {
			yield(bundle.Raw{}, err)
			return
		}
		defer text.Close()
		lines := &silence{Reader: text, most: pipeSilence}
		if l.Again {
			lines.most = math.MaxInt64 // a file ends
		}
		for raw, err := range bundle.Entries(lines, bundle.Limits{}) {
			lines.since = 0
			raw.Input = l.Name
			if !yield(raw, plain(err)) {
				return
			}
		}
	}
}

// WithArtifacts gives records that come without their runtime artifact the one
// that lies in dir at the path which their proof names.
func WithArtifacts(records iter.Seq2[bundle.Raw, error], dir string) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		for raw, err := range records {
			if err == nil && raw.Err == nil && raw.Artifact == nil {
				// Read twice: here for the path, and by the audit. Only who asks for it
				// pays.
				if b, parseErr := bundle.Parse(raw.Data); parseErr == nil && !b.Artifact.Exists() && b.Generation.BindsArtifact() {
					for _, dir := range artifactDirs(dir, raw) {
						if data, fileErr := Artifact(dir, b.Proof.ArtifactPath); fileErr == nil {
							raw.Artifact = data
							break
						}
					}
				}
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}

// artifactDirs are where a record's artifact may lie: below the folder that was named,
// and, of a file within it, below the one that holds the file.
func artifactDirs(dir string, raw bundle.Raw) []string {
	dirs := []string{dir}
	holds := filepath.Dir(raw.Input)
	if within, err := filepath.Rel(dir, holds); raw.Line == 0 && raw.Input != "" && err == nil && within != "." && filepath.IsLocal(within) {
		dirs = append(dirs, holds)
	}
	return dirs
}

// statusCodeError is an answer that is none of those asked for.
type statusCodeError struct {
	code int
	text string
}

func (e *statusCodeError) Error() string { return e.text }

// notFoundHint says what a 404 means by the path that was asked for. said: the service
// has told already that there is nothing.
func notFoundHint(u *url.URL, said bool) string {
	switch {
	case path.Base(u.Path) == "ledger":
		return "; the service has no ledger to read (qodverify serve has, the original does not): audit its database"
	case path.Base(u.Path) == path.Base(jwksPath):
		return "; it publishes no keys there"
	case said:
		return " (was the session finalized?)"
	}
	return "; the service has no such proof (was the session finalized?)"
}
