package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/verify"
)

// Findings of one record stand together, and the worst record first, whatever the order
// in which they were found and the names of their codes.
func TestByRecord(t *testing.T) {
	of := func(n int64) verify.Place { return verify.Place{Record: n, Input: "l.jsonl", Line: n} }
	list := []verify.Finding{
		{Check: verify.Consistency, Status: verify.Fail, Code: "latency_mismatch", Place: of(7)},
		{Check: verify.SignatureKey, Status: verify.NotRun, Code: "public_key_missing", Place: of(1)},
		{Status: verify.Warn, Code: verify.SignedTimeBack, Place: of(2)},
		{Check: verify.Format, Status: verify.NotRun, Code: "json_syntax", Place: of(3)},
		{Status: verify.Fail, Code: verify.LedgerFork, Place: of(9)},
		{Check: verify.LedgerHash, Status: verify.Fail, Code: "ledger_hash_mismatch", Place: of(8)},
		{Check: verify.LedgerHash, Status: verify.Fail, Code: "ledger_hash_mismatch", Place: of(7)},
		{Status: verify.NotRun, Code: verify.RecordMissing, Place: of(1)},
		{Check: verify.Consistency, Status: verify.Fail, Code: "latency_mismatch", Place: of(8)},
	}
	var got []string
	for _, g := range byRecord(list) {
		var codes []string
		for _, f := range g.List {
			codes = append(codes, string(f.Code))
		}
		got = append(got, strings.Join(codes, " "))
	}
	want := []string{"ledger_fork", "ledger_hash_mismatch latency_mismatch", "ledger_hash_mismatch latency_mismatch", "json_syntax", "record_missing public_key_missing", "signed_time_back"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	r := &verify.LedgerReport{Listed: list, Counts: map[verify.Code]int64{}, Statuses: map[verify.Code]verify.Status{}}
	for _, f := range list {
		r.Counts[f.Code]++
		r.Statuses[f.Code] = f.Status
	}
	r.Counts["latency_mismatch"] += 40
	shown, named, left := shownRecords(r, 1)
	if len(shown) != 5 || len(named) != 1 || named[0] != "1 more with ledger_hash_mismatch, latency_mismatch: record 8 of l.jsonl" || countsText(left) != "40 latency_mismatch" {
		t.Errorf("%d shown, %q, %q", len(shown), named, countsText(left))
	}
	if got := findingCodes(r); got[0] != verify.LedgerFork || got[1] != "ledger_hash_mismatch" || got[len(got)-1] != verify.SignedTimeBack {
		t.Errorf("codes: %s", got)
	}
}

func TestRecordNames(t *testing.T) {
	one := func(input string, n int64) recordFindings {
		return recordFindings{Place: verify.Place{Input: input, Record: n}}
	}
	for want, list := range map[string][]recordFindings{
		"records 1 to 3, 7, 9 to 10": {one("a", 3), one("a", 2), one("a", 1), one("a", 10), one("a", 7), one("a", 9)},
		"x.json, y.json":             {one("x.json", 1), one("y.json", 2)},
		"record 4 of a":              {one("a", 4)},
		"":                           {one("", 0)},
	} {
		if got := recordNames(list); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
