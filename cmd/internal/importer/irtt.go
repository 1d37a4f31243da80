package importer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// irtt reads the JSON of irtt client -o.
func irtt(data []byte, _ string) (*Measurement, error) {
	root, err := parse(data, "irtt", "irtt client -o FILE")
	if err != nil {
		return nil, err
	}
	trips := root.Get("round_trips")
	if trips.Kind() != canonical.Array || trips.Len() == 0 {
		return nil, errors.New("there are no round_trips: this is not the JSON of irtt, or it sent nothing")
	}
	m := &Measurement{Tool: "irtt " + text(root.At("/version/irtt")), Metric: "round_trip", Target: text(root.At("/config/remote_address"))}
	var came []int64 // when each answer came, 0 where that is not told
	for i, v := range trips.Elements() {
		m.sentAt(v.At("/timestamps/client/send/wall"))
		rtt, answered := v.At("/delay/rtt").Int()
		switch lost := wasLost(v.Get("lost")); {
		case lost == "false" && answered && rtt >= 0 && rtt <= int64(time.Minute):
			at, _ := v.At("/timestamps/client/receive/monotonic").Int()
			m.Delays, m.Arrivals, came = append(m.Delays, &rtt), append(m.Arrivals, i), append(came, at)
		case lost != "false" && lost != "" && !answered:
			m.Delays, came = append(m.Delays, nil), append(came, 0)
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
	slices.SortStableFunc(m.Arrivals, func(a, b int) int { return cmp.Compare(came[a], came[b]) })
	if slices.ContainsFunc(m.Arrivals, func(i int) bool { return came[i] <= 0 }) {
		m.Arrivals = nil
	}
	return m, nil
}

// wasLost is "false" for an answered probe, as irtt spells it or as JSON does.
func wasLost(v canonical.Value) string {
	if lost, ok := v.Bool(); ok {
		return fmt.Sprint(lost)
	}
	return text(v)
}

// sentAt widens the time of the run to when a probe was sent.
func (m *Measurement) sentAt(wall canonical.Value) {
	ns, ok := wall.Int()
	if !ok || ns <= 0 {
		return
	}
	at := time.Unix(0, ns).UTC()
	if m.StartedAt.IsZero() || at.Before(m.StartedAt) {
		m.StartedAt = at
	}
	if at.After(m.EndedAt) {
		m.EndedAt = at
	}
}
