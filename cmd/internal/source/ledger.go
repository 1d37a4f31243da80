package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
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
	// Records yields the records. It reads anew each time.
	Records iter.Seq2[bundle.Raw, error]
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
// compressed or not; a folder of bundle files; or a proof service by its base
// URL, from a chain position (from 1) on. What a file is, its content says.
func (r *Reader) Ledger(ctx context.Context, arg string, from int64) (*Ledger, error) {
	switch {
	case arg == "-":
		l := &Ledger{Name: arg}
		l.Records = l.stream(func() (io.ReadCloser, error) { return newPatient(ctx, r.Stdin), nil })
		return l, nil
	case IsURL(arg):
		return r.serviceLedger(ctx, arg, from)
	case strings.Contains(arg, "://"):
		return nil, fmt.Errorf("%w: %q: only http and https URLs are read", ErrUsage, arg)
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, plain(err)
	}
	l := &Ledger{Name: arg, Dir: arg, Again: info.Mode().IsRegular() || info.IsDir()}
	if info.IsDir() {
		return l, l.folder(arg)
	}
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

// folder yields the *.json of a directory by name. A ledger record without its
// artifact gets the one of the same folder at the path that its proof names.
func (l *Ledger) folder(dir string) error {
	names, err := jsonNames(dir)
	if err != nil {
		return plain(err)
	}
	l.Size.Store(int64(len(names)))
	l.Records = func(yield func(bundle.Raw, error) bool) {
		l.Done.Store(0)
		for _, name := range names {
			raw := bundle.Raw{Input: filepath.Join(dir, name)}
			raw.Data, raw.Err = ReadRegular(raw.Input, MaxBytes)
			l.Done.Add(1)
			if !yield(raw, nil) {
				return
			}
		}
	}
	return nil
}

// jsonNames lists the regular *.json files of a folder but the key set, sorted.
func jsonNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			name := e.Name()
			if filepath.Ext(name) != ".json" || name == KeysFile || !regular(dir, e) {
				continue
			}
			names = append(names, name)
		}
		switch {
		case errors.Is(err, io.EOF):
			slices.Sort(names)
			return names, nil
		case err != nil:
			return nil, err
		}
	}
}

// regular reports whether a directory entry is a regular file, or leads to one: a
// FIFO or a device would hang or never end, and nobody named it.
func regular(dir string, e fs.DirEntry) bool {
	if e.Type().IsRegular() {
		return true
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.Mode().IsRegular()
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
					if data, fileErr := Artifact(dir, b.Proof.ArtifactPath); fileErr == nil {
						raw.Artifact = data
					}
				}
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}

// statusCodeError is an answer that is none of those asked for.
type statusCodeError struct {
	code int
	text string
}

func (e *statusCodeError) Error() string { return e.text }

func notFoundHint(u *url.URL) string {
	if path.Base(u.Path) == "ledger" {
		return "; the service has no ledger to read (qodverify serve has, the original does not): audit its database"
	}
	return "; the service has no such proof (was the session finalized?)"
}
