package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify/internal/fixedkey"
)

// A table that judges wrongly, one way or the other, stops the audit with an
// internal error: it neither accuses nor lets pass.
func TestEngineLies(t *testing.T) {
	key, other := ledgergen.NewKey("default", "perf"), ledgergen.NewKey("default", "somebody else")
	set, err := jwks.Parse(ledgergen.JWKS(key.JWK("")))
	if err != nil {
		t.Fatal(err)
	}
	public, err := set.Lookup("default")
	if err != nil {
		t.Fatal(err)
	}
	for name, signer := range map[string]ledgergen.Key{"rejects what is genuine": key, "accepts what is not": other} {
		g, prev := ledgergen.New(1), bundle.Genesis
		var lines [][]byte
		for range 3000 {
			r := g.Next()
			r.Seal(prev, signer)
			prev = r.This
			lines = append(lines, r.Bundle())
		}
		// The wrong table: of the forger's key where the forger signed, of any
		// other key else.
		tableOf := other
		table, err := fixedkey.New(tableOf.Private[32:])
		if err != nil {
			t.Fatal(err)
		}
		e := &engine{}
		e.seen.Store(tableAfter)
		e.build.Do(func() {})
		e.table.Store(table)
		a := &audit{Verifier: &Verifier{policy: Policy{Keys: set}, checks: defaultChecks}, known: map[string]*trusted{
			"default": {kid: "default", key: public, usable: true, engine: e},
		}}
		a.profiles, a.options = a.policy.profiles(), LedgerOptions{Signatures: SignaturesAll, Workers: 1, MaxListed: 10}
		l := newLedger(a, LedgerOptions{})
		l.finish(a.run(func(yield func(bundle.Raw, error) bool) {
			for _, d := range lines {
				if !yield(bundle.Raw{Data: d}, nil) {
					return
				}
			}
		}, l.take))
		r := l.report
		if r.Verdict() != Inconclusive || r.Counts[InternalError] != 1 || r.Counts[SignatureMismatch] > 0 || r.Complete() {
			t.Errorf("%s: %s %v", name, r.Verdict(), r.Counts)
		}
		if i := slices.IndexFunc(r.Listed, func(f Finding) bool { return strings.Contains(f.Message, "two implementations of Ed25519") }); i < 0 {
			t.Errorf("%s: %v", name, r.Listed)
		}
	}
}

// Runs that were written out and merged find what a map finds.
func TestDoubles(t *testing.T) {
	d := newDoubles(nil)
	want := map[string][]int64{}
	const n = 3*runEntries + 17
	for i := range int64(n) {
		key := [16]byte{byte(i % 251), byte(i % 241), byte(i % 239)} // 251·241·239 > n: unique,
		switch {
		case i%10_007 == 0:
			key = [16]byte{255, byte(i % 3)} // but these,
		case i > n-5000:
			key = [16]byte{254} // and more than fit a group
		}
		artifact := i%2 == 0
		d.add(&key, i, artifact)
		k := fmt.Sprint(key, artifact)
		want[k] = append(want[k], i)
	}
	for k, rows := range want {
		if len(rows) < 2 {
			delete(want, k)
		}
	}
	got := map[int64][]int64{}
	d.groups(func(rows []int64, artifact bool) {
		if (rows[0]%2 == 0) != artifact {
			t.Errorf("rows %v are said to be of an artifact: %t", rows[:2], artifact)
		}
		first := rows[0]
		if len(got[first]) > 0 {
			rows = rows[1:]
		}
		got[first] = append(got[first], rows...)
	})
	if len(got) != len(want) || len(want) < 6 {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
	for k, rows := range want {
		if !slices.Equal(got[rows[0]], rows) {
			t.Errorf("%s: %d rows, want %d", k, len(got[rows[0]]), len(rows))
		}
	}
}

// A record over which the program breaks is not verified, and the others still
// are judged; one over which the chain breaks ends the audit.
func TestPanics(t *testing.T) {
	key := ledgergen.NewKey("default", "perf")
	set, err := jwks.Parse(ledgergen.JWKS(key.JWK("")))
	if err != nil {
		t.Fatal(err)
	}
	g, prev := ledgergen.New(1), bundle.Genesis
	var lines [][]byte
	for range 10 {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		lines = append(lines, r.Bundle())
	}
	records := func(yield func(bundle.Raw, error) bool) {
		for _, d := range lines {
			if !yield(bundle.Raw{Data: d}, nil) {
				return
			}
		}
	}
	a := &audit{Verifier: &Verifier{policy: Policy{Keys: set}, checks: defaultChecks}, known: map[string]*trusted{}}
	a.profiles, a.options = a.policy.profiles(), LedgerOptions{Signatures: SignaturesAll, Workers: 1, MaxListed: 10}
	broken := &trusted{kid: "default"} // without an engine
	a.known["default"] = broken
	l := newLedger(a, LedgerOptions{})
	broken.usable = true
	l.finish(a.run(records, l.take))
	if r := l.report; r.Verdict() != Inconclusive || r.Complete() || r.Counts[InternalError] != 1 {
		t.Errorf("a worker that breaks: %s %v", r.Verdict(), r.Counts)
	}
	a = &audit{Verifier: a.Verifier, profiles: a.profiles, options: a.options, known: map[string]*trusted{}}
	l = newLedger(a, LedgerOptions{Found: nil})
	l.finish(a.run(records, func(b *batch) {
		func() {
			defer caught(&b.records[3])
			panic("over one record")
		}()
		l.take(b)
	}))
	if r := l.report; r.Verdict() == Verified || !r.Complete() || r.ByVerdict[Verified] != 9 || r.Counts[InternalError] != 1 {
		t.Errorf("a record that breaks the program: %s %v %v", r.Verdict(), r.ByVerdict, r.Counts)
	}
	l = newLedger(&audit{Verifier: a.Verifier, profiles: a.profiles, options: a.options, known: map[string]*trusted{}}, LedgerOptions{})
	l.finish(l.run(records, func(*batch) { panic("in the chain") }))
	if r := l.report; r.Verdict() != Inconclusive || r.Complete() || r.Counts[InternalError] != 1 {
		t.Errorf("a chain that breaks: %s %v", r.Verdict(), r.Counts)
	}
}
