package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

// ErrDatabase: the stream is a database, which can't be read as one.
var ErrDatabase = errors.New("this is a SQLite database; give its file by name")

var errPackedDatabase = errors.New("this is a compressed SQLite database (gzip or zstd of one): unpack it (gunzip, zstd -d), and give the file")

// decompress reads what is packed as if it were not, and refuses what can't be lines
// of JSON. How much comes out is bounded by the reader of lines, record by record.
func decompress(r io.Reader) (io.ReadCloser, error) {
	unpacked, format, err := unpack.NewReader(r)
	if err != nil {
		return nil, plain(err)
	}
	database := ErrDatabase
	if format != unpack.Plain {
		database = errPackedDatabase
	}
	text := bufio.NewReaderSize(unpacked, 4096)
	if err := isText(text, database); err != nil {
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
