package server

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// fault is one entry of a 422 answer, in pydantic's words.
type fault struct {
	kind, message string
	loc           []any
	input         any
	ctx           pyjson.Object
}

type faults []fault

func (f fault) at(loc ...any) fault {
	f.loc = loc
	return f
}

// invalid is the 422 that tells all faults at once.
func invalid(list faults) reply {
	entries := make([]any, len(list))
	for i, f := range list {
		entry := pyjson.Object{
			{Name: "type", Value: f.kind}, {Name: "loc", Value: f.loc},
			{Name: "msg", Value: f.message}, {Name: "input", Value: echo(f.input)},
		}
		if f.ctx != nil {
			entry = append(entry, pyjson.Member{Name: "ctx", Value: f.ctx})
		}
		entries[i] = entry
	}
	return reply{status: http.StatusUnprocessableEntity, body: pyjson.Compact(pyjson.Object{{Name: "detail", Value: entries}})}
}

// echo makes an input fit to be repeated: NaN and the infinities, which are not
// JSON and at which the original fails with 500, become strings.
func echo(v any) any {
	switch v := v.(type) {
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = echo(element)
		}
		return list
	case pyjson.Object:
		o := make(pyjson.Object, len(v))
		for i, m := range v {
			o[i] = pyjson.Member{Name: m.Name, Value: echo(m.Value)}
		}
		return o
	}
	return v
}

// model reads the members of a body one by one and gathers what is wrong, in
// the order of the reads and with unknown names last.
type model struct {
	body   pyjson.Object
	values map[string]any
	known  map[string]bool
	faults faults
}

// newModel refuses a body that is no object.
func newModel(body any) (*model, faults) {
	switch body := body.(type) {
	case nil:
		return nil, faults{fault{kind: "missing", message: "Field required"}.at("body")}
	case pyjson.Object:
		m := &model{body: body, values: make(map[string]any, len(body)), known: map[string]bool{}}
		for _, member := range body {
			m.values[member.Name] = member.Value
		}
		return m, nil
	}
	return nil, faults{fault{
		kind: "model_attributes_type", input: body,
		message: "Input should be a valid dictionary or object to extract fields from",
	}.at("body")}
}

// take returns a member. One that is absent is a fault unless it is optional.
func (m *model) take(name string, optional bool) (any, bool) {
	m.known[name] = true
	v, there := m.values[name]
	if !there && !optional {
		m.fail(name, fault{kind: "missing", message: "Field required", input: m.body})
	}
	return v, there
}

func (m *model) fail(name string, f fault) { m.faults = append(m.faults, f.at("body", name)) }

// done adds the unknown names.
func (m *model) done() faults {
	for _, member := range m.body {
		if !m.known[member.Name] {
			m.fail(member.Name, fault{kind: "extra_forbidden", message: "Extra inputs are not permitted", input: member.Value})
		}
	}
	return m.faults
}

// text reads a string of min to max code points. An optional one has a default.
func (m *model) text(name string, low, high int, fallback *string) string {
	v, there := m.take(name, fallback != nil)
	if !there {
		if fallback != nil {
			return *fallback
		}
		return ""
	}
	s, isText := v.(string)
	switch {
	case !isText:
		m.fail(name, fault{kind: "string_type", message: "Input should be a valid string", input: v})
	case pyjson.HasSurrogate(s):
		m.fail(name, fault{kind: "string_unicode", message: "Input should be a valid string, unable to parse raw data as a unicode string", input: v})
	case pyjson.Len(s) < low:
		m.fail(name, fault{kind: "string_too_short", message: "String should have at least 1 character", input: v, ctx: pyjson.Object{{Name: "min_length", Value: low}}})
	case pyjson.Len(s) > high:
		m.fail(name, fault{kind: "string_too_long", message: "String should have at most " + strconv.Itoa(high) + " characters", input: v, ctx: pyjson.Object{{Name: "max_length", Value: high}}})
	}
	return s
}

