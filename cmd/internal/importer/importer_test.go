package importer

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata"
)

func shared(t *testing.T, name string) []byte {
	t.Helper()
	path, ok := testdata.Shared("vectors/telemetry/" + name)
	if !ok {
		t.Skip("skipped: the tools' recorded output is not here (vectors/telemetry)")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wrong are the figures of expected.json that are not what their names say, with the
// right ones, computed by hand or in Python from the files.
var wrong = map[string]map[string]struct {
	name string // under which the right figure stands; "": there is none
	x    float64
	why  string
}{
	"iperf3-udp.json": {
		"throughput_mbps": {"throughput_mbps_received", 2.0096628147622745, "end.sum is what the sender sent; 753664 bytes came in 3.000161 s"},
	},
	"iperf3-udp-delayed.json": {
		"throughput_mbps": {"throughput_mbps_received", 1.9816725196447743, "end.sum is what the sender sent; 994000 bytes came in 4.012772 s"},
	},
	"iperf3-tcp-reverse.json": {
		"min_rtt_us":  {"", 0, "the client of -R does not send, and knows no round trip: iperf3 writes 0"},
		"mean_rtt_us": {"", 0, "likewise"},
		"max_rtt_us":  {"", 0, "likewise"},
	},
	"irtt-delayed-30ms-1pct.json": {
		"ipdv_mean_abs": {"ipdv_mean_abs", 5.001691436619717, "IPDV is undefined where a neighbour is lost: irtt's own ipdv_round_trip.mean, of 284 pairs"},
		"ipdv_p95":      {"ipdv_p95", 12.254718, "likewise: the 270th of the 284 differences"},
	},
}

// The figures of each file, computed by an independent program in Python.
func TestExpected(t *testing.T) {
	var expected struct {
		Files map[string]map[string]any
	}
	if err := json.Unmarshal(shared(t, "real-tools/expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, want := range expected.Files {
		file, target, _ := strings.Cut(name, "#")
		format, _, _ := strings.Cut(file, "-")
		if format == "ping6" {
			format = "ping"
		}
		m, err := Parse(format, shared(t, "real-tools/"+file), target)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := m.Statistics()
		if got == nil {
			got = m.Figures
		}
		if nested, isNested := want["rtt_us"].(map[string]any); isNested {
			for k, v := range nested {
				want[k+"_us"] = v
			}
		}
		for key, value := range want {
			x, isNumber := value.(float64)
			if !isNumber || strings.HasPrefix(key, "tool_") {
				continue // the tool's own figures, of another definition
			}
			compared++
			if right, is := wrong[name][key]; is {
				if y, there := got[key]; there && right.name != key {
					t.Errorf("%s: %s is %v, want none: %s", name, key, y, right.why)
				}
				if key, x = right.name, right.x; key == "" {
					continue
				}
			}
			if y, ok := got[key]; !ok || math.Abs(x-y) > 6e-7*math.Max(1, math.Abs(x)) {
				t.Errorf("%s: %s is %v, want %v", name, key, y, x)
			}
		}
	}
	if compared < 150 {
		t.Errorf("only %d figures compared", compared)
	}
}

// What has no single round trips, or is cut off, is refused with its reason.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ format, file, reason string }{
		{"ping", "ping-linux-q.txt", "no single round trips"},
		{"fping", "fping-c-q.txt", "no single round trips"},
		{"fping", "fping-C-q.txt", "choose one with --target"},
		{"iperf3", "iperf3-error.json", "unable to connect to server"},
		{"irtt", "irtt-delayed.txt", "client -o FILE"},
		{"irtt", "iperf3-udp.json", "no round_trips"},
		{"iperf3", "irtt-loopback.json", "no end with its sums"},
		{"ping", "fping-c-D.txt", "not ping's output"},
		{"fping", "ping-linux.txt", "not its output"},
		{"ndt7", "iperf3-tcp.json", "not a result of ndt7"},
		{"mtr", "ping-linux.txt", "no tool"},
	} {
		if _, err := Parse(c.format, shared(t, "real-tools/"+c.file), ""); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s as %s: %v, want %q", c.file, c.format, err, c.reason)
		}
	}
	whole := string(shared(t, "real-tools/ping-linux.txt"))
	cut, _, _ := strings.Cut(whole, "---")
	if _, err := Parse("ping", []byte(cut), ""); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a run that was cut off: %v", err)
	}
	lines := strings.SplitAfter(whole, "\n")
	if _, err := Parse("ping", []byte(lines[0]+strings.Join(lines[2:], "")), ""); err == nil || !strings.Contains(err.Error(), "3 answers came, and 2 can be read") {
		t.Errorf("a line taken out: %v", err)
	}
}

