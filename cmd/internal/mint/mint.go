// Package mint makes proofs, in the original service's shape and to the byte:
//
//	artifact   the measurement, decided against the intent
//	proof      the statement, which names the artifact's hash
//	this_hash  sha256(prev_hash + "|" + canonical(proof))
//	signature  Ed25519 over the 64 characters of this_hash
//
// All canonical bytes are of the qod-mock profile, made by package bundle, so
// that what is minted and what is verified go through one formula. The package
// does no I/O and reads no clock; where a proof is kept is the caller's concern.
package mint

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// Intent is what a customer asks for (POST /intent), limits already checked.
type Intent struct {
	Text               string
	TargetP95LatencyMS int64 // 1 to 60000
	TargetJitterMS     int64 // 0 to 60000
	DurationS          int64 // seconds, 1 to 86400
	FlowLabel          string
	QoSProfile         string // a profile of the provider's by CAMARA's name; "" as in the original
}

// JSON returns the intent in the original's order of members.
func (i Intent) JSON() pyjson.Object {
	o := pyjson.Object{
		{Name: "text", Value: i.Text},
		{Name: "target_p95_latency_ms", Value: i.TargetP95LatencyMS},
		{Name: "target_jitter_ms", Value: i.TargetJitterMS},
		{Name: "duration_s", Value: i.DurationS},
		{Name: "flow_label", Value: i.FlowLabel},
	}
	if i.QoSProfile != "" {
		o = append(o, pyjson.Member{Name: "qosProfile", Value: i.QoSProfile})
	}
	return o
}

// The QoS profiles, by rising latency, and the two states of a session.
const (
	LowLatency = "QOS_LOW_LATENCY"
	Balanced   = "QOS_BALANCED"
	BestEffort = "QOS_BEST_EFFORT"

	Requested = "REQUESTED"
	Available = "AVAILABLE"
)

// ProviderNote is what the original's simulated provider notes of each session.
const ProviderNote = "local-simulated-provider"

// availableAfter is the age at which the simulated provider makes a session
// available.
const availableAfter = 2 * time.Second

// Profile returns the QoS profile that serves the intent.
func (i Intent) Profile() string {
	switch {
	case i.TargetP95LatencyMS <= 50:
		return LowLatency
	case i.TargetP95LatencyMS <= 150:
		return Balanced
	}
	return BestEffort
}

// Status returns a session's state at an age.
func Status(age time.Duration) string {
	if age >= availableAfter {
		return Available
	}
	return Requested
}

// contractProfiles maps QoS profiles to the words of the artifact. The
// original's mapping is kept because proofs made by either must compare.
var contractProfiles = map[string]string{LowLatency: "turbo", Balanced: "standard", BestEffort: "strict"}

// maxLatency is the artifact's upper bound for latencies, measured and asked
// for, in milliseconds. The original clamps both to it.
const maxLatency = telemetry.Clamp

// Request is what a proof says, but for its place in the chain and its time.
type Request struct {
	SessionID string // canonical UUID
	Intent    Intent
	Profile   string // of the session; see [Intent.Profile]
	Note      string
	Measured  telemetry.Averages
	Now       time.Time // of the artifact

	// Samples, when given, are committed to, with the session's life. Without
	// them the proof is the original's to the byte.
	Samples *telemetry.Aggregate
	Started time.Time // when the session was created
	Issuer  string    // who signs, if the proof is to say so
}

// Measurement is a session's artifact, ready to be proven.
type Measurement struct {
	request    Request
	commitment telemetry.Commitment
	artifact   pyjson.Object
	hash       bundle.Digest
}

// ErrNoSamples is returned for a session without telemetry.
var ErrNoSamples = errors.New("no telemetry samples")

// Measure makes the artifact of a session.
func Measure(r Request) (*Measurement, error) {
	if r.Measured.Samples() == 0 {
		return nil, ErrNoSamples
	}
	m := &Measurement{request: r}
	if r.Samples != nil {
		var err error
		m.commitment, err = r.Samples.Commitment(telemetry.Targets{LatencyMS: r.Intent.TargetP95LatencyMS, JitterMS: r.Intent.TargetJitterMS})
		if err != nil {
			return nil, fmt.Errorf("committing to the samples: %w", err)
		}
	}
	m.artifact = r.artifact(m.commitment.Pooled)
	doc, err := canonical.Parse(pyjson.Compact(m.artifact), canonical.Options{})
	if err != nil {
		return nil, fmt.Errorf("reading the artifact just made: %w", err)
	}
	m.hash, err = bundle.ArtifactDigest(doc.Root(), canonical.QodMock)
	return m, err
}

