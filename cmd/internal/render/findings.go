package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/qodverify/qodverify/verify"
)

// The findings of an audit are shown record by record, the worst first: what is wrong
// with one record is one event, however many checks it fails.

// recordFindings is what was found about one record.
type recordFindings struct {
	Place verify.Place
	List  []verify.Finding // the worst first
}

// weight orders findings: failures, then what is no record, then what else could not be
// judged, then warnings; of equals first the chain's, then in the order of the checks, in
// which each rests on those before it.
type weight struct{ status, check int }

func (w weight) compare(o weight) int {
	return cmp.Or(cmp.Compare(w.status, o.status), cmp.Compare(w.check, o.check))
}

func weightOf(s verify.Status, check verify.CheckID) weight {
	w := weight{check: -1}
	switch {
	case s == verify.Fail:
	case s == verify.NotRun && check == verify.Format:
		w.status = 1
	case s == verify.NotRun:
		w.status = 2
	default:
		w.status = 3
	}
	if check != "" {
		w.check = checkOrder()[check]
	}
	return w
}

// checkOrder is where each check stands in their order.
var checkOrder = sync.OnceValue(func() map[verify.CheckID]int {
	order := map[verify.CheckID]int{}
	for i, id := range verify.Checks() {
		order[id] = i
	}
	return order
})

// byRecord groups a report's listed findings, the record with the worst one first, and
// equals in the order in which they were found.
func byRecord(list []verify.Finding) []recordFindings {
	type key struct {
		input, session, hash string
		record               int64
	}
	index := map[key]int{}
	var groups []recordFindings
	for _, f := range list {
		k := key{input: f.Place.Input, record: f.Place.Record}
		if f.Place.Record == 0 { // found outside of the ledger
			k.session, k.hash = f.Place.SessionID, f.Place.ThisHash
		}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			groups = append(groups, recordFindings{Place: f.Place})
		}
		groups[i].List = append(groups[i].List, f)
	}
	of := func(f verify.Finding) weight { return weightOf(f.Status, f.Check) }
	for _, g := range groups {
		slices.SortStableFunc(g.List, func(a, b verify.Finding) int { return of(a).compare(of(b)) })
	}
	slices.SortStableFunc(groups, func(a, b recordFindings) int { return of(a.List[0]).compare(of(b.List[0])) })
	return groups
}

// shownRecords returns the records to show in full: those that show something new, for
// which there are not yet so many findings of each of their codes. The other listed ones
// are named, many in a line; of what is not even listed, the number is told.
func shownRecords(r *verify.LedgerReport, ofEachCode int64) (shown []recordFindings, named []string, left []codeCount) {
	seen := map[verify.Code]int64{}
	var rest []recordFindings
	for _, g := range byRecord(r.Listed) {
		if !slices.ContainsFunc(g.List, func(f verify.Finding) bool { return seen[f.Code] < ofEachCode }) {
			rest = append(rest, g)
			continue
		}
		for _, f := range g.List {
			seen[f.Code]++
		}
		shown = append(shown, g)
	}
	for _, code := range findingCodes(r) {
		if n := r.Counts[code] - int64(listed(r, code)); n > 0 {
			left = append(left, codeCount{code, n})
		}
	}
	return shown, namedRecords(rest), left
}

// namedRecords names records, those with the same codes together: "7 more with
// runtime_hash_mismatch: records 6 to 12".
func namedRecords(list []recordFindings) (lines []string) {
	with := map[string][]recordFindings{}
	var order []string
	for _, g := range list {
		var codes []string
		for _, f := range g.List {
			if c := string(f.Code); !slices.Contains(codes, c) {
				codes = append(codes, c)
			}
		}
		text := strings.Join(codes, ", ")
		if with[text] == nil {
			order = append(order, text)
		}
		with[text] = append(with[text], g)
	}
	for _, text := range order {
		line := fmt.Sprintf("%d more with %s", len(with[text]), text)
		if names := recordNames(with[text]); names != "" {
			line += ": " + names
		}
		lines = append(lines, line)
	}
	return lines
}

