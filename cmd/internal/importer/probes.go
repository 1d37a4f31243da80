package importer

import (
	"fmt"
	"math"
	"time"
)

// probes gathers answers by their numbers.
type probes struct {
	delays      map[int64]int64
	order       []int64 // the numbers of the answers, as they came
	first, last float64 // stamps, seconds since 1970; 0 without
	duplicates  int
}

// stamp takes the time at which an answer came. A clock that counts from the start of
// the run tells no time.
func (p *probes) stamp(seconds float64) {
	const least = 1e8 // 1973: no run is older, and none lasts as long
	if seconds < least || seconds > 1e11 {
		return
	}
	if p.first == 0 || seconds < p.first {
		p.first = seconds
	}
	p.last = max(p.last, seconds)
}

func (p *probes) answer(n, ns int64) {
	if _, there := p.delays[n]; there {
		p.duplicates++
		return
	}
	p.delays[n] = ns
	p.order = append(p.order, n)
}

// tail counts the probes at the end that have no answer, of those from base on.
func (p *probes) tail(base, sent int64) (n int64) {
	for n < sent {
		if _, answered := p.delays[base+sent-1-n]; answered {
			break
		}
		n++
	}
	return n
}

// longest is the longest round trip.
func (p *probes) longest() (ns int64) {
	for _, d := range p.delays {
		ns = max(ns, d)
	}
	return ns
}

// tooMany bounds the probes of one file.
func tooMany(n int64) error {
	if n > MaxProbes {
		return fmt.Errorf("%d probes, and one sample takes %d: measure in shorter runs", n, MaxProbes)
	}
	return nil
}

// measurement lists the probes from base on. A probe without an answer is lost.
func (p *probes) measurement(tool, target string, base, sent int64) (*Measurement, error) {
	if err := tooMany(sent); err != nil {
		return nil, err
	}
	m := &Measurement{Tool: tool, Target: target, Metric: "round_trip", Duplicates: p.duplicates, Delays: make([]*int64, 0, sent)}
	found := 0
	for n := base; n < base+sent; n++ {
		if ns, answered := p.delays[n]; answered {
			m.Delays = append(m.Delays, &ns)
			found++
		} else {
			m.Delays = append(m.Delays, nil)
		}
	}
	if beyond := len(p.delays) - found; beyond > 0 {
		return nil, fmt.Errorf("%d answers are to probes beyond the %d that the tool says it sent", beyond, sent)
	}
	for _, n := range p.order {
		m.Arrivals = append(m.Arrivals, int(n-base))
	}
	if p.first > 0 {
		m.StartedAt, m.EndedAt = seconds(p.first), seconds(p.last)
	}
	return m, nil
}

func seconds(s float64) time.Time { return time.UnixMicro(int64(math.Round(s * 1e6))).UTC() }
