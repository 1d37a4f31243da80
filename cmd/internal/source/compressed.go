package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ErrDatabase: the stream is a database, which can't be read as one.
var ErrDatabase = errors.New("this is a SQLite database; give its file by name")

var (
	errPackedDatabase = errors.New("this is a compressed SQLite database (gzip or zstd of one): unpack it (gunzip, zstd -d), and give the file")
	errTrailing       = errors.New("the gzip stream ended soundly, and bytes that are no gzip follow it: cut them off, or unpack it yourself (gunzip -c)")
	errWindow         = errors.New("it was packed with a window of more than 8 MiB: unpack it (zstd -dc FILE | qodverify audit -)")
)

// decompress recognises gzip (RFC 1952) and Zstandard (RFC 8878) by their first
// bytes. How much comes out is bounded by the reader of lines, record by record.
func decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 128<<10)
	head, err := b.Peek(16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, plain(err)
	}
	var unpacked io.ReadCloser
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		z.Multistream(false)
		unpacked = &members{packed: b, Reader: z}
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(head) >= 4 && head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18:
		// One goroutine, and a window of at most 8 MiB: what RFC 8878 §3.1.1.1.2
		// asks every reader to allow, and what its writer uses up to level 19.
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
		unpacked = &frames{z.IOReadCloser()}
	default:
		return io.NopCloser(b), isText(b, ErrDatabase)
	}
	text := bufio.NewReaderSize(unpacked, 4096)
	if err := isText(text, errPackedDatabase); err != nil {
		unpacked.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{text, unpacked}, nil
}

// isText refuses what can't be JSONL by its first bytes, and says what it is.
func isText(b *bufio.Reader, database error) error {
	head, _ := b.Peek(512) // an error comes again with the next byte
	if bytes.HasPrefix(head, []byte("SQLite format 3\x00")) {
		return database
	}
	for _, k := range []struct{ start, text string }{
		{"\xff\xfe", "this is UTF-16, as PowerShell's > writes it: save it as UTF-8"},
		{"\xfe\xff", "this is UTF-16: save it as UTF-8"},
		{"\xfd7zXZ\x00", "this is xz: unpack it (xz -dc FILE | qodverify audit -)"},
		{"BZh", "this is bzip2: unpack it (bzip2 -dc FILE | qodverify audit -)"},
		{"PK\x03\x04", "this is a zip archive: unpack it"},
		{"\x1f\x8b", "this is packed twice: unpack it once (gunzip)"},
	} {
		if bytes.HasPrefix(head, []byte(k.start)) {
			return errors.New(k.text)
		}
	}
	if bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("{")) {
		return nil // a record, and what is wrong with it is its own finding
	}
	if bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n\f", r) }) {
		return errors.New("this is no JSONL, and no database that can be read: its first bytes are no text (it may be encrypted or damaged)")
	}
	return nil
}

// members is a gzip file of one or more members (RFC 1952 §2.2).
type members struct {
	*gzip.Reader
	packed *bufio.Reader
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
		return n, err
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

// frames is a Zstandard stream.
type frames struct{ io.ReadCloser }

func (f *frames) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = errWindow
	}
	return n, err
}
