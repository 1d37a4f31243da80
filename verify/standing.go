package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// Standing says what a claim rests on.
type Standing string

// The standings.
const (
	Recomputed      Standing = "signed and recomputed"       // it follows from other signed values or from the samples
	NotRecomputable Standing = "signed but not recomputable" // the signer's word
	Constant        Standing = "constant, never measured"    // signed, and the same in every proof
	Unsigned        Standing = "unsigned"                    // anyone may have changed it
	Unproven        Standing = "not proven: the checks that protect it did not pass"
)

// Word returns the standing as one word, for machines.
func (s Standing) Word() string {
	switch s {
	case Recomputed:
		return "recomputed"
	case NotRecomputable:
		return "not_recomputable"
	case Constant:
		return "constant"
	case Unsigned:
		return "unsigned"
	}
	return "not_proven"
}

// Claim is one thing that a bundle says, in words.
type Claim struct {
	Topic    string // "agreed", "measured", "decided", "session" or "record"
	Text     string // a sentence without its full stop, for people who know no JSON
	Method   string // how the value came about, as far as the proof says; "" where there is nothing to say
	Pointer  string
	Standing Standing
}

// Covered names the checks that a member of the bundle is held by; none means that
// anyone may have changed it.
type Covered struct {
	Pointer string
	Checks  []CheckID
}

// Claims returns what a verified or refused bundle says, each claim with its
// standing as the report's checks leave it.
func (r *Report) Claims() []Claim { return r.claims }

// Coverage returns every member of the bundle with the checks that cover it.
func (r *Report) Coverage() []Covered { return r.coverage }

// ClaimsOf returns what a bundle says. No signature is verified: the standings are the
// best that the claims can have, those of a report in which the key and the signature
// hold. All else is as the checks without a key leave it, by the same rules.
func ClaimsOf(b *bundle.Bundle) []Claim {
	v, err := New(Policy{})
	if err != nil || b == nil {
		return nil
	}
	r := v.start(b)
	r.all()
	_, err = decodeSignature(b.Entry.Signature)
	possible := err == nil && b.Entry.KID != ""
	return claimsOf(b, func(id CheckID) Status {
		if possible && (id == SignatureKey || id == Signature) {
			return Pass
		}
		return r.report.outcome(id)
	})
}

// claimsOf builds the list from what each check came to.
func claimsOf(b *bundle.Bundle, outcome func(CheckID) Status) []Claim {
	l := &claimList{b: b, outcome: outcome}
	l.proven = outcome(LedgerHash) == Pass && outcome(SignatureKey) == Pass && outcome(Signature) == Pass
	l.artifactProven = l.proven && outcome(ArtifactHash) == Pass
	for _, f := range b.Faults() {
		if f.Kind == bundle.OutOfRange {
			l.impossible = append(l.impossible, f.Pointer)
		}
	}
	l.agreed()
	l.measured()
	l.pooled()
	l.decided()
	l.session()
	l.record()
	return l.list
}

type claimList struct {
	b                      *bundle.Bundle
	outcome                func(CheckID) Status
	proven, artifactProven bool
	impossible             []string // pointers of values that can't be
	list                   []Claim
}

// add adds a claim of the proof, or of the artifact by its pointer. It is only as
// good as what protects it, and recomputed only if the check that does so passed.
func (l *claimList) add(topic, pointer string, s Standing, by CheckID, method, format string, args ...any) {
	protected := l.proven
	if strings.HasPrefix(pointer, "/runtime_artifact/") {
		protected = l.artifactProven
	}
	if s == Recomputed && l.outcome(by) != Pass {
		s = NotRecomputable
		if l.outcome(by) == Fail {
			s = Unproven
		}
	}
	if s != Unsigned && !protected || slices.Contains(l.impossible, pointer) {
		s = Unproven
	}
	l.list = append(l.list, Claim{Topic: topic, Text: bounded(fmt.Sprintf(format, args...)), Method: method, Pointer: pointer, Standing: s})
}

