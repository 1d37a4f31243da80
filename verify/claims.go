package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
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
// with 0, 100 and 0 without measuring them. A proof may say so itself, in
// not_measured; of what it does not say so it claims that it was measured.
func (r *run) claimsConstants() ([]Check, error) {
	a := r.bundle.Artifact
	if a.ThroughputMbps == nil || a.AvailabilityPct == nil || a.PacketLossPct == nil || a.OtherSchema() {
		return claimSkip("the artifact does not have the three values"), nil
	}
	for _, f := range r.bundle.Faults() {
		if f.Kind == bundle.OutOfRange && slices.Contains(measuredConstants, f.Pointer) {
			return []Check{{Status: Warn, Code: ValueOutOfRange, Pointer: f.Pointer, Expected: f.Want, Actual: f.Got, Message: "the value lies outside the range that it can have: nobody measured it"}}, nil
		}
	}
	if *a.ThroughputMbps != 0 || *a.AvailabilityPct != 100 {
		return claimPass("throughput and availability are not the service's constants"), nil
	}
	constants, values := []string{"throughput_mbps", "availability_pct"}, []string{"0", "100"}
	if *a.PacketLossPct == 0 && r.pooled() == nil {
		constants, values = append(constants, "packet_loss_pct"), append(values, "0")
	}
	var told []string
	if c := r.commitment(); c != nil {
		told = c.NotMeasured
	}
	if !slices.ContainsFunc(constants, func(name string) bool { return !slices.Contains(told, name) }) {
		return claimPass("the proof itself says that these were not measured: %s", strings.Join(told, ", ")), nil
	}
	words := map[bool]string{true: "throughput, availability and packet loss are", false: "throughput and availability are"}[len(constants) == 3]
	after := ""
	if r.pooled() != nil {
		after = "; packet loss was measured"
	}
	return []Check{{Status: Warn, Code: NotMeasured, Pointer: "/runtime_artifact/measured",
		Message: fmt.Sprintf("%s the service's constants (%s): signed, and never measured%s", words, strings.Join(values, ", "), after)}}, nil
}

// measuredConstants is where the values stand that the original never measures.
var measuredConstants = []string{"/runtime_artifact/measured/throughput_mbps", "/runtime_artifact/measured/availability_pct", "/runtime_artifact/measured/packet_loss_pct"}

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

// claimsQoSStatus: the session was in force when it was measured. What a proof tells
// of its session decides: the original's word for the state knows no end of one.
func (r *run) claimsQoSStatus() ([]Check, error) {
	if r.bundle.Proof.Session.Exists() {
		s := r.sessionLife()
		if s == nil {
			return claimSkip("the session can't be read"), nil
		}
		return r.stateOf(*s), nil
	}
	switch s := r.bundle.Proof.QoSStatus; s {
	case "":
		return claimSkip("the proof has no qos_status_at_finalize"), nil
	case telemetry.Available:
		return claimPass("the session was AVAILABLE when the proof was made"), nil
	default:
		return notAvailable("/proof/provider_observed/qos_status_at_finalize", s, "the session was not AVAILABLE when the proof was made: the quality was measured without being provided"), nil
	}
}

func notAvailable(pointer, actual, message string) []Check {
	return []Check{{Status: Warn, Code: NotAvailable, Pointer: pointer, Expected: telemetry.Available, Actual: actual, Message: message}}
}

