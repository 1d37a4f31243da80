package main

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/render"
)

// flushEvery is how long what was written of a report may wait for its reader.
const flushEvery = 200 * time.Millisecond

// outputs are the reports of a run that is judged input by input: stdout's, and the
// files'. One that can't be written costs the others nothing.
type outputs struct {
	app     *app
	list    []*output
	files   []*reportFile
	flushed time.Time
}

// output is one of them.
type output struct {
	file *reportFile // nil of stdout
	to   interface {
		Write([]byte) (int, error)
		Commit() error
		Abort()
	}
	w   *render.Writer
	err error // since then nothing is written to it
}

// unnamed is what is written to as it is.
type unnamed struct {
	*os.File
	name string
}

func (u unnamed) Commit() error { return files.Unwritten(u.name, u.Close()) }
func (u unnamed) Abort()        { u.Close() }

// beginReports opens every report of a run with so many inputs.
func (a *app) beginReports(inputs int) *outputs {
	o := &outputs{app: a, files: a.files, flushed: time.Now()}
	options := a.renderOptions()
	if len(a.files) > 0 {
		// Who reads only the beginning of stdout wants the files all the same.
		signal.Ignore(syscall.SIGPIPE)
	}
	if a.output != "text" || !a.quiet {
		out := &output{}
		out.w, out.err = render.NewWriter(a.stdout, a.output, tool(), inputs, options)
		o.list = append(o.list, out)
	}
	options.Color = false
	for _, f := range a.files {
		if a.full(f) {
			continue
		}
		out := &output{file: f}
		options.Room = 0
		if f.summary {
			options.Room = summaryRoom(f.name)
		}
		if out.err = a.overwrites(f.name); out.err == nil {
			out.err = out.open()
		}
		if out.err == nil {
			out.w, out.err = render.NewWriter(out.to, f.format, tool(), inputs, options)
		}
		o.list = append(o.list, out)
	}
	a.files = nil
	return o
}

func (out *output) open() error {
	if !out.file.summary {
		w, err := files.Create(out.file.name, files.Options{})
		if err == nil {
			out.to = w
		}
		return err
	}
	f, err := os.OpenFile(out.file.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return files.Unwritten(out.file.name, err)
	}
	out.to = unnamed{f, out.file.name}
	return nil
}

// add writes a result to all that can be written.
func (o *outputs) add(r render.Result) {
	flush := time.Since(o.flushed) > flushEvery
	for _, out := range o.list {
		if out.err != nil {
			continue
		}
		out.err = out.w.Add(r)
		if out.file == nil && out.err == nil && flush {
			out.err = out.w.Flush()
		}
		if out.err != nil {
			out.drop()
		}
	}
	if flush {
		o.flushed = time.Now()
	}
}

func (out *output) drop() {
	if out.w != nil {
		_ = out.w.Drop()
	}
	if out.to != nil {
		out.to.Abort()
	}
}

// drop ends reports of a run that came to nothing. Its files tell why it did.
func (o *outputs) drop() {
	o.app.files = o.files
	for _, out := range o.list {
		out.drop()
	}
}

// end writes the rest, tells what can't be written, and sets the exit status: the worst
// of the verdict's and of the writing's.
func (o *outputs) end(run render.Run) {
	a := o.app
	a.exit = exitFor(run.Verdict())
	list := o.list
	if len(list) > 0 && list[0].file == nil {
		// Stdout is last: among GitHub's annotations it tells what became of the files.
		if list[0].err == nil {
			list[0].err = list[0].w.Flush()
		}
		list = append(list[1:len(list):len(list)], list[0])
	}
	for _, out := range list {
		if out.err == nil {
			out.err = out.w.Close(run)
			if out.to != nil && out.err == nil {
				out.err = out.to.Commit()
			}
			if out.err != nil {
				out.drop()
			}
		}
		if out.err == nil {
			continue
		}
		a.exit = joined(a.exit, exitMalformed)
		switch f := out.file; {
		case f == nil:
			a.tell("stdout can't be written: %s; the verdict is %s", files.Reason(out.err), strings.ToUpper(run.Verdict().String()))
		default:
			a.untold(f, out.err)
		}
	}
}

// untold tells that a report was not written.
func (a *app) untold(f *reportFile, err error) {
	if w := (*files.WriteError)(nil); errors.As(err, &w) {
		err = w // of several from one file the first
	} else {
		err = files.Unwritten(f.name, err)
	}
	message := f.asked + ": " + err.Error()
	if f.told {
		a.tell("not written: %s (%s)", f.name, f.asked)
	} else {
		a.tell("%s", message)
	}
	if a.output == "github" {
		render.AnnotateProblem(a.stdout, render.Problem{Code: "output", Message: message})
	}
}
