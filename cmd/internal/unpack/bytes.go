package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// ReadAll reads r to its end and returns it unpacked. Neither what is read nor what
// it unpacks to may be more than limit bytes.
func ReadAll(r io.Reader, limit int) ([]byte, error) {
	data, err := ReadPacked(r, limit)
	if err != nil {
		return nil, err
	}
	return Bytes(data, limit)
}

// ReadPacked reads r to its end as it is, and at most limit bytes.
func ReadPacked(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, &LimitError{limit}
	}
	return data, nil
}

// LimitError is the error of what has more than Limit bytes.
type LimitError struct{ Limit int }

func (e *LimitError) Error() string {
	return "it is larger than " + size(e.Limit) + ", the most that is read"
}

// size spells a number of bytes.
func size(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// Bytes returns data unpacked, and data itself when it is not packed. It unpacks to
// at most limit bytes, and needs no more memory than some of these: a window of a
// Zstandard stream is not held beside what comes out.
func Bytes(data []byte, limit int) ([]byte, error) {
	format := Of(data)
	var out []byte
	var err error
	switch format {
	case Plain:
		return data, nil
	case Gzip:
		out, err = gunzip(data, limit)
	case Zstd:
		out, err = unzstd(data, limit)
	}
	if err != nil {
		return nil, err
	}
	if len(out) > limit {
		return nil, tooMuch(format, limit)
	}
	if again := Of(out); again != Plain {
		return nil, &Error{fmt.Sprintf("it is packed twice, %s within %s: unpack it once (%s)", again, format, format.command()), nil}
	}
	return out, nil
}

func tooMuch(f Format, limit int) error {
	return &Error{fmt.Sprintf("it is packed with %s, and unpacks to more than %s, the most that is read", f, size(limit)), nil}
}

func gunzip(data []byte, limit int) ([]byte, error) {
	z, _, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, int64(limit)+1))
}

// wholeDecoder decodes what is in memory, where what came out is the window.
var wholeDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeAllCapLimit(true))
})

// blocks is more than a block of Zstandard and what its decoder wants beside it: when
// less room than that is left, its error may be for that alone.
const blocks = 512 << 10

// unzstd tries with more and more room, as a stream need not say how much it needs.
func unzstd(data []byte, limit int) ([]byte, error) {
	d, err := wholeDecoder()
	if err != nil {
		return nil, err
	}
	most := limit + 2*blocks
	for room := min(8*len(data)+(64<<10), most); ; room = min(4*room, most) {
		out, err := d.DecodeAll(data, make([]byte, 0, room))
		full := errors.Is(err, zstd.ErrDecoderSizeExceeded)
		switch {
		case err == nil:
			return bytes.Clone(out), nil // without the room that was left
		case len(out) > limit, full && room == most:
			return nil, tooMuch(Zstd, limit)
		case room == most, !full && len(out)+blocks < room:
			return nil, (&source{}).explain(err, Zstd)
		}
	}
}
