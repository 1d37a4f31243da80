package server

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// What POST /telemetry takes beyond the original: the single delays, from which
// the figures then follow, and when, with what and of what they were measured.

func (m *model) has(name string) bool {
	_, there := m.values[name]
	return there
}

// delays reads delays_ns: one element a probe, null for one that was lost. It
// returns them as posted, nil when there are none, and the answered ones.
func (m *model) delays() (all []any, answered []int64) {
	if !m.has("delays_ns") {
		return nil, nil
	}
	v, _ := m.take("delays_ns", true)
	list, isList := v.([]any)
	if !isList || len(list) == 0 || len(list) > telemetry.MaxProbes {
		m.fail("delays_ns", fault{kind: "list_type", message: "Input should be a list of 1 to 100000 delays in nanoseconds, null for a lost probe"})
		return []any{}, nil
	}
	for i, element := range list {
		if element == nil {
			continue
		}
		n, isInt := element.(pyjson.Int)
		ns, err := strconv.ParseInt(string(n), 10, 64)
		if !isInt || err != nil || ns < 0 || ns > telemetry.MaxDelay {
			m.faults = append(m.faults, fault{kind: "int_type", message: "Input should be null or an integer of 0 to 60000000000 nanoseconds", input: element}.at("body", "delays_ns", i))
			return list, answered
		}
		answered = append(answered, ns)
	}
	return list, answered
}

// measured takes the figures from the delays. Figures that were posted as well
// must be the same: a sample that contradicts itself is not taken.
func (v *sample) measured(m *model, delays []any, answered []int64) {
	v.n = int64(len(delays))
	v.p50, v.p95, v.jitter = telemetry.Figures(answered)
	if m.has("n") {
		if n := m.integer("n", 1, telemetry.MaxProbes); n != v.n && m.faults == nil {
			m.fail("n", fault{kind: "value_error", message: fmt.Sprintf("Value error, n is not the number of delays_ns, %d", v.n), input: n})
		}
	}
	for _, x := range []struct {
		name string
		want *float64
	}{{"p50_ms", v.p50}, {"p95_ms", v.p95}, {"jitter_ms", v.jitter}} {
		posted, there := m.take(x.name, true)
		switch {
		case !there || posted == nil && x.want == nil:
		case x.want == nil:
			m.fail(x.name, fault{kind: "value_error", message: "Value error, no probe was answered", input: posted})
		default:
			if got, f := toFloat(posted); f != nil || got != *x.want {
				m.fail(x.name, fault{kind: "value_error", message: "Value error, delays_ns gives " + strconv.FormatFloat(*x.want, 'g', -1, 64), input: posted})
			}
		}
	}
}

// maxAhead is how far a measurer's clock may be ahead of ours. What ends later than it
// is posted was not measured, and a proof of it would contradict itself.
const maxAhead = time.Second

// window reads the optional members that tell of the measurement. Without times nobody
// knows when it was, and the proof will say so.
func (m *model) window(now time.Time) (more pyjson.Object) {
	if m.has("metric") {
		metric := m.text("metric", 1, 20, nil)
		if metric != telemetry.RoundTrip && metric != telemetry.OneWay {
			m.fail("metric", fault{kind: "literal_error", message: "Input should be 'round_trip' or 'one_way'", input: metric})
		}
		more = append(more, pyjson.Member{Name: "metric", Value: metric})
	}
	if m.has("tool") {
		more = append(more, pyjson.Member{Name: "tool", Value: m.text("tool", 1, 200, nil)})
	}
	if !m.has("started_at") && !m.has("ended_at") {
		return more
	}
	var last time.Time
	for _, name := range []string{"started_at", "ended_at"} {
		text := m.text(name, 1, 40, nil)
		t, ok := bundle.ParseTime(text)
		switch {
		case !ok || !strings.HasSuffix(text, "Z"):
			m.fail(name, fault{kind: "datetime_parsing", message: "Input should be a time in RFC 3339, UTC, with a final Z", input: text})
		case t.Before(last):
			m.fail(name, fault{kind: "value_error", message: "Value error, ended_at must not be before started_at", input: text})
		case t.After(now.Add(maxAhead)):
			m.fail(name, fault{kind: "value_error", message: "Value error, " + name + " is in the future", input: text})
		}
		last = t
		more = append(more, pyjson.Member{Name: name, Value: text})
	}
	return more
}

