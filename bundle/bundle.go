// Package bundle reads Quality-on-Demand proof bundles and knows the hash
// formulas over them. It says what the bytes say; nothing in it is verified.
// Package verify says what is true.
//
// # The format, generation v0.4
//
// A bundle is one JSON object, as the proof service answers
// GET /proof/{session_id}/bundle:
//
//	{
//	  "session_id": "…",                     unsigned
//	  "ledger": {
//	    "created_at": 1795463676.07,         unsigned, seconds since 1970
//	    "prev_hash": "GENESIS" or 64 hex,    covered by this_hash
//	    "this_hash": 64 hex,                 covered by the signature
//	    "signature": 86 characters base64url,
//	    "kid": "…"                           unsigned
//	  },
//	  "proof": {…},                          covered by this_hash
//	  "runtime_artifact": {…} or null,       covered by proof.artifacts.runtime_artifact_sha256
//	  "runtime_artifact_relpath": "…",       unsigned
//	  "jwks_url": "…",                       unsigned, never followed
//	  "telemetry": {"samples": […]}          optional, covered by proof.telemetry.root
//	}
//
// Three formulas bind it, with canonical() as package canonical writes it:
//
//	runtime_artifact_sha256 = hex(sha256(canonical(runtime_artifact)))
//	this_hash               = hex(sha256(prev_hash + "|" + canonical(proof)))
//	signature               = Ed25519 over the 64 ASCII characters of this_hash
//
// The ledger record alone, {prev_hash, this_hash, signature, kid, proof} with
// or without session_id and created_at, is read too: the service answers it to
// finalize and keeps it as proof_{session_id}_{time}.json, and once more within
// {session_id}/artifact_v1.json, where it is read from /outputs/proof_record. Its
// artifact lies in a file of its own ([ParseArtifact]).
//
// Records of older generations are recognised and named ([Generation]).
package bundle

import (
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Genesis is the prev_hash of a ledger's first record.
const Genesis = "GENESIS"

// Form tells in which of its two shapes a proof arrived.
type Form string

// The forms.
const (
	FormBundle Form = "bundle" // the answer to GET /proof/{session_id}/bundle
	FormRecord Form = "record" // a ledger record without its artifact
)

// Bundle is one proof bundle or record as its bytes spell it. It has not been
// verified.
type Bundle struct {
	Form       Form
	Generation Generation
	// Within is where in its document a record stands that the service keeps a copy of
	// beside its artifact (artifact_v1.json); "" everywhere else. The pointers of
	// findings start at the document's root.
	Within      string
	NoTelemetry bool   // such a copy says that there were no samples; unsigned
	SessionID   string // of the unsigned wrapper; "" in a record without one
	Entry       Entry
	Proof       Proof
	Artifact    Artifact // zero when null or absent
	HasArtifact bool     // the member runtime_artifact is there, if null
	ArtifactErr error    // set by a caller whose separate artifact file [ParseArtifact] refused
	// GivenArtifact is an artifact that a caller has from elsewhere, of a bundle that
	// has its own: both are held to the proof. It is zero otherwise.
	GivenArtifact Artifact
	ArtifactPath  string // runtime_artifact_relpath of the unsigned wrapper
	JWKSURL       string // unsigned, shown and never followed

	// Samples is the wrapper's member telemetry: the samples, or some of them,
	// that the proof's telemetry commits to. It is Missing without.
	Samples canonical.Value

	// Unknown lists JSON pointers of members that the format does not know, at
	// most [MaxUnknown] of them; UnknownCount has their number. Names are
	// compared exactly, so "Proof" is unknown and never stands in for "proof".
	Unknown      []string
	UnknownCount int
}

// MaxUnknown bounds [Bundle].Unknown, so that hostile input can't fill reports.
const MaxUnknown = 32

// Entry is a ledger record's own members. Only PrevHash and, by the signature,
// ThisHash are protected.
type Entry struct {
	CreatedAt string // as spelled, seconds since 1970-01-01T00:00:00Z; unsigned
	PrevHash  string
	ThisHash  string
	Signature string // "" when absent, null or empty
	// HasSignature: the member is there and not null. Who passes a record on can
	// leave it out, which says nothing of the signer.
	HasSignature bool
	KID          string // "" when absent, null or empty; unsigned
}

// Proof is the signed statement. Value is what is hashed; the other fields are
// read from it, and nil or "" where a member is absent or of another type.
type Proof struct {
	Value     canonical.Value
	SessionID string
	CreatedAt string // RFC 3339 in v0.4, seconds since 1970 before

	QoSProfile string
	Intent     Intent

	QoSStatus    string // qos_status_at_finalize
	ProviderNote string

	SamplesCount *int64
	AvgP50MS     *float64 // milliseconds
	AvgP95MS     *float64 // milliseconds
	AvgJitterMS  *float64 // milliseconds

	ArtifactSHA256 string
	ArtifactPath   string

	// Telemetry and Session are Missing in proofs of the original; package
	// telemetry reads them.
	Telemetry canonical.Value
	Session   canonical.Value
	Issuer    string // who signs, as the proof says; "" in proofs of the original
}

// Intent is what the customer asked for.
type Intent struct {
	Text               string
	FlowLabel          string
	TargetP95LatencyMS *int64 // milliseconds
	TargetJitterMS     *int64 // milliseconds
	DurationS          *int64 // seconds
}

// Artifact is the runtime artifact: the measurement in the shape of the
// assurance runtime. Value is what is hashed; it is Missing in the zero Artifact.
type Artifact struct {
	Value         canonical.Value
	SchemaVersion string
	SessionID     string
	CreatedAt     string
	QoSProfile    string

	MaxLatencyMS       *int64   // milliseconds
	MinThroughputMbps  *float64 // megabits a second
	MinAvailabilityPct *float64 // percent

	LatencyMS       *float64 // milliseconds
	ThroughputMbps  *float64 // megabits a second
	AvailabilityPct *float64 // percent
	JitterMS        *float64 // milliseconds
	PacketLossPct   *float64 // percent

	Result  string   // "pass" or "fail"
	Reasons []string // nil unless every element is a string
}

// Exists reports whether the bundle has an artifact.
func (a Artifact) Exists() bool { return a.Value.Exists() }

// OtherSchema reports whether the artifact says that it is of a schema version which
// is not known here. What its members mean is then not known either.
func (a Artifact) OtherSchema() bool {
	switch v := a.Value.Get("schema_version"); v.Kind() {
	case canonical.String:
		return a.SchemaVersion != SchemaVersion
	case canonical.Number:
		return true
	}
	return false
}

// Pointer returns the JSON pointer from the document's root of one that starts at the
// bundle or record. Those into an artifact of a file of its own stay as they are.
func (b *Bundle) Pointer(pointer string) string {
	switch {
	case b.Within == "", pointer == "", strings.HasPrefix(pointer, "/quality/"),
		strings.HasPrefix(pointer, "/runtime_artifact") && b.Artifact.Value.Document() != b.Proof.Value.Document():
		return pointer
	}
	return b.Within + pointer
}

// EntryPointer returns the JSON pointer of a member of the ledger record.
func (b *Bundle) EntryPointer(name string) string {
	if b.Form == FormRecord {
		return "/" + name
	}
	return "/ledger/" + name
}
