package state

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/files"
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
		Statuses: map[verify.Status]int64{verify.Fail: 1, verify.Warn: 1}, Part: true, Seals: r.This,
		Trust: verify.Trust{Pins: []string{"pin"}, Keys: []verify.KeyTrust{{KID: "default", Thumbprint: "thumbprint", Window: "window"}, {KID: "gone"}}},
	}
	for i, v := 0, reflect.ValueOf(*want); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("nothing is said of %s", v.Type().Field(i).Name)
		}
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
	if err := files.Writable(filepath.Join(t.TempDir(), "no", "folder"), Options); err == nil {
		t.Error("a folder that is not there can be written to")
	}
}

// Two records after one predecessor are proof by their signatures alone; two at
// one position are so by the word of who kept the state; the same record twice,
// or one that is not verified, is none.
func TestEvidence(t *testing.T) {
	key := ledgergen.NewKey("default", "perf")
	g := ledgergen.New(1)
	sealed := func(prev string, k ledgergen.Key) ledgergen.Record {
		r := g.Next()
		r.Seal(prev, k)
		return r
	}
	a := sealed("GENESIS", key)
	b, c := sealed(a.This, key), sealed(a.This, key)
	d, forged := sealed(c.This, key), sealed(a.This, ledgergen.NewKey("default", "somebody else"))
	first := sealed("GENESIS", key) // of another ledger
	next := sealed(b.This, key)
	other := ledgergen.NewKey("other", "another operator")
	foreign := sealed(a.This, other)
	both, err := jwks.Parse(ledgergen.JWKS(key.JWK(""), other.JWK("")))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		before, now ledgergen.Record
		code        verify.Code
		at, is      int64 // positions
		keys        *jwks.KeySet
		want        Outcome
	}{
		"fork":                         {b, c, verify.HistoryForked, 2, 2, both, Proven},
		"rewritten, one predecessor":   {b, c, verify.HistoryRewritten, 2, 2, both, Proven},
		"rewritten earlier":            {b, d, verify.HistoryRewritten, 2, 2, both, OnWord},
		"the same":                     {b, b, verify.HistoryRewritten, 2, 2, both, Refuted},
		"forged":                       {b, forged, verify.HistoryForked, 2, 2, both, Refuted},
		"cut":                          {b, a, verify.HistoryTruncated, 2, 1, both, OnWord},
		"all gone":                     {b, ledgergen.Record{}, verify.HistoryTruncated, 2, 0, both, OnWord},
		"gone, and not cut":            {b, ledgergen.Record{}, verify.HistoryRewritten, 2, 2, both, Undecided},
		"not cut":                      {b, d, verify.HistoryTruncated, 2, 2, both, Refuted},
		"consecutive, at one position": {b, next, verify.HistoryRewritten, 3, 3, both, Refuted},
		"consecutive, the other way":   {next, b, verify.HistoryRewritten, 3, 3, both, Refuted},
		"consecutive, cut":             {next, b, verify.HistoryTruncated, 3, 1, both, Refuted},
		"an unknown code":              {b, c, "whatever", 2, 2, both, Refuted},
		"no history code":              {b, c, verify.LedgerFork, 2, 2, both, Refuted},
		"two ledgers' first records":   {a, first, verify.HistoryRewritten, 1, 1, both, OnWord},
		"first, and not at 1":          {a, first, verify.HistoryRewritten, 5, 5, both, Refuted},
		"two keys":                     {b, foreign, verify.HistoryForked, 2, 2, both, OnWord},
		"a position of 0":              {b, c, verify.HistoryForked, 0, 0, both, Refuted},
		"behind":                       {b, d, verify.HistoryRewritten, 2, 3, both, Refuted},
		"fork, at two positions":       {b, c, verify.HistoryForked, 2, 3, both, Refuted},
		"rewritten, at two positions":  {b, c, verify.HistoryRewritten, 3, 2, both, Refuted},
		"without artifacts":            {b, c, verify.HistoryForked, 2, 2, both, Proven},
		"without signatures":           {b, c, verify.HistoryForked, 2, 2, both, Undecided},
		"without keys":                 {b, c, verify.HistoryForked, 2, 2, &jwks.KeySet{}, Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := verify.New(verify.Policy{Keys: x.keys})
			if err != nil {
				t.Fatal(err)
			}
			before := New(tool, "then", now, &verify.Checkpoint{Origin: a.This, Count: x.at, Head: x.before.This, Record: without(x.before.Bundle(), name)})
			e := NewEvidence(tool, before, "now", now, &verify.Contradiction{Code: x.code, Position: x.is, Found: verify.Place{ThisHash: x.now.This}, Record: without(bundleOf(x.now), name)})
			file := filepath.Join(t.TempDir(), "evidence.json")
			if err := e.Save(file); err != nil {
				t.Fatal(err)
			}
			loaded, err := LoadEvidence(file)
			if err != nil {
				t.Fatal(err)
			}
			if j := loaded.Judge(v); j.Outcome != x.want || (j.Outcome == Proven) != (len(j.Why) == 0) {
				t.Errorf("%s, %q, want %s", j.Outcome, j.Why, x.want)
			}
		})
	}
}

// without takes from a record what the name of a test says.
func without(record []byte, name string) []byte {
	for _, member := range []string{"runtime_artifact", "signature"} {
		if strings.HasPrefix(name, "without "+strings.TrimPrefix(member, "runtime_")) {
			record = bytes.Replace(record, []byte(`"`+member+`":`), []byte(`"other":`), 1)
		}
	}
	return record
}

func bundleOf(r ledgergen.Record) []byte {
	if r.This == "" {
		return nil
	}
	return r.Bundle()
}

// State and evidence name a ledger without the folders that it lies in, and a service
// without what may be secret.
func TestPublicName(t *testing.T) {
	for name, want := range map[string]string{
		"ledger.jsonl": "ledger.jsonl", "/home/ann/acme/ledger.jsonl": "ledger.jsonl", "../acme/": "acme", "-": "-", ".": ".",
		"https://ann:secret@qod.example/x?token=secret#f": "https://qod.example/x", "http://127.0.0.1:8000": "http://127.0.0.1:8000",
	} {
		if got := PublicName(filepath.FromSlash(name)); got != want && !strings.Contains(name, "://") || strings.Contains(name, "://") && PublicName(name) != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	before := New(tool, "/home/ann/ledger.jsonl", now, &verify.Checkpoint{})
	if e := NewEvidence(tool, &File{Ledger: "/home/ann/old.jsonl"}, "/home/ann/new.jsonl", now, &verify.Contradiction{}); before.Ledger != "ledger.jsonl" || e.Before.Ledger != "old.jsonl" || e.Now.Ledger != "new.jsonl" {
		t.Errorf("%s, %s, %s", before.Ledger, e.Before.Ledger, e.Now.Ledger)
	}
}
