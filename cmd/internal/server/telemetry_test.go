package server

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// opened makes a session with targets of 50 ms and 200 ms.
func (v *service) opened() string {
	v.t.Helper()
	return createdSession(v.must("POST", "/intent", `{"text": "t", "target_p95_latency_ms": 50, "target_jitter_ms": 200, "duration_s": 30, "qosProfile": "QOS_E"}`))
}

// judged verifies the bundle of a session as it is served.
func (v *service) judged(id, query string) (*bundle.Bundle, *verify.Report) {
	v.t.Helper()
	keys, err := jwks.Parse([]byte(v.must("GET", "/.well-known/jwks.json", "")))
	if err != nil {
		v.t.Fatal(err)
	}
	b, err := bundle.Parse([]byte(v.must("GET", "/proof/"+id+"/bundle"+query, "")))
	if err != nil {
		v.t.Fatal(err)
	}
	judge, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		v.t.Fatal(err)
	}
	return b, judge.Bundle(b)
}

func finding(r *verify.Report, id verify.CheckID) verify.Check {
	for _, c := range r.Checks() {
		if c.ID == id {
			return c
		}
	}
	return verify.Check{}
}

// clock is a service's clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// A sample that does not tell when it was measured has no time, in the proof as well:
// that it was posted while the session was AVAILABLE says nothing of when it was taken.
func TestUnknownTimes(t *testing.T) {
	for _, x := range []struct {
		name                   string
		bodies                 []string
		first, unknown, window string
		status                 verify.Status
	}{
		{"figures alone", []string{`"n": 3, "p50_ms": 10, "p95_ms": 12, "jitter_ms": 1`}, "null", "1", "null", verify.Skip},
		{"delays without times", []string{`"delays_ns": [10000000, 10000000]`, `"delays_ns": [11000000]`}, "null", "2", "null", verify.Skip},
		{"one of two", []string{`"delays_ns": [10000000]`, `"delays_ns": [10000000], "started_at": "2026-11-24T12:00:03Z", "ended_at": "2026-11-24T12:00:04Z"`},
			`"2026-11-24T12:00:03Z"`, "1", "1000000", verify.Skip},
		{"one of two, outside", []string{`"delays_ns": [10000000]`, `"delays_ns": [10000000], "started_at": "2026-11-24T12:00:01Z", "ended_at": "2026-11-24T12:00:03Z"`},
			`"2026-11-24T12:00:01Z"`, "1", "500000", verify.Warn},
		{"all", []string{`"delays_ns": [10000000], "started_at": "2026-11-24T12:00:03Z", "ended_at": "2026-11-24T12:00:04Z"`}, `"2026-11-24T12:00:03Z"`, "", "1000000", verify.Pass},
	} {
		t.Run(x.name, func(t *testing.T) {
			at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
			v := start(t, t.TempDir(), func(c *Config) { c.Now = at.Now })
			id := v.opened()
			at.now = at.now.Add(5 * time.Second)
			for _, body := range x.bodies {
				v.must("POST", "/telemetry", `{"session_id": "`+id+`", "metric": "round_trip", `+body+`}`)
			}
			v.must("POST", "/proof/"+id+"/finalize", "")
			for _, asked := range []string{"", "?telemetry=0", "?telemetry=none"} {
				b, r := v.judged(id, asked)
				got := func(pointer string) string { return string(b.Proof.Value.At(pointer).Raw()) }
				if got("/telemetry/first_at") != x.first || got("/telemetry/times_unknown") != x.unknown || got("/session/available_ppm") != x.window {
					t.Errorf("%s: first_at %s, times_unknown %s, available_ppm %s", asked, got("/telemetry/first_at"), got("/telemetry/times_unknown"), got("/session/available_ppm"))
				}
				if r.Verdict() != verify.Verified || finding(r, verify.ClaimsWindow).Status != x.status {
					t.Errorf("%s: %v %v, %+v", asked, r.Verdict(), r.Err(), finding(r, verify.ClaimsWindow))
				}
				for _, c := range r.Claims() {
					if c.Pointer == "/proof/session/available_ppm" && x.unknown != "" && strings.Contains(c.Text, "100 %") {
						t.Errorf("%s: %s", asked, c.Text)
					}
				}
			}
		})
	}
}

