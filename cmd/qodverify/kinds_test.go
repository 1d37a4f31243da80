package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/kind/kindtest"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
)

// Each kind of file names itself, wherever it is given, and ends with status 3.
func TestKindsEverywhere(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keys, good := write("keys.json", testdata.Read("qod-mock-v0.4/jwks.json")), write("good.json", kindtest.Bundle())
	record := write("record.json", testdata.Read("qod-mock-v0.4/artifacts/proof_890a6cbb-fc9c-4482-b930-ca123e240fd3_20261123_195436.json"))
	for _, place := range []struct {
		name string
		want kind.Want
		args []string // FILE is the file
		exit exitCode
	}{
		{"verify", kind.Bundle, []string{"--jwks", keys, "FILE"}, exitMalformed},
		{"stdin", kind.Bundle, []string{"--jwks", keys, "-"}, exitMalformed},
		{"inspect", kind.Bundle, []string{"inspect", "FILE"}, exitMalformed},
		{"keys", kind.Keys, []string{"--jwks", "FILE", good}, exitMalformed},
		{"keys list", kind.Keys, []string{"keys", "FILE"}, exitMalformed},
		{"previous", kind.Bundle, []string{"--jwks", keys, "--previous", "FILE", good}, exitMalformed},
		{"artifact", kind.Artifact, []string{"--jwks", keys, "--artifact", "FILE", record}, exitMalformed},
		{"audit", kind.Ledger, []string{"audit", "--jwks", keys, "FILE"}, exitMalformed},
		{"state", kind.State, []string{"audit", "--jwks", keys, "--state", "FILE", good}, exitMalformed},
		{"evidence", kind.Evidence, []string{"evidence", "--jwks", keys, "FILE"}, exitMalformed},
		{"telemetry", kind.Telemetry, []string{"telemetry", "import", "--from", "ping", "FILE"}, exitMalformed},
		{"disclose", kind.Bundle, []string{"telemetry", "disclose", "--sample", "0", "FILE"}, exitMalformed},
		{"policy", kind.Policy, []string{"policy", "lint", "FILE"}, exitMalformed},
		{"--policy", kind.Policy, []string{"--jwks", keys, "--policy", "FILE", good}, exitUsage},
		{"canon", kind.JSON, []string{"canon", "FILE"}, exitMalformed},
		{"export", kind.Database, []string{"export", "FILE"}, exitMalformed},
		{"--key", kind.SigningKey, []string{"export", "jws", "--jwks", keys, "--key", "FILE", good}, exitMalformed},
		{"mutate", kind.Bundle, []string{"mutate", "--jwks", keys, "FILE"}, exitMalformed},
	} {
		t.Run(place.name, func(t *testing.T) {
			named := 0
			for name, f := range kindtest.Files() {
				k, known := kind.Of(f.Data, place.want)
				if !known || toldByLine[place.name+" "+f.ID] {
					continue // what is wanted, or what the parser tells better
				}
				named++
				args := append([]string{}, place.args...)
				for i, a := range args {
					if a == "FILE" {
						args[i] = write("file-"+name, f.Data)
					}
				}
				var stdout, stderr bytes.Buffer
				code := run(args, bytes.NewReader(f.Data), &stdout, &stderr)
				if out := stdout.String() + stderr.String(); code != place.exit || !strings.Contains(out, "this is "+render.Printable(k.What)) {
					t.Errorf("%s: exit %d, want %d and %q:\n%.1500s", name, code, place.exit, k.What, out)
				}
			}
			if named < 40 {
				t.Errorf("only %d kinds were tried", named)
			}
		})
	}
}

// toldByLine is what is told in other words: line by line, that there is no record, what
// is wrong with a database, or what UTF-16 text says.
var toldByLine = map[string]bool{"audit own-lines-lines": true, "audit empty": true, "audit blank": true, "audit zeros": true, "audit sqlite": true,
	"telemetry utf-16": true}

