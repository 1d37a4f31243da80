package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/jwks"
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

// What changes the past is failed once an audit has seen it, and what is merely not
// there is told; the earlier state is kept either way, and for a contradiction each
// version of the head is at hand.
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
		{"tail cut", data(records[:149]...), verify.Inconclusive, verify.HistoryTruncated, 0},
		{"all gone", nil, verify.Malformed, verify.HistoryTruncated, 0},
		{"tail cut to one", data(records[:1]...), verify.Inconclusive, verify.HistoryTruncated, 0},
		{"first cut", data(records[1:]...), verify.Inconclusive, verify.GenesisMissing, 0},
		{"first cut, and the head", data(records[1:140]...), verify.Inconclusive, verify.PastNotGiven, 0},
		{"middle record dropped", data(dropped...), verify.Inconclusive, verify.HistoryMoved, 0},
		{"middle and head dropped", data(slices.Concat(records[:70], records[71:149])...), verify.Inconclusive, verify.PastNotGiven, 0},
		{"record inserted", data(inserted...), verify.Inconclusive, verify.RecordDuplicate, 0},
		{"tail cut and rewritten", data(rewrite(records[:140], 120)...), verify.Failed, verify.HistoryRewritten, 100},
		{"suffix rewritten, same length", data(rewrite(records[:150], 120)...), verify.Failed, verify.HistoryRewritten, 100},
		{"suffix rewritten, grown", data(rewrite(records, 150)...), verify.Failed, verify.HistoryRewritten, 140},
		{"all rewritten", data(rewrite(records, 1)...), verify.Inconclusive, verify.OtherLedger, 0},
		{"forked", data(forked...), verify.Failed, verify.HistoryForked, 0},
		{"past edited in place", edited, verify.Failed, verify.RuntimeHashMismatch, 0},
	} {
		r := v.Ledger(raws(x.lines...), verify.LedgerOptions{Since: c})
		if r.Verdict() != x.verdict || x.code != "" && r.Counts[x.code] == 0 || x.code == "" && r.Total() > 0 {
			t.Errorf("%s: %s, %s", x.name, r.Verdict(), codes(r))
		}
		failed := strings.HasPrefix(string(x.code), "history_") && x.verdict == verify.Failed
		kept := failed || x.verdict != verify.Verified && x.code != verify.RuntimeHashMismatch && x.code != verify.GenesisMissing
		if (r.Contradiction != nil) != failed || kept == (r.Checkpoint() != nil) {
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
	// Another record stands first: which signatures are old can't be told as the
	// records come in, so all are verified.
	shuffled := data(records...)
	slices.Reverse(shuffled)
	if r := v.Ledger(raws(shuffled...), verify.LedgerOptions{Since: c}); r.Verdict() != verify.Verified || r.Verifieds != 200 || !r.Rechecked() || r.Checkpoint() == nil {
		t.Errorf("reversed: %s %s", r.Verdict(), codes(r))
	}
	// The first stands where it stood, and the others do not.
	slices.Reverse(shuffled)
	slices.Reverse(shuffled[1:])
	if r := v.Ledger(raws(shuffled...), verify.LedgerOptions{Since: c}); r.Verdict() != verify.Inconclusive || codes(r) != "past_not_in_order" || r.Checkpoint() != nil {
		t.Errorf("reversed but for the first: %s %s", r.Verdict(), codes(r))
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
		lines   [][]byte
		verdict verify.Verdict
		code    verify.Code
	}{
		"rewritten":         {data(rewrite(records, 150)[149:]...), verify.Failed, verify.HistoryRewritten}, // both follow one record
		"rewritten earlier": {data(rewrite(records, 140)[149:]...), verify.Inconclusive, verify.PastNotGiven},
		"cut":               {nil, verify.Malformed, verify.HistoryTruncated},
		"moved":             {data(records[148:]...), verify.Inconclusive, verify.HistoryMoved},
		"one before":        {data(records[140:145]...), verify.Inconclusive, verify.PastNotGiven},
	} {
		if r := v.Ledger(raws(x.lines...), o); r.Verdict() != x.verdict || r.Counts[x.code] != 1 || (r.Contradiction != nil) != (x.verdict == verify.Failed) || r.Checkpoint() != nil {
			t.Errorf("%s: %s %s", name, r.Verdict(), codes(r))
		}
	}
	// What follows the head alone goes on from it, too.
	r = v.Ledger(raws(data(records[150:]...)...), o)
	if next := r.Checkpoint(); r.Verdict() != verify.Verified || r.Head.Position != 200 || next == nil || next.Count != 200 || next.Origin != c.Origin {
		t.Errorf("after the head: %s %s, head %d", r.Verdict(), codes(r), r.Head.Position)
	}
}

// Parts of a rotated ledger, in every order that auditors give them.
func TestParts(t *testing.T) {
	records, set := chainOf(60)
	v := ledgerVerifier(t, set)
	audit := func(c *verify.Checkpoint, previous string, part []ledgergen.Record) *verify.LedgerReport {
		v := v
		if previous != "" {
			keys, err := jwks.Parse(set)
			if err != nil {
				t.Fatal(err)
			}
			v = verifier(t, verify.Policy{Keys: keys, Previous: previous})
		}
		return v.Ledger(raws(data(part...)...), verify.LedgerOptions{Since: c})
	}
	at := func(n int) string { return records[n-1].This }
	whole := audit(nil, "", records).Checkpoint()
	first := audit(nil, "", records[:20]).Checkpoint()
	second := audit(nil, at(20), records[20:40]).Checkpoint()
	if !second.Part || first.Part || second.Count != 20 {
		t.Fatalf("%+v", second)
	}
	for _, x := range []struct {
		name     string
		since    *verify.Checkpoint
		previous string
		part     []ledgergen.Record
		verdict  verify.Verdict
		codes    string
		head     int64 // position
	}{
		{"next part", first, "", records[20:40], verify.Verified, "", 40},
		{"next part, told", first, at(20), records[20:40], verify.Verified, "", 40},
		{"part of a part, next", second, "", records[40:], verify.Verified, "", 40},
		{"a part beyond a gap", first, "", records[30:], verify.Inconclusive, "genesis_missing past_not_given", 30},
		{"a part beyond a gap, told", first, at(30), records[30:], verify.Inconclusive, "past_not_given", 30},
		{"the same part twice", second, at(20), records[20:40], verify.Verified, "", 20},
		{"an overlapping part", first, "", records[10:40], verify.Inconclusive, "genesis_missing", 30},
		{"an overlapping part, told", first, at(10), records[10:40], verify.Verified, "", 30},
		{"whole after a part", second, "", records, verify.Verified, "", 60},
		{"first part after the whole", whole, "", records[:20], verify.Inconclusive, "history_truncated past_not_in_order", 20},
		{"second part after the whole", whole, at(20), records[20:40], verify.Inconclusive, "past_not_given", 20},
		{"last part after the whole", whole, at(40), records[40:], verify.Verified, "", 20},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := audit(x.since, x.previous, x.part)
			if r.Verdict() != x.verdict || codes(r) != x.codes || r.Head.Position != x.head || r.Contradiction != nil {
				t.Errorf("%s %q, head at %d", r.Verdict(), codes(r), r.Head.Position)
			}
		})
	}
	// A chain of parts ends in the state of the whole.
	c := first
	for _, part := range [][]ledgergen.Record{records[20:40], records[40:60]} {
		c = audit(c, "", part).Checkpoint()
	}
	if c.Count != 60 || c.Head != whole.Head || c.Origin != whole.Origin || c.Part {
		t.Errorf("%+v", c)
	}
	if r := audit(c, "", records); r.Verdict() != verify.Verified || r.Rechecked() {
		t.Errorf("the whole after its parts: %s %s", r.Verdict(), codes(r))
	}
}

