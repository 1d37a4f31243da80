package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/cmd/internal/state"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/verify"
)

// auditFlags are the flags of the audit command.
type auditFlags struct {
	verifyFlags
	signatures, crypto        string
	state, evidence, findings string
	workers, listed           int
	maxRecords                int64
	whole                     bool
}

const auditLong = `audit verifies a whole ledger: every record as verify does, and their chain, with
nothing missing, nothing twice, nothing forked. It says where the chain ends, and that
what may follow is unknown: a chain can't show that its end was cut off. --state does:
it keeps where this audit ended, and the next one first looks whether that still stands
there, and verifies only the signatures of what is new. When keys, pins or revocations
are others by then, the old records are judged again by those of today.

What is not in the input accuses nobody: a record that is missing, or an end before the
one that an earlier audit saw, is status 4. Only what is signed or hashed and contradicts
is status 1.

LEDGER is one of
  a file of bundles, one a line (JSONL), plain, gzip or zstd, or "-" for stdin
  a folder of bundles and of parts of a ledger (every *.json, *.jsonl and *.ndjson in it,
  packed or not, in any order, to the bottom), or a pattern ('parts/**/*.jsonl'); what is
  left out is listed, as verify does
  the service's SQLite database, which is only read; artifacts from the folder artifacts
  beside it or --artifacts-dir
  the base URL of a service that has GET /ledger (qodverify serve)
What a file is, its content says. A database and a service are taken as they are at one
time, though they go on. Memory does not grow with the ledger; a temporary file
in $TMPDIR takes some 180 bytes a record.

--signatures head verifies every hash and link, and of the signatures only the last
record's. It is almost three times as fast and shows less: not that the records before were
signed, by which key and when. The report says so.

`

func (a *app) auditCommand() *cobra.Command {
	f := &auditFlags{}
	cmd := &cobra.Command{
		Use:   "audit [flags] LEDGER",
		Short: "Verify a whole ledger: every record, every link, nothing missing or twice",
		Long:  auditLong + exitHelp,
		Example: `  qodverify audit --jwks keys.json ledger.jsonl.gz
  qodverify audit --state acme.state.json qod-data/qod_mock.sqlite3
  qodverify audit --state acme.state.json --jwks keys.json https://qod.example
  qodverify audit --findings all.jsonl --output json bundles/`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return a.audit(f, args[0]) },
	}
	flags := cmd.Flags()
	f.registerTrust(flags)
	f.registerIgnore(flags)
	flags.StringVar(&f.previous, "previous", "", "the record before the first one: its bundle `FILE or HASH`, for a part of a ledger")
	flags.StringVar(&f.artifactsDir, "artifacts-dir", "", "`DIR` in which the runtime artifacts lie at the paths that the proofs name")
	flags.StringVar(&f.state, "state", "", "`FILE` that keeps where the audit ended; the next one goes on from there")
	flags.BoolVar(&f.whole, "whole", false, "with --state: verify every signature anew, old records' too")
	flags.StringVar(&f.evidence, "evidence", "", "`FILE` for both versions of a past that was changed (default the state file's name and .evidence.json)")
	flags.StringVar(&f.signatures, "signatures", "all", "signatures to verify: all or head")
	flags.StringVar(&f.crypto, "crypto", "auto", "Ed25519 by: auto, or stdlib for crypto/ed25519 alone")
	flags.StringVar(&f.findings, "findings", "", "`FILE` for all findings, as JSONL")
	flags.IntVar(&f.listed, "max-findings", 100, "list at most `N` findings of one code; their number is always told")
	flags.Int64Var(&f.maxRecords, "max-records", 0, "read at most `N` records, and call it unfinished when there are more (default 100 million of a service, no bound of a file)")
	flags.IntVar(&f.workers, "workers", 0, "judge `N` records at a time (default one for each processor)")
	complete(cmd)
	for name, values := range map[string][]string{"signatures": {"all", "head"}, "crypto": {"auto", "stdlib"}} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func (f *auditFlags) options() (verify.LedgerOptions, error) {
	o := verify.LedgerOptions{Workers: f.workers, MaxListed: f.listed, Stdlib: f.crypto == "stdlib", Whole: f.whole, Once: f.state == ""}
	switch {
	case f.signatures != "all" && f.signatures != "head":
		return o, fmt.Errorf("--signatures: %q is not all or head%s", f.signatures, didYouMean(f.signatures, []string{"all", "head"}))
	case f.crypto != "auto" && f.crypto != "stdlib":
		return o, fmt.Errorf("--crypto: %q is not auto or stdlib%s", f.crypto, didYouMean(f.crypto, []string{"auto", "stdlib"}))
	case f.workers < 0 || f.workers > 1024:
		return o, errors.New("--workers: want 0 to 1024")
	case f.maxRecords < 0:
		return o, errors.New("--max-records: want 1 or more")
	case f.listed < 1 || f.listed > 1_000_000:
		return o, errors.New("--max-findings: want 1 to 1000000")
	case f.evidence != "" && f.state == "":
		return o, errors.New("--evidence needs --state: without an audit before, there is nothing to contradict")
	}
	o.Signatures = verify.SignatureMode(f.signatures)
	return o, nil
}

