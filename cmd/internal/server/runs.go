package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// Bounds of what is kept of runs: clients choose how many there are.
const (
	runLogName  = "run.log"
	maxRunLog   = 16 << 20 // bytes; then it becomes run.log.1
	maxFailures = 1000     // summaries of failed finalizes
)

// Runs keeps what the original keeps beside the proofs for whoever looks after it:
// run.log, a line of JSON for each request, and the summaries of finalizes that
// failed. No proof rests on them, so they are not synced, and a failure to write
// them stops nothing.
type Runs struct {
	log      *slog.Logger
	mu       sync.Mutex
	root     *os.Root
	file     *os.File // nil when it can't be written
	size     int64
	failures []string // names of the summaries, oldest first
}

// OpenRuns opens what is kept in an artifacts folder.
func OpenRuns(artifacts string, log *slog.Logger) (*Runs, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	root, err := os.OpenRoot(artifacts)
	if err != nil {
		return nil, err
	}
	r := &Runs{log: log, root: root}
	r.open()
	r.line(runLine{Message: "QoD service starting up"})
	return r, nil
}

// Close ends it.
func (r *Runs) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
	return r.root.Close()
}

func (r *Runs) open() {
	// A pipe would hold every request until somebody reads it.
	info, err := r.root.Stat(runLogName)
	if err == nil && !info.Mode().IsRegular() {
		r.lost(fmt.Errorf("%s is not a regular file", runLogName))
		return
	}
	if r.file, err = r.root.OpenFile(runLogName, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644); err != nil {
		r.lost(err)
		return
	}
	r.size = 0
	if info != nil {
		r.size = info.Size()
	}
}

// lost ends the writing of run.log, and tells it once.
func (r *Runs) lost(err error) {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
	r.log.Warn("run.log is not written any more", "error", err)
}

// runLine is a line of run.log, with the original's names.
type runLine struct {
	Time     string   `json:"ts"`
	Level    string   `json:"level"`
	Logger   string   `json:"logger"`
	Message  string   `json:"msg"`
	Event    string   `json:"event,omitempty"`
	ID       string   `json:"request_id,omitempty"`
	Method   string   `json:"method,omitempty"`
	Path     string   `json:"path,omitempty"`
	Status   int      `json:"status_code,omitempty"`
	Duration *float64 `json:"duration_ms,omitempty"`
	Client   string   `json:"client,omitempty"`
}

func (r *Runs) request(q *http.Request, status int, took time.Duration, id string) {
	ms := float64(took.Microseconds()) / 1000
	v := runLine{Message: "request", Event: "http_request", ID: id, Method: q.Method, Path: loggedPath(q), Status: status, Duration: &ms, Client: remoteHost(q)}
	if status >= http.StatusInternalServerError {
		v.Level, v.Message = "ERROR", "request_failed"
	}
	r.line(v)
}

func (r *Runs) line(v runLine) {
	if r == nil {
		return
	}
	v.Time, v.Logger = time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00"), "qod"
	if v.Level == "" {
		v.Level = "INFO"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil && r.size >= maxRunLog {
		r.file.Close()
		if err := r.root.Rename(runLogName, runLogName+".1"); err != nil {
			r.file = nil
			r.lost(err)
			return
		}
		r.open()
	}
	if r.file == nil {
		return
	}
	n, err := r.file.Write(append(data, '\n'))
	if r.size += int64(n); err != nil {
		r.lost(err)
	}
}

// failed writes the summary of a finalize that made no proof. One of a run that
// made its proof in the same second stays.
func (r *Runs) failed(f mint.File) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return
	}
	w.Write(f.Data)
	w.Close()
	if r.failures = append(r.failures, f.Name); len(r.failures) > maxFailures {
		r.root.Remove(r.failures[0])
		r.failures = r.failures[1:]
	}
}

// summarized keeps the summary of a finalize that fails.
func (s *Server) summarized(finalize func(*request) reply) func(*request) reply {
	return func(r *request) reply {
		run := mint.Run{RequestID: r.id, Start: s.Now(), Hostname: s.hostname, GitSHA: s.GitSHA, ImageTag: s.ImageTag}
		answer := finalize(r)
		id, malformed := r.sessionID()
		if answer.status == http.StatusOK || malformed != nil {
			return answer
		}
		reason := "exception"
		if v, err := pyjson.Decode(answer.body); err == nil {
			o, _ := v.(pyjson.Object)
			if text, there := o.Get("detail"); there && text != internalError {
				reason = fmt.Sprintf("http_%d: %v", answer.status, text)
			}
		}
		run.End = s.Now()
		s.Runs.failed(mint.Failure(id, reason, run))
		return answer
	}
}
