package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// reportFile is a file that a report is written to: one of --report, or the step
// summary that GitHub asks for.
type reportFile struct {
	format, name string
	asked        string // what asked for it
	summary      bool   // is added to, and not replaced
	told         bool   // that it can't be written
}

// parseReports reads the flag, and what the environment asks for.
func (a *app) parseReports() (list []*reportFile, err error) {
	names := map[string]bool{}
	for _, r := range a.reports {
		format, file, ok := strings.Cut(r, "=")
		switch {
		case !ok || file == "" || file == "-":
			return nil, fmt.Errorf("--report %q: want FORMAT=FILE; for stdout there is --output", r)
		case !render.Known(format):
			return nil, fmt.Errorf("--report %q: unknown format %q: want %s%s", r, format, render.FormatNames(), didYouMean(format, formatNames()))
		case names[resolved(file)]:
			return nil, fmt.Errorf("--report names %s twice", file)
		}
		names[resolved(file)] = true
		list = append(list, &reportFile{format: format, name: file, asked: "--report " + format})
	}
	github := a.output == "github" || slices.ContainsFunc(list, func(f *reportFile) bool { return f.format == "github" })
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); github && summary != "" {
		list = append(list, &reportFile{format: "markdown", name: summary, asked: "$GITHUB_STEP_SUMMARY", summary: true})
	}
	return list, nil
}

// resolved returns where a name leads to, for comparing.
func resolved(name string) string {
	if absolute, err := filepath.Abs(name); err == nil {
		name = absolute
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		return target
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		return filepath.Join(dir, filepath.Base(name))
	}
	return filepath.Clean(name)
}

// tryReports tells which reports can't be written, before the work begins: that may
// take hours. The work is done all the same.
func (a *app) tryReports() {
	for _, f := range a.files {
		err := a.overwrites(f.name)
		if err == nil && !f.summary {
			err = files.Writable(f.name, files.Options{})
		}
		if err != nil {
			a.tell("%s: %v; all else is done without it", f.asked, err)
			f.told = true
		}
	}
}

// writeReports writes every report that can be written, and tells which can't. The
// status is that of the writing alone.
func (a *app) writeReports(r render.Report) (exit exitCode) {
	options := a.renderOptions()
	options.Color = false
	for _, f := range a.files {
		err := a.overwrites(f.name)
		if err == nil && a.full(f) {
			continue
		}
		if err == nil {
			err = f.write(r, options)
		}
		if err == nil {
			continue
		}
		exit = exitMalformed
		a.untold(f, err)
	}
	a.files = nil // what could be written is written
	return exit
}

func (f *reportFile) write(r render.Report, o render.Options) error {
	if f.summary {
		o.Room = summaryRoom(f.name)
		return appendTo(f.name, func(w *os.File) error { return render.Write(w, f.format, r, o) })
	}
	w, err := files.Create(f.name, files.Options{})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := render.Write(w, f.format, r, o); err != nil {
		return cmp.Or(w.Err(), err)
	}
	return w.Commit()
}

// maxSummary is what GitHub shows of a step: a summary of more is dropped whole, with what
// others have written before.
const (
	maxSummary = 1 << 20
	minSummary = 16 << 10 // less is not worth it
)

func summaryRoom(name string) int {
	info, err := os.Stat(name)
	if err != nil {
		return maxSummary
	}
	return int(max(0, maxSummary-info.Size()))
}

// full reports whether a step summary has no room left, and tells it.
func (a *app) full(f *reportFile) bool {
	if !f.summary || summaryRoom(f.name) >= minSummary {
		return false
	}
	a.tell("%s: nothing was added, there is no room left: GitHub shows 1 MiB of a step, or nothing", f.asked)
	return true
}

// appendTo adds to a file.
func appendTo(name string, write func(*os.File) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		err = write(f)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}
	return files.Unwritten(name, err)
}

// overwrites refuses a file that is judged, or that stdout or stderr goes to.
func (a *app) overwrites(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return nil // what is not there overwrites nothing
	}
	for _, input := range a.inputs {
		if other, err := os.Stat(input); err == nil && os.SameFile(info, other) || evidenceIn(file, input) {
			return files.Unwritten(file, errors.New("it would overwrite an input"))
		}
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	for stream, to := range map[string]any{"stdout": a.stdout, "stderr": a.stderr} {
		if f, ok := to.(*os.File); ok {
			if other, err := f.Stat(); err == nil && os.SameFile(info, other) {
				return files.Unwritten(file, fmt.Errorf("it is where %s goes", stream))
			}
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// evidenceIn reports whether a file lies in an input folder and may be what the folder
// is read for. A report of an earlier run that lies there may be replaced.
func evidenceIn(file, dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	relative, err := filepath.Rel(resolved(dir), resolved(file))
	if info, statErr := os.Stat(file); err != nil || statErr != nil || !filepath.IsLocal(relative) || !info.Mode().IsRegular() {
		return false
	}
	return source.MayBeProof(file)
}
