package verify

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// The checks "policy.…". Each has expected and found. One that lacks what it needs
// to decide is not run, and so the verdict is inconclusive: a proof that does not
// show something is not thereby shown to break it.

var ruleChecks = []check{
	{PolicyKey, (*run).policyKey},
	{PolicyKID, (*run).policyKID},
	{PolicyIssuer, (*run).policyIssuer},
	{PolicySession, (*run).policySession},
	{PolicyQoSProfile, (*run).policyQoSProfile},
	{PolicyCanonical, (*run).policyCanonical},
	{PolicyAge, (*run).policyAge},
	{PolicySamples, (*run).policySamples},
	{PolicyTelemetry, (*run).policyTelemetry},
	{PolicyLatency, (*run).policyLatency},
	{PolicyJitter, (*run).policyJitter},
	{PolicyLoss, (*run).policyLoss},
	{PolicyLimits, (*run).policyLimits},
	{PolicyAvailable, (*run).policyAvailable},
	{PolicyClaims, (*run).policyClaims},
	{PolicyRequire, (*run).policyRequire}, // last: it looks back at all others
}

// met is the finding of a rule that was decided.
func met(ok bool, pointer, expected, actual, format string, args ...any) Check {
	c := Check{Status: Pass, Code: OK, Pointer: pointer, Expected: expected, Actual: actual, Message: fmt.Sprintf(format, args...)}
	if !ok {
		c.Status, c.Code = Fail, PolicyUnmet
	}
	return c
}

func one(c Check) ([]Check, error) { return []Check{c}, nil }

// undecided is the finding of a rule that could not be decided.
func undecided(expected, format string, args ...any) ([]Check, error) {
	return one(Check{Code: PolicyNoEvidence, Expected: expected, Message: fmt.Sprintf(format, args...)})
}

// exact compares a member. One that is absent, or of another type, is no evidence.
func exact(what, pointer, want, got string) ([]Check, error) {
	if got == "" {
		return one(Check{Code: PolicyNoEvidence, Pointer: pointer, Expected: want, Actual: "none", Message: "there is nothing to hold to the policy: " + what + " is not told"})
	}
	word := "is"
	if want != got {
		word = "is not"
	}
	return one(met(want == got, pointer, want, got, "%s %s the one that the policy expects", what, word))
}

func (r *run) policyKey() ([]Check, error) {
	used := r.report.key
	var names []string
	var best []Check // of the entries for this key
	for _, k := range r.policy.Rules.Keys {
		names = append(names, k.Thumbprint.String())
		if !used.Found || k.Thumbprint != used.Thumbprint {
			continue
		}
		c := r.keyRule(k)
		if c.Status == Pass {
			return one(c)
		}
		best = []Check{c}
	}
	switch {
	case best != nil:
		return best, nil
	case !used.Found:
		return undecided(strings.Join(names, " or "), "the key set has no usable key of this kid")
	}
	return one(met(false, r.bundle.EntryPointer("kid"), strings.Join(names, " or "), used.Thumbprint.String(), "the key is none of the policy's"))
}

// keyRule holds the record to one entry for its key.
func (r *run) keyRule(k KeyRule) Check {
	used := r.report.key
	if k.KID != "" && k.KID != used.KID {
		return met(false, r.bundle.EntryPointer("kid"), k.KID, used.KID, "the policy knows this key under another kid")
	}
	if k.NotBefore.IsZero() && k.NotAfter.IsZero() {
		return met(true, "", k.Thumbprint.String(), used.Thumbprint.String(), "the key is one of the policy's")
	}
	window := fmt.Sprintf("from %s until %s", bound(k.NotBefore, "ever"), bound(k.NotAfter, "ever"))
	signed, ok := r.bundle.Proof.Time()
	if !ok {
		return Check{Code: PolicyNoEvidence, Expected: window, Message: "the proof's created_at is no time"}
	}
	inside := !signed.Before(k.NotBefore) && (k.NotAfter.IsZero() || signed.Before(k.NotAfter))
	return met(inside, "/proof/created_at", window, r.bundle.Proof.CreatedAt, "the signed time against the time in which the policy trusts the key")
}

func bound(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return timeText(t.UTC())
}

func (r *run) policyKID() ([]Check, error) {
	return exact("the kid", r.bundle.EntryPointer("kid"), r.policy.Rules.KID, r.bundle.Entry.KID)
}

