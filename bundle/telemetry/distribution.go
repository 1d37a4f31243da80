package telemetry

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// PrecisionBits is the number of bits by which a bin divides an octave: 128
// bins from one power of two to the next.
const PrecisionBits = 7

// RelativeError is how far a delay may lie from the middle of its bin, as a
// fraction: 2^-(PrecisionBits+1).
const RelativeError = 1.0 / (1 << (PrecisionBits + 1))

// Distribution counts delays in logarithmic bins. It depends neither on the order
// of the delays nor on how they came apart into samples, and all of its
// arithmetic is of integers, so two parties get the same bytes. The zero value is
// empty.
type Distribution struct {
	Bins []Bin // by rising index, no count zero
}

// Bin is the number of delays in one bin.
type Bin struct {
	Index int64
	Count int64
}

// Index returns the bin of a delay in nanoseconds. Below 2^PrecisionBits a bin is
// one nanosecond; above, the leading PrecisionBits+1 bits choose it.
func Index(ns int64) int64 {
	shift := max(0, bits.Len64(uint64(ns))-(PrecisionBits+1))
	return int64(shift)<<PrecisionBits + ns>>shift
}

// Range returns the lowest and the highest delay of a bin in nanoseconds.
func Range(index int64) (low, high int64) {
	shift := max(0, index>>PrecisionBits-1)
	low = (index - shift<<PrecisionBits) << shift
	return low, low + 1<<shift - 1
}

// MaxIndex is the bin of the longest delay.
var MaxIndex = Index(MaxDelay)

// Middle returns the delay that stands for a bin, in nanoseconds.
func Middle(index int64) int64 {
	low, high := Range(index)
	return low + (high-low)/2
}

// Distribute counts delays, which must be sorted.
func Distribute(sorted []int64) (d Distribution) {
	for _, ns := range sorted {
		index := Index(ns)
		if n := len(d.Bins); n > 0 && d.Bins[n-1].Index == index {
			d.Bins[n-1].Count++
			continue
		}
		d.Bins = append(d.Bins, Bin{index, 1})
	}
	return d
}

// Merge returns the distribution of both sets of delays together.
func (d Distribution) Merge(other Distribution) (sum Distribution) {
	all := slices.Concat(d.Bins, other.Bins)
	slices.SortFunc(all, func(a, b Bin) int { return cmp.Compare(a.Index, b.Index) })
	for _, bin := range all {
		if n := len(sum.Bins); n > 0 && sum.Bins[n-1].Index == bin.Index {
			sum.Bins[n-1].Count += bin.Count
			continue
		}
		sum.Bins = append(sum.Bins, bin)
	}
	return sum
}

// Count returns the number of delays.
func (d Distribution) Count() (n int64) {
	for _, bin := range d.Bins {
		n += bin.Count
	}
	return n
}

// At returns the bin of the delay of a rank, counted from 1.
func (d Distribution) At(rank int64) (index int64, ok bool) {
	if rank < 1 {
		return 0, false
	}
	for _, bin := range d.Bins {
		if rank -= bin.Count; rank <= 0 {
			return bin.Index, true
		}
	}
	return 0, false
}

// Rank returns the nearest rank of a percentile among n: the smallest rank that
// is at least p % of n. The percentile is in thousandths of a percent, so that
// 99.9 is exact.
func Rank(milliPercent, n int64) int64 { return (milliPercent*n + 99_999) / 100_000 }

// Pool sorts delays and sums them up. The slice is sorted in place; lost is how
// many probes had none.
func Pool(delays []int64, lost int64) *Pooled {
	slices.Sort(delays)
	n := int64(len(delays))
	p := &Pooled{Sent: n + lost, Lost: lost, Distribution: Distribute(delays)}
	if n > 0 {
		at := func(milliPercent int64) int64 { return delays[Rank(milliPercent, n)-1] }
		p.Delays = Delays{delays[0], at(50_000), at(95_000), at(99_000), delays[n-1]}
	}
	return p
}

// Latency returns the nearest-rank percentile over all probes sent, those lost
// counted as never arrived: nil when it falls on one of them. The delays must be
// sorted.
func Latency(sorted []int64, lost, milliPercent int64) *int64 {
	n := int64(len(sorted))
	if rank := Rank(milliPercent, n+lost); rank >= 1 && rank <= n {
		return &sorted[rank-1]
	}
	return nil
}

// Fits returns nil if the claimed percentiles are among the delays that the bins
// count, each in the bin of its rank.
func (p *Pooled) Fits() error {
	n := p.Distribution.Count()
	if n != p.Sent-p.Lost {
		return fmt.Errorf("the bins count %d delays, and %d of %d probes were answered", n, p.Sent-p.Lost, p.Sent)
	}
	if n == 0 {
		if p.Delays != (Delays{}) {
			return fmt.Errorf("percentiles of no delays")
		}
		return nil
	}
	for _, x := range []struct {
		name       string
		rank, want int64
	}{
		{"min", 1, p.Delays.Min}, {"p50", Rank(50_000, n), p.Delays.P50}, {"p95", Rank(95_000, n), p.Delays.P95},
		{"p99", Rank(99_000, n), p.Delays.P99}, {"max", n, p.Delays.Max},
	} {
		if index, ok := p.Distribution.At(x.rank); !ok || Index(x.want) != index {
			low, high := Range(index)
			return fmt.Errorf("%s is %sms, and the delay of rank %d lies between %sms and %sms", x.name, Milliseconds(x.want), x.rank, Milliseconds(low), Milliseconds(high))
		}
	}
	return nil
}

// Ordered returns nil if the claimed percentiles, and the p95 over all probes sent
// if there is one, rise with their ranks: min ≤ p50 ≤ p95 ≤ p99 ≤ max. Those of one
// rank are one delay. The bins alone leave room within each of them.
func (p *Pooled) Ordered(latency *int64) error {
	n := p.Sent - p.Lost
	type point struct {
		name        string
		rank, delay int64
	}
	points := []point{
		{"min", 1, p.Delays.Min}, {"p50", Rank(50_000, n), p.Delays.P50}, {"p95", Rank(95_000, n), p.Delays.P95},
		{"p99", Rank(99_000, n), p.Delays.P99}, {"max", n, p.Delays.Max},
	}
	if latency != nil {
		points = append(points, point{"the p95 over all probes", Rank(95_000, p.Sent), *latency})
	}
	if n == 0 {
		return nil
	}
	for i, a := range points {
		for _, b := range points[i+1:] {
			if a.rank > b.rank {
				a, b = b, a
			}
			switch {
			case a.rank == b.rank && a.delay != b.delay:
				return fmt.Errorf("%s and %s are both the delay of rank %d of %d, and are %sms and %sms", a.name, b.name, a.rank, n, Milliseconds(a.delay), Milliseconds(b.delay))
			case a.delay > b.delay:
				return fmt.Errorf("%s is %sms, above %s of %sms", a.name, Milliseconds(a.delay), b.name, Milliseconds(b.delay))
			}
		}
	}
	return nil
}

// Mean returns between which bounds, in milliseconds, the mean of samples' figures
// lies that lie between two delays: the original rounds it to two decimals and cuts
// it at [Clamp].
func Mean(low, high int64) (from, to float64) {
	const rounding = 0.01 // half of it by rounding, and the error of the sum
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	return min(ms(low), Clamp) - rounding, min(ms(high), Clamp) + rounding
}

// Single returns a mean over one sample whose figure is a delay, in milliseconds.
func Single(ns int64) float64 { return min(round2(float64(ns)/1e6), Clamp) }
