package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Rules of the original service's finalize, against which a bundle's parts are
// held. A signed bundle that breaks one contradicts itself.
const (
	// clampMS bounds measured latency and jitter averages and their target, in
	// milliseconds: max_latency_ms = min(max(1, target), 5000).
	clampMS = 5000
	// lowLatencyMS and balancedMS are the highest targets of the two better
	// profiles, in milliseconds.
	lowLatencyMS = 50
	balancedMS   = 150
)

// profileFor returns the QoS profile that a latency target in milliseconds gives,
// and the artifact's name for it.
func profileFor(target int64) (profile, runtime string) {
	switch {
	case target <= lowLatencyMS:
		return "QOS_LOW_LATENCY", "turbo"
	case target <= balancedMS:
		return "QOS_BALANCED", "standard"
	}
	return "QOS_BEST_EFFORT", "strict"
}

// runtimeProfile is the artifact's name for each of the proof's QoS profiles.
var runtimeProfile = map[string]string{"QOS_LOW_LATENCY": "turbo", "QOS_BALANCED": "standard", "QOS_BEST_EFFORT": "strict"}

// contradictions gathers the findings of consistency.
type contradictions struct {
	found  []Check         // what contradicts
	undone []Check         // what could not be compared
	faulty map[string]bool // pointers of members that are not what the format says
}

func (c *contradictions) add(code Code, pointer, expected, actual, format string, args ...any) {
	c.found = append(c.found, Check{Status: Fail, Code: code, Pointer: pointer, Expected: expected, Actual: actual, Message: fmt.Sprintf(format, args...)})
}

// same adds a contradiction unless both texts are the same. Of a member that is
// missing or of another type that was said already.
func (c *contradictions) same(code Code, pointer, actual, expected, what string) {
	if actual != expected && !c.isFaulty(pointer) {
		c.add(code, pointer, expected, actual, "%s", what)
	}
}

// isFaulty reports whether a member, or an object above it, is not what the format
// says.
func (c *contradictions) isFaulty(pointer string) bool {
	for ; pointer != ""; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		if c.faulty[pointer] {
			return true
		}
	}
	return false
}

// shapes holds proof and artifact to the table of the format.
func (c *contradictions) shapes(b *bundle.Bundle) {
	for _, f := range b.Faults() {
		name := canonical.Clip(f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:], 64)
		undone := Check{Code: ClaimsIncomplete, Pointer: f.Pointer, Expected: f.Want, Actual: f.Got}
		switch f.Kind {
		case bundle.OutOfRange:
			code := ValueOutOfRange
			if f.Pointer == "/proof/measured_outcomes/samples_count" {
				code = SamplesMissing
			}
			c.add(code, f.Pointer, f.Want, f.Got, "%s lies outside the range that it can have", name)
			continue // and is compared all the same
		case bundle.NotKnown:
			undone.Code, undone.Message = SchemaUnknown, "the artifact's schema has no member "+name+": what it means was not judged"
			if f.Pointer == schemaVersion {
				undone.Message = "the artifact is of a schema version that is not known, and was not judged"
			}
		case bundle.NotATime:
			undone.Message = name + " is no time, so it was compared with none"
		case bundle.OtherType:
			undone.Message = name + " is of another type than the format has, so it was compared with nothing"
		default:
			undone.Message, undone.Actual = name+" is missing, so it was compared with nothing", "none"
		}
		c.undone = append(c.undone, undone)
		c.faulty[f.Pointer] = true
	}
}

const schemaVersion = "/runtime_artifact/schema_version"

// consistency: the members are what the format says, and the parts of the bundle
// say the same.
func (r *run) consistency() ([]Check, error) {
	b, p, a := r.bundle, r.bundle.Proof, r.bundle.Artifact
	c := &contradictions{faulty: map[string]bool{}}
	if want := r.policy.SessionID; want != "" && bundle.NormalSessionID(p.SessionID) != bundle.NormalSessionID(want) {
		c.add(SessionMismatch, "/proof/session_id", want, p.SessionID, "the proof is of another session than the one asked for")
	}
	if b.Form == bundle.FormBundle || b.SessionID != "" {
		c.same(SessionMismatch, "/session_id", b.SessionID, p.SessionID, "the wrapper names another session than the proof")
	}
	c.shapes(b)
	if n := p.SamplesCount; b.NoTelemetry && n != nil && *n > 0 {
		c.add(SamplesMissing, "/quality/has_telemetry", "true", "false", "the copy says that there were no samples, and the proof that there were %d", *n)
	}
	if p.AvgP50MS != nil && p.AvgP95MS != nil && *p.AvgP50MS > *p.AvgP95MS {
		c.add(PercentileMismatch, "/proof/measured_outcomes/avg_p50_ms", "at most "+canonical.PythonFloat(*p.AvgP95MS), canonical.PythonFloat(*p.AvgP50MS), "the median is above the 95th percentile")
	}
	if b.Generation.BindsArtifact() {
		c.paths(b)
		c.qosProfile(p)
	}
	switch {
	case a.OtherSchema():
	case a.Exists():
		c.artifact(p, a)
	case b.Generation.BindsArtifact():
		c.undone = append(c.undone, Check{Code: RuntimeArtifactMissing, Message: "the parts that are there agree; the runtime artifact is missing"})
	}
	switch {
	case len(c.found)+len(c.undone) > 0:
		return slices.Concat(c.found, c.undone), nil
	case !b.Generation.BindsArtifact():
		return []Check{{Status: Pass, Code: OK, Message: "what a proof of this generation holds does not contradict itself"}}, nil
	}
	return []Check{{Status: Pass, Code: OK, Message: "session, paths, targets, measured values, decision and reasons agree"}}, nil
}