func (r *run) policyIssuer() ([]Check, error) {
	return exact("the issuer", "/proof/issuer", r.policy.Rules.Issuer, r.bundle.Proof.Issuer)
}

func (r *run) policySession() ([]Check, error) {
	return exact("the session", "/proof/session_id", bundle.NormalSessionID(r.policy.Rules.SessionID), bundle.NormalSessionID(r.bundle.Proof.SessionID))
}

func (r *run) policyQoSProfile() ([]Check, error) {
	if s := r.sessionLife(); s != nil && s.QoSProfile != "" {
		return exact("the QoS profile", "/proof/session/qosProfile", r.policy.Rules.QoSProfile, s.QoSProfile)
	}
	return exact("the QoS profile", "/proof/requested/qos_profile", r.policy.Rules.QoSProfile, r.bundle.Proof.QoSProfile)
}

func (r *run) policyCanonical() ([]Check, error) {
	got := r.report.subject.Profile
	// Where both profiles write the same bytes, both match.
	want := r.policy.Rules.Canonical
	ok := got == want
	if !ok && linksUnder(r.bundle, want) {
		digest, err := bundle.ArtifactDigest(r.bundle.Artifact.Value, want)
		ok = err == nil && digest.String() == r.bundle.Proof.ArtifactSHA256
	}
	return one(met(ok, "", want.String(), got.String(), "the canonical profile under which the hashes match"))
}

func (r *run) policyAge() ([]Check, error) {
	rules, at := r.policy.Rules, r.policy.At
	// One after the other: the sum of two long durations would overflow.
	earliest, latest := at.Add(-rules.MaxAge).Add(-rules.Skew), at.Add(rules.Skew)
	want := "not after " + timeText(latest.UTC())
	if rules.MaxAge > 0 {
		want = "from " + timeText(earliest.UTC()) + ", " + want
	}
	signed, ok := r.bundle.Proof.Time()
	if !ok {
		return undecided(want, "the proof's created_at is no time")
	}
	inside := !signed.After(latest) && (rules.MaxAge == 0 || !signed.Before(earliest))
	return one(met(inside, "/proof/created_at", want, r.bundle.Proof.CreatedAt, "the signed time against the policy's, judged at %s; it is the signer's own clock", timeText(at.UTC())))
}

func (r *run) policySamples() ([]Check, error) {
	rules, p := r.policy.Rules, r.bundle.Proof
	var list []Check
	if rules.MinSamples > 0 {
		want := fmt.Sprintf("at least %d", rules.MinSamples)
		if n := p.SamplesCount; n != nil {
			list = append(list, met(*n >= rules.MinSamples, "/proof/measured_outcomes/samples_count", want, strconv.FormatInt(*n, 10), "the number of samples"))
		} else {
			list = append(list, Check{Code: PolicyNoEvidence, Expected: want, Message: "the proof does not tell how many samples there were"})
		}
	}
	if rules.MinProbes > 0 {
		want := fmt.Sprintf("at least %d", rules.MinProbes)
		if pooled := r.pooled(); pooled != nil {
			list = append(list, met(pooled.Sent >= rules.MinProbes, "/proof/telemetry/probes/sent", want, strconv.FormatInt(pooled.Sent, 10), "the number of probes"))
		} else {
			list = append(list, Check{Code: PolicyNoEvidence, Expected: want, Message: "the proof does not tell how many probes were sent"})
		}
	}
	return list, nil
}

func (r *run) policyTelemetry() ([]Check, error) {
	want := "a commitment that holds"
	if r.policy.Rules.Telemetry == Disclosed {
		want += ", and all samples"
	}
	if !r.bundle.Proof.Telemetry.Exists() {
		return one(Check{Code: PolicyNoEvidence, Expected: want, Actual: "no commitment", Message: "the proof commits to no sample"})
	}
	committed, samples := r.report.outcome(Telemetry), r.report.outcome(TelemetrySamples)
	got := "a commitment: " + committed.String() + "; the samples: " + samples.String()
	switch {
	case committed == Fail || samples == Fail:
		return one(met(false, "/proof/telemetry", want, got, "what the proof shows of its samples does not hold"))
	case committed == Pass && (r.policy.Rules.Telemetry == Committed || samples == Pass):
		return one(met(true, "/proof/telemetry", want, got, "what the proof shows of its samples"))
	}
	// The samples are not signed: whoever passed the bundle on may have left them out.
	return one(Check{Code: PolicyNoEvidence, Pointer: "/telemetry", Expected: want, Actual: got, Message: "the samples that the proof commits to are not all there"})
}

