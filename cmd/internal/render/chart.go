package render

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/verify"
)

// Charts are SVG within the page, drawn with attributes and the page's classes,
// for its policy takes no style of an element. Each has a title and a description
// that say in words what it shows.

const (
	chartWidth  = 720.0
	chartHeight = 220.0
	chartLeft   = 8.0
	chartBase   = 170.0 // y of the axis
)

// svg collects the elements of one chart.
type svg struct {
	b    strings.Builder
	id   string
	tall float64
}

func (s *svg) add(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

// text adds a label. All of them are escaped here.
func (s *svg) text(class, anchor string, x, y float64, label string) {
	s.add(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, class, x, y, anchor, template.HTMLEscapeString(Printable(label)))
}

func (s *svg) rect(class string, x, y, width, height float64, tip string) {
	s.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`, class, x, y, max(width, 0.5), height, template.HTMLEscapeString(Printable(tip)))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	s.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (s *svg) done(title, description string) template.HTML {
	e := template.HTMLEscapeString
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`+"\n%s</svg>",
		chartWidth, s.tall, s.id, s.id, s.id, e(Printable(title)), s.id, e(Printable(description)), s.b.String()))
}

// chart draws the latencies that a bundle claims, against the agreed target: the
// distribution where the proof commits to one, else the averages alone.
func chart(b *bundle.Bundle, number int) template.HTML {
	var target float64 // milliseconds; 0 without
	if t := b.Proof.Intent.TargetP95LatencyMS; t != nil && *t > 0 {
		target = float64(*t)
	}
	s := &svg{id: fmt.Sprintf("chart-%d", number), tall: chartHeight}
	if c, err := telemetry.Parse(b.Proof.Telemetry, "/proof/telemetry"); err == nil && c.Pooled != nil && len(c.Pooled.Distribution.Bins) > 0 {
		return s.distribution(c, target)
	}
	if b.Proof.AvgP95MS == nil || b.Proof.AvgP50MS == nil {
		return ""
	}
	return s.averages(*b.Proof.AvgP50MS, *b.Proof.AvgP95MS, target)
}

// logAxis maps milliseconds to x, by their logarithm.
type logAxis struct{ low, high float64 }

func (a logAxis) x(ms float64) float64 {
	t := (math.Log(max(ms, a.low)) - math.Log(a.low)) / (math.Log(a.high) - math.Log(a.low))
	return chartLeft + t*(chartWidth-2*chartLeft)
}

func (s *svg) axis(a logAxis) {
	s.line("axis", chartLeft, chartBase, chartWidth-chartLeft, chartBase)
	for tick := math.Pow(10, math.Floor(math.Log10(a.low))); tick <= a.high; tick *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if ms := tick * m; ms >= a.low && ms <= a.high {
				s.line("axis", a.x(ms), chartBase, a.x(ms), chartBase+5)
				s.text("tick", "middle", a.x(ms), chartBase+20, fmt.Sprintf("%g ms", ms))
			}
		}
	}
}

func msText(ms float64) string { return fmt.Sprintf("%.4g ms", ms) }

// distribution draws the pooled delays in columns of equal width by logarithm.
func (s *svg) distribution(c telemetry.Commitment, target float64) template.HTML {
	p := c.Pooled
	d := p.Delays
	const ns = 1e6
	low, high := float64(max(d.Min, 1000))/ns, float64(d.Max)/ns
	if target > 0 {
		low, high = min(low, target), max(high, target)
	}
	a := logAxis{low / 1.1, high * 1.15}
	const columns = 72
	counts := make([]int64, columns)
	width := (chartWidth - 2*chartLeft) / columns
	for _, bin := range p.Distribution.Bins {
		x := a.x(float64(max(telemetry.Middle(bin.Index), 1)) / ns)
		counts[min(columns-1, max(0, int((x-chartLeft)/width)))] += bin.Count
	}
	// A bin that straddles the target is drawn where its middle is; the numbers in
	// the text are exact.
	most := slices.Max(counts)
	for i, n := range counts {
		if n == 0 {
			continue
		}
		x := chartLeft + float64(i)*width
		class := "bar"
		if target > 0 && x+width/2 > a.x(target) {
			class = "bar over"
		}
		h := math.Max(1.5, float64(n)/float64(most)*(chartBase-40))
		s.rect(class, x+0.5, chartBase-h, width-1, h, fmt.Sprintf("%d probes", n))
	}
	s.axis(a)
	p95 := float64(d.P95) / ns
	s.marker("p95", a.x(p95), 26, "p95 "+msText(p95))
	words := fmt.Sprintf("%d probes were sent and %d lost. Of the answered ones half took at most %s, 95 of 100 at most %s, 99 of 100 at most %s, the slowest %s.",
		p.Sent, p.Lost, msText(float64(d.P50)/ns), msText(p95), msText(float64(d.P99)/ns), msText(float64(d.Max)/ns))
	if target > 0 {
		s.marker("target", a.x(target), 12, fmt.Sprintf("target %g ms", target))
		words += fmt.Sprintf(" The agreed p95 is at most %g ms.", target)
	}
	if p.Lost > 0 {
		s.text("tick", "end", chartWidth-chartLeft, chartBase+40, fmt.Sprintf("and %d of %d probes lost, which no column shows", p.Lost, p.Sent))
	}
	return s.done("Latency distribution against the target", words)
}