func (l *claimList) agreed() {
	p := l.b.Proof
	const at = "/proof/requested/intent/"
	if s := p.Intent.Text; s != "" {
		l.add("agreed", at+"text", NotRecomputable, "", "", "the customer asked for: %s", s)
	}
	if v := p.Intent.TargetP95LatencyMS; v != nil {
		l.add("agreed", at+"target_p95_latency_ms", NotRecomputable, "", "", "the p95 latency is at most %d ms", *v)
	}
	if v := p.Intent.TargetJitterMS; v != nil {
		l.add("agreed", at+"target_jitter_ms", NotRecomputable, "", "", "jitter is at most %d ms", *v)
	}
	if v := p.Intent.DurationS; v != nil {
		l.add("agreed", at+"duration_s", NotRecomputable, "", "", "the session lasts %d s", *v)
	}
	if p.QoSProfile != "" {
		l.add("agreed", "/proof/requested/qos_profile", Recomputed, Consistency, "follows from the latency target", "the QoS profile is %s", p.QoSProfile)
	}
}

func (l *claimList) measured() {
	p := l.b.Proof
	samples := "of the samples that the measurer reported"
	if p.SamplesCount != nil {
		samples = fmt.Sprintf("of %d samples that the measurer reported", *p.SamplesCount)
		l.add("measured", "/proof/measured_outcomes/samples_count", Recomputed, l.bySamples(), "", "samples reported: %d", *p.SamplesCount)
	}
	method := "the plain average " + samples + "; each counts once, however many probes it stands for"
	if p.SamplesCount != nil && *p.SamplesCount == 1 {
		method = "as the measurer reported it"
	}
	for _, x := range []struct {
		name, words string
		value       *float64
	}{{"avg_p50_ms", "median latency", p.AvgP50MS}, {"avg_p95_ms", "p95 latency", p.AvgP95MS}, {"avg_jitter_ms", "jitter", p.AvgJitterMS}} {
		if x.value != nil {
			l.add("measured", "/proof/measured_outcomes/"+x.name, Recomputed, l.bySamples(), method,
				"%s: %s ms", x.words, canonical.PythonFloat(*x.value))
		}
	}
	a, pooled := l.b.Artifact, (&run{bundle: l.b}).pooled()
	constant := func(name, words, unit string, value *float64, fixed float64) {
		if value == nil {
			return
		}
		s := NotRecomputable
		if *value == fixed {
			s = Constant
		}
		l.add("measured", "/runtime_artifact/measured/"+name, s, "", "", "%s: %s %s", words, canonical.PythonFloat(*value), unit)
	}
	constant("throughput_mbps", "throughput", "Mbit/s", a.ThroughputMbps, 0)
	constant("availability_pct", "availability", "%", a.AvailabilityPct, 100)
	if pooled != nil && a.PacketLossPct != nil {
		l.add("measured", "/runtime_artifact/measured/packet_loss_pct", Recomputed, Telemetry, fmt.Sprintf("%d of %d probes lost", pooled.Lost, pooled.Sent), "packet loss: %s %%", canonical.PythonFloat(*a.PacketLossPct))
	} else {
		constant("packet_loss_pct", "packet loss", "%", a.PacketLossPct, 0)
	}
}

// bySamples is the check that recomputes averages: there is none for a proof that
// commits to no sample.
func (l *claimList) bySamples() CheckID {
	if l.b.Samples.Kind() == canonical.Object {
		return TelemetrySamples
	}
	return ""
}

func (l *claimList) pooled() {
	c := (&run{bundle: l.b}).commitment()
	if c == nil {
		return
	}
	kind := map[string]string{telemetry.RoundTrip: "round trips", telemetry.OneWay: "one-way delays", telemetry.Mixed: "delays, some of one way and some of both", telemetry.Unspecified: "delays, not said whether of one way or of both"}[c.Metric]
	l.add("measured", "/proof/telemetry/root", Recomputed, l.bySamples(), "RFC 6962 Merkle tree", "the proof commits to %d samples of %s, %s", c.Count, kind, l.window(c))
	if c.Pooled == nil {
		return
	}
	p := c.Pooled
	l.add("measured", "/proof/telemetry/probes", Recomputed, Telemetry, "", "%d probes were sent, %d of them lost", p.Sent, p.Lost)
	if p.Sent > p.Lost {
		l.add("measured", "/proof/telemetry/delays_ns/p95", Recomputed, Telemetry, "nearest rank over all answered probes together, checked against the bins to 0.4 %",
			"p95 latency of all answered probes: %s ms", telemetry.Milliseconds(p.Delays.P95))
		l.add("measured", "/proof/telemetry/decision/jitter_p99_ns", Recomputed, Telemetry, "99th percentile minus the minimum (RFC 5481)", "jitter of all answered probes: %s ms", telemetry.Milliseconds(p.Delays.Jitter()))
	}
}