// delayAt returns the pooled delay at a percentile: the exact one for those that
// the proof states, else the upper end of its bin, so that a bound is never kept
// by rounding.
func delayAt(p *telemetry.Pooled, milliPercent int64, lost bool) (ns int64, ok bool) {
	n := p.Distribution.Count()
	total := n
	if lost {
		total = p.Sent
	}
	rank := max(1, telemetry.Rank(milliPercent, total))
	index, ok := p.Distribution.At(rank)
	if !ok {
		return 0, false
	}
	for _, x := range []struct{ rank, ns int64 }{
		{1, p.Delays.Min}, {telemetry.Rank(50_000, n), p.Delays.P50}, {telemetry.Rank(95_000, n), p.Delays.P95}, {telemetry.Rank(99_000, n), p.Delays.P99}, {n, p.Delays.Max},
	} {
		if x.rank == rank {
			return x.ns, true
		}
	}
	_, high := telemetry.Range(index)
	return min(high, p.Delays.Max), true
}

func percentileName(milliPercent int64) string {
	return "p" + strconv.FormatFloat(float64(milliPercent)/1000, 'f', -1, 64)
}

func (t *Target) at(standard int64) int64 {
	if t.MilliPercent == 0 {
		return standard
	}
	return t.MilliPercent
}

// limit returns the bound in nanoseconds, and whether there is one.
func (t *Target) limit(agreed *int64) (ns int64, ok bool) {
	switch {
	case t.Max > 0:
		return t.Max, true
	case agreed == nil || *agreed < 0 || *agreed > math.MaxInt64/int64(time.Millisecond):
		return 0, false
	}
	return *agreed * int64(time.Millisecond), true
}

func (r *run) policyLatency() ([]Check, error) {
	t := r.policy.Rules.Latency
	limit, ok := t.limit(r.bundle.Proof.Intent.TargetP95LatencyMS)
	if !ok {
		return undecided("", "neither policy nor proof has a latency target")
	}
	percentile := t.at(95_000)
	want := fmt.Sprintf("%s at most %s ms", percentileName(percentile), telemetry.Milliseconds(limit))
	pooled := r.pooled()
	if pooled == nil {
		return r.average(t, percentile == 95_000, want, limit, "/proof/measured_outcomes/avg_p95_ms", r.bundle.Proof.AvgP95MS)
	}
	ns, defined := delayAt(pooled, percentile, !t.AllowLost)
	got := fmt.Sprintf("undefined: %d of %d probes were lost", pooled.Lost, pooled.Sent)
	if defined {
		got = telemetry.Milliseconds(ns) + " ms"
	}
	if mean := r.bundle.Proof.AvgP95MS; mean != nil {
		got += fmt.Sprintf(" (the proof's average of sample p95s is %s ms)", canonical.PythonFloat(*mean))
	}
	how := "lost probes counted as never arrived"
	if t.AllowLost {
		how = "of the answered probes"
	}
	return one(met(defined && ns <= limit, "/proof/telemetry/distribution", want, got, "the latency of %s, %s", r.metric(), how))
}

// average decides a target by the proof's average, if the policy takes that.
func (r *run) average(t *Target, comparable bool, want string, limit int64, pointer string, average *float64) ([]Check, error) {
	switch {
	case !t.AllowAverage || !comparable:
		return undecided(want, "the proof commits to no delays, and an average of sample figures is no percentile")
	case average == nil:
		return undecided(want, "the proof has no average either")
	case *average >= telemetry.Clamp:
		return undecided(want, "the proof's average stands at the clamp of 5000 ms: the true value may be anything above")
	}
	return one(met(*average*1e6 <= float64(limit), pointer, want, canonical.PythonFloat(*average)+" ms, an average", "the average of sample figures, since the proof commits to no delays"))
}

func (r *run) metric() string {
	if c := r.commitment(); c != nil {
		switch c.Metric {
		case telemetry.RoundTrip:
			return "round trips"
		case telemetry.OneWay:
			return "one way"
		}
	}
	return "delays that don't say whether of one way or both"
}

