package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// app is one invocation: its streams, its shared flags and its outcome.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	output         string
	reports        []string       // FORMAT=FILE
	files          []*reportFile  // of reports, and the step summary
	leftOut        render.LeftOut // of folders, where there is nothing else to report
	inputs         []string       // names of what is judged, which no report may overwrite
	quiet, noColor bool
	colors         string // auto, always or never
	verbose        bool   // verify: also what is verified in full
	exit           exitCode
}

// run carries out one command line and returns the exit status. Only main
// exits the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) exitCode {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, output: "text"}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if cmd, err := root.ExecuteC(); err != nil {
		return a.problem(cmd, err, args)
	}
	return a.exit
}

// problemError is an error that concerns the whole invocation and is not one
// of usage.
type problemError struct {
	code string
	exit exitCode
	err  error
}

func (e *problemError) Error() string { return e.err.Error() }

// hintedError is an error with what to do about it.
type hintedError struct{ text, hint string }

func (e *hintedError) Error() string { return e.text }
func (e *hintedError) Hint() string  { return e.hint }

// problem tells an error to the person on stderr, and to the machine on stdout
// if it asked for JSON.
func (a *app) problem(cmd *cobra.Command, err error, args []string) exitCode {
	p := &problemError{code: "usage", exit: exitUsage, err: err}
	errors.As(err, &p)
	plain := cause.Full(p.err)
	message := render.Printable(strings.TrimPrefix(plain.Error(), source.ErrUsage.Error()+": "))
	problem := &render.Problem{Code: p.code, Message: message}
	var hinted interface{ Hint() string }
	if errors.As(plain, &hinted) {
		problem.Hint = render.Printable(hinted.Hint())
	}
	var why *cause.Error
	if errors.As(plain, &why) {
		problem.Unread = p.exit == exitMalformed && !why.Write && slices.Contains([]string{"input", "keys", "policy"}, p.code)
	}
	fmt.Fprintf(a.stderr, "qodverify: %s\n", message)
	if problem.Hint != "" && !strings.Contains(strings.ToLower(message), strings.ToLower(strings.TrimSuffix(problem.Hint, "."))) {
		fmt.Fprintf(a.stderr, "  %s\n", problem.Hint)
	}
	if p.exit == exitUsage {
		fmt.Fprintf(a.stderr, "Try '%s --help'.\n", cmd.CommandPath())
	}
	report := render.Run{Tool: tool(), Problem: problem, LeftOut: a.leftOut}
	exit := joined(p.exit, a.writeReports(report))
	write := func(format string) error { return render.Write(a.stdout, format, report, render.Options{}) }
	if after := (*shownError)(nil); a.output == "json" && errors.As(p.err, &after) {
		after.shown.failed(problem)
		write = func(string) error { return render.WriteJSON(a.stdout, after.shown) }
	}
	if format := wanted(args); format != "text" && render.Known(format) {
		if err := write(format); err != nil {
			a.tell("stdout can't be written: %s", files.Reason(err))
			exit = joined(exit, exitMalformed)
		}
	}
	return exit
}

// tell tells the person something that concerns the whole invocation.
func (a *app) tell(format string, args ...any) {
	fmt.Fprintln(a.stderr, "qodverify:", render.Printable(fmt.Sprintf(format, args...)))
}

// wanted looks for --output in arguments that may not have been parsed.
func wanted(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		for _, name := range []string{"--output", "-o"} {
			if arg == name && i+1 < len(args) {
				return args[i+1]
			}
			if value, ok := strings.CutPrefix(arg, name+"="); ok {
				return value
			}
		}
		if value, ok := strings.CutPrefix(arg, "-o"); ok {
			return value
		}
	}
	return "text"
}

const rootLong = `qodverify checks the proof bundles by which network operators claim that they
delivered Quality on Demand. It needs the bundle and the operator's public keys,
and no network.

INPUT is a file, a folder, a pattern, "-" for stdin, or a URL: of a bundle, or of a
proof service together with --session. A folder is read to the bottom: every *.json,
*.json.gz and *.json.zst in it. What is left out is listed, and what may be a proof and
was not read makes the run inconclusive, unless --ignore names it. No link leads out.
A pattern ('proofs/**/*.json', quoted) needs no shell that knows **; a name that is
there is no pattern.

The keys come from --jwks, else the file $QODVERIFY_JWKS, else jwks.json beside
the bundle, else, for a URL, /.well-known/jwks.json of the same origin. Keys, URLs
and paths inside a bundle are never followed. $QODVERIFY_TOKEN is the bearer token
for a service that asks for one. Without a URL argument nothing dials out.

`

