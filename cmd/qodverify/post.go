package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/probe"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// post posts a sample of telemetry.
func post(ctx context.Context, base *url.URL, sample any) error {
	client := &source.Service{Base: base, Token: os.Getenv("QODVERIFY_TOKEN")}
	_, err := client.Call(ctx, http.MethodPost, "telemetry", sample)
	if err == nil {
		return nil
	}
	var refusal *source.Refusal
	if errors.As(err, &refusal) && takesNoDelays(refusal) {
		err = cause.New(err, "Add --summary: it posts figures alone, by the definitions of the original's agent.",
			"the service takes no single round trips, as the original does not, and nothing was posted (it answered %s)", refusal.Status)
	}
	return fmt.Errorf("posting to %s: %w", base, err)
}

// takesNoDelays tells the original's answer to single round trips, of any of its
// generations: delays_ns is a member that it does not know, or the figures, which it
// wants, are missing.
func takesNoDelays(r *source.Refusal) bool {
	if r.Code != http.StatusUnprocessableEntity && r.Code != http.StatusBadRequest {
		return false
	}
	if strings.Contains(r.Faults["delays_ns"], "extra") {
		return true
	}
	for _, name := range []string{"n", "p50_ms", "p95_ms", "jitter_ms"} {
		if strings.Contains(r.Faults[name], "missing") {
			return true
		}
	}
	return false
}

// summaryBody is what POST /telemetry of the original takes.
func summaryBody(session, notes string, s probe.Summary) map[string]any {
	return map[string]any{"session_id": session, "n": s.N, "p50_ms": s.P50, "p95_ms": s.P95, "jitter_ms": s.Jitter, "notes": notes}
}

// summaryLine tells a summary with its definitions, which are not those of the other
// figures.
func summaryLine(s probe.Summary) string {
	return fmt.Sprintf("  as the original's agent sums up: n %d, p50 %.6g ms and p95 %.6g ms (interpolated), jitter %.6g ms (population standard deviation)\n", s.N, s.P50, s.P95, s.Jitter)
}

// shownError is an error after something that is shown all the same. In JSON it is a
// member of that.
type shownError struct {
	error
	shown interface{ failed(*render.Problem) }
}

func (e *shownError) Unwrap() error { return e.error }

// figures shows what was measured, also where it could not be posted.
func (a *app) figures(v interface {
	text(io.Writer) error
	failed(*render.Problem)
}, code string, failed error) error {
	switch {
	case a.output != "json":
		if err := v.text(a.stdout); err != nil {
			return a.written(err)
		}
	case failed == nil:
		return a.written(render.WriteJSON(a.stdout, v))
	}
	if failed == nil {
		return nil
	}
	return &problemError{code, exitMalformed, &shownError{failed, v}}
}
