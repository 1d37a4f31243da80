package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		trips            []float64
		p50, p95, jitter float64
	}{
		{[]float64{5}, 5, 5, 0},
		{[]float64{1, 2}, 1.5, 1.95, 0.5},
		{[]float64{1, 2, 3, 4}, 2.5, 3.85, math.Sqrt(1.25)},
		{[]float64{10, 10, 10, 110}, 10, 95, 43.30127018922193},
	} {
		_, jitter := meanDeviation(c.trips)
		if got := [3]float64{percentile(c.trips, 50), percentile(c.trips, 95), jitter}; !near(got[0], c.p50) || !near(got[1], c.p95) || !near(got[2], c.jitter) {
			t.Errorf("%v: %v, want %v %v %v", c.trips, got, c.p50, c.p95, c.jitter)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// Python's statistics module judges random lists: quantiles(method="inclusive")
// interpolates as we do, pstdev is the population's deviation.
func TestAgainstPython(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var lists [][]float64
	for range 200 {
		list := make([]float64, 2+random.IntN(60))
		for i := range list {
			list[i] = random.ExpFloat64() * 20
		}
		slices.Sort(list)
		lists = append(lists, list)
	}
	data, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", `
import json, statistics, sys
for l in json.load(sys.stdin):
    q = statistics.quantiles(l, n=100, method="inclusive")
    print(repr(q[49]), repr(q[94]), repr(statistics.pstdev(l)))`)
	cmd.Stdin = strings.NewReader(string(data))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var p50, p95, jitter float64
		if _, err := fmt.Sscan(line, &p50, &p95, &jitter); err != nil {
			t.Fatal(err)
		}
		_, deviation := meanDeviation(lists[i])
		if !near(percentile(lists[i], 50), p50) || !near(percentile(lists[i], 95), p95) || !near(deviation, jitter) {
			t.Errorf("list %d: %v %v %v, Python %s", i, percentile(lists[i], 50), percentile(lists[i], 95), deviation, line)
		}
	}
}

// A delay that the target makes shows in the figures, and a lost round trip is
// counted and left out.
func TestMeasure(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := calls.Add(1); {
		case n == 3:
			w.WriteHeader(http.StatusInternalServerError)
		case n > 1:
			time.Sleep(20 * time.Millisecond)
		}
	}))
	defer server.Close()
	target, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	r, err := Measure(t.Context(), target, Plan{Count: 5, Timeout: 5 * time.Second, Progress: func(n int, _ time.Duration, err error) {
		if seen++; seen != n || (err != nil) != (n == 2) {
			t.Errorf("progress %d, %v", n, err)
		}
	}})
	if err != nil || r.Sent != 5 || r.Lost != 1 || seen != 5 || r.P50 < 20 || r.P95 < r.P50 || r.Min < 20 || r.Max < r.P95 || r.Jitter < 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target, err := ParseTarget("tcp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Measure(t.Context(), target, Plan{Count: 3, Timeout: time.Second}); err != nil || r.Lost != 0 || r.P50 <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
	l.Close()
	if r, err := Measure(t.Context(), target, Plan{Count: 3, Timeout: time.Second}); !errors.Is(err, ErrNoAnswer) || r.Lost != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, target, Plan{Count: 3, Interval: time.Hour, Timeout: time.Second}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
