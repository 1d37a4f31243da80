package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

func (a *app) inspectCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "inspect [flags] INPUT…",
		Short: "Show what a bundle claims; verifies nothing",
		Long: `inspect shows what a bundle claims, each value with whether anything protects it.
It verifies nothing and says so; its exit status is 4 (inconclusive) when it
could show all inputs, so that no script takes it for a verdict.`,
		Args: takes(1, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			reader := &source.Reader{Stdin: a.stdin, Offline: f.offline, AllowHTTP: f.allowHTTP, Session: f.session, Ignore: f.ignore, Token: os.Getenv("QODVERIFY_TOKEN")}
			inputs, err := reader.Inputs(args)
			if err != nil {
				return err
			}
			if len(inputs) == 0 {
				return &problemError{"input", exitMalformed, noneMatched(f, args, reader.Skipped)}
			}
			return a.inspect(inputs, leftOut(reader.Skipped, reader.Unused()))
		},
	}
	f.registerIgnore(cmd.Flags())
	cmd.Flags().BoolVar(&f.offline, "offline", false, "refuse every URL")
	cmd.Flags().BoolVar(&f.allowHTTP, "allow-http", false, "allow plain http beyond this machine")
	cmd.Flags().StringVar(&f.session, "session", "", "session `ID` to ask a service's base URL for, or to find in an artifacts folder")
	return cmd
}

func (a *app) inspect(inputs []source.Input, left render.LeftOut) error {
	a.exit = exitInconclusive
	var shown []render.Inspection
	for _, in := range inputs {
		one := render.Inspection{Input: in.Name}
		b, err := bundle.Parse(in.Data)
		switch {
		case in.Err != nil:
			one.Report = verify.UnreadableReport(in.Err)
		case err != nil:
			one.Report = verify.MalformedReport(kind.Explain(err, in.Data, kind.Bundle))
		default:
			one.Bundle = b
		}
		if one.Report != nil {
			a.exit = joined(a.exit, exitFor(one.Report.Verdict()))
		}
		shown = append(shown, one)
	}
	if a.output == "json" {
		return a.written(render.InspectJSON(a.stdout, tool(), shown, left))
	}
	if a.quiet {
		return nil
	}
	return a.written(render.InspectText(a.stdout, shown, left, render.TextOptions{Color: a.color()}))
}
