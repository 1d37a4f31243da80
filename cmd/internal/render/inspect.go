package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/verify"
)

// Inspection is what one input claims, or why it can't be shown.
type Inspection struct {
	Input  string
	Bundle *bundle.Bundle // nil: Report says why
	Report *verify.Report
}

// claim is one value of a bundle, where it stands, and what protects it once it
// is verified.
type claim struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Pointer   string `json:"pointer"`
	Protected string `json:"protected_by"` // "signature", "artifact hash" or "nothing"
}

// protection says what would protect the value. Nobody has looked at it yet.
func (c claim) protection() string {
	if c.Protected == byNothing {
		return "(protected by nothing)"
	}
	return "(if verified: protected by " + c.Protected + ")"
}

// maxClaim bounds one shown value, in bytes. The original takes intents of up
// to 5,000 characters.
const maxClaim = 20_000

const (
	bySignature = "signature"
	byArtifact  = "artifact hash"
	byNothing   = "nothing"
)

// claims lists what a bundle says, in the order in which a reader asks.
func claims(b *bundle.Bundle) []claim {
	var list []claim
	add := func(name, value, pointer, protected string) {
		if value != "" {
			list = append(list, claim{name, canonical.Clip(value, maxClaim), pointer, protected})
		}
	}
	p, i := b.Proof, b.Proof.Intent
	add("session", p.SessionID, "/proof/session_id", bySignature)
	add("made at", date(p.CreatedAt), "/proof/created_at", bySignature)
	add("asked for", i.Text, "/proof/requested/intent/text", bySignature)
	add("flow", i.FlowLabel, "/proof/requested/intent/flow_label", bySignature)
	add("target p95 latency", unit(i.TargetP95LatencyMS, "ms"), "/proof/requested/intent/target_p95_latency_ms", bySignature)
	add("target jitter", unit(i.TargetJitterMS, "ms"), "/proof/requested/intent/target_jitter_ms", bySignature)
	add("duration", unit(i.DurationS, "s"), "/proof/requested/intent/duration_s", bySignature)
	add("QoS profile", p.QoSProfile, "/proof/requested/qos_profile", bySignature)
	add("QoS status", p.QoSStatus, "/proof/provider_observed/qos_status_at_finalize", bySignature)
	add("samples", unit(p.SamplesCount, ""), "/proof/measured_outcomes/samples_count", bySignature)
	add("average p50", unit(p.AvgP50MS, "ms"), "/proof/measured_outcomes/avg_p50_ms", bySignature)
	add("average p95", unit(p.AvgP95MS, "ms"), "/proof/measured_outcomes/avg_p95_ms", bySignature)
	add("average jitter", unit(p.AvgJitterMS, "ms"), "/proof/measured_outcomes/avg_jitter_ms", bySignature)
	a := b.Artifact
	add("latency limit", unit(a.MaxLatencyMS, "ms"), "/runtime_artifact/inputs/targets/max_latency_ms", byArtifact)
	add("throughput", unit(a.ThroughputMbps, "Mbit/s"), "/runtime_artifact/measured/throughput_mbps", byArtifact)
	add("availability", unit(a.AvailabilityPct, "%"), "/runtime_artifact/measured/availability_pct", byArtifact)
	add("packet loss", unit(a.PacketLossPct, "%"), "/runtime_artifact/measured/packet_loss_pct", byArtifact)
	add("decision", a.Result, "/runtime_artifact/decision/result", byArtifact)
	for n, reason := range a.Reasons {
		if n == 16 {
			break // a genuine artifact has two
		}
		add("reason", reason, fmt.Sprintf("/runtime_artifact/decision/reasons/%d", n), byArtifact)
	}
	add("artifact hash", p.ArtifactSHA256, "/proof/artifacts/runtime_artifact_sha256", bySignature)
	add("previous hash", b.Entry.PrevHash, b.EntryPointer("prev_hash"), bySignature)
	add("record hash", b.Entry.ThisHash, b.EntryPointer("this_hash"), bySignature)
	add("signature", b.Entry.Signature, b.EntryPointer("signature"), "itself")
	add("key id", b.Entry.KID, b.EntryPointer("kid"), byNothing)
	add("recorded at", date(b.Entry.CreatedAt), b.EntryPointer("created_at"), byNothing)
	add("wrapper session", b.SessionID, "/session_id", byNothing)
	add("artifact path", b.ArtifactPath, "/runtime_artifact_relpath", byNothing)
	add("key set URL", b.JWKSURL, "/jwks_url", byNothing)
	for _, pointer := range b.Unknown {
		add("unknown member", pointer, pointer, protector(pointer))
	}
	return list
}

