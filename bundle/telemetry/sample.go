package telemetry

import (
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// CodeMalformed is the code of every error in this package about members that are
// missing, of another type or out of bounds.
const CodeMalformed canonical.Code = "telemetry_malformed"

// CodeIncomplete is the code of errors about members of a commitment that are
// missing or of another JSON type than the format has, where nothing contradicts.
const CodeIncomplete canonical.Code = "claims_incomplete"

// CodeUnknownFormat is the code of a commitment of a format that is not known here.
const CodeUnknownFormat canonical.Code = "schema_unknown"

// CodeContradictory is the code of a sample whose figures do not follow from its
// own delays.
const CodeContradictory canonical.Code = "sample_contradictory"

// Sample is one posted measurement: a window of probes.
//
//	{"session_id": "…", "n": 3, "p50_ms": 12.1, "p95_ms": 14.0, "jitter_ms": 1.9, "notes": "",
//	 "recorded_at": "2026-…Z", "started_at": "2026-…Z", "ended_at": "2026-…Z",
//	 "metric": "round_trip", "tool": "irtt 0.9.0", "delays_ns": [12100000, null, 14000000]}
//
// The first six members are the original's. A sample with delays_ns, one element a
// probe in the order of sending and null for one that was lost, has figures that
// follow from it: n is its length, p50 and p95 are nearest-rank percentiles of the
// answered probes, jitter is p99 minus the minimum; null when none was answered.
type Sample struct {
	SessionID        string
	N                int64
	P50, P95, Jitter *float64 // milliseconds; nil only when every probe was lost
	RecordedAt       time.Time
	StartedAt        time.Time // zero, like EndedAt, where the sample does not tell:
	EndedAt          time.Time // when it was posted is not when it was measured
	Metric           string
	HasDelays        bool
	Delays           []int64 // answered, in nanoseconds, in the order of sending
	Lost             int64
}

// reader reads members of an object and keeps the first error.
type reader struct {
	at      canonical.Value
	pointer string
	signed  bool // the object is part of a proof: see lack
	err     error
}

func (r *reader) fail(v canonical.Value, name, format string, args ...any) {
	r.failAs(CodeMalformed, v, name, format, args...)
}

// lack is fail for a member that is missing or of another type. In a proof that
// contradicts nothing; a sample is bound by a hash, and what it lacks was taken away.
func (r *reader) lack(v canonical.Value, name, format string, args ...any) {
	code := CodeMalformed
	if r.signed {
		code = CodeIncomplete
	}
	r.failAs(code, v, name, format, args...)
}

func (r *reader) failAs(code canonical.Code, v canonical.Value, name, format string, args ...any) {
	if r.err == nil || r.incomplete() && code == CodeMalformed {
		if !v.Exists() {
			v = r.at
		}
		r.err = v.Errorf(code, r.pointer+"/"+name, format, args...)
	}
}

// incomplete reports whether nothing worse was found than a member that is missing.
func (r *reader) incomplete() bool {
	e, ok := r.err.(*canonical.Error)
	return ok && e.Code == CodeIncomplete
}

func (r *reader) text(name string) string {
	v := r.at.Get(name)
	s, ok := v.Text()
	if !ok {
		r.lack(v, name, "%s is missing or no string", name)
	}
	return s
}

// word reads a string that must be one of a few.
func (r *reader) word(name string, allowed ...string) string {
	s := r.text(name)
	if r.at.Get(name).Kind() == canonical.String && !slices.Contains(allowed, s) {
		r.fail(r.at.Get(name), name, "%s is %s, want one of %q", name, canonical.Clip(s, 64), allowed)
	}
	return s
}

func (r *reader) whole(name string, low, high int64) int64 {
	v := r.at.Get(name)
	n, ok := v.Int()
	switch {
	case !v.IsInteger():
		r.lack(v, name, "%s is missing or no integer of %d to %d", name, low, high)
		return low // whatever is held against it must not be found wrong for that
	case !ok || n < low || n > high:
		r.fail(v, name, "%s is no integer of %d to %d", name, low, high)
	}
	return n
}

func (r *reader) time(name string) time.Time {
	t, ok := parseTime(r.text(name))
	if !ok && r.at.Get(name).Kind() == canonical.String {
		r.fail(r.at.Get(name), name, "%s is no time in RFC 3339, UTC", name)
	}
	return t
}

func parseTime(s string) (time.Time, bool) {
	if len(s) < 20 || s[len(s)-1] != 'Z' {
		return time.Time{}, false // seconds since 1970 are no time here
	}
	t, ok := bundle.ParseTime(s)
	return t.Truncate(time.Microsecond), ok // as fine as proofs write it
}

// number reads milliseconds, or null.
func (r *reader) number(name string) *float64 {
	v := r.at.Get(name)
	if v.Kind() == canonical.Null {
		return nil
	}
	x, ok := v.Float()
	if !ok || x < 0 || x > 60_000 {
		r.fail(v, name, "%s is missing or no number of 0 to 60000", name)
		return nil
	}
	return &x
}

// ParseSample reads one sample and holds its figures to its delays. The pointer is
// where it stands, for errors, each a [*canonical.Error].
func ParseSample(v canonical.Value, pointer string) (Sample, error) {
	r := &reader{at: v, pointer: pointer}
	s := Sample{
		SessionID: r.text("session_id"), N: r.whole("n", 1, MaxProbes),
		P50: r.number("p50_ms"), P95: r.number("p95_ms"), Jitter: r.number("jitter_ms"),
		RecordedAt: r.time("recorded_at"), Metric: Unspecified,
	}
	if v.Get("started_at").Exists() || v.Get("ended_at").Exists() {
		s.StartedAt, s.EndedAt = r.time("started_at"), r.time("ended_at")
		if s.EndedAt.Before(s.StartedAt) {
			r.fail(v.Get("ended_at"), "ended_at", "the sample ends before it starts")
		}
	}
	if v.Get("metric").Exists() {
		s.Metric = r.word("metric", RoundTrip, OneWay)
	}
	if delays := v.Get("delays_ns"); delays.Exists() {
		s.HasDelays = true
		s.delays(r, delays)
	} else if r.err == nil && (s.P50 == nil || s.P95 == nil || s.Jitter == nil) {
		r.fail(v, "p95_ms", "without delays_ns the sample needs its figures")
	}
	if r.err != nil {
		return s, r.err
	}
	return s, s.figures(v, pointer)
}

func (s *Sample) delays(r *reader, v canonical.Value) {
	if v.Kind() != canonical.Array || v.Len() > MaxProbes {
		r.fail(v, "delays_ns", "delays_ns is no array of at most %d delays", MaxProbes)
		return
	}
	for i, element := range v.Elements() {
		if element.Kind() == canonical.Null {
			s.Lost++
			continue
		}
		ns, ok := element.Int()
		if !ok || ns < 0 || ns > MaxDelay {
			r.fail(element, fmt.Sprintf("delays_ns/%d", i), "the delay is neither null nor an integer of 0 to %d nanoseconds", MaxDelay)
			return
		}
		s.Delays = append(s.Delays, ns)
	}
}

// Timed reports whether the sample tells when it was measured.
func (s Sample) Timed() bool { return !s.StartedAt.IsZero() }

// Untimed counts the samples beside a proof, its wrapper's member telemetry, that
// don't tell when they were measured.
func Untimed(v canonical.Value) (n int64) {
	count := func(sample canonical.Value) {
		if sample.Kind() == canonical.Object && !sample.Get("started_at").Exists() && !sample.Get("ended_at").Exists() {
			n++
		}
	}
	for _, sample := range v.Get("samples").Elements() {
		count(sample)
	}
	for _, disclosed := range v.Get("disclosed").Elements() {
		count(disclosed.Get("sample"))
	}
	return n
}

// figures holds the figures to the delays.
func (s *Sample) figures(v canonical.Value, pointer string) error {
	if !s.HasDelays {
		if *s.P50 > *s.P95 {
			return v.Errorf(CodeContradictory, pointer+"/p50_ms", "the median is above the 95th percentile")
		}
		return nil
	}
	if want := int64(len(s.Delays)) + s.Lost; s.N != want {
		return v.Errorf(CodeContradictory, pointer+"/n", "n is %d, and delays_ns has %d probes", s.N, want)
	}
	p50, p95, jitter := Figures(s.Delays)
	for _, x := range []struct {
		name        string
		claim, want *float64
	}{{"p50_ms", s.P50, p50}, {"p95_ms", s.P95, p95}, {"jitter_ms", s.Jitter, jitter}} {
		if (x.claim == nil) != (x.want == nil) || x.claim != nil && *x.claim != *x.want {
			return v.Errorf(CodeContradictory, pointer+"/"+x.name, "%s is %s, and the delays give %s", x.name, spell(x.claim), spell(x.want))
		}
	}
	return nil
}

func spell(x *float64) string {
	if x == nil {
		return "null"
	}
	return canonical.PythonFloat(*x)
}

// Figures returns a sample's p50, p95 and jitter in milliseconds as they follow
// from its answered delays in nanoseconds: nil when there are none.
func Figures(delays []int64) (p50, p95, jitter *float64) {
	if len(delays) == 0 {
		return nil, nil, nil
	}
	d := Pool(slices.Clone(delays), 0).Delays
	ms := func(ns int64) *float64 {
		x := float64(ns) / 1e6
		return &x
	}
	return ms(d.P50), ms(d.P95), ms(d.Jitter())
}