// maxServiceRecords ends a service that goes on for ever.
const maxServiceRecords = 100_000_000

// auditRun is one invocation of audit.
type auditRun struct {
	*app
	flags   *auditFlags
	ctx     context.Context
	reader  *source.Reader
	keyring *source.Keyring
	keys    source.Keys
	ledger  *source.Ledger
	before  *state.File // nil at the first audit
	policy  verify.Policy
	options verify.LedgerOptions
	start   time.Time
	noticed func()        // says that the audit ends by itself after a signal
	close   func() error  // of the ledger
	stored  *store.Ledger // what the ledger is when it is a database
	unsaved exitCode      // of files that could not be written
	unread  error         // why the last pass could not read on
}

func (a *app) audit(f *auditFlags, arg string) error {
	a.judged(slices.Concat(f.jwks, []string{arg, f.state, f.evidence, f.findings, f.previous, os.Getenv("QODVERIFY_JWKS")})...)
	policy, err := f.policy()
	if err != nil {
		return err
	}
	options, err := f.options()
	if err != nil {
		return err
	}
	ctx, interruption := untilInterrupted()
	defer interruption.noticed()
	r := &auditRun{app: a, flags: f, ctx: ctx, noticed: interruption.noticed, policy: policy, options: options, start: time.Now()}
	if r.reader, r.keyring, err = a.trust(&f.verifyFlags); err != nil {
		return err
	}
	if err := f.writesApart(arg); err != nil {
		return err
	}
	r.tryFiles()
	if err := r.remembered(); err != nil {
		return err
	}
	if err := r.open(arg); err != nil {
		return err
	}
	if r.close != nil {
		defer r.close()
	}
	if err := r.trusted(); err != nil {
		return err
	}
	return r.run()
}

// say tells something on stderr.
func (r *auditRun) say(format string, args ...any) {
	if !r.quiet {
		fmt.Fprintln(r.stderr, "qodverify audit:", render.Printable(fmt.Sprintf(format, args...)))
	}
}

// open opens the ledger, whatever it is.
func (r *auditRun) open(arg string) error {
	from := int64(1)
	if r.before != nil && source.IsURL(arg) && !r.options.Whole {
		// A service is asked only for what is new, and for the head that was
		// remembered.
		from, r.options.StartsAtHead = r.before.Count, true
	}
	var err error
	if !source.IsURL(arg) && arg != "-" && store.IsDatabase(arg) {
		r.ledger, err = r.database(arg)
	} else {
		r.ledger, err = r.reader.Ledger(r.ctx, arg, from)
	}
	if errors.Is(err, source.ErrUsage) {
		return err
	}
	if err != nil && r.ctx.Err() != nil {
		return &problemError{"interrupted", exitInconclusive, fmt.Errorf("%s: interrupted before anything was read", arg)}
	}
	if err != nil {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", arg, cause.Of(err))}
	}
	r.judged(r.ledger.Root)
	dir := r.flags.artifactsDir
	if dir == "" {
		dir = r.ledger.Root
	}
	switch {
	case r.flags.maxRecords > 0:
		r.ledger.Records = source.Limited(r.ledger.Records, r.flags.maxRecords)
	case source.IsURL(arg):
		r.ledger.Records = source.Limited(r.ledger.Records, maxServiceRecords)
	}
	if dir != "" && !store.IsDatabase(arg) {
		r.ledger.Records = r.withoutReplaced(source.WithArtifacts(r.ledger.Records, dir), dir)
	}
	return nil
}

