package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// Finalizes that fail leave the original's summaries.
func TestFailureSummaries(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	runs, err := OpenRuns(v.artifacts, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer runs.Close()
	v.Config.Handler.(*Server).Runs = runs
	empty := createdSession(v.must("POST", "/intent", `{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`))
	const nobody = "00000000-0000-0000-0000-000000000000"
	for id, want := range map[string]string{
		nobody: "http_404: Unknown session_id",
		empty:  "http_400: No telemetry samples found for this session. POST /telemetry first.",
	} {
		v.call("POST", "/proof/"+id+"/finalize", "", "X-Request-Id", "abc")
		names, err := filepath.Glob(filepath.Join(v.artifacts, "run_summaries", "run_*_"+id+".json"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no summary, %v", id, err)
		}
		data, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			RequestID string `json:"request_id"`
			SessionID string `json:"session_id"`
			RunType   string `json:"run_type"`
			IDs       map[string]any
			Result    struct {
				Success bool
				Reason  string
			}
			Build, Env, Timestamps map[string]any
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if got.RequestID != "abc" || got.SessionID != id || got.RunType != "finalize_proof" || got.Result.Success || got.Result.Reason != want ||
			len(got.IDs) != 8 || len(got.Build) != 2 || len(got.Env) != 1 || len(got.Timestamps) != 3 {
			t.Errorf("%s", data)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(v.artifacts, "run_summaries", "*x*")); len(names) != 0 {
		t.Error("a malformed session id has a summary")
	}
	// A proof's own summary is not replaced by a later failure, and failures have an end.
	run := mint.Run{Start: time.Unix(0, 0)}
	name := filepath.Join(v.artifacts, filepath.FromSlash(mint.Failure(empty, "x", run).Name))
	if err := os.WriteFile(name, []byte("ok"), 0o644); err != nil {
		t.Fatal(err)
	}
	runs.failed(mint.Failure(empty, "x", run))
	if data, err := os.ReadFile(name); err != nil || string(data) != "ok" {
		t.Errorf("%s, %v", data, err)
	}
	for i := range maxFailures + 50 {
		runs.failed(mint.Failure(nobody, "x", mint.Run{Start: time.Unix(int64(1000+i), 0)}))
	}
	if names, _ := os.ReadDir(filepath.Join(v.artifacts, "run_summaries")); len(names) > maxFailures+1 {
		t.Errorf("%d summaries are kept", len(names))
	}
}

// run.log ends, starts anew when it is large, and is not written into what is not
// a file.
func TestRunLog(t *testing.T) {
	dir := t.TempDir()
	open := func() *Runs {
		t.Helper()
		r, err := OpenRuns(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open()
	r.size = maxRunLog
	r.line(runLine{Message: "next"})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.line(runLine{Message: "after its end"})
	for name, want := range map[string]string{runLogName: `"msg":"next"`, runLogName + ".1": `"msg":"QoD service starting up"`} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || strings.Count(string(data), "\n") != 1 || !strings.Contains(string(data), want) {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, runLogName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, runLogName), 0o755); err != nil {
		t.Fatal(err)
	}
	r = open()
	defer r.Close()
	r.line(runLine{Message: "x"}) // no panic, no error
	if r.file != nil {
		t.Error("a folder is written to")
	}
}
