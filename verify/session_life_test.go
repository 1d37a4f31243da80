package verify_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// altered returns an honest bundle with members of its proof replaced, hashed anew.
// The signature then no longer holds, so these tests look at single checks.
func altered(t *testing.T, name string, change func(proof, wrapper map[string]any)) *bundle.Bundle {
	t.Helper()
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(string(testdata.Read("telemetry/" + name))))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	change(doc["proof"].(map[string]any), doc)
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, canonical.QodMock)
	if err != nil {
		t.Fatal(err)
	}
	doc["ledger"].(map[string]any)["this_hash"] = digest.String()
	if text, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	if b, err = bundle.Parse(text); err != nil {
		t.Fatal(err)
	}
	return b
}

func of(r *verify.Report, id verify.CheckID) (status verify.Status, codes, words []string) {
	for _, c := range r.Checks() {
		if c.ID == id {
			codes, words = append(codes, string(c.Code)), append(words, c.Message)
		}
	}
	return r.Outcome(id), codes, words
}

// A proof's session is in CAMARA's words. duration is what was granted, with
// extensions, and once the session is UNAVAILABLE how long it lasted; it is held to
// the session's own times, and what was agreed is another thing.
func TestSessionLife(t *testing.T) {
	const signed = "2026-11-24T06:00:30Z" // good.json starts 30 s before, and agreed on 60 s
	for _, x := range []struct {
		name, session, observed string
		telemetry               verify.Status
		code                    verify.Code
		claim                   verify.Status
		says                    string
	}{
		{"as agreed", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:01:00Z","duration":60}`, "AVAILABLE", verify.Pass, "", verify.Pass, "was AVAILABLE"},
		{"in local time", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T08:00:00+02:00","expiresAt":"2026-11-24T08:01:00+02:00","duration":60}`, "AVAILABLE", verify.Pass, "", verify.Pass, "was AVAILABLE"},
		{"extended", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:02:00Z","duration":120}`, "AVAILABLE", verify.Pass, "", verify.Pass, "120 s, longer than the 60 s"},
		{"granted for less", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:45Z","duration":45}`, "AVAILABLE", verify.Pass, "", verify.Warn, "is to last 45 s, and 60 s were agreed"},
		{"ended by the network", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:20Z","duration":20}`, "AVAILABLE", verify.Pass, "", verify.Warn, "had ended when the proof was made (NETWORK_TERMINATED)"},
		{"ended by the customer", `{"qosStatus":"UNAVAILABLE","statusInfo":"DELETE_REQUESTED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:20Z","duration":20}`, "UNAVAILABLE", verify.Pass, "", verify.Warn, "(DELETE_REQUESTED)"},
		{"ended early, with the agreed duration", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:20Z","duration":60}`, "AVAILABLE", verify.Pass, "", verify.Warn, "duration is not how long"},
		{"expired", `{"qosStatus":"UNAVAILABLE","statusInfo":"DURATION_EXPIRED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:25Z","duration":25}`, "AVAILABLE", verify.Pass, "", verify.Warn, "(DURATION_EXPIRED)"},
		{"ended within a second", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:00.4Z","duration":0,"available_ppm":81632}`, "AVAILABLE", verify.Pass, "", verify.Warn, "had ended"},
		{"never started", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","duration":60,"available_ppm":0}`, "UNAVAILABLE", verify.Pass, "", verify.Warn, "never was AVAILABLE"},
		{"expired without a start", `{"qosStatus":"UNAVAILABLE","statusInfo":"DURATION_EXPIRED","duration":60,"available_ppm":0}`, "UNAVAILABLE", verify.NotRun, verify.ClaimsIncomplete, verify.Skip, "can't be read"},
		{"end without a start", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","expiresAt":"2026-11-24T06:00:20Z","duration":60}`, "UNAVAILABLE", verify.NotRun, verify.ClaimsIncomplete, verify.Skip, "can't be read"},
		{"requested, with a start", `{"qosStatus":"REQUESTED","startedAt":"2026-11-24T06:00:00Z","duration":60}`, "REQUESTED", verify.Fail, verify.TelemetryMalformed, verify.Skip, "can't be read"},
		{"duration beyond the end", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:01:00Z","duration":90}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Pass, ""},
		{"expired, duration as agreed", `{"qosStatus":"UNAVAILABLE","statusInfo":"DURATION_EXPIRED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:25Z","duration":60}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Warn, ""},
		{"ended early, after its duration", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:20Z","duration":10}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Warn, ""},
		{"available after its end", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:20Z","duration":20}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Warn, ""},
		{"ended after the proof", `{"qosStatus":"UNAVAILABLE","statusInfo":"NETWORK_TERMINATED","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:00:50Z","duration":50}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Warn, ""},
		{"started after the proof", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:40Z","expiresAt":"2026-11-24T06:01:40Z","duration":60,"available_ppm":0}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Pass, ""},
		{"available, observed unavailable", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:01:00Z","duration":60}`, "UNAVAILABLE", verify.Fail, verify.SessionLife, verify.Pass, ""},
		{"available, observed requested", `{"qosStatus":"AVAILABLE","startedAt":"2026-11-24T06:00:00Z","expiresAt":"2026-11-24T06:01:00Z","duration":60}`, "REQUESTED", verify.Fail, verify.SessionLife, verify.Pass, ""},
		{"requested, observed available", `{"qosStatus":"REQUESTED","duration":60,"available_ppm":0}`, "AVAILABLE", verify.Fail, verify.SessionLife, verify.Warn, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := altered(t, "honest/good.json", func(proof, _ map[string]any) {
				var s map[string]any
				if err := json.Unmarshal([]byte(x.session), &s); err != nil {
					t.Fatal(err)
				}
				if _, given := s["available_ppm"]; !given {
					s["available_ppm"] = 1_000_000
				}
				proof["session"] = s
				proof["created_at"] = signed
				proof["provider_observed"].(map[string]any)["qos_status_at_finalize"] = x.observed
			})
			r := liesVerifier(t, verify.Policy{}).Bundle(b)
			status, codes, words := of(r, verify.Telemetry)
			if status != x.telemetry || x.code != "" && !slices.Contains(codes, string(x.code)) {
				t.Errorf("telemetry: %v %q %q", status, codes, words)
			}
			status, _, words = of(r, verify.ClaimsQoSStatus)
			if status != x.claim || !strings.Contains(strings.Join(words, "; "), x.says) {
				t.Errorf("claims.qos_status: %v %q", status, words)
			}
			if strings.Contains(x.session, "UNAVAILABLE") && strings.Contains(strings.Join(words, ";"), "session was AVAILABLE when") {
				t.Errorf("%q beside %s", words, x.session)
			}
		})
	}
}

// What was measured after the proof was signed the signer can't have known; and when
// a sample was measured is known only where it says so.
func TestSampleTimes(t *testing.T) {
	samples := func(wrapper map[string]any) []any { return wrapper["telemetry"].(map[string]any)["samples"].([]any) }
	for _, x := range []struct {
		name, file        string
		change            func(proof, wrapper map[string]any)
		telemetry, beside verify.Status
		code              verify.Code
		window            verify.Status
	}{
		{"in order", "honest/good.json", func(_, _ map[string]any) {}, verify.Pass, verify.Pass, verify.OK, verify.Pass},
		{"signed before", "honest/good.json", func(proof, _ map[string]any) { proof["created_at"] = "2026-11-24T06:00:02Z" }, verify.Fail, verify.Fail, verify.WindowMismatch, verify.Pass},
		{"signed before, not disclosed", "honest/not-disclosed.json", func(proof, _ map[string]any) { proof["created_at"] = "2026-11-24T06:00:02Z" }, verify.Fail, verify.Skip, verify.NotDisclosed, verify.Pass},
		{"signed before, some disclosed", "honest/partly-disclosed.json", func(proof, _ map[string]any) { proof["created_at"] = "2026-11-24T06:00:02Z" }, verify.Fail, verify.Fail, verify.WindowMismatch, verify.Pass},
		{"signed nobody knows when", "honest/good.json", func(proof, _ map[string]any) { proof["created_at"] = "yesterday" }, verify.NotRun, verify.Pass, verify.OK, verify.Pass},
		{"ends before it starts", "honest/good.json", func(_, w map[string]any) {
			samples(w)[0].(map[string]any)["ended_at"] = "2026-11-24T05:00:00Z"
		}, verify.Pass, verify.Fail, verify.TelemetryMalformed, verify.Pass},
		{"start alone", "honest/good.json", func(_, w map[string]any) { delete(samples(w)[0].(map[string]any), "ended_at") }, verify.Pass, verify.Fail, verify.TelemetryMalformed, verify.Pass},
		{"the moment of posting for a time", "honest/plain-samples.json", func(_, _ map[string]any) {}, verify.Pass, verify.Pass, verify.OK, verify.Skip},
		{"no time, and a share of it", "honest/not-disclosed.json", func(proof, _ map[string]any) {
			c := proof["telemetry"].(map[string]any)
			c["first_at"], c["last_at"], c["times_unknown"] = nil, nil, c["count"]
		}, verify.Fail, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"no time", "honest/not-disclosed.json", func(proof, _ map[string]any) {
			c := proof["telemetry"].(map[string]any)
			c["first_at"], c["last_at"], c["times_unknown"] = nil, nil, c["count"]
			proof["session"].(map[string]any)["available_ppm"] = nil
		}, verify.Pass, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"times left out", "honest/not-disclosed.json", func(proof, _ map[string]any) {
			c := proof["telemetry"].(map[string]any)
			c["first_at"], c["last_at"] = nil, nil
		}, verify.NotRun, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"the share left out", "honest/not-disclosed.json", func(proof, _ map[string]any) { proof["session"].(map[string]any)["available_ppm"] = nil }, verify.NotRun, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"some of unknown time", "honest/not-disclosed.json", func(proof, _ map[string]any) { proof["telemetry"].(map[string]any)["times_unknown"] = 2 }, verify.Pass, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"more of unknown time than there are", "honest/not-disclosed.json", func(proof, _ map[string]any) { proof["telemetry"].(map[string]any)["times_unknown"] = 900 }, verify.Fail, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"one moment for all", "honest/not-disclosed.json", func(proof, _ map[string]any) {
			c := proof["telemetry"].(map[string]any)
			c["last_at"] = c["first_at"]
		}, verify.Pass, verify.Skip, verify.NotDisclosed, verify.Skip},
		{"another number of unknown times than the samples", "honest/good.json", func(proof, _ map[string]any) { proof["telemetry"].(map[string]any)["times_unknown"] = 1 }, verify.Pass, verify.Fail, verify.PooledMismatch, verify.Skip},
		{"fewer of unknown time than are disclosed", "honest/partly-disclosed.json", func(proof, _ map[string]any) {
			c := proof["telemetry"].(map[string]any)
			c["times_unknown"] = json.Number("18") // 3 of 20 are disclosed, and all 3 tell
		}, verify.Pass, verify.Fail, verify.WindowMismatch, verify.Skip},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := liesVerifier(t, verify.Policy{}).Bundle(altered(t, x.file, x.change))
			if got, codes, words := of(r, verify.Telemetry); got != x.telemetry {
				t.Errorf("telemetry: %v %q %q", got, codes, words)
			}
			got, codes, words := of(r, verify.TelemetrySamples)
			if got != x.beside || !slices.Contains(codes, string(x.code)) {
				t.Errorf("telemetry.samples: %v %q %q", got, codes, words)
			}
			if got, _, words := of(r, verify.ClaimsWindow); got != x.window {
				t.Errorf("claims.window: %v %q", got, words)
			}
			for _, c := range r.Claims() {
				if x.window == verify.Skip && strings.Contains(c.Text, "% of the measured time lay") {
					t.Errorf("the report says: %s", c.Text)
				}
			}
		})
	}
}

// A policy that wants a share of the measured time is not met by an unknown one.
func TestAvailableOfUnknownTimes(t *testing.T) {
	rules := &verify.Rules{Name: "test", MinAvailablePPM: 1_000_000}
	for file, want := range map[string]verify.Status{"honest/plain-samples.json": verify.NotRun, "honest/good.json": verify.Pass, "honest/half-outside.json": verify.Fail} {
		r := liesVerifier(t, verify.Policy{Rules: rules}).Bundle(liesBundle(t, file))
		if got, _, words := of(r, verify.PolicyAvailable); got != want {
			t.Errorf("%s: %v %q", file, got, words)
		}
	}
}

// What a claim would rest on if the bundle were verified is what it rests on once it
// is: one rule for both, over every fixture.
func TestConditionalStandings(t *testing.T) {
	same := func(t *testing.T, b *bundle.Bundle, v *verify.Verifier) (verified bool) {
		r := v.Bundle(b)
		if r.Verdict() != verify.Verified {
			return false
		}
		if told, rests := fmt.Sprintf("%+v", verify.ClaimsOf(b)), fmt.Sprintf("%+v", r.Claims()); told != rests {
			t.Errorf("beforehand:\n%s\nverified:\n%s", told, rests)
		}
		return true
	}
	count := 0
	for name := range lies(t) {
		t.Run(name, func(t *testing.T) {
			if same(t, liesBundle(t, name), liesVerifier(t, verify.Policy{})) {
				count++
			}
		})
	}
	for _, dir := range []string{"qod-mock-v0.4"} {
		keys, err := jwks.Parse(testdata.Read(dir + "/jwks.json"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := verify.New(verify.Policy{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		err = fs.WalkDir(testdata.FS, dir, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, ".json") {
				if b, refused := bundle.Parse(testdata.Read(name)); refused == nil && same(t, b, v) {
					count++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 20 {
		t.Errorf("only %d verified", count)
	}
	files, err := fs.Glob(testdata.FS, "*/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := bundle.Parse(testdata.Read(name))
		if err != nil || strings.HasPrefix(name, "telemetry/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, c := range verify.ClaimsOf(b) {
				if c.Standing == verify.Recomputed && !b.Proof.Telemetry.Exists() && strings.HasPrefix(c.Pointer, "/proof/measured_outcomes/") {
					t.Errorf("%s of a proof that commits to no sample: %s", c.Pointer, c.Standing)
				}
			}
		})
	}
}

// A sample that was recorded before it ended has a time of another clock, or of none.
func TestRecordedBeforeItEnded(t *testing.T) {
	for recorded, want := range map[string]verify.Status{"2026-11-24T06:00:05Z": verify.Pass, "2026-11-24T05:59:00Z": verify.Warn} {
		b := altered(t, "honest/good.json", func(_, w map[string]any) {
			for _, s := range w["telemetry"].(map[string]any)["samples"].([]any) {
				s.(map[string]any)["recorded_at"] = recorded
			}
		})
		got, _, words := of(liesVerifier(t, verify.Policy{}).Bundle(b), verify.ClaimsTimes)
		if got != want {
			t.Errorf("recorded at %s: %v %q", recorded, got, words)
		}
	}
}
