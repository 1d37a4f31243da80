package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/ready"
	"github.com/qodverify/qodverify/cmd/internal/store"
)

const (
	// readyFor is how long an answer of the readiness check, which writes to the disk,
	// is repeated.
	readyFor = time.Second
	// readyWait is how long GET /ready waits for the check.
	readyWait = 2 * time.Second
	// readyAgain is how long after a failure the check is made again by itself, so that
	// the log tells when it is over though nobody asks.
	readyAgain = time.Second
)

// readiness runs the store's check, one at a time, and remembers what it found.
type readiness struct {
	sync.Mutex
	at      time.Time     // when the check last passed
	running chan struct{} // closed when the check under way ends; nil when there is none
	ours    ready.Code    // put on the board for a failure; "" when there is none
}

// check begins the store's check unless it is under way or has just passed, and
// returns a channel that is closed when it has ended.
func (s *Server) check() <-chan struct{} {
	r := &s.ready
	r.Lock()
	defer r.Unlock()
	if r.running != nil {
		return r.running
	}
	done := make(chan struct{})
	if r.ours == "" && time.Since(r.at) < readyFor {
		close(done)
		return done
	}
	r.running = done
	go func() {
		defer close(done)
		err := s.Store.Ready(context.Background())
		r.Lock()
		r.running = nil
		if err == nil {
			r.at = time.Now()
		}
		r.Unlock()
		if err != nil {
			s.troubled(err)
			return
		}
		s.untroubled()
	}()
	return done
}

// troubled puts a failure of the store on the board, until a check passes.
func (s *Server) troubled(err error) ready.Code {
	code := ready.Storage
	unavailable := (*store.UnavailableError)(nil)
	switch {
	case errors.Is(err, store.ErrClosed):
		return ready.Draining
	case errors.As(err, &unavailable):
		code = unavailable.Code()
	}
	r := &s.ready
	r.Lock()
	defer r.Unlock()
	if r.ours != code && s.Board.Cause(code) != nil {
		return code // its own matter to whoever put it there
	}
	if r.ours != "" && r.ours != code {
		s.Board.Clear(r.ours)
	}
	if r.ours == "" {
		time.AfterFunc(readyAgain, s.checkAgain)
	}
	r.ours = code
	s.Board.Set(code, err)
	return code
}

func (s *Server) untroubled() {
	r := &s.ready
	r.Lock()
	defer r.Unlock()
	if r.ours != "" {
		s.Board.Clear(r.ours)
		r.ours = ""
	}
}

// checkAgain looks again as long as the service is in trouble.
func (s *Server) checkAgain() {
	<-s.check()
	s.ready.Lock()
	defer s.ready.Unlock()
	if s.ready.ours != "" {
		time.AfterFunc(readyAgain, s.checkAgain)
	}
}

func (s *Server) getReady(r *request) reply {
	start := time.Now()
	wait, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	stalled := false
	select {
	case <-s.check():
	case <-wait.Done():
		stalled = true
	}
	codes := s.Board.Codes()
	if stalled && len(codes) == 0 {
		codes = append(codes, ready.StorageStalled)
	}
	if s.Keys.Active == nil {
		codes = append(codes, ready.NoKey)
	}
	v := pyjson.Object{
		{Name: "status", Value: "ok"}, {Name: "check", Value: "readiness"},
		{Name: "elapsed_ms", Value: time.Since(start).Milliseconds()},
	}
	if codes == nil {
		return ok(v)
	}
	var problems, names []any
	for _, code := range codes {
		problems, names = append(problems, code.Detail()), append(names, string(code))
	}
	v[0].Value = "not-ready"
	v = append(v, pyjson.Member{Name: "problems", Value: problems}, pyjson.Member{Name: "codes", Value: names})
	return reply{status: http.StatusServiceUnavailable, body: pyjson.Compact(v), code: codes[0]}.
		with("Retry-After", strconv.Itoa(codes[0].RetryAfter())).with("Cache-Control", "no-store")
}

// unavailable answers what can't be done now.
func unavailable(r *http.Request, code ready.Code) reply {
	text := code.Detail() + " Try again later."
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		text = strings.TrimSuffix(code.Detail(), ".") + "; nothing was stored. Try again later."
	}
	return reply{status: http.StatusServiceUnavailable, code: code, body: pyjson.Compact(pyjson.Object{
		{Name: "detail", Value: text}, {Name: "code", Value: string(code)},
	})}.with("Retry-After", strconv.Itoa(code.RetryAfter()))
}

// failure turns an error of the store into a reply. What the error says goes
// into the log: it may hold local paths.
func (s *Server) failure(r *request, err error) reply {
	unavailableError := (*store.UnavailableError)(nil)
	switch {
	case errors.As(err, &unavailableError), errors.Is(err, store.ErrClosed):
		return unavailable(r.Request, s.troubled(err))
	case r.Context().Err() != nil:
		return detail(http.StatusServiceUnavailable, "The request was given up before anything was stored.")
	}
	s.Log.Error("internal", "error", err, "request_id", r.id)
	return s.internal(r.id)
}