// stateOf tells what became of a session, and whether it lasted as was agreed.
func (r *run) stateOf(s telemetry.Session) (list []Check) {
	const at = "/proof/session/qosStatus"
	switch {
	case s.Status == telemetry.Requested:
		list = notAvailable(at, s.Status, "the session was not AVAILABLE when the proof was made: the quality was measured without being provided")
	case !s.Started():
		list = notAvailable(at, s.Status, "the session never was AVAILABLE ("+s.StatusInfo+"): the quality was measured without being provided")
	case s.Status == telemetry.Unavailable:
		list = notAvailable(at, s.Status, "the session had ended when the proof was made ("+s.StatusInfo+"), at "+timeText(s.ExpiresAt))
	}
	agreed, lasts := r.bundle.Proof.Intent.DurationS, int64((s.Lasts()+time.Second/2)/time.Second)
	longer := ""
	switch {
	case agreed == nil || !s.Started():
	case lasts < *agreed:
		verb := "is to last"
		if s.Status == telemetry.Unavailable {
			verb = "lasted"
		}
		list = append(list, Check{Status: Warn, Code: SessionShorter, Pointer: "/proof/session/expiresAt", Expected: fmt.Sprintf("%d s", *agreed), Actual: fmt.Sprintf("%d s", lasts),
			Message: fmt.Sprintf("the session %s %d s, and %d s were agreed", verb, lasts, *agreed)})
	case lasts > *agreed:
		longer = fmt.Sprintf("; it is to last %d s, longer than the %d s that were agreed", lasts, *agreed)
	}
	if s.Early() && s.Started() && s.Lasts() < time.Duration(s.Duration)*time.Second-time.Second {
		list = append(list, Check{Status: Warn, Code: SessionShorter, Pointer: "/proof/session/duration", Expected: fmt.Sprintf("%d s", lasts), Actual: fmt.Sprintf("%d s", s.Duration),
			Message: "the duration is not how long the session lasted, as CAMARA has it for one that was ended early"})
	}
	if len(list) == 0 {
		return claimPass("the session was AVAILABLE when the proof was made%s", longer)
	}
	return list
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

// claimsTimes: artifact, proof and ledger record were made in that order. A time
// that is none stands in no order.
func (r *run) claimsTimes() ([]Check, error) {
	b := r.bundle
	var odd []Check
	warn := func(pointer, expected, actual, message string) {
		odd = append(odd, Check{Status: Warn, Code: TimesOutOfLine, Pointer: pointer, Expected: expected, Actual: actual, Message: message})
	}
	const spelling = "RFC 3339, or seconds since 1970 as a plain number"
	signed, okSigned := b.Proof.Time()
	if !okSigned {
		warn("/proof/created_at", spelling, b.Proof.CreatedAt, "the proof's created_at is no time")
	}
	made, okMade := b.Artifact.Time()
	switch {
	case !b.Artifact.Exists():
	case !okMade:
		warn("/runtime_artifact/created_at", spelling, b.Artifact.CreatedAt, "the artifact's created_at is no time")
	case okSigned && made.After(signed.Add(timeTolerance)):
		warn("/runtime_artifact/created_at", "not after "+b.Proof.CreatedAt, b.Artifact.CreatedAt, "the artifact is younger than the proof that holds its hash")
	}
	recorded, okRecorded := b.Entry.Time()
	switch {
	case b.Entry.CreatedAt == "": // the answer to finalize has none
	case !okRecorded:
		warn(b.EntryPointer("created_at"), "seconds since 1970 as a plain number", b.Entry.CreatedAt, "the ledger record's time, which nothing protects, is no time")
	case okSigned && (recorded.Before(signed.Add(-timeTolerance)) || recorded.After(signed.Add(time.Hour))):
		warn(b.EntryPointer("created_at"), "shortly after "+b.Proof.CreatedAt, timeText(recorded), "the ledger record's time, which nothing protects, does not fit the signed time")
	}
	if pointer, s := early(b.Samples); s != nil {
		warn(pointer+"/recorded_at", "not before "+timeText(s.EndedAt), timeText(s.RecordedAt), "the sample was recorded before it ended, by another clock or by none")
	}
	if len(odd) > 0 {
		return odd, nil
	}
	return claimPass("the times stand in order; they are the signer's own"), nil
}

// early returns the first of a proof's samples that was recorded before it ended, and
// where it stands; nil where there is none.
func early(v canonical.Value) (pointer string, s *telemetry.Sample) {
	for _, list := range []struct{ name, member string }{{"samples", ""}, {"disclosed", "/sample"}} {
		for i, one := range v.Get(list.name).Elements() {
			if list.member != "" {
				one = one.Get("sample")
			}
			if !one.Get("ended_at").Exists() {
				continue
			}
			pointer := fmt.Sprintf("/telemetry/%s/%d%s", list.name, i, list.member)
			if s, err := telemetry.ParseSample(one, pointer); err == nil && s.EndedAt.After(s.RecordedAt.Add(timeTolerance)) {
				return pointer, &s
			}
		}
	}
	return "", nil
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
	s := r.sessionLife()
	if s == nil {
		return claimSkip("the session can't be read"), nil
	}
	unknown := r.shareUnknown(*s)
	if !s.Started() && s.Status == telemetry.Unavailable {
		return []Check{{Status: Warn, Code: OutsideAvailable, Pointer: "/proof/session/startedAt", Message: "the session never was AVAILABLE, so whatever was measured lay outside"}}, nil
	}
	if s.AvailableUnknown {
		return claimSkip(unknown), nil
	}
	if s.AvailablePPM < 1_000_000 {
		return []Check{{Status: Warn, Code: OutsideAvailable, Pointer: "/proof/session/available_ppm", Expected: "100 %", Actual: percent(s.AvailablePPM),
			Message: fmt.Sprintf("only %s of the measured time lay inside the session's AVAILABLE", percent(s.AvailablePPM))}}, nil
	}
	if unknown != "" {
		return claimSkip(unknown), nil
	}
	return claimPass("all of the measured time lay inside the session's AVAILABLE"), nil
}

// shareUnknown says why nobody knows how much of the measured time lay inside
// AVAILABLE; "" where the proof tells.
func (r *run) shareUnknown(s telemetry.Session) string {
	if why := r.timesUnknown(); why != "" || !s.AvailableUnknown {
		return why
	}
	return "the proof does not tell it"
}

// timesUnknown says why nobody knows when all of the samples were measured; "" where
// the proof tells.
func (r *run) timesUnknown() string {
	c := r.commitment()
	if c == nil {
		return "the proof's telemetry can't be read"
	}
	switch beside := telemetry.Untimed(r.bundle.Samples); {
	case !c.Timed():
		return "none of the samples tells when it was measured"
	case c.TimesUnknown > 0:
		return fmt.Sprintf("%d of %d samples do not tell when they were measured", c.TimesUnknown, c.Count)
	case beside > 0:
		return fmt.Sprintf("%d of %d samples do not tell when they were measured: the proof has the moment of posting instead", beside, c.Count)
	case c.FirstAt.Equal(c.LastAt):
		return "the proof has one moment for all that was measured, as of posting, and no time from start to end"
	}
	return ""
}

// percent writes millionths.
func percent(ppm int64) string {
	return fmt.Sprintf("%s %%", canonical.PythonFloat(float64(ppm)/1e4))
}
