// Package importer reads what measuring tools print, each probe by itself, and
// refuses what a tool does not measure: a lost probe is lost, never 0 ms and never
// left out, and nobody's mean becomes a percentile.
package importer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Formats are the tools whose output is read.
var Formats = []string{"irtt", "iperf3", "ping", "fping", "ndt7"}

// MaxBytes bounds a tool's output.
const MaxBytes = 64 << 20

// MaxProbes bounds the probes of one file: more would not fit into one sample that
// the service takes.
const MaxProbes = 80_000

// Measurement is what a tool measured.
type Measurement struct {
	Tool       string
	Metric     string // "round_trip", or "" without delays
	Target     string
	StartedAt  time.Time // zero where the tool does not tell
	EndedAt    time.Time
	Took       time.Duration // how long the run took, 0 where the tool does not tell
	Delays     []*int64      // nanoseconds, one element a probe in the order of sending, nil for a lost one
	Duplicates int           // answers beyond the first, not counted
	Figures    map[string]float64
	// NotMeasured tells what the tool does not measure, and why that matters.
	NotMeasured []string
}

// Parse reads a tool's output. Target chooses one of several targets.
func Parse(format string, data []byte, target string) (*Measurement, error) {
	readers := map[string]func([]byte, string) (*Measurement, error){"irtt": irtt, "iperf3": iperf3, "ping": ping, "fping": fping, "ndt7": ndt7}
	read, ok := readers[format]
	if !ok {
		return nil, fmt.Errorf("no tool %q: want %s", format, strings.Join(Formats, ", "))
	}
	m, err := read(data, target)
	if err != nil {
		return nil, err
	}
	if len(m.Delays) > MaxProbes {
		return nil, fmt.Errorf("%d probes, and one sample takes %d: measure in shorter runs", len(m.Delays), MaxProbes)
	}
	return m, nil
}

// Said takes when the run began and ended from the user, each zero where he does not
// say. What the tool itself printed is not overruled.
func (m *Measurement) Said(began, ended time.Time) error {
	if began.IsZero() && ended.IsZero() {
		return nil
	}
	if !m.StartedAt.IsZero() && !m.EndedAt.IsZero() {
		return errors.New("the output tells its own times: --started-at and --ended-at are for output without")
	}
	if began.IsZero() != ended.IsZero() {
		if m.Took <= 0 {
			return errors.New("the output does not tell how long the run took: give both --started-at and --ended-at")
		}
		if began.IsZero() {
			began = ended.Add(-m.Took)
		} else {
			ended = began.Add(m.Took)
		}
	}
	if ended.Before(began) {
		return errors.New("--ended-at is before --started-at")
	}
	if m.Took > 0 && ended.Sub(began) < m.Took-time.Second {
		return fmt.Errorf("the run took %s, and from --started-at to --ended-at it is %s", m.Took, ended.Sub(began))
	}
	m.StartedAt, m.EndedAt = began, ended
	return nil
}

// nanoseconds reads decimal milliseconds exactly, without a detour over floats.
func nanoseconds(ms string) (int64, error) {
	whole, fraction, _ := strings.Cut(ms, ".")
	if len(fraction) > 6 || len(whole) == 0 || len(whole) > 8 {
		return 0, fmt.Errorf("%q is no delay in milliseconds", ms)
	}
	fraction += strings.Repeat("0", 6-len(fraction))
	var n int64
	for _, c := range whole + fraction {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is no delay in milliseconds", ms)
		}
		n = 10*n + int64(c-'0')
	}
	if n > int64(time.Minute) {
		return 0, fmt.Errorf("a delay of %s ms is beyond the 60 s that a sample takes", ms)
	}
	return n, nil
}

// Statistics sums delays up, in milliseconds, as RFC 2330 (nearest-rank
// percentiles), RFC 5481 (PDV and IPDV) and RFC 3550 (interarrival jitter) define
// it. All but loss are of the answered probes; nil without delays.
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
	rank := func(sorted []float64, p float64) float64 {
		return sorted[max(1, int(math.Ceil(p*float64(len(sorted))/100-1e-9)))-1]
	}
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
	if len(list) == 1 {
		return s
	}
	var steps []float64
	jitter := 0.0
	for i := 1; i < len(list); i++ {
		step := math.Abs(list[i] - list[i-1])
		steps = append(steps, step)
		jitter += (step - jitter) / 16
		s["ipdv_mean_abs"] += step / (received - 1)
	}
	slices.Sort(steps)
	s["ipdv_p95"], s["rfc3550_jitter"] = rank(steps, 95), jitter
	return s
}