// What ends later than it is posted was not measured.
func TestMeasuredInTheFuture(t *testing.T) {
	at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	v := start(t, t.TempDir(), func(c *Config) { c.Now = at.Now })
	id := v.opened()
	at.now = at.now.Add(5 * time.Second)
	for ended, want := range map[string]int{"2026-11-24T12:00:05Z": 200, "2026-11-24T12:00:05.9Z": 200, "2026-11-24T12:00:07Z": 422, "2027-11-24T12:00:05Z": 422} {
		status, answer := v.call("POST", "/telemetry", `{"session_id": "`+id+`", "delays_ns": [10000000], "started_at": "2026-11-24T12:00:03Z", "ended_at": "`+ended+`"}`)
		if status != want {
			t.Errorf("ended at %s: %d %s", ended, status, answer)
		}
	}
}

// An ended session is UNAVAILABLE in every place that names its state.
func TestEndedSession(t *testing.T) {
	at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	v := start(t, t.TempDir(), func(c *Config) { c.Now = at.Now })
	id := v.opened()
	at.now = at.now.Add(5 * time.Second)
	v.must("POST", "/telemetry", `{"session_id": "`+id+`", "delays_ns": [10000000], "started_at": "2026-11-24T12:00:03Z", "ended_at": "2026-11-24T12:00:04Z"}`)
	at.now = at.now.Add(time.Hour)
	if answer := v.must("GET", "/sessions/"+id, ""); strings.Contains(answer, `"AVAILABLE"`) || strings.Count(answer, `"UNAVAILABLE"`) != 2 {
		t.Errorf("%s", answer)
	}
	v.must("POST", "/proof/"+id+"/finalize", "")
	b, r := v.judged(id, "")
	c := finding(r, verify.ClaimsQoSStatus)
	if b.Proof.QoSStatus != "UNAVAILABLE" || r.Verdict() != verify.Verified || c.Status != verify.Warn || !strings.Contains(c.Message, "had ended when the proof was made (DURATION_EXPIRED)") {
		t.Errorf("%s, %v, %+v", b.Proof.QoSStatus, r.Verdict(), c)
	}
}

