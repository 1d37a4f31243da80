package unpack

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

func gz(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t testing.TB, text []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, options...)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stream(data []byte) ([]byte, error) {
	r, _, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func inMemory(data []byte) ([]byte, error) { return ReadAll(bytes.NewReader(data), 1<<20) }

var ways = map[string]func([]byte) ([]byte, error){"stream": stream, "whole": inMemory}

func TestUnpack(t *testing.T) {
	text := []byte(strings.Repeat("{\"proof\":1}\n", 5000))
	long := zst(t, text, zstd.WithWindowSize(maxWindow), zstd.WithSingleSegment(false))
	skippable := append([]byte{0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}, zst(t, text)...)
	for name, c := range map[string]struct {
		data []byte
		want string // of the error; "" means the text
	}{
		"plain":                {text, ""},
		"gzip":                 {gz(t, text), ""},
		"gzip of two members":  {append(gz(t, text[:100]), gz(t, text[100:])...), ""},
		"gzip and zeros":       {append(gz(t, text), make([]byte, 512)...), ""},
		"gzip and text":        {append(gz(t, text), "more"...), "the gzip stream ended soundly, and bytes that are no gzip follow it"},
		"gzip and one byte":    {append(gz(t, text), 'x'), "ended soundly"},
		"gzip, checksum":       {flip(gz(t, text), -6), "does not match its checksum"},
		"gzip, damaged":        {flip(gz(t, text), 14), "the gzip stream is damaged"},
		"gzip, no header":      {[]byte("\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "its header is none"},
		"zstd":                 {zst(t, text), ""},
		"zstd of two frames":   {append(zst(t, text[:100]), zst(t, text[100:])...), ""},
		"zstd, skippable":      {skippable, ""},
		"zstd of 128 MiB":      {long, ""},
		"zstd and text":        {append(zst(t, text), "more text"...), "the zstd stream ended soundly, and bytes that are no zstd follow it"},
		"zstd and one byte":    {append(zst(t, text), 'x'), "the zstd stream is cut off"},
		"zstd, checksum":       {flip(zst(t, text), -2), "does not match its checksum"},
		"zstd, larger windows": {[]byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), "a window of more than 128 MiB"},
		"zstd, dictionary":     {[]byte("\x28\xb5\x2f\xfd\x01\x00\x07\x01\x00\x00"), "a dictionary"},
	} {
		for way, read := range ways {
			t.Run(way+"/"+name, func(t *testing.T) {
				got, err := read(c.data)
				switch {
				case c.want == "" && (err != nil || !bytes.Equal(got, text)):
					t.Errorf("%d bytes, %v", len(got), err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		}
	}
}

func flip(data []byte, i int) []byte {
	data = bytes.Clone(data)
	if i < 0 {
		i += len(data)
	}
	data[i] ^= 0xff
	return data
}

// Wherever a stream is cut, it is said that it is.
func TestCut(t *testing.T) {
	text := []byte(strings.Repeat("a line of text\n", 40))
	for name, data := range map[string][]byte{"gzip": gz(t, text), "zstd": zst(t, text)} {
		for way, read := range ways {
			for n := 8; n < len(data); n++ {
				if _, err := read(data[:n]); err == nil || !strings.Contains(err.Error(), "is cut off") {
					t.Errorf("%s, %s, cut to %d of %d bytes: %v", name, way, n, len(data), err)
				}
			}
		}
	}
}

// What the place of the bytes says about itself goes on as it is.
func TestSourceError(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, data := range map[string][]byte{"gzip": gz(t, make([]byte, 5000)), "zstd": zst(t, make([]byte, 5000)), "plain": []byte("text of some length")} {
		r, _, err := NewReader(io.MultiReader(bytes.NewReader(data[:len(data)-2]), iotest.ErrReader(broken)))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if err != broken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bomb takes what was allowed, and a window that is asked for takes nothing.
func TestBounds(t *testing.T) {
	bomb := make([]byte, 64<<20)
	data := map[string][]byte{"gzip": gz(t, bomb), "zstd": zst(t, bomb), "twice": gz(t, gz(t, []byte("text")))}
	want := map[string]string{"gzip": "unpacks to more than 1 MiB", "zstd": "unpacks to more than 1 MiB", "twice": "packed twice, gzip within gzip"}
	bomb = nil
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00} // 128 MiB, for an empty block
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, packed := range data {
		if _, err := inMemory(packed); err == nil || !strings.Contains(err.Error(), want[name]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := inMemory(window); err != nil || len(out) != 0 {
		t.Errorf("a window: %d bytes, %v", len(out), err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 24<<20 {
		t.Errorf("%d bytes were allocated", after.TotalAlloc-before.TotalAlloc)
	}
	if _, err := ReadAll(bytes.NewReader(make([]byte, 1<<20+1)), 1<<20); err == nil {
		t.Error("plain bytes over the limit were read")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(gz(f, []byte("text")))
	f.Add(zst(f, []byte("text")))
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		out, err := ReadAll(bytes.NewReader(data), limit)
		if len(out) > limit || err != nil && out != nil {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}
