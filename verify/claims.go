package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// The checks in this file never fail: what they find is suspicious, not
// contradictory, and a genuine bundle of the original service has some of it.

func claimPass(format string, args ...any) []Check {
	return []Check{{Status: Pass, Code: OK, Message: fmt.Sprintf(format, args...)}}
}

func claimSkip(what string) []Check {
	return []Check{{Status: Skip, Code: ClaimsIncomplete, Message: "not judged: " + what}}
}

// claimsConstants: the original fills throughput, availability and packet loss
// with 0, 100 and 0 without measuring them.
func (r *run) claimsConstants() ([]Check, error) {
	a := r.bundle.Artifact
	if a.ThroughputMbps == nil || a.AvailabilityPct == nil || a.PacketLossPct == nil {
		return claimSkip("the artifact does not have the three values"), nil
	}
	constants := *a.ThroughputMbps == 0 && *a.AvailabilityPct == 100
	c := r.commitment()
	switch {
	case constants && c != nil && slices.Contains(c.NotMeasured, "throughput_mbps") && slices.Contains(c.NotMeasured, "availability_pct"):
		return claimPass("the proof itself says that these were not measured: %s", strings.Join(c.NotMeasured, ", ")), nil
	case constants && r.pooled() != nil:
		return []Check{{Status: Warn, Code: NotMeasured, Pointer: "/runtime_artifact/measured",
			Message: "throughput and availability are the service's constants (0, 100): signed, and never measured; packet loss was measured"}}, nil
	case constants && *a.PacketLossPct == 0:
		return []Check{{Status: Warn, Code: NotMeasured, Pointer: "/runtime_artifact/measured",
			Message: "throughput, availability and packet loss are the service's constants (0, 100, 0): signed, and never measured"}}, nil
	}
	return claimPass("throughput, availability and packet loss are not the service's constants"), nil
}

// claimsJitterTarget: the decision rests on latency alone.
func (r *run) claimsJitterTarget() ([]Check, error) {
	p := r.bundle.Proof
	if p.AvgJitterMS == nil || p.Intent.TargetJitterMS == nil {
		return claimSkip("the proof does not have both jitter and its target"), nil
	}
	measured, target := canonical.PythonFloat(*p.AvgJitterMS), fmt.Sprint(*p.Intent.TargetJitterMS)
	if pooled := r.pooled(); pooled != nil && pooled.Sent > pooled.Lost && pooled.Delays.Jitter() > *p.Intent.TargetJitterMS*int64(time.Millisecond) {
		exact := telemetry.Milliseconds(pooled.Delays.Jitter())
		return []Check{{Status: Warn, Code: JitterIgnored, Pointer: "/proof/telemetry/decision/jitter_p99_ns", Expected: "at most " + target, Actual: exact,
			Message: fmt.Sprintf("the jitter of all probes, %s ms, missed its target of %s ms, and the artifact's decision did not look at it; the average of the samples' jitters is %s ms", exact, target, measured)}}, nil
	}
	if *p.AvgJitterMS > float64(*p.Intent.TargetJitterMS) {
		return []Check{{Status: Warn, Code: JitterIgnored, Pointer: "/proof/measured_outcomes/avg_jitter_ms", Expected: "at most " + target, Actual: measured,
			Message: fmt.Sprintf("jitter of %s ms missed its target of %s ms, and the decision did not look at it", measured, target)}}, nil
	}
	return claimPass("jitter of %s ms is within its target of %s ms", measured, target), nil
}

// claimsQoSStatus: the session was in force when it was measured.
func (r *run) claimsQoSStatus() ([]Check, error) {
	switch s := r.bundle.Proof.QoSStatus; s {
	case "":
		return claimSkip("the proof has no qos_status_at_finalize"), nil
	case "AVAILABLE":
		return claimPass("the session was AVAILABLE when the proof was made"), nil
	default:
		return []Check{{Status: Warn, Code: NotAvailable, Pointer: "/proof/provider_observed/qos_status_at_finalize", Expected: "AVAILABLE", Actual: s,
			Message: "the session was not AVAILABLE when the proof was made: the quality was measured without being provided"}}, nil
	}
}

// claimsClamp: averages and target are cut at 5 s before they are compared, so
// at the clamp any latency passes.
func (r *run) claimsClamp() ([]Check, error) {
	p := r.bundle.Proof
	if p.AvgP95MS == nil || p.Intent.TargetP95LatencyMS == nil {
		return claimSkip("the proof does not have both latency and its target"), nil
	}
	pointer, what := "", ""
	switch {
	case *p.AvgP95MS >= clampMS:
		pointer = "/proof/measured_outcomes/avg_p95_ms"
		what = "the p95 latency stands at the clamp of 5000 ms: the true value may be anything above"
	case *p.Intent.TargetP95LatencyMS > clampMS:
		pointer = "/proof/requested/intent/target_p95_latency_ms"
		what = fmt.Sprintf("the agreed target of %d ms was cut to 5000 ms before judging", *p.Intent.TargetP95LatencyMS)
	default:
		return claimPass("latency and target are below the clamp of 5000 ms"), nil
	}
	return []Check{{Status: Warn, Code: LatencyClamped, Pointer: pointer, Message: what}}, nil
}

