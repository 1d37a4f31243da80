package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/importer"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/probe"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

type importFlags struct {
	from, to, session, target, notes string
	startedAt, endedAt               string
	allowHTTP, summary               bool
}

func (a *app) telemetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "telemetry",
		Short: "Turn measuring tools' output into telemetry; disclose single samples of a proof",
		Args:  takes(0, 0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.importCommand(), a.discloseCommand())
	return cmd
}

func (a *app) importCommand() *cobra.Command {
	f := &importFlags{}
	cmd := &cobra.Command{
		Use:   "import --from TOOL [--to URL --session ID] FILE",
		Short: "Read the output of irtt, iperf3, ping, fping, ndt7 or RIPE Atlas, and post it as telemetry",
		Long: `import reads what a measuring tool printed and shows the figures that follow from
its single probes. With --to and --session it posts them as one telemetry sample, each
probe by itself, lost ones as lost. FILE "-" is stdin; gzip and zstd are unpacked.

  irtt    irtt client -o FILE       every round trip, with lost ones
  ping    ping, ping -D             Linux, BSD, macOS, BusyBox, Android; any language
                                    in which the numbers are enough
  fping   fping -C N, fping -c N    with 2>&1, or -C N -q; choose one of several
                                    targets with --target
  atlas   RIPE Atlas                results of ping from its API
  iperf3  iperf3 --json             throughput, jitter and loss alone
  ndt7    ndt7-client -format=json, throughput and minimum round trip alone
          or a server's result

Plain ping and fping print no times. Then nobody knows when was measured, import says
so, and a proof will not judge whether it was within the session: ping -D, fping -D,
or say it with --started-at and --ended-at. Of ping one is enough, since its last lines
tell how long it took.

Probes that were still under way when the run was stopped (^C) are neither answered nor
lost: they are left out, and their number is told, as are lines that were not
understood. Of each throughput import says which side counted it, in which direction,
over which streams. iperf3 and ndt7 measure no latency percentiles, so what they measure
is shown and can't be posted. A run that was cut off, and output without single probes
(ping -q, ping -f, ping of Windows), are refused.

For a service that takes no single round trips (the original), --summary posts figures
alone, by the definitions of the original's agent: p50 and p95 interpolated between the
two nearest ranks, jitter as the population standard deviation.

Exit status: 0 read, and posted where --to is given; 2 usage; 3 the file is not what
--from says, or does not measure what telemetry needs, or the service did not take it.`,
		Example: `  qodverify telemetry import --from irtt run.json
  qodverify telemetry import --from ping --to http://127.0.0.1:8000 --session SID ping.txt`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, interruption := untilInterrupted()
			defer interruption.noticed()
			return a.importTelemetry(ctx, f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the `TOOL`: "+strings.Join(importer.Formats, ", "))
	flags.StringVar(&f.to, "to", "", "proof service `URL` to post to")
	flags.StringVar(&f.session, "session", "", "session `ID` to post to")
	flags.StringVar(&f.target, "target", "", "which `TARGET`, if the tool measured several")
	flags.StringVar(&f.notes, "notes", "", "`TEXT` to post with the sample")
	flags.StringVar(&f.startedAt, "started-at", "", "when the run began, an RFC 3339 `TIME`, where the tool does not tell")
	flags.StringVar(&f.endedAt, "ended-at", "", "when the run ended, an RFC 3339 `TIME`, where the tool does not tell")
	flags.BoolVar(&f.summary, "summary", false, "post figures alone, as the original's agent does")
	flags.BoolVar(&f.allowHTTP, "allow-http", false, "allow plain http beyond this machine")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(importer.Formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// times reads when the user says that was measured.
func (f *importFlags) times() (began, ended time.Time, err error) {
	for _, x := range []struct {
		name, text string
		at         *time.Time
	}{{"--started-at", f.startedAt, &began}, {"--ended-at", f.endedAt, &ended}} {
		if x.text == "" {
			continue
		}
		if *x.at, err = timeOf(x.name, x.text); err != nil {
			return began, ended, err
		}
	}
	return began, ended, nil
}

// imported is what import prints as JSON.
type imported struct {
	Tool        string             `json:"tool"`
	Target      string             `json:"target,omitempty"`
	Session     string             `json:"session_id,omitempty"`
	Posted      bool               `json:"posted"`
	Duplicates  int                `json:"duplicates"`
	InFlight    int                `json:"in_flight"` // probes under way when the run was stopped, in no figure
	Figures     map[string]float64 `json:"figures"`
	About       map[string]string  `json:"about,omitempty"` // which side, direction and streams a figure is of
	NotMeasured []string           `json:"not_measured"`
	Notes       []string           `json:"notes"`
	// Summary is there with --summary: what is posted instead of the probes.
	Summary   *probe.Summary  `json:"summary,omitempty"`
	Problem   *render.Problem `json:"error,omitempty"`      // why nothing was posted
	StartedAt string          `json:"started_at,omitempty"` // neither: nobody knows when was measured
	EndedAt   string          `json:"ended_at,omitempty"`
	Telemetry map[string]any  `json:"telemetry"` // the body of POST /telemetry; null when there can be none
}

func (a *app) importTelemetry(ctx context.Context, f *importFlags, name string) error {
	switch {
	case !slices.Contains(importer.Formats, f.from):
		return fmt.Errorf("--from %q: want %s", f.from, strings.Join(importer.Formats, ", "))
	case (f.to == "") != (f.session == ""):
		return errors.New("--to and --session go together")
	}
	began, ended, err := f.times()
	if err != nil {
		return err
	}
	fail := func(err error) error {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", name, err)}
	}
	data, err := a.readInput(name, importer.MaxBytes)
	if err != nil {
		return fail(err)
	}
	m, err := parseOutput(f, data)
	if err != nil {
		return fail(err)
	}
	if err := m.Said(began, ended); err != nil {
		return err
	}
	v, err := f.imported(m)
	if err != nil {
		return fail(err)
	}
	if f.to == "" {
		return a.figures(v, "input", nil)
	}
	base, err := (&source.Reader{AllowHTTP: f.allowHTTP}).ServiceURL(f.to)
	if err != nil {
		return err
	}
	failed := post(ctx, base, v.Telemetry)
	v.Posted = failed == nil
	return a.figures(v, "input", failed)
}

// imported is what there is to show and to post of a measurement.
func (f *importFlags) imported(m *importer.Measurement) (*imported, error) {
	v := &imported{
		Tool: m.Tool, Target: m.Target, Session: f.session, Duplicates: m.Duplicates, InFlight: m.InFlight,
		Figures: m.Statistics(), About: m.About, NotMeasured: append([]string{}, m.NotMeasured...), Notes: append([]string{}, m.Notes...),
	}
	if m.Delays == nil {
		v.Figures = m.Figures
		if f.to != "" || f.summary {
			return nil, fmt.Errorf("nothing was posted: not measured: %s", strings.Join(m.NotMeasured, "; "))
		}
		return v, nil
	}
	if !m.StartedAt.IsZero() && !m.EndedAt.IsZero() {
		v.StartedAt, v.EndedAt = m.StartedAt.UTC().Format(time.RFC3339Nano), m.EndedAt.UTC().Format(time.RFC3339Nano)
	}
	v.Telemetry = sampleBody(f.session, f.notes, canonical.Clip(m.Tool, 150), m.Metric, m.Delays, m.StartedAt, m.EndedAt)
	if f.summary {
		s, answered := probe.Summarize(m.Delays)
		if !answered {
			return nil, fmt.Errorf("none of the %d probes was answered, and a summary has no member to say so", len(m.Delays))
		}
		v.Summary, v.Telemetry = &s, summaryBody(f.session, f.notes, s)
	}
	return v, nil
}

// parseOutput reads a tool's output, in whichever encoding it was saved, or says what the
// file is that is none.
func parseOutput(f *importFlags, data []byte) (*importer.Measurement, error) {
	text, err := importer.Text(data)
	var m *importer.Measurement
	if err == nil {
		m, err = importer.Parse(f.from, text, f.target)
	}
	if k, other := kind.Of(data, kind.Telemetry); err != nil && other && k.ID != "utf-16" {
		return nil, kind.New(k)
	}
	return m, kind.Explain(err, text, kind.Telemetry)
}

// readInput reads a file or, for "-", stdin.
func (a *app) readInput(name string, maxBytes int) ([]byte, error) {
	if name == "-" {
		return source.ReadAll(a.stdin, maxBytes)
	}
	return source.ReadFile(name, maxBytes)
}

func (v *imported) failed(p *render.Problem) { v.Problem = p }

func (v *imported) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", render.Printable(v.Tool), render.Printable(v.Target))
	width := 24
	for name := range v.Figures {
		width = max(width, len(name))
	}
	for _, name := range slices.Sorted(mapKeys(v.Figures)) {
		line := fmt.Sprintf("  %-*s %-10s %s", width, name, decimal(v.Figures[name]), v.About[name])
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if v.Duplicates > 0 {
		fmt.Fprintf(&b, "  not counted: duplicate answers: %d\n", v.Duplicates)
	}
	if v.InFlight > 0 {
		fmt.Fprintf(&b, "  not counted: probes still under way when the run was stopped: %d\n", v.InFlight)
	}
	for _, s := range v.NotMeasured {
		fmt.Fprintf(&b, "  not measured: %s\n", render.Printable(s))
	}
	for _, s := range v.Notes {
		fmt.Fprintf(&b, "  note: %s\n", render.Printable(s))
	}
	switch {
	case v.Telemetry == nil:
	case v.StartedAt == "":
		b.WriteString("  measured when: unknown: the output has no times with date and zone (ping -D, fping -D, or --started-at, --ended-at)\n")
	default:
		fmt.Fprintf(&b, "  measured from %s to %s\n", v.StartedAt, v.EndedAt)
	}
	if v.Summary != nil {
		b.WriteString(summaryLine(*v.Summary))
	}
	if v.Posted {
		fmt.Fprintf(&b, "  posted to session %s\n", render.Printable(v.Session))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// decimal writes a number to six digits, and a whole one whole.
func decimal(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

func mapKeys(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (a *app) discloseCommand() *cobra.Command {
	var indexes []int64
	cmd := &cobra.Command{
		Use:   "disclose --sample N [--sample N …] BUNDLE",
		Short: "Print a bundle with some of its samples alone, each with its inclusion path",
		Long: `disclose prints the bundle with only the samples that you name, counted from 0, each
with the path (RFC 6962) that shows it to be one that the proof commits to. The others
stay undisclosed. It verifies nothing; verify does.`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			out, err := a.disclose(args[0], indexes)
			if err != nil {
				return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", args[0], err)}
			}
			_, err = a.stdout.Write(append(out, '\n'))
			return a.written(err)
		},
	}
	cmd.Flags().Int64SliceVar(&indexes, "sample", nil, "number `N` of a sample to disclose (repeatable)")
	_ = cmd.MarkFlagRequired("sample")
	return cmd
}

// disclose puts the result together from the input's own bytes: what is hashed
// must stay as it is.
func (a *app) disclose(name string, indexes []int64) ([]byte, error) {
	data, err := a.readInput(name, source.MaxBytes)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // offsets are counted behind it
	b, err := bundle.Parse(data)
	if err != nil {
		return nil, kind.Explain(err, data, kind.Bundle)
	}
	list := b.Samples.Get("samples")
	if list.Kind() != canonical.Array {
		return nil, errors.New("the bundle does not have all of its samples (telemetry.samples)")
	}
	all := &telemetry.Aggregate{}
	if text, _ := b.Proof.Telemetry.Get("profile").Text(); text == canonical.JCS.String() {
		all.Profile = canonical.JCS
	}
	var samples []canonical.Value
	for i, v := range list.Elements() {
		if _, err := all.Add(v, fmt.Sprintf("/telemetry/samples/%d", i)); err != nil {
			return nil, err
		}
		samples = append(samples, v)
	}
	var parts []string
	for _, index := range indexes {
		if index < 0 || index >= int64(len(samples)) {
			return nil, fmt.Errorf("there is no sample %d: they are counted from 0, and there are %d", index, len(samples))
		}
		path, err := all.Tree().Prove(index)
		if err != nil {
			return nil, err
		}
		hashes := make([]string, len(path))
		for i, h := range path {
			hashes[i] = telemetry.Hex(h)
		}
		text, err := json.Marshal(hashes)
		if err != nil {
			return nil, err
		}
		parts = append(parts, fmt.Sprintf(`{"index":%d,"sample":%s,"path":%s}`, index, samples[index].Raw(), text))
	}
	start := b.Samples.Offset()
	raw := b.Samples.Raw()
	out := append([]byte{}, data[:start]...)
	out = append(out, `{"disclosed":[`+strings.Join(parts, ",")+`]}`...)
	return append(out, data[start+len(raw):]...), nil
}
