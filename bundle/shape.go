package bundle

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// The table of the format, generation v0.4: every member of proof and artifact,
// what it has to be, and the range that it has to lie in. (The wrapper and the
// ledger record are held to theirs when they are read, and package telemetry holds
// the proof's telemetry and session.) The original service writes all of them that
// are not marked optional, always. Their ranges come from
//
//   - its artifact schema: max_latency_ms 1 to 5000; min_throughput_mbps up to
//     100000; percentages 0 to 100; latency, jitter and throughput not negative; pass
//     or fail; and no further member in any object of the artifact;
//   - its models: targets of 1 to 60000 and 0 to 60000 ms, at least one sample;
//   - its arithmetic: averages are cut at 5000 ms;
//   - CAMARA: a session lasts 1 to 2^31-1 s, where the original ends at a day;
//   - physics: no line that a session is sold on carries 1 Tbit/s.
//
// A whole number is an integer as JSON spells it (20, not 20.0): that is how the
// original writes it, and re-serialising it is told by the hash.
var shapes = []shape{
	{at: "/proof", field: FieldProof, kind: canonical.Object},
	{at: "/proof/session_id", field: FieldProofSessionID, kind: canonical.String},
	{at: "/proof/requested", field: fieldRequested, kind: canonical.Object},
	{at: "/proof/requested/qos_profile", field: FieldQoSProfile, kind: canonical.String},
	{at: "/proof/requested/intent", field: fieldIntent, kind: canonical.Object},
	{at: "/proof/requested/intent/text", field: FieldIntentText, kind: canonical.String},
	{at: "/proof/requested/intent/flow_label", field: FieldFlowLabel, kind: canonical.String},
	{at: "/proof/requested/intent/target_p95_latency_ms", field: FieldTargetP95, kind: canonical.Number, whole: true, low: 1, high: 60_000},
	{at: "/proof/requested/intent/target_jitter_ms", field: FieldTargetJitter, kind: canonical.Number, whole: true, low: 0, high: 60_000},
	{at: "/proof/requested/intent/duration_s", field: FieldDuration, kind: canonical.Number, whole: true, low: 1, high: math.MaxInt32},
	{at: "/proof/requested/intent/qosProfile", field: fieldIntentProfile, kind: canonical.String, optional: true},
	{at: "/proof/provider_observed", field: fieldProviderObserved, kind: canonical.Object},
	{at: "/proof/provider_observed/qos_status_at_finalize", field: FieldQoSStatus, kind: canonical.String},
	{at: "/proof/provider_observed/provider_note", field: FieldProviderNote, kind: canonical.String},
	{at: "/proof/measured_outcomes", field: fieldMeasuredOutcomes, kind: canonical.Object},
	{at: "/proof/measured_outcomes/samples_count", field: FieldSamplesCount, kind: canonical.Number, whole: true, low: 1, high: 1<<53 - 1},
	{at: "/proof/measured_outcomes/avg_p50_ms", field: FieldAvgP50, kind: canonical.Number, low: 0, high: maxAverage},
	{at: "/proof/measured_outcomes/avg_p95_ms", field: FieldAvgP95, kind: canonical.Number, low: 0, high: maxAverage},
	{at: "/proof/measured_outcomes/avg_jitter_ms", field: FieldAvgJitter, kind: canonical.Number, low: 0, high: maxAverage},
	{at: "/proof/artifacts", field: FieldArtifacts, kind: canonical.Object},
	{at: "/proof/artifacts/runtime_artifact_sha256", field: FieldProofArtifactSHA256, kind: canonical.String},
	{at: "/proof/artifacts/runtime_artifact_relpath", field: FieldProofArtifactPath, kind: canonical.String},
	{at: "/proof/created_at", field: FieldProofCreatedAt, kind: canonical.String, seconds: true},
	{at: "/proof/issuer", field: FieldIssuer, kind: canonical.String, optional: true},

	{at: artifactAt + "/schema_version", field: FieldSchemaVersion, kind: canonical.String},
	{at: artifactAt, field: FieldArtifact, kind: canonical.Object, closed: artifactMembers},
	{at: artifactAt + "/session_id", field: FieldArtifactSessionID, kind: canonical.String},
	{at: artifactAt + "/created_at", field: FieldArtifactCreatedAt, kind: canonical.String, seconds: true},
	{at: artifactAt + "/qos_profile", field: FieldArtifactQoSProfile, kind: canonical.String},
	{at: artifactAt + "/inputs", field: fieldInputs, kind: canonical.Object, closed: inputsMembers},
	{at: artifactAt + "/inputs/targets", field: fieldTargets, kind: canonical.Object, closed: targetsMembers},
	{at: artifactAt + "/inputs/targets/max_latency_ms", field: FieldMaxLatency, kind: canonical.Number, whole: true, low: 1, high: 5000},
	{at: artifactAt + "/inputs/targets/min_throughput_mbps", field: FieldMinThroughput, kind: canonical.Number, low: 0, high: 100_000},
	{at: artifactAt + "/inputs/targets/min_availability_pct", field: FieldMinAvailability, kind: canonical.Number, low: 0, high: 100},
	{at: artifactAt + "/inputs/network", field: fieldNetwork, kind: canonical.Object, closed: networkMembers},
	{at: artifactAt + "/inputs/network/msisdn", field: fieldMSISDN, kind: canonical.String},
	{at: artifactAt + "/inputs/network/ip_address", field: fieldIPAddress, kind: canonical.String},
	{at: artifactAt + "/inputs/network/country", field: fieldCountry, kind: canonical.String},
	{at: artifactAt + "/measured", field: fieldMeasured, kind: canonical.Object, closed: measuredMembers},
	{at: artifactAt + "/measured/latency_ms", field: FieldLatency, kind: canonical.Number, low: 0, high: maxAverage},
	{at: artifactAt + "/measured/throughput_mbps", field: FieldThroughput, kind: canonical.Number, low: 0, high: 1_000_000},
	{at: artifactAt + "/measured/availability_pct", field: FieldAvailability, kind: canonical.Number, low: 0, high: 100},
	{at: artifactAt + "/measured/jitter_ms", field: FieldJitter, kind: canonical.Number, low: 0, high: maxAverage},
	{at: artifactAt + "/measured/packet_loss_pct", field: FieldPacketLoss, kind: canonical.Number, low: 0, high: 100},
	{at: artifactAt + "/decision", field: fieldDecision, kind: canonical.Object, closed: decisionMembers},
	{at: artifactAt + "/decision/result", field: FieldResult, kind: canonical.String, words: []string{"pass", "fail"}},
	{at: artifactAt + "/decision/reasons", field: FieldReasons, kind: canonical.Array},
}

