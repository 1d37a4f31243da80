package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

const goodName = "qod-mock-v0.4/good/01.bundle.json"

// edit returns a genuine bundle after a change to its members.
func edit(t testing.TB, change func(map[string]any)) []byte {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(testdata.Read(goodName)))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	change(m)
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func in(m map[string]any, path ...string) map[string]any {
	for _, p := range path {
		m = m[p].(map[string]any)
	}
	return m
}

func TestParse(t *testing.T) {
	b, err := bundle.Parse(testdata.Read(goodName))
	if err != nil {
		t.Fatal(err)
	}
	p, a := b.Proof, b.Artifact
	switch {
	case b.Form != bundle.FormBundle, b.Generation != bundle.V04, b.SessionID != "6a55e554-4929-47f2-8675-0f6ff4fb44e0", p.SessionID != b.SessionID, a.SessionID != b.SessionID,
		b.ArtifactPath != b.SessionID+"/artifact.json", p.ArtifactPath != b.ArtifactPath, b.JWKSURL != "/.well-known/jwks.json",
		b.Entry.KID != "default", len(b.Entry.Signature) != 86, len(b.Entry.PrevHash) != 64, len(b.Entry.ThisHash) != 64, b.Entry.CreatedAt != "1795463676.0844924",
		p.QoSProfile != "QOS_BEST_EFFORT", p.QoSStatus != "REQUESTED", p.ProviderNote != "local-simulated-provider",
		p.Intent.Text != "Streaming vidéo 4K – Zürich → Genève", p.Intent.FlowLabel != "日本", *p.Intent.TargetP95LatencyMS != 151, *p.Intent.TargetJitterMS != 25085, *p.Intent.DurationS != 31747,
		*p.SamplesCount != 1, *p.AvgP50MS != 114.3, *p.AvgP95MS != 1039, *p.AvgJitterMS != 88.12, len(p.ArtifactSHA256) != 64,
		a.SchemaVersion != "v1", a.QoSProfile != "strict", *a.MaxLatencyMS != 151, *a.MinThroughputMbps != 0.1, *a.MinAvailabilityPct != 0,
		*a.LatencyMS != 1039, *a.ThroughputMbps != 0, *a.AvailabilityPct != 100, *a.JitterMS != 88.12, *a.PacketLossPct != 0, a.Result != "fail", len(a.Reasons) != 2,
		b.UnknownCount != 0:
		t.Errorf("read wrongly: %+v", b)
	}
	if at, ok := p.Time(); !ok || !at.Equal(time.Date(2026, 11, 23, 19, 54, 36, 84148000, time.UTC)) {
		t.Errorf("signed time %v %v", at, ok)
	}
}

// Each refusal names its code and the pointer of the member at fault.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		data    []byte
		code    canonical.Code
		pointer string
	}{
		"array":              {[]byte(`[]`), bundle.CodeNotObject, ""},
		"null":               {[]byte(`null`), bundle.CodeNotObject, ""},
		"some object":        {[]byte(`{"a":1}`), bundle.CodeNotBundle, ""},
		"two documents":      {append(testdata.Read(goodName), "{}"...), canonical.CodeTrailingData, ""},
		"no proof":           {edit(t, func(m map[string]any) { delete(m, "proof") }), bundle.CodeMemberMissing, "/proof"},
		"proof is text":      {edit(t, func(m map[string]any) { m["proof"] = "x" }), bundle.CodeMemberType, "/proof"},
		"no ledger":          {edit(t, func(m map[string]any) { delete(m, "ledger") }), bundle.CodeMemberMissing, "/ledger"},
		"ledger is an array": {edit(t, func(m map[string]any) { m["ledger"] = []any{} }), bundle.CodeMemberType, "/ledger"},
		"artifact is text":   {edit(t, func(m map[string]any) { m["runtime_artifact"] = "x" }), bundle.CodeMemberType, "/runtime_artifact"},
		"no session":         {edit(t, func(m map[string]any) { delete(m, "session_id") }), bundle.CodeMemberMissing, "/session_id"},
		"no path":            {edit(t, func(m map[string]any) { delete(m, "runtime_artifact_relpath") }), bundle.CodeMemberMissing, "/runtime_artifact_relpath"},
		"no prev_hash":       {edit(t, func(m map[string]any) { delete(in(m, "ledger"), "prev_hash") }), bundle.CodeMemberMissing, "/ledger/prev_hash"},
		"this_hash null":     {edit(t, func(m map[string]any) { in(m, "ledger")["this_hash"] = nil }), bundle.CodeMemberType, "/ledger/this_hash"},
		"kid is a number":    {edit(t, func(m map[string]any) { in(m, "ledger")["kid"] = 5 }), bundle.CodeMemberType, "/ledger/kid"},
		"signature is true":  {edit(t, func(m map[string]any) { in(m, "ledger")["signature"] = true }), bundle.CodeMemberType, "/ledger/signature"},
		"created_at is text": {edit(t, func(m map[string]any) { in(m, "ledger")["created_at"] = "now" }), bundle.CodeMemberType, "/ledger/created_at"},
		"no artifact hash": {edit(t, func(m map[string]any) { delete(in(m, "proof", "artifacts"), "runtime_artifact_sha256") }),
			bundle.CodeMemberMissing, "/proof/artifacts/runtime_artifact_sha256"},
		"proof session is a number": {edit(t, func(m map[string]any) { in(m, "proof")["session_id"] = 1 }), bundle.CodeMemberType, "/proof/session_id"},
		"folded name":               {bytes.Replace(testdata.Read(goodName), []byte(`"this_hash"`), []byte("\"thi\u017f_hash\""), 1), bundle.CodeMemberMissing, "/ledger/this_hash"},
		"Kelvin sign":               {bytes.Replace(testdata.Read(goodName), []byte(`"prev_hash"`), []byte("\"PREV_HASH\""), 1), bundle.CodeMemberMissing, "/ledger/prev_hash"},
	} {
		_, err := bundle.Parse(c.data)
		var e *canonical.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Pointer != c.pointer || e.Line != 1 {
			t.Errorf("%s: got %v, want %s at %q", name, err, c.code, c.pointer)
		}
	}
}

