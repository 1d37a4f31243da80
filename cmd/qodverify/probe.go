package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/probe"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

type probeFlags struct {
	session, target, notes string
	count                  int
	interval, timeout      time.Duration
	allowHTTP, summary     bool
}

func (a *app) probeCommand() *cobra.Command {
	f := &probeFlags{}
	cmd := &cobra.Command{
		Use:   "probe URL [--session ID]",
		Short: "Measure round trips and post them as telemetry",
		Long: `probe measures round trips one after the other and posts what it found to the proof
service at URL, as one telemetry sample of a session. Without --session it posts
nothing and only shows the figures.

The target is the service's own /health unless --target names another: an http or
https URL (the time from request to the end of the answer, on a connection that is
kept) or tcp://HOST:PORT (the time to connect). A round trip that fails is lost, and
left out of the figures.

Each round trip is posted, lost ones as lost, so that the proof can commit to them.
p50 and p95 are nearest-rank percentiles; jitter is the 99th percentile minus the
minimum; all are milliseconds. For a service that takes no single round trips (the
original), --summary posts figures alone, by the definitions of the original's agent:
p50 and p95 interpolated between the two nearest ranks, jitter as the population
standard deviation. The token for the service is $QODVERIFY_TOKEN.

Exit status: 0 measured, and posted where a session is given; 2 usage; 3 the target
did not answer, or the service did not take the sample.`,
		Example: `  qodverify probe http://127.0.0.1:8000 --session 54d6df8f-df97-40f6-a30e-20c424ec1e20
  qodverify probe https://qod.example --session ID --target tcp://10.0.0.7:443 --count 100`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, interruption := untilInterrupted()
			defer interruption.noticed()
			return a.probe(ctx, f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.session, "session", "", "session `ID` to post to")
	flags.StringVar(&f.target, "target", "", "what to measure, if not the service: an http, https or tcp `URL`")
	flags.StringVar(&f.notes, "notes", "", "`TEXT` to post with the sample")
	flags.IntVarP(&f.count, "count", "n", 20, "how many round trips")
	flags.DurationVar(&f.interval, "interval", 100*time.Millisecond, "from the start of one round trip to the next")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Second, "of one round trip")
	flags.BoolVar(&f.allowHTTP, "allow-http", false, "allow plain http beyond this machine")
	flags.BoolVar(&f.summary, "summary", false, "post figures alone, as the original's agent does")
	return cmd
}

// probed is what probe prints as JSON, and the members that it posts.
type probed struct {
	Target   string  `json:"target"`
	Session  string  `json:"session_id,omitempty"`
	Posted   bool    `json:"posted"`
	Sent     int     `json:"sent"`
	Lost     int     `json:"lost"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	Jitter   float64 `json:"jitter_ms"`
	Min      float64 `json:"min_ms"`
	Mean     float64 `json:"mean_ms"`
	Max      float64 `json:"max_ms"`
	Answered int     `json:"n"`
	// Summary is there with --summary: what is posted instead of the round trips.
	Summary *probe.Summary  `json:"summary,omitempty"`
	Problem *render.Problem `json:"error,omitempty"` // why nothing was posted

	delays     []*int64
	start, end time.Time
}

func (a *app) probe(ctx context.Context, f *probeFlags, service string) error {
	base, err := (&source.Reader{AllowHTTP: f.allowHTTP}).ServiceURL(service)
	if err != nil {
		return err
	}
	if f.count < 1 || f.count > 100_000 || f.interval < 0 || f.timeout <= 0 {
		return errors.New("--count is 1 to 100000, --interval not negative, --timeout positive")
	}
	if f.target == "" {
		f.target = base.JoinPath("health").String()
	}
	target, err := probe.ParseTarget(f.target)
	if err != nil {
		return err
	}
	v, err := a.measure(ctx, f, target)
	if err != nil {
		return &problemError{"probe", exitMalformed, fmt.Errorf("measuring %s: %w", f.target, err)}
	}
	var failed error
	if f.session != "" {
		failed = post(ctx, base, v.sample(f.notes))
		v.Posted = failed == nil
	}
	return a.figures(v, "probe", failed)
}

// measure makes the round trips, with progress on stderr when a person watches.
func (a *app) measure(ctx context.Context, f *probeFlags, target probe.Target) (*probed, error) {
	plan := probe.Plan{Count: f.count, Interval: f.interval, Timeout: f.timeout}
	if watched := a.output == "text" && !a.quiet; watched {
		end := "\n"
		if isTerminal(a.stderr) {
			end = "\r"
		}
		plan.Progress = func(n int, trip time.Duration, err error) {
			what := fmt.Sprintf("%.3f ms", float64(trip)/float64(time.Millisecond))
			if err != nil {
				what = "lost: " + render.Printable(cause.Words(err))
			}
			// Without a terminal a line a tenth is enough.
			if end == "\r" || n%max(1, f.count/10) == 0 || err != nil {
				fmt.Fprintf(a.stderr, "probe %d/%d %-20s%s", n, f.count, what, end)
			}
		}
		defer func() {
			if end == "\r" {
				fmt.Fprintln(a.stderr)
			}
		}()
	}
	r, err := probe.Measure(ctx, target, plan)
	if err != nil {
		return nil, err
	}
	v := &probed{
		Target: target.String(), Session: f.session, Sent: r.Sent, Lost: r.Lost, Answered: r.Sent - r.Lost,
		P50: r.P50, P95: r.P95, Jitter: r.Jitter, Min: r.Min, Mean: r.Mean, Max: r.Max,
		delays: r.Delays, start: r.Start, end: r.End,
	}
	if s, answered := probe.Summarize(r.Delays); f.summary && answered {
		v.Summary = &s
	}
	return v, nil
}

func (v *probed) failed(p *render.Problem) { v.Problem = p }

func (v *probed) sample(notes string) any {
	if v.Summary != nil {
		return summaryBody(v.Session, notes, *v.Summary)
	}
	return sampleBody(v.Session, notes, "qodverify probe", "round_trip", v.delays, v.start, v.end)
}

// sampleBody is what POST /telemetry takes with single delays.
func sampleBody(session, notes, tool, metric string, delays []*int64, start, end time.Time) map[string]any {
	body := map[string]any{"session_id": session, "delays_ns": delays, "metric": metric, "notes": notes}
	if tool != "" {
		body["tool"] = tool
	}
	if !start.IsZero() && !end.IsZero() {
		const layout = "2006-01-02T15:04:05.000000Z"
		body["started_at"], body["ended_at"] = start.UTC().Format(layout), end.UTC().Format(layout)
	}
	return body
}

func (v *probed) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d round trips, %d lost\n  p50 %.3f ms   p95 %.3f ms   jitter %.3f ms   (min %.3f, mean %.3f, max %.3f)\n",
		render.Printable(v.Target), v.Sent, v.Lost, v.P50, v.P95, v.Jitter, v.Min, v.Mean, v.Max)
	if err == nil && v.Summary != nil {
		_, err = io.WriteString(w, summaryLine(*v.Summary))
	}
	if err == nil && v.Posted {
		_, err = fmt.Fprintf(w, "  posted to session %s\n", render.Printable(v.Session))
	}
	return err
}
