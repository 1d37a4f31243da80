package bundle

import (
	"fmt"
	"io"
	"slices"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Parse reads one bundle or ledger record. Its error is a [*canonical.Error]
// with code, place and pointer. The bundle keeps data, which must not be
// changed afterwards.
func Parse(data []byte) (*Bundle, error) { return parse(data, Limits{}) }

// Read reads one bundle or ledger record from r, and never more than one byte
// past the limit.
func Read(r io.Reader, limits Limits) (*Bundle, error) {
	maxBytes := limits.MaxBytes
	if maxBytes <= 0 {
		maxBytes = canonical.MaxBytes
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(maxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("reading a bundle: %w", err)
	}
	return parse(data, limits)
}

// ParseArtifact reads a runtime artifact from a file of its own. Its error is a
// [*canonical.Error].
func ParseArtifact(data []byte) (Artifact, error) {
	doc, err := canonical.Parse(data, Limits{}.options())
	if err != nil {
		return Artifact{}, err
	}
	if doc.Root().Kind() != canonical.Object {
		return Artifact{}, doc.Root().Errorf(CodeNotObject, "", "a runtime artifact is an object, and this is %s", doc.Root().Kind())
	}
	return artifactOf(doc.Root()), nil
}

func parse(data []byte, limits Limits) (*Bundle, error) {
	doc, err := canonical.Parse(data, limits.options())
	if err != nil {
		return nil, err
	}
	d := &decoder{root: doc.Root()}
	if d.root.Kind() != canonical.Object {
		return nil, d.root.Errorf(CodeNotObject, "", "a bundle is an object, and this is %s", d.root.Kind())
	}
	b := d.bundle()
	if d.err != nil {
		return nil, d.err
	}
	return b, nil
}

// decoder reads members by pointer and keeps the first error.
type decoder struct {
	root canonical.Value
	err  *canonical.Error
}

func (d *decoder) fail(at canonical.Value, code canonical.Code, pointer, format string, args ...any) {
	if d.err == nil {
		d.err = at.Errorf(code, pointer, format, args...)
	}
}

// required returns the member at a pointer and records an error unless it is of
// the wanted kind.
func (d *decoder) required(pointer string, want canonical.Kind) canonical.Value {
	v := d.root.At(pointer)
	switch {
	case !v.Exists():
		d.fail(d.root, CodeMemberMissing, pointer, "the member is missing; it should be %s", want)
	case v.Kind() != want:
		d.fail(v, CodeMemberType, pointer, "expected %s, found %s", want, v.Kind())
	}
	return v
}

func (d *decoder) text(pointer string) string {
	s, _ := d.required(pointer, canonical.String).Text()
	return s
}

// optional returns a string member; absent and null read as "".
func (d *decoder) optional(pointer string) string {
	v := d.root.At(pointer)
	if !v.Exists() || v.Kind() == canonical.Null {
		return ""
	}
	return d.text(pointer)
}

func (d *decoder) bundle() *Bundle {
	b := &Bundle{Form: FormBundle}
	if !d.root.Get("ledger").Exists() && d.root.Get("this_hash").Exists() {
		b.Form = FormRecord
	}
	if !d.root.Get("proof").Exists() && b.Form == FormBundle && !d.root.Get("ledger").Exists() {
		d.fail(d.root, CodeNotBundle, "", "neither a proof bundle nor a ledger record: it has no proof and no ledger")
		return nil
	}
	d.required("/proof", canonical.Object)
	if b.Form == FormBundle {
		d.required("/ledger", canonical.Object)
		b.SessionID = d.text("/session_id")
	} else {
		b.SessionID = d.optional("/session_id")
	}
	if d.err != nil {
		return nil
	}
	b.Entry = d.entry(b)
	b.Proof = d.proof()
	b.Generation = recognise(b.Entry, d.root.At("/proof/artifacts").Exists())
	if b.Generation.BindsArtifact() {
		d.required("/proof/artifacts", canonical.Object)
		d.text("/proof/artifacts/runtime_artifact_sha256")
		d.text("/proof/artifacts/runtime_artifact_relpath")
		d.text("/proof/created_at")
		if b.Form == FormBundle {
			d.text("/runtime_artifact_relpath")
		}
	}
	b.ArtifactPath = d.optional("/runtime_artifact_relpath")
	b.JWKSURL = d.optional("/jwks_url")
	if v := d.root.Get("runtime_artifact"); v.Exists() && v.Kind() != canonical.Null {
		b.Artifact = artifactOf(d.required("/runtime_artifact", canonical.Object))
	}
	b.Unknown, b.UnknownCount = unknown(d.root, b.Form)
	return b
}

func (d *decoder) entry(b *Bundle) Entry {
	e := Entry{
		PrevHash:  d.text(b.EntryPointer("prev_hash")),
		ThisHash:  d.text(b.EntryPointer("this_hash")),
		Signature: d.optional(b.EntryPointer("signature")),
		KID:       d.optional(b.EntryPointer("kid")),
	}
	pointer := b.EntryPointer("created_at")
	if v := d.root.At(pointer); v.Exists() && v.Kind() != canonical.Null {
		e.CreatedAt = string(d.required(pointer, canonical.Number).Raw())
	}
	return e
}

func (d *decoder) proof() Proof {
	v := d.root.Get("proof")
	p := Proof{
		Value:          v,
		SessionID:      d.text("/proof/session_id"),
		CreatedAt:      scalar(v.Get("created_at")),
		QoSProfile:     text(v.At("/requested/qos_profile")),
		QoSStatus:      text(v.At("/provider_observed/qos_status_at_finalize")),
		ProviderNote:   text(v.At("/provider_observed/provider_note")),
		SamplesCount:   whole(v.At("/measured_outcomes/samples_count")),
		AvgP50MS:       number(v.At("/measured_outcomes/avg_p50_ms")),
		AvgP95MS:       number(v.At("/measured_outcomes/avg_p95_ms")),
		AvgJitterMS:    number(v.At("/measured_outcomes/avg_jitter_ms")),
		ArtifactSHA256: text(v.At("/artifacts/runtime_artifact_sha256")),
		ArtifactPath:   text(v.At("/artifacts/runtime_artifact_relpath")),
	}
	intent := v.At("/requested/intent")
	p.Intent = Intent{
		Text:               text(intent.Get("text")),
		FlowLabel:          text(intent.Get("flow_label")),
		TargetP95LatencyMS: whole(intent.Get("target_p95_latency_ms")),
		TargetJitterMS:     whole(intent.Get("target_jitter_ms")),
		DurationS:          whole(intent.Get("duration_s")),
	}
	return p
}

func artifactOf(v canonical.Value) Artifact {
	a := Artifact{
		Value:              v,
		SchemaVersion:      text(v.Get("schema_version")),
		SessionID:          text(v.Get("session_id")),
		CreatedAt:          scalar(v.Get("created_at")),
		QoSProfile:         text(v.Get("qos_profile")),
		MaxLatencyMS:       whole(v.At("/inputs/targets/max_latency_ms")),
		MinThroughputMbps:  number(v.At("/inputs/targets/min_throughput_mbps")),
		MinAvailabilityPct: number(v.At("/inputs/targets/min_availability_pct")),
		LatencyMS:          number(v.At("/measured/latency_ms")),
		ThroughputMbps:     number(v.At("/measured/throughput_mbps")),
		AvailabilityPct:    number(v.At("/measured/availability_pct")),
		JitterMS:           number(v.At("/measured/jitter_ms")),
		PacketLossPct:      number(v.At("/measured/packet_loss_pct")),
		Result:             text(v.At("/decision/result")),
	}
	reasons := v.At("/decision/reasons")
	if reasons.Kind() == canonical.Array {
		a.Reasons = make([]string, 0, reasons.Len())
		for _, r := range reasons.Elements() {
			s, ok := r.Text()
			if !ok {
				a.Reasons = nil
				break
			}
			a.Reasons = append(a.Reasons, s)
		}
	}
	return a
}

func text(v canonical.Value) string {
	s, _ := v.Text()
	return s
}

// scalar returns a string's text or a number's spelling.
func scalar(v canonical.Value) string {
	if v.Kind() == canonical.Number {
		return string(v.Raw())
	}
	return text(v)
}

func whole(v canonical.Value) *int64 {
	if i, ok := v.Int(); ok {
		return &i
	}
	return nil
}

func number(v canonical.Value) *float64 {
	if f, ok := v.Float(); ok {
		return &f
	}
	return nil
}

// knownMembers lists the members of each object of the format, all generations
// together. A null wrapper member reads as absent.
var knownMembers = []struct {
	pointer string
	names   []string
}{
	{"/ledger", []string{"created_at", "prev_hash", "this_hash", "signature", "kid"}},
	{"/proof", []string{"session_id", "requested", "provider_observed", "measured_outcomes", "artifacts", "created_at"}},
	{"/proof/requested", []string{"intent", "qos_profile"}},
	{"/proof/requested/intent", []string{"text", "target_p95_latency_ms", "target_jitter_ms", "duration_s", "flow_label"}},
	{"/proof/provider_observed", []string{"qos_status_at_finalize", "provider_note"}},
	{"/proof/measured_outcomes", []string{"samples_count", "avg_p50_ms", "avg_p95_ms", "avg_jitter_ms"}},
	{"/proof/artifacts", []string{"runtime_artifact_sha256", "runtime_artifact_relpath"}},
	{"/runtime_artifact", []string{"schema_version", "session_id", "created_at", "qos_profile", "inputs", "measured", "decision"}},
	{"/runtime_artifact/inputs", []string{"targets", "network"}},
	{"/runtime_artifact/inputs/targets", []string{"max_latency_ms", "min_throughput_mbps", "min_availability_pct"}},
	{"/runtime_artifact/inputs/network", []string{"msisdn", "ip_address", "country"}},
	{"/runtime_artifact/measured", []string{"latency_ms", "throughput_mbps", "availability_pct", "jitter_ms", "packet_loss_pct"}},
	{"/runtime_artifact/decision", []string{"result", "reasons"}},
}

var (
	bundleMembers = []string{"session_id", "ledger", "proof", "runtime_artifact", "runtime_artifact_relpath", "jwks_url"}
	recordMembers = []string{"session_id", "created_at", "prev_hash", "this_hash", "signature", "kid", "proof", "runtime_artifact"}
)

func unknown(root canonical.Value, form Form) (pointers []string, count int) {
	add := func(object canonical.Value, pointer string, known []string) {
		for name := range object.Members() {
			if slices.Contains(known, name) {
				continue
			}
			if count++; count <= MaxUnknown {
				pointers = append(pointers, pointer+"/"+canonical.PointerToken(name))
			}
		}
	}
	if form == FormRecord {
		add(root, "", recordMembers)
	} else {
		add(root, "", bundleMembers)
	}
	for _, k := range knownMembers {
		add(root.At(k.pointer), k.pointer, k.names)
	}
	return pointers, count
}