// window words when the samples were measured.
func (l *claimList) window(c *telemetry.Commitment) string {
	unknown := (&run{bundle: l.b}).timesUnknown()
	switch {
	case !c.Timed():
		return "measured nobody knows when: " + unknown
	case unknown != "":
		return "from " + timeText(c.FirstAt) + " to " + timeText(c.LastAt) + " by the times known (" + unknown + ")"
	}
	return "from " + timeText(c.FirstAt) + " to " + timeText(c.LastAt)
}

func (l *claimList) decided() {
	a := l.b.Artifact
	if a.Result != "" {
		l.add("decided", "/runtime_artifact/decision/result", Recomputed, Consistency, "average p95 against the latency target; jitter and loss were not looked at", "by the averages: %s", a.Result)
	}
	if c := (&run{bundle: l.b}).commitment(); c != nil {
		l.add("decided", "/proof/telemetry/decision/result", Recomputed, Telemetry, "p95 of all probes, a lost one counted as never arrived, and jitter, against their targets", "by all probes together: %s", c.Decision.Result)
	}
}

func (l *claimList) session() {
	p := l.b.Proof
	r := &run{bundle: l.b}
	if s := r.sessionLife(); s != nil {
		text := "the session's state when the proof was made: " + s.Status
		if s.StatusInfo != "" {
			text += " (" + s.StatusInfo + ")"
		}
		switch {
		case s.Started():
			text += ", AVAILABLE from " + timeText(s.StartedAt) + " to " + timeText(s.ExpiresAt)
		case s.Status == telemetry.Unavailable:
			text += ", never AVAILABLE"
		}
		l.add("session", "/proof/session/qosStatus", NotRecomputable, "", "", "%s", text)
		if unknown := r.shareUnknown(*s); unknown != "" {
			l.add("session", "/proof/session/available_ppm", NotRecomputable, "", "", "how much of the measured time lay inside AVAILABLE is unknown: %s", unknown)
			return
		}
		l.add("session", "/proof/session/available_ppm", Recomputed, Telemetry, "", "%s of the measured time lay inside AVAILABLE", percent(s.AvailablePPM))
	} else if p.QoSStatus != "" {
		l.add("session", "/proof/provider_observed/qos_status_at_finalize", NotRecomputable, "", "", "the session's state when the proof was made: %s", p.QoSStatus)
	}
}

func (l *claimList) record() {
	p, e := l.b.Proof, l.b.Entry
	l.add("record", "/proof/session_id", NotRecomputable, "", "", "session %s", p.SessionID)
	if p.Issuer != "" {
		l.add("record", "/proof/issuer", NotRecomputable, "", "", "issued by %s", p.Issuer)
	}
	if p.CreatedAt != "" {
		at := p.CreatedAt
		if t, ok := p.Time(); ok && !strings.Contains(at, "T") {
			at = timeText(t) // seconds since 1970, as older generations spell it
		}
		l.add("record", "/proof/created_at", NotRecomputable, "", "the signer's own clock", "made at %s", at)
	}
	if t, ok := e.Time(); ok {
		l.add("record", l.b.EntryPointer("created_at"), Unsigned, "", "", "recorded at %s", timeText(t.UTC()))
	}
	if e.KID != "" {
		l.add("record", l.b.EntryPointer("kid"), Unsigned, "", "", "the key is called %s", strconv.Quote(e.KID))
	}
}

