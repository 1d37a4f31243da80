package verify

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// telemetry: what the proof says of its samples follows from what it commits to.
func (r *run) telemetry() ([]Check, error) {
	return judgeCommitment(r.bundle, r.formulas.profile), nil
}

// samples: the samples that came along are those committed to, and the proof's
// figures follow from them.
func (r *run) samples() ([]Check, error) { return judgeSamples(r.bundle), nil }

// differences gathers what does not follow.
type differences []Check

func (d *differences) add(code Code, pointer, expected, actual, format string, args ...any) {
	*d = append(*d, Check{Status: Fail, Code: code, Pointer: pointer, Expected: expected, Actual: actual, Message: fmt.Sprintf(format, args...)})
}

// lacks adds what could not be held to anything, for want of the member at pointer.
func (d *differences) lacks(pointer, message string) {
	*d = append(*d, Check{Code: ClaimsIncomplete, Pointer: pointer, Message: message})
}

// malformed turns a reader's error into a finding. What is missing or of an unknown
// format contradicts nothing: it was not judged.
func malformed(err error) []Check {
	c := Check{Status: Fail, Code: TelemetryMalformed, Message: err.Error()}
	if e := (*canonical.Error)(nil); errors.As(err, &e) {
		c.Code, c.Pointer, c.Message = e.Code, e.Pointer, e.Detail
	}
	if c.Code == ClaimsIncomplete || c.Code == SchemaUnknown {
		c.Status = NotRun
	}
	return []Check{c}
}

// targetsOf returns what was agreed; ok is false where the proof does not say.
func targetsOf(p bundle.Proof) (t telemetry.Targets, ok bool) {
	if p.Intent.TargetP95LatencyMS == nil || p.Intent.TargetJitterMS == nil {
		return t, false
	}
	return telemetry.Targets{LatencyMS: *p.Intent.TargetP95LatencyMS, JitterMS: *p.Intent.TargetJitterMS}, true
}

// judgeCommitment is the check telemetry: everything that follows from the signed
// proof without its samples. The audit's short way uses it too.
func judgeCommitment(b *bundle.Bundle, profile canonical.Profile) []Check {
	p := b.Proof
	if !p.Telemetry.Exists() && !p.Session.Exists() {
		return []Check{{Status: Skip, Code: NotCommitted, Message: "the proof commits to no sample: the telemetry behind it can be edited at will, and nobody could tell"}}
	}
	var d differences
	if !p.Telemetry.Exists() {
		d.lacks("/proof/telemetry", "the proof tells of its session and commits to no sample")
		return d
	}
	c, err := telemetry.Parse(p.Telemetry, "/proof/telemetry")
	if err != nil {
		return malformed(err)
	}
	targets, ok := targetsOf(p)
	if !ok {
		d.lacks("/proof/requested/intent", "the proof has a decision on its telemetry and lacks the targets")
	}
	if c.Profile != profile && !linksUnder(b, c.Profile) {
		d.add(TelemetryProfile, "/proof/telemetry/profile", profile.String(), c.Profile.String(), "the samples are declared under another canonical profile than the proof is hashed by")
	}
	if c.LastAt.Before(c.FirstAt) {
		d.add(WindowMismatch, "/proof/telemetry/last_at", "not before "+timeText(c.FirstAt), timeText(c.LastAt), "the last sample ended before the first began")
	}
	if _, ok := b.Proof.Time(); !ok && c.Timed() {
		d.lacks("/proof/created_at", "the proof's created_at is no time, so nobody knows whether the samples were measured before it")
	}
	d.measuredBefore(b.Proof, c.LastAt, "/proof/telemetry/last_at", "the last sample ended")
	d.notMeasured(c)
	d.counts(p, c, b.Samples.Get("samples").Kind() == canonical.Array)
	d.pooled(b, c)
	d.latency(c)
	d.jitter(c)
	if ok {
		d.follows(c.Decision, telemetry.Decide(c.Pooled, c.Decision.LatencyP95, targets))
	}
	d.averaged(p, c)
	d.session(b, c)
	if len(d) > 0 {
		// What contradicts (Fail) stands before what could not be compared (NotRun).
		slices.SortStableFunc(d, func(x, y Check) int { return cmp.Compare(y.Status, x.Status) })
		return d
	}
	how := "not every sample has its delays, so there is no common percentile"
	if c.Pooled != nil {
		how = fmt.Sprintf("p95 %s, jitter and decision follow from the %d delays in the bins (to %.1f %%)", latencyText(c.Decision.LatencyP95), c.Pooled.Distribution.Count(), 100*telemetry.RelativeError)
	}
	return []Check{{Status: Pass, Code: OK, Message: fmt.Sprintf("the proof commits to %d samples; %s", c.Count, how)}}
}