// protector tells what covers a member by the section in which it stands.
func protector(pointer string) string {
	switch {
	case strings.HasPrefix(pointer, "/proof/"):
		return bySignature
	case strings.HasPrefix(pointer, "/runtime_artifact/"):
		return byArtifact
	}
	return byNothing
}

func unit[T int64 | float64](v *T, unit string) string {
	if v == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(*v) + " " + unit)
}

// InspectText writes inspections for a person, and what folders had beside.
func InspectText(w io.Writer, shown []Inspection, left LeftOut, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	for n, one := range shown {
		if n > 0 {
			p.line("")
		}
		if one.Bundle == nil {
			p.line("%s: %s", p.bold.Sprint(Printable(one.Input)), p.verdict(one.Report.Verdict()))
			p.reasons(one.Report)
			continue
		}
		p.line("%s: %s", p.bold.Sprint(Printable(one.Input)), p.doubt.Sprint("CLAIMS ONLY, nothing was verified"))
		p.line("  one %s of generation %s", one.Bundle.Form, one.Bundle.Generation)
		for _, c := range claims(one.Bundle) {
			p.line("  %-18s  %s  %s", c.Name, Printable(c.Value), p.subtle.Sprint(c.protection()))
		}
		p.line("")
		p.line("In words, and what each would rest on if the bundle were verified:")
		p.claims(verify.ClaimsOf(one.Bundle), "if verified: ")
		p.line("")
		p.line("Which checks cover which member:")
		for _, c := range verify.CoverageOf(one.Bundle) {
			covered := "nothing"
			for i, id := range c.Checks {
				if i == 0 {
					covered = string(id)
				} else {
					covered += ", " + string(id)
				}
			}
			p.line("  %-58s  %s", Printable(c.Pointer), covered)
		}
	}
	if items := left.items(); len(items) > 0 {
		p.line("")
		p.leftOut("left out", items)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// InspectJSON writes inspections as one document.
func InspectJSON(w io.Writer, tool Tool, shown []Inspection, left LeftOut) error {
	type one struct {
		Input      string        `json:"input"`
		Form       string        `json:"form,omitempty"`
		Generation string        `json:"generation,omitempty"`
		Verdict    string        `json:"verdict,omitempty"` // malformed or unreadable
		Error      string        `json:"error,omitempty"`
		Hint       string        `json:"hint,omitempty"`
		Claims     []claim       `json:"claims"`
		Words      []jsonClaim   `json:"if_verified"`
		Coverage   []jsonCovered `json:"coverage"`
	}
	doc := struct {
		Schema   string `json:"schema"`
		Verified bool   `json:"verified"`
		Note     string `json:"note"`
		Tool     Tool   `json:"tool"`
		Results  []one  `json:"results"`

		Skipped []Skipped `json:"skipped,omitempty"`
		Unused  []string  `json:"ignore_unmatched,omitempty"`
	}{Schema: "qodverify/inspect/v1", Note: "claims only, nothing was verified", Tool: tool, Results: []one{}, Skipped: left.Skipped, Unused: left.Unused}
	for _, s := range shown {
		r := one{Input: s.Input, Claims: []claim{}, Words: []jsonClaim{}, Coverage: []jsonCovered{}}
		if s.Bundle == nil {
			c := s.Report.Checks()[0]
			r.Error, r.Hint, r.Verdict = c.Message, c.Hint, s.Report.Verdict().String()
		} else {
			r.Form, r.Generation, r.Claims = string(s.Bundle.Form), string(s.Bundle.Generation), claims(s.Bundle)
			r.Words, r.Coverage = claimsJSON(verify.ClaimsOf(s.Bundle)), coverageJSON(verify.CoverageOf(s.Bundle))
		}
		doc.Results = append(doc.Results, r)
	}
	return WriteJSON(w, doc)
}
