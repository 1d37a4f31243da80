package importer

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	pingReply = regexp.MustCompile(`\b(?:icmp_)?seq[= ](\d+)\b.*\btime[=<] ?([0-9.]+) ?ms`)
	pingStamp = regexp.MustCompile(`^\[(\d+\.\d+)\] `)
	pingTotal = regexp.MustCompile(`^(\d+) packets transmitted, (\d+) (?:packets )?received`)
	pingTook  = regexp.MustCompile(`, time (\d{1,12}) ?ms$`)
	pingHead  = regexp.MustCompile(`^PING6?\b`)
)

// probes gathers answers by their numbers.
type probes struct {
	delays      map[int64]int64
	first, last float64 // stamps, seconds since 1970; 0 without
	duplicates  int
}

func (p *probes) stamp(seconds float64) {
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
}

// measurement lists the probes from base on. A probe without an answer is lost.
func (p *probes) measurement(tool, target string, base, sent int64) (*Measurement, error) {
	m := &Measurement{Tool: tool, Target: target, Metric: "round_trip", Duplicates: p.duplicates, Delays: make([]*int64, 0, min(sent, MaxProbes))}
	if sent > MaxProbes {
		return nil, fmt.Errorf("%d probes, and one sample takes %d: measure in shorter runs", sent, MaxProbes)
	}
	for n := base; n < base+sent; n++ {
		if ns, answered := p.delays[n]; answered {
			m.Delays = append(m.Delays, &ns)
			delete(p.delays, n)
		} else {
			m.Delays = append(m.Delays, nil)
		}
	}
	if len(p.delays) > 0 {
		return nil, fmt.Errorf("%d answers are to probes beyond the %d that the tool says it sent", len(p.delays), sent)
	}
	if p.first > 0 {
		m.StartedAt, m.EndedAt = seconds(p.first), seconds(p.last)
	}
	return m, nil
}

func seconds(s float64) time.Time { return time.UnixMicro(int64(math.Round(s * 1e6))).UTC() }

// ping reads the output of ping and ping6 of Linux (iputils), BSD, macOS and
// BusyBox.
func ping(data []byte, _ string) (*Measurement, error) {
	p := &probes{delays: map[int64]int64{}}
	head, base, sent, received, wraps, last := "", int64(-1), int64(-1), int64(0), int64(0), int64(-1)
	took := time.Duration(0)
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimRight(line, "\r ")
		stamp := pingStamp.FindStringSubmatch(line)
		if total := pingTotal.FindStringSubmatch(line); total != nil {
			if sent >= 0 {
				return nil, errors.New("the file holds more than one run of ping")
			}
			sent, _ = strconv.ParseInt(total[1], 10, 64)
			received, _ = strconv.ParseInt(total[2], 10, 64)
			if t := pingTook.FindStringSubmatch(line); t != nil {
				ms, _ := strconv.ParseInt(t[1], 10, 64)
				took = time.Duration(ms) * time.Millisecond
			}
		}
		if pingHead.MatchString(line) {
			head = line
		}
		reply := pingReply.FindStringSubmatch(line)
		if reply == nil {
			continue
		}
		n, err := strconv.ParseInt(reply[1], 10, 32)
		if err != nil || strings.Contains(line, "time<") {
			return nil, fmt.Errorf("line %d: ping did not tell the delay, only a bound for it: %.80q", i+1, line)
		}
		ns, err := nanoseconds(reply[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if strings.Contains(line, "(DUP!)") {
			p.duplicates++
			continue
		}
		// icmp_seq has 16 bits.
		if n < last-1<<15 {
			wraps++
		}
		last = n
		if base < 0 || n < base && wraps == 0 {
			base = n
		}
		p.answer(n+wraps<<16, ns)
		if stamp != nil {
			at, _ := strconv.ParseFloat(stamp[1], 64)
			p.stamp(at)
		}
	}
	switch {
	case head == "":
		return nil, errors.New(`no line "PING …": this is not ping's output`)
	case sent < 0:
		return nil, errors.New("no line with ping's statistics: the run was cut off, so nobody knows how many probes were sent and lost")
	case sent == 0:
		return nil, errors.New("ping sent nothing")
	case len(p.delays) == 0 && received > 0:
		return nil, errors.New("there are ping's statistics and no single round trips (ping -q): minimum, mean and maximum are no percentiles")
	case int64(len(p.delays)) != received:
		return nil, fmt.Errorf("ping says that %d answers came, and %d can be read: the output was changed, or is of an unknown ping", received, len(p.delays))
	}
	if base != 0 { // Linux counts from 1, the others from 0; the first answers may be lost
		base = 1
		if strings.Contains(head, "): ") || strings.HasPrefix(head, "PING6(") {
			base = 0
		}
	}
	m, err := p.measurement("ping", between(head), base, sent)
	if err == nil {
		m.Took = took
	}
	return m, err
}

// between returns what ping says that it asked, in the words of its first line.
func between(head string) string {
	fields := strings.Fields(head)
	if len(fields) < 2 {
		return ""
	}
	if strings.HasPrefix(head, "PING6(") {
		return fields[len(fields)-1]
	}
	target, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "(")
	return target
}

