package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/qodverify/qodverify/testdata"
)

// Some thousand mutants of honest bundles, by signers who lie and by holders who
// tamper, are judged as an implementation of the format says that shares nothing with
// this one: what contradicts fails, what is missing is inconclusive, and all else
// verifies, alone and in an audit.
func TestVerdictOracle(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import cryptography").Run() != nil {
		t.Skip("skipped: python3 with cryptography is not here")
	}
	mutants := "6000"
	if testing.Short() {
		mutants = "1000"
	}
	out, err := exec.Command(python, filepath.Join(testdata.Root(), "testdata", "gen", "verdict_oracle.py"), build(t), mutants).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