// alsoBy lists, by pointer, the checks beside the hashes that a member is held by.
var alsoBy = map[string][]CheckID{
	"/proof/session_id":                               {Consistency},
	"/proof/created_at":                               {SignatureKey, Consistency, ClaimsTimes},
	"/proof/measured_outcomes":                        {Consistency, Telemetry, TelemetrySamples, ClaimsPercentile},
	"/proof/artifacts/runtime_artifact_sha256":        {ArtifactHash},
	"/proof/artifacts/runtime_artifact_relpath":       {Consistency},
	"/proof/provider_observed/qos_status_at_finalize": {ClaimsQoSStatus, Telemetry},
	"/proof/requested/qos_profile":                    {Consistency},
	"/proof/requested/intent/target_p95_latency_ms":   {Consistency, ClaimsClamp, Telemetry},
	"/proof/requested/intent/duration_s":              {Consistency, Telemetry},
	"/proof/requested/intent/target_jitter_ms":        {Consistency, ClaimsJitterTarget, Telemetry},
	"/proof/telemetry":                                {Telemetry, TelemetrySamples},
	"/proof/session":                                  {Telemetry, ClaimsQoSStatus, ClaimsWindow},
	"/proof/issuer":                                   {PolicyIssuer},
	"/runtime_artifact/schema_version":                {Consistency},
	"/runtime_artifact/session_id":                    {Consistency},
	"/runtime_artifact/created_at":                    {Consistency, ClaimsTimes},
	"/runtime_artifact/qos_profile":                   {Consistency},
	"/runtime_artifact/inputs/targets":                {Consistency},
	"/runtime_artifact/measured/latency_ms":           {Consistency},
	"/runtime_artifact/measured/jitter_ms":            {Consistency},
	"/runtime_artifact/measured/throughput_mbps":      {Consistency, ClaimsConstants},
	"/runtime_artifact/measured/availability_pct":     {Consistency, ClaimsConstants},
	"/runtime_artifact/measured/packet_loss_pct":      {Consistency, Telemetry, ClaimsConstants},
	"/runtime_artifact/decision":                      {Consistency},
}

// maxCoverage bounds the list of members; a genuine bundle has about 70.
const maxCoverage = 256

// CoverageOf returns every member of a bundle, arrays whole, with the checks that
// cover it.
func CoverageOf(b *bundle.Bundle) []Covered {
	var list []Covered
	at := func(pointer string, checks ...CheckID) {
		if len(list) < maxCoverage {
			list = append(list, Covered{bounded(pointer), checks})
		}
	}
	add := func(pointer string, checks ...CheckID) { at(b.Pointer(pointer), checks...) }
	var walk func(v canonical.Value, pointer string, checks []CheckID)
	walk = func(v canonical.Value, pointer string, checks []CheckID) {
		checks = append(checks[:len(checks):len(checks)], alsoBy[pointer]...)
		if v.Kind() != canonical.Object || v.Len() == 0 {
			add(pointer, checks...)
			return
		}
		for name, member := range v.Members() {
			if len(list) >= maxCoverage {
				return
			}
			walk(member, pointer+"/"+canonical.PointerToken(name), checks)
		}
	}
	if b.SessionID != "" {
		add("/session_id", Consistency)
	}
	e := b.Entry
	for _, x := range []struct {
		name, value string
		checks      []CheckID
	}{
		{"created_at", e.CreatedAt, nil}, {"prev_hash", e.PrevHash, []CheckID{LedgerHash, LedgerLink}}, {"this_hash", e.ThisHash, []CheckID{LedgerHash, Signature}},
		{"signature", e.Signature, []CheckID{Signature}}, {"kid", e.KID, nil},
	} {
		if x.value != "" {
			add(b.EntryPointer(x.name), x.checks...)
		}
	}
	walk(b.Proof.Value, "/proof", []CheckID{LedgerHash, Signature})
	if b.Artifact.Exists() {
		walk(b.Artifact.Value, "/runtime_artifact", []CheckID{ArtifactHash})
	}
	if b.ArtifactPath != "" {
		add("/runtime_artifact_relpath", Consistency)
	}
	if b.JWKSURL != "" {
		add("/jwks_url")
	}
	if b.Samples.Exists() {
		add("/telemetry", TelemetrySamples)
	}
	for _, pointer := range b.Unknown {
		if !strings.HasPrefix(pointer, b.Pointer("/proof/")) && !strings.HasPrefix(pointer, b.Pointer("/runtime_artifact/")) {
			at(pointer)
		}
	}
	return list
}