var (
	notFinite  = fault{kind: "finite_number", message: "Input should be a finite number"}
	fractional = fault{kind: "int_from_float", message: "Input should be a valid integer, got a number with a fractional part"}
	notInt     = fault{kind: "int_parsing", message: "Input should be a valid integer, unable to parse string as an integer"}
	intSize    = fault{kind: "int_parsing_size", message: "Unable to parse input string as an integer, exceeded maximum size"}
	notFloat   = fault{kind: "float_parsing", message: "Input should be a valid number, unable to parse string as a number"}
)

// integer reads an int of low to high, with pydantic's lax conversions.
func (m *model) integer(name string, low, high int64) int64 {
	v, there := m.take(name, false)
	if !there {
		return 0
	}
	n, f := toInt(v)
	switch {
	case f != nil:
		f.input = v
		m.fail(name, *f)
	case n < low:
		m.fail(name, bound("greater_than_equal", "greater", "ge", low, v))
	case n > high:
		m.fail(name, bound("less_than_equal", "less", "le", high, v))
	}
	return n
}

// number reads a float of 0 to high.
func (m *model) number(name string, high float64) float64 {
	v, there := m.take(name, false)
	if !there {
		return 0
	}
	x, f := toFloat(v)
	switch {
	case f != nil:
		f.input = v
		m.fail(name, *f)
	case x < 0:
		m.fail(name, bound("greater_than_equal", "greater", "ge", 0.0, v))
	case x > high:
		m.fail(name, bound("less_than_equal", "less", "le", high, v))
	}
	return x
}

func bound[N int64 | float64](kind, than, key string, limit N, input any) fault {
	text := strconv.FormatFloat(float64(limit), 'f', -1, 64) // pydantic writes 0.0 as 0 here
	return fault{
		kind: kind, message: "Input should be " + than + " than or equal to " + text, input: input,
		ctx: pyjson.Object{{Name: key, Value: limit}},
	}
}

// saturated turns decimal digits into an int64, at its ends when they are
// beyond: every bound here is far inside.
func saturated(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

func toInt(v any) (int64, *fault) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case pyjson.Int:
		return saturated(string(v)), nil
	case float64:
		f := fractional
		switch {
		case math.IsNaN(v), math.IsInf(v, 0):
			f = notFinite
		case v != math.Trunc(v):
		case math.Abs(v) >= 1<<63:
			f = intSize
		default:
			return int64(v), nil
		}
		return 0, &f
	case string:
		f := notInt
		if digits, ok := integerText(v); ok {
			return saturated(digits), nil
		}
		return 0, &f
	}
	return 0, &fault{kind: "int_type", message: "Input should be a valid integer"}
}

// integerText reads an integer out of a string: white space around it, a sign,
// single underscores between digits, and a fraction of zeros are let pass.
func integerText(s string) (string, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if whole, zeros, point := strings.Cut(s, "."); point && strings.Trim(zeros, "0") == "" {
		s = whole
	}
	digits := strings.TrimLeft(strings.TrimPrefix(s, "-"), "+")
	if len(s)-len(digits) > 1 || !grouped(digits) {
		return "", false
	}
	digits = strings.ReplaceAll(digits, "_", "")
	if digits == "" || len(digits) > 4300 || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	if strings.HasPrefix(s, "-") {
		digits = "-" + digits
	}
	return digits, true
}

func toFloat(v any) (float64, *fault) {
	switch v := v.(type) {
	case bool, pyjson.Int:
		if n, isInt := v.(pyjson.Int); isInt {
			x, _ := strconv.ParseFloat(string(n), 64) // beyond a double: infinite, and so out of bounds
			return x, nil
		}
		n, f := toInt(v)
		return float64(n), f
	case float64:
		return finite(v)
	case string:
		x, ok := floatText(strings.TrimFunc(v, unicode.IsSpace))
		if !ok && grouped(v) {
			x, ok = floatText(strings.ReplaceAll(v, "_", ""))
		}
		if !ok {
			f := notFloat
			return 0, &f
		}
		return finite(x)
	}
	return 0, &fault{kind: "float_type", message: "Input should be a valid number"}
}

// floatText reads a float as Rust does; one beyond a double is infinite.
func floatText(s string) (float64, bool) {
	x, err := strconv.ParseFloat(s, 64)
	return x, (err == nil || math.IsInf(x, 0)) && !strings.ContainsAny(s, "xXpP_")
}

