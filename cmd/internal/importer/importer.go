// Package importer reads what measuring tools print, each probe by itself, and
// refuses what a tool does not measure: a lost probe is lost, never 0 ms and never
// left out, and nobody's mean becomes a percentile. A line that it does not know is
// counted and told, and each figure says what it is of.
package importer

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Formats are the tools whose output is read.
var Formats = []string{"irtt", "iperf3", "ping", "fping", "ndt7", "atlas"}

// MaxBytes bounds a tool's output.
const MaxBytes = 64 << 20

// MaxProbes bounds the probes of one file: more would not fit into one sample that
// the service takes.
const MaxProbes = 80_000

// Measurement is what a tool measured.
type Measurement struct {
	Tool       string
	Metric     string // "round_trip", or "" without delays
	Target     string
	StartedAt  time.Time // zero where the tool does not tell
	EndedAt    time.Time
	Took       time.Duration // how long the run took, 0 where the tool does not tell
	Delays     []*int64      // nanoseconds, one element a probe in the order of sending, nil for a lost one
	Arrivals   []int         // where in Delays the answers are, in the order in which they came; nil where nobody knows it
	Duplicates int           // answers beyond the first, not counted
	InFlight   int           // probes at the end, not in Delays, that were under way when the run was stopped
	Figures    map[string]float64
	// About tells of each figure which side counted it, in which direction, and of
	// which streams.
	About map[string]string
	// NotMeasured tells what the tool does not measure, and why that matters.
	NotMeasured []string
	// Notes tells what else a reader of the figures should know.
	Notes []string
}

func (m *Measurement) note(format string, args ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
}

// Parse reads a tool's output. Target chooses one of several targets.
func Parse(format string, data []byte, target string) (*Measurement, error) {
	readers := map[string]func([]byte, string) (*Measurement, error){
		"irtt": irtt, "iperf3": iperf3, "ping": ping, "fping": fping, "ndt7": ndt7, "atlas": atlas,
	}
	read, ok := readers[format]
	if !ok {
		return nil, fmt.Errorf("no tool %q: want %s", format, strings.Join(Formats, ", "))
	}
	data, err := Text(data)
	if err != nil {
		return nil, err
	}
	m, err := read(data, target)
	switch {
	case err != nil:
		return nil, elsewhere(format, data, err)
	case len(m.Delays) > MaxProbes:
		return nil, tooMany(int64(len(m.Delays)))
	case len(m.Delays) == 0 && len(m.Figures) == 0:
		return nil, fmt.Errorf("there is no figure in this output of %s", format)
	}
	return m, nil
}

// Said takes when the run began and ended from the user, each zero where he does not
// say. What the tool itself printed is not overruled.
func (m *Measurement) Said(began, ended time.Time) error {
	if began.IsZero() && ended.IsZero() {
		return nil
	}
	if !m.StartedAt.IsZero() && !m.EndedAt.IsZero() {
		return errors.New("the output tells its own times: --started-at and --ended-at are for output without")
	}
	if began.IsZero() != ended.IsZero() {
		if m.Took <= 0 {
			return errors.New("the output does not tell how long the run took: give both --started-at and --ended-at")
		}
		if began.IsZero() {
			began = ended.Add(-m.Took)
		} else {
			ended = began.Add(m.Took)
		}
	}
	if ended.Before(began) {
		return errors.New("--ended-at is before --started-at")
	}
	if m.Took > 0 && ended.Sub(began) < m.Took-time.Second {
		return fmt.Errorf("the run took %s, and from --started-at to --ended-at it is %s", m.Took, ended.Sub(began))
	}
	m.StartedAt, m.EndedAt = began, ended
	return nil
}
