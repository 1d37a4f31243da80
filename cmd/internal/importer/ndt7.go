package importer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// ndt7 reads what ndt7 leaves: a server's result (its v0.3 data format), the summary
// of ndt7-client, older or newer, or the client's events.
func ndt7(data []byte, _ string) (*Measurement, error) {
	m := &Measurement{Tool: "ndt7", NotMeasured: []string{
		fmt.Sprintf(noPercentile, "ndt7 has the kernel's smoothed round trip, no single ones"),
		"packet loss: TCP repeats what is lost",
	}}
	events, err := stream(data)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 {
		return m, m.ndt7Events(events)
	}
	root, err := parse(data, "ndt7", "ndt7-client -format=json, or the server,")
	if err != nil {
		return nil, err
	}
	if root.Get("Key").Exists() {
		return m, m.ndt7Events([]canonical.Value{root})
	}
	return m, m.ndt7Result(root)
}

var directions = []struct{ name, lower, way string }{
	{"Download", "download", "server to client"},
	{"Upload", "upload", "client to server"},
}

// ndt7Result takes a whole result, the server's or the client's.
func (m *Measurement) ndt7Result(root canonical.Value) error {
	m.Target = text(root.Get("ServerIP"))
	found := false
	for _, d := range directions {
		test := root.Get(d.name)
		if test.Kind() != canonical.Object {
			continue
		}
		found = true
		var err error
		switch {
		case test.Get("Throughput").Exists():
			err = errors.Join(
				m.quantity(d.lower+"_throughput_mbps", test.Get("Throughput"), "what was received, "+d.way),
				m.quantity(d.lower+"_min_rtt_us", test.Get("Latency"), "the least that the server's kernel saw, "+d.way),
				m.quantity(d.lower+"_retransmission_pct", test.Get("Retransmission"), "of the bytes that the server sent, "+d.way))
		case test.Get("Unit").Exists():
			err = m.quantity(d.lower+"_throughput_mbps", test, "what was received, "+d.way)
		default:
			m.ndt7Server(d.lower, d.way, test)
		}
		if err != nil {
			return err
		}
	}
	if !found {
		return errors.New("there is neither a Download nor an Upload: this is not a result of ndt7")
	}
	// The older summary has these beside the two directions.
	err := errors.Join(
		m.quantity("download_retransmission_pct", root.Get("DownloadRetrans"), "of the bytes that the server sent, server to client"),
		m.quantity("download_min_rtt_us", root.Get("MinRTT"), "the least that the server's kernel saw, server to client"),
		m.quantity("download_rtt_us", root.Get("RTT"), "the last that the server's kernel saw, server to client"))
	if err == nil && len(m.Figures) == 0 {
		err = errors.New("neither the Download nor the Upload has a figure: the test failed, or was cut off")
	}
	return err
}

// units are those of ndt7-client, with what makes them the one of a figure's name.
var units = map[string]map[string]float64{
	"mbps": {"bit/s": 1e-6, "kbit/s": 1e-3, "Kbit/s": 1e-3, "Mbit/s": 1, "Gbit/s": 1e3},
	"us":   {"us": 1, "µs": 1, "ms": 1e3, "s": 1e6},
	"pct":  {"%": 1},
}

// quantity takes {"Value": …, "Unit": …}. An empty one, which the client writes for
// what it did not measure, is none.
func (m *Measurement) quantity(name string, v canonical.Value, about string) error {
	unit := text(v.Get("Unit"))
	if unit == "" {
		return nil
	}
	factor, known := units[name[strings.LastIndex(name, "_")+1:]][unit]
	if !known {
		return fmt.Errorf("the unit %q of %s is not known", canonical.Clip(unit, 20), name)
	}
	m.figure(name, v.Get("Value"), factor, about)
	return nil
}

// ndt7Server takes one direction of a server's result: the last measurement counts.
func (m *Measurement) ndt7Server(lower, way string, test canonical.Value) {
	begin, end := instant(test.Get("StartTime")), instant(test.Get("EndTime"))
	if !begin.IsZero() && (m.StartedAt.IsZero() || begin.Before(m.StartedAt)) {
		m.StartedAt = begin
	}
	if end.After(m.EndedAt) {
		m.EndedAt = end
	}
	for _, v := range test.Get("ServerMeasurements").Elements() {
		m.ndt7Kernel(lower, way, v.Get("TCPInfo"))
	}
}

// ndt7Kernel takes what the server's kernel counted: what was acknowledged of what it
// sent, or what it received.
func (m *Measurement) ndt7Kernel(lower, way string, info canonical.Value) {
	counter, about := "BytesAcked", "what the client acknowledged, "
	if lower == "upload" {
		counter, about = "BytesReceived", "what the server received, "
	}
	if us, ok := number(info.Get("MinRTT")); ok && us > 0 {
		m.set(lower+"_min_rtt_us", us, "the least that the server's kernel saw, "+way)
	}
	moved, okBytes := number(info.Get(counter))
	elapsed, okTime := number(info.Get("ElapsedTime"))
	if okBytes && okTime && elapsed > 0 {
		m.set(lower+"_throughput_mbps", 8*moved/elapsed, about+way) // bytes and microseconds
	}
}

// ndt7Events takes the client's events, each a line, of which the last may be its
// summary. What the receiver counted stands: for a download that is the client.
func (m *Measurement) ndt7Events(events []canonical.Value) error {
	complete, failed, known := map[string]bool{}, "", false
	for _, v := range events {
		value := v.Get("Value")
		test := text(value.Get("Test"))
		switch key := text(v.Get("Key")); {
		case key == "" && (v.Get("Download").Exists() || v.Get("Upload").Exists()):
			m.Figures, m.About = nil, nil
			return m.ndt7Result(v)
		case key == "error":
			failed = text(value.Get("Failure"))
		case key == "connected":
			m.Target = text(value.Get("Server"))
		case key == "complete":
			complete[test] = true
		case key == "measurement":
			m.ndt7Event(test, value)
		}
		known = known || v.Get("Key").Exists()
	}
	switch {
	case !known:
		return errors.New("there is neither a Download nor an Upload, nor an event with its Key: this is not a result of ndt7")
	case failed != "":
		return fmt.Errorf("ndt7 failed: %s", canonical.Clip(failed, 200))
	case len(m.Figures) == 0:
		return errors.New("no event holds what was moved and in which time: the test was cut off")
	}
	for _, d := range directions {
		if _, there := m.Figures[d.lower+"_throughput_mbps"]; there && !complete[d.lower] {
			m.note("the %s did not come to its end: the file has no event \"complete\" of it", d.lower)
		}
	}
	return nil
}

func (m *Measurement) ndt7Event(test string, value canonical.Value) {
	for _, d := range directions {
		if test != d.lower {
			continue
		}
		if text(value.Get("Origin")) != "client" {
			if m.About[test+"_throughput_mbps"] == clientReceived {
				info := value.Get("TCPInfo")
				if us, ok := number(info.Get("MinRTT")); ok && us > 0 {
					m.set(test+"_min_rtt_us", us, "the least that the server's kernel saw, "+d.way)
				}
				continue
			}
			m.ndt7Kernel(test, d.way, value.Get("TCPInfo"))
			continue
		}
		moved, okBytes := number(value.At("/AppInfo/NumBytes"))
		elapsed, okTime := number(value.At("/AppInfo/ElapsedTime"))
		if test == "download" && okBytes && okTime && elapsed > 0 {
			m.set("download_throughput_mbps", 8*moved/elapsed, clientReceived)
		}
	}
}

const clientReceived = "what the client received, server to client"
