package main

import "github.com/qodverify/qodverify/verify"

// exitCode is the process's exit status. Every command uses this one table.
type exitCode int

// The exit codes. Zero means that something was verified (or, for a command
// that verifies nothing by nature, that it did its work), and never that
// nothing was looked at.
const (
	exitVerified     exitCode = 0 // every input is verified
	exitFailed       exitCode = 1 // some check failed
	exitUsage        exitCode = 2 // the command line makes no sense
	exitMalformed    exitCode = 3 // an input is unreadable or no bundle, or no input matched
	exitInconclusive exitCode = 4 // nothing failed, and something required could not be checked
)

// exitFor maps a joined verdict. An unknown verdict is not a verified one.
func exitFor(v verify.Verdict) exitCode {
	switch v {
	case verify.Verified:
		return exitVerified
	case verify.Failed:
		return exitFailed
	case verify.Malformed, verify.Unreadable:
		return exitMalformed
	}
	return exitInconclusive
}

const exitHelp = `Exit status:
  0  verified
  1  failed: some check failed
  2  usage: the command line makes no sense
  3  malformed: an input is not a bundle, or no input matched;
     or unreadable: there is no such file, no answer, or too much of it
  4  inconclusive: nothing failed, and a required check could not run
Of several inputs the worst decides, in the order 1, 3, 4, 0.`