func latencyText(ns *int64) string {
	if ns == nil {
		return "undefined (too many probes were lost)"
	}
	return telemetry.Milliseconds(*ns) + " ms"
}

func timeText(t time.Time) string { return t.Format(time.RFC3339Nano) }

func linksUnder(b *bundle.Bundle, profile canonical.Profile) bool {
	digest, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, profile)
	return err == nil && digest.String() == b.Entry.ThisHash
}

// pooled holds percentiles to bins, and the artifact's loss to the probes.
func (d *differences) pooled(b *bundle.Bundle, c telemetry.Commitment) {
	if c.Pooled == nil {
		return
	}
	if c.Metric == telemetry.Mixed {
		d.add(PooledMismatch, "/proof/telemetry/distribution", "null", "a distribution", "delays of one way and of both ways were pooled")
	}
	if err := c.Pooled.Fits(); err != nil {
		d.add(PooledMismatch, "/proof/telemetry/delays_ns", "", "", "the percentiles do not follow from the bins: %v", err)
	} else if err := c.Pooled.Ordered(nil); err != nil {
		d.add(PooledMismatch, "/proof/telemetry/delays_ns", "", "", "the percentiles are out of order: %v", err)
	} else if err := c.Pooled.Ordered(c.Decision.LatencyP95); err != nil {
		d.add(PooledMismatch, "/proof/telemetry/decision/latency_p95_ns", "", "", "the p95 over all probes is not of the same delays as the percentiles: %v", err)
	}
	if loss := b.Artifact.PacketLossPct; b.Artifact.OtherSchema() {
		return // of which consistency tells
	} else if loss == nil && b.Artifact.Exists() {
		d.lacks("/runtime_artifact/measured/packet_loss_pct", "the proof counts its lost probes, and the artifact does not state their share")
	} else if loss != nil {
		if want := telemetry.LossPercent(c.Pooled); *loss != want {
			d.add(LossMismatch, "/runtime_artifact/measured/packet_loss_pct", canonical.PythonFloat(want), canonical.PythonFloat(*loss),
				"the artifact's packet loss is not that of the %d of %d probes that the proof counts as lost", c.Pooled.Lost, c.Pooled.Sent)
		}
	}
}

// latency holds the p95 over all probes to the bins.
func (d *differences) latency(c telemetry.Commitment) {
	claimed := c.Decision
	if p := c.Pooled; p != nil {
		rank := telemetry.Rank(95_000, p.Sent)
		index, defined := p.Distribution.At(rank)
		switch {
		case defined != (claimed.LatencyP95 != nil):
			want := "null: fewer than 95 % of the probes were answered"
			if defined {
				want = "a delay: at least 95 % of the probes were answered"
			}
			d.add(PooledMismatch, "/proof/telemetry/decision/latency_p95_ns", want, latencyText(claimed.LatencyP95), "the p95 over all probes is not what the bins give")
		case defined && telemetry.Index(*claimed.LatencyP95) != index:
			low, high := telemetry.Range(index)
			d.add(PooledMismatch, "/proof/telemetry/decision/latency_p95_ns", fmt.Sprintf("%s to %s ms", telemetry.Milliseconds(low), telemetry.Milliseconds(high)),
				latencyText(claimed.LatencyP95), "the p95 over all probes is not what the bins give")
		}
	}
	if c.Pooled == nil && claimed.LatencyP95 != nil {
		d.add(PooledMismatch, "/proof/telemetry/decision/latency_p95_ns", "null", latencyText(claimed.LatencyP95), "a p95 over all probes, of which the proof has no delays")
	}
}

