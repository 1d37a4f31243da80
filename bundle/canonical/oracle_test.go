package canonical_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

// stricter names the rule by which our reader refuses what CPython accepts.
var stricter = map[string]canonical.Code{
	// pycanon
	"overflow": canonical.CodeNumberRange, "neg-overflow": canonical.CodeNumberRange, "float4301": canonical.CodeNumberRange,
	"nan": canonical.CodeNotANumber, "inf": canonical.CodeNotANumber, "ninf": canonical.CodeNotANumber,
	"dup-keys": canonical.CodeDuplicateName, "dup-keys-escape": canonical.CodeDuplicateName, "dup-nested": canonical.CodeDuplicateName,
	"depth500": canonical.CodeTooDeep, "depth900": canonical.CodeTooDeep,
	// JSONTestSuite
	"i_number_huge_exp.json": canonical.CodeNumberRange, "i_number_neg_int_huge_exp.json": canonical.CodeNumberRange,
	"i_number_pos_double_huge_exp.json": canonical.CodeNumberRange, "i_number_real_neg_overflow.json": canonical.CodeNumberRange,
	"i_number_real_pos_overflow.json": canonical.CodeNumberRange,
	"n_number_NaN.json":               canonical.CodeNotANumber, "n_number_infinity.json": canonical.CodeNotANumber,
	"n_number_minus_infinity.json":       canonical.CodeNotANumber,
	"i_structure_500_nested_arrays.json": canonical.CodeTooDeep,
	"y_object_duplicated_key.json":       canonical.CodeDuplicateName, "y_object_duplicated_key_and_value.json": canonical.CodeDuplicateName,
	"object_same_key_different_values.json": canonical.CodeDuplicateName, "object_same_key_same_value.json": canonical.CodeDuplicateName,
	"object_same_key_unclear_values.json": canonical.CodeDuplicateName,
}

// judge holds one input to CPython's answer: the same SHA-256 where CPython
// accepts and no stricter rule is named, else a refusal by that rule.
func judge(t *testing.T, name string, input []byte, accepted bool, wantSHA string) {
	t.Helper()
	doc, err := canonical.Parse(input, canonical.Options{})
	if code, ok := stricter[name]; ok {
		if e, _ := err.(*canonical.Error); e == nil || e.Code != code {
			t.Errorf("%s: got %v, want the stricter rule %s", name, err, code)
		}
		return
	}
	if !accepted {
		if err == nil {
			t.Errorf("%s: accepted, but CPython refuses it", name)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: CPython accepts it, no stricter rule is named, and we say: %v", name, err)
		return
	}
	got, err := doc.Root().Canonical(canonical.QodMock)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != wantSHA {
		t.Errorf("%s: canonical form %.80q has another hash than CPython's", name, got)
	}
}

func TestPythonCases(t *testing.T) {
	var file struct {
		Cases []struct {
			Name     string
			InputHex string `json:"input_hex"`
			InputGen string `json:"input_gen"`
			Status   string
			SHA256   string
		}
	}
	if err := json.Unmarshal(testdata.Read("pycanon/canonical-cases.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 92 {
		t.Fatalf("%d cases, want 92", len(file.Cases))
	}
	for _, c := range file.Cases {
		input, err := hex.DecodeString(c.InputHex)
		if err != nil {
			t.Fatal(err)
		}
		if c.InputGen == "depth100000" {
			input = bytes.Repeat([]byte("["), 100_000)
		}
		judge(t, c.Name, input, c.Status == "ok", c.SHA256)
	}
}

// Below the depth that we allow by default CPython and we agree; the limit is
// the only reason to refuse the deep cases.
func TestPythonDepth(t *testing.T) {
	in := strings.Repeat("[", 900) + strings.Repeat("]", 900)
	doc, err := canonical.Parse([]byte(in), canonical.Options{MaxDepth: 900})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := doc.Root().Canonical(canonical.QodMock); err != nil || string(out) != in {
		t.Errorf("got %.20q, %v", out, err)
	}
}

func TestJSONTestSuite(t *testing.T) {
	dir, ok := testdata.Shared("vectors/jsontestsuite")
	if !ok {
		t.Skip("shared vectors/jsontestsuite is not here")
	}
	rows := strings.Split(strings.TrimSpace(string(testdata.Read("pycanon/jsontestsuite-cpython.tsv"))), "\n")[1:]
	if len(rows) != 340 {
		t.Fatalf("%d rows, want 340", len(rows))
	}
	for _, row := range rows {
		f := strings.Split(row, "\t")
		input, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f[0])))
		if err != nil {
			t.Fatal(err)
		}
		judge(t, filepath.Base(f[0]), input, f[1] == "ok", f[2])
	}
}

