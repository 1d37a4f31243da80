package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// Skipped is what stood in a folder and was not judged.
type Skipped struct {
	Name     string `json:"name"`
	Reason   string `json:"reason"`
	Evidence bool   `json:"evidence"` // it may be a proof, so nothing is verified without it
	Ignored  bool   `json:"ignored,omitempty"`
}

// LeftOut is what stood in folders and was not judged.
type LeftOut struct {
	Skipped []Skipped
	Unused  []string // patterns of --ignore that left nothing out
}

// skippedID is the id of an item about what was left out.
const skippedID = "skipped"

// leftOut reports whether an item is about what was left out and decides nothing.
func (i item) leftOut() bool { return i.id == skippedID && !i.problem() }

// maxLeftOut bounds how much of what decides nothing is listed by name, in formats
// that list it as cases or in a table. The number is always told.
const maxLeftOut = 1000

// evidence is what may be a proof.
func (l LeftOut) evidence() (list []Skipped) {
	for _, s := range l.Skipped {
		if s.Evidence {
			list = append(list, s)
		}
	}
	return list
}

// verdict is the one on what was judged, as far as what was left out allows it.
func (l LeftOut) verdict(v verify.Verdict) verify.Verdict {
	if v == verify.Verified && slices.ContainsFunc(l.Skipped, func(s Skipped) bool { return s.Evidence }) {
		return verify.Inconclusive
	}
	return v
}

// kind is the part of the reason that others share.
func (s Skipped) kind() string {
	if s.Ignored {
		return s.Reason
	}
	kind, _, _ := strings.Cut(s.Reason, ": ")
	return kind
}

// items tells what was left out: by name what may be a proof, and by reason the rest.
func (l LeftOut) items() (items []item) {
	byReason := map[string][]string{}
	for _, s := range l.Skipped {
		if s.Evidence {
			items = append(items, item{id: skippedID, code: verify.NotLookedAt, message: s.Name + ": " + s.Reason, at: position{file: s.Name}})
		} else {
			byReason[s.kind()] = append(byReason[s.kind()], s.Name)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		names := byReason[reason]
		items = append(items, item{id: skippedID, code: verify.NotLookedAt, level: noted, at: position{file: names[0]},
			message: fmt.Sprintf("left out of folders: %d (%s): %s", len(names), reason, someOf(names, 3))})
	}
	for _, pattern := range l.Unused {
		items = append(items, item{id: skippedID, code: verify.IgnoreUnmatched, level: warned, message: fmt.Sprintf("--ignore %s left nothing out: no file or folder has such a name", pattern)})
	}
	return items
}

// Lines tells what was left out, a line for each thing.
func (l LeftOut) Lines() (lines []string) {
	for _, i := range l.items() {
		lines = append(lines, i.message)
	}
	return lines
}

// placed gives items the paths by which a pipeline knows their files.
func placed(items []item, o Options) []item {
	for i := range items {
		items[i].at.file = o.place(items[i].at.file)
	}
	return items
}

// someOf names the first of a list.
func someOf(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// sentence says at the head of a page what was not looked at; "" when that is nothing
// that may be a proof.
func (l LeftOut) sentence() string {
	list := l.evidence()
	if len(list) == 0 {
		return ""
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name+" ("+s.Reason+")")
	}
	return fmt.Sprintf("Not looked at: %d that may be proofs, so nothing is verified without them: %s.", len(list), someOf(names, maxNamed))
}

// listed is what a page lists, first what may be a proof, and how much more there is.
func (l LeftOut) listed() (list []Skipped, more int) {
	list = l.evidence()
	benign, more := l.benign()
	if n := len(list) - maxLeftOut; n > 0 {
		list, more = list[:maxLeftOut], more+n
	}
	return append(list, benign...), more
}

// benign is what was left out and decides nothing, as far as it is listed, and how
// much more there is.
func (l LeftOut) benign() (list []Skipped, more int) {
	for _, s := range l.Skipped {
		if s.Evidence {
			continue
		}
		if len(list) == maxLeftOut {
			more++
			continue
		}
		list = append(list, s)
	}
	return list, more
}