// Proof is a minted proof with its artifact. It has to be signed.
type Proof struct {
	PrevHash, ThisHash, KID string
	Signature               string        // "" until [Proof.Sign]
	Object                  pyjson.Object // members as POST finalize answers them
	Artifact                pyjson.Object
	Stored                  string // json.dumps(proof, sort_keys=True), as the ledger keeps it

	signer *Signer
	digest bundle.Digest
}

// Place is where and when a proof is made.
type Place struct {
	PrevHash string // the ledger's head, or [bundle.Genesis]
	Status   string // of the session; see [Status]
	Now      time.Time
}

// Prove makes the proof of a measurement at its place in the chain. Signing it
// is left to [Proof.Sign], since the next link does not need the signature.
func (m *Measurement) Prove(s *Signer, at Place) (*Proof, error) {
	p := &Proof{PrevHash: at.PrevHash, KID: s.KID, Object: m.proof(at), Artifact: m.artifact, signer: s}
	doc, err := canonical.Parse(pyjson.Compact(p.Object), canonical.Options{})
	if err != nil {
		return nil, fmt.Errorf("reading the proof just made: %w", err)
	}
	if p.digest, err = bundle.LinkDigest(at.PrevHash, doc.Root(), canonical.QodMock); err != nil {
		return nil, err
	}
	stored, err := doc.Root().Canonical(canonical.PythonDefault)
	p.ThisHash, p.Stored = p.digest.String(), string(stored)
	return p, err
}

// Sign signs the proof.
func (p *Proof) Sign() { p.Signature = p.signer.sign(p.digest) }

func (m *Measurement) proof(at Place) pyjson.Object {
	r := m.request
	status, session := at.Status, r.session(m.commitment, at.Now)
	if r.Samples != nil {
		status = session.Status // a proof that tells of its session says the same twice
	}
	o := pyjson.Object{
		{Name: "session_id", Value: r.SessionID},
		{Name: "requested", Value: pyjson.Object{
			{Name: "intent", Value: r.Intent.JSON()},
			{Name: "qos_profile", Value: r.Profile},
		}},
		{Name: "provider_observed", Value: pyjson.Object{
			{Name: "qos_status_at_finalize", Value: status},
			{Name: "provider_note", Value: r.Note},
		}},
		{Name: "measured_outcomes", Value: pyjson.Object{
			{Name: "samples_count", Value: r.Measured.Samples()},
			{Name: "avg_p50_ms", Value: r.Measured.P50()},
			{Name: "avg_p95_ms", Value: r.Measured.P95()},
			{Name: "avg_jitter_ms", Value: r.Measured.Jitter()},
		}},
		{Name: "artifacts", Value: pyjson.Object{
			{Name: "runtime_artifact_sha256", Value: m.hash.String()},
			{Name: "runtime_artifact_relpath", Value: ArtifactPath(r.SessionID)},
		}},
		{Name: "created_at", Value: Timestamp(at.Now)},
	}
	if r.Samples != nil {
		o = append(o,
			pyjson.Member{Name: "telemetry", Value: commitmentJSON(m.commitment)},
			pyjson.Member{Name: "session", Value: sessionJSON(session)})
	}
	if r.Issuer != "" {
		o = append(o, pyjson.Member{Name: "issuer", Value: r.Issuer})
	}
	return o
}

