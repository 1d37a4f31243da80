package source

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata"
)

// A record is found wherever in the folder its file lies, and a damaged copy of it does
// not hide it.
func TestSnapshots(t *testing.T) {
	data := testdata.Read("qod-mock-v0.4/good/02.bundle.json")
	b, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Replace(data, []byte(b.Entry.Signature), bytes.Repeat([]byte("A"), len(b.Entry.Signature)), 1)
	genuine := func(x *bundle.Bundle) bool { return x.Entry.Signature == b.Entry.Signature }
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string // the file that is found
	}{
		"at the top":                 {map[string][]byte{"proof_a_1.json": data}, "proof_a_1.json"},
		"below":                      {map[string][]byte{"x/y/proof_a_1.json": data}, "x/y/proof_a_1.json"},
		"after a damaged copy":       {map[string][]byte{"proof_a_1.json": damaged, "proof_b_1.json": data}, "proof_b_1.json"},
		"before a damaged copy":      {map[string][]byte{"proof_a_1.json": data, "proof_b_1.json": damaged}, "proof_a_1.json"},
		"a damaged copy alone":       {map[string][]byte{"proof_a_1.json": damaged}, "proof_a_1.json"},
		"under another kind of name": {map[string][]byte{"a.json": data}, ""},
		"none":                       {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range c.files {
				file = filepath.Join(dir, filepath.FromSlash(file))
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := NewSnapshots(context.Background(), dir, genuine).Find(b.Entry.ThisHash)
			want := ""
			if c.want != "" {
				want = filepath.Join(dir, filepath.FromSlash(c.want))
			}
			if got.Input != want || (got.Data != nil) != (want != "") {
				t.Errorf("%q, want %q", got.Input, want)
			}
		})
	}
}
