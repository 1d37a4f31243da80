package importer

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// toolCase is what a tool printed, and what it says. The delays and figures were read
// off by hand.
type toolCase struct {
	name, format, output, target string
	delays                       string             // in ms, "-" for a lost probe
	arrivals                     string             // the places of the answers as they came, where that is not the order of sending
	duplicates, inFlight         int                // not counted
	asked                        string             // what was measured
	from, to                     string             // when
	figures                      map[string]float64 // those of a tool without single delays: all that there are
	about                        map[string]string  // a part of what a figure is of
	notes                        []string           // a part of each note
	notMeasured                  []string           // a part of what is not measured, beside the percentiles
	refused                      string             // a part of the reason
}

var cases = slices.Concat(pingCases, fpingCases, jsonCases)

func TestTools(t *testing.T) {
	for _, c := range cases {
		t.Run(c.format+" "+c.name, func(t *testing.T) { c.check(t, []byte(c.output)) })
	}
}

// PowerShell's > makes UTF-16 of a tool's output, and others a byte order mark.
func TestEncodings(t *testing.T) {
	for _, c := range cases {
		if c.refused != "" {
			continue
		}
		t.Run(c.format+" "+c.name, func(t *testing.T) {
			units := utf16.Encode([]rune(c.output))
			for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
				data := make([]byte, 2*len(units))
				for i, u := range units {
					order.PutUint16(data[2*i:], u)
				}
				mark := []byte{0xff, 0xfe}
				if order == binary.BigEndian {
					mark = []byte{0xfe, 0xff}
				}
				c.check(t, append(mark, data...))
				c.check(t, data)
			}
			c.check(t, append([]byte("\xef\xbb\xbf"), c.output...))
			c.check(t, []byte(strings.ReplaceAll(c.output, "\n", "\r\n")))
		})
	}
	if _, err := Parse("ping", []byte("\xff\xfeP\x00I"), ""); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("half a character: %v", err)
	}
}

