package importer

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// parse reads a tool's JSON strictly: a name that is there twice has no meaning.
func parse(data []byte, tool string) (canonical.Value, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return canonical.Value{}, fmt.Errorf("this is not the JSON of %s (for irtt: client -o FILE, for iperf3: --json)", tool)
	}
	doc, err := canonical.Parse(data, canonical.Options{MaxBytes: MaxBytes, MaxValues: 1 << 23, AllowBOM: true})
	if err != nil {
		return canonical.Value{}, err
	}
	return doc.Root(), nil
}

func text(v canonical.Value) string {
	s, _ := v.Text()
	return s
}

// irtt reads the JSON of irtt client -o.
func irtt(data []byte, _ string) (*Measurement, error) {
	root, err := parse(data, "irtt")
	if err != nil {
		return nil, err
	}
	trips := root.Get("round_trips")
	if trips.Kind() != canonical.Array || trips.Len() == 0 {
		return nil, errors.New("there are no round_trips: this is not the JSON of irtt, or it sent nothing")
	}
	m := &Measurement{Tool: "irtt " + text(root.At("/version/irtt")), Metric: "round_trip", Target: text(root.At("/config/remote_address"))}
	for i, v := range trips.Elements() {
		if wall, ok := v.At("/timestamps/client/send/wall").Int(); ok && wall > 0 {
			at := time.Unix(0, wall).UTC()
			if m.StartedAt.IsZero() || at.Before(m.StartedAt) {
				m.StartedAt = at
			}
			if at.After(m.EndedAt) {
				m.EndedAt = at
			}
		}
		rtt, answered := v.At("/delay/rtt").Int()
		switch lost := text(v.Get("lost")); {
		case lost == "false" && answered && rtt >= 0 && rtt <= int64(time.Minute):
			m.Delays = append(m.Delays, &rtt)
		case lost != "false" && lost != "" && !answered:
			m.Delays = append(m.Delays, nil)
		default:
			return nil, v.Errorf("telemetry_malformed", fmt.Sprintf("/round_trips/%d", i), "a round trip that is neither answered nor lost (lost is %q)", canonical.Clip(lost, 40))
		}
	}
	if sent, ok := root.At("/stats/packets_sent").Int(); ok && sent != int64(len(m.Delays)) {
		return nil, fmt.Errorf("irtt says that it sent %d packets, and lists %d round trips", sent, len(m.Delays))
	}
	if n, ok := root.At("/stats/duplicates").Int(); ok && n >= 0 && n < 1<<31 {
		m.Duplicates = int(n)
	}
	return m, nil
}

const noPercentile = "latency percentiles: %s, so it can't be telemetry of a proof"

// figures copies numbers, each multiplied.
func figures(into map[string]float64, name string, v canonical.Value, factor float64) {
	if x, ok := v.Float(); ok {
		into[name] = x * factor
	}
}

// iperf3 reads the JSON of iperf3 --json: throughput, and of UDP jitter and loss.
func iperf3(data []byte, _ string) (*Measurement, error) {
	root, err := parse(data, "iperf3")
	if err != nil {
		return nil, err
	}
	if e := text(root.Get("error")); e != "" {
		return nil, fmt.Errorf("iperf3 failed: %s", canonical.Clip(e, 200))
	}
	end := root.Get("end")
	if !end.Get("sum").Exists() && !end.Get("sum_received").Exists() {
		return nil, errors.New("there is no end with its sums: this is not the JSON of iperf3, or the run was cut off")
	}
	m := &Measurement{Tool: text(root.At("/start/version")), Target: text(root.At("/start/connecting_to/host")), Figures: map[string]float64{},
		NotMeasured: []string{fmt.Sprintf(noPercentile, "iperf3 measures no single round trips")}}
	if start, ok := root.At("/start/timestamp/timesecs").Int(); ok {
		m.StartedAt = time.Unix(start, 0).UTC()
		if took, ok := end.At("/sum_sent/seconds").Float(); ok && took >= 0 && took < 1e6 {
			m.EndedAt = m.StartedAt.Add(time.Duration(took * float64(time.Second)))
		}
	}
	if sum := end.Get("sum"); text(root.At("/start/test_start/protocol")) == "UDP" {
		for _, name := range []string{"jitter_ms", "lost_packets", "packets"} {
			figures(m.Figures, name, sum.Get(name), 1)
		}
		figures(m.Figures, "loss_pct", sum.Get("lost_percent"), 1)
		figures(m.Figures, "throughput_mbps", sum.Get("bits_per_second"), 1e-6)
		return m, nil
	}
	figures(m.Figures, "throughput_mbps_received", end.At("/sum_received/bits_per_second"), 1e-6)
	figures(m.Figures, "retransmits", end.At("/sum_sent/retransmits"), 1)
	for _, name := range []string{"min_rtt", "mean_rtt", "max_rtt"} {
		figures(m.Figures, name+"_us", end.At("/streams/0/sender/"+name), 1)
	}
	m.NotMeasured = append(m.NotMeasured, "jitter and packet loss: TCP repeats what is lost")
	return m, nil
}

// ndt7 reads a result of an ndt7 server (its v0.3 data format): throughput and the
// minimum round trip.
func ndt7(data []byte, _ string) (*Measurement, error) {
	root, err := parse(data, "ndt7")
	if err != nil {
		return nil, err
	}
	m := &Measurement{Tool: "ndt7", Target: text(root.Get("ServerIP")), Figures: map[string]float64{},
		NotMeasured: []string{fmt.Sprintf(noPercentile, "ndt7 has the kernel's smoothed round trip, no single ones"), "packet loss: TCP repeats what is lost"}}
	for _, direction := range []string{"Download", "Upload"} {
		test := root.Get(direction)
		if !test.Exists() || test.Kind() == canonical.Null {
			continue
		}
		m.StartedAt, m.EndedAt = instant(test.Get("StartTime")), instant(test.Get("EndTime"))
		counter := map[string]string{"Download": "BytesAcked", "Upload": "BytesReceived"}[direction]
		for _, v := range test.Get("ServerMeasurements").Elements() {
			info := v.Get("TCPInfo")
			if us, ok := info.Get("MinRTT").Float(); ok {
				m.Figures["min_rtt_us"] = us
			}
			moved, okBytes := info.Get(counter).Float()
			elapsed, okTime := info.Get("ElapsedTime").Float()
			if okBytes && okTime && elapsed > 0 {
				m.Figures["throughput_mbps"] = 8 * moved / elapsed // bytes and microseconds
			}
		}
		return m, nil
	}
	return nil, errors.New("there is neither a Download nor an Upload: this is not a result of ndt7")
}

func instant(v canonical.Value) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text(v))
	return t.UTC()
}