// What is posted probe by probe is committed to, and every form of the bundle
// verifies.
func TestCommitment(t *testing.T) {
	at := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	v := start(t, t.TempDir(), func(c *Config) { c.Now, c.Issuer = at.Now, "operator.example" })
	id := v.opened()
	at.now = at.now.Add(5 * time.Second)
	for i := range 19 {
		v.must("POST", "/telemetry", fmt.Sprintf(`{"session_id": "%s", "delays_ns": [10000000, 10000000, null], "metric": "round_trip", "tool": "t",
			"started_at": "2026-11-24T12:00:0%d.5Z", "ended_at": "2026-11-24T12:00:04Z", "n": 3, "p95_ms": 10.0}`, id, 2+i%2))
	}
	busy := make([]string, 1000)
	for i := range busy {
		busy[i] = fmt.Sprint(150_000_000 + i*50_000)
	}
	v.must("POST", "/telemetry", `{"session_id": "`+id+`", "metric": "round_trip", "started_at": "2026-11-24T12:00:03Z", "ended_at": "2026-11-24T12:00:05Z", "delays_ns": [`+strings.Join(busy, ",")+`]}`)
	v.must("POST", "/telemetry", `{"session_id": "`+id+`", "metric": "round_trip", "started_at": "2026-11-24T12:00:03Z", "ended_at": "2026-11-24T12:00:05Z", "delays_ns": [null, null]}`)
	at.now = at.now.Add(time.Hour)
	v.must("POST", "/proof/"+id+"/finalize", "")

	b, r := v.judged(id, "")
	if r.Verdict() != verify.Verified || r.Outcome(verify.Telemetry) != verify.Pass || r.Outcome(verify.TelemetrySamples) != verify.Pass {
		t.Fatalf("%v %+v %+v", r.Err(), finding(r, verify.Telemetry), finding(r, verify.TelemetrySamples))
	}
	// (19·10 + 197.45)/20; the window without an answer is in no average.
	if *b.Proof.AvgP95MS != 19.37 || *b.Proof.SamplesCount != 20 || *b.Artifact.PacketLossPct != 1.98 {
		t.Errorf("average %v of %d, loss %v", *b.Proof.AvgP95MS, *b.Proof.SamplesCount, *b.Artifact.PacketLossPct)
	}
	c := finding(r, verify.ClaimsPercentile)
	if c.Status != verify.Warn || !strings.Contains(c.Message, "19.37 ms") || !strings.Contains(c.Message, "197.4 ms") {
		t.Errorf("%+v", c)
	}
	if b.Proof.Issuer != "operator.example" || finding(r, verify.ClaimsWindow).Status != verify.Pass {
		t.Errorf("issuer %q, %+v", b.Proof.Issuer, finding(r, verify.ClaimsWindow))
	}
	for text, pointer := range map[string]string{"UNAVAILABLE": "/session/qosStatus", "DURATION_EXPIRED": "/session/statusInfo", "QOS_E": "/session/qosProfile", "2026-11-24T12:00:02Z": "/session/startedAt", "round_trip": "/telemetry/metric"} {
		if got, _ := b.Proof.Value.At(pointer).Text(); got != text {
			t.Errorf("%s is %q, want %q", pointer, got, text)
		}
	}
	if _, r = v.judged(id, "?telemetry=none"); r.Verdict() != verify.Verified || r.Outcome(verify.TelemetrySamples) != verify.Skip {
		t.Errorf("without samples: %v", r.Err())
	}
	if _, r = v.judged(id, "?telemetry=19,0,20"); r.Verdict() != verify.Verified || finding(r, verify.TelemetrySamples).Code != verify.PartlyDisclosed {
		t.Errorf("three samples: %v", r.Err())
	}
	for _, query := range []string{"21", "-1", "x", "0,0", "0,", "all,0"} {
		if status, answer := v.call("GET", "/proof/"+id+"/bundle?telemetry="+query, ""); status != http.StatusUnprocessableEntity || !json.Valid([]byte(answer)) {
			t.Errorf("telemetry=%s: %d %s", query, status, answer)
		}
	}
	if got := v.must("GET", "/sessions/"+id, ""); !strings.Contains(got, `"qosStatus":"UNAVAILABLE","statusInfo":"DURATION_EXPIRED","startedAt":"2026-11-24T12:00:02Z","expiresAt":"2026-11-24T12:00:32Z","duration":30`) {
		t.Errorf("session: %s", got)
	}
	if again := v.must("POST", "/proof/"+id+"/finalize", ""); !strings.Contains(again, `"telemetry":{"format":`) {
		t.Errorf("finalized again: %.300s", again)
	}
}