// marker draws a line over the columns with its label on the side that has room.
func (s *svg) marker(class string, x, y float64, label string) {
	s.line(class, x, y-6, x, chartBase)
	anchor, dx := "start", 4.0
	if x > chartWidth*0.7 {
		anchor, dx = "end", -4
	}
	s.text(class+"-label", anchor, x+dx, y+4, label)
}

// averages draws the two figures of a proof that has no distribution.
func (s *svg) averages(p50, p95, target float64) template.HTML {
	most := max(p50, p95, target, 0.001) * 1.2
	scale := func(ms float64) float64 { return ms / most * (chartWidth - 130) }
	s.tall = 130
	for i, v := range []struct {
		label string
		ms    float64
	}{{"average p50", p50}, {"average p95", p95}} {
		y := 30 + float64(i)*38
		class := "bar"
		if target > 0 && i == 1 && v.ms > target {
			class = "bar over"
		}
		s.text("label", "end", 100, y+16, v.label)
		s.rect(class, 110, y, scale(v.ms), 24, fmt.Sprintf("%s: %g ms", v.label, v.ms))
		s.text("label", "start", 116+scale(v.ms), y+16, fmt.Sprintf("%g ms", v.ms))
	}
	words := fmt.Sprintf("The proof states an average median of %g ms and an average 95th percentile of %g ms, and no distribution: averages of percentiles can hide slow probes.", p50, p95)
	if target > 0 {
		x := 110 + scale(target)
		s.line("target", x, 18, x, 108)
		s.text("target-label", "middle", x, 12, fmt.Sprintf("target %g ms", target))
		words += fmt.Sprintf(" The agreed p95 is at most %g ms.", target)
	}
	return s.done("Stated latency against the target", words)
}

// timelineChart draws how many records were made when.
func timelineChart(t verify.Timeline) template.HTML {
	if len(t.Slots) == 0 {
		return ""
	}
	s := &svg{id: "timeline", tall: 170}
	most, all, bad := int64(1), int64(0), int64(0)
	for _, slot := range t.Slots {
		most, all, bad = max(most, slot.Records), all+slot.Records, bad+slot.NotVerified
	}
	const base, top = 120.0, 20.0
	width := min(40, (chartWidth-2*chartLeft)/float64(len(t.Slots)))
	for i, slot := range t.Slots {
		if slot.Records == 0 {
			continue
		}
		x := chartLeft + float64(i)*width
		h := math.Max(2, float64(slot.Records)/float64(most)*(base-top))
		start := t.Start.Add(time.Duration(i) * t.Step)
		tip := fmt.Sprintf("from %s: %s, %d not verified", timeText(start), count(slot.Records, "record"), slot.NotVerified)
		s.rect("bar", x+0.5, base-h, width-1, h, tip)
		if slot.NotVerified > 0 {
			s.rect("bar over", x+0.5, base-math.Max(2, h*float64(slot.NotVerified)/float64(slot.Records)), width-1, math.Max(2, h*float64(slot.NotVerified)/float64(slot.Records)), tip)
		}
	}
	s.line("axis", chartLeft, base, chartWidth-chartLeft, base)
	end := t.Start.Add(time.Duration(len(t.Slots)) * t.Step)
	s.text("tick", "start", chartLeft, base+20, timeText(t.Start))
	s.text("tick", "end", chartWidth-chartLeft, base+20, timeText(end))
	s.text("tick", "middle", chartWidth/2, base+38, fmt.Sprintf("one column: %s; highest: %s", t.Step, count(most, "record")))
	return s.done("Records by the time at which they were signed", fmt.Sprintf("%s from %s to %s, %d of them not verified by themselves.", count(all, "record"), timeText(t.Start), timeText(end), bad))
}

// maxKeysDrawn bounds the keys of the chart; the table has the others.
const maxKeysDrawn = 24

// keysChart draws from when to when each key signed.
func keysChart(r *verify.LedgerReport) template.HTML {
	var keys []verify.KeySpan
	for _, k := range r.Keys {
		if !k.From.IsZero() && len(keys) < maxKeysDrawn {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return ""
	}
	s := &svg{id: "keys", tall: float64(len(keys))*30 + 30}
	const left = 170.0
	span := max(r.To.Sub(r.From).Seconds(), 1)
	x := func(t time.Time) float64 { return left + t.Sub(r.From).Seconds()/span*(chartWidth-left-chartLeft-2) }
	words := ""
	for i, k := range keys {
		y := 6 + float64(i)*30
		name := k.KID
		if len([]rune(name)) > 20 {
			name = string([]rune(name)[:19]) + "…"
		}
		if name == "" {
			name = "no kid"
		}
		class := "bar"
		if !k.Found {
			class = "bar over"
		}
		tip := fmt.Sprintf("%s: %s from %s to %s", name, count(k.Records, "record"), timeText(k.From), timeText(k.To))
		s.text("label", "end", left-8, y+15, name)
		s.rect(class, x(k.From), y, max(3, x(k.To)-x(k.From)), 20, tip)
		words += tip + ". "
	}
	y := 6 + float64(len(keys))*30
	s.line("axis", left, y, chartWidth-chartLeft, y)
	s.text("tick", "start", left, y+18, timeText(r.From))
	s.text("tick", "end", chartWidth-chartLeft, y+18, timeText(r.To))
	return s.done("When each key signed", words)
}