const (
	artifactAt = "/runtime_artifact"
	// SchemaVersion is the only version of the artifact's schema that is known.
	SchemaVersion = "v1"
	// maxAverage is where the original cuts its averages, in milliseconds.
	maxAverage = 5000
)

// shape is one row of the table. Arrays are of strings.
type shape struct {
	at        string
	field     Field
	kind      canonical.Kind
	optional  bool
	seconds   bool // a number, too: a time as seconds
	whole     bool
	low, high float64  // of numbers
	words     []string // of strings: no others
	closed    object   // of objects: no others
}

// FaultKind tells what is wrong with a member.
type FaultKind uint8

// The kinds of a [Fault].
const (
	Absent     FaultKind = iota + 1 // missing, or null
	OtherType                       // there, and of another JSON type than the format has
	OutOfRange                      // of the right type, with a value that can't be
	NotATime                        // a text or a number where the format has a time, and none
	NotKnown                        // a member of the artifact, or a schema version, that v0.4 does not have
)

// Fault is a member of proof or artifact that is not what the format says.
type Fault struct {
	Pointer   string
	Kind      FaultKind
	Want, Got string
}

// Faults holds proof and artifact to the table of the format and returns what
// does not fit, in the order of the table. Of what is below a missing object nothing
// more is said, nor of an artifact of a schema version that is not known. Records of
// generations before v0.4 lack members without fault.
func (b *Bundle) Faults() (faults []Fault) {
	f := b.fields()
	for i := range shapes {
		s := &shapes[i]
		switch {
		case s.artifact() && !b.Artifact.Exists(),
			slices.ContainsFunc(faults, func(above Fault) bool { return strings.HasPrefix(s.at, above.Pointer+"/") }):
			continue
		}
		v := f.values[s.field]
		kind := s.fault(v, b.Generation)
		switch {
		case s.closed != nil && v.Kind() == canonical.Object:
			faults = append(faults, s.strangers(v)...)
		case kind == NotKnown:
			// All that follows is the artifact, which is of another schema.
			return append(faults, Fault{s.at, kind, s.want(), canonical.Clip(string(v.Raw()), 64)})
		case kind != 0:
			got := v.Kind().String()
			if v.Kind() != canonical.Object && v.Kind() != canonical.Array && v.Kind() != canonical.Null && v.Exists() {
				got = canonical.Clip(string(v.Raw()), 64)
			}
			faults = append(faults, Fault{s.at, kind, s.want(), got})
		}
	}
	return faults
}

// Faultless reports whether [Bundle.Faults] would return nothing of a v0.4 record
// with its artifact. It allocates nothing.
func (f *Fields) Faultless() bool {
	for i := range briefs {
		s := &briefs[i]
		v := f.values[s.field]
		switch {
		case v.Kind() != s.kind || s.rule == otherRule:
			if s.shape.fault(v, V04) != 0 {
				return false
			}
		case s.rule == rangeRule:
			if x, ok := v.Float(); !ok || !(x >= s.low && x <= s.high) || s.whole && !v.IsInteger() {
				return false
			}
		case s.rule == closedRule:
			if v.Len() != s.members {
				return false
			}
		}
	}
	return true
}

