package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

var (
	tool = Tool{"qodverify", "test"}
	now  = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

// What is kept is what comes back, and nothing is left beside it.
func TestRoundTrip(t *testing.T) {
	r := ledgergen.New(1).Next()
	r.Seal("GENESIS", ledgergen.NewKey("default", "perf"))
	want := &verify.Checkpoint{
		Origin: r.This, Count: 7, Head: r.This, SessionID: r.SessionID, SignedAt: now.Add(time.Microsecond), Record: r.Bundle(),
		Marks: []verify.Mark{{Position: 1, ThisHash: r.This}}, Signatures: verify.SignaturesHead,
		Findings: []verify.KnownFinding{{Digest: r.This, Code: verify.LedgerFork, Status: verify.Fail}, {Digest: r.Prev, Code: verify.SignedTimeBack, Status: verify.Warn}},
		Statuses: map[verify.Status]int64{verify.Fail: 1, verify.Warn: 1},
	}
	name := filepath.Join(t.TempDir(), "state.json")
	if _, err := Load(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a state that is not there: %v", err)
	}
	for range 2 { // the second time over the first
		if err := New(tool, "ledger", now, want).Save(name); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Checkpoint(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nand not\n%+v", got, want)
	}
	if f.Ledger != "ledger" || f.AuditedAt != "2026-11-24T12:00:00Z" || f.Tool != tool {
		t.Errorf("%+v", f)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := Writable(filepath.Join(t.TempDir(), "no", "folder")); err == nil {
		t.Error("a folder that is not there can be written to")
	}
}

// Two records after one predecessor are proof by their signatures alone; two at
// one position are so by the word of who kept the state; the same record twice,
// or one that is not verified, is none.
func TestEvidence(t *testing.T) {
	key := ledgergen.NewKey("default", "perf")
	set, err := jwks.Parse(ledgergen.JWKS(key.JWK("")))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: set})
	if err != nil {
		t.Fatal(err)
	}
	g := ledgergen.New(1)
	sealed := func(prev string, k ledgergen.Key) ledgergen.Record {
		r := g.Next()
		r.Seal(prev, k)
		return r
	}
	a := sealed("GENESIS", key)
	b, c := sealed(a.This, key), sealed(a.This, key)
	d, forged := sealed(c.This, key), sealed(a.This, ledgergen.NewKey("default", "somebody else"))
	for name, x := range map[string]struct {
		before, now         ledgergen.Record
		code                verify.Code
		position            int64
		holds, bySignatures bool
	}{
		"fork":      {b, c, verify.HistoryForked, 2, true, true},
		"rewritten": {b, d, verify.HistoryRewritten, 2, true, false},
		"the same":  {b, b, verify.HistoryRewritten, 2, false, false},
		"forged":    {b, forged, verify.HistoryForked, 2, false, true},
		"cut":       {b, a, verify.HistoryTruncated, 1, true, false},
		"all gone":  {b, ledgergen.Record{}, verify.HistoryTruncated, 0, true, false},
		"gone":      {b, ledgergen.Record{}, verify.HistoryRewritten, 2, false, false},
		"not cut":   {b, d, verify.HistoryTruncated, 2, false, false},
	} {
		before := New(tool, "then", now, &verify.Checkpoint{Origin: a.This, Count: 2, Head: x.before.This, Record: x.before.Bundle()})
		e := NewEvidence(tool, before, "now", now, &verify.Contradiction{Code: x.code, Position: x.position, Found: verify.Place{ThisHash: x.now.This}, Record: bundleOf(x.now)})
		file := filepath.Join(t.TempDir(), "evidence.json")
		if err := e.Save(file); err != nil {
			t.Fatal(err)
		}
		loaded, err := LoadEvidence(file)
		if err != nil {
			t.Fatal(err)
		}
		if j := loaded.Judge(v); j.Holds != x.holds || j.BySignatures != x.bySignatures || j.Holds != (len(j.Why) == 0) {
			t.Errorf("%s: holds %t, by signatures %t, %q", name, j.Holds, j.BySignatures, j.Why)
		}
	}
}

func bundleOf(r ledgergen.Record) []byte {
	if r.This == "" {
		return nil
	}
	return r.Bundle()
}
