// Package telemetry knows how a proof commits to the measurements behind it. It
// says what follows from samples and what a proof claims; it verifies nothing.
//
// # The commitment
//
// A proof of the original service states averages and commits to no sample, so
// the samples can be edited afterwards. A proof with a member "telemetry" can't
// be made to fit other samples:
//
//	"telemetry": {
//	  "format": "qodverify/telemetry/v1",
//	  "profile": "qod-mock",             canonical form of the samples: qod-mock or jcs
//	  "count": 20,                       number of samples
//	  "root": 64 hex,                    RFC 6962 Merkle tree hash of the samples, in their order
//	  "first_at": "2026-…Z",             start of the earliest sample whose time is known, else null
//	  "last_at": "2026-…Z",              end of the latest, else null
//	  "times_unknown": 2,                samples that don't tell when they were measured; absent: 0
//	  "metric": "round_trip",            or one_way, mixed, unspecified
//	  "aggregation": {
//	    "averages": "mean_of_sample_percentiles",   how measured_outcomes came about
//	    "percentile": "nearest_rank",               RFC 2330, 11.3
//	    "jitter": "p99_minus_min"                   RFC 5481 PDV at the 99th percentile
//	  },
//	  "probes": {"sent": 1190, "lost": 0},          and the rest: null where a sample lacks its delays
//	  "distribution": {"unit": "ns", "precision_bits": 7, "relative_error": 0.00390625, "bins": [[index, count], …]},
//	  "delays_ns": {"min": …, "p50": …, "p95": …, "p99": …, "max": …},
//	  "not_measured": ["throughput_mbps", "availability_pct"],   members of the artifact that are placeholders
//	  "decision": {"latency_p95_ns": …, "jitter_p99_ns": …, "result": "pass", "reasons": […]}
//	}
//
// A leaf of the tree is the canonical form of one sample; its hash is
// SHA-256(0x00 || leaf). All numbers but relative_error are integers, so no two
// parties can differ in how they round or write them.
//
// # Times
//
// A sample without started_at and ended_at was measured nobody knows when: that it
// was posted at some moment says no more than that it was over by then. Such samples
// are counted in times_unknown, and first_at and last_at are of the others; where no
// sample tells its time they are null, and so is available_ppm of the session. Proofs
// from before times_unknown have the moment of posting in first_at and last_at.
//
// # Percentiles
//
// delays_ns are of the probes that were answered: the smallest delay d such that
// at least p % of them took d or less. In the decision a lost probe counts as one
// that took for ever (RFC 2330, 11.3): latency_p95_ns is null when fewer than
// 95 % of all probes were answered. A loss is never 0 ms, and never left out.
package telemetry

import (
	"fmt"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Format names the layout of the commitment.
const Format = "qodverify/telemetry/v1"

// The rules by name; there are no others yet.
const (
	RuleAverages   = "mean_of_sample_percentiles"
	RulePercentile = "nearest_rank"
	RuleJitter     = "p99_minus_min"
)

// What the delays are of.
const (
	RoundTrip   = "round_trip"
	OneWay      = "one_way"
	Mixed       = "mixed"       // samples of both: their delays can't be pooled
	Unspecified = "unspecified" // at least one sample does not say
)

// Bounds of a commitment.
const (
	// MaxSamples bounds the samples of one proof.
	MaxSamples = 1_000_000
	// MaxProbes bounds the delays of one sample, as the original bounds n.
	MaxProbes = 100_000
	// MaxDelay bounds one delay in nanoseconds: the original takes at most 60 s.
	MaxDelay = int64(60 * time.Second)
)

// Commitment is what a proof claims about its samples.
type Commitment struct {
	Profile         canonical.Profile
	Count           int64
	Root            Hash
	FirstAt, LastAt time.Time // zero where no sample tells its time
	TimesUnknown    int64     // samples that don't
	Metric          string
	Pooled          *Pooled  // nil when a sample came without its delays
	NotMeasured     []string // members of the artifact's measured that nobody measured
	Decision        Decision
}

// Timed reports whether at least one sample tells when it was measured.
func (c Commitment) Timed() bool { return !c.FirstAt.IsZero() && !c.LastAt.IsZero() }

// NotMeasured returns the members of the artifact that are placeholders: no
// sample has throughput or availability, and loss only where it has its delays.
func NotMeasured(p *Pooled) []string {
	if p == nil {
		return []string{"throughput_mbps", "availability_pct", "packet_loss_pct"}
	}
	return []string{"throughput_mbps", "availability_pct"}
}

// Pooled is what follows from the delays of all samples together.
type Pooled struct {
	Sent, Lost   int64
	Distribution Distribution
	Delays       Delays
}

// Delays are nearest-rank percentiles of the answered probes in nanoseconds.
// They are zero when no probe was answered.
type Delays struct{ Min, P50, P95, P99, Max int64 }

// Jitter returns the packet delay variation at the 99th percentile (RFC 5481):
// p99 minus the minimum, in nanoseconds.
func (d Delays) Jitter() int64 { return d.P99 - d.Min }

// The outcomes of a [Decision].
const (
	Pass      = "pass"
	Fail      = "fail"
	Undecided = "undecided" // the samples came without their delays
)

// Decision holds the pooled delays to the agreed targets.
type Decision struct {
	LatencyP95 *int64 // nanoseconds, a lost probe counted as one that never arrived; nil: undefined
	JitterP99  *int64 // nanoseconds, of the answered probes; nil when there are none
	Result     string
	Reasons    []string
}

// Targets are what was agreed, in milliseconds.
type Targets struct{ LatencyMS, JitterMS int64 }

// Decide derives the decision from pooled delays. latency is what
// [Distribution.Rank] or the exact delays give for 95 % of the probes sent.
func Decide(p *Pooled, latency *int64, t Targets) Decision {
	if p == nil {
		return Decision{Result: Undecided, Reasons: []string{"not every sample has its delays: percentiles of samples can't be pooled"}}
	}
	d := Decision{LatencyP95: latency, Result: Pass}
	limit := t.LatencyMS * int64(time.Millisecond)
	relation := "<="
	if latency == nil || *latency > limit {
		d.Result, relation = Fail, ">"
	}
	p95 := "undefined"
	if latency != nil {
		p95 = Milliseconds(*latency) + "ms"
	}
	d.Reasons = []string{fmt.Sprintf("p95 of %d probes, %d lost: %s %s target %dms", p.Sent, p.Lost, p95, relation, t.LatencyMS)}
	if p.Sent == p.Lost {
		d.Reasons = append(d.Reasons, "jitter undefined: no probe was answered")
		return d
	}
	jitter := p.Delays.Jitter()
	d.JitterP99, relation = &jitter, "<="
	if jitter > t.JitterMS*int64(time.Millisecond) {
		d.Result, relation = Fail, ">"
	}
	d.Reasons = append(d.Reasons, fmt.Sprintf("jitter p99 %sms %s target %dms", Milliseconds(jitter), relation, t.JitterMS))
	return d
}

// Milliseconds writes nanoseconds as milliseconds in decimal, exactly and
// without trailing zeros.
func Milliseconds(ns int64) string {
	s := fmt.Sprintf("%d.%06d", ns/1e6, ns%1e6)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}

// LossPercent returns how many of the probes were lost, in percent rounded to two
// decimals as Python's round: what the artifact's packet_loss_pct is when it was
// measured, and 0 when it was not.
func LossPercent(p *Pooled) float64 {
	if p == nil || p.Sent == 0 {
		return 0
	}
	return round2(100 * float64(p.Lost) / float64(p.Sent))
}