// brief is a row of the table for [Fields.Faultless]: the rules that most members
// have, side by side in memory.
type brief struct {
	field     Field
	kind      canonical.Kind
	rule      uint8
	whole     bool
	members   int
	low, high float64
	shape     *shape
}

const (
	kindRule   uint8 = iota // no rule but the kind
	rangeRule               // a number within its range
	closedRule              // an object of this many members
	otherRule               // whatever else the row says
)

// briefs are the rows but for the objects of the proof: where their members are,
// they are too.
var briefs = func() (list []brief) {
	for i := range shapes {
		s := &shapes[i]
		b := brief{field: s.field, kind: s.kind, whole: s.whole, low: s.low, high: s.high, members: len(s.closed), shape: s}
		switch {
		case s.kind == canonical.Object && s.closed == nil:
			continue
		case s.kind == canonical.Object:
			b.rule = closedRule
		case s.kind == canonical.Number:
			b.rule = rangeRule
		case s.words != nil || s.seconds || s.kind == canonical.Array || s.field == FieldSchemaVersion:
			b.rule = otherRule
		}
		list = append(list, b)
	}
	return list
}()

// fields finds the members of proof and artifact again.
func (b *Bundle) fields() *Fields {
	f := &Fields{}
	f.values[FieldProof], f.values[FieldArtifact] = b.Proof.Value, b.Artifact.Value
	f.walk(b.Proof.Value, proofMembers)
	f.walk(b.Artifact.Value, artifactMembers)
	return f
}

func (s *shape) artifact() bool { return strings.HasPrefix(s.at, artifactAt) }

// fault holds a member to its row; 0 is none.
func (s *shape) fault(v canonical.Value, g Generation) FaultKind {
	kind := v.Kind()
	if s.seconds && (kind == canonical.String || kind == canonical.Number) {
		if _, ok := Microseconds(v); !ok {
			return NotATime
		}
		return 0
	}
	if kind != s.kind {
		switch {
		case kind == canonical.Number && s.field == FieldSchemaVersion:
			return NotKnown // a later version may well count
		case kind != canonical.Missing && kind != canonical.Null:
			return OtherType
		case s.optional || kind == canonical.Missing && !g.BindsArtifact():
			return 0
		}
		return Absent
	}
	switch kind {
	case canonical.Number:
		return s.number(v, g)
	case canonical.String:
		if text, _ := v.Bytes(); s.field == FieldSchemaVersion && string(text) != SchemaVersion {
			return NotKnown
		} else if s.words != nil && !slices.Contains(s.words, string(text)) {
			return OutOfRange
		}
	case canonical.Array:
		for _, element := range v.Elements() {
			if element.Kind() != canonical.String {
				return OtherType
			}
		}
	case canonical.Object:
		// Which members are strange or missing is told by strangers and by their rows.
		if s.closed != nil && v.Len() != len(s.closed) {
			return NotKnown
		}
	}
	return 0
}

func (s *shape) number(v canonical.Value, g Generation) FaultKind {
	if s.whole && !v.IsInteger() {
		return OtherType
	}
	high := s.high
	if high == maxAverage && !s.whole && !g.BindsArtifact() {
		high = math.MaxFloat64 // the first generations cut nothing
	}
	if x, ok := v.Float(); !ok || !(x >= s.low && x <= high) {
		return OutOfRange
	}
	return 0
}

// strangers lists the members that a closed object must not have.
func (s *shape) strangers(v canonical.Value) (faults []Fault) {
	for name := range v.Members() {
		if !slices.ContainsFunc(s.closed, func(m member) bool { return m.name == name }) {
			if faults = append(faults, Fault{s.at + "/" + canonical.PointerToken(name), NotKnown, "no such member", ""}); len(faults) == MaxUnknown {
				return faults
			}
		}
	}
	return faults
}

// want says what a member should be.
func (s *shape) want() string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch {
	case s.field == FieldSchemaVersion:
		return SchemaVersion
	case s.words != nil:
		return strings.Join(s.words, " or ")
	case s.kind == canonical.Number && s.whole:
		return fmt.Sprintf("an integer of %s to %s", number(s.low), number(s.high))
	case s.kind == canonical.Number:
		return fmt.Sprintf("a number of %s to %s", number(s.low), number(s.high))
	case s.kind == canonical.Array:
		return "an array of strings"
	case s.seconds:
		return "a time in RFC 3339, or seconds since 1970 as a plain number"
	}
	return s.kind.String()
}