// Bounds of the samples in one bundle: verifiers take bundles of at most 16 MiB and
// about a million values.
const (
	maxBundled       = 8 << 20 // bytes
	maxBundledValues = 900_000
)

// samples returns the wrapper's member telemetry as ?telemetry= asks for it: all
// (the default), none, or the numbers of single samples, each with its inclusion
// path.
func (s *Server) samples(r *request, proof any) (pyjson.Object, *reply) {
	refuse := func(v reply) (pyjson.Object, *reply) { return nil, &v }
	asked := r.URL.Query().Get("telemetry")
	count := committed(proof)
	if asked == "none" || count == 0 && (asked == "" || asked == "all") {
		return nil, nil
	}
	indexes, ok := parseIndexes(asked, count)
	if !ok {
		return refuse(invalid(faults{fault{kind: "value_error", input: asked,
			message: fmt.Sprintf("Value error, telemetry is all, none, or numbers of samples below %d", count)}.at("query", "telemetry")}))
	}
	id, _ := r.sessionID()
	rows, err := s.Store.Samples(r.Context(), id, count)
	if err != nil {
		return refuse(s.failure(r, err))
	}
	list, size, values := make([]any, len(rows)), 0, 0
	all := &telemetry.Aggregate{}
	for i, row := range rows {
		o, err := mint.SampleJSON(row.JSON, row.CreatedAt)
		if err == nil && indexes != nil {
			err = mint.AddSample(all, row.JSON, row.CreatedAt)
		}
		if err != nil {
			s.Log.Error("a stored sample is unreadable", "error", err, "request_id", r.id)
			return refuse(detail(http.StatusInternalServerError, "A stored telemetry sample of this session is unreadable: the ledger was edited or damaged."))
		}
		list[i] = o
		size += len(row.JSON)
		values += 2 + strings.Count(row.JSON, ",")
	}
	if indexes == nil {
		switch {
		case size <= maxBundled && values <= maxBundledValues:
			return pyjson.Object{{Name: "telemetry", Value: pyjson.Object{{Name: "samples", Value: list}}}}, nil
		case asked == "":
			return nil, nil // a bundle that verifiers can read is worth more than one with all samples
		}
		return refuse(detail(http.StatusRequestEntityTooLarge, "The samples are too large for one bundle; ask for single ones (?telemetry=0,1,2)."))
	}
	var disclosed []any
	for _, index := range indexes {
		path, err := all.Tree().Prove(index)
		if err != nil || index >= int64(len(list)) {
			return refuse(detail(http.StatusInternalServerError, "Stored telemetry samples of this session are missing: the ledger was edited or damaged."))
		}
		hashes := make([]any, len(path))
		for i, h := range path {
			hashes[i] = telemetry.Hex(h)
		}
		disclosed = append(disclosed, pyjson.Object{{Name: "index", Value: index}, {Name: "sample", Value: list[index]}, {Name: "path", Value: hashes}})
	}
	return pyjson.Object{{Name: "telemetry", Value: pyjson.Object{{Name: "disclosed", Value: disclosed}}}}, nil
}

// committed returns the number of samples that a stored proof commits to.
func committed(proof any) int64 {
	o, _ := proof.(pyjson.Object)
	v, _ := o.Get("telemetry")
	o, _ = v.(pyjson.Object)
	v, _ = o.Get("count")
	n, _ := v.(pyjson.Int)
	count, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil || count < 0 || count > telemetry.MaxSamples {
		return 0
	}
	return count
}

// maxDisclosed bounds how many samples one request discloses singly.
const maxDisclosed = 1000

// parseIndexes reads numbers of samples; nil means all.
func parseIndexes(text string, count int64) (list []int64, ok bool) {
	if text == "" || text == "all" {
		return nil, true
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 0 || n >= count || len(list) == maxDisclosed || slices.Contains(list, n) {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}
