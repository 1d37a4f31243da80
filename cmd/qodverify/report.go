package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// judges are the commands whose result is a verdict, in every format. What the
// others print is no report.
var judges = []string{"qodverify", "verify", "audit"}

// checkOutput refuses formats before any work is done.
func (a *app) checkOutput(cmd *cobra.Command) error {
	if !render.Known(a.output) {
		return fmt.Errorf("unknown output format %.80q: want %s%s", a.output, render.FormatNames(), didYouMean(a.output, formatNames()))
	}
	all := slices.Contains(judges, cmd.Name())
	if !all && a.output != "text" && a.output != "json" {
		return fmt.Errorf("%s has the output formats text and json; %s is for verdicts", cmd.Name(), a.output)
	}
	if !all && len(a.reports) > 0 {
		return fmt.Errorf("--report is for verdicts, and %s gives none", cmd.Name())
	}
	list, err := a.parseReports()
	if err != nil {
		return err // a report is written only once all of them make sense
	}
	a.files = list
	return nil
}

// report prints a verdict in the chosen format, writes the files of --report, and
// sets the exit status. What can't be written costs nothing else: all the rest is
// written, and the worst counts.
func (a *app) report(r render.Report, exit exitCode) error {
	a.exit = joined(exit, a.writeReports(r))
	if a.output == "text" && a.quiet {
		return nil
	}
	if err := render.Write(a.stdout, a.output, r, a.renderOptions()); err != nil {
		a.tell("stdout can't be written: %s; the verdict is %s", files.Reason(err), strings.ToUpper(r.Verdict().String()))
		a.exit = joined(a.exit, exitMalformed)
	}
	return nil
}

func (a *app) renderOptions() render.Options {
	return render.Options{TextOptions: render.TextOptions{Color: a.color(), Verbose: a.verbose}, Place: inRepository(), Opaque: opaque()}
}

// judged remembers what a command reads, so that no report overwrites it.
func (a *app) judged(names ...string) {
	for _, name := range names {
		if name != "" && name != "-" && !source.IsURL(name) {
			a.inputs = append(a.inputs, name)
		}
	}
}
