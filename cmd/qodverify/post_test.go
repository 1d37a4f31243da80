package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// original answers POST /telemetry as the original does: with the faults of a body that
// has members it does not know or lacks those that it wants, each with the input.
func original(t *testing.T, status int, refusal string) (url string, posted func() map[string]any) {
	t.Helper()
	var taken map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/telemetry" {
			io.WriteString(w, `{"status":"ok","check":"liveness"}`)
			return
		}
		var body map[string]any
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%v: %s", err, data)
		}
		var faults []string
		for _, name := range []string{"session_id", "n", "p50_ms", "p95_ms", "jitter_ms"} {
			if _, there := body[name]; !there {
				faults = append(faults, `{"type":"missing","loc":["body","`+name+`"],"msg":"Field required","input":`+string(data)+`}`)
			}
		}
		for name := range body {
			if !slices.Contains([]string{"session_id", "n", "p50_ms", "p95_ms", "jitter_ms", "notes"}, name) {
				faults = append(faults, `{"type":"extra_forbidden","loc":["body","`+name+`"],"msg":"Extra inputs are not permitted","input":0}`)
			}
		}
		switch {
		case refusal != "":
			w.WriteHeader(status)
			io.WriteString(w, refusal)
		case len(faults) > 0:
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, `{"detail":[`+strings.Join(faults, ",")+`]}`)
		default:
			taken = body
			io.WriteString(w, `{"status":"stored"}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() map[string]any { return taken }
}

const pinged = `PING 192.0.2.10 (192.0.2.10) 56(84) bytes of data.
64 bytes from 192.0.2.10: icmp_seq=1 ttl=64 time=10 ms
64 bytes from 192.0.2.10: icmp_seq=2 ttl=64 time=110 ms
64 bytes from 192.0.2.10: icmp_seq=3 ttl=64 time=10 ms
64 bytes from 192.0.2.10: icmp_seq=5 ttl=64 time=10 ms

--- 192.0.2.10 ping statistics ---
5 packets transmitted, 4 received, 20% packet loss, time 4004ms
`

const sid = "54d6df8f-df97-40f6-a30e-20c424ec1e20"

// What a service does not take is shown all the same, and the original's refusal of
// single round trips says what to do.
func TestRefusedSample(t *testing.T) {
	const say = "the service takes no single round trips, as the original does not, and nothing was posted (it answered "
	for _, c := range []struct {
		name    string
		status  int
		refusal string
		want    string
	}{
		{"the original", 0, "", say},
		{"an older pydantic", 422, `{"detail":[{"loc":["body","delays_ns"],"msg":"extra fields not permitted","type":"value_error.extra"}]}`, say},
		{"a generation that ignores what it does not know", 422, `{"detail":[{"loc":["body","p95_ms"],"msg":"field required","type":"value_error.missing"}]}`, say},
		{"400", 400, `{"detail":[{"type":"missing","loc":["body","n"],"msg":"Field required"}]}`, say},
		{"another fault", 422, `{"detail":[{"type":"uuid_parsing","loc":["body","session_id"],"msg":"Input should be a valid UUID","input":"x"}]}`, "422 Unprocessable Entity: body.session_id: Input should be a valid UUID"},
		{"finalized", 409, `{"detail":"finalized"}`, "409 Conflict: finalized"},
		{"no JSON", 502, `<html>`, "502 Bad Gateway"},
	} {
		for _, command := range []string{"import", "probe"} {
			t.Run(c.name+", "+command, func(t *testing.T) {
				url, posted := original(t, c.status, c.refusal)
				args := []string{"telemetry", "import", "--from", "ping", "--to", url, "--session", sid, "-"}
				shown := "loss_pct                 20"
				if command == "probe" {
					args, shown = []string{"probe", url, "--session", sid, "-n", "3", "--interval", "1ms", "--quiet"}, "3 round trips, 0 lost"
				}
				var stdout, stderr bytes.Buffer
				if code := run(args, strings.NewReader(pinged), &stdout, &stderr); code != exitMalformed {
					t.Errorf("exit status %d", code)
				}
				if !strings.Contains(stderr.String(), c.want) || strings.Contains(stderr.String(), "map[") || (c.want == say) != strings.Contains(stderr.String(), "--summary") {
					t.Errorf("stderr %q, want %q", stderr.String(), c.want)
				}
				if !strings.Contains(stdout.String(), shown) || strings.Contains(stdout.String(), "posted to") || posted() != nil {
					t.Errorf("stdout %q, want %q; posted %v", stdout.String(), shown, posted())
				}
				stdout.Reset()
				if code := run(append(args, "--output", "json"), strings.NewReader(pinged), &stdout, io.Discard); code != exitMalformed {
					t.Errorf("JSON: exit status %d", code)
				}
				var v struct {
					Posted  bool
					Error   struct{ Code, Message, Hint string }
					Sent    int
					Figures map[string]float64
				}
				if err := json.Unmarshal(stdout.Bytes(), &v); err != nil || v.Posted || !strings.Contains(v.Error.Message, c.want) || v.Error.Code == "" || (c.want == say) != strings.Contains(v.Error.Hint, "--summary") || v.Sent == 0 && v.Figures["sent"] != 5 {
					t.Errorf("%v: %+v", err, v)
				}
			})
		}
	}
}

// --summary posts what the original takes, by its agent's definitions: of 10, 110, 10
// and 10 ms the p95 is 95 and the population's deviation 43.301270.
func TestSummary(t *testing.T) {
	url, posted := original(t, 0, "")
	var stdout, stderr bytes.Buffer
	args := []string{"telemetry", "import", "--from", "ping", "--to", url, "--session", sid, "--summary", "--notes", "n", "-"}
	if code := run(args, strings.NewReader(pinged), &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	got, _ := json.Marshal(posted())
	if want := `{"jitter_ms":43.30127,"n":4,"notes":"n","p50_ms":10,"p95_ms":95,"session_id":"` + sid + `"}`; string(got) != want {
		t.Errorf("posted %s, want %s", got, want)
	}
	for _, want := range []string{"n 4, p50 10 ms and p95 95 ms (interpolated), jitter 43.3013 ms (population standard deviation)", "p95                      110", "posted to session " + sid} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%s: want %q", stdout.String(), want)
		}
	}
	stdout.Reset()
	if code := run([]string{"probe", url, "--session", sid, "--summary", "-n", "4", "--interval", "1ms", "-o", "json"}, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	var v struct {
		Posted  bool
		P95     float64 `json:"p95_ms"`
		Max     float64 `json:"max_ms"`
		Summary map[string]any
	}
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil || !v.Posted || v.P95 != v.Max {
		t.Errorf("%v: %s", err, stdout.String())
	}
	for _, name := range []string{"n", "p50_ms", "p95_ms", "jitter_ms"} {
		if x := v.Summary[name]; x == nil || x != posted()[name] {
			t.Errorf("%s: shown %v, posted %v", name, x, posted()[name])
		}
	}
	if p95, _ := v.Summary["p95_ms"].(float64); p95 >= v.P95 {
		t.Errorf("p95 %v is not interpolated (nearest rank %v)", p95, v.P95)
	}
	for _, refused := range [][]string{
		{"telemetry", "import", "--from", "iperf3", "--summary", "-"}, // has no delays
		{"telemetry", "import", "--from", "fping", "--summary", "-"},  // none answered
	} {
		in := `{"end":{"sum_sent":{"bits_per_second":1},"sum_received":{"bits_per_second":1}}}`
		if refused[3] == "fping" {
			in = "a : - -\n"
		}
		if code := run(refused, strings.NewReader(in), io.Discard, io.Discard); code != exitMalformed {
			t.Errorf("%v: exit status %d", refused, code)
		}
	}
}

// irtt packs what it writes, and PowerShell's > makes UTF-16 of it.
func TestImportPacked(t *testing.T) {
	const trip = `{"version":{"irtt":"0.9.0"},"round_trips":[{"lost":"false","delay":{"rtt":1500000}},{"lost":"true_up","delay":{}}]}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, trip)
	z.Close()
	wide := []byte("\xff\xfe")
	for _, c := range trip {
		wide = append(wide, byte(c), 0)
	}
	file := filepath.Join(t.TempDir(), "run.json.gz")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		arg string
		in  []byte
	}{"file": {file, nil}, "stdin": {"-", packed.Bytes()}, "UTF-16": {"-", wide}} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"telemetry", "import", "--from", "irtt", c.arg}, bytes.NewReader(c.in), &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "loss_pct                 50") {
			t.Errorf("%s: exit status %d: %s%s", name, code, stdout.String(), stderr.String())
		}
	}
}

// That a file is UTF-16 is no reason to refuse it, and hides none.
func TestImportRefusedWide(t *testing.T) {
	wide := []byte("\xff\xfe")
	for _, c := range "PING a (192.0.2.1) 56(84) bytes of data.\n\n5 packets transmitted, 5 received, 0% packet loss, time 826ms\n" {
		wide = append(wide, byte(c), 0)
	}
	var stderr bytes.Buffer
	code := run([]string{"telemetry", "import", "--from", "ping", "-"}, bytes.NewReader(wide), io.Discard, &stderr)
	if code != exitMalformed || !strings.Contains(stderr.String(), "no single round trips (ping -q)") {
		t.Errorf("exit status %d: %s", code, stderr.String())
	}
}
