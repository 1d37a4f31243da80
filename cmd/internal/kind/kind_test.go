package kind_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/kind/kindtest"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

var wants = []kind.Want{kind.Bundle, kind.Ledger, kind.Keys, kind.Artifact, kind.Telemetry, kind.Policy, kind.State, kind.Evidence, kind.Database, kind.SigningKey, kind.JSON}

// Each kind of file is named, with what helps, and keeps the parser's code.
func TestKinds(t *testing.T) {
	for name, f := range kindtest.Files() {
		t.Run(name, func(t *testing.T) {
			k, ok := kind.Of(f.Data, kind.Bundle)
			if !ok || k.ID != f.ID || !strings.Contains(k.Sentence(), f.Word) {
				t.Errorf("%v %q: %s; want %q, naming %q", ok, k.ID, k.Sentence(), f.ID, f.Word)
			}
			_, err := bundle.Parse(f.Data)
			explained := kind.Explain(err, f.Data, kind.Bundle)
			var code *canonical.Error
			if err == nil || !errors.As(explained, &code) || explained.Error() != k.Sentence() {
				t.Errorf("the parser: %v; explained: %v", err, explained)
			}
			for _, want := range wants {
				if k, ok := kind.Of(f.Data, want); ok && (k.ID == "" || k.What == "" || !strings.HasSuffix(k.Do, ".") || strings.Contains(k.Sentence(), "  ")) {
					t.Errorf("wanted %d: %+v", want, k)
				}
			}
		})
	}
}

// What is wanted is not called something else, whatever is wrong with it.
func TestWanted(t *testing.T) {
	one := kindtest.Bundle()
	record := testdata.Read("qod-mock-v0.4/artifacts/proof_890a6cbb-fc9c-4482-b930-ca123e240fd3_20261123_195436.json")
	keys := testdata.Read("qod-mock-v0.4/jwks.json")
	artifact := testdata.Read("qod-mock-v0.4/artifacts/890a6cbb-fc9c-4482-b930-ca123e240fd3/artifact.json")
	for name, c := range map[string]struct {
		data  []byte
		wants []kind.Want
	}{
		"a bundle":           {one, []kind.Want{kind.Bundle, kind.Ledger, kind.JSON}},
		"a part of one":      {one[:len(one)/2], []kind.Want{kind.Bundle, kind.Ledger, kind.Keys, kind.JSON}},
		"one without member": {bytes.Replace(one, []byte(`"prev_hash"`), []byte(`"x"`), 1), []kind.Want{kind.Bundle, kind.Ledger}},
		"one with a schema":  {append([]byte(`{"schema":"qodverify/report/v1","specversion":1,"type":1,"source":1,`), one[1:]...), []kind.Want{kind.Bundle, kind.Ledger}},
		"a record":           {record, []kind.Want{kind.Bundle, kind.Ledger}},
		"keys":               {keys, []kind.Want{kind.Keys, kind.JSON}},
		"a JWK":              {[]byte(`{"kty":"OKP"}`), []kind.Want{kind.Keys}},
		"an artifact":        {artifact, []kind.Want{kind.Artifact}},
		"a policy":           {[]byte(`{"version":1,"name":"x","keys":[],"limits":{}}`), []kind.Want{kind.Policy}},
		"a policy in YAML":   {[]byte("version: 1\nname: x\nmin_samples: zz\n"), []kind.Want{kind.Policy}},
		"a state":            {[]byte(`{"schema":"qodverify/state/v1"}`), []kind.Want{kind.State}},
		"evidence":           {[]byte(`{"schema":"qodverify/evidence/v1"}`), []kind.Want{kind.Evidence}},
		"ping":               {[]byte("PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n"), []kind.Want{kind.Telemetry}},
		"fping":              {[]byte("192.0.2.1 : [0], 64 bytes, 0.05 ms (0.05 avg, 0% loss)\n"), []kind.Want{kind.Telemetry}},
		"iperf3":             {[]byte(`{"start":{},"intervals":[],"end":{},"error":"x"}`), []kind.Want{kind.Telemetry}},
		"lines of a tool":    {[]byte("{\"Key\":1}\n{\"Key\":2}\n"), []kind.Want{kind.Telemetry}},
	} {
		for _, want := range c.wants {
			if k, ok := kind.Of(c.data, want); ok {
				t.Errorf("%s, wanted %d: %s", name, want, k.Sentence())
			}
		}
	}
}

