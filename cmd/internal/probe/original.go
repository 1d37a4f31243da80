package probe

import (
	"math"
	"slices"
)

// Summary is a measurement as the original's agent sums it up, in milliseconds: it
// has other definitions than proofs of single round trips have.
type Summary struct {
	N      int     `json:"n"`         // round trips that were answered
	P50    float64 `json:"p50_ms"`    // interpolated between the two nearest ranks
	P95    float64 `json:"p95_ms"`    // likewise
	Jitter float64 `json:"jitter_ms"` // the population's standard deviation
}

// Summarize sums up what was answered, and says whether anything was. Lost round
// trips, which are nil, are left out, as the agent leaves them out.
func Summarize(delays []*int64) (Summary, bool) {
	var list []float64
	mean := 0.0
	for _, ns := range delays {
		if ns != nil {
			list = append(list, float64(*ns)/1e6)
			mean += float64(*ns) / 1e6
		}
	}
	if len(list) == 0 {
		return Summary{}, false
	}
	slices.Sort(list)
	mean /= float64(len(list))
	spread := 0.0
	for _, x := range list {
		spread += (x - mean) * (x - mean)
	}
	return Summary{
		N: len(list), P50: nanos(interpolated(list, 0.50)), P95: nanos(interpolated(list, 0.95)),
		Jitter: nanos(math.Sqrt(spread / float64(len(list)))),
	}, true
}

// interpolated is the percentile by linear interpolation between the two nearest
// ranks of a sorted list.
func interpolated(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// nanos rounds milliseconds to the nanosecond, which is what the clock counts.
func nanos(ms float64) float64 { return math.Round(ms*1e6) / 1e6 }
