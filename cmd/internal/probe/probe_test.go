package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

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
