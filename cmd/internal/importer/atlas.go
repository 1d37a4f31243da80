package importer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

const atlasName = "RIPE Atlas"

// atlasResult is one ping result of RIPE Atlas: some packets, sent by one of its
// probes to one target.
type atlasResult struct {
	probe, target, name string
	at                  int64 // seconds since 1970 when it began, 0 where that is not told
	delays              []*int64
	duplicates, late    int
	errors              []string
	nothing             string // why nothing was measured
}

// atlas reads ping results of RIPE Atlas: one, an array of them, or a line each. Those
// of one probe to one target are one measurement; with several, target chooses one.
func atlas(data []byte, target string) (*Measurement, error) {
	values, err := stream(data)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		root, err := parse(data, atlasName, "its API (/measurements/ID/results/)")
		if err != nil {
			return nil, err
		}
		values = []canonical.Value{root}
		if root.Kind() == canonical.Array {
			values = values[:0]
			for _, v := range root.Elements() {
				values = append(values, v)
			}
		}
	}
	if len(values) == 0 {
		return nil, errors.New("the list of results is empty")
	}
	runs, order := map[string][]*atlasResult{}, []string(nil)
	for i, v := range values {
		r, err := atlasPing(v)
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
		key := r.target
		if r.probe != "" {
			key = "probe " + r.probe + " to " + r.target
		}
		if target != "" && !slices.Contains([]string{key, r.target, r.name, r.probe}, target) {
			continue
		}
		if runs[key] == nil {
			order = append(order, key)
		}
		runs[key] = append(runs[key], r)
	}
	switch {
	case len(order) == 0:
		return nil, fmt.Errorf("no result is of %q: give a target, its address, or the number of a probe", target)
	case len(order) > 1:
		list := strings.Join(order[:min(len(order), 8)], ", ")
		return nil, fmt.Errorf("there are %d pairs of probe and target (%s): choose one with --target", len(order), list)
	}
	return atlasMeasurement(order[0], runs[order[0]])
}

func atlasMeasurement(key string, results []*atlasResult) (*Measurement, error) {
	m := &Measurement{Tool: atlasName, Target: key, Metric: "round_trip"}
	slices.SortStableFunc(results, func(a, b *atlasResult) int { return cmp.Compare(a.at, b.at) })
	failed, late, timed := 0, 0, true
	nothing := slices.DeleteFunc(slices.Clone(results), func(r *atlasResult) bool { return r.nothing == "" })
	results = slices.DeleteFunc(results, func(r *atlasResult) bool { return r.nothing != "" })
	for _, r := range results {
		for _, d := range r.delays {
			if d != nil {
				m.Arrivals = append(m.Arrivals, len(m.Delays))
			}
			m.Delays = append(m.Delays, d)
		}
		m.Duplicates += r.duplicates
		failed, late = failed+len(r.errors), late+r.late
		timed = timed && r.at > 0
	}
	switch {
	case len(m.Delays) == 0 && len(nothing) > 0:
		return nil, fmt.Errorf("nothing was measured: %s", nothing[0].nothing)
	case len(m.Delays) == 0:
		return nil, errors.New("the probe sent nothing")
	case len(nothing) > 0:
		m.note("%s, in which nothing was measured, %s left out: %s", counted(int64(len(nothing)), "result"), verb(int64(len(nothing)), "is", "are"), nothing[0].nothing)
	}
	if late > 0 {
		m.note("%s came after the time-out: the packets count as lost", counted(int64(late), "answer"))
	}
	if failed > 0 {
		m.note("%s could not be sent, and %s as lost: %s", counted(int64(failed), "packet"), verb(int64(failed), "counts", "count"), firstError(results))
	}
	if timed {
		// A result tells when it began. Its packets go out a second apart, unless the
		// measurement was given another interval.
		last := results[len(results)-1]
		m.StartedAt = time.Unix(results[0].at, 0).UTC()
		m.EndedAt = time.Unix(last.at, 0).Add(time.Duration(len(last.delays)-1) * time.Second).UTC()
		m.note("the end is reckoned: RIPE Atlas tells when each result began, and its packets are a second apart by default")
	}
	return m, nil
}

