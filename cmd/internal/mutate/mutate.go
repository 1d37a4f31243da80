// Package mutate measures what protects a bundle: it changes, removes and adds
// members, one at a time, and looks which check catches it. It knows nothing of
// the format; what it finds is what the checks do.
package mutate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/verify"
)

// Bounds: a bundle with its samples has very many equal members.
const (
	maxMembers  = 4096
	maxElements = 6 // of one array
)

// Kind is what was done to a member.
type Kind string

// The kinds.
const (
	Changed Kind = "changed"
	Removed Kind = "removed"
	Added   Kind = "added" // an unknown member to an object
)

// Outcome is what came of one change.
type Outcome struct {
	Pointer string
	Kind    Kind
	Verdict verify.Verdict
	// By are the checks that no longer pass and did before.
	By []verify.CheckID
}

// Caught reports whether the bundle is no longer verified.
func (o Outcome) Caught() bool { return o.Verdict != verify.Verified }

// Measurement is what came of all changes.
type Measurement struct {
	Outcomes []Outcome
	Left     int // values of long arrays, and beyond the bound, that were left out
}

// Protected counts the members that were changed or removed, and those of them of
// which every change was caught.
func (m Measurement) Protected() (protected, members int, open []string) {
	bad := map[string]bool{}
	var order []string
	for _, o := range m.Outcomes {
		if o.Kind == Added {
			continue
		}
		if _, seen := bad[o.Pointer]; !seen {
			order = append(order, o.Pointer)
		}
		bad[o.Pointer] = bad[o.Pointer] || !o.Caught()
	}
	for _, pointer := range order {
		if bad[pointer] {
			open = append(open, pointer)
		}
	}
	return len(order) - len(open), len(order), open
}

// target is one value of the bundle.
type target struct {
	pointer string
	v       canonical.Value
	member  bool // of an object, so that it can be left out
}

// Measure changes each value of a bundle in turn and has it judged. The first
// argument of judge is the whole input.
func Measure(data []byte, judge func([]byte) *verify.Report) (Measurement, error) {
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil {
		return Measurement{}, err
	}
	before := judge(data)
	var m Measurement
	targets := m.targets(doc.Root())
	try := func(t target, kind Kind, changed []byte) {
		report := judge(changed)
		o := Outcome{Pointer: t.pointer, Kind: kind, Verdict: report.Verdict()}
		for _, c := range report.Checks() {
			if c.Status != verify.Pass && c.Status != before.Outcome(c.ID) && !slices.Contains(o.By, c.ID) && (c.Status != verify.Skip || report.Required(c.ID)) {
				o.By = append(o.By, c.ID)
			}
		}
		if o.Verdict == verify.Malformed || o.Verdict == verify.Unreadable {
			o.By = []verify.CheckID{verify.Format} // the others could not run
		}
		m.Outcomes = append(m.Outcomes, o)
	}
	for _, t := range targets {
		if t.v.Kind() == canonical.Object {
			try(t, Added, edit(doc.Root(), t.pointer, func(v canonical.Value) []byte { return withMember(v) }))
		}
		if t.v.Kind() != canonical.Object || t.v.Len() == 0 {
			try(t, Changed, edit(doc.Root(), t.pointer, other))
		}
		if t.member {
			try(t, Removed, edit(doc.Root(), t.pointer, func(canonical.Value) []byte { return nil }))
		}
	}
	return m, nil
}

func (m *Measurement) targets(root canonical.Value) (list []target) {
	var walk func(v canonical.Value, pointer string, member bool)
	walk = func(v canonical.Value, pointer string, member bool) {
		if len(list) >= maxMembers {
			m.Left++
			return
		}
		switch v.Kind() {
		case canonical.Object:
			list = append(list, target{pointer, v, member})
			for name, value := range v.Members() {
				walk(value, pointer+"/"+canonical.PointerToken(name), true)
			}
		case canonical.Array:
			if v.Len() == 0 || member {
				list = append(list, target{pointer, v, member})
			}
			for i, value := range v.Elements() {
				// The first ones, and the last.
				if i >= maxElements-1 && i != v.Len()-1 {
					m.Left++
					continue
				}
				walk(value, pointer+"/"+strconv.Itoa(i), false)
			}
		default:
			list = append(list, target{pointer, v, member})
		}
	}
	walk(root, "", false)
	return list
}

// edit returns the JSON text of v with the value at pointer replaced by what
// change returns, or left out where that is nothing. All others keep their bytes.
func edit(v canonical.Value, pointer string, change func(canonical.Value) []byte) []byte {
	if pointer == "" {
		return change(v)
	}
	token, rest, _ := strings.Cut(pointer[1:], "/")
	if rest != "" || strings.HasSuffix(pointer, "/") && pointer != "/" {
		rest = "/" + rest
	}
	var parts [][]byte
	switch v.Kind() {
	case canonical.Object:
		for name, value := range v.Members() {
			raw := value.Raw()
			if canonical.PointerToken(name) == token {
				if raw = edit(value, rest, change); raw == nil {
					continue
				}
			}
			quoted, err := json.Marshal(name)
			if err != nil {
				continue
			}
			parts = append(parts, slices.Concat(quoted, []byte(":"), raw))
		}
		return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
	case canonical.Array:
		for i, value := range v.Elements() {
			raw := value.Raw()
			if strconv.Itoa(i) == token {
				raw = edit(value, rest, change)
			}
			parts = append(parts, raw)
		}
		return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
	}
	return v.Raw()
}

func withMember(v canonical.Value) []byte {
	raw := bytes.TrimSpace(v.Raw())
	comma := ","
	if v.Len() == 0 {
		comma = ""
	}
	return slices.Concat(raw[:len(raw)-1], []byte(comma+`"qodverify_mutation":1}`))
}

// other returns another value of the same kind, as near to v as can be.
func other(v canonical.Value) []byte {
	switch v.Kind() {
	case canonical.Null:
		return []byte("0")
	case canonical.Bool:
		if b, _ := v.Bool(); b {
			return []byte("false")
		}
		return []byte("true")
	case canonical.Array:
		if v.Len() == 0 {
			return []byte(`["mutated"]`)
		}
		return []byte("[]")
	case canonical.Number:
		raw := slices.Clone(v.Raw())
		for i := range slices.Backward(raw) {
			// The last digit before a fraction or exponent, so that it stays a number
			// of the same form.
			if at := bytes.IndexAny(raw, ".eE"); (at < 0 || i < at) && raw[i] >= '0' && raw[i] <= '9' {
				raw[i] = otherCharacter(raw[i])
				return raw
			}
		}
		return []byte("1")
	case canonical.String:
		s, _ := v.Text()
		if s == "" {
			s = "x"
		} else {
			// The last ASCII letter or digit: a time stays a time, a hash a hash.
			b := []byte(s)
			changed := false
			for i := range slices.Backward(b) {
				if c := otherCharacter(b[i]); c != b[i] {
					b[i], changed = c, true
					break
				}
			}
			if s = string(b); !changed {
				s += "x"
			}
		}
		quoted, err := json.Marshal(s)
		if err != nil {
			return []byte(`"x"`)
		}
		return quoted
	}
	return []byte("{}")
}

// otherCharacter returns another digit for a digit and another letter for a letter.
func otherCharacter(c byte) byte {
	switch {
	case c == '9', c == 'z', c == 'Z', c == 'f', c == 'F':
		return c - 1
	case c >= '0' && c < '9', c >= 'a' && c < 'z', c >= 'A' && c < 'Z':
		return c + 1
	}
	return c
}