// jitter holds the jitter to the delays.
func (d *differences) jitter(c telemetry.Commitment) {
	// Which targets are given makes no difference to it.
	want := telemetry.Decide(c.Pooled, c.Decision.LatencyP95, telemetry.Targets{}).JitterP99
	if claimed := c.Decision.JitterP99; !reflect.DeepEqual(claimed, want) {
		d.add(PooledMismatch, "/proof/telemetry/decision/jitter_p99_ns", latencyText(want), latencyText(claimed), "the jitter is not p99 minus the minimum")
	}
}

// follows holds a decision to what it should be.
func (d *differences) follows(claimed, want telemetry.Decision) {
	if claimed.Result != want.Result {
		d.add(DecisionMismatch, "/proof/telemetry/decision/result", want.Result, claimed.Result, "the pooled delays decide otherwise: %s", want.Reasons[0])
	} else if !slices.Equal(claimed.Reasons, want.Reasons) {
		d.add(ReasonsMismatch, "/proof/telemetry/decision/reasons", fmt.Sprintf("%q", want.Reasons), fmt.Sprintf("%.512q", claimed.Reasons), "the reasons do not follow from the delays")
	}
}

// session holds the session's life to itself, to the intent, and to the time of
// the samples.
func (d *differences) session(b *bundle.Bundle, c telemetry.Commitment) {
	if !b.Proof.Session.Exists() {
		return
	}
	s, err := telemetry.ParseSession(b.Proof.Session, "/proof/session")
	if err != nil {
		*d = append(*d, malformed(err)...)
		return
	}
	d.profile(b, s.QoSProfile)
	if s.AvailableUnknown && c.Timed() {
		d.lacks("/proof/session/available_ppm", "the proof tells when was measured, and not how much of it lay inside AVAILABLE")
	} else if !s.AvailableUnknown && !c.Timed() {
		d.add(WindowMismatch, "/proof/session/available_ppm", "null", strconv.FormatInt(s.AvailablePPM, 10), "a share of a time that the proof itself calls unknown")
	} else if want := s.AvailableIn(c.FirstAt, c.LastAt); !s.AvailableUnknown && want != s.AvailablePPM {
		d.add(WindowMismatch, "/proof/session/available_ppm", strconv.FormatInt(want, 10), strconv.FormatInt(s.AvailablePPM, 10),
			"the share of the measured time that lay inside AVAILABLE does not follow from the times in the proof")
	}
	d.life(b, s)
}

// profile holds the session's profile to the one asked for. A session of a profile
// that nobody asked for contradicts the intent; what is missing does not.
func (d *differences) profile(b *bundle.Bundle, name string) {
	const asked, got = "/proof/requested/intent/qosProfile", "/proof/session/qosProfile"
	v := b.Proof.Value.At("/requested/intent/qosProfile")
	want, isText := v.Text()
	switch {
	case b.Proof.Value.At("/requested/intent").Kind() != canonical.Object, v.Exists() && !isText:
		d.lacks(asked, "the proof does not say which profile was asked for, so the session's was held to nothing")
	case want != "" && name == "":
		d.lacks(got, "the session does not name its profile, so the one asked for was held to nothing")
	case want != name:
		d.add(ProfileMismatch, got, want, name, "the session's profile is not the one asked for")
	}
}

// measuredBefore holds the end of a measurement to the signed time: what came after
// it the signer can't have known.
func (d *differences) measuredBefore(p bundle.Proof, ended time.Time, pointer, what string) {
	if signed, ok := p.Time(); ok && ended.After(signed.Add(timeTolerance)) {
		d.add(WindowMismatch, pointer, "not after "+p.CreatedAt, timeText(ended), "%s after the proof was signed", what)
	}
}

