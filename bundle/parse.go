package bundle

import (
	"fmt"
	"io"

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
	var f Fields
	if err := f.Read(doc); err != nil {
		return nil, err
	}
	return f.Bundle(), nil
}

// Bundle copies what the fields say into a [Bundle], which is valid as long as
// the document is.
func (f *Fields) Bundle() *Bundle {
	b := &Bundle{
		Form: f.Form, Generation: f.Generation, Within: f.Within, SessionID: f.text(FieldSessionID),
		Entry: Entry{
			CreatedAt: scalar(f.values[FieldEntryCreatedAt]), PrevHash: f.text(FieldPrevHash), ThisHash: f.text(FieldThisHash),
			Signature: f.text(FieldSignature), HasSignature: f.values[FieldSignature].Exists() && f.values[FieldSignature].Kind() != canonical.Null,
			KID: f.text(FieldKID),
		},
		Proof: f.proof(), ArtifactPath: f.text(FieldArtifactPath), JWKSURL: f.text(FieldJWKSURL),
		Samples: f.values[FieldSamples], HasArtifact: f.values[FieldArtifact].Exists(),
		Unknown: f.Unknown, UnknownCount: f.UnknownCount,
	}
	if has, ok := f.values[fieldHasTelemetry].Bool(); ok {
		b.NoTelemetry = !has
	}
	if f.values[FieldArtifact].Kind() == canonical.Object {
		b.Artifact = f.artifact()
	}
	return b
}

func (f *Fields) proof() Proof {
	return Proof{
		Value:          f.values[FieldProof],
		SessionID:      f.text(FieldProofSessionID),
		CreatedAt:      scalar(f.values[FieldProofCreatedAt]),
		QoSProfile:     f.text(FieldQoSProfile),
		QoSStatus:      f.text(FieldQoSStatus),
		ProviderNote:   f.text(FieldProviderNote),
		SamplesCount:   f.whole(FieldSamplesCount),
		AvgP50MS:       f.number(FieldAvgP50),
		AvgP95MS:       f.number(FieldAvgP95),
		AvgJitterMS:    f.number(FieldAvgJitter),
		ArtifactSHA256: f.text(FieldProofArtifactSHA256),
		ArtifactPath:   f.text(FieldProofArtifactPath),
		Telemetry:      f.values[FieldTelemetry],
		Session:        f.values[FieldSession],
		Issuer:         f.text(FieldIssuer),
		Intent: Intent{
			Text:               f.text(FieldIntentText),
			FlowLabel:          f.text(FieldFlowLabel),
			TargetP95LatencyMS: f.whole(FieldTargetP95),
			TargetJitterMS:     f.whole(FieldTargetJitter),
			DurationS:          f.whole(FieldDuration),
		},
	}
}

func artifactOf(v canonical.Value) Artifact {
	f := &Fields{}
	f.values[FieldArtifact] = v
	f.walk(v, artifactMembers)
	return f.artifact()
}

func (f *Fields) artifact() Artifact {
	a := Artifact{
		Value:              f.values[FieldArtifact],
		SchemaVersion:      f.text(FieldSchemaVersion),
		SessionID:          f.text(FieldArtifactSessionID),
		CreatedAt:          scalar(f.values[FieldArtifactCreatedAt]),
		QoSProfile:         f.text(FieldArtifactQoSProfile),
		MaxLatencyMS:       f.whole(FieldMaxLatency),
		MinThroughputMbps:  f.number(FieldMinThroughput),
		MinAvailabilityPct: f.number(FieldMinAvailability),
		LatencyMS:          f.number(FieldLatency),
		ThroughputMbps:     f.number(FieldThroughput),
		AvailabilityPct:    f.number(FieldAvailability),
		JitterMS:           f.number(FieldJitter),
		PacketLossPct:      f.number(FieldPacketLoss),
		Result:             f.text(FieldResult),
	}
	reasons := f.values[FieldReasons]
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

// text returns a string member; every other kind reads as "".
func (f *Fields) text(x Field) string {
	s, _ := f.values[x].Text()
	return s
}

// scalar returns a string's text or a number's spelling.
func scalar(v canonical.Value) string {
	if v.Kind() == canonical.Number {
		return string(v.Raw())
	}
	s, _ := v.Text()
	return s
}

func (f *Fields) whole(x Field) *int64 {
	if i, ok := f.values[x].Int(); ok {
		return &i
	}
	return nil
}

func (f *Fields) number(x Field) *float64 {
	if n, ok := f.values[x].Float(); ok {
		return &n
	}
	return nil
}
