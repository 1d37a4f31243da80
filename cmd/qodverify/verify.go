package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// verifyFlags are the flags of the verify command, which is also the root.
type verifyFlags struct {
	jwks, pins, require    []string
	offline, allowHTTP     bool
	verbose                bool
	session, previous      string
	profile                string
	artifact, artifactsDir string
	ignore                 []string
	policyFile, at         string
}

// registerTrust registers the flags that say which keys count, and how proofs are
// read.
func (f *verifyFlags) registerTrust(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.jwks, "jwks", nil, "public keys: `FILE or URL` of a JWK Set, - for stdin (repeatable)")
	flags.StringArrayVar(&f.pins, "pin", nil, "trust only the key with this RFC 7638 `THUMBPRINT` (repeatable)")
	flags.BoolVar(&f.offline, "offline", false, "refuse every URL")
	flags.BoolVar(&f.allowHTTP, "allow-http", false, "allow plain http beyond this machine")
	flags.StringVar(&f.profile, "profile", "auto", "canonical form: auto, qod-mock or jcs")
}

// registerIgnore registers what leaves files out of folders.
func (f *verifyFlags) registerIgnore(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.ignore, "ignore", nil, "leave out of folders what has this name or path in them, and list it: `PATTERN` with * ? [] {} and ** (repeatable)")
}

func (f *verifyFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.verbose, "verbose", false, "of several inputs, also print in full those that are verified")
	f.registerTrust(flags)
	f.registerIgnore(flags)
	f.registerPolicy(flags)
	flags.StringVar(&f.session, "session", "", "session `ID` to ask a service's base URL for, or to find in an artifacts folder")
	flags.StringVar(&f.previous, "previous", "", "the predecessor: its bundle `FILE or HASH`, or GENESIS")
	flags.StringArrayVar(&f.require, "require", nil, "the check `ID` must pass, even one that may be skipped (repeatable)")
	flags.StringVar(&f.artifact, "artifact", "", "the runtime artifact's `FILE`, of a record that comes without; where a bundle has its own, both are judged")
	flags.StringVar(&f.artifactsDir, "artifacts-dir", "", "`DIR` in which a missing runtime artifact lies at the path that its proof names")
}

