package canonical_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Each refusal has a code and a place: offset, line, column and pointer.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		in      string
		code    canonical.Code
		offset  int
		place   string // "line:column"
		pointer string
	}{
		{"", canonical.CodeEmpty, 0, "1:1", ""},
		{" \n ", canonical.CodeEmpty, 3, "2:2", ""},
		{"nope", canonical.CodeSyntax, 0, "1:1", ""},
		{"{", canonical.CodeTruncated, 1, "1:2", ""},
		{`{"a":1,}`, canonical.CodeSyntax, 7, "1:8", ""},
		{`{"a":`, canonical.CodeTruncated, 5, "1:6", "/a"},
		{`{"a" 1}`, canonical.CodeSyntax, 5, "1:6", ""},
		{`{a:1}`, canonical.CodeSyntax, 1, "1:2", ""},
		{`[1 2]`, canonical.CodeSyntax, 3, "1:4", ""},
		{"{\n \"é\": [0,\n {\"b/~\": 01}]}", canonical.CodeSyntax, 22, "3:10", "/é/1/b~1~0"},
		{`{"a":{"b":1,"\u0062":2}}`, canonical.CodeDuplicateName, 12, "1:13", "/a/b"},
		{`{"z":1,"a":2,"z":3}`, canonical.CodeDuplicateName, 13, "1:14", "/z"},
		{`[0,"\ud800x"]`, canonical.CodeLoneSurrogate, 4, "1:5", "/1"},
		{`["\udc00"]`, canonical.CodeLoneSurrogate, 2, "1:3", "/0"},
		{"[\"a\xff\"]", canonical.CodeInvalidUTF8, 3, "1:4", "/0"},
		{"[\"\xed\xa0\x80\"]", canonical.CodeInvalidUTF8, 2, "1:3", "/0"},
		{"[\"\xc0\xaf\"]", canonical.CodeInvalidUTF8, 2, "1:3", "/0"},
		{"[\"\x01\"]", canonical.CodeSyntax, 2, "1:3", "/0"},
		{`["\x"]`, canonical.CodeSyntax, 2, "1:3", "/0"},
		{`["\u12g4"]`, canonical.CodeSyntax, 2, "1:3", "/0"},
		{`["abc`, canonical.CodeTruncated, 5, "1:6", "/0"},
		{`["abc\`, canonical.CodeTruncated, 6, "1:7", "/0"},
		{`{"m":NaN}`, canonical.CodeNotANumber, 5, "1:6", "/m"},
		{`{"m":-Infinity}`, canonical.CodeNotANumber, 5, "1:6", "/m"},
		{`{"m":Infinity}`, canonical.CodeNotANumber, 5, "1:6", "/m"},
		{`{"m":1e400}`, canonical.CodeNumberRange, 5, "1:6", "/m"},
		{"1." + strings.Repeat("0", 500) + "e309", canonical.CodeNumberRange, 0, "1:1", ""},
		{strings.Repeat("9", 4301), canonical.CodeIntegerTooLong, 0, "1:1", ""},
		{"-", canonical.CodeTruncated, 1, "1:2", ""},
		{"+1", canonical.CodeSyntax, 0, "1:1", ""},
		{".5", canonical.CodeSyntax, 0, "1:1", ""},
		{"1.", canonical.CodeTruncated, 2, "1:3", ""},
		{"1e", canonical.CodeTruncated, 2, "1:3", ""},
		{"1 x", canonical.CodeTrailingData, 2, "1:3", ""},
		{"{}{}", canonical.CodeTrailingData, 2, "1:3", ""},
		{"tru", canonical.CodeSyntax, 0, "1:1", ""},
		{"\xef\xbb\xbf{}", canonical.CodeByteOrderMark, 0, "1:1", ""},
		{strings.Repeat("[", 65), canonical.CodeTooDeep, 64, "1:65", strings.Repeat("/0", 64)},
	} {
		_, err := canonical.Parse([]byte(c.in), canonical.Options{})
		e, _ := err.(*canonical.Error)
		if e == nil {
			t.Errorf("%.40q: accepted", c.in)
			continue
		}
		place := fmt.Sprintf("%d:%d", e.Line, e.Column)
		if e.Code != c.code || e.Offset != c.offset || place != c.place || e.Pointer != c.pointer {
			t.Errorf("%.40q:\n got %s offset %d at %s %s (%v)\nwant %s offset %d at %s %s",
				c.in, e.Code, e.Offset, place, e.Pointer, e, c.code, c.offset, c.place, c.pointer)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		in   string
		o    canonical.Options
		code canonical.Code
	}{
		{"[1]", canonical.Options{MaxBytes: 2}, canonical.CodeTooLarge},
		{"[1,2,3]", canonical.Options{MaxValues: 3}, canonical.CodeTooManyValues},
		{"[[1]]", canonical.Options{MaxDepth: 1}, canonical.CodeTooDeep},
		{"[" + strings.Repeat("0,", canonical.MaxValues) + "0]", canonical.Options{}, canonical.CodeTooManyValues},
		{strings.Repeat(" ", canonical.MaxBytes) + "1", canonical.Options{}, canonical.CodeTooLarge},
	} {
		_, err := canonical.Parse([]byte(c.in), c.o)
		if e, _ := err.(*canonical.Error); e == nil || e.Code != c.code {
			t.Errorf("%.20q: got %v, want %s", c.in, err, c.code)
		}
	}
	if doc, err := canonical.Parse([]byte("\xef\xbb\xbf {\"a\":1}"), canonical.Options{AllowBOM: true}); err != nil {
		t.Errorf("BOM allowed: %v", err)
	} else if _, column := doc.Root().Get("a").Position(); column != 7 {
		t.Errorf("the mark counts as a column: got %d, want 7", column)
	}
}

// Reading costs no more for each name when there are sixteen times as many.
// A quadratic reader (gowebpki/jcs 1.0.1: 2.7 s for this input) would show a
// ratio near 16; the bound leaves room for a noisy machine.
func TestLinearTime(t *testing.T) {
	object := func(n int, ascending bool) []byte {
		var b bytes.Buffer
		for i := range n {
			if !ascending {
				i = n - i
			}
			fmt.Fprintf(&b, `,"k%06d":0`, i)
		}
		return append(append([]byte("{"), b.Bytes()[1:]...), '}')
	}
	perName := func(n int, ascending bool) time.Duration {
		in := object(n, ascending)
		best := time.Duration(1 << 62)
		for range 7 {
			start := time.Now()
			doc, err := canonical.Parse(in, canonical.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := doc.Root().AppendCanonical(nil, canonical.QodMock); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best * 1000 / time.Duration(n)
	}
	for _, ascending := range []bool{true, false} {
		small, large := perName(2000, ascending), perName(32_000, ascending)
		if large > 8*small {
			t.Errorf("ascending %v: %d ps a name with 2,000 names, %d with 32,000", ascending, small, large)
		}
	}
}

// Hostile input costs memory in proportion to its size, and its own limits.
func TestBoundedMemory(t *testing.T) {
	const size = canonical.MaxBytes
	fill := func(open, unit, closing string) []byte {
		n := (size - len(open) - len(closing)) / len(unit)
		return []byte(open + strings.Repeat(unit, n) + closing)
	}
	var names bytes.Buffer
	names.WriteString("{")
	for i := 800_000; i > 0; i-- {
		fmt.Fprintf(&names, `"\u0061%06d":0,`, i)
	}
	names.WriteString(`"":0}`)
	for name, in := range map[string][]byte{
		"numbers": fill("[", "0,", "0]"), "arrays": fill("[", "[],", "0]"), "depth": fill("", "[", ""), "one string": fill(`"`, `\u0041`, `"`),
		"one number": fill("1.", "0", ""), "one name": fill(`{"`, "x", `":0}`), "escaped names": names.Bytes(), "blanks": fill("", " ", "1"), "quotes": fill("", `"`, ""),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		doc, err := canonical.Parse(in, canonical.Options{})
		if err == nil {
			_, err = doc.Root().Canonical(canonical.QodMock)
		}
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 24*uint64(len(in)) {
			t.Errorf("%s: %d MiB allocated for %d MiB of input (%v)", name, allocated>>20, len(in)>>20, err)
		}
	}
}

