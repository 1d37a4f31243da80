package mint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// SampleJSON returns a sample as bundles carry it and as its leaf is made: as it
// was posted, and when it was recorded (seconds since 1970).
func SampleJSON(stored string, recordedAt float64) (pyjson.Object, error) {
	v, err := pyjson.Decode([]byte(stored))
	o, isObject := v.(pyjson.Object)
	if err != nil || !isObject {
		return nil, errors.New("the stored telemetry sample is no JSON object")
	}
	o = slices.DeleteFunc(o, func(m pyjson.Member) bool { return m.Name == "recorded_at" })
	return append(o, pyjson.Member{Name: "recorded_at", Value: Timestamp(FromEpoch(recordedAt))}), nil
}

// AddSample takes a sample into an aggregate.
func AddSample(a *telemetry.Aggregate, stored string, recordedAt float64) error {
	o, err := SampleJSON(stored, recordedAt)
	if err != nil {
		return err
	}
	doc, err := canonical.Parse(pyjson.Compact(o), canonical.Options{})
	if err != nil {
		return fmt.Errorf("the stored telemetry sample: %w", err)
	}
	_, err = a.Add(doc.Root(), "")
	return err
}

// SessionAt returns a session's life as it stands at an instant. The simulated
// provider makes it AVAILABLE two seconds after it was asked for, and ends it
// after the agreed duration.
func SessionAt(created time.Time, i Intent, now time.Time) telemetry.Session {
	s := telemetry.Session{QoSProfile: i.QoSProfile, Status: telemetry.Requested, Duration: i.DurationS}
	start := created.Add(availableAfter)
	if now.Before(start) {
		return s
	}
	s.Status, s.StartedAt, s.ExpiresAt = telemetry.Available, start, start.Add(time.Duration(i.DurationS)*time.Second)
	if !now.Before(s.ExpiresAt) {
		s.Status, s.StatusInfo = telemetry.Unavailable, telemetry.DurationExpired
	}
	return s
}

func (r Request) session(c telemetry.Commitment, now time.Time) telemetry.Session {
	s := SessionAt(r.Started, r.Intent, now)
	if s.AvailableUnknown = !c.Timed(); !s.AvailableUnknown {
		s.AvailablePPM = s.AvailableIn(c.FirstAt, c.LastAt)
	}
	return s
}

// SessionJSON returns a session with CAMARA's members.
func SessionJSON(s telemetry.Session) pyjson.Object {
	var o pyjson.Object
	if s.QoSProfile != "" {
		o = append(o, pyjson.Member{Name: "qosProfile", Value: s.QoSProfile})
	}
	o = append(o, pyjson.Member{Name: "qosStatus", Value: s.Status})
	if s.StatusInfo != "" {
		o = append(o, pyjson.Member{Name: "statusInfo", Value: s.StatusInfo})
	}
	if s.Started() {
		o = append(o, pyjson.Member{Name: "startedAt", Value: Timestamp(s.StartedAt)}, pyjson.Member{Name: "expiresAt", Value: Timestamp(s.ExpiresAt)})
	}
	return append(o, pyjson.Member{Name: "duration", Value: s.Duration})
}

func sessionJSON(s telemetry.Session) pyjson.Object {
	var available any
	if !s.AvailableUnknown {
		available = s.AvailablePPM
	}
	return append(SessionJSON(s), pyjson.Member{Name: "available_ppm", Value: available})
}

func commitmentJSON(c telemetry.Commitment) pyjson.Object {
	var first, last any
	if c.Timed() {
		first, last = Timestamp(c.FirstAt), Timestamp(c.LastAt)
	}
	o := pyjson.Object{
		{Name: "format", Value: telemetry.Format}, {Name: "profile", Value: c.Profile.String()},
		{Name: "count", Value: c.Count}, {Name: "root", Value: telemetry.Hex(c.Root)},
		{Name: "first_at", Value: first}, {Name: "last_at", Value: last},
	}
	if c.TimesUnknown > 0 {
		o = append(o, pyjson.Member{Name: "times_unknown", Value: c.TimesUnknown})
	}
	o = append(o, pyjson.Member{Name: "metric", Value: c.Metric},
		pyjson.Member{Name: "aggregation", Value: pyjson.Object{
			{Name: "averages", Value: telemetry.RuleAverages}, {Name: "percentile", Value: telemetry.RulePercentile}, {Name: "jitter", Value: telemetry.RuleJitter},
		}})
	var probes, distribution, delays any
	if p := c.Pooled; p != nil {
		probes = pyjson.Object{{Name: "sent", Value: p.Sent}, {Name: "lost", Value: p.Lost}}
		bins := make([]any, len(p.Distribution.Bins))
		for i, bin := range p.Distribution.Bins {
			bins[i] = []any{bin.Index, bin.Count}
		}
		distribution = pyjson.Object{
			{Name: "unit", Value: "ns"}, {Name: "precision_bits", Value: telemetry.PrecisionBits},
			{Name: "relative_error", Value: telemetry.RelativeError}, {Name: "bins", Value: bins},
		}
		value := func(ns int64) any {
			if p.Sent == p.Lost {
				return nil
			}
			return ns
		}
		d := p.Delays
		delays = pyjson.Object{
			{Name: "min", Value: value(d.Min)}, {Name: "p50", Value: value(d.P50)}, {Name: "p95", Value: value(d.P95)},
			{Name: "p99", Value: value(d.P99)}, {Name: "max", Value: value(d.Max)},
		}
	}
	optional := func(ns *int64) any {
		if ns == nil {
			return nil
		}
		return *ns
	}
	texts := func(list []string) []any {
		out := make([]any, len(list))
		for i, s := range list {
			out[i] = s
		}
		return out
	}
	return append(o,
		pyjson.Member{Name: "probes", Value: probes}, pyjson.Member{Name: "distribution", Value: distribution}, pyjson.Member{Name: "delays_ns", Value: delays},
		pyjson.Member{Name: "not_measured", Value: texts(c.NotMeasured)},
		pyjson.Member{Name: "decision", Value: pyjson.Object{
			{Name: "latency_p95_ns", Value: optional(c.Decision.LatencyP95)}, {Name: "jitter_p99_ns", Value: optional(c.Decision.JitterP99)},
			{Name: "result", Value: c.Decision.Result}, {Name: "reasons", Value: texts(c.Decision.Reasons)},
		}})
}
