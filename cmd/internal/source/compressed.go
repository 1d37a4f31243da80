package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

var errPackedDatabase = errors.New("this is a compressed SQLite database (gzip or zstd of one): unpack it (gunzip, zstd -d), and give the file")

// decompress reads what is packed as if it were not, and refuses what can't be lines
// of JSON. How much comes out is bounded by the reader of lines, record by record.
func decompress(r io.Reader) (io.ReadCloser, error) {
	unpacked, format, err := unpack.NewReader(r)
	if err != nil {
		return nil, plain(err)
	}
	b := bufio.NewReaderSize(unpacked, 64<<10)
	text, err := linesOf(b, format)
	if err != nil {
		unpacked.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{text, unpacked}, nil
}

// linesOf returns the text, or says what it is that can't be lines.
func linesOf(b *bufio.Reader, format unpack.Format) (io.Reader, error) {
	if err := linesOnly(b, format); err != nil || !severalToOne(b) {
		return b, err
	}
	data, err := io.ReadAll(io.LimitReader(b, MaxBytes+1))
	if err != nil {
		return io.MultiReader(bytes.NewReader(data), failed{err}), nil
	}
	_, notOne := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if notOne == nil || !bytes.Contains(data[:min(len(data), b.Size())], []byte("\n{")) {
		if k, ok := kind.Of(data, kind.Ledger); ok {
			return nil, kind.New(k)
		}
	}
	return io.MultiReader(bytes.NewReader(data), b), nil
}

// failed is what is left of a stream that could not be read on.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// maybeLines are the kinds that a ledger may seem to be whose first line alone is
// damaged.
var maybeLines = []string{"text", "log", "binary", "yaml", "csv", "script", "jsonp"}

// linesOnly refuses what can't be lines of JSON by its first bytes, and says what it is.
func linesOnly(b *bufio.Reader, format unpack.Format) error {
	head, _ := b.Peek(512) // an error comes again with the next byte
	if bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("{")) || len(head) == 0 {
		return nil // a record, and what is wrong with it is its own finding
	}
	head, _ = b.Peek(b.Size())
	k, ok := kind.Head(head, kind.Ledger)
	switch {
	case !ok, k.ID == "blank", slices.Contains(maybeLines, k.ID) && bytes.Contains(head, []byte("\n{")):
		return nil
	case k.ID == "sqlite" && format != unpack.Plain:
		return errPackedDatabase
	}
	return kind.New(k)
}

// severalToOne reports whether a text begins with a line of JSON that goes on in the
// next one.
func severalToOne(b *bufio.Reader) bool {
	head, _ := b.Peek(512)
	if i := bytes.IndexAny(head, "{["); i < 0 || len(bytes.Trim(head[:i], "\ufeff \t\r\n")) > 0 {
		return false
	}
	if first, _, ok := bytes.Cut(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("\n")); ok {
		return unfinished(first)
	}
	head, _ = b.Peek(b.Size())
	first, _, ok := bytes.Cut(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("\n"))
	return ok && unfinished(first)
}

func unfinished(line []byte) bool {
	_, err := canonical.Parse(line, canonical.Options{})
	var e *canonical.Error
	return errors.As(err, &e) && e.Code == canonical.CodeTruncated
}