func TestValues(t *testing.T) {
	doc, err := canonical.Parse([]byte(`{"s":"a\u0062","i":-7,"f":1.0,"b":true,"n":null,"a":[10,[20]],"a/b":{"~":1},"":2}`), canonical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := doc.Root()
	if s, ok := root.Get("s").Text(); s != "ab" || !ok {
		t.Errorf("s: %q %v", s, ok)
	}
	if i, ok := root.Get("i").Int(); i != -7 || !ok {
		t.Errorf("i: %d %v", i, ok)
	}
	if _, ok := root.Get("f").Int(); ok || root.Get("f").IsInteger() {
		t.Error("1.0 is spelled as a float and was read as an integer")
	}
	if f, ok := root.Get("f").Float(); f != 1 || !ok {
		t.Errorf("f: %v %v", f, ok)
	}
	if b, ok := root.Get("b").Bool(); !b || !ok {
		t.Errorf("b: %v %v", b, ok)
	}
	if n := root.Get("n"); n.Kind() != canonical.Null || !n.Exists() {
		t.Errorf("n: %v", n.Kind())
	}
	for pointer, want := range map[string]string{"": string(root.Raw()), "/a/1/0": "20", "/a~1b/~0": "1", "/": "2", "/a/2": "", "/a/01": "", "/a/-1": "", "x": "", "/s/0": "", "/none/x": ""} {
		if got := string(root.At(pointer).Raw()); got != want {
			t.Errorf("At(%q) = %q, want %q", pointer, got, want)
		}
	}
	// Names match exactly: no case folding, not even Unicode's (K is U+212A).
	for _, name := range []string{"S", "\u017f", "I", "none"} {
		if root.Get(name).Exists() {
			t.Errorf("Get(%q) found a member", name)
		}
	}
	var names []string
	for name := range root.Members() {
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "s i f b n a a/b " {
		t.Errorf("members in the order of the input: %q", got)
	}
	var missing canonical.Value
	if missing.Get("x").At("/y").Kind() != canonical.Missing || missing.Raw() != nil || missing.Len() != 0 {
		t.Error("the zero Value is not missing all the way down")
	}
	if _, err := missing.Canonical(canonical.QodMock); err == nil {
		t.Error("a missing value has canonical bytes")
	}
	if _, err := root.Canonical(canonical.Unspecified); err == nil {
		t.Error("no profile chosen, and bytes written")
	}
}

func TestIntegersUnderJCS(t *testing.T) {
	for in, ok := range map[string]bool{
		"9007199254740991": true, "-9007199254740991": true, "9007199254740992": false, "-9007199254740992": false,
		"9007199254740993": false, "18446744073709551616": false, "9007199254740993.0": true, "999999999999999": true,
	} {
		doc, err := canonical.Parse([]byte("[{\"a\":"+in+"}]"), canonical.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = doc.Root().Canonical(canonical.JCS)
		if (err == nil) != ok {
			t.Errorf("%s under jcs: %v", in, err)
		}
		if e, isErr := err.(*canonical.Error); isErr && (e.Code != canonical.CodeIntegerInexact || e.Pointer != "/0/a" || e.Column != 7) {
			t.Errorf("%s: wrong code or place: %s %q column %d", in, e.Code, e.Pointer, e.Column)
		}
	}
}

// FuzzParse: no panic, canonical output is a fixed point that encoding/json
// also understands, and the values survive.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,"x\u00e9\ud83d\ude00",null,true]}`, `{"b":-0,"a":1e5}`, "[]", `"\/"`, "{", `{"a":1,"a":2}`, "\xef\xbb\xbf0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := canonical.Parse(data, canonical.Options{})
		if err != nil {
			e, ok := err.(*canonical.Error)
			if !ok || e.Code == "" || e.Line < 0 || e.Offset > len(data) || !utf8.ValidString(e.Pointer) {
				t.Fatalf("%q: badly made error %#v", data, err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q: accepted, but it is not JSON", data)
		}
		for _, profile := range []canonical.Profile{canonical.QodMock, canonical.PythonDefault} {
			out, err := doc.Root().AppendCanonical(nil, profile)
			if err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			again, err := canonical.Parse(out, canonical.Options{})
			if err != nil {
				t.Fatalf("%q: own output %q is refused: %v", data, out, err)
			}
			if twice, _ := again.Root().AppendCanonical(nil, profile); !bytes.Equal(out, twice) {
				t.Fatalf("%q: %s is not a fixed point: %q, then %q", data, profile, out, twice)
			}
			if raw, _ := again.Root().Canonical(profile); !bytes.Equal(out, raw) {
				t.Fatalf("%q: the short cut for canonical input differs: %q and %q", data, out, raw)
			}
		}
	})
}

// The short way to a double gives the same one, to the bit.
func TestFloatShortWay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	texts := []string{"0", "-0", "0.0", "-0.0", "1", "100.0", "0.1", "1039.0", "999999999999999", "-99999999999999", "0.0000000000001", "1e5", "1E5", "-1.5e-7", "123456789012345678", "9007199254740993", "0.30000000000000004"}
	for range 100_000 {
		s := strconv.FormatInt(random.Int64N(1e15)>>random.IntN(50), 10)
		if at := random.IntN(len(s) + 1); at > 0 && at < len(s) {
			s = s[:at] + "." + s[at:]
		}
		if random.IntN(4) == 0 {
			s = "-" + s
		}
		texts = append(texts, s)
	}
	for _, s := range texts {
		doc, err := canonical.Parse([]byte(s), canonical.Options{})
		if err != nil {
			t.Fatal(s, err)
		}
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := doc.Root().Float(); !ok || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}