func (a *app) rootCommand() *cobra.Command {
	f := &verifyFlags{}
	root := &cobra.Command{
		Use:   "qodverify [flags] INPUT…",
		Short: "Check Quality-on-Demand proof bundles, offline",
		Long:  rootLong + exitHelp,
		Example: `  qodverify bundle.json
  qodverify --jwks keys.json --pin X8SA8NgbGcejYQTtWNxXyb8dzdDjPGc9nLjLWrdfg14 bundles/
  qodverify https://qod.example --session 54d6df8f-df97-40f6-a30e-20c424ec1e20
  qodverify --output json - < bundle.json`,
		Args:          takes(1, -1),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(_ *cobra.Command, args []string) error { return a.verify(f, args) },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := noneEmpty(cmd); err != nil {
				return err
			}
			if !slices.Contains(colors, a.colors) {
				return fmt.Errorf("--color: %.80q is not auto, always or never%s", a.colors, didYouMean(a.colors, colors))
			}
			return a.checkOutput(cmd)
		},
	}
	persistent := root.PersistentFlags()
	persistent.StringVarP(&a.output, "output", "o", "text", "`FORMAT` of the report: "+render.FormatNames())
	persistent.StringArrayVar(&a.reports, "report", nil, "write the report to a file as well: `FORMAT=FILE` (repeatable)")
	persistent.BoolVarP(&a.quiet, "quiet", "q", false, "print no text report; the exit status is the verdict")
	persistent.StringVar(&a.colors, "color", "auto", "colour of the text report, `WHEN`: auto, always or never (also by $FORCE_COLOR and $NO_COLOR)")
	persistent.BoolVar(&a.noColor, "no-color", false, "as --color never")
	root.SetFlagErrorFunc(flagError)
	root.Version = toolVersion()
	root.SetVersionTemplate("qodverify {{.Version}}\n")
	root.Flags().BoolP("version", "V", false, "print the version")
	f.register(root.Flags())
	complete(root)
	root.AddCommand(a.verifyCommand(), a.auditCommand(), a.evidenceCommand(), a.exportCommand(), a.inspectCommand(), a.canonCommand(), a.keysCommand(), a.policyCommand(), a.telemetryCommand(),
		a.serveCommand(), a.probeCommand(), a.pageCommand(), a.explainCommand(), a.mutateCommand(), a.manCommand(), a.versionCommand())
	completeCommands(root)
	return root
}

// noneEmpty refuses flags with an empty value, as from --policy "$UNSET": taken as
// not given, they would check less than was meant.
func noneEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if err == nil && slices.Contains(values, "") {
			err = fmt.Errorf("--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// written turns a failed write into an exit status other than 0: a verdict that
// nobody could read was not given.
func (a *app) written(err error) error {
	if err == nil {
		return nil
	}
	return a.unwritten(fmt.Errorf("stdout can't be written: %s", files.Reason(err)))
}

// unwritten is the error for what could not be written: the verdict, where there is
// one by now, still counts.
func (a *app) unwritten(err error) error {
	return &problemError{"output", joined(a.exit, exitMalformed), err}
}

// colors are the values of --color.
var colors = []string{"auto", "always", "never"}

// color is on where the command line asks for it, else where the environment does
// (no-color.org, force-color.org, bixense.com/clicolors), else on a terminal that has it.
func (a *app) color() bool {
	set := func(name string) bool { v := os.Getenv(name); return v != "" && v != "0" }
	switch {
	case a.noColor || a.colors == "never":
		return false
	case a.colors == "always":
		return true
	case os.Getenv("NO_COLOR") != "":
		return false
	case set("FORCE_COLOR"), set("CLICOLOR_FORCE"):
		return true
	}
	return os.Getenv("TERM") != "dumb" && os.Getenv("CLICOLOR") != "0" && a.onTerminal()
}

func (a *app) onTerminal() bool {
	return isTerminal(a.stdout)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// joined keeps the worse of two exit codes, in the order 1, 3, 4, 0.
func joined(a, b exitCode) exitCode {
	for _, c := range []exitCode{exitUsage, exitFailed, exitMalformed, exitInconclusive} {
		if a == c || b == c {
			return c
		}
	}
	return exitVerified
}
