package canonical_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

// The number samples of RFC 8785 appendix B.
func TestRFC8785AppendixB(t *testing.T) {
	for pattern, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		in := strconv.FormatFloat(math.Float64frombits(pattern), 'e', 25, 64)
		if got := write(t, in, canonical.JCS); got != want {
			t.Errorf("%016x: got %s, want %s", pattern, got, want)
		}
	}
	for _, in := range []string{"NaN", "Infinity", "-Infinity"} { // the two invalid samples
		if _, err := canonical.Parse([]byte(in), canonical.Options{}); err == nil {
			t.Errorf("%s accepted", in)
		}
	}
}

// RFC 8785 §3.2.3: names sort by UTF-16 code units, which differs from
// code-point order exactly here.
func TestNameOrder(t *testing.T) {
	const in = `{"\ue000":1,"\ud800\udc00":2,"\uffff":3,"😀":4,"z":5,"é":6}`
	for profile, want := range map[canonical.Profile]string{
		canonical.QodMock: "{\"z\":5,\"é\":6,\"\ue000\":1,\"\uffff\":3,\"\U00010000\":2,\"😀\":4}",
		canonical.JCS:     "{\"z\":5,\"é\":6,\"\U00010000\":2,\"😀\":4,\"\ue000\":1,\"\uffff\":3}",
	} {
		if got := write(t, in, profile); got != want {
			t.Errorf("%s: got %s, want %s", profile, got, want)
		}
		if got := write(t, want, profile); got != want {
			t.Errorf("%s: canonical input was rewritten to %s", profile, got)
		}
	}
}

func TestCyberphonePairs(t *testing.T) {
	dir, ok := testdata.Shared("vectors/jcs")
	if !ok {
		t.Skip("shared vectors/jcs is not here")
	}
	inputs, _ := filepath.Glob(filepath.Join(dir, "input", "*.json"))
	if len(inputs) != 6 {
		t.Fatalf("%d pairs, want 6", len(inputs))
	}
	for _, path := range inputs {
		input, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		text, err := os.ReadFile(filepath.Join(dir, "outhex", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := write(t, string(input), canonical.JCS); got != string(want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// FuzzJCS holds the jcs profile to gowebpki/jcs: the same bytes, or a refusal
// by a rule of ours that is stricter than RFC 8785.
func FuzzJCS(f *testing.F) {
	for _, s := range []string{
		`{"b":[1.50,100.0,1e-7,-0,-0.0,5e-324,1E+2],"a":{"\ue000":1,"😀":2,"é\n\u0007\u007f":"\/<\u2028"}}`,
		`9007199254740991`, `9007199254740992`, `9007199254740993.0`, `1e400`, `1e-400`, `"\ud83d\ude00"`, `"\ude00\ud83d"`,
		`{"a":1,"\u0061":2}`, `[[[[[[]]]]]]`, `{"":{}}`, ` true`, "\xef\xbb\xbf1", "\"\xff\"", `01`, `1.`, `1 2`, `NaN`,
	} {
		f.Add([]byte(s))
	}
	ours := map[canonical.Code]bool{canonical.CodeIntegerInexact: true, canonical.CodeTooDeep: true,
		canonical.CodeTooLarge: true, canonical.CodeTooManyValues: true, canonical.CodeIntegerTooLong: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, theirs := jcs.Transform(data)
		doc, err := canonical.Parse(data, canonical.Options{})
		var got []byte
		if err == nil {
			got, err = doc.Root().Canonical(canonical.JCS)
		}
		if err != nil {
			e := err.(*canonical.Error)
			if theirs == nil && !ours[e.Code] {
				t.Fatalf("%q: gowebpki/jcs writes %q, we say %v (%s)", data, want, e, e.Code)
			}
			return
		}
		if theirs != nil {
			t.Fatalf("%q: gowebpki/jcs says %v, we write %q", data, theirs, got)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q: got %q, gowebpki/jcs writes %q", data, got, want)
		}
	})
}