// ping of nine systems, each round trip as jc's parser reads it.
func TestPings(t *testing.T) {
	path, ok := testdata.Shared("vectors/telemetry/jc-ping")
	if !ok {
		t.Skip("skipped: the recorded output of ping is not here (vectors/telemetry/jc-ping)")
	}
	outs, err := filepath.Glob(filepath.Join(path, "*.out"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, out := range outs {
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(out)
		m, err := Parse("ping", data, "")
		if err != nil {
			// Lines that were made unreadable on purpose.
			if !strings.Contains(name, "unparsable") && !strings.Contains(name, "unparsedlines") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		golden, err := os.ReadFile(strings.TrimSuffix(out, ".out") + ".json")
		if err != nil {
			continue
		}
		var want struct {
			Sent      int `json:"packets_transmitted"`
			Received  int `json:"packets_received"`
			Responses []struct {
				Type      string
				Seq       int      `json:"icmp_seq"`
				Time      *float64 `json:"time_ms"`
				Duplicate bool
			}
		}
		if err := json.Unmarshal(golden, &want); err != nil {
			t.Fatal(err)
		}
		got := m.Statistics()
		if int(got["sent"]) != want.Sent || int(got["received"]) != want.Received {
			t.Errorf("%s: %v of %v, want %d of %d", name, got["received"], got["sent"], want.Received, want.Sent)
		}
		base := 1
		if strings.HasPrefix(name, "freebsd") || strings.HasPrefix(name, "osx") || strings.HasPrefix(name, "alpine") {
			base = 0
		}
		seen := map[int]bool{}
		for _, r := range want.Responses {
			if r.Type != "reply" || r.Duplicate || r.Time == nil || seen[r.Seq] {
				continue
			}
			seen[r.Seq] = true
			if i := r.Seq - base; i < 0 || i >= len(m.Delays) || m.Delays[i] == nil || math.Abs(float64(*m.Delays[i])/1e6-*r.Time) > 1e-9 {
				t.Errorf("%s: probe %d took %v ms", name, r.Seq, *r.Time)
			}
		}
		read++
	}
	if read < 50 {
		t.Errorf("only %d files read", read)
	}
}

// Of a lost probe there is no delay, and it is there.
func TestLost(t *testing.T) {
	for format, text := range map[string]string{
		"ping":  "PING a (10.0.0.1) 56(84) bytes of data.\n64 bytes from 10.0.0.1: icmp_seq=2 ttl=64 time=1.5 ms\n\n3 packets transmitted, 1 received, 66% packet loss, time 9ms\n",
		"fping": "a : - 1.5 -\n",
	} {
		m, err := Parse(format, []byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Delays) != 3 || m.Delays[0] != nil || m.Delays[2] != nil || *m.Delays[1] != 1_500_000 {
			t.Errorf("%s: %v", format, m.Delays)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"PING a (10.0.0.1): 56 data bytes\n64 bytes from b: seq=0 ttl=1 time=0.5 ms\n1 packets transmitted, 1 packets received\n",
		"a : 0.1 - 0.2\n", "a : [0], 64 bytes, 0.1 ms (0.1 avg)\na : xmt/rcv/%loss = 1/1/0%\n",
		`{"round_trips":[{"lost":"false","delay":{"rtt":5}},{"lost":"true","delay":{}}]}`, `{"end":{"sum":{}}}`, `{"Upload":{}}`,
		"\xff\xfeP\x00I\x00N\x00G\x00",
	} {
		for i := range Formats {
			f.Add(i, []byte(s))
		}
	}
	for _, c := range cases {
		f.Add(slices.Index(Formats, c.format), []byte(c.output))
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 {
			return
		}
		m, err := Parse(Formats[i%len(Formats)], data, "")
		if err != nil {
			return
		}
		for _, i := range m.Arrivals {
			if i < 0 || i >= len(m.Delays) || m.Delays[i] == nil {
				t.Fatalf("%q: an answer to probe %d, which has none", data, i)
			}
		}
		if len(m.Delays) == 0 && len(m.Figures) == 0 {
			t.Fatalf("%q is read, and has no figure", data)
		}
		for _, ns := range m.Delays {
			if ns != nil && (*ns < 0 || *ns > 60_000_000_000) {
				t.Fatalf("%q gives a delay of %d", data, *ns)
			}
		}
		for name, x := range m.Statistics() {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%q: %s is %v", data, name, x)
			}
		}
	})
}
