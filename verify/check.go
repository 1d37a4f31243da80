package verify

import (
	"slices"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// CheckID names a check. The ids are the numbers of the specification: the
// README's table, reports and test vectors use the same.
type CheckID string

// The checks, in the order in which they run.
const (
	Format       CheckID = "format"        // the input is one well-formed bundle
	ArtifactHash CheckID = "artifact.hash" // the artifact's hash is what the proof claims
	LedgerHash   CheckID = "ledger.hash"   // this_hash follows from prev_hash and the proof
	LedgerLink   CheckID = "ledger.link"   // prev_hash is the predecessor's this_hash
	SignatureKey CheckID = "signature.key" // a trusted, usable key of exactly this kid, valid at the signed time
	Signature    CheckID = "signature"     // Ed25519 over this_hash
	Consistency  CheckID = "consistency"   // the members are what the format says, and do not contradict each other

	Telemetry        CheckID = "telemetry"         // what the proof says of its samples follows from what it commits to
	TelemetrySamples CheckID = "telemetry.samples" // the samples are those committed to, and all figures follow from them

	// The claims checks never fail. A warning says what the cryptography can't
	// vouch for.
	ClaimsConstants    CheckID = "claims.constants"     // values that nobody measured
	ClaimsJitterTarget CheckID = "claims.jitter_target" // the jitter target was ignored
	ClaimsQoSStatus    CheckID = "claims.qos_status"    // the session was not AVAILABLE
	ClaimsClamp        CheckID = "claims.clamp"         // the latency or its target stood at the clamp of 5 s
	ClaimsTimes        CheckID = "claims.times"         // the times stand in an odd order, or are none
	ClaimsPercentile   CheckID = "claims.percentile"    // an average of percentiles is told as one
	ClaimsWindow       CheckID = "claims.window"        // it was measured while the session was not AVAILABLE

	// The policy checks run where the policy has the rule, and are then required.
	PolicyKey        CheckID = "policy.key"         // the key is one of the policy's, in its time
	PolicyKID        CheckID = "policy.kid"         // the record names this kid
	PolicyIssuer     CheckID = "policy.issuer"      // the proof names this issuer
	PolicySession    CheckID = "policy.session"     // the proof is of this session
	PolicyQoSProfile CheckID = "policy.qos_profile" // the proof is of this QoS profile
	PolicyCanonical  CheckID = "policy.canonical"   // the hashes match under this canonical profile
	PolicyAge        CheckID = "policy.age"         // by its signed time the proof is neither too old nor of the future
	PolicySamples    CheckID = "policy.samples"     // there are enough samples and probes
	PolicyTelemetry  CheckID = "policy.telemetry"   // the proof commits to its samples, or they are there
	PolicyLatency    CheckID = "policy.latency"     // the latency at a percentile is within its target
	PolicyJitter     CheckID = "policy.jitter"      // the jitter at a percentile is within its target
	PolicyLoss       CheckID = "policy.loss"        // no more probes than allowed were lost
	PolicyLimits     CheckID = "policy.limits"      // the limits of the session's CAMARA profile are kept
	PolicyAvailable  CheckID = "policy.available"   // it was measured while the session was AVAILABLE
	PolicyRequire    CheckID = "policy.require"     // the checks that the policy lists passed
	PolicyClaims     CheckID = "policy.claims"      // no warning that the policy does not bear
)

// Checks returns the ids of all checks in the order in which they run.
func Checks() []CheckID {
	ids := make([]CheckID, 0, len(defaultChecks)+len(ruleChecks))
	for _, c := range slices.Concat(defaultChecks, ruleChecks) {
		ids = append(ids, c.id)
	}
	return ids
}

// PolicyChecks returns the ids of the checks that run only where the policy has
// [Rules] for them.
func PolicyChecks() []CheckID {
	ids := make([]CheckID, 0, len(ruleChecks))
	for _, c := range ruleChecks {
		ids = append(ids, c.id)
	}
	return ids
}

// alwaysRequired are the checks without which nothing is verified.
var alwaysRequired = []CheckID{Format, ArtifactHash, LedgerHash, SignatureKey, Signature, Consistency}

// Status is the outcome of one check. The zero Status is NotRun, so a check
// that was forgotten counts as one that did not run.
type Status uint8

// The statuses.
const (
	NotRun Status = iota // it could not run
	Pass
	Fail
	Warn // it ran and found something that does not decide the verdict
	Skip // it does not apply, or what it needs was not given
)

var statusNames = [...]string{"not_run", "pass", "fail", "warn", "skip"}

// String returns the status as reports spell it.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[NotRun]
}

// Code is a stable, machine-readable reason. A malformed input has a code of
// package bundle or canonical.
type Code = canonical.Code