func (r *run) policyJitter() ([]Check, error) {
	t := r.policy.Rules.Jitter
	limit, ok := t.limit(r.bundle.Proof.Intent.TargetJitterMS)
	if !ok {
		return undecided("", "neither policy nor proof has a jitter target")
	}
	percentile := t.at(99_000)
	want := fmt.Sprintf("%s minus the minimum at most %s ms", percentileName(percentile), telemetry.Milliseconds(limit))
	pooled := r.pooled()
	if pooled == nil {
		return r.average(t, true, want, limit, "/proof/measured_outcomes/avg_jitter_ms", r.bundle.Proof.AvgJitterMS)
	}
	ns, defined := delayAt(pooled, percentile, false)
	if !defined {
		return undecided(want, "no probe was answered")
	}
	return one(met(ns-pooled.Delays.Min <= limit, "/proof/telemetry/distribution", want, telemetry.Milliseconds(ns-pooled.Delays.Min)+" ms", "the jitter of %s, by the answered probes", r.metric()))
}

func lossText(p *telemetry.Pooled) string { return fmt.Sprintf("%d of %d", p.Lost, p.Sent) }

func (r *run) policyLoss() ([]Check, error) {
	allowed := *r.policy.Rules.MaxLossPPM
	want := "at most " + percent(allowed)
	pooled := r.pooled()
	if pooled == nil {
		return undecided(want, "the proof does not tell how many probes were lost; its packet_loss_pct is a constant")
	}
	return one(met(float64(pooled.Lost)*1e6 <= float64(allowed)*float64(pooled.Sent), "/proof/telemetry/probes/lost", want, lossText(pooled), "the probes that were lost"))
}

func (r *run) sessionLife() *telemetry.Session {
	if !r.bundle.Proof.Session.Exists() {
		return nil
	}
	s, err := telemetry.ParseSession(r.bundle.Proof.Session, "/proof/session")
	if err != nil {
		return nil
	}
	return &s
}

// policyLimits holds the delays to the limits that the provider publishes.
func (r *run) policyLimits() ([]Check, error) {
	s, c := r.sessionLife(), r.commitment()
	if s == nil || s.QoSProfile == "" {
		return undecided("a CAMARA profile that the policy has limits for", "the proof names no CAMARA profile")
	}
	limits, known := r.policy.Rules.Limits[s.QoSProfile]
	if !known {
		return one(met(false, "/proof/session/qosProfile", "a profile that the policy has limits for", s.QoSProfile, "the policy has no limits for this profile"))
	}
	if c == nil || c.Pooled == nil {
		return undecided("delays within the limits of "+s.QoSProfile, "the proof commits to no delays")
	}
	var list []Check
	p := c.Pooled
	if limits.PacketDelayBudget > 0 {
		list = append(list, r.delayBudget(limits, c, s.QoSProfile))
	}
	if limit := limits.Jitter.Nanoseconds(); limit > 0 {
		ns, defined := delayAt(p, 99_000, false)
		list = append(list, met(defined && ns-p.Delays.Min <= limit, "/proof/telemetry/distribution", "jitter "+telemetry.Milliseconds(limit)+" ms", definedText(ns-p.Delays.Min, defined),
			"the jitter at the 99th percentile against the limit of %s", s.QoSProfile))
	}
	if n := limits.PacketErrorLossRate; n > 0 {
		list = append(list, met(float64(p.Lost)*math.Pow10(n) <= float64(p.Sent), "/proof/telemetry/probes/lost", fmt.Sprintf("packetErrorLossRate %d: at most 10^-%d", n, n), lossText(p),
			"the probes lost against the limit of %s", s.QoSProfile))
	}
	if len(list) == 0 {
		list = append(list, met(true, "/proof/session/qosProfile", "no limit", s.QoSProfile, "the policy lists this profile, and no limit of it"))
	}
	return list, nil
}

