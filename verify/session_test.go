package verify_test

import (
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// One session in two spellings is one session: to an audit, which finds its second
// record, and to whoever asks for it. Ids that are no UUID have one spelling.
func TestSessionSpellings(t *testing.T) {
	const id = "54d6df8f-df97-40f6-a30e-20c424ec1e2a"
	for _, c := range []struct {
		first, second string
		same          bool
	}{
		{id, id, true},
		{id, strings.ToUpper(id), true},
		{strings.ToUpper(id), strings.ToUpper(id), true},
		{id, strings.ReplaceAll(id, "-", ""), true},
		{strings.ToUpper(strings.ReplaceAll(id, "-", "")), id, true},
		{id, "{" + id + "}", true},
		{id, "urn:uuid:" + id, true},
		{"54D6df8f-df97-40f6-a30e-20c424ec1e2a", "54d6DF8f-df97-40f6-a30e-20c424ec1e2a", true},
		{"1-23", "1-23", true},
		{"1-23", "12-3", false},
		{"customer-a", "Customer-A", false},
		{id, id[:35] + "b", false},
		{id, id + "0", false},
	} {
		t.Run(c.first+" "+c.second, func(t *testing.T) {
			key := ledgergen.NewKey("default", "perf")
			g, prev := ledgergen.New(3), bundle.Genesis
			var lines [][]byte
			for _, session := range []string{c.first, "", c.second} {
				r := g.Next()
				if session != "" {
					r.SessionID = session
				}
				r.Seal(prev, key)
				prev = r.This
				lines = append(lines, r.Bundle())
			}
			set := ledgergen.JWKS(key.JWK(""))
			report := ledgerVerifier(t, set).Ledger(raws(lines...), verify.LedgerOptions{})
			want, sessions := verify.Verified, int64(3)
			if c.same {
				want, sessions = verify.Failed, 2
			}
			if report.Verdict() != want || report.Sessions != sessions || (report.Counts[verify.SessionDuplicate] > 0) != c.same {
				t.Errorf("audit: %s, %d sessions, %v", report.Verdict(), report.Sessions, report.Counts)
			}
			b, err := bundle.Parse(lines[2])
			if err != nil {
				t.Fatal(err)
			}
			for _, policy := range []verify.Policy{{SessionID: c.first}, {Rules: &verify.Rules{SessionID: c.first}}} {
				policy.Keys = mustParse(t, set)
				v, err := verify.New(policy)
				if err != nil {
					t.Fatal(err)
				}
				if got := v.Bundle(b).Verdict(); (got == verify.Verified) != c.same {
					t.Errorf("asked for %s: %s", c.first, got)
				}
			}
		})
	}
}
