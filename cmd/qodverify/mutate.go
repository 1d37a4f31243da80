package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/mutate"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

func (a *app) mutateCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "mutate [flags] BUNDLE",
		Short: "Change every member of a bundle in turn and show which check catches it",
		Long: `mutate measures what protects a bundle. It changes every value, leaves out every member
and adds one to every object, one at a time, verifies each result, and prints which
checks catch it and which members nothing protects: a change of those goes unseen, so
nothing may rely on them.

The bundle must be verified to begin with. The status is 0 when the measurement was
made, whatever it shows; else that of the verdict. Nothing is written.`,
		Example: `  qodverify mutate --jwks keys.json bundle.json`,
		Args:    takes(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.mutate(f, args[0]) },
	}
	f.register(cmd.Flags())
	complete(cmd)
	return cmd
}

func (a *app) mutate(f *verifyFlags, arg string) error {
	result, policy, keyring, input, err := a.looked(f, arg)
	if err != nil {
		return err
	}
	if result.Report.Verdict() != verify.Verified {
		return &problemError{string(result.Report.Reason()), a.exit, fmt.Errorf("%s is not verified to begin with", arg)}
	}
	m, err := mutate.Measure(result.Data, func(data []byte) *verify.Report {
		input.Data = data
		results, judgeErr := f.judge(policy, keyring, []source.Input{input})
		if judgeErr != nil {
			return verify.UnreadableReport(judgeErr)
		}
		return results[0].Report
	})
	if err != nil {
		return &problemError{"input", exitMalformed, err}
	}
	view := render.Mutations{Tool: tool(), Input: result.Input, Left: m.Left}
	for _, o := range m.Outcomes {
		view.Outcomes = append(view.Outcomes, render.Mutation{Pointer: o.Pointer, Kind: string(o.Kind), Caught: o.Caught(), Verdict: o.Verdict, By: o.By})
	}
	view.Protected, view.Members, view.Open = m.Protected()
	if a.output == "json" {
		return a.written(render.MutationsJSON(a.stdout, view))
	}
	if a.quiet {
		return nil
	}
	return a.written(render.MutationsText(a.stdout, view, render.TextOptions{Color: a.color()}))
}