// A report has the message and the hint apart, in JSON and in what a pipeline shows.
func TestKindInReport(t *testing.T) {
	for _, name := range []string{"lfs", "utf16le", "data", "html"} {
		f := kindtest.Files()[name]
		k, _ := kind.Of(f.Data, kind.Bundle)
		var stdout, stderr bytes.Buffer
		run([]string{"-o", "json", "-"}, bytes.NewReader(f.Data), &stdout, &stderr)
		var report struct {
			Results []struct {
				Checks []struct{ Code, Message, Hint string }
			}
		}
		if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || len(report.Results) != 1 {
			t.Fatalf("%v\n%s", err, stdout.String())
		}
		c := report.Results[0].Checks[0]
		if !strings.HasPrefix(c.Message, "this is "+k.What) || c.Hint != k.Do || !strings.HasPrefix(c.Code, "json_") && c.Code != "not_a_bundle" {
			t.Errorf("%s: %+v", name, c)
		}
		stdout.Reset()
		run([]string{"-o", "github", "-"}, bytes.NewReader(f.Data), &stdout, &stderr)
		if !strings.Contains(stdout.String(), "this is "+k.What) {
			t.Errorf("%s: no annotation names it:\n%s", name, stdout.String())
		}
	}
}

// What is packed is read as if it were not, wherever a file is read.
func TestPackedEverywhere(t *testing.T) {
	dir := t.TempDir()
	packed := map[string]func([]byte) []byte{
		"gz": func(data []byte) []byte {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(data)
			z.Close()
			return b.Bytes()
		},
		"zst": func(data []byte) []byte {
			z, err := zstd.NewWriter(nil, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
			if err != nil {
				t.Fatal(err)
			}
			return z.EncodeAll(data, nil)
		},
	}
	for format, pack := range packed {
		write := func(name string, data []byte) string {
			name = filepath.Join(dir, name+"."+format)
			if err := os.WriteFile(name, pack(data), 0o600); err != nil {
				t.Fatal(err)
			}
			return name
		}
		const session = "890a6cbb-fc9c-4482-b930-ca123e240fd3"
		keys, good := write("keys.json", testdata.Read("qod-mock-v0.4/jwks.json")), write("good.json", kindtest.Bundle())
		record := write("record.json", testdata.Read("qod-mock-v0.4/artifacts/proof_"+session+"_20261123_195436.json"))
		artifact := write("artifact.json", testdata.Read("qod-mock-v0.4/artifacts/"+session+"/artifact.json"))
		second := write("second.json", testdata.Read("qod-mock-v0.4/good/01.bundle.json"))
		policy := write("policy.yaml", []byte("version: 1\nname: mine\nmin_samples: 1\n"))
		ping := write("ping.txt", []byte("PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=1.50 ms\n64 bytes from 192.0.2.1: icmp_seq=2 ttl=64 time=2.50 ms\n\n--- 192.0.2.1 ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\nrtt min/avg/max/mdev = 1.500/2.000/2.500/0.500 ms\n"))
		for name, c := range map[string]struct {
			args []string
			exit exitCode
		}{
			"verify":         {[]string{"--jwks", keys, good}, exitVerified},
			"folder":         {[]string{"--jwks", keys, "--ignore", "k*", "--ignore", "r*", "--ignore", "a*", "--ignore", "p*", dir}, exitVerified},
			"previous":       {[]string{"--jwks", keys, "--previous", good, second}, exitVerified},
			"artifact":       {[]string{"--jwks", keys, "--artifact", artifact, record}, exitVerified},
			"policy":         {[]string{"--jwks", keys, "--policy", policy, good}, exitVerified},
			"policy lint":    {[]string{"policy", "lint", policy}, exitVerified},
			"keys":           {[]string{"keys", keys}, exitVerified},
			"inspect":        {[]string{"inspect", good}, exitInconclusive},
			"canon":          {[]string{"canon", good}, exitVerified},
			"audit":          {[]string{"audit", "--jwks", keys, good}, exitVerified},
			"telemetry":      {[]string{"telemetry", "import", "--from", "ping", ping}, exitVerified},
			"export openssl": {[]string{"export", "openssl", "--jwks", keys, "--out", filepath.Join(dir, "ossl-"+format), good}, exitVerified},
		} {
			var stdout, stderr bytes.Buffer
			if code := run(c.args, strings.NewReader(""), &stdout, &stderr); code != c.exit {
				t.Errorf("%s, %s: exit %d, want %d\n%.800s%.800s", format, name, code, c.exit, stdout.String(), stderr.String())
			}
		}
		var stdout, stderr bytes.Buffer
		if code := run([]string{"--jwks", keys, "-"}, bytes.NewReader(pack(kindtest.Bundle())), &stdout, &stderr); code != exitVerified {
			t.Errorf("%s, stdin: exit %d\n%s", format, code, stderr.String())
		}
	}
}
