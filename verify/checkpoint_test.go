package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// rewrite makes the records from position k (from 1) on anew: other content, same
// key, fresh signatures, same length.
func rewrite(records []ledgergen.Record, k int) []ledgergen.Record {
	out := slices.Clone(records)
	prev := "GENESIS"
	if k > 1 {
		prev = records[k-2].This
	}
	for i := k - 1; i < len(out); i++ {
		out[i].FlowLabel = "rewritten"
		out[i].Seal(prev, ledgergen.NewKey("default", "perf"))
		prev = out[i].This
	}
	return out
}

// What changes the past is failed once an audit has seen it, and the earlier
// state is kept; each version of the head is at hand.
func TestHistory(t *testing.T) {
	records, set := chainOf(200)
	v := ledgerVerifier(t, set)
	first := v.Ledger(raws(data(records[:150]...)...), verify.LedgerOptions{})
	c := first.Checkpoint()
	if c == nil || c.Count != 150 || c.Head != records[149].This || c.Origin != records[0].This || !bytes.Equal(c.Record, records[149].Bundle()) || len(c.Marks) < 30 {
		t.Fatalf("checkpoint %+v", c)
	}
	dropped := slices.Concat(records[:70], records[71:])
	inserted := slices.Concat(records[:70], []ledgergen.Record{records[70], records[70]}, records[71:])
	forked := slices.Concat(records[:150], rewrite(records, 141)[140:])
	atOnce := slices.Clone(records)
	atOnce[20].FlowLabel = "edited in place"
	edited := data(records...)
	edited[20] = bytes.Replace(edited[20], []byte(`"country":""`), []byte(`"country":"XX"`), 1)
	for _, x := range []struct {
		name    string
		lines   [][]byte
		verdict verify.Verdict
		code    verify.Code // that is there, "" for none
		intact  int64       // at least; the marks are some positions apart
	}{
		{"grown", data(records...), verify.Verified, "", 0},
		{"the same", data(records[:150]...), verify.Verified, "", 0},
		{"tail cut", data(records[:149]...), verify.Failed, verify.HistoryTruncated, 140},
		{"all gone", nil, verify.Failed, verify.HistoryTruncated, 0},
		{"tail cut to one", data(records[:1]...), verify.Failed, verify.HistoryTruncated, 1},
		{"middle record dropped", data(dropped...), verify.Failed, verify.HistoryMoved, 60},
		{"record inserted", data(inserted...), verify.Failed, verify.RecordDuplicate, 0},
		{"suffix rewritten, same length", data(rewrite(records[:150], 120)...), verify.Failed, verify.HistoryRewritten, 100},
		{"suffix rewritten, grown", data(rewrite(records, 150)...), verify.Failed, verify.HistoryRewritten, 140},
		{"all rewritten", data(rewrite(records, 1)...), verify.Failed, verify.HistoryRewritten, 0},
		{"forked", data(forked...), verify.Failed, verify.HistoryForked, 0},
		{"past edited in place", edited, verify.Failed, verify.RuntimeHashMismatch, 0},
	} {
		r := v.Ledger(raws(x.lines...), verify.LedgerOptions{Since: c})
		if r.Verdict() != x.verdict || x.code != "" && r.Counts[x.code] == 0 || x.code == "" && r.Total() > 0 {
			t.Errorf("%s: %s, %s", x.name, r.Verdict(), codes(r))
		}
		history, order := strings.HasPrefix(string(x.code), "history_"), r.Counts[verify.PastNotInOrder] > 0
		if (r.Contradiction != nil) != history || (history || order) == (r.Checkpoint() != nil) || order != (x.code == verify.RecordDuplicate) {
			t.Errorf("%s: contradiction %v, checkpoint %v", x.name, r.Contradiction, r.Checkpoint())
		}
		if k := r.Contradiction; k != nil && (k.Before.Head != c.Head || len(k.Record) == 0 && len(x.lines) > 0 || k.Found.ThisHash == c.Head && x.code != verify.HistoryForked || k.Intact < x.intact) {
			t.Errorf("%s: %+v", x.name, k)
		}
	}
	// Only what is new is verified, and then the next audit goes on from there.
	r := v.Ledger(raws(data(records...)...), verify.LedgerOptions{Since: c})
	if next := r.Checkpoint(); r.Verifieds != 50 || next.Count != 200 || next.Origin != c.Origin || r.Rechecked() {
		t.Errorf("%d signatures verified, next from %d", r.Verifieds, next.Count)
	}
	// Not in order: which signatures are old can't be told as the records come in.
	shuffled := data(records...)
	slices.Reverse(shuffled)
	if r := v.Ledger(raws(shuffled...), verify.LedgerOptions{Since: c}); r.Verdict() != verify.Inconclusive || codes(r) != "past_not_in_order" || r.Checkpoint() != nil {
		t.Errorf("reversed: %s %s", r.Verdict(), codes(r))
	}
	if r := v.Ledger(raws(shuffled...), verify.LedgerOptions{Since: c, Whole: true}); r.Verdict() != verify.Verified || r.Verifieds != 200 {
		t.Errorf("reversed, whole: %s %s", r.Verdict(), codes(r))
	}
}

