package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// remarks joins what is to be said of many inputs: each code once, with how many have it
// and the first of them.
type remarks struct {
	list  []*remark
	index map[remarkKey]*remark
}

type remarkKey struct {
	code  verify.Code
	level level
}

type remark struct {
	item          item // the first one
	names         []string
	inputs, times int
}

// maxRemarkNames is how many inputs a remark names.
const maxRemarkNames = 3

// add joins the remarks of a unit.
func (r *remarks) add(u suite) { r.join(u.name, u.items) }

// result joins the warnings of a result.
func (r *remarks) result(result Result) {
	var items []item
	for _, c := range result.Report.Checks() {
		if c.Status != verify.Warn {
			continue
		}
		i := item{id: string(c.ID), code: c.Code, level: warned, message: c.Message}
		if usualCheck(c) {
			i.level = usual
		}
		items = append(items, i)
	}
	r.join(result.Input, items)
}

func (r *remarks) join(name string, items []item) {
	last := map[remarkKey]bool{}
	for _, i := range items {
		if i.level != warned && i.level != usual {
			continue
		}
		if r.index == nil {
			r.index = map[remarkKey]*remark{}
		}
		key := remarkKey{i.code, i.level}
		m := r.index[key]
		if m == nil {
			m = &remark{item: i}
			r.index[key] = m
			r.list = append(r.list, m)
		}
		m.times++
		if last[key] {
			continue
		}
		last[key] = true
		if m.inputs++; len(m.names) < maxRemarkNames {
			m.names = append(m.names, name)
		}
	}
}

// of returns the remarks of one level, in the order of the checks.
func (r *remarks) of(l level) (list []*remark) {
	for _, m := range r.list {
		if m.item.level == l {
			list = append(list, m)
		}
	}
	order := checkOrder()
	slices.SortStableFunc(list, func(a, b *remark) int {
		return order[verify.CheckID(a.item.id)] - order[verify.CheckID(b.item.id)]
	})
	return list
}

// text says what the code means, since each input has a message with figures of its own.
func (m *remark) text() string {
	means := m.item.message
	if e, ok := verify.Explain(m.item.code); ok {
		means = e.Means
	}
	what := count(int64(m.inputs), "input")
	switch {
	case m.inputs == 1 && m.times > 1:
		what = fmt.Sprintf("%d times", m.times)
	case m.times > m.inputs:
		what = fmt.Sprintf("%d times in %s", m.times, what)
	}
	names := strings.Join(m.names, ", ")
	if more := m.inputs - len(m.names); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s: %s (%s)", what, means, names)
}

// all returns the remarks, warnings first.
func (r *remarks) all() []*remark { return append(r.of(warned), r.of(usual)...) }

// word is how a report for people calls the remark.
func (m *remark) word() string {
	if m.item.level == usual {
		return "note"
	}
	return "warn"
}
