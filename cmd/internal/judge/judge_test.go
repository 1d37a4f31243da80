package judge

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/klauspost/compress/zstd"

	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/kind/kindtest"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

var tool = render.Tool{Name: "qodverify", Version: "test"}

// Files are taken for what they hold, whatever their names say.
func TestFiles(t *testing.T) {
	keys := File{"a.json", testdata.Read("qod-mock-v0.4/jwks.json")}
	one, two := testdata.Read("qod-mock-v0.4/good/00.bundle.json"), testdata.Read("qod-mock-v0.4/good/01.bundle.json")
	lines := bytes.Join([][]byte{bytes.TrimSpace(one), bytes.TrimSpace(two)}, []byte("\n"))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(lines)
	z.Close()
	packer, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zstandard := packer.EncodeAll(lines, nil)
	pinned := "X8SA8NgbGcejYQTtWNxXyb8dzdDjPGc9nLjLWrdfg14"
	for name, c := range map[string]struct {
		files, keys []File
		pins        []string
		want        string // the verdict, or what the error says
	}{
		"a bundle and keys":        {[]File{{"jwks.json", one}}, []File{keys}, nil, "verified"},
		"the other way":            {[]File{{"x", one}}, []File{keys}, nil, "verified"},
		"two bundles":              {[]File{{"x", one}, {"y", two}}, []File{keys}, nil, "verified"},
		"without keys":             {[]File{{"x", one}}, nil, nil, "inconclusive"},
		"pinned":                   {[]File{{"x", one}}, []File{keys}, []string{pinned}, "verified"},
		"pinned to another":        {[]File{{"x", one}}, []File{keys}, []string{"RJh8m1IoSodAQgTH6oaU-TuyZ3txXKjO-ixxmAkODDI"}, "failed"},
		"a pin that is none":       {[]File{{"x", one}}, []File{keys}, []string{"x"}, "the pin"},
		"a ledger":                 {[]File{{"l", lines}}, []File{keys}, nil, "verified"},
		"a ledger as gzip":         {[]File{{"l", zipped.Bytes()}}, []File{keys}, nil, "verified"},
		"a ledger cut off":         {[]File{{"l", lines[:len(lines)-5]}}, []File{keys}, nil, "malformed"},
		"a ledger without start":   {[]File{{"l", bytes.Join([][]byte{two, two}, []byte("\n"))}}, []File{keys}, nil, "inconclusive"},
		"gzip cut off":             {[]File{{"l", zipped.Bytes()[:zipped.Len()-9]}}, []File{keys}, nil, "gzip"},
		"a ledger and a bundle":    {[]File{{"l", lines}, {"x", one}}, []File{keys}, nil, "by itself"},
		"keys alone":               {nil, []File{keys}, nil, "there is no bundle"},
		"nothing":                  {nil, nil, nil, "there is no bundle"},
		"a database":               {[]File{{"x", []byte("SQLite format 3\x00")}}, []File{keys}, nil, "qodverify export"},
		"a ledger as zstd":         {[]File{{"l", zstandard}}, []File{keys}, nil, "verified"},
		"zstd cut off":             {[]File{{"l", zstandard[:len(zstandard)-9]}}, []File{keys}, nil, "the zstd stream is cut off"},
		"no JSON":                  {[]File{{"x", []byte("PK\x03\x04")}}, []File{keys}, nil, "malformed"},
		"an empty file":            {[]File{{"x", nil}}, []File{keys}, nil, "malformed"},
		"keys with a private part": {[]File{{"x", one}}, []File{{"k", []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AA","d":"AA"}]}`)}}, nil, "keys from k"},
		"a key set as evidence":    {[]File{{"x", one}, {"proof-2.json", keys.Data}}, []File{keys}, nil, "proof-2.json is a JWK Set"},
		"only a key set":           {[]File{keys}, nil, nil, "a.json is a JWK Set"},
		"a bundle with keys in it": {[]File{{"x", append([]byte(`{"keys":[],`), one[1:]...)}}, []File{keys}, nil, "verified"},
	} {
		report, err := Files(tool, c.files, c.keys, c.pins)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = report.Verdict().String()
		}
		if (err == nil) != (got == c.want) || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The page names each kind of file as the command line does, among the evidence and
// among the keys.
func TestFileKinds(t *testing.T) {
	one, keys := File{"one", testdata.Read("qod-mock-v0.4/good/00.bundle.json")}, File{"keys", testdata.Read("qod-mock-v0.4/jwks.json")}
	for name, f := range kindtest.Files() {
		t.Run(name, func(t *testing.T) {
			k, _ := kind.Of(f.Data, kind.Bundle)
			report, err := Files(tool, []File{{"x", f.Data}}, []File{keys}, nil)
			text := ""
			if err == nil {
				var b strings.Builder
				if err := render.Write(&b, "text", report, render.Options{}); err != nil {
					t.Fatal(err)
				}
				if text = b.String(); report.Verdict() != verify.Malformed && name != "json-lines" {
					t.Errorf("the verdict: %s", report.Verdict())
				}
			} else {
				text = err.Error()
			}
			switch {
			case name == "jwks" || name == "jwk-private" || name == "public-keys", name == "json-lines": // refused by its name; judged
			case name == "own-lines", name == "two-documents": // a ledger, whose lines are named
			case !strings.Contains(text, "this is "+render.Printable(k.What)):
				t.Errorf("%q is not named:\n%s", k.What, text)
			}
			k, other := kind.Of(f.Data, kind.Keys)
			if _, err := Files(tool, []File{one}, []File{{"k", f.Data}}, nil); other && (err == nil || !strings.Contains(err.Error(), k.Sentence())) {
				t.Errorf("as keys: %v, want %q", err, k.Sentence())
			}
		})
	}
}

// FuzzFiles: whatever is dropped on it, there is a report or an error, the formats
// that are not JSON (FuzzPrintable has that) are clean, and nothing becomes verified that the checks did not
// pass.
func FuzzFiles(f *testing.F) {
	keys := testdata.Read("qod-mock-v0.4/jwks.json")
	f.Add("x", testdata.Read("qod-mock-v0.4/good/00.bundle.json"))
	f.Add("::error::\n##[x]", testdata.Read("qod-mock-v0.4/tampered/session-relabelled.json"))
	f.Add("l|", []byte("{\"proof\":{}}\n{\"proof\":1}\n"))
	f.Add(" ::\n##[x", []byte("no JSON"))
	f.Add("z", []byte{0x1f, 0x8b, 8, 0})
	ours := regexp.MustCompile(`^::(error|warning|notice) [^:]*::`)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		report, err := Files(tool, []File{{name, data}}, []File{{"jwks.json", keys}}, nil)
		if err != nil {
			return
		}
		for _, format := range []string{"text", "junit", "tap", "github", "markdown"} {
			var b strings.Builder
			if err := render.Write(&b, format, report, render.Options{}); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || strings.Contains(line, "##[") ||
					strings.HasPrefix(strings.TrimSpace(line), "::") && (format != "github" || !ours.MatchString(line)) {
					t.Fatalf("%s: %q", format, line)
				}
			}
			if failed := strings.Contains(b.String(), "::error ") || strings.Contains(b.String(), "not ok "); report.Verdict() == verify.Verified && failed && (format == "github" || format == "tap") {
				t.Fatalf("%s: a failure of what is verified:\n%s", format, b.String())
			}
		}
	})
}
