// Package unpack reads what is packed with gzip (RFC 1952) or Zstandard (RFC 8878)
// as if it were not, and says of a stream that can't be unpacked what is wrong with
// it and the way out. It does no I/O of its own.
package unpack

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window of a Zstandard stream that is read: what zstd -d
// reads without being asked to, and what zstd --ultra -22 and --long write.
const maxWindow = 128 << 20

// Format is how bytes are packed.
type Format uint8

// The formats that are read.
const (
	Plain Format = iota
	Gzip
	Zstd
)

func (f Format) String() string { return [...]string{"plain", "gzip", "zstd"}[f] }

// command unpacks a file of the format.
func (f Format) command() string { return [...]string{"", "gunzip", "zstd -d"}[f] }

// Of tells a format by the first bytes.
func Of(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(head) >= 8 && head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18:
		return Zstd // or a skippable frame before one
	}
	return Plain
}

// Error is what is wrong with a packed stream.
type Error struct {
	text string
	err  error
}

func (e *Error) Error() string { return e.text }

func (e *Error) Unwrap() error { return e.err }

// Hint is what to do about it.
func (e *Error) Hint() string {
	if e.err == nil || errors.Is(e.err, errTrailing) || errors.Is(e.err, zstd.ErrMagicMismatch) ||
		errors.Is(e.err, zstd.ErrWindowSizeExceeded) || errors.Is(e.err, zstd.ErrUnknownDictionary) {
		return "Unpack it yourself, look at what comes out, and give that."
	}
	return "Get the compressed file again from whoever made it, and compare its size: a download or a copy was cut off or changed it."
}

// NewReader reads r unpacked, and tells how it was packed. How much comes out is
// bounded by who reads. Memory is bounded by the stream's window, and of that only
// what is filled is used.
func NewReader(r io.Reader) (io.ReadCloser, Format, error) {
	s := &source{Reader: r}
	b := bufio.NewReaderSize(s, 128<<10)
	head, err := b.Peek(16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, Plain, err
	}
	switch format := Of(head); format {
	case Gzip:
		z, err := newMembers(b)
		if err != nil {
			return nil, format, s.explain(err, format)
		}
		return &reader{z, s, format}, format, nil
	case Zstd:
		f, err := newFrames(b)
		if err != nil {
			return nil, format, s.explain(err, format)
		}
		return &reader{f, s, format}, format, nil
	}
	return io.NopCloser(b), Plain, nil
}

// source remembers why no more came: that is not the packing's fault.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain says in words what the packing's reader met.
func (s *source) explain(err error, f Format) error {
	var damaged flate.CorruptInputError
	say := func(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...), err} }
	switch {
	case err == nil, err == io.EOF:
		return err
	case s.err != nil:
		return s.err
	case errors.Is(err, errTrailing), errors.Is(err, zstd.ErrMagicMismatch):
		return say("the %s stream ended soundly, and bytes that are no %s follow it: cut them off, or unpack it yourself (%s -c)", f, f, f.command())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return say("the %s stream is cut off: its end is missing, so get the file anew", f)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return say("it was packed with a window of more than %d MiB: unpack it first (zstd -d --long=31)", maxWindow>>20)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return say("it was packed with a dictionary: unpack it first (zstd -d -D DICTIONARY)")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return say("the %s stream is damaged: what it unpacks to does not match its checksum; get the file anew", f)
	case errors.As(err, &damaged):
		return say("the %s stream is damaged near its byte %d: get the file anew", f, int64(damaged))
	case errors.Is(err, gzip.ErrHeader):
		return say("it begins as gzip does, and its header is none: the file is damaged, or no gzip")
	}
	return say("the %s stream is damaged: get the file anew", f)
}

type reader struct {
	io.ReadCloser
	source *source
	format Format
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	return n, r.source.explain(err, r.format)
}

// members is a gzip file of one or more members (RFC 1952 §2.2).
type members struct {
	*gzip.Reader
	packed *bufio.Reader
}

func newMembers(b *bufio.Reader) (*members, error) {
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, whole(err)
	}
	z.Multistream(false)
	return &members{z, b}, nil
}

var errTrailing = errors.New("trailing bytes")

// whole tells a header that is cut off from an end.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	switch head, err := m.packed.Peek(2); {
	case len(head) == 0:
		return n, err // the end, or why it could not be read on
	case bytes.Equal(head, []byte{0x1f, 0x8b}):
		err := m.Reset(m.packed)
		m.Multistream(false)
		return n, whole(err)
	}
	return n, m.padding()
}

// padding allows zeros behind the last member, as gzip does: tapes had them.
func (m *members) padding() error {
	for {
		switch c, err := m.packed.ReadByte(); {
		case err != nil:
			return err
		case c != 0:
			return errTrailing
		}
	}
}

// decoders are those of streams. Each may hold a window, of which only what was
// filled takes memory, as long as it is used again rather than made anew.
var decoders sync.Pool

// frames is a Zstandard stream.
type frames struct{ decoder *zstd.Decoder }

func newFrames(b io.Reader) (*frames, error) {
	if d, ok := decoders.Get().(*zstd.Decoder); ok {
		return &frames{d}, d.Reset(b)
	}
	d, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	return &frames{d}, err
}

func (f *frames) Read(p []byte) (int, error) { return f.decoder.Read(p) }

func (f *frames) Close() error {
	if f.decoder != nil && f.decoder.Reset(nil) == nil {
		decoders.Put(f.decoder)
	}
	f.decoder = nil
	return nil
}