// database opens a SQLite ledger as one to be read line by line.
func (r *auditRun) database(name string) (*source.Ledger, error) {
	r.flags.artifactsDir = artifactsOf(name, r.flags.artifactsDir)
	l, err := openDatabase(r.ctx, name, r.flags.artifactsDir)
	if err != nil {
		return nil, err
	}
	r.close, r.stored = l.Close, l
	out := source.NewLedger(name, filepath.Dir(name), l.Count())
	out.Records = func(yield func(bundle.Raw, error) bool) {
		out.Done.Store(0)
		for e, err := range l.Lines(r.ctx) {
			out.Done.Add(1)
			raw := bundle.Raw{Input: name}
			if err == nil {
				raw.Data, raw.Artifact = e.Apart()
			}
			if !yield(raw, err) {
				return
			}
		}
	}
	return out, nil
}

// openDatabase opens a SQLite ledger with its artifacts: those of the given
// folder, else of the one where the original and this program keep them.
func openDatabase(ctx context.Context, name, artifacts string) (*store.Ledger, error) {
	return store.OpenLedger(ctx, name, artifactsOf(name, artifacts))
}

func artifactsOf(database, given string) string {
	if given != "" {
		return given
	}
	dir := filepath.Dir(database)
	for _, beside := range []string{filepath.Join(dir, "artifacts"), filepath.Join(dir, "..", "artifacts")} {
		if info, err := os.Stat(beside); err == nil && info.IsDir() {
			return beside
		}
	}
	return ""
}

// trusted finds the keys.
func (r *auditRun) trusted() error {
	if err := r.keyring.Load(r.ledger.Origins()); err != nil {
		if errors.Is(err, source.ErrUsage) {
			return err
		}
		return &problemError{"keys", exitMalformed, err}
	}
	r.keys = r.keyring.For(source.Input{Name: r.ledger.Name, Dir: r.ledger.Dir, Origin: r.ledger.Origin})
	r.policy.Keys, r.policy.KeySource, r.policy.KeysErr, r.policy.KeysSought = r.keys.Set, r.keys.Source, r.keys.Err, r.keys.Sought
	var err error
	r.policy.Previous, err = resolvePrevious(r.flags.previous, r.keyring)
	return err
}

func (r *auditRun) run() error {
	v, err := verify.New(r.policy)
	if err != nil {
		return err
	}
	r.options.Explain = func(err error, data []byte) error { return kind.Explain(err, data, kind.Ledger) }
	if r.stored != nil {
		r.options.MayLack = strings.Join(r.stored.Notes(), "; ")
	}
	if slices.ContainsFunc(r.ledger.Skipped, func(s source.Skipped) bool { return s.Evidence }) {
		r.options.MayLack = "not all of the folder was looked at"
	}
	if r.flags.artifactsDir != "" {
		r.options.Elsewhere = source.NewSnapshots(r.ctx, r.flags.artifactsDir, func(b *bundle.Bundle) bool { return v.Bundle(b).Proven() }).Find
	}
	report, err := r.pass(v)
	if err != nil {
		return err
	}
	if report.Counts[verify.PastNotInOrder]+report.Counts[verify.PastSealsChanged] > 0 && r.ledger.Again {
		r.say("the ledger is not as the audit before left it; verifying all signatures")
		r.options.Whole = true
		if report, err = r.pass(v); err != nil {
			return err
		}
	}
	if r.options.StartsAtHead && lacksPast(report) {
		// The new records alone do not settle it: the ledger is read from its start.
		r.say("the service's new records do not show the past; auditing the whole ledger")
		r.options.StartsAtHead, r.options.Whole = false, true
		if r.ledger, err = r.reader.Ledger(r.ctx, r.ledger.Name, 1); err != nil {
			return &problemError{"input", exitMalformed, err}
		}
		if report, err = r.pass(v); err != nil {
			return err
		}
	}
	if report.Records == 0 && report.Counts[verify.InputUnreadable] > 0 && r.unread != nil {
		// Not a word of it was read, so there is nothing to report on.
		err := r.unread
		if !strings.HasPrefix(err.Error(), r.ledger.Name) {
			err = fmt.Errorf("%s: %w", r.ledger.Name, err)
		}
		return &problemError{"input", exitMalformed, err}
	}
	result := render.Audit{
		Tool: tool(), Ledger: r.ledger.Name, Keys: r.keys.Source, Pinned: len(r.policy.Pins) > 0, Report: report,
		State: r.flags.state, Elapsed: time.Since(r.start), Notes: r.notes(report),
		LeftOut: leftOut(r.ledger.Skipped, r.ledger.Unused),
	}
	if r.keys.Err != nil {
		result.KeyNotes = append(result.KeyNotes, fmt.Sprintf("they could not be used: %v", r.keys.Err))
	} else if r.keys.SameOrigin {
		result.KeyNotes = append(result.KeyNotes, "keys and ledger came from the same server: that shows that they fit each other, and not whose they are")
	}
	if r.keys.Beside && r.keys.Err == nil {
		result.KeyNotes = append(result.KeyNotes, "the keys lay beside the ledger: that shows that they fit each other, and not whose they are")
	}
	r.remember(report, &result)
	return r.report(result, joined(exitFor(result.Verdict()), r.unsaved))
}