// Members that the format does not know are kept and listed; none of them ever
// stands in for a known one.
func TestUnknownMembers(t *testing.T) {
	b, err := bundle.Parse(edit(t, func(m map[string]any) {
		m["Proof"] = map[string]any{"session_id": "other"}
		in(m, "ledger")["\u212aid"] = "other" // KELVIN SIGN folds to k
		in(m, "proof")["a/b~"] = 1
		in(m, "runtime_artifact", "measured")["mos"] = 4.2
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(b.Unknown, " ")
	if got != "/Proof /ledger/\u212aid /proof/a~1b~0 /runtime_artifact/measured/mos" || b.UnknownCount != 4 {
		t.Errorf("unknown: %q (%d)", got, b.UnknownCount)
	}
	if b.Proof.SessionID == "other" || b.Entry.KID == "other" {
		t.Error("an unknown member was bound to a known one")
	}
	b, err = bundle.Parse(edit(t, func(m map[string]any) {
		for i := range 100 {
			m[strings.Repeat("x", i+1)] = 0
		}
	}))
	if err != nil || len(b.Unknown) != bundle.MaxUnknown || b.UnknownCount != 100 {
		t.Errorf("%d listed of %d, %v", len(b.Unknown), b.UnknownCount, err)
	}
}

func TestGenerations(t *testing.T) {
	strip := func(members ...string) func(map[string]any) {
		return func(m map[string]any) {
			for _, name := range members {
				if name == "artifacts" {
					delete(in(m, "proof"), name)
				} else {
					in(m, "ledger")[name] = ""
				}
			}
		}
	}
	for _, c := range []struct {
		data []byte
		want bundle.Generation
	}{
		{edit(t, strip()), bundle.V04},
		{edit(t, strip("artifacts")), bundle.Unbound},
		{edit(t, strip("artifacts", "kid")), bundle.Unbound},
		{edit(t, strip("artifacts", "kid", "signature")), bundle.V01},
		// What binds an artifact is v0.4, whatever was taken away from it.
		{edit(t, strip("signature")), bundle.V04},
		{edit(t, strip("kid")), bundle.V04},
		{edit(t, strip("kid", "signature")), bundle.V04},
	} {
		b, err := bundle.Parse(c.data)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
		} else if b.Generation != c.want {
			t.Errorf("got %s, want %s", b.Generation, c.want)
		}
	}
	if _, err := bundle.Parse(edit(t, strip("artifacts", "signature"))); err == nil {
		t.Error("a named key without a signature or artifacts is of no generation, and was read")
	}
	n := 0
	for line := range bytes.Lines(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")) {
		n++
		b, err := bundle.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if b.Generation != bundle.V01 || b.Form != bundle.FormRecord || b.UnknownCount != 0 {
			t.Errorf("record %d: %s %s, unknown %v", n, b.Generation, b.Form, b.Unknown)
		}
		d, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, canonical.PythonDefault)
		if err != nil || d.String() != b.Entry.ThisHash {
			t.Errorf("record %d: the v0.1 formula gives %s, not %s (%v)", n, d, b.Entry.ThisHash, err)
		}
		if at, ok := b.Proof.Time(); !ok || at.Year() != 2026 {
			t.Errorf("record %d: time %v %v", n, at, ok)
		}
	}
	if n != 21 {
		t.Errorf("%d v0.1 records, want 21", n)
	}
}

func TestRead(t *testing.T) {
	good := testdata.Read(goodName)
	if b, err := bundle.Read(bytes.NewReader(good), bundle.Limits{}); err != nil || b.SessionID == "" {
		t.Errorf("a good bundle: %v", err)
	}
	for name, c := range map[string]struct {
		r      io.Reader
		limits bundle.Limits
		code   canonical.Code
	}{
		"one byte too many": {bytes.NewReader(good), bundle.Limits{MaxBytes: len(good) - 1}, canonical.CodeTooLarge},
		"endless":           {endless{}, bundle.Limits{}, canonical.CodeTooLarge},
		"too deep":          {strings.NewReader(strings.Repeat("[", 10_000_000)), bundle.Limits{}, canonical.CodeTooDeep},
		"too many values":   {strings.NewReader(string(good)), bundle.Limits{MaxValues: 10}, canonical.CodeTooManyValues},
	} {
		_, err := bundle.Read(c.r, c.limits)
		var e *canonical.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	if _, err := bundle.Read(io.MultiReader(bytes.NewReader(good), broken{}), bundle.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a read error after a whole bundle: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The bar between prev_hash and proof stands where the format says, or there is
// no digest at all.
func TestLinkDigest(t *testing.T) {
	doc, err := canonical.Parse([]byte(`{"a":100.0}`), canonical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("0a", 32)
	for prev, ok := range map[string]bool{
		"GENESIS": true, hash: true, "": false, "genesis": false, "GENESIS|": false, hash[:63]: false, hash + "0": false,
		strings.ToUpper(hash): false, hash[:62] + "٠": false, hash[:63] + "|": false, "sha256:" + hash: false, "0x" + hash[2:]: false,
	} {
		if _, err := bundle.LinkDigest(prev, doc.Root(), canonical.QodMock); (err == nil) != ok {
			t.Errorf("prev_hash %q: %v", prev, err)
		}
	}
	d, err := bundle.LinkDigest("GENESIS", doc.Root(), canonical.QodMock)
	// python3 -c 'import hashlib; print(hashlib.sha256(b"GENESIS|{\"a\":100.0}").hexdigest())'
	if want := "8afe9287c5b67bc0c6dc78331eb5e5a889d0257673ebdbdcbbfd3b0a1cb363f2"; err != nil || d.String() != want {
		t.Errorf("got %s, want %s", d, want)
	}
	if got, err := bundle.ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("ParseDigest(String()) = %v, %v", got, err)
	}
	if got := string(bundle.SigningInput(d)); got != d.String() {
		t.Errorf("what is signed is %q, not the 64 characters", got)
	}
}

func TestTimes(t *testing.T) {
	for s, want := range map[string]string{
		"2026-11-23T19:54:36.084148Z": "2026-11-23T19:54:36.084148Z",
		"2026-11-23T19:54:36Z":        "2026-11-23T19:54:36Z", // the original drops a fraction of zero
		"1772426781.972386":           "2026-03-02T04:46:21.972386Z",
		"2026-11-23T19:54:36":         "", "2026-11-23T19:54:36,5Z": "", "2026-11-23T20:54:36+01:00": "2026-11-23T19:54:36Z", "": "", "now": "", "-1": "", "1e300": "", "NaN": "",
	} {
		at, ok := bundle.Proof{CreatedAt: s}.Time()
		if got := at.Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s %v, want %q", s, got, ok, want)
		}
	}
}

// FuzzParse: no panic, and what is accepted has the members that all else
// relies on.
func FuzzParse(f *testing.F) {
	f.Add(testdata.Read(goodName))
	f.Add([]byte(`{"prev_hash":"GENESIS","this_hash":"","proof":{"session_id":"a"}}`))
	f.Add([]byte(`{"session_id":"a","ledger":{"prev_hash":"","this_hash":""},"proof":{"session_id":"a","created_at":1}}`))
	for line := range bytes.Lines(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")) {
		f.Add(line)
		break
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Parse(data)
		if err != nil {
			var e *canonical.Error
			if !errors.As(err, &e) || e.Code == "" || b != nil {
				t.Fatalf("%q: badly made error %#v", data, err)
			}
			return
		}
		if b.Proof.Value.Kind() != canonical.Object || b.Generation == "" || b.Form == "" || len(b.Unknown) > b.UnknownCount {
			t.Fatalf("%q: accepted as %+v", data, b)
		}
		if _, err := bundle.LinkDigest(bundle.Genesis, b.Proof.Value, canonical.QodMock); err != nil {
			t.Fatalf("%q: accepted, and its proof has no qod-mock form: %v", data, err)
		}
		bundle.ParseArtifact(data)
	})
}