var (
	fpingEach  = regexp.MustCompile(`^(?:\[(\d+\.\d+)\] )?(\S+) +: \[(\d+)\], (?:\d+ bytes, ([0-9.]+) ms|timed out)`)
	fpingTotal = regexp.MustCompile(`^(\S+) +: xmt/rcv/%loss = (\d+)/(\d+)/`)
	fpingList  = regexp.MustCompile(`^(\S+) +:((?: (?:[0-9.]+|-))+)$`)
)

// fpingRun is one target of fping.
type fpingRun struct {
	probes
	sent   int64 // -1 until known
	listed bool
}

// fping reads fping -C (one line a target), and fping -c (one line a probe) with
// its summary.
func fping(data []byte, target string) (*Measurement, error) {
	runs, order := map[string]*fpingRun{}, []string(nil)
	run := func(name string) *fpingRun {
		if runs[name] == nil {
			runs[name] = &fpingRun{probes: probes{delays: map[int64]int64{}}, sent: -1}
			order = append(order, name)
		}
		return runs[name]
	}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimRight(line, "\r ")
		var err error
		if f := fpingEach.FindStringSubmatch(line); f != nil {
			err = run(f[2]).each(f)
		} else if f := fpingTotal.FindStringSubmatch(line); f != nil {
			run(f[1]).sent, err = strconv.ParseInt(f[2], 10, 64)
		} else if f := fpingList.FindStringSubmatch(line); f != nil {
			err = run(f[1]).list(strings.Fields(f[2]))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if target == "" && len(order) == 1 {
		target = order[0]
	}
	switch r := runs[target]; {
	case len(order) == 0:
		return nil, errors.New("no line of fping -C or fping -c: this is not its output")
	case target == "":
		return nil, fmt.Errorf("there are %d targets (%s): choose one with --target", len(order), strings.Join(order, ", "))
	case r == nil:
		return nil, fmt.Errorf("there is no target %q, only %s", target, strings.Join(order, ", "))
	case r.sent < 0:
		return nil, errors.New("no summary line (xmt/rcv/%loss): the run was cut off, so nobody knows how many probes were sent and lost")
	case r.sent == 0:
		return nil, errors.New("fping sent nothing")
	case len(r.delays) == 0 && !r.listed:
		return nil, errors.New("there is fping's summary and no single round trips (fping -c -q): use fping -C, which prints each")
	default:
		return r.measurement("fping", target, 0, r.sent)
	}
}

func (r *fpingRun) each(f []string) error {
	r.listed = true
	n, err := strconv.ParseInt(f[3], 10, 32)
	if err != nil || f[4] == "" {
		return err
	}
	ns, err := nanoseconds(f[4])
	if err != nil {
		return err
	}
	r.answer(n, ns)
	if f[1] != "" {
		at, _ := strconv.ParseFloat(f[1], 64)
		r.stamp(at)
	}
	return nil
}

func (r *fpingRun) list(words []string) error {
	if r.listed {
		return errors.New("the target is there twice")
	}
	r.listed, r.sent = true, int64(len(words))
	for n, word := range slices.All(words) {
		if word == "-" {
			continue
		}
		ns, err := nanoseconds(word)
		if err != nil {
			return err
		}
		r.answer(int64(n), ns)
	}
	return nil
}
