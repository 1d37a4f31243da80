package verify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

const (
	plainSeed   = fixtures + "good/01.bundle.json"
	sealedSeed  = "telemetry/honest/not-disclosed.json" // commits to 5 samples, 250 probes, none lost
	lossySeed   = "telemetry/honest/lossy.json"         // 5 samples, one of lost probes alone
	singleSeed  = "telemetry/honest/one-sample.json"
	delaysSeed  = "telemetry/honest/plain-samples.json" // 4 samples without delays
	outcomes    = "proof.measured_outcomes."
	commitment  = "proof.telemetry."
	measuredAt  = "runtime_artifact.measured."
	targetsAt   = "runtime_artifact.inputs.targets."
	artifactsAt = "runtime_artifact."
)

// edits is a list of path and value; see [forge.set]. A value of nil leaves out.
type edits []any

func (e edits) make(t *testing.T, seed string) *forge {
	t.Helper()
	f := forgeOf(t, seed)
	for i := 0; i < len(e); i += 2 {
		f.set(e[i].(string), e[i+1])
	}
	return f
}

// What a signer may say wrongly with the good key: impossible values and pairs of
// figures that contradict each other fail, with the member named; members that are
// missing or of another type are not judged, and so nothing is verified. An audit
// judges the same.
func TestSignedContradictions(t *testing.T) {
	const incomplete, failed, verified = verify.Inconclusive, verify.Failed, verify.Verified
	undisclosed := func(e ...any) edits { return append(edits{"telemetry", nil}, e...) }
	for _, c := range []struct {
		name, seed string
		edits      edits
		verdict    verify.Verdict
		check      verify.CheckID
		code       verify.Code
		pointer    string // within proof or artifact, with dots
	}{
		// Ranges.
		{"availability of 150 %", plainSeed, edits{measuredAt + "availability_pct", "=150.0"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "availability_pct"},
		{"availability just above 100 %", plainSeed, edits{measuredAt + "availability_pct", "=100.00000000000001"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "availability_pct"},
		{"availability below 0 %", plainSeed, edits{measuredAt + "availability_pct", "=-1"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "availability_pct"},
		{"availability of 100, an integer", plainSeed, edits{measuredAt + "availability_pct", "=100"}, verified, "", "", ""},
		{"loss of -3 %", plainSeed, edits{measuredAt + "packet_loss_pct", "=-3.0"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "packet_loss_pct"},
		{"loss of 101 %", plainSeed, edits{measuredAt + "packet_loss_pct", "=101"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "packet_loss_pct"},
		{"loss of -0.0 %", plainSeed, edits{measuredAt + "packet_loss_pct", "=-0.0"}, verified, "", "", ""},
		{"loss of 1e-320 %", plainSeed, edits{measuredAt + "packet_loss_pct", "=1e-320"}, verified, "", "", ""},
		{"negative throughput", plainSeed, edits{measuredAt + "throughput_mbps", "=-5.0"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "throughput_mbps"},
		{"throughput of 1e300", plainSeed, edits{measuredAt + "throughput_mbps", "=1e300"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "throughput_mbps"},
		{"throughput of an integer beyond 64 bits", plainSeed, edits{measuredAt + "throughput_mbps", "=99999999999999999999999"}, failed, verify.Consistency, verify.ValueOutOfRange, measuredAt + "throughput_mbps"},
		{"negative latency everywhere", plainSeed, edits{outcomes + "avg_p95_ms", "=-5.0", outcomes + "avg_p50_ms", "=-6.0", measuredAt + "latency_ms", "=-5.0"}, failed, verify.Consistency, verify.ValueOutOfRange, outcomes + "avg_p95_ms"},
		{"negative median", plainSeed, edits{outcomes + "avg_p50_ms", "=-0.01"}, failed, verify.Consistency, verify.ValueOutOfRange, outcomes + "avg_p50_ms"},
		{"negative jitter", plainSeed, edits{outcomes + "avg_jitter_ms", "=-1.0", measuredAt + "jitter_ms", "=-1.0"}, failed, verify.Consistency, verify.ValueOutOfRange, outcomes + "avg_jitter_ms"},
		{"an average above where averages are cut", plainSeed, edits{outcomes + "avg_p95_ms", "=5000.01"}, failed, verify.Consistency, verify.ValueOutOfRange, outcomes + "avg_p95_ms"},
		{"no samples", plainSeed, edits{outcomes + "samples_count", "=0"}, failed, verify.Consistency, verify.SamplesMissing, outcomes + "samples_count"},
		{"-3 samples", plainSeed, edits{outcomes + "samples_count", "=-3"}, failed, verify.Consistency, verify.SamplesMissing, outcomes + "samples_count"},
		{"samples beyond 64 bits", plainSeed, edits{outcomes + "samples_count", "=99999999999999999999999"}, failed, verify.Consistency, verify.SamplesMissing, outcomes + "samples_count"},
		{"min_availability of 120 %", plainSeed, edits{targetsAt + "min_availability_pct", "=120.0"}, failed, verify.Consistency, verify.ValueOutOfRange, targetsAt + "min_availability_pct"},
		{"negative min_throughput", plainSeed, edits{targetsAt + "min_throughput_mbps", "=-0.1"}, failed, verify.Consistency, verify.ValueOutOfRange, targetsAt + "min_throughput_mbps"},
		{"min_throughput of 0.0", plainSeed, edits{targetsAt + "min_throughput_mbps", "=0.0"}, verified, "", "", ""},
		{"max_latency of 0", plainSeed, edits{targetsAt + "max_latency_ms", "=0"}, failed, verify.Consistency, verify.ValueOutOfRange, targetsAt + "max_latency_ms"},
		{"max_latency of 5001", plainSeed, edits{targetsAt + "max_latency_ms", "=5001"}, failed, verify.Consistency, verify.ValueOutOfRange, targetsAt + "max_latency_ms"},
		{"a result that is none", plainSeed, edits{artifactsAt + "decision.result", "passed"}, failed, verify.Consistency, verify.ValueOutOfRange, artifactsAt + "decision.result"},
		{"a target of 0", plainSeed, edits{"proof.requested.intent.target_p95_latency_ms", "=0"}, failed, verify.Consistency, verify.ValueOutOfRange, "proof.requested.intent.target_p95_latency_ms"},
		{"a negative jitter target", plainSeed, edits{"proof.requested.intent.target_jitter_ms", "=-1"}, failed, verify.Consistency, verify.ValueOutOfRange, "proof.requested.intent.target_jitter_ms"},
		{"a session of 0 s", plainSeed, edits{"proof.requested.intent.duration_s", "=0"}, failed, verify.Consistency, verify.ValueOutOfRange, "proof.requested.intent.duration_s"},
		{"a session of a week", plainSeed, edits{"proof.requested.intent.duration_s", "=604800"}, verified, "", "", ""},

		// Missing, or of another type.
		{"samples_count 0.0", plainSeed, edits{outcomes + "samples_count", "=0.0"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, outcomes + "samples_count"},
		{"samples_count as text", plainSeed, edits{outcomes + "samples_count", "0"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, outcomes + "samples_count"},
		{"no samples_count", plainSeed, edits{outcomes + "samples_count", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, outcomes + "samples_count"},
		{"the median as text", plainSeed, edits{outcomes + "avg_p50_ms", "9999"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, outcomes + "avg_p50_ms"},
		{"no median", plainSeed, edits{outcomes + "avg_p50_ms", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, outcomes + "avg_p50_ms"},
		{"no duration", plainSeed, edits{"proof.requested.intent.duration_s", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.requested.intent.duration_s"},
		{"no text", plainSeed, edits{"proof.requested.intent.text", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.requested.intent.text"},
		{"no provider_observed", plainSeed, edits{"proof.provider_observed", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.provider_observed"},
		{"provider_observed as text", plainSeed, edits{"proof.provider_observed", "AVAILABLE"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.provider_observed"},
		{"no schema_version", plainSeed, edits{artifactsAt + "schema_version", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "schema_version"},
		{"no created_at", plainSeed, edits{artifactsAt + "created_at", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "created_at"},
		{"created_at as an object", plainSeed, edits{artifactsAt + "created_at", map[string]any{}}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "created_at"},
		{"created_at as seconds", plainSeed, edits{artifactsAt + "created_at", "=1795463676.049041"}, verified, "", "", ""},
		{"created_at of the artifact is no time", plainSeed, edits{artifactsAt + "created_at", "yesterday"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "created_at"},
		{"created_at of the artifact is a number and no time", plainSeed, edits{artifactsAt + "created_at", "=-1.5"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "created_at"},
		{"created_at of the proof is no time", plainSeed, edits{"proof.created_at", "0x6b03f3bcp0"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.created_at"},
		{"no decision", plainSeed, edits{artifactsAt + "decision", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "decision"},
		{"a decision as text", plainSeed, edits{artifactsAt + "decision", "pass"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "decision"},
		{"requested as text", plainSeed, edits{"proof.requested", "x"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.requested"},
		{"no network", plainSeed, edits{artifactsAt + "inputs.network", nil}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "inputs.network"},
		{"targets as a list", plainSeed, edits{artifactsAt + "inputs.targets", []any{}}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "inputs.targets"},
		{"reasons as text", plainSeed, edits{artifactsAt + "decision.reasons", "pass"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, artifactsAt + "decision.reasons"},
		{"no reasons in the list", plainSeed, edits{artifactsAt + "decision.reasons", []any{}}, failed, verify.Consistency, verify.ReasonsMismatch, artifactsAt + "decision.reasons"},
		{"an empty profile", plainSeed, edits{artifactsAt + "qos_profile", ""}, failed, verify.Consistency, verify.ProfileMismatch, artifactsAt + "qos_profile"},
		{"no max_latency beside a lie", plainSeed, edits{targetsAt + "max_latency_ms", nil, measuredAt + "latency_ms", "=1.5"}, failed, verify.Consistency, verify.LatencyMismatch, measuredAt + "latency_ms"},

		// Versions and members that are not known.
		{"schema version v2", plainSeed, edits{artifactsAt + "schema_version", "v2"}, incomplete, verify.Consistency, verify.SchemaUnknown, artifactsAt + "schema_version"},
		{"schema version 2", plainSeed, edits{artifactsAt + "schema_version", "=2", measuredAt + "availability_pct", "=0.999", artifactsAt + "extra", "new"}, incomplete, verify.Consistency, verify.SchemaUnknown, artifactsAt + "schema_version"},
		{"a member more in the artifact", plainSeed, edits{artifactsAt + "tampered", true}, incomplete, verify.Consistency, verify.SchemaUnknown, artifactsAt + "tampered"},
		{"a member more in measured", plainSeed, edits{measuredAt + "p99_ms", "=3.5"}, incomplete, verify.Consistency, verify.SchemaUnknown, measuredAt + "p99_ms"},
		{"a member more in the proof", plainSeed, edits{"proof.remark", "none"}, verified, "", "", ""},
		{"a telemetry format of later", sealedSeed, edits{commitment + "format", "qodverify/telemetry/v2"}, incomplete, verify.Telemetry, verify.SchemaUnknown, commitment + "format"},

		// The commitment: missing members contradict nothing and pass nothing.
		{"no root", sealedSeed, edits{commitment + "root", nil}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, commitment + "root"},
		{"a count as text", sealedSeed, edits{commitment + "count", "5"}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, commitment + "count"},
		{"a count of 0", sealedSeed, edits{commitment + "count", "=0"}, failed, verify.Telemetry, verify.TelemetryMalformed, commitment + "count"},
		{"no probes", sealedSeed, edits{commitment + "probes", nil}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, commitment + "probes"},
		{"no number of probes beside lost ones", lossySeed, undisclosed(commitment+"probes.sent", nil), incomplete, verify.Telemetry, verify.ClaimsIncomplete, commitment + "probes.sent"},
		{"more lost than sent", lossySeed, undisclosed(commitment+"probes.lost", "=99999"), failed, verify.Telemetry, verify.TelemetryMalformed, commitment + "probes.lost"},
		{"no jitter target beside a decision", sealedSeed, edits{"proof.requested.intent.target_jitter_ms", nil}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, "proof.requested.intent"},
		{"a session and no telemetry", sealedSeed, edits{"proof.telemetry", nil}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, "proof.telemetry"},
		{"telemetry null", sealedSeed, edits{"proof.telemetry", json.RawMessage("null")}, incomplete, verify.Telemetry, verify.ClaimsIncomplete, "proof.telemetry"},
		{"loss as text", lossySeed, undisclosed(measuredAt+"packet_loss_pct", "0.0"), incomplete, verify.Telemetry, verify.ClaimsIncomplete, measuredAt + "packet_loss_pct"},
		{"no loss", lossySeed, undisclosed(measuredAt+"packet_loss_pct", nil), incomplete, verify.Telemetry, verify.ClaimsIncomplete, measuredAt + "packet_loss_pct"},
		{"loss of 0", lossySeed, undisclosed(measuredAt+"packet_loss_pct", "=0.0"), failed, verify.Telemetry, verify.LossMismatch, measuredAt + "packet_loss_pct"},

		// Averages and delays of one proof.
		{"an average below every delay", sealedSeed, edits{outcomes + "avg_p50_ms", "=2.0"}, failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_p50_ms"},
		{"an average p95 below every delay", sealedSeed, edits{outcomes + "avg_p50_ms", "=1.0", outcomes + "avg_p95_ms", "=2.0", measuredAt + "latency_ms", "=2.0"}, failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_p95_ms"},
		{"an average above every delay", sealedSeed, edits{outcomes + "avg_p95_ms", "=49.5", measuredAt + "latency_ms", "=49.5"}, failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_p95_ms"},
		{"an average jitter above every difference", sealedSeed, edits{outcomes + "avg_jitter_ms", "=99.0", measuredAt + "jitter_ms", "=99.0"}, failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_jitter_ms"},
		{"an average jitter below what lies between median and p95", sealedSeed, edits{outcomes + "avg_jitter_ms", "=0.5", measuredAt + "jitter_ms", "=0.5"}, failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_jitter_ms"},
		{"another average of one sample", singleSeed, undisclosed(outcomes+"avg_p50_ms", "=29.0"), failed, verify.Telemetry, verify.AverageMismatch, outcomes + "avg_p50_ms"},
		{"4 samples averaged of 5 with no probe lost", sealedSeed, edits{outcomes + "samples_count", "=4"}, failed, verify.Telemetry, verify.SamplesMismatch, outcomes + "samples_count"},
		{"6 samples averaged of 5", sealedSeed, edits{outcomes + "samples_count", "=6"}, failed, verify.Telemetry, verify.SamplesMismatch, outcomes + "samples_count"},
		{"4 samples averaged of 5, one lost whole", lossySeed, undisclosed(), verified, "", "", ""},
		{"3 samples averaged of 4 without delays", delaysSeed, undisclosed(outcomes+"samples_count", "=3"), incomplete, verify.Telemetry, verify.ClaimsIncomplete, outcomes + "samples_count"},
		{"3 samples averaged of 4 at hand", delaysSeed, edits{outcomes + "samples_count", "=3"}, failed, verify.TelemetrySamples, verify.SamplesMismatch, outcomes + "samples_count"},
		{"more samples than probes", sealedSeed, edits{commitment + "count", "=251"}, failed, verify.Telemetry, verify.PooledMismatch, commitment + "probes.sent"},
		{"not measured, and counted", sealedSeed, edits{commitment + "not_measured", []any{"throughput_mbps", "availability_pct", "packet_loss_pct"}}, failed, verify.Telemetry, verify.PooledMismatch, commitment + "not_measured"},
		{"latency not measured", sealedSeed, edits{commitment + "not_measured", []any{"latency_ms"}}, failed, verify.Telemetry, verify.PooledMismatch, commitment + "not_measured"},
		{"a p95 over all probes without delays", delaysSeed, undisclosed(commitment+"decision.latency_p95_ns", "=5"), failed, verify.Telemetry, verify.PooledMismatch, commitment + "decision.latency_p95_ns"},
		{"a profile asked for as a number", sealedSeed, edits{"proof.requested.intent.qosProfile", "=7"}, incomplete, verify.Consistency, verify.ClaimsIncomplete, "proof.requested.intent.qosProfile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.edits.make(t, c.seed)
			data := f.seal().json()
			v := verifier(t, verify.Policy{Keys: f.keySet("")})
			r := judge(v, data)
			if r.Verdict() != c.verdict {
				t.Errorf("want %s: %s", c.verdict, describe(r))
			}
			want := map[verify.Verdict]verify.Status{failed: verify.Fail, incomplete: verify.NotRun}[c.verdict]
			pointer, found := "/"+strings.ReplaceAll(c.pointer, ".", "/"), c.check == ""
			for _, check := range r.Checks() {
				found = found || check.ID == c.check && check.Code == c.code && check.Status == want && check.Pointer == pointer
			}
			if !found {
				t.Errorf("no %s of %s at %s: %s", c.code, c.check, pointer, describe(r))
			}
			if l := v.Ledger(raws(data), verify.LedgerOptions{}); l.ByVerdict[c.verdict] != 1 {
				t.Errorf("in an audit: %v", l.ByVerdict)
			}
		})
	}
}

// One bin leaves room for percentiles in any order; ranks do not.
func TestPercentilesWithinOneBin(t *testing.T) {
	delays := func(min, p50, p95, p99, max string) edits {
		at := commitment + "delays_ns."
		return edits{at + "min", min, at + "p50", p50, at + "p95", p95, at + "p99", p99, at + "max", max}
	}
	// 400 delays between 49.807360 and 50.069503 ms, all of one bin.
	base := edits{
		"telemetry", nil, "proof.requested.intent.target_p95_latency_ms", "=50", commitment + "count", "=5", commitment + "probes.sent", "=400", commitment + "probes.lost", "=0",
		commitment + "distribution.bins", []any{[]any{json.Number("2494"), json.Number("400")}},
		outcomes + "avg_p50_ms", "=49.9", outcomes + "avg_p95_ms", "=49.95", outcomes + "avg_jitter_ms", "=0.2", measuredAt + "latency_ms", "=49.95", measuredAt + "jitter_ms", "=0.2",
		artifactsAt + "decision.reasons", []any{"latency 49.95ms <= target max_latency_ms 50ms", "jitter observed 0.2ms (informational)"},
		commitment + "decision.latency_p95_ns", "=49950000", commitment + "decision.jitter_p99_ns", "=150000",
		commitment + "decision.reasons", []any{"p95 of 400 probes, 0 lost: 49.95ms <= target 50ms", "jitter p99 0.15ms <= target 200ms"},
	}
	honest := delays("=49810000", "=49900000", "=49950000", "=49960000", "=50000000")
	for _, c := range []struct {
		name    string
		edits   edits
		verdict verify.Verdict
		pointer string
	}{
		{"in order", honest, verify.Verified, ""},
		{"all alike but the greatest", delays("=49810000", "=49950000", "=49950000", "=49960000", "=50000000"), verify.Verified, ""},
		{"min above p50", append(honest, commitment+"delays_ns.p50", "=49809000"), verify.Failed, "/proof/telemetry/delays_ns"},
		{"p50 above p95", append(honest, commitment+"delays_ns.p50", "=49955000"), verify.Failed, "/proof/telemetry/delays_ns"},
		{"p95 above p99", append(honest, commitment+"delays_ns.p95", "=49961000", commitment+"decision.latency_p95_ns", "=49961000"), verify.Failed, "/proof/telemetry/delays_ns"},
		{"p99 above max", append(honest, commitment+"delays_ns.max", "=49959000"), verify.Failed, "/proof/telemetry/delays_ns"},
		{"max below min", append(honest, commitment+"delays_ns.max", "=49809000"), verify.Failed, "/proof/telemetry/delays_ns"},
		{"the p95 of the decision is another", append(honest, commitment+"delays_ns.p95", "=49955000"), verify.Failed, "/proof/telemetry/decision/latency_p95_ns"},
		{"missed, and decided by a smaller one", append(delays("=49810000", "=50069000", "=50069501", "=50069502", "=50069503"),
			commitment+"decision.jitter_p99_ns", "=259502", commitment+"decision.reasons", []any{"p95 of 400 probes, 0 lost: 49.95ms <= target 50ms", "jitter p99 0.259502ms <= target 200ms"}),
			verify.Failed, "/proof/telemetry/decision/latency_p95_ns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := append(append(edits{}, base...), c.edits...).make(t, sealedSeed)
			data := f.seal().json()
			v := verifier(t, verify.Policy{Keys: f.keySet("")})
			r := judge(v, data)
			found := c.pointer == ""
			for _, check := range r.Checks() {
				found = found || check.ID == verify.Telemetry && check.Status == verify.Fail && check.Code == verify.PooledMismatch && check.Pointer == c.pointer
			}
			if r.Verdict() != c.verdict || !found {
				t.Errorf("want %s at %q: %s", c.verdict, c.pointer, describe(r))
			}
			if l := v.Ledger(raws(data), verify.LedgerOptions{}); l.ByVerdict[c.verdict] != 1 {
				t.Errorf("in an audit: %v", l.ByVerdict)
			}
		})
	}
}

// Every member that is missing is named, and none twice.
func TestMissingMembersAreCounted(t *testing.T) {
	f := newForge(t).set("proof.provider_observed", nil).set(outcomes+"samples_count", nil).set(outcomes+"avg_p50_ms", "x").
		set("runtime_artifact.inputs", nil).set("runtime_artifact.decision.result", nil).set(measuredAt+"extra", true).seal()
	r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
	var got []string
	for _, c := range r.Checks() {
		if c.ID == verify.Consistency {
			got = append(got, c.Pointer)
		}
	}
	const want = "/proof/provider_observed /proof/measured_outcomes/samples_count /proof/measured_outcomes/avg_p50_ms /runtime_artifact/inputs /runtime_artifact/measured/extra /runtime_artifact/decision/result"
	if strings.Join(got, " ") != want || r.Verdict() != verify.Inconclusive {
		t.Errorf("%s %v", r.Verdict(), got)
	}
}

// What is no time passes no check of times, and decides nothing that depends on it.
func TestSignedTimes(t *testing.T) {
	for _, c := range []struct {
		path    string
		value   any
		warned  bool
		pointer string
	}{
		{"proof.created_at", "2026-11-23T19:54:36.049151Z", false, ""},
		{"proof.created_at", "2026-11-23T20:54:36.049151+01:00", false, ""},
		{"proof.created_at", "0x6b03f3bcp0", true, "/proof/created_at"},
		{"proof.created_at", "+1e9", true, "/proof/created_at"},
		{"proof.created_at", "1e9", true, "/proof/created_at"},
		{"proof.created_at", "2026-11-23T9:54:36Z", true, "/proof/created_at"},
		{"proof.created_at", "NaN", true, "/proof/created_at"},
		{"proof.created_at", "1_000", true, "/proof/created_at"},
		{"proof.created_at", " 2026-11-23T19:54:36Z", true, "/proof/created_at"},
		{"proof.created_at", "1795463676.05", true, "/proof/created_at"},
		{"proof.created_at", "", true, "/proof/created_at"},
		{"runtime_artifact.created_at", "yesterday", true, "/runtime_artifact/created_at"},
		{"runtime_artifact.created_at", "1795463676.04", true, "/runtime_artifact/created_at"},
		{"runtime_artifact.created_at", "=1e300", true, "/runtime_artifact/created_at"},
		{"runtime_artifact.created_at", "=-1.5", true, "/runtime_artifact/created_at"},
		{"runtime_artifact.created_at", "=1795463676.04", false, ""},
		{"runtime_artifact.created_at", "2026-11-23T19:54:40Z", true, "/runtime_artifact/created_at"},
		{"ledger.created_at", "=1e300", true, "/ledger/created_at"},
		{"ledger.created_at", "=-5", true, "/ledger/created_at"},
	} {
		name, _ := json.Marshal(c.value)
		t.Run(c.path+string(name), func(t *testing.T) {
			f := newForge(t).set(c.path, c.value).seal()
			r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
			found := false
			for _, check := range r.Checks() {
				found = found || check.ID == verify.ClaimsTimes && check.Status == verify.Warn && check.Pointer == c.pointer
			}
			if found != c.warned || (r.Outcome(verify.ClaimsTimes) == verify.Pass) == c.warned {
				t.Error(describe(r))
			}
			if !c.warned || c.path != "proof.created_at" {
				return
			}
			windowed := judge(verifier(t, verify.Policy{Keys: f.keySet(`,"exp":4000000000`)}), f.json())
			if windowed.Verdict() != verify.Inconclusive || windowed.Outcome(verify.SignatureKey) != verify.NotRun {
				t.Errorf("under a key with a window: %s", describe(windowed))
			}
		})
	}
	// The session's state is held to the signed time.
	f := edits{"proof.created_at", "yesterday"}.make(t, sealedSeed)
	r := judge(verifier(t, verify.Policy{Keys: f.seal().keySet("")}), f.json())
	if r.Verdict() != verify.Inconclusive || r.Outcome(verify.Telemetry) != verify.NotRun {
		t.Error(describe(r))
	}
}

// Constants are told from measurements by what the proof admits, and an impossible
// value is no measurement.
func TestConstants(t *testing.T) {
	for _, c := range []struct {
		name, seed string
		edits      edits
		want       verify.Status
	}{
		{"the original's", plainSeed, edits{}, verify.Warn},
		{"with another loss", plainSeed, edits{measuredAt + "packet_loss_pct", "=0.5"}, verify.Warn},
		{"measured", plainSeed, edits{measuredAt + "throughput_mbps", "=8.5", measuredAt + "availability_pct", "=99.9"}, verify.Pass},
		{"availability of 150 %", plainSeed, edits{measuredAt + "availability_pct", "=150.0"}, verify.Warn},
		{"loss of -1 %", plainSeed, edits{measuredAt + "packet_loss_pct", "=-1.0"}, verify.Warn},
		{"throughput of -5", plainSeed, edits{measuredAt + "throughput_mbps", "=-5.0"}, verify.Warn},
		{"no loss", plainSeed, edits{measuredAt + "packet_loss_pct", nil}, verify.Skip},
		{"admitted", sealedSeed, edits{}, verify.Pass},
		{"throughput not admitted", sealedSeed, edits{commitment + "not_measured", []any{"availability_pct"}}, verify.Warn},
		{"nothing admitted", sealedSeed, edits{commitment + "not_measured", []any{}}, verify.Warn},
		{"all admitted", delaysSeed, edits{}, verify.Pass},
		{"loss not admitted", delaysSeed, edits{commitment + "not_measured", []any{"throughput_mbps", "availability_pct"}}, verify.Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.edits.make(t, c.seed).seal()
			r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
			if got := r.Outcome(verify.ClaimsConstants); got != c.want {
				t.Errorf("%s, want %s: %s", got, c.want, describe(r))
			}
		})
	}
}

// No claim of an impossible value stands as if it could be.
func TestStandingOfImpossibleValues(t *testing.T) {
	f := newForge(t).set(measuredAt+"availability_pct", "=150.0").seal()
	r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
	for _, c := range r.Claims() {
		if c.Pointer == "/runtime_artifact/measured/availability_pct" {
			if c.Standing != verify.Unproven {
				t.Errorf("%s: %s", c.Text, c.Standing)
			}
			return
		}
	}
	t.Error("no claim of availability")
}

// A genuine proof that a tool re-serialised is told by its hashes, and not accused of
// more: its integers that were floats are numbers still.
func TestReserialisedIsNotContradictory(t *testing.T) {
	text := string(testdata.Read(plainSeed))
	for _, s := range []string{"100.0", "0.0", "1039.0"} {
		text = strings.ReplaceAll(text, ":"+s, ":"+strings.TrimSuffix(s, ".0"))
		text = strings.ReplaceAll(text, ": "+s, ": "+strings.TrimSuffix(s, ".0"))
	}
	if text == string(testdata.Read(plainSeed)) {
		t.Fatal("nothing was respelled")
	}
	if _, err := canonical.Parse([]byte(text), canonical.Options{}); err != nil {
		t.Fatal(err)
	}
	r := judge(verifier(t, verify.Policy{Keys: keys(t, "jwks.json")}), []byte(text))
	if r.Verdict() != verify.Failed || r.Outcome(verify.Consistency) != verify.Pass {
		t.Error(describe(r))
	}
}