func firstError(results []*atlasResult) string {
	for _, r := range results {
		if len(r.errors) > 0 {
			return r.errors[0]
		}
	}
	return ""
}

// first returns the first of the members that is there: firmware has renamed some.
func first(v canonical.Value, names ...string) canonical.Value {
	for _, name := range names {
		if member := v.Get(name); member.Exists() {
			return member
		}
	}
	return canonical.Value{}
}

// atlasPing reads one result, of any firmware that lists its packets.
func atlasPing(v canonical.Value) (*atlasResult, error) {
	if kind := text(v.Get("type")); kind != "" && kind != "ping" {
		return nil, fmt.Errorf("a %s, not a ping", canonical.Clip(kind, 20))
	}
	list, failure := v.Get("result"), first(v, "dnserr", "error")
	if v.Kind() != canonical.Object || !v.Get("sent").Exists() && !list.Exists() && !failure.Exists() {
		return nil, errors.New("this is not a ping result of RIPE Atlas")
	}
	r := &atlasResult{target: text(first(v, "dst_addr", "addr")), name: text(first(v, "dst_name", "name"))}
	if id := v.Get("prb_id"); id.Exists() {
		r.probe = canonical.Clip(string(id.Raw()), 20)
	}
	if r.target == "" {
		r.target = r.name
	}
	if at, ok := v.Get("timestamp").Int(); ok && at > 0 && at < 1e11 {
		r.at = at
	}
	switch {
	case failure.Exists():
		r.nothing = canonical.Clip(string(failure.Raw()), 100)
		return r, nil
	case list.Kind() != canonical.Array:
		return nil, errors.New("there is a mean and no list of round trips, as firmware 1 has it: minimum, mean and maximum are no percentiles")
	}
	for i, packet := range list.Elements() {
		if err := r.packet(packet); err != nil {
			return nil, fmt.Errorf("packet %d: %w", i, err)
		}
	}
	return r, r.sums(v)
}

func (r *atlasResult) packet(v canonical.Value) error {
	rtt, answered := number(v.Get("rtt"))
	_, again := v.Get("dup").Int()
	if flag, ok := v.Get("dup").Bool(); ok {
		again = flag
	}
	switch {
	case answered && again:
		r.duplicates++
	case answered && rtt >= 0 && rtt <= 60_000:
		ns := int64(math.Round(rtt * 1e6))
		r.delays = append(r.delays, &ns)
	case answered:
		return fmt.Errorf("a round trip of %v ms is none", rtt)
	case first(v, "error", "err").Exists():
		r.errors = append(r.errors, canonical.Clip(string(first(v, "error", "err").Raw()), 100))
		r.delays = append(r.delays, nil)
	case v.Get("late").Exists():
		r.late++ // to a packet that is listed as lost
	case text(v.Get("x")) == "*":
		r.delays = append(r.delays, nil)
	default:
		return fmt.Errorf("neither answered (rtt) nor lost (x): %s", canonical.Clip(string(bytes.TrimSpace(v.Raw())), 80))
	}
	return nil
}

// sums holds the list to the numbers of sent and received packets.
func (r *atlasResult) sums(v canonical.Value) error {
	answered := 0
	for _, d := range r.delays {
		if d != nil {
			answered++
		}
	}
	if sent, ok := v.Get("sent").Int(); ok && sent != int64(len(r.delays)) {
		return fmt.Errorf("%d packets were sent, and %d are listed", sent, len(r.delays))
	}
	if received, ok := v.Get("rcvd").Int(); ok && received != int64(answered) {
		return fmt.Errorf("%d answers came, and %d are listed", received, answered)
	}
	return nil
}
