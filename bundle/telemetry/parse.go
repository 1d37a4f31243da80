package telemetry

import (
	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Parse reads a proof's member telemetry, which stands at pointer. The error is a
// [*canonical.Error]: [CodeMalformed] for what contradicts the format, else
// [CodeIncomplete] for what is missing or of another type, and [CodeUnknownFormat]
// for a commitment of another format, of which nothing is read.
func Parse(v canonical.Value, pointer string) (Commitment, error) {
	r := &reader{at: v, pointer: pointer, signed: true}
	if v.Kind() != canonical.Object {
		return Commitment{}, v.Errorf(CodeIncomplete, pointer, "telemetry is no object")
	}
	if format := r.text("format"); format != Format && r.err == nil {
		return Commitment{}, v.Get("format").Errorf(CodeUnknownFormat, pointer+"/format", "format is %s, and only %s is known", canonical.Clip(format, 64), Format)
	}
	c := Commitment{Count: r.whole("count", 1, MaxSamples)}
	r.window(&c)
	switch r.word("profile", canonical.QodMock.String(), canonical.JCS.String()) {
	case canonical.QodMock.String():
		c.Profile = canonical.QodMock
	case canonical.JCS.String():
		c.Profile = canonical.JCS
	}
	root, err := bundle.ParseDigest(r.text("root"))
	if err != nil && v.Get("root").Kind() == canonical.String {
		r.fail(v.Get("root"), "root", "root: %v", err)
	}
	c.Root = Hash(root)
	c.Metric = r.word("metric", RoundTrip, OneWay, Mixed, Unspecified)
	rules := r.child("aggregation")
	rules.word("averages", RuleAverages)
	rules.word("percentile", RulePercentile)
	rules.word("jitter", RuleJitter)
	r.join(rules)
	if v.Get("distribution").Kind() == canonical.Null {
		for _, name := range []string{"probes", "delays_ns"} {
			switch v.Get(name).Kind() {
			case canonical.Null:
			case canonical.Missing:
				r.lack(v, name, "%s is missing", name)
			default:
				r.fail(v.Get(name), name, "%s is there without a distribution", name)
			}
		}
	} else {
		c.Pooled = r.pooled()
	}
	c.NotMeasured = r.words("not_measured", 8)
	c.Decision = r.decision()
	return c, r.err
}

// window reads when the samples were measured. null says that nobody knows, and only
// together with times_unknown: without it the time was left out.
func (r *reader) window(c *Commitment) {
	if r.at.Get("times_unknown").Exists() {
		c.TimesUnknown = r.whole("times_unknown", 0, MaxSamples)
		if c.TimesUnknown > c.Count && r.at.Get("count").IsInteger() {
			r.fail(r.at.Get("times_unknown"), "times_unknown", "more samples of unknown time than there are samples")
		}
	}
	none := r.at.Get("first_at").Kind() == canonical.Null && r.at.Get("last_at").Kind() == canonical.Null
	switch all := c.TimesUnknown == c.Count; {
	case none && all:
	case all && r.at.Get("count").IsInteger() && r.at.Get("first_at").Kind() == canonical.String:
		r.fail(r.at.Get("first_at"), "first_at", "a time of samples that are all of unknown time")
	default:
		c.FirstAt, c.LastAt = r.time("first_at"), r.time("last_at")
	}
}

// child reads a member that is an object.
func (r *reader) child(name string) *reader {
	v := r.at.Get(name)
	if v.Kind() != canonical.Object {
		r.lack(v, name, "%s is missing or no object", name)
	}
	return &reader{at: v, pointer: r.pointer + "/" + name, signed: r.signed, err: r.err}
}

func (r *reader) join(child *reader) {
	r.err = child.err // which has r's own, unless it found worse
}

func (r *reader) pooled() *Pooled {
	p := &Pooled{}
	probes := r.child("probes")
	const most = MaxPooled + MaxSamples*MaxProbes
	p.Sent = probes.whole("sent", 1, most)
	if probes.at.Get("sent").IsInteger() {
		p.Lost = probes.whole("lost", 0, p.Sent)
	} else {
		p.Lost = probes.whole("lost", 0, most)
	}
	r.join(probes)
	counted := probes.at.Get("sent").IsInteger() && probes.at.Get("lost").IsInteger()
	d := r.child("distribution")
	d.word("unit", "ns")
	d.whole("precision_bits", PrecisionBits, PrecisionBits)
	if e, ok := d.at.Get("relative_error").Float(); d.at.Get("relative_error").Kind() != canonical.Number {
		d.lack(d.at.Get("relative_error"), "relative_error", "relative_error is missing or no number")
	} else if !ok || e != RelativeError {
		d.fail(d.at.Get("relative_error"), "relative_error", "relative_error is not %g, which precision_bits gives", RelativeError)
	}
	p.Distribution = d.bins()
	r.join(d)
	delays := r.child("delays_ns")
	switch {
	case !counted: // so whether there are percentiles can't be told
	case p.Sent > p.Lost:
		at := func(name string) int64 { return delays.whole(name, 0, MaxDelay) }
		p.Delays = Delays{at("min"), at("p50"), at("p95"), at("p99"), at("max")}
	default:
		for name, v := range delays.at.Members() {
			if v.Kind() != canonical.Null {
				delays.fail(v, name, "a percentile of no answered probe")
			}
		}
	}
	r.join(delays)
	return p
}

func (r *reader) bins() (d Distribution) {
	bins := r.at.Get("bins")
	if bins.Kind() != canonical.Array {
		r.lack(bins, "bins", "bins is missing or no array")
		return d
	}
	last, total := int64(-1), int64(0)
	for _, pair := range bins.Elements() {
		var numbers [2]int64
		sound := pair.Kind() == canonical.Array && pair.Len() == 2
		if sound {
			for i, v := range pair.Elements() {
				n, ok := v.Int()
				if !ok && v.IsInteger() {
					n = -1 // beyond 64 bits, and out of every range
				}
				numbers[i], sound = n, sound && v.IsInteger()
			}
		}
		if !sound {
			r.lack(pair, "bins", "a bin is no pair of integers")
			return d
		}
		total += numbers[1]
		// The last bound also keeps the total from overflowing.
		if numbers[0] <= last || numbers[0] > MaxIndex || numbers[1] < 1 || numbers[1] > MaxPooled || total > MaxPooled {
			r.fail(pair, "bins", "bins are pairs of an index, rising, and a count of at least 1")
			return d
		}
		last = numbers[0]
		d.Bins = append(d.Bins, Bin{numbers[0], numbers[1]})
	}
	return d
}

func (r *reader) decision() (d Decision) {
	child := r.child("decision")
	optional := func(name string) *int64 {
		if child.at.Get(name).Kind() == canonical.Null {
			return nil
		}
		n := child.whole(name, 0, MaxDelay)
		return &n
	}
	d.LatencyP95, d.JitterP99 = optional("latency_p95_ns"), optional("jitter_p99_ns")
	d.Result = child.word("result", Pass, Fail, Undecided)
	d.Reasons = child.words("reasons", 8)
	r.join(child)
	return d
}

// words reads an array of at most n strings.
func (r *reader) words(name string, n int) (list []string) {
	array := r.at.Get(name)
	if array.Kind() != canonical.Array {
		r.lack(array, name, "%s is missing or no array", name)
		return nil
	}
	if array.Len() > n {
		r.fail(array, name, "%s has more than %d elements", name, n)
		return nil
	}
	for _, v := range array.Elements() {
		s, ok := v.Text()
		if !ok {
			r.lack(v, name, "%s has an element that is no string", name)
			return nil
		}
		list = append(list, s)
	}
	return list
}
