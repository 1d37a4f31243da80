//go:build qodverify_fault

package verify

import (
	"errors"
	"os"
)

// This file is part of test builds only (go build -tags qodverify_fault). It
// makes the check named in $QODVERIFY_FAULT return an error, so that a test can
// hold the whole program to its promise: an error is never a pass, and the exit
// status is never 0.
func init() {
	for _, table := range [][]check{defaultChecks, ruleChecks} {
		for i := range table {
			if string(table[i].id) == os.Getenv("QODVERIFY_FAULT") {
				fullChecksOnly = true
				table[i].run = func(*run) ([]Check, error) { return nil, errors.New("injected fault") }
			}
		}
	}
}
