// Package render turns reports into what people and machines read. It decides
// nothing: verdicts come from package verify, and every value is escaped for
// the output it goes to.
package render

import (
	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/verify"
)

// Home is where the project lives.
const Home = "https://github.com/qodverify/qodverify"

// Run is everything that one invocation has to say.
type Run struct {
	Tool     Tool
	Outcomes []Outcome     // of all inputs, in their order
	Results  []Result      // where they are held; a [Writer] got them one by one
	Chain    *verify.Chain // of several results; nil of one
	Problem  *Problem      // why there are no results, or not all that were asked for
	LeftOut
}

// NewRun returns the run of some results, held to each other where there are several.
func NewRun(tool Tool, results []Result) Run {
	run := Run{Tool: tool, Results: results}
	for _, r := range results {
		run.Outcomes = append(run.Outcomes, OutcomeOf(r))
	}
	if len(results) > 1 {
		reports := make([]*verify.Report, len(results))
		for i, r := range results {
			reports[i] = r.Report
		}
		run.Chain = verify.ChainOf(reports)
	}
	return run
}

// Tool identifies the program that judged.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Problem is an error that concerns the whole invocation.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it
	// Unread: what was to be judged could not be read.
	Unread bool `json:"-"`
}

// Result is the outcome for one input.
type Result struct {
	Input  string
	Digest string // SHA-256 of exactly the bytes that were judged, in hexadecimal; "" when unread
	Report *verify.Report
	Notes  []verify.Note // beside those of the report

	// For reports that show the evidence itself:
	Data   []byte         // the bytes that were judged
	Bundle *bundle.Bundle // nil when they are none
}

// Verdict joins the verdicts of all inputs: the worst, in the order failed,
// malformed, unreadable, inconclusive, verified, and of what they say together.
// Without any input nothing was verified.
func (r Run) Verdict() verify.Verdict {
	if p := r.Problem; p != nil && p.Unread {
		return worst(verify.Unreadable, r.Outcomes)
	}
	if len(r.Outcomes) == 0 || r.Problem != nil {
		return worst(verify.Inconclusive, r.Outcomes)
	}
	return worst(r.joint(), r.Outcomes)
}

func worst(v verify.Verdict, outcomes []Outcome) verify.Verdict {
	rank := func(v verify.Verdict) int {
		switch v {
		case verify.Failed:
			return 4
		case verify.Malformed:
			return 3
		case verify.Unreadable:
			return 2
		case verify.Verified:
			return 0
		}
		return 1
	}
	for _, o := range outcomes {
		if rank(o.Verdict) > rank(v) {
			v = o.Verdict
		}
	}
	return v
}

// unread reports whether there is no bundle behind a verdict.
func unread(v verify.Verdict) bool { return v == verify.Malformed || v == verify.Unreadable }

func (r Run) count(v verify.Verdict) (n int) {
	for _, o := range r.Outcomes {
		if o.Verdict == v {
			n++
		}
	}
	return n
}

// notCovered says in plain words what the verdict does not speak of.
func notCovered(r *verify.Report) []string {
	if unread(r.Verdict()) {
		return nil
	}
	var list []string
	switch r.Outcome(verify.LedgerLink) {
	case verify.Pass, verify.Fail:
		list = append(list, "records after this one in the ledger: unknown")
	default:
		list = append(list, "position in the ledger: not checked, give --previous or the ledger")
	}
	if r.Subject().Form == bundle.FormBundle {
		list = append(list, "unsigned members: ledger.created_at, ledger.kid, jwks_url")
	} else {
		list = append(list, "unsigned members: created_at, kid")
	}
	if key := r.Key(); key.Found && !key.Pinned {
		list = append(list, "whose key it is: not pinned, compare its thumbprint with the operator and give --pin")
	}
	return append(list, "whether the measurements are true: a signature shows who claims them")
}
