package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

var errPackedDatabase = errors.New("this is a compressed SQLite database (gzip or zstd of one): unpack it (gunzip, zstd -d), and give the file")

// text is a ledger's text, unpacked: lines, or a document over several lines.
type text struct {
	io.Reader
	io.Closer
	document []byte // the only one, if it stands in more than one line
}

// decompress reads what is packed as if it were not, and refuses what can't be lines
// of JSON. How much comes out is bounded by the reader of lines, record by record.
func decompress(r io.Reader) (*text, error) {
	unpacked, format, err := unpack.NewReader(r)
	if err != nil {
		return nil, plain(err)
	}
	b := bufio.NewReaderSize(unpacked, 64<<10)
	t := &text{Reader: b, Closer: unpacked}
	if err := linesOnly(b, format); err != nil {
		unpacked.Close()
		return nil, err
	}
	if severalToOne(b) {
		data, err := io.ReadAll(io.LimitReader(b, MaxBytes+1))
		t.Reader = io.MultiReader(bytes.NewReader(data), b)
		if err != nil {
			t.Reader = io.MultiReader(bytes.NewReader(data), failed{err})
		} else if _, err := canonical.Parse(data, canonical.Options{AllowBOM: true}); err == nil {
			t.document = data
		}
	}
	return t, nil
}

// failed is what is left of a stream that could not be read on.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// records yields the records of a text. The reader r is t or reads from it.
func (t *text) records(r io.Reader) iter.Seq2[bundle.Raw, error] {
	if t.document == nil {
		return bundle.Entries(r, bundle.Limits{})
	}
	return func(yield func(bundle.Raw, error) bool) { yield(bundle.Raw{Data: t.document}, nil) }
}

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