// recordNames names records of one input by ranges, and those of several by their inputs.
func recordNames(list []recordFindings) string {
	slices.SortStableFunc(list, func(a, b recordFindings) int { return cmp.Compare(a.Place.Record, b.Place.Record) })
	apart := slices.ContainsFunc(list, func(g recordFindings) bool {
		return g.Place.Input != list[0].Place.Input || g.Place.Record == 0
	})
	var names []string
	for i := 0; i < len(list); i++ {
		p := list[i].Place
		switch from := i; {
		case apart && p.Input != "":
			names = append(names, p.Input)
		case p == verify.Place{}:
		case len(list) == 1:
			return PlaceText(verify.Place{Record: p.Record, Input: p.Input, SessionID: p.SessionID})
		case p.Record == 0:
			names = append(names, "session "+p.SessionID)
		default:
			for i+1 < len(list) && list[i+1].Place.Record == list[i].Place.Record+1 {
				i++
			}
			name := fmt.Sprint(p.Record)
			if i > from {
				name += fmt.Sprintf(" to %d", list[i].Place.Record)
			}
			names = append(names, name)
		}
	}
	if !apart {
		return "records " + strings.Join(names, ", ")
	}
	return strings.Join(names, ", ")
}

type codeCount struct {
	Code  verify.Code
	Count int64
}

// countsText lists codes with their numbers, as a sentence does.
func countsText(list []codeCount) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%d %s", c.Count, c.Code))
	}
	return strings.Join(parts, ", ")
}

// findingCodes orders the codes of a report, the worst first.
func findingCodes(r *verify.LedgerReport) []verify.Code {
	checks := map[verify.Code]verify.CheckID{}
	for _, f := range r.Listed {
		checks[f.Code] = f.Check
	}
	of := func(c verify.Code) weight { return weightOf(r.Statuses[c], checks[c]) }
	codes := slices.Sorted(maps.Keys(r.Counts))
	slices.SortStableFunc(codes, func(a, b verify.Code) int { return of(a).compare(of(b)) })
	return codes
}

func listed(r *verify.LedgerReport, code verify.Code) (n int) {
	for _, f := range r.Listed {
		if f.Code == code {
			n++
		}
	}
	return n
}

func (p *painter) findings(r *verify.LedgerReport) {
	if r.Total() == 0 {
		p.field("findings", "none")
		return
	}
	p.field("findings", "%d", r.Total())
	for _, code := range findingCodes(r) {
		p.line("  %s  %s (%d)", p.findingStatus(r.Statuses[code]), Printable(string(code)), r.Counts[code])
	}
	shown, named, left := shownRecords(r, maxTextFindings)
	for _, g := range shown {
		p.line("  %s", Printable(PlaceText(g.Place)))
		for _, f := range g.List {
			p.finding(f)
		}
	}
	for _, line := range named {
		p.line("  %s", Printable(line))
	}
	if len(left) > 0 {
		p.line("  not listed: %s; --findings FILE has all", Printable(countsText(left)))
	}
}

func (p *painter) findingStatus(s verify.Status) string {
	word := fmt.Sprintf("%-7s", s)
	if s == verify.Fail {
		return p.bad.Sprint(word)
	}
	return p.doubt.Sprint(word)
}

func (p *painter) finding(f verify.Finding) {
	known, check := "", ""
	if f.Known {
		known = " (known from the audit before)"
	}
	if f.Check != "" {
		check = string(f.Check) + ": "
	}
	p.line("    %s  %s%s", p.findingStatus(f.Status), Printable(string(f.Code)), known)
	detail := func(format string, args ...any) { p.line("             %s", Printable(fmt.Sprintf(format, args...))) }
	detail("%s%s", check, f.Message)
	if f.Expected != "" || f.Actual != "" {
		detail("expected %s, found %s", orNothing(f.Expected), orNothing(f.Actual))
	}
	for _, o := range f.Others {
		detail("also     %s", PlaceText(o))
	}
	if f.Hint != "" {
		detail("hint     %s", f.Hint)
	}
}
