package telemetry

import (
	"errors"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// MaxPooled bounds the delays of one proof, since they are all held at once: 8
// bytes each.
const MaxPooled = 10_000_000

// ErrTooMany is returned for samples beyond [MaxSamples] or [MaxPooled].
var ErrTooMany = errors.New("too many samples for one proof")

// Aggregate makes the commitment out of samples, which are added in their order.
// The zero value is empty, for the profile qod-mock.
type Aggregate struct {
	Profile  canonical.Profile // of the leaves; Unspecified means qod-mock
	Averages Averages

	tree       Tree
	window     span // of the samples that tell when they were measured
	posted     span // the same with a sample's posting where it does not tell
	untimed    int64
	metric     string
	delays     []int64
	lost       int64
	incomplete bool // some sample has no delays
}

// Add reads a sample and takes it in. The pointer is where it stands, for errors.
func (a *Aggregate) Add(v canonical.Value, pointer string) (Sample, error) {
	s, err := ParseSample(v, pointer)
	if err != nil {
		return s, err
	}
	leaf, err := Leaf(v, a.profile())
	if err != nil {
		return s, err
	}
	if a.tree.n >= MaxSamples || len(a.delays)+len(s.Delays) > MaxPooled {
		return s, ErrTooMany
	}
	if s.Timed() {
		a.window.add(s.StartedAt, s.EndedAt)
		a.posted.add(s.StartedAt, s.EndedAt)
	} else {
		a.untimed++
		a.posted.add(s.RecordedAt, s.RecordedAt)
	}
	switch {
	case a.tree.n == 0 || a.metric == s.Metric:
		a.metric = s.Metric
	case a.metric == Unspecified || s.Metric == Unspecified:
		a.metric = Unspecified
	default:
		a.metric = Mixed
	}
	a.incomplete = a.incomplete || !s.HasDelays
	a.delays = append(a.delays, s.Delays...)
	a.lost += s.Lost
	if s.P95 != nil {
		a.Averages.Add(*s.P50, *s.P95, *s.Jitter)
	}
	return s, a.tree.Add(leaf)
}

// span is a time that grows; zero is none.
type span struct{ first, last time.Time }

func (w *span) add(from, to time.Time) {
	if w.first.IsZero() || from.Before(w.first) {
		w.first = from
	}
	if w.last.IsZero() || to.After(w.last) {
		w.last = to
	}
}

// Posted returns the window that proofs had before they said times_unknown: the
// moment of posting stands for the time of a sample that does not tell.
func (a *Aggregate) Posted() (first, last time.Time) { return a.posted.first, a.posted.last }

func (a *Aggregate) profile() canonical.Profile {
	if a.Profile == canonical.Unspecified {
		return canonical.QodMock
	}
	return a.Profile
}

// Leaf returns the leaf hash of a sample.
func Leaf(v canonical.Value, profile canonical.Profile) (Hash, error) {
	b, err := v.Canonical(profile)
	if err != nil {
		return Hash{}, err
	}
	return LeafHash(b), nil
}

// Count returns the number of samples.
func (a *Aggregate) Count() int64 { return a.tree.n }

// Tree returns the tree over the samples.
func (a *Aggregate) Tree() *Tree { return &a.tree }

// Commitment returns what follows from the samples and the agreed targets.
func (a *Aggregate) Commitment(t Targets) (Commitment, error) {
	root, err := a.tree.Root()
	c := Commitment{Profile: a.profile(), Count: a.tree.n, Root: root, FirstAt: a.window.first, LastAt: a.window.last, TimesUnknown: a.untimed, Metric: a.metric}
	var latency *int64
	// Delays of one way and of both are not of one distribution.
	if !a.incomplete && a.metric != Mixed {
		c.Pooled = Pool(a.delays, a.lost)
		latency = Latency(a.delays, a.lost, 95_000)
	}
	c.NotMeasured = NotMeasured(c.Pooled)
	c.Decision = Decide(c.Pooled, latency, t)
	return c, err
}
