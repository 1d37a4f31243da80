package bundle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

const copyOf = "qod-mock-v0.4/artifacts/890a6cbb-fc9c-4482-b930-ca123e240fd3/artifact_v1.json"

// The service's artifact_v1.json is read as the record that it holds, with pointers
// from its root.
func TestCopy(t *testing.T) {
	b, err := bundle.Parse(testdata.Read(copyOf))
	if err != nil {
		t.Fatal(err)
	}
	record, err := bundle.Parse(testdata.Read("qod-mock-v0.4/artifacts/proof_890a6cbb-fc9c-4482-b930-ca123e240fd3_20261123_195436.json"))
	if err != nil {
		t.Fatal(err)
	}
	if b.Form != bundle.FormRecord || b.Within != "/outputs/proof_record" || b.Entry != record.Entry || b.Generation != bundle.V04 || b.UnknownCount != 0 || b.NoTelemetry {
		t.Errorf("%+v", b)
	}
	for _, x := range []struct{ pointer, want string }{
		{"/proof/created_at", "/outputs/proof_record/proof/created_at"}, {"", ""},
		{"/runtime_artifact/measured", "/runtime_artifact/measured"}, // from a file of its own
	} {
		b.Artifact, _ = bundle.ParseArtifact([]byte(`{}`))
		if got := b.Pointer(x.pointer); got != x.want {
			t.Errorf("%q: %q, want %q", x.pointer, got, x.want)
		}
	}
	if got := record.Pointer("/proof/created_at"); got != "/proof/created_at" {
		t.Errorf("of a record by itself: %q", got)
	}
}

// What a copy lacks, and what it has beside, is told by its place.
func TestCopyFaults(t *testing.T) {
	text := string(testdata.Read(copyOf))
	for name, c := range map[string]struct {
		old, new string
		code     canonical.Code
		pointer  string
	}{
		"no hash":        {`"this_hash"`, `"x"`, bundle.CodeMemberMissing, "/outputs/proof_record/this_hash"},
		"no proof":       {`"proof": {`, `"x": {`, bundle.CodeMemberMissing, "/outputs/proof_record/proof"},
		"another type":   {`"kid": "2026-q2"`, `"kid": 1`, bundle.CodeMemberType, "/outputs/proof_record/kid"},
		"no record":      {`"proof_record"`, `"x"`, bundle.CodeNotBundle, ""},
		"a hash beside":  {`"task"`, `"this_hash"`, bundle.CodeMemberMissing, "/proof"},
		"a proof beside": {`"task": "QoD proof finalize (wrapper)"`, `"proof": {}`, bundle.CodeMemberMissing, "/ledger"},
	} {
		_, err := bundle.Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		var e *canonical.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Pointer != c.pointer {
			t.Errorf("%s: %v, want %s at %s", name, err, c.code, c.pointer)
		}
	}
	b, err := bundle.Parse(bytes.Replace(testdata.Read(copyOf), []byte(`"citations"`), []byte(`"odd": 1, "citations"`), 1))
	if err != nil || len(b.Unknown) != 1 || b.Unknown[0] != "/odd" {
		t.Errorf("an unknown member: %v %v", b, err)
	}
	for member, want := range map[string]string{`"session_id":"890a6cbb-fc9c-4482-b930-ca123e240fd3"`: "890a6cbb-fc9c-4482-b930-ca123e240fd3", `"session_id":"other"`: "other"} {
		for _, before := range []string{`"task"`, `"proof_record"`} {
			b, err := bundle.Parse([]byte(strings.Replace(text, before, member+","+before, 1)))
			if err != nil || b.SessionID != want {
				t.Errorf("%s before %s: %v", member, before, err)
			}
		}
	}
}
