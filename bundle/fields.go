package bundle

import (
	"slices"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Field names a member of the format, in whichever of the two forms it stands.
type Field uint8

// The fields of the wrapper, of the ledger record, of the proof and of the
// artifact.
const (
	FieldSessionID Field = iota
	FieldLedger
	FieldProof
	FieldArtifact
	FieldArtifactPath
	FieldJWKSURL
	FieldSamples

	FieldEntryCreatedAt
	FieldPrevHash
	FieldThisHash
	FieldSignature
	FieldKID

	FieldProofSessionID
	FieldProofCreatedAt
	FieldQoSProfile
	FieldIntentText
	FieldFlowLabel
	FieldTargetP95
	FieldTargetJitter
	FieldDuration
	FieldQoSStatus
	FieldProviderNote
	FieldSamplesCount
	FieldAvgP50
	FieldAvgP95
	FieldAvgJitter
	FieldArtifacts
	FieldProofArtifactSHA256
	FieldProofArtifactPath
	FieldTelemetry
	FieldSession
	FieldIssuer

	FieldSchemaVersion
	FieldArtifactSessionID
	FieldArtifactCreatedAt
	FieldArtifactQoSProfile
	FieldMaxLatency
	FieldMinThroughput
	FieldMinAvailability
	FieldLatency
	FieldThroughput
	FieldAvailability
	FieldJitter
	FieldPacketLoss
	FieldResult
	FieldReasons

	// Objects and members that are held to their shape and have no other use.
	fieldRequested
	fieldIntent
	fieldIntentProfile
	fieldProviderObserved
	fieldMeasuredOutcomes
	fieldInputs
	fieldTargets
	fieldNetwork
	fieldMSISDN
	fieldIPAddress
	fieldCountry
	fieldMeasured
	fieldDecision
	fieldHasTelemetry

	fieldCount
	noField = fieldCount
)

// object lists the members of one object of the format in the order in which
// the original writes them.
type object []member

type member struct {
	name     string
	field    Field
	children object
}

var (
	entryMembers = object{
		{"created_at", FieldEntryCreatedAt, nil}, {"prev_hash", FieldPrevHash, nil}, {"this_hash", FieldThisHash, nil},
		{"signature", FieldSignature, nil}, {"kid", FieldKID, nil},
	}
	telemetryMembers = object{
		{"format", noField, nil}, {"profile", noField, nil}, {"count", noField, nil}, {"root", noField, nil},
		{"first_at", noField, nil}, {"last_at", noField, nil}, {"times_unknown", noField, nil}, {"metric", noField, nil},
		{"aggregation", noField, object{{"averages", noField, nil}, {"percentile", noField, nil}, {"jitter", noField, nil}}},
		{"probes", noField, object{{"sent", noField, nil}, {"lost", noField, nil}}},
		{"distribution", noField, object{{"unit", noField, nil}, {"precision_bits", noField, nil}, {"relative_error", noField, nil}, {"bins", noField, nil}}},
		{"delays_ns", noField, object{{"min", noField, nil}, {"p50", noField, nil}, {"p95", noField, nil}, {"p99", noField, nil}, {"max", noField, nil}}},
		{"not_measured", noField, nil},
		{"decision", noField, object{{"latency_p95_ns", noField, nil}, {"jitter_p99_ns", noField, nil}, {"result", noField, nil}, {"reasons", noField, nil}}},
	}
	sessionMembers = object{
		{"qosProfile", noField, nil}, {"qosStatus", noField, nil}, {"statusInfo", noField, nil}, {"startedAt", noField, nil},
		{"expiresAt", noField, nil}, {"duration", noField, nil}, {"available_ppm", noField, nil},
	}
	proofMembers = object{
		{"artifacts", FieldArtifacts, object{
			{"runtime_artifact_relpath", FieldProofArtifactPath, nil}, {"runtime_artifact_sha256", FieldProofArtifactSHA256, nil},
		}},
		{"created_at", FieldProofCreatedAt, nil},
		{"measured_outcomes", fieldMeasuredOutcomes, object{
			{"avg_jitter_ms", FieldAvgJitter, nil}, {"avg_p50_ms", FieldAvgP50, nil}, {"avg_p95_ms", FieldAvgP95, nil}, {"samples_count", FieldSamplesCount, nil},
		}},
		{"provider_observed", fieldProviderObserved, object{{"provider_note", FieldProviderNote, nil}, {"qos_status_at_finalize", FieldQoSStatus, nil}}},
		{"requested", fieldRequested, object{
			{"intent", fieldIntent, object{
				{"duration_s", FieldDuration, nil}, {"flow_label", FieldFlowLabel, nil}, {"target_jitter_ms", FieldTargetJitter, nil},
				{"target_p95_latency_ms", FieldTargetP95, nil}, {"text", FieldIntentText, nil}, {"qosProfile", fieldIntentProfile, nil},
			}},
			{"qos_profile", FieldQoSProfile, nil},
		}},
		{"session_id", FieldProofSessionID, nil},
		{"telemetry", FieldTelemetry, telemetryMembers}, {"session", FieldSession, sessionMembers}, {"issuer", FieldIssuer, nil},
	}
	artifactMembers = object{
		{"schema_version", FieldSchemaVersion, nil}, {"session_id", FieldArtifactSessionID, nil},
		{"created_at", FieldArtifactCreatedAt, nil}, {"qos_profile", FieldArtifactQoSProfile, nil},
		{"inputs", fieldInputs, inputsMembers}, {"measured", fieldMeasured, measuredMembers}, {"decision", fieldDecision, decisionMembers},
	}
	inputsMembers  = object{{"targets", fieldTargets, targetsMembers}, {"network", fieldNetwork, networkMembers}}
	targetsMembers = object{
		{"max_latency_ms", FieldMaxLatency, nil}, {"min_throughput_mbps", FieldMinThroughput, nil}, {"min_availability_pct", FieldMinAvailability, nil},
	}
	networkMembers  = object{{"msisdn", fieldMSISDN, nil}, {"ip_address", fieldIPAddress, nil}, {"country", fieldCountry, nil}}
	measuredMembers = object{
		{"latency_ms", FieldLatency, nil}, {"throughput_mbps", FieldThroughput, nil}, {"availability_pct", FieldAvailability, nil},
		{"jitter_ms", FieldJitter, nil}, {"packet_loss_pct", FieldPacketLoss, nil},
	}
	decisionMembers = object{{"result", FieldResult, nil}, {"reasons", FieldReasons, nil}}
	bundleMembers   = object{
		{"session_id", FieldSessionID, nil}, {"ledger", FieldLedger, entryMembers}, {"proof", FieldProof, proofMembers},
		{"runtime_artifact", FieldArtifact, artifactMembers}, {"runtime_artifact_relpath", FieldArtifactPath, nil}, {"jwks_url", FieldJWKSURL, nil},
		{"telemetry", FieldSamples, object{{"samples", noField, nil}, {"disclosed", noField, nil}}},
	}
	recordMembers = slices.Concat(object{{"session_id", FieldSessionID, nil}}, entryMembers,
		object{{"proof", FieldProof, proofMembers}, {"runtime_artifact", FieldArtifact, artifactMembers},
			{"telemetry", FieldSamples, object{{"samples", noField, nil}, {"disclosed", noField, nil}}}})
	copyMembers = object{
		{"schema_version", noField, nil}, {"task", noField, nil}, {"summary", noField, nil}, {"session_id", noField, nil},
		{"outputs", noField, object{{"proof_record", noField, recordMembers}, {"session_id", noField, nil}}},
		{"citations", noField, nil}, {"quality", noField, object{{"has_telemetry", fieldHasTelemetry, nil}, {"validated_in_test", noField, nil}}},
	}
)

// copyAt is where in the service's artifact_v1.json the record stands.
const copyAt = "/outputs/proof_record"

// Fields is one bundle or record with its members found and their types
// checked, and nothing copied: what [Parse] makes a [Bundle] from. It serves
// callers that judge very many records with a [canonical.Reader]; its values are
// valid as long as the document is.
type Fields struct {
	Form         Form
	Generation   Generation
	Within       string   // see [Bundle].Within
	Unknown      []string // see [Bundle].Unknown
	UnknownCount int

	root   canonical.Value
	values [fieldCount]canonical.Value
}

// Value returns a member as it stands in the document, Missing when it does
// not.
func (f *Fields) Value(x Field) canonical.Value { return f.values[x] }

// Attach adds the runtime artifact of a file of its own, if it is an object.
func (f *Fields) Attach(doc *canonical.Document) {
	if v := doc.Root(); v.Kind() == canonical.Object {
		f.values[FieldArtifact] = v
		f.walk(v, artifactMembers)
	}
}

// Read finds the members of a document. Its error is a [*canonical.Error], as
// that of [Parse].
func (f *Fields) Read(doc *canonical.Document) error {
	*f = Fields{Form: FormBundle, root: doc.Root()}
	if f.root.Kind() != canonical.Object {
		return f.root.Errorf(CodeNotObject, "", "a bundle is an object, and this is %s", f.root.Kind())
	}
	members := bundleMembers
	if !f.root.Get("ledger").Exists() {
		switch {
		case f.root.Get("this_hash").Exists():
			f.Form, members = FormRecord, recordMembers
		case f.root.Get("proof").Exists():
		case f.root.At(copyAt).Kind() == canonical.Object:
			f.Form, f.Within, members = FormRecord, copyAt, copyMembers
		default:
			return f.root.Errorf(CodeNotBundle, "", "neither a proof bundle nor a ledger record: it has no proof and no ledger")
		}
	}
	f.walk(f.root, members)
	if f.UnknownCount > 0 {
		f.unknown(f.root, "", members)
	}
	if f.Within != "" {
		f.copied()
	}
	if err := f.check(); err != nil {
		return err
	}
	return nil
}

// copied settles what a copy says of its record's session: whatever of it contradicts
// the proof counts.
func (f *Fields) copied() {
	root, session := f.root, f.text(FieldProofSessionID)
	f.root = root.At(copyAt)
	for _, v := range []canonical.Value{root.Get("session_id"), root.Get("outputs").Get("session_id")} {
		if text, ok := v.Text(); ok && (!f.values[FieldSessionID].Exists() || NormalSessionID(text) != NormalSessionID(session)) {
			f.values[FieldSessionID] = v
		}
	}
}

// walk fills in the values of an object's members. Members mostly stand in the
// order of the table, so each search starts behind the last hit.
func (f *Fields) walk(v canonical.Value, members object) {
	at := 0
	for c := v.Cursor(); c.Next(); {
		m := find(members, c.Name(), &at)
		if m == nil {
			f.UnknownCount++
			continue
		}
		if m.field != noField {
			f.values[m.field] = c.Value()
		}
		if m.children != nil {
			f.walk(c.Value(), m.children) // which of anything but an object finds nothing
		}
	}
}

// find returns the member of a name, nil when there is none. It starts at at and
// leaves it behind what it found.
func find(members object, name []byte, at *int) *member {
	for range members {
		m := &members[*at]
		if *at++; *at == len(members) {
			*at = 0
		}
		if m.name == string(name) {
			return m
		}
	}
	return nil
}

// unknown lists the pointers of unknown members, which a genuine bundle has
// none of.
func (f *Fields) unknown(v canonical.Value, pointer string, members object) {
	for name, value := range v.Members() {
		at := slices.IndexFunc(members, func(m member) bool { return m.name == name })
		switch {
		case at < 0 && len(f.Unknown) < MaxUnknown:
			f.Unknown = append(f.Unknown, pointer+"/"+canonical.PointerToken(name))
		case at >= 0:
			f.unknown(value, pointer+"/"+name, members[at].children)
		}
	}
}

// check holds the members that every reader relies on to their types. The
// others read as absent when they are of another type, and the checks that need
// them then say so.
func (f *Fields) check() error {
	c := checker{f: f}
	c.want("/proof", FieldProof, canonical.Object)
	if f.Form == FormBundle {
		c.want("/ledger", FieldLedger, canonical.Object)
		c.want("/session_id", FieldSessionID, canonical.String)
	} else {
		c.optional("/session_id", FieldSessionID, canonical.String)
	}
	if f.Form == FormBundle {
		c.below = "/ledger"
	}
	c.want("/prev_hash", FieldPrevHash, canonical.String)
	c.want("/this_hash", FieldThisHash, canonical.String)
	c.optional("/signature", FieldSignature, canonical.String)
	c.optional("/kid", FieldKID, canonical.String)
	c.optional("/created_at", FieldEntryCreatedAt, canonical.Number)
	c.below = ""
	c.want("/proof/session_id", FieldProofSessionID, canonical.String)
	if c.err != nil {
		return c.err
	}
	f.Generation = f.recognise()
	if f.Generation.BindsArtifact() {
		c.want("/proof/artifacts", FieldArtifacts, canonical.Object)
		c.want("/proof/artifacts/runtime_artifact_sha256", FieldProofArtifactSHA256, canonical.String)
		c.want("/proof/artifacts/runtime_artifact_relpath", FieldProofArtifactPath, canonical.String)
		if f.Generation != V02 {
			c.want("/proof/created_at", FieldProofCreatedAt, canonical.String)
		}
		if f.Form == FormBundle {
			c.want("/runtime_artifact_relpath", FieldArtifactPath, canonical.String)
		}
	}
	c.optional("/runtime_artifact_relpath", FieldArtifactPath, canonical.String)
	c.optional("/jwks_url", FieldJWKSURL, canonical.String)
	c.optional("/runtime_artifact", FieldArtifact, canonical.Object)
	if c.err != nil {
		return c.err
	}
	return nil
}

// empty reports whether a string member is absent, null or "".
func (f *Fields) empty(x Field) bool {
	b, ok := f.values[x].Bytes()
	return !ok || len(b) == 0
}

// checker keeps the first error.
type checker struct {
	f     *Fields
	below string // what the pointers are relative to
	err   *canonical.Error
}

func (c *checker) want(pointer string, x Field, kind canonical.Kind) {
	v := c.f.values[x]
	if c.err != nil || v.Kind() == kind {
		return
	}
	pointer = c.f.Within + c.below + pointer
	switch {
	case !v.Exists():
		c.err = c.f.root.Errorf(CodeMemberMissing, pointer, "the member is missing; it should be %s", kind)
	default:
		c.err = v.Errorf(CodeMemberType, pointer, "expected %s, found %s", kind, v.Kind())
	}
}

// optional takes absent and null as well.
func (c *checker) optional(pointer string, x Field, kind canonical.Kind) {
	if v := c.f.values[x]; v.Exists() && v.Kind() != canonical.Null {
		c.want(pointer, x, kind)
	}
}
