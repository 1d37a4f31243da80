package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/cmd/internal/state"
	"github.com/qodverify/qodverify/verify"
)

func (a *app) evidenceCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "evidence [flags] FILE",
		Short: "Check the evidence of an audit that a ledger's past was changed",
		Long: `evidence checks a file that audit --state wrote when the ledger contradicted the audit
before: the record that ended that audit, and the one that stands in its place now. Both
are signed, so the operator's keys are all that is needed.

The status is 0 when the evidence holds: both are by one key and name the same
predecessor, so that the signatures alone prove it. It is 4 when the records are the
signer's, and what they contradict is the word of whoever kept the state; or when a
record could not be verified, without keys for instance. It is 1 when the file
contradicts itself, or a record is not the signer's.`,
		Example: `  qodverify evidence --jwks keys.json acme.state.json.evidence.json`,
		Args:    takes(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.evidence(f, args[0]) },
	}
	f.registerTrust(cmd.Flags())
	complete(cmd)
	return cmd
}

func (a *app) evidence(f *verifyFlags, name string) error {
	policy, err := f.policy()
	if err != nil {
		return err
	}
	_, keyring, err := a.trust(f)
	if err != nil {
		return err
	}
	e, err := state.LoadEvidence(name)
	if err != nil {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", name, err)}
	}
	if err := keyring.Load(nil); errors.Is(err, source.ErrUsage) {
		return err
	} else if err != nil {
		return &problemError{"keys", exitMalformed, err}
	}
	keys := keyring.For(source.Input{Name: name, Dir: filepath.Dir(name)})
	policy.Keys, policy.KeySource, policy.KeysErr, policy.KeysSought = keys.Set, keys.Source, keys.Err, keys.Sought
	v, err := verify.New(policy)
	if err != nil {
		return err
	}
	j := e.Judge(v)
	a.exit = map[state.Outcome]exitCode{state.Proven: exitVerified, state.Refuted: exitFailed}[j.Outcome]
	if j.Outcome == state.OnWord || j.Outcome == state.Undecided {
		a.exit = exitInconclusive
	}
	why := j.Why
	if policy.Keys.Len() == 0 && policy.KeysErr == nil {
		why = append(why, "no public keys were given: "+keys.Sought+"; give the operator's key set with --jwks FILE or URL")
	}
	view := render.EvidenceView{Tool: tool(), File: name, Code: e.Code, Outcome: j.Outcome, Why: why, Intact: e.Intact, Changed: e.Changed}
	for i, version := range []state.Version{e.Before, e.Now} {
		view.Versions[i] = render.EvidenceVersion{Ledger: version.Ledger, At: version.At, Position: version.Position, ThisHash: version.ThisHash, Report: [2]*verify.Report{j.Before, j.Now}[i]}
	}
	if a.output == "json" {
		return a.written(render.EvidenceJSON(a.stdout, view))
	}
	if a.quiet {
		return nil
	}
	return a.written(render.EvidenceText(a.stdout, view, render.TextOptions{Color: a.color()}))
}
