package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/probe"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/server"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// demo runs one session through a service of its own and leaves the bundle, the
// keys, and the service's data in a folder.
func (a *app) demo(ctx context.Context, dir string) error {
	fail := func(err error) error { return &problemError{"demo", exitMalformed, err} }
	token := rand.Text()
	log := slog.New(slog.DiscardHandler)
	instance, err := server.Open(ctx, server.Settings{
		Listen: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Log: log,
		// Its own environment: the demo must not write into a real ledger.
		Env: func(name string) (string, bool) {
			if name == "QOD_API_TOKEN" {
				return token, true
			}
			return "", false
		},
	})
	if err != nil {
		return fail(err)
	}
	defer instance.Close()
	l, err := net.Listen("tcp", instance.Listen)
	if err != nil {
		return fail(err)
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(serving, l, instance.Server, log) }()
	defer func() {
		stop()
		<-ended
	}()
	client := &source.Service{Base: &url.URL{Scheme: "http", Host: l.Addr().String()}, Token: token}
	files, err := a.demoSession(ctx, client, dir)
	if err != nil {
		return fail(err)
	}
	a.say("\nChecking it offline, with the keys in %s:\n\n", files.keys)
	if err := a.verify(&verifyFlags{jwks: []string{files.keys}, offline: true, profile: "auto"}, []string{files.bundle}); err != nil {
		return err
	}
	a.say("\nCheck it again:  qodverify --jwks %s %s\nChange a digit in the bundle, and check it once more.\n", files.keys, files.bundle)
	return nil
}

// say tells the person what goes on. Verdicts go to stdout, all else to stderr.
func (a *app) say(format string, args ...any) {
	if a.quiet {
		return
	}
	for i, arg := range args {
		if text, isText := arg.(string); isText {
			args[i] = render.Printable(text)
		}
	}
	fmt.Fprintf(a.stderr, format, args...)
}

type demoFiles struct{ bundle, keys string }

func (a *app) demoSession(ctx context.Context, c *source.Service, dir string) (f demoFiles, err error) {
	a.say("A proof service runs at %s, with its data in %s.\n\n", c.Base, filepath.Join(dir, "data"))
	var session struct {
		ID      string `json:"session_id"`
		Profile string `json:"qos_profile"`
	}
	data, err := c.Call(ctx, http.MethodPost, "intent", map[string]any{
		"text": "demo: 4K video call", "target_p95_latency_ms": 50, "target_jitter_ms": 10, "duration_s": 30, "flow_label": "demo",
	})
	if err == nil {
		err = json.Unmarshal(data, &session)
	}
	if err != nil {
		return f, fmt.Errorf("POST /intent: %w", err)
	}
	a.say("POST /intent      session %s, %s\n", session.ID, session.Profile)
	target, err := probe.ParseTarget(c.Base.JoinPath("health").String())
	if err != nil {
		return f, err
	}
	// A session is AVAILABLE after 2 s: what is measured shall be what was provided.
	select {
	case <-ctx.Done():
		return f, ctx.Err()
	case <-time.After(2100 * time.Millisecond):
	}
	for range 3 {
		r, err := probe.Measure(ctx, target, probe.Plan{Count: 50, Interval: 5 * time.Millisecond, Timeout: 5 * time.Second})
		if err != nil {
			return f, fmt.Errorf("measuring: %w", err)
		}
		v := probed{Session: session.ID, Answered: r.Sent - r.Lost, P50: r.P50, P95: r.P95, Jitter: r.Jitter, delays: r.Delays, start: r.Start, end: r.End}
		if _, err := c.Call(ctx, http.MethodPost, "telemetry", v.sample("loopback round trips")); err != nil {
			return f, fmt.Errorf("POST /telemetry: %w", err)
		}
		a.say("POST /telemetry   %d round trips: p50 %.3f ms, p95 %.3f ms, jitter %.3f ms\n", v.Answered, v.P50, v.P95, v.Jitter)
	}
	var record struct {
		ThisHash string `json:"this_hash"`
	}
	if data, err = c.Call(ctx, http.MethodPost, "proof/"+session.ID+"/finalize", nil); err == nil {
		err = json.Unmarshal(data, &record)
	}
	if err != nil {
		return f, fmt.Errorf("POST /proof/%s/finalize: %w", session.ID, err)
	}
	a.say("POST /finalize    signed, this_hash %s\n", record.ThisHash)
	f = demoFiles{filepath.Join(dir, "bundle.json"), filepath.Join(dir, "jwks.json")}
	for _, v := range []struct{ path, name string }{{"proof/" + session.ID + "/bundle", f.bundle}, {".well-known/jwks.json", f.keys}} {
		if data, err = c.Call(ctx, http.MethodGet, v.path, nil); err == nil {
			err = files.Write(v.name, data, files.Options{})
		}
		if err != nil {
			return f, fmt.Errorf("GET /%s: %w", v.path, err)
		}
		a.say("GET /%s → %s\n", v.path, v.name)
	}
	return f, nil
}
