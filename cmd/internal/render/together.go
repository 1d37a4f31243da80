package render

import (
	"fmt"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// maxNamed bounds the inputs that one line names.
const maxNamed = 8

// inputs are the names of some results.
func (r Run) inputs(of []int) []string {
	names := []string{}
	for _, n := range of {
		names = append(names, r.Outcomes[n].Input)
	}
	return names
}

// named lists inputs for a sentence.
func (r Run) named(of []int) string {
	var names []string
	for i, n := range of {
		if i == maxNamed {
			names = append(names, fmt.Sprintf("and %d more", len(of)-i))
			break
		}
		names = append(names, r.Outcomes[n].Input)
	}
	return strings.Join(names, ", ")
}

// at is where what several inputs say is shown: in the first of them.
func (r Run) at(of []int) (p position) {
	if len(of) > 0 {
		p.file = r.Outcomes[of[0]].Input
	}
	return p
}

// together is what all inputs say beside what each one says.
func (r Run) together() (items []item) {
	if c := r.Chain; c != nil {
		for _, f := range c.Forks {
			items = append(items, item{id: "chain", code: verify.LedgerFork, level: failed, at: r.at(f.Reports), record: verify.Place{ThisHash: f.Of},
				message: fmt.Sprintf("the ledger forks: %d records that are genuinely signed follow the one with hash %s: %s", len(f.Reports), f.Of, r.named(f.Reports))})
		}
		for _, s := range c.Sessions {
			i := item{id: "chain", code: verify.SessionDuplicate, level: warned, at: r.at(s.Reports), record: verify.Place{SessionID: s.Of},
				message: fmt.Sprintf("session %s has %d genuine proofs: %s", s.Of, len(s.Reports), r.named(s.Reports))}
			if s.Contradict {
				i.level = failed
				i.message += "; their results contradict each other"
			}
			items = append(items, i)
		}
		if len(c.Firsts) > 1 {
			items = append(items, item{id: "chain", code: verify.GenesisRepeated, level: warned, at: r.at(c.Firsts),
				message: fmt.Sprintf("%d records say that they are the first of their ledger: %s; they are of as many ledgers, or one was begun anew", len(c.Firsts), r.named(c.Firsts))})
		}
		if c.Missing() > 0 {
			items = append(items, item{id: "chain", code: verify.RecordMissing, level: warned, at: r.at(c.Starts), message: fmt.Sprintf("%s; what stands before each of these is not there: %s", c, r.named(c.Starts))})
		}
	}
	return append(items, r.LeftOut.items()...)
}

// joint is the verdict on what all inputs say together.
func (r Run) joint() verify.Verdict {
	if r.Chain != nil && r.Chain.Contradiction() {
		return verify.Failed
	}
	return r.LeftOut.verdict(verify.Verified)
}

// togetherSuite is the unit of what all inputs say together; ok is false where there
// is nothing to say.
func (r Run) togetherSuite(o Options) (u suite, ok bool) {
	items := placed(r.together(), o)
	if len(items) == 0 {
		return u, false
	}
	v := r.joint()
	u = suite{name: "all inputs together", left: r.LeftOut, place: o.place, verdict: v, standing: standing{verdict: v}, together: true, command: "verify", reason: verify.OK, about: []property{{"verdict", v.String()}, {"inputs", fmt.Sprint(len(r.Outcomes))}}}
	for _, i := range items {
		if i.problem() {
			u.reason = i.code
			break
		}
	}
	u.items = append([]item{{id: verdictID, code: u.reason, level: verdictLevel(v), message: "the verdict on all inputs together is " + v.String()}}, items...)
	return u, true
}

func (p *painter) together(r Run) {
	if r.Chain != nil && r.Chain.Missing() == 0 {
		p.field("together", "%s", r.Chain)
	}
	p.leftOut("together", r.together())
}

// leftOut writes items, each with its word.
func (p *painter) leftOut(label string, items []item) {
	for _, i := range items {
		word := map[level]string{failed: p.bad.Sprint("fail   "), broken: p.doubt.Sprint("not_run"), warned: p.doubt.Sprint("warn   ")}[i.level]
		if word == "" {
			p.field(label, "%s", i.message)
			continue
		}
		p.line("  %-11s  %s  %s: %s", label, word, Printable(string(i.code)), Printable(i.message))
	}
}

type jsonChain struct {
	Records  int          `json:"records"`
	Pieces   int          `json:"pieces"`
	Missing  int          `json:"missing_at_least"`
	Start    bool         `json:"from_start"`
	Firsts   []string     `json:"firsts"`
	Starts   []string     `json:"starts_after_missing,omitempty"`
	Forks    []jsonRivals `json:"forks"`
	Sessions []jsonRivals `json:"sessions"`
}

type jsonRivals struct {
	Of         string   `json:"of"` // the predecessor's hash, or the session
	Inputs     []string `json:"inputs"`
	Contradict bool     `json:"contradict"`
}

func (r Run) chainJSON() *jsonChain {
	if r.Chain == nil {
		return nil
	}
	rivals := func(list []verify.Rivals) []jsonRivals {
		out := []jsonRivals{}
		for _, v := range list {
			j := jsonRivals{Of: v.Of, Contradict: v.Contradict}
			j.Inputs = r.inputs(v.Reports)
			out = append(out, j)
		}
		return out
	}
	return &jsonChain{r.Chain.Records, r.Chain.Pieces, r.Chain.Missing(), r.Chain.FromStart(), r.inputs(r.Chain.Firsts), r.inputs(r.Chain.Starts), rivals(r.Chain.Forks), rivals(r.Chain.Sessions)}
}
