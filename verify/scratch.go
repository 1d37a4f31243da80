package verify

import (
	"bufio"
	"errors"
	"io"
)

// Scratch is where an audit puts what it must remember of every record, some
// 180 bytes each: a temporary file, which keeps memory flat however long the
// ledger is. What is appended is read back at its offset. An audit that fails to
// write or read it reaches no verdict.
type Scratch interface {
	io.Writer
	io.ReaderAt
}

// memory is the Scratch of callers that give none. Its blocks never move.
type memory struct {
	blocks [][]byte
	size   int64
}

const memoryBlock = 1 << 20

func (m *memory) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		at := int(m.size % memoryBlock)
		if at == 0 {
			m.blocks = append(m.blocks, make([]byte, memoryBlock))
		}
		n := copy(m.blocks[len(m.blocks)-1][at:], rest)
		rest = rest[n:]
		m.size += int64(n)
	}
	return len(p), nil
}

func (m *memory) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > m.size {
		return 0, errors.New("beyond the end")
	}
	n := 0
	for n < len(p) && offset < m.size {
		block := m.blocks[offset/memoryBlock]
		c := copy(p[n:min(int64(len(p)), int64(n)+m.size-offset)], block[offset%memoryBlock:])
		n += c
		offset += int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// tape is an append-only sequence of bytes on a Scratch, buffered, that keeps
// its first error.
type tape struct {
	scratch Scratch
	w       *bufio.Writer
	size    int64
	err     error
}

func newTape(s Scratch) *tape {
	if s == nil {
		s = &memory{}
	}
	return &tape{scratch: s, w: bufio.NewWriterSize(s, 64<<10)}
}

// append returns the offset at which p now stands.
func (t *tape) append(p []byte) int64 {
	at := t.size
	if t.err == nil {
		_, t.err = t.w.Write(p)
	}
	t.size += int64(len(p))
	return at
}

// read fills p from an offset. What was appended is written out first.
func (t *tape) read(p []byte, offset int64) {
	if t.w.Buffered() > 0 && t.err == nil {
		t.err = t.w.Flush()
	}
	if t.err != nil {
		clear(p)
		return
	}
	if n, err := t.scratch.ReadAt(p, offset); n < len(p) {
		t.err = errors.Join(errors.New("the scratch file is shorter than what was written to it"), err)
		clear(p)
	}
}
