package verify_test

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// planted returns a ledger of $QODVERIFY_LEDGER_RECORDS records, or of n.
func planted(t testing.TB, n int, o ledgergen.PlantOptions) *ledgergen.Planted {
	t.Helper()
	if s := os.Getenv("QODVERIFY_LEDGER_RECORDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return ledgergen.Plant(n, 7, o)
}

func ledgerVerifier(t testing.TB, set []byte) *verify.Verifier {
	t.Helper()
	keys, err := jwks.Parse(set)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// raws yields records one after the other.
func raws(lines ...[]byte) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		for i, l := range lines {
			if !yield(bundle.Raw{Data: l, Line: int64(i) + 1}, nil) {
				return
			}
		}
	}
}

func linesOf(p *ledgergen.Planted) (lines [][]byte) {
	for _, l := range p.Lines {
		lines = append(lines, l.Data)
	}
	return lines
}

// key identifies a finding in a test.
func findingKey(code string, record int64, session string) string {
	return fmt.Sprintf("%s at record %d, session %s", code, record, session)
}

// checkPlanted holds findings to what was planted: all of it, at its place, with
// the other records and the hash that it is about, and nothing else.
func checkPlanted(t *testing.T, p *ledgergen.Planted, found []verify.Finding) {
	t.Helper()
	got := map[string]verify.Finding{}
	for _, f := range found {
		k := findingKey(string(f.Code), f.Place.Record, f.Place.SessionID)
		if _, twice := got[k]; twice {
			t.Errorf("told twice: %s: %s", k, f.Message)
		}
		got[k] = f
	}
	for _, e := range p.Expected {
		k := findingKey(e.Code, e.Line.Number, e.Line.Record.SessionID)
		f, ok := got[k]
		if !ok {
			t.Errorf("%s was not found: %s", e.Fault, k)
			continue
		}
		delete(got, k)
		for _, o := range e.Others {
			if !slices.ContainsFunc(f.Others, func(p verify.Place) bool { return p.Record == o.Number && p.SessionID == o.Record.SessionID }) {
				t.Errorf("%s: %s names %v, not record %d", e.Fault, k, f.Others, o.Number)
			}
		}
		if text := f.Message + f.Expected + f.Actual; e.Hash != "" && !strings.Contains(text, e.Hash) {
			t.Errorf("%s: %s does not name %s: %s", e.Fault, k, e.Hash, text)
		}
		if e.Line.Record.SessionID != "" && f.Place.KID != e.Line.Record.KID {
			t.Errorf("%s: %s names the kid %q, not %q", e.Fault, k, f.Place.KID, e.Line.Record.KID)
		}
	}
	for k, f := range got {
		t.Errorf("nobody planted %s: %s %s", k, f.Message, f.Hint)
	}
}

// One fault of every kind, at random places: each is found, named and placed, and
// nothing else is reported; by every engine and number of workers, and from the
// blank lines of JSONL.
func TestPlanted(t *testing.T) {
	p := planted(t, plantedRecords, ledgergen.PlantOptions{})
	v := ledgerVerifier(t, p.JWKS)
	var jsonl bytes.Buffer
	for i, l := range p.Lines {
		if i%100 == 0 {
			jsonl.WriteString(" \r\n")
		}
		jsonl.Write(append(l.Data, '\n'))
	}
	for _, o := range []verify.LedgerOptions{{}, {Stdlib: true, Workers: 1}, {Workers: 5}} {
		if o.Stdlib && len(p.Lines) > 50_000 {
			continue // the engines are compared on less, too
		}
		var all []verify.Finding
		o.Found = func(f verify.Finding) { all = append(all, f) }
		r := v.Ledger(bundle.Entries(bytes.NewReader(jsonl.Bytes()), bundle.Limits{}), o)
		checkPlanted(t, p, all)
		if r.Verdict() != verify.Failed || r.Records != int64(len(p.Lines)) || r.Total() != int64(len(p.Expected)) || len(r.Listed) != len(p.Expected) {
			t.Errorf("%s, %d records, %d findings, %d listed", r.Verdict(), r.Records, r.Total(), len(r.Listed))
		}
		if r.Unordered != p.Unordered || r.Sessions != p.Sessions {
			t.Errorf("unordered %t, %d sessions, want %t and %d", r.Unordered, r.Sessions, p.Unordered, p.Sessions)
		}
		for _, f := range all {
			if want := f.Place.Record + (f.Place.Record+99)/100; f.Place.Line != want {
				t.Errorf("record %d is said to be on line %d, want %d", f.Place.Record, f.Place.Line, want)
			}
		}
		engine := verify.EngineFixedKey
		if o.Stdlib {
			engine = verify.EngineStdlib
		}
		if r.Engine != engine {
			t.Errorf("engine %s", r.Engine)
		}
	}
}