// paths holds both paths to {session_id}/artifact.json.
func (c *contradictions) paths(b *bundle.Bundle) {
	want := b.Proof.SessionID + "/artifact.json"
	c.same(PathMismatch, "/proof/artifacts/runtime_artifact_relpath", b.Proof.ArtifactPath, want, "the proof's artifact path is not of its session")
	if b.Form == bundle.FormBundle {
		c.same(PathMismatch, "/runtime_artifact_relpath", b.ArtifactPath, want, "the wrapper's artifact path is not of the proof's session")
	}
}

// qosProfile holds the profile to the latency target.
func (c *contradictions) qosProfile(p bundle.Proof) {
	if target := p.Intent.TargetP95LatencyMS; target != nil {
		want, _ := profileFor(*target)
		c.same(ProfileMismatch, "/proof/requested/qos_profile", p.QoSProfile, want, fmt.Sprintf("a latency target of %d ms gives another profile", *target))
	}
}

// artifact holds the runtime artifact to the proof.
func (c *contradictions) artifact(p bundle.Proof, a bundle.Artifact) {
	c.same(SessionMismatch, "/runtime_artifact/session_id", a.SessionID, p.SessionID, "the runtime artifact is of another session than the proof")
	if want, known := runtimeProfile[p.QoSProfile]; known {
		c.same(ProfileMismatch, "/runtime_artifact/qos_profile", a.QoSProfile, want, "the artifact's profile is not the one for "+p.QoSProfile)
	}
	c.measured(LatencyMismatch, "/runtime_artifact/measured/latency_ms", a.LatencyMS, p.AvgP95MS, "the artifact's latency is not the proof's average p95")
	c.measured(JitterMismatch, "/runtime_artifact/measured/jitter_ms", a.JitterMS, p.AvgJitterMS, "the artifact's jitter is not the proof's average jitter")
	target, limit := p.Intent.TargetP95LatencyMS, a.MaxLatencyMS
	if target == nil || limit == nil {
		return
	}
	if want := min(max(1, *target), clampMS); *limit != want {
		c.add(TargetMismatch, "/runtime_artifact/inputs/targets/max_latency_ms", strconv.FormatInt(want, 10), strconv.FormatInt(*limit, 10),
			"the artifact was judged against another latency limit than the agreed %d ms gives", *target)
	}
	c.decision(p, a, *limit)
}

func (c *contradictions) measured(code Code, pointer string, actual, expected *float64, what string) {
	if actual != nil && expected != nil && *actual != *expected {
		c.add(code, pointer, canonical.PythonFloat(*expected), canonical.PythonFloat(*actual), "%s", what)
	}
}

// decision re-derives the result and its reasons from the measured average and
// the limit.
func (c *contradictions) decision(p bundle.Proof, a bundle.Artifact, limit int64) {
	if p.AvgP95MS == nil || p.AvgJitterMS == nil {
		return
	}
	result, relation := "pass", "<="
	if *p.AvgP95MS > float64(limit) {
		result, relation = "fail", ">"
	}
	c.same(DecisionMismatch, "/runtime_artifact/decision/result", a.Result, result,
		fmt.Sprintf("a p95 latency of %s ms against a limit of %d ms decides otherwise", canonical.PythonFloat(*p.AvgP95MS), limit))
	want := []string{
		fmt.Sprintf("latency %sms %s target max_latency_ms %dms", canonical.PythonFloat(*p.AvgP95MS), relation, limit),
		fmt.Sprintf("jitter observed %sms (informational)", canonical.PythonFloat(*p.AvgJitterMS)),
	}
	if a.Reasons != nil && !slices.Equal(a.Reasons, want) {
		c.add(ReasonsMismatch, "/runtime_artifact/decision/reasons", fmt.Sprintf("%q", want), fmt.Sprintf("%.512q", a.Reasons), "the reasons do not follow from the measured values")
	}
}