// life holds the state to the signed time, and to the original's word for it. The
// original knows no end of a session, so its AVAILABLE beside UNAVAILABLE is no
// contradiction: claims.qos_status warns of it.
func (d *differences) life(b *bundle.Bundle, s telemetry.Session) {
	if observed := b.Proof.QoSStatus; observed != "" && observed != s.Status && (observed != telemetry.Available || s.Status != telemetry.Unavailable) {
		d.add(SessionLife, "/proof/provider_observed/qos_status_at_finalize", s.Status, observed, "the proof names two states of the session at one time")
	}
	if !s.Started() {
		return
	}
	// CAMARA's duration is in whole seconds. An operator who states the duration that
	// was agreed for a session that was cut short is warned about, by claims.qos_status.
	if apart := s.Lasts() - time.Duration(s.Duration)*time.Second; apart.Abs() >= time.Second && (!s.Early() || apart > 0) {
		d.add(SessionLife, "/proof/session/duration", strconv.FormatInt(int64(s.Lasts()/time.Second), 10), strconv.FormatInt(s.Duration, 10), "the session's duration is not the time from its start to its end")
	}
	signed, ok := b.Proof.Time()
	if !ok {
		d.lacks("/proof/created_at", "the proof's created_at is no time, so the session's state was not held to it")
		return
	}
	signed = signed.Truncate(time.Microsecond)
	wrong := signed.Before(s.StartedAt.Add(-timeTolerance))
	if s.Status == telemetry.Unavailable {
		wrong = wrong || signed.Before(s.ExpiresAt.Add(-timeTolerance))
	} else {
		wrong = wrong || signed.After(s.ExpiresAt.Add(timeTolerance))
	}
	if wrong {
		d.add(SessionLife, "/proof/session/qosStatus", "the state at "+b.Proof.CreatedAt, s.Status, "the session's state does not fit its times and the proof's")
	}
}

// judgeSamples is the check telemetry.samples.
func judgeSamples(b *bundle.Bundle) []Check {
	v := b.Samples
	if v.Kind() == canonical.Null {
		v = canonical.Value{} // null is none
	}
	switch {
	case !b.Proof.Telemetry.Exists() && v.Exists():
		return []Check{{Status: Skip, Code: NotCommitted, Pointer: "/telemetry", Message: "the samples beside the proof are bound by nothing: the proof commits to none"}}
	case !b.Proof.Telemetry.Exists():
		return []Check{{Status: Skip, Code: NotCommitted, Message: "the proof commits to no sample"}}
	case !v.Exists():
		return []Check{{Status: Skip, Code: NotDisclosed, Message: "the samples are not in the bundle: root and averages were not recomputed"}}
	}
	c, err := telemetry.Parse(b.Proof.Telemetry, "/proof/telemetry")
	if err != nil {
		return []Check{{Code: TelemetryMalformed, Message: "the proof's telemetry can't be read"}}
	}
	samples, disclosed := v.Get("samples"), v.Get("disclosed")
	switch {
	case samples.Kind() == canonical.Array && !disclosed.Exists():
		return allSamples(b, c, samples)
	case disclosed.Kind() == canonical.Array && !samples.Exists():
		return someSamples(b, c, disclosed)
	}
	return malformed(v.Errorf(TelemetryMalformed, "/telemetry", `telemetry has neither an array "samples" nor an array "disclosed"`))
}

func allSamples(b *bundle.Bundle, c telemetry.Commitment, list canonical.Value) []Check {
	all := telemetry.Aggregate{Profile: c.Profile}
	var d differences
	for i, v := range list.Elements() {
		pointer := fmt.Sprintf("/telemetry/samples/%d", i)
		s, err := all.Add(v, pointer)
		if err != nil {
			return malformed(err)
		}
		if s.SessionID != b.Proof.SessionID && len(d) < 8 {
			d.add(SessionMismatch, pointer+"/session_id", b.Proof.SessionID, s.SessionID, "the sample is of another session than the proof")
		}
		if len(d) < 8 {
			d.sampleTimes(b.Proof, s, pointer)
		}
	}
	targets, ok := targetsOf(b.Proof)
	if !ok {
		return []Check{{Code: ClaimsIncomplete, Message: "the proof lacks the targets"}}
	}
	if all.Count() == 0 {
		d.add(SamplesMismatch, "/telemetry/samples", strconv.FormatInt(c.Count, 10), "0", "there are no samples")
		return d
	}
	got, err := all.Commitment(targets)
	if err != nil {
		return []Check{{Code: InternalError, Message: err.Error()}}
	}
	d.root(c, got)
	d.averages(b, all.Averages)
	if c.TimesUnknown == 0 && got.TimesUnknown > 0 {
		// From before times_unknown. claims.window does not rest on such times.
		got.TimesUnknown = 0
		got.FirstAt, got.LastAt = all.Posted()
	}
	d.recomputed(c, got)
	if len(d) > 0 {
		return d
	}
	return []Check{{Status: Pass, Code: OK, Message: fmt.Sprintf("root, averages, percentiles and decision were recomputed from all %d samples", c.Count)}}
}

