package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// What several records say together counts pieces and gaps, and knows that GENESIS is
// no record that two could follow.
func TestChainOf(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: newForge(t).keySet("")})
	good := func(n int) *verify.Report {
		return judge(v, testdata.Read(fmt.Sprintf("%sgood/%02d.bundle.json", fixtures, n)))
	}
	again := judge(v, testdata.Read(fixtures+"refinalized/02.bundle.json"))
	tampered := judge(v, testdata.Read(fixtures+"tampered/proof-value.json"))
	// signed is a record of one session by the forge's key.
	signed := func(prev, result, issuer string) *verify.Report {
		return judge(v, newForge(t).set("ledger.prev_hash", prev).set("runtime_artifact.decision.result", result).set("proof.issuer", issuer).seal().json())
	}
	somewhere := strings.Repeat("a", 64)

	for name, c := range map[string]struct {
		reports                          []*verify.Report
		records, pieces, missing, firsts int
		forks, sessions                  int
		contradicts                      bool
		says                             string
	}{
		"none":                     {nil, 0, 0, 0, 0, 0, 0, false, "no record is proven"},
		"none that is proven":      {[]*verify.Report{tampered}, 0, 0, 0, 0, 0, 0, false, "no record is proven"},
		"one twice":                {[]*verify.Report{good(3), good(3)}, 1, 1, 0, 0, 0, 0, false, "all one record"},
		"neighbours":               {[]*verify.Report{good(4), good(3)}, 2, 1, 0, 0, 0, 0, false, "one piece"},
		"from the start":           {[]*verify.Report{good(0), good(1), good(2)}, 3, 1, 0, 1, 0, 0, false, "one piece"},
		"a gap":                    {[]*verify.Report{good(3), good(5)}, 2, 2, 1, 0, 0, 0, false, "2 pieces of the ledger, between which at least one record is missing"},
		"a gap after the first":    {[]*verify.Report{good(0), good(2)}, 2, 2, 1, 1, 0, 0, false, "at least one record is missing"},
		"two gaps":                 {[]*verify.Report{good(0), good(2), good(4)}, 3, 3, 2, 1, 0, 0, false, "at least 2 records are missing"},
		"a session again":          {[]*verify.Report{good(2), again}, 2, 2, 1, 0, 0, 1, false, "2 pieces"},
		"a fork without its root":  {[]*verify.Report{signed(somewhere, "fail", "a"), signed(somewhere, "fail", "b")}, 2, 2, 0, 0, 1, 1, true, "2 pieces of the ledger; only"},
		"results that contradict":  {[]*verify.Report{signed(somewhere, "fail", "a"), signed(strings.Repeat("b", 64), "pass", "a")}, 2, 2, 1, 0, 0, 1, true, "2 pieces"},
		"the first of two ledgers": {[]*verify.Report{signed("GENESIS", "fail", "a"), good(0)}, 2, 2, 0, 2, 0, 0, false, "2 pieces of the ledger; only"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify.ChainOf(c.reports)
			if got.Records != c.records || got.Pieces != c.pieces || got.Missing() != c.missing || len(got.Firsts) != c.firsts ||
				len(got.Forks) != c.forks || len(got.Sessions) != c.sessions || got.Contradiction() != c.contradicts || !strings.Contains(got.String(), c.says) {
				t.Errorf("%+v\n%s", got, got)
			}
		})
	}
}