// complete offers the values of flags that have a fixed set.
func complete(cmd *cobra.Command) {
	var ids []string
	for _, id := range verify.Checks() {
		ids = append(ids, string(id))
	}
	var formats []string
	for _, f := range render.Formats() {
		formats = append(formats, f.Name+"\t"+f.About)
	}
	for name, values := range map[string][]string{
		"output": formats, "color": colors, "profile": {"auto", "qod-mock", "jcs"}, "require": ids,
	} {
		if cmd.Flag(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

func (a *app) verifyCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify [flags] INPUT…",
		Short: "Check proof bundles (the default command)",
		Long:  rootLong + exitHelp,
		Args:  takes(1, -1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.verify(f, args) },
	}
	f.register(cmd.Flags())
	complete(cmd)
	return cmd
}

func (f *verifyFlags) policy() (verify.Policy, error) {
	p := verify.Policy{SessionID: f.session}
	if f.profile != "auto" {
		profile, err := canonical.ParseProfile(f.profile)
		if err != nil {
			return p, fmt.Errorf("--profile: %q is not auto, qod-mock or jcs%s", f.profile, didYouMean(f.profile, []string{"auto", "qod-mock", "jcs"}))
		}
		p.Profile = profile
	}
	for _, s := range f.pins {
		pin, err := jwks.ParseThumbprint(s)
		if err != nil {
			return p, fmt.Errorf("--pin %q: %w", s, err)
		}
		p.Pins = append(p.Pins, pin)
	}
	if err := knownChecks(f.require); err != nil {
		return p, err
	}
	for _, id := range f.require {
		p.Require = append(p.Require, verify.CheckID(id))
	}
	if err := f.rules(&p); err != nil {
		return p, err
	}
	if _, err := verify.New(p); err != nil {
		return p, errors.New(strings.TrimPrefix(err.Error(), "policy: "))
	}
	return p, nil
}

// verify reads, judges and reports all inputs.
func (a *app) verify(f *verifyFlags, args []string) error {
	a.judged(slices.Concat(args, f.jwks, []string{os.Getenv("QODVERIFY_JWKS"), f.previous, f.artifact, f.policyFile})...)
	a.verbose = f.verbose
	policy, err := f.policy()
	if err != nil {
		return err
	}
	if f.artifact != "" && len(args) > 1 {
		return errors.New("--artifact belongs to one INPUT; for several give --artifacts-dir")
	}
	if err := folder("--artifacts-dir", f.artifactsDir); err != nil {
		return err
	}
	reader, keyring, err := a.trust(f)
	if err != nil {
		return err
	}
	a.tryReports()
	if slices.ContainsFunc(args, func(arg string) bool { info, err := os.Stat(arg); return err != nil || info.IsDir() }) {
		collectEarly(50) // nobody knows yet how much there is
	}
	places, err := reader.Places(args)
	if err != nil {
		return err
	}
	var origins []*url.URL
	for i, p := range places {
		// What can be read but once is kept; and where it comes from says which server
		// gets the token.
		if p.Again() {
			continue
		}
		in, _ := p.Read()
		if places[i] = source.Held(in); in.Origin != nil {
			origins = append(origins, in.Origin)
		}
	}
	if err := keyring.Load(origins); err != nil {
		if errors.Is(err, source.ErrUsage) {
			return err
		}
		return &problemError{"keys", exitMalformed, err}
	}
	if policy.Previous, err = resolvePrevious(f.previous, keyring); err != nil {
		return err
	}
	b, err := f.newBatch(policy, keyring, places)
	if err != nil {
		return err
	}
	return a.judgeAll(b, reader, args)
}

// collectEarly keeps the memory of a long run flat. Little of what is allocated lives
// long, so collecting it early costs next to nothing.
func collectEarly(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// judgeAll judges a batch and reports.
func (a *app) judgeAll(b *batch, reader *source.Reader, args []string) error {
	ctx, interruption := untilInterrupted()
	defer interruption.noticed()
	if len(b.places) > 1000 {
		collectEarly(20)
	}
	p := a.newProgress("verify")
	defer p.end()
	b.tick = p.looked
	err := b.look(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if b.flags.artifact != "" && len(b.index) > 1 {
		return fmt.Errorf("--artifact belongs to one INPUT, and %s has %d; for several give --artifacts-dir", quoted(args), len(b.index))
	}
	for _, i := range slices.Sorted(maps.Keys(b.left)) {
		reader.Skipped = append(reader.Skipped, *b.left[i])
	}
	missing := reader.Missing()
	if len(b.index)+len(missing) == 0 && err == nil {
		a.leftOut = leftOut(reader.Skipped, reader.Unused())
		return &problemError{"input", exitMalformed, noneMatched(b.flags, args, reader.Skipped)}
	}
	for i, p := range b.places {
		switch {
		case p.Named():
			a.judged(p.Name)
		case b.left[i] != nil && !b.left[i].Evidence: // a report of an earlier run may be replaced
		case !slices.Contains(a.inputs, p.Root()):
			a.judged(p.Root()) // and with it all evidence that lies in it
		}
	}
	if f, ok := a.stdout.(*os.File); ok && isTerminal(f) {
		p.end() // the report itself shows how far the run is
		b.tick = func(int, int, int) {}
	}
	run := render.Run{Tool: tool(), Outcomes: make([]render.Outcome, 0, len(b.index)+len(missing))}
	out := a.beginReports(len(b.index) + len(missing))
	add := func(r render.Result) error {
		run.Outcomes = append(run.Outcomes, render.OutcomeOf(r))
		out.add(r)
		return nil
	}
	if err == nil {
		err = b.judged(ctx, add)
	}
	switch {
	case ctx.Err() != nil:
		run.Problem = &render.Problem{Code: "interrupted", Message: fmt.Sprintf("interrupted after %d of %d inputs; the others were not judged", len(run.Outcomes), len(b.index)+len(missing))}
	case err != nil:
		out.drop()
		return err
	default:
		for _, in := range missing {
			_ = add(render.Result{Input: in.Name, Report: verify.UnreadableReport(in.Err)})
		}
	}
	if len(run.Outcomes) > 1 {
		run.Chain = b.chain()
	}
	run.LeftOut = leftOut(reader.Skipped, reader.Unused())
	p.end()
	out.end(run)
	return nil
}

// leftOut is what was left out of folders, to be told.
func leftOut(skipped []source.Skipped, unused []string) render.LeftOut {
	l := render.LeftOut{Unused: unused}
	for _, s := range skipped {
		l.Skipped = append(l.Skipped, render.Skipped(s))
	}
	slices.SortStableFunc(l.Skipped, func(a, b render.Skipped) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// folder refuses a flag whose folder is not there: without it, nothing would be
// found in it, and nothing said.
func folder(flag, name string) error {
	if name == "" {
		return nil
	}
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", name)
	}
	if err != nil {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", flag, err)}
	}
	return nil
}

// trust returns what reads inputs, and what finds the keys.
func (a *app) trust(f *verifyFlags) (*source.Reader, *source.Keyring, error) {
	reader := &source.Reader{Stdin: a.stdin, Offline: f.offline, AllowHTTP: f.allowHTTP, Session: f.session, Ignore: f.ignore, Token: os.Getenv("QODVERIFY_TOKEN")}
	keyring := &source.Keyring{Reader: reader, Given: f.jwks}
	if env := os.Getenv("QODVERIFY_JWKS"); env != "" && len(keyring.Given) == 0 {
		// Without a URL among the arguments nothing dials out, so the environment
		// can name only a file.
		if source.IsURL(env) {
			return nil, nil, errors.New("$QODVERIFY_JWKS names a URL; give it with --jwks, or name a file")
		}
		keyring.Given = []string{env}
	}
	return reader, keyring, nil
}

// noneMatched says why there is nothing to verify.
func noneMatched(f *verifyFlags, args []string, skipped []source.Skipped) error {
	text := fmt.Sprintf("no input matched: %s has no *.json with a proof", quoted(args))
	if f.session != "" {
		text = fmt.Sprintf("no input matched: %s has no proof of session %s (no file proof_%s_TIME.json)", quoted(args), f.session, f.session)
	}
	for i, s := range skipped {
		if i == 5 {
			text += fmt.Sprintf("; and %d more", len(skipped)-i)
			break
		}
		text += fmt.Sprintf("; left out: %s (%s)", s.Name, s.Reason)
	}
	return errors.New(text)
}

// attachArtifact gives a bundle the runtime artifact of a separate file: the
// file that the user named, or the one at the path in the proof, opened only
// below the folder that the user named. A file that the user named and that is
// no artifact is the user's mistake and gives no verdict on the bundle; one that
// the service's own folder holds damaged is a finding. A bundle's own artifact is
// never replaced by either: then both are judged.
func attachArtifact(f *verifyFlags, in source.Input, b *bundle.Bundle) ([]verify.Note, error) {
	if f.artifact != "" {
		return namedArtifact(f.artifact, b)
	}
	if b.Artifact.Exists() || !b.Generation.BindsArtifact() {
		return nil, nil
	}
	dirs := []string{f.artifactsDir}
	if in.Root != "" { // beside a file that was named alone, nothing is looked for
		dirs = append(dirs, in.Root, in.Dir)
	}
	var why error
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		data, err := source.Artifact(dir, b.Proof.ArtifactPath)
		if err == nil {
			b.Artifact, b.ArtifactErr = bundle.ParseArtifact(data)
			b.ArtifactErr = kind.Explain(b.ArtifactErr, data, kind.Artifact)
			return artifactRead(b.Proof.ArtifactPath + " below " + dir), nil
		}
		if why == nil {
			why = fmt.Errorf("%s below %s: %w", b.Proof.ArtifactPath, dir, err)
		}
	}
	if why == nil {
		return nil, nil
	}
	return []verify.Note{{Code: verify.RuntimeArtifactMissing, Message: fmt.Sprintf("the runtime artifact was not read from %v", why)}}, nil
}

// namedArtifact reads the file of --artifact.
func namedArtifact(name string, b *bundle.Bundle) ([]verify.Note, error) {
	data, err := source.ReadFile(name, source.MaxBytes)
	var given bundle.Artifact
	if err == nil {
		given, err = parseNamedArtifact(data)
	}
	switch {
	case err != nil:
		return nil, &problemError{"input", exitMalformed, fmt.Errorf("--artifact %s: %w", name, err)}
	case b.Artifact.Exists():
		b.GivenArtifact = given
		return []verify.Note{{Code: verify.NoteArtifactFile, Message: "the bundle's own runtime artifact was judged, and that of " + name + " as well"}}, nil
	}
	b.Artifact = given
	return artifactRead(name), nil
}

// parseNamedArtifact reads an artifact, and refuses what is known to be something else:
// that it does not match the proof would accuse the operator.
func parseNamedArtifact(data []byte) (bundle.Artifact, error) {
	a, err := bundle.ParseArtifact(data)
	if err != nil {
		return a, kind.Explain(err, data, kind.Artifact)
	}
	if k, other := kind.Document(a.Value, kind.Artifact); other && !a.Value.Get("measured").Exists() && !a.Value.Get("decision").Exists() {
		return a, kind.New(k)
	}
	return a, nil
}

func artifactRead(from string) []verify.Note {
	return []verify.Note{{Code: verify.NoteArtifactFile, Message: "the runtime artifact was read from " + from}}
}

// resolvePrevious turns --previous into a hash. A predecessor that does not
// hold itself is no predecessor.
func resolvePrevious(previous string, keyring *source.Keyring) (string, error) {
	if previous == "" || bundle.CheckPrevHash(previous) == nil {
		return previous, nil
	}
	data, err := source.ReadFile(previous, source.MaxBytes)
	if err != nil {
		return "", &problemError{"input", exitMalformed, fmt.Errorf("--previous %s is neither GENESIS, nor 64 lower-case hexadecimal characters, nor a readable file: %w", previous, err)}
	}
	b, err := bundle.Parse(data)
	if err != nil {
		return "", &problemError{"input", exitMalformed, fmt.Errorf("--previous %s: %w", previous, kind.Explain(err, data, kind.Bundle))}
	}
	keys := keyring.For(source.Input{Name: previous, Dir: filepath.Dir(previous)})
	v, err := verify.New(verify.Policy{Keys: keys.Set})
	if err != nil {
		return "", err
	}
	report := v.Bundle(b)
	if report.Outcome(verify.LedgerHash) != verify.Pass || report.Outcome(verify.Signature) == verify.Fail {
		return "", &problemError{"input", exitMalformed, fmt.Errorf("--previous %s does not hold itself (%s), so nothing can be linked to it", previous, report.Reason())}
	}
	return b.Entry.ThisHash, nil
}