// notes tells what a database says of its own completeness.
func (r *auditRun) notes(report *verify.LedgerReport) []string {
	if r.stored == nil {
		for i := range report.Listed {
			if f := &report.Listed[i]; f.Code == verify.LedgerEmpty && r.ledger.Origin != nil {
				f.Hint = "the service has no record yet: there is nothing to audit before its first proof"
			} else if f.Code == verify.LedgerEmpty && r.ledger.Root == "" {
				f.Message = "there is no record: this is an empty file, or one of nothing but white space"
			}
		}
		return nil
	}
	notes := r.stored.Notes()
	if !r.stored.HasArtifacts() && report.Counts[verify.RuntimeArtifactMissing] > 0 {
		notes = append(slices.Clone(notes), "no folder of runtime artifacts was found beside the database: give it with --artifacts-dir DIR")
	}
	return notes
}

// lacksPast reports whether what the audit before saw could not be told from the new
// records alone.
func lacksPast(r *verify.LedgerReport) bool {
	for _, code := range []verify.Code{verify.PastNotGiven, verify.HistoryTruncated, verify.HistoryMoved, verify.TrustChanged} {
		if r.Counts[code] > 0 {
			return true
		}
	}
	return false
}

// pass audits the ledger once.
func (r *auditRun) pass(v *verify.Verifier) (*verify.LedgerReport, error) {
	o := r.options
	scratch, err := newScratch()
	if err != nil {
		return nil, &problemError{"scratch", exitMalformed, fmt.Errorf("the folder for temporary files: %w", err)}
	}
	defer scratch.close()
	for i := range scratch.files {
		o.Scratch = append(o.Scratch, scratch.files[i])
	}
	all := r.createFindings()
	if all != nil {
		defer all.abort()
		o.Found = all.write
	}
	if os.Getenv("GOGC") == "" {
		// Little is allocated and little lives long, so collecting early costs nothing
		// and keeps memory flat.
		defer debug.SetGCPercent(debug.SetGCPercent(50))
	}
	p := r.newProgress("audit")
	o.Progress = func(v verify.Progress) { p.audited(v, r.ledger) }
	report := v.Ledger(interruptible(r.ctx, r.noticed, r.failing(r.ledger.Records)), o)
	p.end()
	if all != nil {
		if err := all.commit(); err != nil {
			r.lost("--findings: %v", err)
		}
	}
	return report, nil
}

// failing remembers why records could not be read on.
func (r *auditRun) failing(records iter.Seq2[bundle.Raw, error]) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		r.unread = nil
		for raw, err := range records {
			if err != nil {
				r.unread = err
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}

// interruptible ends a sequence when ctx does.
func interruptible(ctx context.Context, noticed func(), records iter.Seq2[bundle.Raw, error]) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		for raw, err := range records {
			if ctx.Err() != nil {
				noticed()
				yield(bundle.Raw{}, verify.ErrInterrupted)
				return
			}
			if !yield(raw, err) {
				return
			}
		}
		if ctx.Err() != nil {
			noticed()
			yield(bundle.Raw{}, verify.ErrInterrupted)
		}
	}
}