// delayBudget holds the p95 to CAMARA's packetDelayBudget, which counts one way, and
// to the gateway of the operator's network: "the end-to-end or round trip latency
// will be about two times this value plus the latency not controlled by the
// operator". So a round trip within twice the budget keeps it, and a longer one
// breaks it only where the policy says how much lies beyond the operator.
func (r *run) delayBudget(limits Limits, c *telemetry.Commitment, profile string) Check {
	budget, way := limits.PacketDelayBudget.Nanoseconds(), "one way"
	undecided := func(format string, args ...any) Check {
		return Check{Code: PolicyNoEvidence, Pointer: "/proof/telemetry/distribution", Expected: "packetDelayBudget " + telemetry.Milliseconds(budget) + " ms (" + way + ")", Message: fmt.Sprintf(format, args...)}
	}
	switch c.Metric {
	case telemetry.OneWay:
	case telemetry.RoundTrip:
		budget, way = 2*budget, "round trip, twice the budget"
		if beyond := limits.BeyondOperator; beyond != nil {
			budget, way = budget+beyond.Nanoseconds(), "round trip, twice the budget and what lies beyond the operator"
		}
	default:
		return undecided("the proof does not say whether its delays are of one way or of both, and the budget is for one")
	}
	ns, defined := delayAt(c.Pooled, 95_000, true)
	if c.Metric == telemetry.RoundTrip && limits.BeyondOperator == nil && !(defined && ns <= budget) {
		return undecided("the p95 of round trips is %s, and how much of it lies beyond the operator's network is not known; a policy can say so (beyond_operator)", definedText(ns, defined))
	}
	return met(defined && ns <= budget, "/proof/telemetry/distribution", "packetDelayBudget "+telemetry.Milliseconds(budget)+" ms ("+way+")", definedText(ns, defined),
		"the p95 of %s against the limit of %s", r.metric(), profile)
}

func definedText(ns int64, defined bool) string {
	if !defined {
		return "undefined: too many probes were lost"
	}
	return telemetry.Milliseconds(ns) + " ms"
}

func (r *run) policyAvailable() ([]Check, error) {
	want := "at least " + percent(r.policy.Rules.MinAvailablePPM)
	s := r.sessionLife()
	if s == nil {
		return undecided(want, "the proof does not tell when the session was AVAILABLE and when it was measured")
	}
	if unknown := r.shareUnknown(*s); unknown != "" && (s.Started() || s.Status != telemetry.Unavailable) {
		return undecided(want, "%s", unknown)
	}
	return one(met(s.AvailablePPM >= r.policy.Rules.MinAvailablePPM, "/proof/session/available_ppm", want, percent(s.AvailablePPM), "the share of the measured time inside AVAILABLE"))
}

func (r *run) policyRequire() (list []Check, err error) {
	for _, id := range r.policy.Rules.Require {
		got := r.report.outcome(id)
		switch got {
		case Pass:
			continue
		case Fail:
			list = append(list, met(false, "", string(id)+": pass", got.String(), "the policy requires %s", id))
		default:
			list = append(list, Check{Code: PolicyNoEvidence, Expected: string(id) + ": pass", Actual: got.String(), Message: fmt.Sprintf("the policy requires %s", id)})
		}
	}
	if list == nil {
		list = append(list, met(true, "", "pass", "pass", "the %d checks that the policy requires passed", len(r.policy.Rules.Require)))
	}
	return list, nil
}

// policyClaims refuses warnings. What the policy ignores was left out before. A
// claim that could not be judged is no claim that holds: whoever leaves out what a
// claims check looks at must not be better off for it.
func (r *run) policyClaims() (list []Check, err error) {
	for _, id := range ClaimChecks() {
		if r.policy.Rules.Claims[id] != Refuse {
			continue
		}
		for _, c := range r.report.checks {
			switch {
			case c.ID != id || c.Status == Pass:
			case c.Status == Warn || c.Status == Fail:
				list = append(list, met(false, c.Pointer, "no warning of "+string(id), string(c.Code), "%s: %s", id, c.Message))
			default:
				list = append(list, Check{Code: PolicyNoEvidence, Pointer: c.Pointer, Expected: string(id) + ": pass", Actual: c.Status.String(), Message: fmt.Sprintf("%s: %s", id, c.Message)})
			}
		}
	}
	if list == nil {
		list = append(list, met(true, "", "no warning that the policy refuses", "none", "no claim that the policy refuses"))
	}
	return list, nil
}

// ignored turns a warning that the policy ignores into a check that was skipped.
func (r *run) ignored(c Check) Check {
	if r.policy.Rules != nil && c.Status == Warn && r.policy.Rules.Claims[c.ID] == Ignore {
		c.Status, c.Message = Skip, "ignored by the policy: "+c.Message
	}
	return c
}