// grouped reports whether the underscores of a number stand where pydantic lets
// them pass: single ones, anywhere but at an end.
func grouped(s string) bool {
	return !strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "_") && !strings.Contains(s, "__")
}

func finite(x float64) (float64, *fault) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		f := notFinite
		return 0, &f
	}
	return x, nil
}

// session reads a UUID.
func (m *model) session(name string) string {
	v, there := m.take(name, false)
	if !there {
		return ""
	}
	text, isText := v.(string)
	if !isText {
		m.fail(name, fault{kind: "uuid_type", message: "UUID input should be a string, bytes or UUID object", input: v})
		return ""
	}
	id, err := parseUUID(text)
	if err != nil {
		m.fail(name, uuidFault(err, text))
	}
	return id
}

func uuidFault(err error, input string) fault {
	return fault{
		kind: "uuid_parsing", message: "Input should be a valid UUID, " + err.Error(), input: input,
		ctx: pyjson.Object{{Name: "error", Value: err.Error()}},
	}
}

// camaraName is how CAMARA spells names of QoS profiles.
var camaraName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

// parseIntent reads the body of POST /intent.
func parseIntent(body any) (mint.Intent, faults) {
	m, refused := newModel(body)
	if refused != nil {
		return mint.Intent{}, refused
	}
	label := "demo-flow"
	v := mint.Intent{
		Text:               m.text("text", 1, 5000, nil),
		TargetP95LatencyMS: m.integer("target_p95_latency_ms", 1, 60000),
		TargetJitterMS:     m.integer("target_jitter_ms", 0, 60000),
		DurationS:          m.integer("duration_s", 1, 86400),
		FlowLabel:          m.text("flow_label", 1, 200, &label),
	}
	if m.has("qosProfile") {
		v.QoSProfile = m.text("qosProfile", 3, 256, nil)
		if !camaraName.MatchString(v.QoSProfile) && m.faults == nil {
			m.fail("qosProfile", fault{kind: "string_pattern_mismatch", message: "String should match pattern '" + camaraName.String() + "'", input: v.QoSProfile})
		}
	}
	return v, m.done()
}

// sample is the body of POST /telemetry. Latencies are milliseconds.
type sample struct {
	session          string
	n                int64
	p50, p95, jitter *float64 // nil when every probe was lost
	notes            string
	more             pyjson.Object // what the original does not take
}

// json returns the sample as the original stores it.
func (v sample) json() pyjson.Object {
	figure := func(ms *float64) any {
		if ms == nil {
			return nil
		}
		return *ms
	}
	return append(pyjson.Object{
		{Name: "session_id", Value: v.session}, {Name: "n", Value: v.n},
		{Name: "p50_ms", Value: figure(v.p50)}, {Name: "p95_ms", Value: figure(v.p95)}, {Name: "jitter_ms", Value: figure(v.jitter)},
		{Name: "notes", Value: v.notes},
	}, v.more...)
}

func parseSample(body any, now time.Time) (sample, faults) {
	m, refused := newModel(body)
	if refused != nil {
		return sample{}, refused
	}
	none := ""
	delays, answered := m.delays()
	v := sample{session: m.session("session_id")}
	if delays != nil {
		v.measured(m, delays, answered)
	} else {
		v.n = m.integer("n", 1, 100_000)
		v.p50, v.p95, v.jitter = new(m.number("p50_ms", 60_000)), new(m.number("p95_ms", 60_000)), new(m.number("jitter_ms", 60_000))
	}
	v.notes = m.text("notes", 0, 500, &none)
	v.more = m.window(now)
	if delays != nil {
		v.more = append(v.more, pyjson.Member{Name: "delays_ns", Value: delays})
	}
	if refused := m.done(); refused != nil {
		return v, refused
	}
	if v.p50 != nil && *v.p95 < *v.p50 {
		return v, faults{fault{
			kind: "value_error", message: "Value error, Invalid telemetry: p95_ms must be >= p50_ms.", input: m.body,
			ctx: pyjson.Object{{Name: "error", Value: pyjson.Object{}}},
		}.at("body")}
	}
	return v, nil
}
