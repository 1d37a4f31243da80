package verify

import (
	"fmt"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
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
	if *a.ThroughputMbps == 0 && *a.AvailabilityPct == 100 && *a.PacketLossPct == 0 {
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