// artifact makes the runtime artifact. Loss is measured where every sample told
// its delays, and otherwise the original's constant.
func (r Request) artifact(pooled *telemetry.Pooled) pyjson.Object {
	latency, jitter := r.Measured.P95(), r.Measured.Jitter()
	limit := min(max(1, r.Intent.TargetP95LatencyMS), maxLatency)
	result, relation := "pass", "<="
	if latency > float64(limit) {
		result, relation = "fail", ">"
	}
	reasons := []any{
		fmt.Sprintf("latency %sms %s target max_latency_ms %dms", canonical.PythonFloat(latency), relation, limit),
		fmt.Sprintf("jitter observed %sms (informational)", canonical.PythonFloat(jitter)),
	}
	return pyjson.Object{
		{Name: "schema_version", Value: "v1"},
		{Name: "session_id", Value: r.SessionID},
		{Name: "created_at", Value: Timestamp(r.Now)},
		{Name: "qos_profile", Value: contractProfiles[r.Profile]},
		{Name: "inputs", Value: pyjson.Object{
			{Name: "targets", Value: pyjson.Object{
				{Name: "max_latency_ms", Value: limit},
				{Name: "min_throughput_mbps", Value: 0.1},
				{Name: "min_availability_pct", Value: 0.0},
			}},
			{Name: "network", Value: pyjson.Object{
				{Name: "msisdn", Value: ""}, {Name: "ip_address", Value: ""}, {Name: "country", Value: ""},
			}},
		}},
		// Throughput and availability are the original's constants, kept because
		// its artifact schema wants them.
		{Name: "measured", Value: pyjson.Object{
			{Name: "latency_ms", Value: latency},
			{Name: "throughput_mbps", Value: 0.0},
			{Name: "availability_pct", Value: 100.0},
			{Name: "jitter_ms", Value: jitter},
			{Name: "packet_loss_pct", Value: telemetry.LossPercent(pooled)},
		}},
		{Name: "decision", Value: pyjson.Object{
			{Name: "result", Value: result},
			{Name: "reasons", Value: reasons},
		}},
	}
}

// ArtifactPath is where a session's artifact lies under the artifacts folder,
// with forward slashes.
func ArtifactPath(sessionID string) string { return sessionID + "/artifact.json" }

// Timestamp writes a time as Python's datetime.isoformat in UTC with a final Z:
// microseconds, and no fraction at all when they are zero.
func Timestamp(t time.Time) string {
	s := t.UTC().Format("2006-01-02T15:04:05.000000Z")
	return strings.Replace(s, ".000000Z", "Z", 1)
}

// Epoch returns a time as Python's time.time(): seconds since 1970 in a double.
func Epoch(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// FromEpoch is the inverse of [Epoch], to the microsecond.
func FromEpoch(seconds float64) time.Time { return time.UnixMicro(int64(math.Round(seconds * 1e6))) }

// order is the order in which a proof's members were inserted, by path.
var order = map[string][]string{
	"":                        {"session_id", "requested", "provider_observed", "measured_outcomes", "artifacts", "created_at", "telemetry", "session", "issuer"},
	"/telemetry":              {"format", "profile", "count", "root", "first_at", "last_at", "times_unknown", "metric", "aggregation", "probes", "distribution", "delays_ns", "not_measured", "decision"},
	"/telemetry/aggregation":  {"averages", "percentile", "jitter"},
	"/telemetry/probes":       {"sent", "lost"},
	"/telemetry/distribution": {"unit", "precision_bits", "relative_error", "bins"},
	"/telemetry/delays_ns":    {"min", "p50", "p95", "p99", "max"},
	"/telemetry/decision":     {"latency_p95_ns", "jitter_p99_ns", "result", "reasons"},
	"/session":                {"qosProfile", "qosStatus", "statusInfo", "startedAt", "expiresAt", "duration", "available_ppm"},
	"/requested":              {"intent", "qos_profile"},
	"/requested/intent":       {"text", "target_p95_latency_ms", "target_jitter_ms", "duration_s", "flow_label", "qosProfile"},
	"/provider_observed":      {"qos_status_at_finalize", "provider_note"},
	"/measured_outcomes":      {"samples_count", "avg_p50_ms", "avg_p95_ms", "avg_jitter_ms"},
	"/artifacts":              {"runtime_artifact_sha256", "runtime_artifact_relpath"},
}

// InsertionOrder returns a stored proof, whose members are sorted, with those of
// a fresh one in their first order. Members that it does not know come last.
func InsertionOrder(proof any) any { return reorder(proof, "") }

func reorder(v any, at string) any {
	o, isObject := v.(pyjson.Object)
	if !isObject {
		return v
	}
	rank := func(m pyjson.Member) int {
		if i := slices.Index(order[at], m.Name); i >= 0 {
			return i
		}
		return len(order[at])
	}
	sorted := slices.Clone(o)
	slices.SortStableFunc(sorted, func(a, b pyjson.Member) int { return cmp.Compare(rank(a), rank(b)) })
	for i := range sorted {
		sorted[i].Value = reorder(sorted[i].Value, at+"/"+sorted[i].Name)
	}
	return sorted
}