// timeTolerance is how far apart times of one proof may stand in the wrong
// order: they are taken microseconds apart, on one machine.
const timeTolerance = time.Second

// claimsTimes: artifact, proof and ledger record were made in that order.
func (r *run) claimsTimes() ([]Check, error) {
	b := r.bundle
	signed, ok := b.Proof.Time()
	if !ok {
		return []Check{{Status: Warn, Code: TimesOutOfLine, Pointer: "/proof/created_at", Actual: b.Proof.CreatedAt,
			Expected: "RFC 3339 in UTC", Message: "the proof's created_at is no time"}}, nil
	}
	if t, ok := b.Artifact.Time(); ok && t.After(signed.Add(timeTolerance)) {
		return []Check{{Status: Warn, Code: TimesOutOfLine, Pointer: "/runtime_artifact/created_at", Expected: "not after " + b.Proof.CreatedAt,
			Actual: b.Artifact.CreatedAt, Message: "the artifact is younger than the proof that holds its hash"}}, nil
	}
	if t, ok := b.Entry.Time(); ok && (t.Before(signed.Add(-timeTolerance)) || t.After(signed.Add(time.Hour))) {
		return []Check{{Status: Warn, Code: TimesOutOfLine, Pointer: b.EntryPointer("created_at"), Expected: "shortly after " + b.Proof.CreatedAt,
			Actual: t.Format(time.RFC3339Nano), Message: "the ledger record's time, which nothing protects, does not fit the signed time"}}, nil
	}
	return claimPass("the times stand in order; they are the signer's own"), nil
}

// commitment returns what the proof commits to, nil where it commits to nothing
// readable.
func (r *run) commitment() *telemetry.Commitment {
	if !r.bundle.Proof.Telemetry.Exists() {
		return nil
	}
	c, err := telemetry.Parse(r.bundle.Proof.Telemetry, "/proof/telemetry")
	if err != nil {
		return nil
	}
	return &c
}

func (r *run) pooled() *telemetry.Pooled {
	if c := r.commitment(); c != nil {
		return c.Pooled
	}
	return nil
}

// claimsPercentile: the mean of percentiles is no percentile. Nineteen idle
// windows at 10 ms and a busy one at 196 ms have a mean of 19.3.
func (r *run) claimsPercentile() ([]Check, error) {
	p := r.bundle.Proof
	if p.AvgP95MS == nil || p.SamplesCount == nil {
		return claimSkip("the proof does not have both an average p95 and a number of samples"), nil
	}
	average := canonical.PythonFloat(*p.AvgP95MS)
	warn := func(expected, format string, args ...any) ([]Check, error) {
		return []Check{{Status: Warn, Code: AveragedPercentiles, Pointer: "/proof/measured_outcomes/avg_p95_ms", Expected: expected, Actual: average + " ms",
			Message: fmt.Sprintf(format, args...)}}, nil
	}
	c := r.commitment()
	var pooled *telemetry.Pooled
	if c != nil {
		pooled = c.Pooled
	}
	switch {
	case pooled == nil && *p.SamplesCount == 1:
		return claimPass("the p95 of %s ms is that of one sample, as its measurer stated it", average), nil
	case pooled == nil:
		return warn("", "%s ms is the mean of the p95s of %d samples, which is no p95: each sample counts once, however many probes it stands for", average, *p.SamplesCount)
	case pooled.Sent == pooled.Lost:
		return claimSkip("no probe was answered"), nil
	}
	exact := telemetry.Milliseconds(pooled.Delays.P95)
	answered := pooled.Sent - pooled.Lost
	if target, ok := targetsOf(p); ok {
		latency := c.Decision.LatencyP95
		within := latency != nil && *latency <= target.LatencyMS*int64(time.Millisecond)
		if result := r.bundle.Artifact.Result; result == "pass" && !within || result == "fail" && within {
			return warn(exact+" ms", "the mean of the samples' p95s is %s ms, by which the result is %s; the p95 of all %d answered probes is %s ms, and %d probes were lost: by them all it is the other way round",
				average, result, answered, exact, pooled.Lost)
		}
	}
	return claimPass("the mean of the samples' p95s is %s ms; the p95 of all %d answered probes is %s ms; both decide alike", average, answered, exact), nil
}

// claimsWindow: what was measured outside the session is not its quality.
func (r *run) claimsWindow() ([]Check, error) {
	if !r.bundle.Proof.Session.Exists() {
		return claimSkip("the proof does not tell when the session was AVAILABLE and when it was measured"), nil
	}
	s, err := telemetry.ParseSession(r.bundle.Proof.Session, "/proof/session")
	if err != nil {
		return claimSkip("the session can't be read"), nil
	}
	if s.AvailablePPM < 1_000_000 {
		return []Check{{Status: Warn, Code: OutsideAvailable, Pointer: "/proof/session/available_ppm", Expected: "100 %", Actual: percent(s.AvailablePPM),
			Message: fmt.Sprintf("only %s of the measured time lay inside the session's AVAILABLE", percent(s.AvailablePPM))}}, nil
	}
	return claimPass("all of the measured time lay inside the session's AVAILABLE"), nil
}

// percent writes millionths.
func percent(ppm int64) string {
	return fmt.Sprintf("%s %%", canonical.PythonFloat(float64(ppm)/1e4))
}