// A service is asked for what is new alone: the remembered head comes first.
func TestStartsAtHead(t *testing.T) {
	records, set := chainOf(200)
	v := ledgerVerifier(t, set)
	c := v.Ledger(raws(data(records[:150]...)...), verify.LedgerOptions{}).Checkpoint()
	o := verify.LedgerOptions{Since: c, StartsAtHead: true}
	r := v.Ledger(raws(data(records[149:]...)...), o)
	if next := r.Checkpoint(); r.Verdict() != verify.Verified || r.Head.Position != 200 || r.Verifieds != 51 || next.Count != 200 || next.Origin != c.Origin {
		t.Errorf("%s %s, head %d", r.Verdict(), codes(r), r.Head.Position)
	}
	for name, x := range map[string]struct {
		lines [][]byte
		code  verify.Code
	}{
		"rewritten": {data(rewrite(records, 150)[149:]...), verify.HistoryRewritten},
		"cut":       {nil, verify.HistoryTruncated},
		"moved":     {data(records[148:]...), verify.HistoryMoved},
		"another":   {data(records[150:]...), verify.HistoryRewritten},
	} {
		if r := v.Ledger(raws(x.lines...), o); r.Verdict() != verify.Failed || r.Counts[x.code] != 1 || r.Contradiction == nil || r.Checkpoint() != nil {
			t.Errorf("%s: %s %s", name, r.Verdict(), codes(r))
		}
	}
}

// What an audit found stays found, whether or not the next one looks again.
func TestEarlierFindings(t *testing.T) {
	records, set := chainOf(200)
	v := ledgerVerifier(t, set)
	records[30].Sign(ledgergen.NewKey("default", "somebody else")) // found by its signature alone
	lines := data(records...)
	lines[40] = bytes.Replace(lines[40], []byte(`"country":""`), []byte(`"country":"XX"`), 1) // by its hash
	first := v.Ledger(raws(lines[:150]...), verify.LedgerOptions{})
	c := first.Checkpoint()
	if first.Verdict() != verify.Failed || first.Total() != 2 || len(c.Findings) != 2 || c.Statuses[verify.Fail] != 2 {
		t.Fatalf("%s %s %+v", first.Verdict(), codes(first), c)
	}
	r := v.Ledger(raws(lines...), verify.LedgerOptions{Since: c})
	if r.Verdict() != verify.Failed || codes(r) != "earlier_findings runtime_hash_mismatch" || !r.Listed[0].Known {
		t.Errorf("%s %s %+v", r.Verdict(), codes(r), r.Listed)
	}
	again := r.Checkpoint()
	if len(again.Findings) != 2 {
		t.Errorf("the third audit would know of %d findings", len(again.Findings))
	}
	if r := v.Ledger(raws(lines[149:]...), verify.LedgerOptions{Since: c, StartsAtHead: true}); r.Verdict() != verify.Failed || codes(r) != "earlier_findings" {
		t.Errorf("new records alone: %s %s", r.Verdict(), codes(r))
	}
	if r := v.Ledger(raws(lines...), verify.LedgerOptions{Since: c, Whole: true}); r.Verdict() != verify.Failed || codes(r) != "runtime_hash_mismatch signature_mismatch" || !r.Listed[0].Known || !r.Listed[1].Known {
		t.Errorf("whole: %s %s", r.Verdict(), codes(r))
	}
	// Findings that the state had no room for are known by their number.
	full := *c
	full.Findings, full.Statuses = nil, map[verify.Status]int64{verify.Warn: 20_000, verify.Fail: 1}
	spotless, _ := chainOf(200)
	full.Head, full.Origin = spotless[149].This, spotless[0].This
	for range 3 {
		r := v.Ledger(raws(data(spotless...)...), verify.LedgerOptions{Since: &full})
		if r.Verdict() != verify.Failed || codes(r) != "earlier_findings" {
			t.Fatalf("a failure that the state only counts: %s %s", r.Verdict(), codes(r))
		}
		full = *r.Checkpoint()
	}
	// A state of mode head does not turn into one of all signatures, unless all are
	// verified anew.
	clean, _ := chainOf(25)
	head := v.Ledger(raws(data(clean[:20]...)...), verify.LedgerOptions{Signatures: verify.SignaturesHead}).Checkpoint()
	for _, whole := range []bool{false, true} {
		want := verify.SignaturesHead
		if whole {
			want = verify.SignaturesAll
		}
		r := v.Ledger(raws(data(clean...)...), verify.LedgerOptions{Since: head, Whole: whole})
		if next := r.Checkpoint(); r.Verdict() != verify.Verified || r.Signatures != want || next.Signatures != want {
			t.Errorf("whole %t: %s, signatures %s, kept %s", whole, r.Verdict(), r.Signatures, next.Signatures)
		}
	}
}