// What is to be done depends on what was wanted.
func TestWording(t *testing.T) {
	files := kindtest.Files()
	for _, c := range []struct {
		file string
		want kind.Want
		say  string
	}{
		{"pem-public", kind.Keys, "--jwks takes a JWK Set"},
		{"pem-private", kind.Keys, "keep the private key"},
		{"xz", kind.Bundle, "xz -dc FILE | qodverify -"},
		{"xz", kind.Ledger, "xz -dc FILE | qodverify audit -"},
		{"xz", kind.Keys, "xz -dc FILE > NEW"},
		{"sqlite", kind.Bundle, "qodverify export FILE"},
		{"sqlite", kind.Keys, "JWK Set"},
		{"jwks", kind.Telemetry, "--jwks"},
		{"own-report", kind.Policy, "a policy"},
		{"data", kind.Ledger, "qodverify canon --pointer /data FILE | qodverify audit -"},
	} {
		if k, ok := kind.Of(files[c.file].Data, c.want); !ok || !strings.Contains(k.Sentence(), c.say) {
			t.Errorf("%s, wanted %d: %s; want %q", c.file, c.want, k.Sentence(), c.say)
		}
	}
	if k, ok := kind.Of([]byte(`{"data":`+string(testdata.Read("qod-mock-v0.4/jwks.json"))+`}`), kind.Keys); !ok || !strings.Contains(k.Sentence(), `a JWK Set at "/data"`) {
		t.Errorf("a JWK Set in another document: %s", k.Sentence())
	}
	if k, ok := kind.Of(kindtest.Bundle(), kind.Keys); !ok || k.ID != "bundle" || !strings.Contains(k.Sentence(), "as the input") {
		t.Errorf("a bundle as keys: %s", k.Sentence())
	}
}

// A stream is told by its head where that settles it, and a ledger is none of these.
func TestHead(t *testing.T) {
	for name, f := range kindtest.Files() {
		k, ok := kind.Head(f.Data[:min(len(f.Data), 4096)], kind.Ledger)
		if body := bytes.TrimLeft(f.Data, " \t\r\n"); len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"') {
			if ok && !strings.HasPrefix(k.ID, "utf") && k.ID != "shortcut" {
				t.Errorf("%s: %s", name, k.Sentence())
			}
		} else if !ok && f.ID != "null" {
			t.Errorf("%s: not known", name)
		}
	}
	if k, ok := kind.Head([]byte("{\"torn"), kind.Ledger); ok {
		t.Error(k.Sentence())
	}
}

// Whatever a file holds, the answer is bounded, printable text, and stands whenever
// the file is asked about.
func FuzzOf(f *testing.F) {
	for _, file := range kindtest.Files() {
		f.Add(file.Data, uint8(0))
		f.Add(file.Data, uint8(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, w uint8) {
		want := wants[int(w)%len(wants)]
		k, ok := kind.Of(data, want)
		if ok != (k.ID != "") || len(k.Sentence()) > 2000 || !utf8.ValidString(k.What) || !utf8.ValidString(k.Do) {
			t.Fatalf("%v %+v", ok, k)
		}
		if _, err := bundle.Parse(data); ok && err == nil && (want == kind.Bundle || want == kind.Ledger) {
			t.Fatalf("a bundle is taken for something else: %s", k.Sentence())
		}
		if set, err := jwks.Parse(data); ok && err == nil && set.Len() > 0 && want == kind.Keys {
			t.Fatalf("keys are taken for something else: %s", k.Sentence())
		}
		kind.Head(data, want)
	})
}