func (d *differences) root(c, got telemetry.Commitment) {
	if got.Count != c.Count {
		d.add(SamplesMismatch, "/telemetry/samples", strconv.FormatInt(c.Count, 10), strconv.FormatInt(got.Count, 10), "the bundle has another number of samples than the proof commits to")
	}
	if got.Root != c.Root {
		d.add(RootMismatch, "/proof/telemetry/root", telemetry.Hex(got.Root), telemetry.Hex(c.Root), "the samples are not those that the proof commits to: their Merkle root is another")
	}
}

// averages holds the original's figures to the samples.
func (d *differences) averages(b *bundle.Bundle, a telemetry.Averages) {
	p := b.Proof
	if n := p.SamplesCount; n == nil || *n != int64(a.Samples()) {
		d.add(SamplesMismatch, "/proof/measured_outcomes/samples_count", strconv.Itoa(a.Samples()), wholeText(n), "the number of samples that were averaged is another")
	}
	for _, x := range []struct {
		name  string
		claim *float64
		want  float64
	}{{"avg_p50_ms", p.AvgP50MS, a.P50()}, {"avg_p95_ms", p.AvgP95MS, a.P95()}, {"avg_jitter_ms", p.AvgJitterMS, a.Jitter()}} {
		if x.claim == nil || *x.claim != x.want {
			d.add(AverageMismatch, "/proof/measured_outcomes/"+x.name, canonical.PythonFloat(x.want), floatText(x.claim), "%s is not the mean of the samples", x.name)
		}
	}
}

func wholeText(n *int64) string {
	if n == nil {
		return "none"
	}
	return strconv.FormatInt(*n, 10)
}

func floatText(x *float64) string {
	if x == nil {
		return "none"
	}
	return canonical.PythonFloat(*x)
}

// recomputed holds the commitment to the one that the samples give.
func (d *differences) recomputed(c, got telemetry.Commitment) {
	same := func(pointer, want, claimed, what string) {
		if want != claimed {
			d.add(PooledMismatch, "/proof/telemetry/"+pointer, want, claimed, "%s", what)
		}
	}
	same("times_unknown", strconv.FormatInt(got.TimesUnknown, 10), strconv.FormatInt(c.TimesUnknown, 10), "another number of samples does not tell when it was measured")
	same("first_at", timeText(got.FirstAt), timeText(c.FirstAt), "the earliest sample began at another time")
	same("last_at", timeText(got.LastAt), timeText(c.LastAt), "the latest sample ended at another time")
	same("metric", got.Metric, c.Metric, "the delays are of another kind")
	switch {
	case (got.Pooled == nil) != (c.Pooled == nil):
		d.add(PooledMismatch, "/proof/telemetry/distribution", presence(got.Pooled), presence(c.Pooled), "whether the samples have their delays is told wrongly")
		return
	case got.Pooled == nil:
		return
	}
	same("probes", fmt.Sprintf("%d sent, %d lost", got.Pooled.Sent, got.Pooled.Lost), fmt.Sprintf("%d sent, %d lost", c.Pooled.Sent, c.Pooled.Lost), "the number of probes is another")
	if !slices.Equal(got.Pooled.Distribution.Bins, c.Pooled.Distribution.Bins) {
		d.add(PooledMismatch, "/proof/telemetry/distribution/bins", fmt.Sprintf("%d bins", len(got.Pooled.Distribution.Bins)), fmt.Sprintf("%d bins", len(c.Pooled.Distribution.Bins)), "the bins do not count the samples' delays")
	}
	for _, x := range []struct {
		name       string
		want, have int64
	}{
		{"min", got.Pooled.Delays.Min, c.Pooled.Delays.Min}, {"p50", got.Pooled.Delays.P50, c.Pooled.Delays.P50}, {"p95", got.Pooled.Delays.P95, c.Pooled.Delays.P95},
		{"p99", got.Pooled.Delays.P99, c.Pooled.Delays.P99}, {"max", got.Pooled.Delays.Max, c.Pooled.Delays.Max},
	} {
		same("delays_ns/"+x.name, telemetry.Milliseconds(x.want)+" ms", telemetry.Milliseconds(x.have)+" ms", "the "+x.name+" of all delays is another")
	}
	same("decision/latency_p95_ns", latencyText(got.Decision.LatencyP95), latencyText(c.Decision.LatencyP95), "the p95 over all probes is another")
}