// A last line that was being written is looked at anew, and is no finding for ever.
func TestTornLine(t *testing.T) {
	records, set := chainOf(12)
	v := ledgerVerifier(t, set)
	lines := data(records...)
	torn := append(slices.Clone(lines[:11]), lines[11][:200])
	first := v.Ledger(raws(torn...), verify.LedgerOptions{})
	c := first.Checkpoint()
	if first.Verdict() != verify.Malformed || c == nil || c.Count != 11 || len(c.Findings) != 0 || c.Statuses[verify.NotRun] != 0 {
		t.Fatalf("%s %s %+v", first.Verdict(), codes(first), c)
	}
	if r := v.Ledger(raws(lines...), verify.LedgerOptions{Since: c}); r.Verdict() != verify.Verified {
		t.Errorf("whole again: %s %s", r.Verdict(), codes(r))
	}
	// One in the middle is kept: it is not behind the head.
	lines[5] = lines[5][:200]
	if c := v.Ledger(raws(lines...), verify.LedgerOptions{}).Checkpoint(); len(c.Findings) == 0 {
		t.Error("a torn line in the middle is forgotten")
	}
}

// Trust is judged as of now, for old records too.
func TestTrustChanges(t *testing.T) {
	records, _ := chainOf(40)
	set := func(more string) *jwks.KeySet {
		keys, err := jwks.Parse(ledgergen.JWKS(ledgergen.NewKey("default", "perf").JWK(more)))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	v := verifier(t, verify.Policy{Keys: set("")})
	c := v.Ledger(raws(data(records[:30]...)...), verify.LedgerOptions{}).Checkpoint()
	if len(c.Trust.Keys) == 0 {
		t.Fatalf("%+v", c)
	}
	pin, err := set("").Lookup("default")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name     string
		policy   verify.Policy
		verdict  verify.Verdict
		code     verify.Code
		verified int64 // signatures
	}{
		{"the same", verify.Policy{Keys: set("")}, verify.Verified, "", 10},
		{"compromised", verify.Policy{Keys: set(`,"revoked":{"revoked_at":4000000000,"reason":"keyCompromise"}`)}, verify.Inconclusive, verify.KeyCompromised, 40},
		{"superseded later", verify.Policy{Keys: set(`,"revoked":{"revoked_at":4000000000,"reason":"superseded"}`)}, verify.Verified, "", 40},
		{"expired before", verify.Policy{Keys: set(`,"exp":1`)}, verify.Failed, verify.KeyExpired, 40},
		{"gone", verify.Policy{Keys: &jwks.KeySet{}}, verify.Inconclusive, verify.PublicKeyMissing, 0},
		{"pinned", verify.Policy{Keys: set(""), Pins: []jwks.Thumbprint{pin.Thumbprint()}}, verify.Verified, "", 40},
		{"another pinned", verify.Policy{Keys: set(""), Pins: []jwks.Thumbprint{{1}}}, verify.Failed, verify.KeyNotPinned, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := verifier(t, x.policy).Ledger(raws(data(records...)...), verify.LedgerOptions{Since: c})
			if r.Verdict() != x.verdict || x.code != "" && r.Counts[x.code] != 40 || x.code == "" && r.Total() > 0 || x.verified > 0 && r.Verifieds != x.verified {
				t.Errorf("%s %s, %d signatures", r.Verdict(), codes(r), r.Verifieds)
			}
			// Where the old records are not at hand, nothing is said of them.
			part := verifier(t, x.policy).Ledger(raws(data(records[29:]...)...), verify.LedgerOptions{Since: c, StartsAtHead: true})
			if changed := x.name != "the same"; part.Counts[verify.TrustChanged] > 0 != changed || part.Verdict() == verify.Verified == changed || changed && part.Checkpoint() != nil {
				t.Errorf("new records alone: %s %s", part.Verdict(), codes(part))
			}
		})
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
	full.Seals = v.Ledger(raws(data(spotless[:150]...)...), verify.LedgerOptions{}).Checkpoint().Seals
	for range 3 {
		r := v.Ledger(raws(data(spotless...)...), verify.LedgerOptions{Since: &full})
		if r.Verdict() != verify.Failed || codes(r) != "earlier_findings" {
			t.Fatalf("a failure that the state only counts: %s %s", r.Verdict(), codes(r))
		}
		full = *r.Checkpoint()
	}
	// After an audit by the head, no signature is known, so all are verified.
	clean, _ := chainOf(25)
	head := v.Ledger(raws(data(clean[:20]...)...), verify.LedgerOptions{Signatures: verify.SignaturesHead}).Checkpoint()
	if head.Seals != "" {
		t.Errorf("an audit by the head vouches for signatures: %s", head.Seals)
	}
	if once := v.Ledger(raws(data(clean[:20]...)...), verify.LedgerOptions{Once: true}).Checkpoint(); once.Seals != "" {
		t.Errorf("an audit made once vouches for signatures: %s", once.Seals)
	}
	for _, whole := range []bool{false, true} {
		want := verify.SignaturesAll
		r := v.Ledger(raws(data(clean...)...), verify.LedgerOptions{Since: head, Whole: whole})
		if next := r.Checkpoint(); r.Verdict() != verify.Verified || r.Signatures != want || next.Signatures != want {
			t.Errorf("whole %t: %s, signatures %s, kept %s", whole, r.Verdict(), r.Signatures, next.Signatures)
		}
	}
}
