package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// judges are the commands whose result is a verdict, in every format. What the
// others print is no report.
var judges = []string{"qodverify", "verify", "audit"}

// checkOutput refuses formats before any work is done.
func (a *app) checkOutput(cmd *cobra.Command) error {
	reports := a.reports
	a.reports = nil // a report is written only once all of them make sense
	if !render.Known(a.output) {
		return fmt.Errorf("unknown output format %q: want %s", a.output, render.FormatNames())
	}
	all := slices.Contains(judges, cmd.Name())
	if !all && a.output != "text" && a.output != "json" {
		return fmt.Errorf("%s has the output formats text and json; %s is for verdicts", cmd.Name(), a.output)
	}
	files := map[string]bool{}
	for _, r := range reports {
		format, file, ok := strings.Cut(r, "=")
		switch {
		case !all:
			return fmt.Errorf("--report is for verdicts, and %s gives none", cmd.Name())
		case !ok || file == "" || file == "-":
			return fmt.Errorf("--report %q: want FORMAT=FILE; for stdout there is --output", r)
		case !render.Known(format):
			return fmt.Errorf("--report %q: unknown format %q: want %s", r, format, render.FormatNames())
		case files[filepath.Clean(file)]:
			return fmt.Errorf("--report names %s twice", file)
		}
		files[filepath.Clean(file)] = true
	}
	a.reports = reports
	return nil
}

// report prints a verdict in the chosen format, writes the files of --report, and
// sets the exit status.
func (a *app) report(r render.Report, exit exitCode) error {
	a.exit = exit
	if err := a.writeReports(r); err != nil {
		a.reports = nil // what could be written is written
		return &problemError{"output", exitMalformed, err}
	}
	if a.output == "text" && a.quiet {
		return nil
	}
	return a.written(render.Write(a.stdout, a.output, r, a.renderOptions()))
}

func (a *app) renderOptions() render.Options {
	return render.Options{TextOptions: render.TextOptions{Color: a.color(), Verbose: a.verbose}, Place: inRepository()}
}

// inRepository returns how a pipeline's host names a file: relative to the
// checkout, wherever in it the command runs.
func inRepository() func(string) string {
	root := os.Getenv("GITHUB_WORKSPACE")
	if root == "" {
		root = os.Getenv("CI_PROJECT_DIR")
	}
	return func(name string) string {
		if root == "" {
			return name
		}
		absolute, err := filepath.Abs(name)
		if err != nil {
			return name
		}
		relative, err := filepath.Rel(root, absolute)
		if err != nil || !filepath.IsLocal(relative) {
			return name
		}
		return relative
	}
}

// writeReports writes the files of --report, and the step summary where GitHub
// asks for one. Every file is tried.
func (a *app) writeReports(r render.Report) (err error) {
	options := a.renderOptions()
	options.Color = false
	for _, v := range a.reports {
		format, file, _ := strings.Cut(v, "=")
		err = errors.Join(err, a.writeReport(format, file, r, options))
	}
	github := a.output == "github" || slices.ContainsFunc(a.reports, func(s string) bool { return strings.HasPrefix(s, "github=") })
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); github && summary != "" {
		err = errors.Join(err, appendSummary(summary, r, options))
	}
	return err
}

// writeReport replaces a file, in one step, unless it is one that was judged.
func (a *app) writeReport(format, file string, r render.Report, o render.Options) error {
	for _, input := range a.inputs {
		if sameFile(file, input) || bundleOf(file, input) {
			return fmt.Errorf("--report %s=%s would overwrite an input", format, file)
		}
	}
	if resolved, err := filepath.EvalSymlinks(file); err == nil {
		file = resolved // the link stays
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		// A pipe or /dev/stderr is written to, and never replaced.
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err == nil {
			err = errors.Join(render.Write(f, format, r, o), f.Close())
		}
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", format, file, err)
		}
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".qodverify-*")
	if err != nil {
		return fmt.Errorf("--report %s=%s: %w", format, file, err)
	}
	defer os.Remove(temporary.Name())
	err = errors.Join(render.Write(temporary, format, r, o), temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("--report %s=%s: %w", format, file, err)
	}
	return nil
}

func appendSummary(name string, r render.Report, o render.Options) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("$GITHUB_STEP_SUMMARY: %w", err)
	}
	if err := errors.Join(render.Write(f, "markdown", r, o), f.Close()); err != nil {
		return fmt.Errorf("$GITHUB_STEP_SUMMARY: %w", err)
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

// bundleOf reports whether a file is one that an input folder is read for.
func bundleOf(file, dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || filepath.Ext(file) != ".json" {
		return false
	}
	_, err = os.Stat(file)
	return err == nil && sameFile(filepath.Dir(file), dir)
}

// judged remembers what a command reads, so that no report overwrites it.
func (a *app) judged(names ...string) {
	for _, name := range names {
		if name != "" && name != "-" && !source.IsURL(name) {
			a.inputs = append(a.inputs, name)
		}
	}
}
