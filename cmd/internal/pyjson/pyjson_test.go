package pyjson_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/testdata"
)

// TestPython holds reading and writing to what CPython did with the same bytes
// (testdata/gen/pyjson_cases.py).
func TestPython(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(testdata.Read("pycanon/pyjson-cases.jsonl.gz")), []byte("\n"))
	if len(lines) < 600 {
		t.Fatalf("%d cases", len(lines))
	}
	for _, line := range lines {
		var want struct {
			Hex            string
			Error          *string
			Offset         int
			Unreadable     bool
			Compact, ASCII *string
			Indent         *string
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(want.Hex)
		if err != nil {
			t.Fatal(err)
		}
		v, err := pyjson.Decode(data)
		var syntax *pyjson.SyntaxError
		switch {
		case want.Error != nil:
			if !errors.As(err, &syntax) || syntax.Message != *want.Error || syntax.Offset != want.Offset {
				t.Errorf("%.80q: got %v, want %s at %d", data, err, *want.Error, want.Offset)
			}
			continue
		case want.Unreadable:
			if err != pyjson.ErrUnreadable {
				t.Errorf("%.80q: got %v, want unreadable", data, err)
			}
			continue
		case err != nil:
			t.Errorf("%.80q: %v", data, err)
			continue
		}
		for _, form := range []struct {
			got  []byte
			want *string
		}{{pyjson.Compact(v), want.Compact}, {pyjson.ASCII(v), want.ASCII}, {pyjson.Indent(v), want.Indent}} {
			if form.want != nil && string(form.got) != *form.want {
				t.Errorf("%.80q: wrote %.200s, want %.200s", data, form.got, *form.want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"\ud800",NaN]}`, "\xff\xfe1\x00", `{"a":1,"a":2}`, `"\`, "[1e999]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := pyjson.Decode(data)
		if err != nil {
			return
		}
		compact := pyjson.Compact(v)
		if !json.Valid(compact) {
			t.Fatalf("%q was written as %q, which is not JSON", data, compact)
		}
		// A form that is read again is written the same: nothing is lost after the first reading.
		again, err := pyjson.Decode(pyjson.Indent(v))
		if err != nil {
			t.Fatalf("%q: the indented form does not read: %v", data, err)
		}
		if got := pyjson.Compact(again); !bytes.Equal(got, compact) {
			t.Fatalf("%q: %q became %q", data, compact, got)
		}
	})
}
