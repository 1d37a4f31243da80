package verify

import (
	"fmt"
	"strconv"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
)

// counts holds the numbers of samples and of probes to each other. A sample of which
// every probe was lost has no figures, and is committed to without being averaged.
func (d *differences) counts(p bundle.Proof, c telemetry.Commitment, disclosed bool) {
	if c.Pooled != nil {
		if sent := c.Pooled.Sent; sent < c.Count || sent > c.Count*telemetry.MaxProbes {
			d.add(PooledMismatch, "/proof/telemetry/probes/sent", fmt.Sprintf("%d to %d", c.Count, c.Count*telemetry.MaxProbes), strconv.FormatInt(sent, 10),
				"%d samples have each 1 to %d probes", c.Count, telemetry.MaxProbes)
		}
	}
	n := p.SamplesCount
	if n == nil {
		d.lacks("/proof/measured_outcomes/samples_count", "the proof does not say how many samples were averaged")
		return
	}
	least, most := c.Count, c.Count
	if c.Pooled != nil {
		least, most = max(1, c.Count-c.Pooled.Lost), min(c.Count, c.Pooled.Sent-c.Pooled.Lost)
	} else if *n >= 1 && *n < most {
		// One with delays may have lost them all, beside others without. With all
		// samples at hand, telemetry.samples counts them.
		if !disclosed {
			d.lacks("/proof/measured_outcomes/samples_count", "fewer samples were averaged than the proof commits to: whether the others had no figures, only the samples tell")
		}
		return
	}
	switch want := fmt.Sprintf("%d to %d", least, most); {
	case least == most && *n != most:
		d.add(SamplesMismatch, "/proof/measured_outcomes/samples_count", strconv.FormatInt(most, 10), strconv.FormatInt(*n, 10), "the averages are said to be of another number of samples than the proof commits to")
	case *n < least || *n > most:
		d.add(SamplesMismatch, "/proof/measured_outcomes/samples_count", want, strconv.FormatInt(*n, 10), "the averages are said to be of another number of samples than the proof commits to, and than its lost probes leave without figures")
	}
}

// averaged holds the averages of the samples' figures to the delays of all probes: a
// mean lies between the smallest and the greatest, and that of one sample is it.
func (d *differences) averaged(p bundle.Proof, c telemetry.Commitment) {
	if c.Pooled == nil || c.Pooled.Sent == c.Pooled.Lost || p.SamplesCount == nil {
		return
	}
	delays := c.Pooled.Delays
	single := *p.SamplesCount == 1
	for _, x := range []struct {
		name              string
		claim             *float64
		low, high, figure int64
	}{
		{"avg_p50_ms", p.AvgP50MS, delays.Min, delays.Max, delays.P50}, {"avg_p95_ms", p.AvgP95MS, delays.Min, delays.Max, delays.P95},
		{"avg_jitter_ms", p.AvgJitterMS, 0, delays.Max - delays.Min, delays.Jitter()},
	} {
		pointer := "/proof/measured_outcomes/" + x.name
		if x.claim == nil {
			d.lacks(pointer, "the average is missing, so it was held to no delay")
			continue
		}
		from, to := telemetry.Mean(x.low, x.high)
		switch want := telemetry.Single(x.figure); {
		case single && *x.claim != want:
			d.add(AverageMismatch, pointer, canonical.PythonFloat(want), canonical.PythonFloat(*x.claim), "the average of one sample is not what its delays give")
		case *x.claim < from || *x.claim > to:
			d.add(AverageMismatch, pointer, fmt.Sprintf("%s to %s ms", telemetry.Milliseconds(x.low), telemetry.Milliseconds(x.high)), canonical.PythonFloat(*x.claim)+" ms",
				"an average lies outside of all the delays that the proof commits to")
		}
	}
	if p.AvgP50MS == nil || p.AvgP95MS == nil || p.AvgJitterMS == nil {
		return
	}
	// In each sample p99 - min is at least p95 - p50, and so it is in the means; each
	// of the three was rounded.
	if least := *p.AvgP95MS - *p.AvgP50MS - 0.03; *p.AvgJitterMS < least {
		d.add(AverageMismatch, "/proof/measured_outcomes/avg_jitter_ms", "at least avg_p95_ms - avg_p50_ms", canonical.PythonFloat(*p.AvgJitterMS),
			"the average jitter (p99 minus the minimum) is less than what lies between median and p95")
	}
}

// notMeasured holds what the proof says that nobody measured to what it measures.
func (d *differences) notMeasured(c telemetry.Commitment) {
	const pointer = "/proof/telemetry/not_measured"
	for _, name := range c.NotMeasured {
		switch {
		case name == "throughput_mbps", name == "availability_pct", name == "packet_loss_pct" && c.Pooled == nil:
		case name == "packet_loss_pct":
			d.add(PooledMismatch, pointer, "", name, "the proof counts lost probes, and says that loss was not measured")
		case name == "latency_ms", name == "jitter_ms":
			d.add(PooledMismatch, pointer, "", name, "the proof states averages of it, and says that it was not measured")
		default:
			*d = append(*d, Check{Code: SchemaUnknown, Pointer: pointer, Actual: name, Message: "the artifact has no such member that could be measured"})
		}
	}
}
