package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/qodverify/qodverify/verify"
)

// Outcome is what a run remembers of an input when its result has been written.
type Outcome struct {
	Input    string
	Reason   verify.Code
	Warnings int32
	Verdict  verify.Verdict

	Doubtful bool // some warning is about this very proof, or its own result is "fail"
	Failing  bool // it is genuine, and its own result is "fail"
	Key      bool // a key of its kid was found
	Pinned   bool // and it is one that the caller named
}

// OutcomeOf returns what a run remembers of a result.
func OutcomeOf(r Result) Outcome {
	o := Outcome{Input: r.Input, Verdict: r.Report.Verdict(), Reason: r.Report.Reason()}
	for _, c := range r.Report.Checks() {
		if c.Status == verify.Warn {
			o.Warnings++
			o.Doubtful = o.Doubtful || !usualCheck(c)
		}
	}
	key := r.Report.Key()
	o.Key, o.Pinned = key.Found, key.Pinned
	if o.Verdict == verify.Verified && r.Report.Subject().Result == "fail" {
		o.Failing, o.Doubtful = true, true
	}
	return o
}

// rank orders outcomes, the worst first.
func (o Outcome) rank() int { return rankOf(o.Verdict, int(o.Warnings)) }

// Writer writes the report of a run in one format as its results come, in their order.
// What a format shows elsewhere, the worst first say, is kept in temporary files.
type Writer struct {
	out  *bufio.Writer
	form runWriter
}

// runWriter is one format's part of a [Writer].
type runWriter interface {
	// add takes the next result. Nothing of it may be kept but what is written.
	add(Result) error
	// end writes the rest. The run has the outcomes of all that was added.
	end(Run) error
	// drop lets go of what was not written.
	drop() error
}

// NewWriter returns the writer of a run with so many inputs: one is told of in full, of
// several text and HTML show in full only what is not verified.
func NewWriter(w io.Writer, format string, tool Tool, inputs int, o Options) (*Writer, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == format })
	if i < 0 {
		return nil, fmt.Errorf("unknown output format %q: want %s", format, FormatNames())
	}
	out := bufio.NewWriterSize(w, 32<<10)
	return &Writer{out, formats[i].run(out, tool, inputs, o)}, nil
}

// Add writes what can be written of a result.
func (w *Writer) Add(r Result) error { return w.form.add(r) }

// Flush hands on what is written, to a reader who waits for it.
func (w *Writer) Flush() error { return w.out.Flush() }

// Close writes what the run says beside its results, and the rest of the report.
func (w *Writer) Close(run Run) error {
	return errors.Join(w.form.end(run), w.out.Flush(), w.form.drop())
}

// Drop ends a report that is not finished.
func (w *Writer) Drop() error { return w.form.drop() }

// write writes the report of a run whose results are at hand.
func (r Run) write(w io.Writer, f Format, o Options) error {
	out := bufio.NewWriter(w)
	form := f.run(out, r.Tool, len(r.Results), o)
	for _, result := range r.Results {
		if err := form.add(result); err != nil {
			return errors.Join(err, form.drop())
		}
	}
	return errors.Join(form.end(r), out.Flush(), form.drop())
}

// sheetWriter is one format for pipelines: it gets the units one at a time.
type sheetWriter interface {
	unit(suite) error
	end(standing) error
	drop() error
}

// sheetRun writes a run in a format for pipelines.
type sheetRun struct {
	sheetWriter
	options Options
}

func (s sheetRun) add(r Result) error { return s.unit(r.suite(s.options)) }

func (s sheetRun) end(r Run) error {
	for _, u := range r.units(s.options) {
		if err := s.unit(u); err != nil {
			return err
		}
	}
	return s.sheetWriter.end(r.standing())
}

// write writes an audit in a format for pipelines.
func (s sheet) write(to sheetWriter) error {
	for _, u := range s.units {
		if err := to.unit(u); err != nil {
			return errors.Join(err, to.drop())
		}
	}
	return errors.Join(to.end(s.standing), to.drop())
}