// The codes of findings. Those that the original service also uses as reason
// words are spelled as it does.
const (
	OK Code = "ok"

	PublicKeyMissing       Code = "public_key_missing"
	PublicKeyRefused       Code = "public_key_refused"
	SignatureMismatch      Code = "signature_mismatch"
	LedgerHashMismatch     Code = "ledger_hash_mismatch"
	LedgerChainBroken      Code = "ledger_chain_broken"
	RuntimeHashMismatch    Code = "runtime_hash_mismatch"
	RuntimeArtifactMissing Code = "runtime_artifact_missing"

	HashMalformed      Code = bundle.CodeHashMalformed
	ArtifactNotBound   Code = "artifact_not_bound"
	ArtifactUnreadable Code = "runtime_artifact_unreadable"
	NoPredecessor      Code = "no_predecessor_given"
	FirstRecord        Code = "first_record"
	KIDMissing         Code = "kid_missing"
	KeyNotPinned       Code = "key_not_pinned"
	KeyNotYetValid     Code = "key_not_yet_valid"
	KeyExpired         Code = "key_expired"
	KeyRevoked         Code = "key_revoked"
	KeyCompromised     Code = "key_compromised"
	SignedTimeMissing  Code = "signed_time_unreadable"
	SignatureMissing   Code = "signature_missing"
	SignatureMalformed Code = "signature_malformed"
	UnsignedGeneration Code = "unsigned_generation"
	SharedSecret       Code = "shared_secret"

	SessionMismatch    Code = "session_id_mismatch"
	PathMismatch       Code = "runtime_artifact_path_mismatch"
	LatencyMismatch    Code = "latency_mismatch"
	JitterMismatch     Code = "jitter_mismatch"
	TargetMismatch     Code = "target_mismatch"
	DecisionMismatch   Code = "decision_mismatch"
	ReasonsMismatch    Code = "reasons_mismatch"
	ProfileMismatch    Code = "qos_profile_mismatch"
	PercentileMismatch Code = "percentile_order"
	SamplesMissing     Code = "no_samples"
	ClaimsIncomplete   Code = telemetry.CodeIncomplete
	ValueOutOfRange    Code = "value_out_of_range"
	SchemaUnknown      Code = telemetry.CodeUnknownFormat

	NotCommitted       Code = "telemetry_not_committed"
	NotDisclosed       Code = "samples_not_disclosed"
	PartlyDisclosed    Code = "samples_partly_disclosed"
	TelemetryMalformed Code = telemetry.CodeMalformed
	SampleContradicts  Code = telemetry.CodeContradictory
	TelemetryProfile   Code = "telemetry_profile_mismatch"
	RootMismatch       Code = "telemetry_root_mismatch"
	SamplesMismatch    Code = "samples_count_mismatch"
	AverageMismatch    Code = "average_mismatch"
	PooledMismatch     Code = "distribution_mismatch"
	LossMismatch       Code = "packet_loss_mismatch"
	WindowMismatch     Code = "window_mismatch"
	SessionLife        Code = "session_life_mismatch"

	PolicyUnmet      Code = "policy_not_met"
	PolicyNoEvidence Code = "policy_not_decidable"

	AveragedPercentiles Code = "percentiles_averaged"
	SessionShorter      Code = "session_shorter"
	OutsideAvailable    Code = "measured_outside_available"

	NotMeasured    Code = "constants_never_measured"
	JitterIgnored  Code = "jitter_target_ignored"
	NotAvailable   Code = "qos_status_not_available"
	LatencyClamped Code = "latency_clamped"
	TimesOutOfLine Code = "times_out_of_order"

	NotInThisMode   Code = "not_in_this_mode"
	NotLookedAt     Code = "not_looked_at"
	IgnoreUnmatched Code = "ignore_unmatched"
	InputUnreadable Code = "unreadable"
	ProfileRefused  Code = "profile_refused"
	InternalError   Code = "internal_error"
)

// Check is one finding. One id may have several, each with its own place.
type Check struct {
	ID       CheckID
	Status   Status
	Code     Code
	Message  string // one sentence: what was compared and what came of it
	Expected string // what the signed or given data claims
	Actual   string // what was found or computed
	Hint     string // what to do, or why it failed as far as that is proven
	Pointer  string // RFC 6901 pointer into the input
	// Region is where the member of Pointer stands in the input, or what is
	// around it when it is missing; zero where the input is not at hand.
	Region canonical.Region
}

// Note is something worth knowing that is no check: it can't change a verdict.
type Note struct {
	Code    Code
	Message string
	Pointer string
}

// The codes of notes.
const (
	NoteUnknownMember  Code = "unknown_member"
	NoteNumberRespelt  Code = "number_respelled"
	NoteSmallOrderR    Code = "signature_r_small_order"
	NoteFork           Code = "ledger_fork"
	NoteOldGeneration  Code = "older_generation"
	NoteRevokedLater   Code = "key_revoked_later"
	NoteKeysSameOrigin Code = "keys_from_same_origin"
	NoteKeysBeside     Code = "keys_from_same_folder"
	NoteArtifactFile   Code = "runtime_artifact_from_file"
	NoteUnpacked       Code = "input_unpacked"
)
