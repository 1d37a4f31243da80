package render

import (
	"fmt"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// A standing is what stands behind a verdict beside the verdict itself: "verified"
// says that nobody changed the proof, and not that there is nothing to look at, nor
// whose key it was. Every format tells it in its first line.
type standing struct {
	verdict  verify.Verdict
	note     string // what kind of verdict it is
	warnings int64
	warned   int64 // verified proofs with warnings
	doubtful bool  // some warning is about this very proof, or the proof itself tells of a failure
	keys     int64
	unpinned int64 // of the keys
	failing  int64 // genuine proofs whose own result is "fail"
	inputs   int64
	nothing  bool // there is no input that a verdict could be on
}

// standing is that of one proof.
func (o Outcome) standing() standing {
	s := standing{verdict: o.Verdict, warnings: int64(o.Warnings), doubtful: o.Doubtful, inputs: 1}
	if o.Verdict == verify.Verified && o.Warnings > 0 {
		s.warned = 1
	}
	if o.Key {
		s.keys = 1
		if !o.Pinned {
			s.unpinned = 1
		}
	}
	if o.Failing {
		s.failing = 1
	}
	return s
}

func (r Result) standing() standing { return OutcomeOf(r).standing() }

// standing is that of all inputs together.
func (r Run) standing() standing {
	s := standing{verdict: r.Verdict(), nothing: len(r.Outcomes) == 0}
	for _, o := range r.Outcomes {
		s.add(o.standing())
	}
	return s
}

// add joins the standing of another proof. The verdict is the caller's to join.
func (s *standing) add(o standing) {
	s.warnings += o.warnings
	s.warned += o.warned
	s.keys += o.keys
	s.unpinned += o.unpinned
	s.failing += o.failing
	s.inputs += o.inputs
	s.doubtful = s.doubtful || o.doubtful
}

// usualCheck tells a warning that is true of every proof of the original, whatever was
// measured: a constant that was never measured, and a mean of percentiles where the
// samples themselves are not committed to. It is told once, and nobody's fault.
func usualCheck(c verify.Check) bool {
	return c.Status == verify.Warn && (c.Code == verify.NotMeasured || c.Code == verify.AveragedPercentiles && c.Expected == "")
}

// String is the verdict with what stands behind it: "VERIFIED with 4 warnings, key not
// pinned".
func (s standing) String() string { return s.word() + s.rest() }

// word is the verdict alone.
func (s standing) word() string {
	if s.nothing {
		return "NOTHING VERIFIED"
	}
	return strings.ToUpper(s.verdict.String())
}

// rest is what follows the verdict's word.
func (s standing) rest() string {
	if s.verdict != verify.Verified {
		return ""
	}
	text := s.note
	if s.warnings > 0 {
		text += " with " + count(s.warnings, "warning")
	}
	switch {
	case s.keys == 0:
	case s.keys == 1 && s.unpinned == 1:
		text += ", key not pinned"
	case s.keys == 1:
		text += ", key pinned"
	case s.unpinned == 0:
		text += ", keys pinned"
	case s.unpinned < s.keys:
		text += ", keys of " + count(s.unpinned, "proof") + " not pinned"
	default:
		text += ", keys not pinned"
	}
	switch {
	case s.failing == 0:
	case s.inputs == 1:
		text += "; its result is fail"
	default:
		text += fmt.Sprintf("; %d of %d results are fail", s.failing, s.inputs)
	}
	return text
}

// together is what stands behind the verdict on several inputs, after their numbers.
func (s standing) together() string {
	rest := strings.TrimPrefix(strings.TrimPrefix(s.rest(), " with "), ", ")
	if rest == "" {
		return ""
	}
	return "; " + rest
}

// mark is the sign that stands before the verdict: a tick only where nothing is left to
// look at.
func (s standing) mark() string {
	if s.verdict == verify.Verified && s.doubtful {
		return "!"
	}
	return mark(s.verdict)
}

// class is the verdict as the style sheet knows it.
func (s standing) class() string {
	if s.verdict == verify.Verified && s.doubtful {
		return "verified doubtful"
	}
	return s.verdict.String()
}

// standing is that of an audit: its warnings are findings about the ledger, since it
// does not look at what single proofs claim.
func (a Audit) standing() standing {
	r := a.Report
	s := standing{verdict: a.Verdict(), note: verdictNote(r), inputs: 1, keys: int64(len(r.Keys))}
	for code, n := range r.Counts {
		if r.Statuses[code] == verify.Warn {
			s.warnings += n
		}
	}
	s.doubtful = s.warnings > 0
	if !a.Pinned {
		s.unpinned = s.keys
	}
	return s
}
