// Package probe measures round trips, each by itself, and sums them up as proofs
// do: nearest-rank percentiles (RFC 2330, 11.3), and jitter as the 99th percentile
// minus the minimum (RFC 5481), in milliseconds. For the original, which takes figures
// alone, [Summarize] sums them up as its agent does.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/qodverify/qodverify/bundle/telemetry"
)

// Target is something that answers.
type Target struct {
	dial func(context.Context) error
	name string
}

// String returns the target as it was given.
func (t Target) String() string { return t.name }

// maxAnswer bounds what is read of an HTTP answer, in bytes.
const maxAnswer = 1 << 20

// ParseTarget reads a target: http:// or https:// for the time from request to
// the end of the answer on a connection that is kept, or tcp://HOST:PORT for the
// time to connect.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return Target{}, fmt.Errorf("%q is not a target: want http://…, https://… or tcp://HOST:PORT", text)
	}
	switch u.Scheme {
	case "tcp":
		if u.Port() == "" {
			return Target{}, fmt.Errorf("%q names no port", text)
		}
		return Target{name: text, dial: func(ctx context.Context) error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
			if err != nil {
				return err
			}
			return conn.Close()
		}}, nil
	case "http", "https":
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirect is an answer; following it would measure another target
		}}
		return Target{name: text, dial: func(ctx context.Context) error { return get(ctx, client, u) }}, nil
	}
	return Target{}, fmt.Errorf("%q: the scheme is not http, https or tcp", text)
}

func get(ctx context.Context, client *http.Client, u *url.URL) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "qodverify")
	reply, err := client.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(reply.Body, maxAnswer)); err != nil {
		return err
	}
	if reply.StatusCode >= 400 {
		return fmt.Errorf("the target answered %s", reply.Status)
	}
	return nil
}

// Plan says how to measure.
type Plan struct {
	Count    int           // round trips, at least 1
	Interval time.Duration // from the start of one to the start of the next
	Timeout  time.Duration // of one round trip
	// Progress is called after each round trip, with its number from 1.
	Progress func(n int, trip time.Duration, err error)
}

// Result is a measurement.
type Result struct {
	Sent, Lost       int
	P50, P95, Jitter float64  // milliseconds
	Min, Mean, Max   float64  // milliseconds
	Delays           []*int64 // nanoseconds, one element a round trip, nil for a lost one
	Start, End       time.Time
}

// ErrNoAnswer is returned when every round trip failed.
var ErrNoAnswer = errors.New("no round trip was answered")

// Measure makes the round trips one after the other. One that fails is counted
// as lost and left out of the figures. The first connection is made before, so
// that an HTTP figure holds no set-up.
func Measure(ctx context.Context, target Target, plan Plan) (Result, error) {
	var trips []int64
	var last error
	result := Result{}
	if target.dial == nil {
		return result, errors.New("no target")
	}
	warm, cancel := context.WithTimeout(ctx, plan.Timeout)
	_ = target.dial(warm) // its failure shows again in the first round trip
	cancel()
	next := time.Now()
	for n := 1; n <= plan.Count; n++ {
		if wait := time.Until(next); wait > 0 {
			select {
			case <-ctx.Done():
				return result, ctx.Err()
			case <-time.After(wait):
			}
		}
		next = time.Now().Add(plan.Interval)
		trip, cancel := context.WithTimeout(ctx, plan.Timeout)
		start := time.Now()
		err := target.dial(trip)
		took := time.Since(start)
		cancel()
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		result.Sent++
		if n == 1 {
			result.Start = start
		}
		result.End = start.Add(took)
		if err != nil {
			result.Lost++
			result.Delays = append(result.Delays, nil)
			last = err
		} else {
			ns := min(took.Nanoseconds(), telemetry.MaxDelay)
			result.Delays = append(result.Delays, &ns)
			trips = append(trips, ns)
		}
		if plan.Progress != nil {
			plan.Progress(n, took, err)
		}
	}
	if len(trips) == 0 {
		return result, fmt.Errorf("%w: %w", ErrNoAnswer, last)
	}
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	d := telemetry.Pool(trips, 0).Delays
	result.P50, result.P95, result.Jitter = ms(d.P50), ms(d.P95), ms(d.Jitter())
	result.Min, result.Max = ms(d.Min), ms(d.Max)
	for _, ns := range trips {
		result.Mean += ms(ns) / float64(len(trips))
	}
	result.Mean = nanos(result.Mean)
	return result, nil
}