func presence(p *telemetry.Pooled) string {
	if p == nil {
		return "null"
	}
	return "a distribution"
}

// sampleTimes holds a sample's own times to the signed one.
func (d *differences) sampleTimes(p bundle.Proof, s telemetry.Sample, pointer string) {
	d.measuredBefore(p, s.RecordedAt, pointer+"/recorded_at", "the sample was recorded")
	if s.Timed() {
		d.measuredBefore(p, s.EndedAt, pointer+"/ended_at", "the sample ended")
	}
}

// maxDisclosed bounds the samples that are checked by their paths.
const maxDisclosed = 10_000

func someSamples(b *bundle.Bundle, c telemetry.Commitment, list canonical.Value) []Check {
	if list.Len() == 0 || list.Len() > maxDisclosed {
		return malformed(list.Errorf(TelemetryMalformed, "/telemetry/disclosed", "disclosed has no sample, or more than %d", maxDisclosed))
	}
	var d differences
	seen, timed := map[int64]bool{}, int64(0)
	for i, v := range list.Elements() {
		pointer := fmt.Sprintf("/telemetry/disclosed/%d", i)
		index, okIndex := v.Get("index").Int()
		if !okIndex || seen[index] {
			return malformed(v.Errorf(TelemetryMalformed, pointer+"/index", "the index is missing, or there twice"))
		}
		seen[index] = true
		s, err := telemetry.ParseSample(v.Get("sample"), pointer+"/sample")
		if err != nil {
			return malformed(err)
		}
		leaf, err := telemetry.Leaf(v.Get("sample"), c.Profile)
		if err == nil {
			var path []telemetry.Hash
			if path, err = pathOf(v.Get("path"), pointer+"/path"); err != nil {
				return malformed(err)
			}
			err = telemetry.Check(path, c.Count, index, c.Root, leaf)
		}
		if err != nil {
			d.add(RootMismatch, pointer, "an inclusion path to the root "+telemetry.Hex(c.Root), "", "sample %d is not one that the proof commits to, or not at its place: its path does not lead to the root", index)
		}
		if s.SessionID != b.Proof.SessionID {
			d.add(SessionMismatch, pointer+"/sample/session_id", b.Proof.SessionID, s.SessionID, "the sample is of another session than the proof")
		}
		d.sampleTimes(b.Proof, s, pointer+"/sample")
		if s.Timed() {
			timed++
		}
		if s.Timed() && c.Timed() && (s.StartedAt.Before(c.FirstAt) || s.EndedAt.After(c.LastAt)) {
			d.add(WindowMismatch, pointer+"/sample", timeText(c.FirstAt)+" to "+timeText(c.LastAt), timeText(s.StartedAt)+" to "+timeText(s.EndedAt), "the sample was measured at a time that the proof leaves out")
		}
	}
	// A proof from before times_unknown counts none.
	if untimed := int64(list.Len()) - timed; c.TimesUnknown > 0 && (timed > c.Count-c.TimesUnknown || untimed > c.TimesUnknown) {
		d.add(WindowMismatch, "/proof/telemetry/times_unknown", "", strconv.FormatInt(c.TimesUnknown, 10), "of the samples that are there %d tell when they were measured and %d do not, and the proof counts otherwise", timed, untimed)
	}
	if len(d) > 0 {
		return d
	}
	return []Check{{Status: Skip, Code: PartlyDisclosed, Message: fmt.Sprintf("%d of %d samples are there, and shown by their paths to be committed to; the averages were not recomputed", list.Len(), c.Count)}}
}

// maxPath is the longest inclusion path: a tree of 2^63 leaves.
const maxPath = 63

func pathOf(v canonical.Value, pointer string) (path []telemetry.Hash, err error) {
	if v.Kind() != canonical.Array || v.Len() > maxPath {
		return nil, v.Errorf(TelemetryMalformed, pointer, "the inclusion path is no array of at most %d hashes", maxPath)
	}
	for _, element := range v.Elements() {
		text, _ := element.Text()
		digest, err := bundle.ParseDigest(text)
		if err != nil {
			return nil, element.Errorf(TelemetryMalformed, pointer, "a hash of the inclusion path: %v", err)
		}
		path = append(path, telemetry.Hash(digest))
	}
	return path, nil
}
