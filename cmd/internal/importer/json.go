package importer

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

var jsonOptions = canonical.Options{MaxBytes: MaxBytes, MaxValues: 1 << 23, AllowBOM: true}

// parse reads a tool's JSON strictly: a name that is there twice has no meaning. How
// says how the tool is made to write JSON.
func parse(data []byte, tool, how string) (canonical.Value, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' && (trimmed[0] != '[' || tool != atlasName) {
		return canonical.Value{}, fmt.Errorf("this is not the JSON of %s: give what %s writes", tool, how)
	}
	doc, err := canonical.Parse(data, jsonOptions)
	if e := (*canonical.Error)(nil); errors.As(err, &e) && e.Code == canonical.CodeTrailingData {
		return canonical.Value{}, fmt.Errorf("the file holds more than one JSON value, the second at line %d: give one result a file", e.Line)
	}
	if err != nil {
		return canonical.Value{}, err
	}
	return doc.Root(), nil
}

// stream reads JSON of which each line is a value of its own. It returns nil where the
// first line is none, or where there is but one line.
func stream(data []byte) ([]canonical.Value, error) {
	first, rest, more := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	if !more || len(first) == 0 || first[0] != '{' {
		return nil, nil
	}
	doc, err := canonical.Parse(bytes.TrimSpace(first), jsonOptions)
	if err != nil {
		return nil, nil
	}
	list := []canonical.Value{doc.Root()}
	for i, line := range bytes.Split(rest, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		doc, err := canonical.Parse(line, jsonOptions)
		if e := (*canonical.Error)(nil); errors.As(err, &e) {
			return nil, fmt.Errorf("line %d, column %d: %s", i+2, e.Column, e.Detail)
		}
		list = append(list, doc.Root())
	}
	return list, nil
}

func text(v canonical.Value) string {
	s, _ := v.Text()
	return s
}

// number returns a number, and whether there is one.
func number(v canonical.Value) (float64, bool) {
	if v.Kind() != canonical.Number {
		return 0, false
	}
	return v.Float()
}

// figure takes a number, multiplied, with what it is of.
func (m *Measurement) figure(name string, v canonical.Value, factor float64, about string) bool {
	x, ok := number(v)
	if ok {
		m.set(name, x*factor, about)
	}
	return ok
}

func (m *Measurement) set(name string, x float64, about string) {
	if m.Figures == nil {
		m.Figures, m.About = map[string]float64{}, map[string]string{}
	}
	m.Figures[name], m.About[name] = x, about
}

const noPercentile = "latency percentiles: %s, so it can't be telemetry of a proof"

func instant(v canonical.Value) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text(v))
	return t.UTC()
}
