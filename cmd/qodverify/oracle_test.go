package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/qodverify/qodverify/testdata"
)

// What an implementation of the format says that shares nothing with this one: of some
// thousand mutants of honest bundles, by signers who lie and by holders who tamper, and
// of ledgers cut, torn, forked and put together anew. What contradicts fails, what is
// missing is inconclusive, and all else verifies, alone, in a folder and in an audit.
func TestVerdictOracle(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	binary := build(t)
	for _, oracle := range []struct {
		script               string
		all, short, variable string // how many cases, and the variable that asks for others
	}{
		{"verdict_oracle.py", "6000", "1000", "QODVERIFY_ORACLE_MUTANTS"},
		{"ledger_oracle.py", "250", "50", "QODVERIFY_ORACLE_LEDGERS"},
	} {
		t.Run(oracle.script, func(t *testing.T) {
			n := oracle.all
			if testing.Short() {
				n = oracle.short
			}
			if given := os.Getenv(oracle.variable); given != "" {
				n = given
			}
			out, err := exec.Command(python, filepath.Join(testdata.Root(), "testdata", "gen", oracle.script), binary, n).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
