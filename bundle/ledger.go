package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Raw is one record of a ledger as its bytes stand there, not read yet.
type Raw struct {
	// Data is one bundle or record. It is valid until the next Raw is asked for.
	Data []byte
	// Artifact is the runtime artifact's own file, for a record that comes
	// without; nil when there is none.
	Artifact []byte
	Input    string // the file or address that it came from, for people; may be ""
	Line     int64  // in Input, from 1; 0 where there are no lines
	// Err says why this one record could not be had: it is too long, or its file
	// can't be read. The ledger goes on after it.
	Err error
}

// Entries yields the records of a ledger in JSONL: one bundle or record a line,
// lines without one skipped. It holds one line at a time and at most
// limits.MaxBytes of it. An error is one of reading and the last thing that is
// yielded; a line that is too long has its own [Raw].Err, and the next follows.
func Entries(r io.Reader, limits Limits) iter.Seq2[Raw, error] {
	maxBytes := limits.MaxBytes
	if maxBytes <= 0 {
		maxBytes = canonical.MaxBytes
	}
	return func(yield func(Raw, error) bool) {
		lines := bufio.NewReaderSize(r, 256<<10)
		var long []byte // a line that does not fit the buffer
		for n := int64(1); ; n++ {
			data, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				data, err = longLine(lines, append(long[:0], data...), maxBytes)
				long = data
			}
			// What is before a record is kept: a finding's column counts from the
			// start of the line.
			raw := Raw{Data: bytes.TrimRight(data, " \t\r\n"), Line: n}
			// White space is JSON's alone: a line of anything else is no empty one.
			if len(bytes.TrimLeft(raw.Data, " \t\r\n")) == 0 {
				raw.Data = nil
			}
			if len(data) > maxBytes+1 {
				raw.Err = &canonical.Error{Code: canonical.CodeTooLarge, Detail: fmt.Sprintf("the line is longer than %d bytes", maxBytes)}
				raw.Data, long = nil, nil
			}
			if (len(raw.Data) > 0 || raw.Err != nil) && (err == nil || errors.Is(err, io.EOF)) && !yield(raw, nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(Raw{Line: n}, err)
				return
			}
		}
	}
}

// longLine goes on with a line up to its end, and keeps no more than shows that
// it is too long.
func longLine(lines *bufio.Reader, data []byte, maxBytes int) ([]byte, error) {
	for {
		more, err := lines.ReadSlice('\n')
		if len(data) <= maxBytes+1 {
			data = append(data, more...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return data, err
		}
	}
}