func TestPythonFloats(t *testing.T) {
	floats(t, testdata.Read("pycanon/pyfloat-10000.txt.gz"), canonical.QodMock)
}

func TestECMAScriptNumbers(t *testing.T) {
	path, ok := testdata.Shared("vectors/jcs/es6-numbers-10000.txt.gz")
	if !ok {
		t.Skip("shared vectors/jcs is not here")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	floats(t, data, canonical.JCS)
}

// floats reads lines "HEX-OF-THE-DOUBLE,TEXT" and expects TEXT for two
// spellings of the double that are not canonical under either profile.
func floats(t *testing.T, data []byte, profile canonical.Profile) {
	t.Helper()
	n := 0
	for line := range strings.Lines(string(data)) {
		pattern, want, _ := strings.Cut(strings.TrimSpace(line), ",")
		bits, err := strconv.ParseUint(pattern, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, format := range []byte{'e', 'f'} {
			in := strconv.FormatFloat(math.Float64frombits(bits), format, 25, 64)
			if format == 'f' { // must round-trip, so only where 25 decimals are enough
				in = strconv.FormatFloat(math.Float64frombits(bits), format, -1, 64)
				if !strings.Contains(in, ".") {
					in += ".000"
				}
			}
			if got := write(t, in, profile); got != want {
				t.Fatalf("%s %q: got %s, want %s", profile, in, got, want)
			}
		}
	}
	if n != 10_000 {
		t.Fatalf("%d numbers, want 10000", n)
	}
}

func write(t *testing.T, in string, profile canonical.Profile) string {
	t.Helper()
	doc, err := canonical.Parse([]byte(in), canonical.Options{MaxDepth: 10_000})
	if err != nil {
		t.Fatalf("%.80q: %v", in, err)
	}
	out, err := doc.Root().Canonical(profile)
	if err != nil {
		t.Fatalf("%.80q: %v", in, err)
	}
	return string(out)
}

// TestPythonRandom compares random documents with what CPython made of them:
// the stored ones always, 20,000 fresh ones where python3 is present.
func TestPythonRandom(t *testing.T) {
	if n := randomDocuments(t, testdata.Read("pycanon/random-300.jsonl.gz")); n != 300 {
		t.Fatalf("%d stored documents, want 300", n)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("python3 is not here: only the stored documents were compared")
		return
	}
	script := filepath.Join(testdata.Root(), "testdata", "gen", "canonical_random.py")
	fresh, err := exec.Command(python, script, "20000", "42").Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if n := randomDocuments(t, fresh); n != 20_000 {
		t.Fatalf("%d fresh documents, want 20000", n)
	}
}

func randomDocuments(t *testing.T, lines []byte) (n int) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(lines))
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var c struct{ In, Out, Default string }
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		n++
		if got := write(t, c.In, canonical.QodMock); got != c.Out {
			t.Fatalf("document %d: %q\n got %s\nwant %s", n, c.In, got, c.Out)
		}
		if got := write(t, c.In, canonical.PythonDefault); got != c.Default {
			t.Fatalf("document %d: %q\n got %s\nwant %s", n, c.In, got, c.Default)
		}
		if got := write(t, c.Out, canonical.QodMock); got != c.Out {
			t.Fatalf("document %d: not a fixed point: %s", n, c.Out)
		}
	}
	return n
}
