package server

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/ready"
)

// reply is an answer before it is written.
type reply struct {
	status      int
	contentType string // "" means application/json
	body        []byte
	header      [][2]string
	code        ready.Code // of a 503, for the log
}

func (r reply) with(name, value string) reply {
	r.header = append(slices.Clip(r.header), [2]string{name, value})
	return r
}

func ok(v any) reply { return reply{status: http.StatusOK, body: pyjson.Compact(v)} }

// detail is FastAPI's HTTPException.
func detail(status int, text string) reply {
	return reply{status: status, body: pyjson.Compact(pyjson.Object{{Name: "detail", Value: text}})}
}

func write(w http.ResponseWriter, r *http.Request, v reply) {
	if rec, ok := w.(*recorder); ok {
		rec.code = v.code
	}
	h := w.Header()
	for _, pair := range v.header {
		h.Add(pair[0], pair[1])
	}
	if v.contentType == "" && v.body != nil {
		v.contentType = "application/json"
	}
	if v.contentType != "" {
		h.Set("Content-Type", v.contentType)
	}
	// What a browser is told by an answer that echoes a request must not be
	// taken for a page.
	h.Set("X-Content-Type-Options", "nosniff")
	if v.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(v.body)))
	}
	w.WriteHeader(v.status)
	if r.Method != http.MethodHead {
		w.Write(v.body) // a client that has gone away is no error of ours
	}
}

const (
	requestIDHeader = "X-Request-Id"
	// maxRequestID bounds an id that a client chose, since it goes into answers,
	// logs and files.
	maxRequestID = 128
)

// requestID returns the client's id where it is short and printable, else a new
// one.
func requestID(r *http.Request) string {
	for _, name := range []string{requestIDHeader, "X-Correlation-Id"} {
		id := r.Header.Get(name)
		if id != "" && len(id) <= maxRequestID && strings.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) < 0 {
			return id
		}
	}
	return uuid.NewString()
}

// corsMethods is what the original allows, in its order.
const corsMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

// preflight answers a CORS preflight as Starlette does.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, origin, method string) {
	v := reply{status: http.StatusOK, contentType: "text/plain; charset=utf-8", body: []byte("OK")}.
		with("Vary", "Origin").with("Access-Control-Allow-Methods", corsMethods).
		with("Access-Control-Max-Age", "600").with("Access-Control-Allow-Credentials", "true")
	var refused []string
	if slices.Contains(s.Origins, origin) {
		v = v.with("Access-Control-Allow-Origin", origin)
	} else {
		refused = append(refused, "origin")
	}
	if !slices.Contains(strings.Split(corsMethods, ", "), method) {
		refused = append(refused, "method")
	}
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		v = v.with("Access-Control-Allow-Headers", headers)
	}
	if refused != nil {
		v.status, v.body = http.StatusBadRequest, []byte("Disallowed CORS "+strings.Join(refused, ", "))
	}
	write(w, r, v)
}

// recorder remembers the status for the log, and the code of a 503.
type recorder struct {
	http.ResponseWriter
	status int
	code   ready.Code
}

func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.MaxBytesReader close the connection of a body too large.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe gives a request its id and its CORS headers, answers preflights,
// turns a panic into a 500 and writes the log line.
func (s *Server) observe(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w}
	origin := r.Header.Get("Origin")
	if method := r.Header.Get("Access-Control-Request-Method"); r.Method == http.MethodOptions && origin != "" && method != "" {
		s.preflight(rec, r, origin, method)
		return
	}
	id := requestID(r)
	h := w.Header()
	h.Set(requestIDHeader, id)
	if r.Header["Origin"] != nil { // an empty one is one too
		h.Set("Access-Control-Allow-Credentials", "true")
		if slices.Contains(s.Origins, origin) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Add("Vary", "Origin")
		}
	}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.Log.Error("panic", "value", p, "request_id", id)
			if rec.status == 0 {
				write(rec, r, s.internal(id))
			}
		}
		// The path may hold anything; slog quotes it. No header is logged, so no
		// token is.
		took := time.Since(start)
		line := []any{"event", "http_request", "method", r.Method, "path", loggedPath(r), "status", rec.status,
			"duration_ms", float64(took.Microseconds()) / 1000, "client", remoteHost(r), "request_id", id}
		if rec.code != "" {
			line = append(line, "code", string(rec.code))
		}
		s.Log.Info("request", line...)
		s.Runs.request(r, rec.status, took, id)
	}()
	next(rec, r)
}

// maxLoggedPath bounds a path in the log, in bytes: anyone chooses it.
const maxLoggedPath = 512

func loggedPath(r *http.Request) string {
	if path := r.URL.Path; len(path) > maxLoggedPath {
		return path[:maxLoggedPath] + "…"
	}
	return r.URL.Path
}

// remoteHost is the address that a request came from.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
