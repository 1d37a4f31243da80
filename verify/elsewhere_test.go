package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// finalizedAgain does what the original does: the session's record goes, and another one
// stands at the end of the chain.
func finalizedAgain(records []ledgergen.Record, i int) []ledgergen.Record {
	again := records[i]
	again.FlowLabel = "finalized again"
	again.Seal(records[len(records)-1].This, ledgergen.NewKey("default", "perf"))
	return append(slices.Delete(slices.Clone(records), i, i+1), again)
}

// A record that was replaced in the ledger is found outside of it, by its hash, and
// counts if it is the signer's own.
func TestReplacedElsewhere(t *testing.T) {
	const record, genesis = verify.RecordMissing, verify.GenesisMissing
	for _, x := range []struct {
		name     string
		n        int
		replaced []int // one after the other
		found    func(raw []byte) []byte
		verdict  verify.Verdict
		missing  verify.Code
		told     int64 // as record_replaced
	}{
		{"in the middle", 12, []int{4}, nil, verify.Failed, record, 1},
		{"the first", 12, []int{0}, nil, verify.Failed, genesis, 1},
		{"the last", 12, []int{11}, nil, verify.Failed, record, 1},
		{"the only one", 1, []int{0}, nil, verify.Failed, genesis, 1},
		{"the only one, again and again", 1, []int{0, 0, 0}, nil, verify.Failed, genesis, 3},
		{"two", 12, []int{2, 7}, nil, verify.Failed, record, 2},
		{"not found", 12, []int{4}, func([]byte) []byte { return nil }, verify.Inconclusive, record, 0},
		{"found without its signature", 12, []int{4}, withoutSignature, verify.Inconclusive, record, 0},
		{"found with another's", 12, []int{4}, func(b []byte) []byte {
			other, _ := chainOf(1)
			return member(b, "signature", other[0].Signature)
		}, verify.Inconclusive, record, 0},
		{"found with another hash", 12, []int{4}, func(b []byte) []byte { return member(b, "prev_hash", bundle.Genesis) }, verify.Inconclusive, record, 0},
		{"found as something else", 12, []int{4}, func([]byte) []byte { return []byte(`{"a":`) }, verify.Inconclusive, record, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			records, set := chainOf(x.n)
			files := map[string][]byte{}
			keep := func() {
				for _, r := range records {
					files[r.This] = r.Bundle()
				}
			}
			for _, i := range x.replaced {
				keep()
				records = finalizedAgain(records, i)
			}
			keep()
			o := verify.LedgerOptions{Elsewhere: func(hash string) bundle.Raw {
				data := files[hash]
				if x.found != nil && data != nil {
					data = x.found(slices.Clone(data))
				}
				return bundle.Raw{Input: "artifacts/proof.json", Data: data}
			}}
			r := ledgerVerifier(t, set).Ledger(raws(data(records...)...), o)
			if r.Verdict() != x.verdict || r.Counts[x.missing] == 0 || r.Counts[verify.RecordReplaced] != x.told || x.told > 0 && r.Statuses[verify.RecordReplaced] != verify.Fail {
				t.Errorf("%s %s", r.Verdict(), codes(r))
			}
			for _, f := range r.Listed {
				if f.Code == verify.RecordReplaced && (f.Place.ThisHash == "" || len(f.Others) != 2 || f.Others[0].Input != "artifacts/proof.json" || f.Others[0].SessionID != f.Place.SessionID) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// What lies beside the ledger and is nobody's predecessor in it is not asked for, and a
// record that is merely missing from a copy is told and no contradiction.
func TestMissingElsewhere(t *testing.T) {
	records, set := chainOf(12)
	asked := 0
	o := verify.LedgerOptions{Elsewhere: func(hash string) bundle.Raw {
		asked++
		for _, r := range records {
			if r.This == hash {
				return bundle.Raw{Input: "beside", Data: r.Bundle()}
			}
		}
		return bundle.Raw{}
	}}
	v := ledgerVerifier(t, set)
	if r := v.Ledger(raws(data(records...)...), o); r.Verdict() != verify.Verified || asked != 0 {
		t.Errorf("%s %s, asked %d times", r.Verdict(), codes(r), asked)
	}
	r := v.Ledger(raws(data(slices.Concat(records[:5], records[7:])...)...), o)
	if r.Verdict() != verify.Inconclusive || codes(r) != "record_missing" || asked > 12 {
		t.Errorf("%s %s, asked %d times", r.Verdict(), codes(r), asked)
	}
}

// That one record is missing must not keep another's replacement from being found,
// however many genuine proofs lie outside.
func TestReplacedElsewhereFarBack(t *testing.T) {
	for _, x := range []struct {
		name        string
		n, missing  int
		replaced    []int
		told, asked int
	}{
		{"near", 60, 20, []int{40}, 1, 5},
		{"far", 1600, 1200, []int{1400}, 1, 5},
		{"a run of them", 1600, 1200, []int{1400, 1400, 1400, 1400, 1400}, 5, 25},
	} {
		t.Run(x.name, func(t *testing.T) {
			records, set := chainOf(x.n)
			files := map[string][]byte{}
			keep := func() {
				for _, r := range records {
					files[r.This] = r.Bundle()
				}
			}
			keep()
			for _, i := range x.replaced {
				records = finalizedAgain(records, i)
				keep()
			}
			records = slices.Delete(slices.Clone(records), x.missing, x.missing+1)
			asked := 0
			r := ledgerVerifier(t, set).Ledger(raws(data(records...)...), verify.LedgerOptions{Elsewhere: func(hash string) bundle.Raw {
				asked++
				return bundle.Raw{Input: "beside", Data: files[hash]}
			}})
			if r.Verdict() != verify.Failed || r.Counts[verify.RecordReplaced] != int64(x.told) || r.Statuses[verify.RecordReplaced] != verify.Fail || asked > x.asked {
				t.Errorf("%s %s, %d replaced, asked %d times", r.Verdict(), codes(r), r.Counts[verify.RecordReplaced], asked)
			}
		})
	}
}

// Where not all that is missing is looked for, the findings say so.
func TestElsewhereNotAll(t *testing.T) {
	for n, cut := range map[int]bool{1000: false, 1001: true} {
		var lines []ledgergen.Record
		records, set := chainOf(2*n + 1)
		for i := 0; i <= 2*n; i += 2 {
			lines = append(lines, records[i]) // every other one is missing
		}
		asked, last := 0, ""
		o := verify.LedgerOptions{MaxListed: 2000, Elsewhere: func(string) bundle.Raw { asked++; return bundle.Raw{} }}
		r := ledgerVerifier(t, set).Ledger(raws(data(lines...)...), o)
		for _, f := range r.Listed {
			last = f.Hint
		}
		if asked != 1000 || r.Counts[verify.RecordMissing] != int64(n) || strings.Contains(last, "only 1000 missing records were looked for") != cut {
			t.Errorf("%d missing: asked %d times, %q", r.Counts[verify.RecordMissing], asked, last)
		}
	}
}