func (c *toolCase) check(t *testing.T, output []byte) {
	t.Helper()
	m, err := Parse(c.format, output, c.target)
	if c.refused != "" {
		if err == nil || !strings.Contains(err.Error(), c.refused) {
			t.Fatalf("%v, want %q", err, c.refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var delays []string
	var order []int
	for i, ns := range m.Delays {
		if ns == nil {
			delays = append(delays, "-")
			continue
		}
		order = append(order, i)
		delays = append(delays, strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", *ns/1e6, *ns%1e6), "0"), "."))
	}
	if got := strings.Join(delays, " "); got != c.delays {
		t.Errorf("delays %s, want %s", got, c.delays)
	}
	arrivals := strings.Trim(fmt.Sprint(m.Arrivals), "[]")
	if want := cmpOr(c.arrivals, strings.Trim(fmt.Sprint(order), "[]")); arrivals != want {
		t.Errorf("answers came as %s, want %s", arrivals, want)
	}
	if m.Duplicates != c.duplicates || m.InFlight != c.inFlight {
		t.Errorf("%d duplicates and %d in flight, want %d and %d", m.Duplicates, m.InFlight, c.duplicates, c.inFlight)
	}
	if c.asked != "" && m.Target != c.asked {
		t.Errorf("target %q, want %q", m.Target, c.asked)
	}
	if from, to := moment(m.StartedAt), moment(m.EndedAt); from != c.from || to != c.to {
		t.Errorf("measured from %s to %s, want %s to %s", from, to, c.from, c.to)
	}
	if names, want := slices.Sorted(maps.Keys(m.Figures)), slices.Sorted(maps.Keys(c.figures)); !slices.Equal(names, want) {
		t.Errorf("figures %v, want %v", names, want)
	}
	for name, x := range c.figures {
		if math.Abs(m.Figures[name]-x) > 1e-9*math.Abs(x) {
			t.Errorf("%s is %v, want %v", name, m.Figures[name], x)
		}
	}
	for name := range m.Figures {
		if m.About[name] == "" || !strings.Contains(m.About[name], c.about[name]) {
			t.Errorf("%s is of %q, want %q", name, m.About[name], c.about[name])
		}
	}
	holds(t, "notes", m.Notes, c.notes)
	if m.Delays == nil {
		holds(t, "not measured", m.NotMeasured, append([]string{"latency percentiles"}, c.notMeasured...))
	}
}

func holds(t *testing.T, what string, got, parts []string) {
	t.Helper()
	if len(got) != len(parts) {
		t.Errorf("%s: %q, want %q", what, got, parts)
		return
	}
	for i, part := range parts {
		if !strings.Contains(got[i], part) {
			t.Errorf("%s: %q, want %q", what, got[i], part)
		}
	}
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.999999Z")
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// What IPDV and RFC 3550 make of loss and of answers that overtake each other.
func TestDefinitions(t *testing.T) {
	for _, c := range []struct {
		name, format, output string
		want                 map[string]float64 // NaN: not there
	}{
		// Neighbours that were both answered: 2-4 and 4-3, not 3-9 across the lost one.
		{"loss between", "fping", "a : 2 4 3 - 9\n", map[string]float64{
			"ipdv_mean_abs": 1.5, "ipdv_p95": 2,
			// 2/16, then +(1-0.125)/16, then +(6-0.1796875)/16
			"rfc3550_jitter": 0.54345703125,
		}},
		{"no neighbours", "fping", "a : 2 - 4\n", map[string]float64{"ipdv_mean_abs": math.NaN(), "ipdv_p95": math.NaN(), "rfc3550_jitter": 0.125}},
		// As they came: 14.225, 1204.225, 13.001, 1014.225. As sent: the last two the
		// other way round.
		{"overtaken", "ping", macOS, map[string]float64{
			"rfc3550_jitter": 197.74343359375, "ipdv_mean_abs": (1190 + 190 + 1001.224) / 3,
		}},
		{"arrival unknown", "irtt", `{"round_trips":[{"lost":"false","delay":{"rtt":1000000}},{"lost":"false","delay":{"rtt":3000000}}]}`, map[string]float64{
			"rfc3550_jitter": math.NaN(), "rfc3550_jitter_by_sending": 0.125,
		}},
		{"arrival told", "irtt", `{"round_trips":[
			{"lost":"false","delay":{"rtt":9000000},"timestamps":{"client":{"receive":{"monotonic":9000000}}}},
			{"lost":"false","delay":{"rtt":5000000},"timestamps":{"client":{"receive":{"monotonic":6000000}}}},
			{"lost":"false","delay":{"rtt":6000000},"timestamps":{"client":{"receive":{"monotonic":8000000}}}}]}`,
			// 5, 6, 9: 1/16, then +(3-0.0625)/16
			map[string]float64{"rfc3550_jitter": 0.24609375, "ipdv_mean_abs": 2.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.format, []byte(c.output), "")
			if err != nil {
				t.Fatal(err)
			}
			got := m.Statistics()
			for name, x := range c.want {
				if y, there := got[name]; there == math.IsNaN(x) || there && math.Abs(x-y) > 1e-9 {
					t.Errorf("%s is %v (%t), want %v", name, y, there, x)
				}
			}
		})
	}
}

// icmp_seq has 16 bits. Around the wrap answers may overtake each other.
func TestWrap(t *testing.T) {
	const probes = 70_000
	for name, swap := range map[string]map[int]int{
		"in order": {}, "swapped": {65535: 65536, 65536: 65535}, "late": {65534: 65537, 65535: 65534, 65536: 65535, 65537: 65536},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("PING 192.0.2.10 (192.0.2.10) 56(84) bytes of data.\n")
			for i := 1; i <= probes; i++ {
				n := i
				if other, is := swap[i]; is {
					n = other
				}
				if n == 65_000 {
					continue // lost
				}
				fmt.Fprintf(&b, "64 bytes from 192.0.2.10: icmp_seq=%d ttl=64 time=%d.%03d ms\n", n&0xffff, n/1000, n%1000)
			}
			fmt.Fprintf(&b, "\n--- 192.0.2.10 ping statistics ---\n%d packets transmitted, %d received, 0%% packet loss, time 69999ms\n", probes, probes-1)
			m, err := Parse("ping", []byte(b.String()), "")
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Delays) != probes || m.Duplicates != 0 {
				t.Fatalf("%d probes, %d duplicates", len(m.Delays), m.Duplicates)
			}
			for i, ns := range m.Delays {
				if n := int64(i + 1); n == 65_000 && ns != nil || n != 65_000 && (ns == nil || *ns != n*1000) {
					t.Fatalf("probe %d: %v", n, ns)
				}
			}
		})
	}
}

func TestNanoseconds(t *testing.T) {
	for text, want := range map[string]int64{
		"0.345": 345_000, "0,345": 345_000, "16,076": 16_076_000, "283": 283_000_000, "0": 0, "12.": 12_000_000,
		"1.03e+03": 1_030_000_000, "5e0": 5_000_000, "0.000001": 1, "60000": 60_000_000_000,
		"60000.1": -1, "1.2.3": -1, "1,2,3": -1, "1.234,5": -1, "-1": -1, "": -1, ".5": -1, "1e9": -1, "1e-3": -1, "1e": -1, "0.0000001": -1, "٣": -1,
	} {
		if got, err := nanoseconds(text); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

// What looks like another tool's output says so.
func TestElsewhere(t *testing.T) {
	for _, c := range []struct{ format, output, want string }{
		{"ping", "192.0.2.10 : xmt/rcv/%loss = 3/3/0%\n", "--from fping"},
		{"irtt", `{"start":{"cookie":"x"},"end":{}}`, "--from iperf3"},
		{"iperf3", `{"round_trips":[]}`, "--from irtt"},
		{"fping", "PING a (192.0.2.1) 56(84) bytes of data.\n\n--- a ping statistics ---\n", "--from ping"},
		{"ping", `[{"type":"ping","prb_id":1}]`, "--from atlas"},
	} {
		if _, err := Parse(c.format, []byte(c.output), ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as %s: %v, want %q", c.output, c.format, err, c.want)
		}
	}
}
