package telemetry

import (
	"math"
	"strconv"
)

// Clamp is the highest average that the original states, in milliseconds.
const Clamp = 5000

// Averages is the original's own aggregation, the mean of the samples'
// percentiles, in constant memory. The zero value has no samples. It is a
// percentile of nothing: nineteen idle windows hide a bad one.
type Averages struct {
	n                int
	p50, p95, jitter sum
}

// Add takes in one sample, all in milliseconds.
func (m *Averages) Add(p50, p95, jitter float64) {
	m.n++
	m.p50.add(p50)
	m.p95.add(p95)
	m.jitter.add(jitter)
}

// Samples returns the number of samples. As in the original each counts once,
// however many round trips it stands for.
func (m Averages) Samples() int { return m.n }

// P50 returns the mean of the samples' medians in milliseconds.
func (m Averages) P50() float64 { return m.p50.mean(m.n) }

// P95 returns the mean of the samples' 95th percentiles in milliseconds.
func (m Averages) P95() float64 { return m.p95.mean(m.n) }

// Jitter returns the mean of the samples' jitters in milliseconds.
func (m Averages) Jitter() float64 { return m.jitter.mean(m.n) }

// sum is the Neumaier sum of doubles that sum() of CPython 3.12 and later gives;
// the original's image has 3.12. Older versions add plainly, which differs in
// the second decimal now and then.
type sum struct{ total, compensation float64 }

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.compensation += (s.total - t) + x
	} else {
		s.compensation += (x - t) + s.total
	}
	s.total = t
}

// mean is min(round(sum/n, 2), 5000.0).
func (s sum) mean(n int) float64 {
	total := s.total
	if s.compensation != 0 && !math.IsInf(s.compensation, 0) && !math.IsNaN(s.compensation) {
		total += s.compensation
	}
	return min(round2(total/float64(n)), Clamp)
}

// round2 is Python's round(x, 2): to the nearest of the double's exact value,
// ties to even, which is also how strconv rounds.
func round2(x float64) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 2, 64), 64)
	if err != nil {
		return x
	}
	return f
}
