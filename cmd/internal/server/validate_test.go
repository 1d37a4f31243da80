package server

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

func TestIntegerText(t *testing.T) {
	for text, want := range map[string]string{
		"7": "7", " 7\n": "7", "+7": "7", "-7": "-7", "007": "007", "1_000": "1000", "100.0": "100", "100.": "100",
		"": "", "+": "", "+-7": "", "--7": "", "1__0": "", "_1": "", "1_": "", "1e2": "", "0x10": "", "100.5": "", "7 7": "", "٧": "", ".0": "",
	} {
		got, ok := integerText(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t; want %q", text, got, ok, want)
		}
	}
}

// The floats of strings, as pydantic 2 takes them.
func TestFloatOfText(t *testing.T) {
	for text, want := range map[string]string{
		"1_000": "1000", "1_0.5": "10.5", "1_.5": "1.5", "1._5": "1.5", "1e1_0": "1e+10", "1_e5": "100000", "-_1": "-1", "+1_0": "10", "0_1": "1",
		" 1.5\u2003": "1.5", ".5": "0.5", "5.": "5", "1_0.": "10",
		"_1": "float_parsing", "1_": "float_parsing", "1__0": "float_parsing", " 1_0 ": "float_parsing", "_": "float_parsing", "0x1": "float_parsing", "0x_1": "float_parsing",
		"": "float_parsing", "+": "float_parsing", "+-1": "float_parsing", "1,0": "float_parsing", "\uff11_0": "float_parsing",
		"inf": "finite_number", "in_f": "finite_number", "nan": "finite_number", "1e999": "finite_number",
	} {
		x, f := toFloat(text)
		got := strconv.FormatFloat(x, 'g', -1, 64)
		if f != nil {
			got = f.kind
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A body is either refused with a 422 that is JSON, or becomes a sample within
// the limits whose stored form reads strictly.
func FuzzTelemetry(f *testing.F) {
	const sid = `"session_id":"ce49b7a6-37db-41a3-909e-bf9be75ce3c1"`
	for _, s := range []string{
		`{` + sid + `,"n":1,"p50_ms":1,"p95_ms":2,"jitter_ms":0.5}`, `{` + sid + `,"n":" 7 ","p50_ms":"1e-3","p95_ms":true,"jitter_ms":-0.0,"notes":"é\u0000"}`,
		`{"n":NaN,"x":"\ud800","session_id":"{}"}`, `[1e999]`, `null`, `{"n":1e300,"p95_ms":"inf"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := pyjson.Decode(data)
		if err != nil {
			return
		}
		v, refused := parseSample(body, time.Now())
		if refused != nil {
			if answer := invalid(refused); !json.Valid(answer.body) {
				t.Fatalf("%q is refused with %q, which is not JSON", data, answer.body)
			}
			return
		}
		figures := v.p50 == nil && v.p95 == nil && v.jitter == nil || *v.p50 >= 0 && *v.p50 <= *v.p95 && *v.p95 <= 60_000 && *v.jitter >= 0 && *v.jitter <= 60_000
		if v.n < 1 || v.n > 100_000 || !figures || pyjson.Len(v.notes) > 500 {
			t.Fatalf("%q was taken as %+v", data, v)
		}
		if id, err := uuid.Parse(v.session); err != nil || id.String() != v.session {
			t.Fatalf("%q was taken with session %q", data, v.session)
		}
		if _, err := canonical.Parse(pyjson.ASCII(v.json()), canonical.Options{}); err != nil {
			t.Fatalf("%q is stored as %q: %v", data, pyjson.ASCII(v.json()), err)
		}
	})
}

func FuzzUUID(f *testing.F) {
	for _, s := range []string{"ce49b7a637db41a3909ebf9be75ce3c1", "{ce49b7a6-37db-41a3-909e-bf9be75ce3c1}", "urn:uuid:", "{", "{}", "é", "----", "ce49b7a6-37db-41a3-909e-bf9be75ce3c1x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseUUID(s)
		if err != nil {
			return
		}
		if again, err := parseUUID(id); err != nil || again != id || len(id) != 36 {
			t.Fatalf("%q was read as %q", s, id)
		}
	})
}