// Samples that contradict themselves are not taken.
func TestSampleRefused(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.opened()
	for body, reason := range map[string]string{
		`"delays_ns": []`:                                      "list of 1 to 100000",
		`"delays_ns": [1.5]`:                                   "null or an integer",
		`"delays_ns": [-1]`:                                    "null or an integer",
		`"delays_ns": [60000000001]`:                           "null or an integer",
		`"delays_ns": [5, 6], "n": 3`:                          "n is not the number of delays_ns, 2",
		`"delays_ns": [5000000], "p95_ms": 4`:                  "delays_ns gives 5",
		`"delays_ns": [null], "jitter_ms": 0`:                  "no probe was answered",
		`"delays_ns": [5], "metric": "both"`:                   "'round_trip' or 'one_way'",
		`"delays_ns": [5], "started_at": "now"`:                "RFC 3339",
		`"delays_ns": [5], "ended_at": "2026-01-01T00:00:00Z"`: "Field required",
		`"delays_ns": [5], "started_at": "2026-01-01T00:00:01Z", "ended_at": "2026-01-01T00:00:00Z"`: "must not be before",
		`"delays_ns": [5], "unknown": 1`:                            "Extra inputs",
		`"n": 1, "p50_ms": null, "p95_ms": null, "jitter_ms": null`: "valid number",
	} {
		status, answer := v.call("POST", "/telemetry", `{"session_id": "`+id+`", `+body+`}`)
		if status != http.StatusUnprocessableEntity || !strings.Contains(answer, reason) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if status, answer := v.call("POST", "/proof/"+id+"/finalize", ""); status != http.StatusBadRequest {
		t.Errorf("%d %s", status, answer)
	}
	v.must("POST", "/telemetry", `{"session_id": "`+id+`", "delays_ns": [null]}`)
	if status, answer := v.call("POST", "/proof/"+id+"/finalize", ""); status != http.StatusBadRequest || !strings.Contains(answer, "No probe of this session was answered") {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := v.call("POST", "/intent", `{"text": "t", "target_p95_latency_ms": 50, "target_jitter_ms": 200, "duration_s": 30, "qosProfile": "a b c"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", status, answer)
	}
}

// With PlainProofs a proof is the original's, and commits to nothing.
func TestPlainProofs(t *testing.T) {
	v := start(t, t.TempDir(), func(c *Config) { c.PlainProofs, c.Issuer = true, "nobody" })
	id := v.finalized()
	b, r := v.judged(id, "")
	if r.Verdict() != verify.Verified || b.Proof.Telemetry.Exists() || b.Proof.Session.Exists() || b.Proof.Issuer != "" || b.Samples.Exists() || b.UnknownCount > 0 {
		t.Errorf("%v %+v", r.Err(), b.Proof)
	}
	if status, _ := v.call("GET", "/proof/"+id+"/bundle?telemetry=0", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("a sample of a proof without: %d", status)
	}
}

// Telemetry that another program adds after the proof changes nothing of it; a
// sample that it edits is found.
func TestTelemetryEdited(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	v.sql(`INSERT INTO telemetry (session_id, created_at, sample_json) SELECT session_id, created_at, sample_json FROM telemetry`)
	if _, r := v.judged(id, ""); r.Verdict() != verify.Verified {
		t.Errorf("after a sample was added: %v", r.Err())
	}
	v.sql(`UPDATE telemetry SET sample_json = replace(sample_json, '"n": 10', '"n": 11') WHERE id = 1`)
	if _, r := v.judged(id, ""); r.Verdict() != verify.Failed || finding(r, verify.TelemetrySamples).Code != verify.RootMismatch {
		t.Errorf("after a sample was edited: %v", r.Err())
	}
}

// sql changes the database beside the service.
func (v *service) sql(statement string) {
	v.t.Helper()
	db, err := sql.Open("sqlite", v.database)
	if err == nil {
		_, err = db.Exec(statement)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// A session's life by the clock.
func TestSessionAt(t *testing.T) {
	created := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]string{0: "REQUESTED", 2*time.Second - 1: "REQUESTED", 2 * time.Second: "AVAILABLE", 12*time.Second - 1: "AVAILABLE", 12 * time.Second: "UNAVAILABLE"} {
		if got := mint.SessionAt(created, mint.Intent{DurationS: 10}, created.Add(after)); got.Status != want {
			t.Errorf("after %v: %s, want %s", after, got.Status, want)
		}
	}
}
