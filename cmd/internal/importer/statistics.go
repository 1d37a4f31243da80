package importer

import (
	"math"
	"slices"
)

// rank is the nearest-rank percentile of a sorted list.
func rank(sorted []float64, p float64) float64 {
	return sorted[max(1, int(math.Ceil(p*float64(len(sorted))/100-1e-9)))-1]
}

// Statistics sums delays up, in milliseconds, as RFC 2330 (nearest-rank
// percentiles), RFC 5481 (PDV and IPDV) and RFC 3550 (interarrival jitter) define
// it. All but sent, received and loss_pct are of the answered probes. IPDV is
// defined between a probe and the one sent before it, where both were answered; the
// jitter is summed up in the order in which the answers came, and has another name
// where only the order of sending is known. Nil without delays.
func (m *Measurement) Statistics() map[string]float64 {
	if m.Delays == nil {
		return nil
	}
	var list []float64
	for _, ns := range m.Delays {
		if ns != nil {
			list = append(list, float64(*ns)/1e6)
		}
	}
	sent, received := float64(len(m.Delays)), float64(len(list))
	s := map[string]float64{"sent": sent, "received": received, "loss_pct": 100 * (sent - received) / sent}
	if len(list) == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(list))
	for name, p := range map[string]float64{"p50": 50, "p95": 95, "p98": 98, "p99": 99, "p99.9": 99.9} {
		s[name] = rank(sorted, p)
	}
	s["min"], s["max"] = sorted[0], sorted[len(sorted)-1]
	s["pdv_p99_minus_min"], s["pdv_p99_9_minus_min"] = s["p99"]-s["min"], s["p99.9"]-s["min"]
	mean, spread := 0.0, 0.0
	for _, x := range list {
		mean += x / received
	}
	for _, x := range list {
		spread += (x - mean) * (x - mean) / received
	}
	s["mean"], s["pstdev"] = mean, math.Sqrt(spread)
	if steps := m.steps(); len(steps) > 0 {
		for _, step := range steps {
			s["ipdv_mean_abs"] += step / float64(len(steps))
		}
		s["ipdv_p95"] = rank(steps, 95)
	}
	if len(list) > 1 {
		name, jitter := m.jitter()
		s[name] = jitter
	}
	return s
}

// steps returns how much each delay differs from that of the probe sent before it,
// smallest first. A probe that was lost has no such neighbour, and is none.
func (m *Measurement) steps() (steps []float64) {
	for i := 1; i < len(m.Delays); i++ {
		if a, b := m.Delays[i-1], m.Delays[i]; a != nil && b != nil {
			steps = append(steps, math.Abs(float64(*b)/1e6-float64(*a)/1e6))
		}
	}
	slices.Sort(steps)
	return steps
}

// jitter is that of RFC 3550, 6.4.1, over answers as they came.
func (m *Measurement) jitter() (name string, jitter float64) {
	order, name := m.Arrivals, "rfc3550_jitter"
	if order == nil {
		name = "rfc3550_jitter_by_sending"
		for i, ns := range m.Delays {
			if ns != nil {
				order = append(order, i)
			}
		}
	}
	for i := 1; i < len(order); i++ {
		a, b := m.Delays[order[i-1]], m.Delays[order[i]]
		jitter += (math.Abs(float64(*b)/1e6-float64(*a)/1e6) - jitter) / 16
	}
	return name, jitter
}
