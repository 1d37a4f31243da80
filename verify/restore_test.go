package verify_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// What tools are known to rewrite is undone and proven by the hash, and the hint names
// the place and accuses nobody. The verdict stays failed: the bytes given do not verify.
func TestRewritings(t *testing.T) {
	replaced := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	const artifactTime, proofTime = `"created_at":"2026-11-23T19:54:36.049041Z"`, `"created_at":"2026-11-23T19:54:36.049150Z"`
	for _, c := range []struct {
		name    string
		rewrite func(string) string
		pointer string
		hint    string
	}{
		{"offset for Z", replaced(`36.049150Z`, `36.049150+00:00`), "/proof/created_at", `the signed bytes have "2026-11-23T19:54:36.049150Z" and this file has "2026-11-23T19:54:36.049150+00:00"`},
		{"local zone", replaced(`T19:54:36.049150Z`, `T20:54:36.049150+01:00`), "/proof/created_at", "rewrite times"},
		{"zone of half hours, over midnight", replaced(`2026-11-23T19:54:36.049150Z`, `2026-11-24T01:24:36.04915+05:30`), "/proof/created_at", "rewrite times"},
		{"trailing zeros dropped", replaced(`36.049150Z`, `36.04915Z`), "/proof/created_at", "rewrite times"},
		{"seven digits", replaced(`36.049150Z`, `36.0491500Z`), "/proof/created_at", "rewrite times"},
		{"a blank for T", replaced(`23T19:54:36.049150Z`, `23 19:54:36.049150Z`), "/proof/created_at", "rewrite times"},
		{"the artifact's time", replaced(`36.049041Z`, `36.049041+00:00`), "/runtime_artifact/created_at", "rewrite times"},
		{"times and numbers", replaced(`36.049150Z`, `36.04915Z`, `"avg_p95_ms":25.0`, `"avg_p95_ms":25`), "", "a tool rewrote the values and did not change them"},
		{"numbers as strings", replaced(`"avg_p95_ms":25.0`, `"avg_p95_ms":"25"`, `"samples_count":3`, `"samples_count":"3"`), "", "keep numbers as strings"},
		{"numbers with a comma", replaced(`"avg_p95_ms":25.0`, `"avg_p95_ms":"25,0"`), "/proof/measured_outcomes/avg_p95_ms", "keep numbers as strings"},
		{"fewer bits", replaced(`"avg_p50_ms":20.17`, `"avg_p50_ms":20.1700001`), "/proof/measured_outcomes/avg_p50_ms", "fewer bits"},
		{"HTML", replaced(`a <b> & c`, `a &lt;b&gt; &amp; c`), "/proof/requested/intent/text", "web pages"},
		{"HTML escapes of JSON are none", replaced(`a <b> & c`, `a \u003cb\u003e \u0026 c`), "", ""},
		{"line ends", replaced(`\nnext`, `\r\nnext`), "/proof/requested/intent/text", "web pages or other systems"},
		{"empty left out", replaced(`"country":"",`, ``, `"ip_address":"",`, ``), "", "leave out what is empty"},
		{"all empty left out", replaced(`{"country":"","ip_address":"","msisdn":""}`, `{}`), "/runtime_artifact/inputs/network/country", "leave out what is empty"},
		{"empty made null", replaced(`"msisdn":""`, `"msisdn":null`), "/runtime_artifact/inputs/network/msisdn", "leave out what is empty"},
		{"an object in one string", replaced(`{"country":"","ip_address":"","msisdn":""}`, `"@{country=; ip_address=; msisdn=}"`), "/runtime_artifact/inputs/network", "ConvertTo-Json"},
		{"an array in one string", replaced(`["latency 25.0ms <= target max_latency_ms 50ms","jitter`, `"latency 25.0ms <= target max_latency_ms 50ms jitter`, `(informational)"]`, `(informational)"`), "/runtime_artifact/decision/reasons", "ConvertTo-Json"},
		{"cut off", replaced(`{"country":"","ip_address":"","msisdn":""}`, `"System.Collections.Hashtable"`), "/runtime_artifact/inputs/network", "likely some of what was signed is not in this file"},
		{"cut off, with what can't be read", replaced(`{"country":"","ip_address":"","msisdn":""}`, `"@{country=; x=System.Object[]}"`), "/runtime_artifact/inputs/network", "likely some of what was signed"},
		{"a time changed", replaced(`36.049150Z`, `37.049150+00:00`), "/ledger/this_hash", "does not hold the proof and prev_hash that were signed"},
		{"a string changed as well", replaced(`"avg_p95_ms":25.0`, `"avg_p95_ms":"24.0"`), "/ledger/this_hash", "does not hold the proof and prev_hash that were signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t)
			for pointer, value := range map[string]any{"proof.created_at": "2026-11-23T19:54:36.049150Z", "runtime_artifact.created_at": "2026-11-23T19:54:36.049041Z",
				"proof.requested.intent.text": "a <b> & c\nnext"} {
				f.set(pointer, value)
			}
			data := honest(t, f)
			if !strings.Contains(data, artifactTime) || !strings.Contains(data, proofTime) {
				t.Fatalf("the bundle has other times: %s", data)
			}
			v := verifier(t, verify.Policy{Keys: newForge(t).keySet("")})
			rewritten := c.rewrite(data)
			if rewritten == data {
				t.Fatalf("nothing was rewritten in %s", data)
			}
			r := judge(v, []byte(rewritten))
			if c.hint == "" {
				if r.Verdict() != verify.Verified {
					t.Errorf("%s, want verified", describe(r))
				}
				return
			}
			if r.Verdict() != verify.Failed {
				t.Fatalf("%s, want failed", describe(r))
			}
			for _, check := range r.Checks() {
				if strings.Contains(check.Hint, "changed after") {
					t.Errorf("the hint accuses: %s", check.Hint)
				}
				if check.Status == verify.Fail && strings.Contains(check.Hint, c.hint) && (c.pointer == "" || check.Pointer == c.pointer) {
					return
				}
			}
			t.Errorf("no hint %q at %s: %s", c.hint, c.pointer, describe(r))
		})
	}
}

// honest is a bundle that verifies, as compact JSON with its members sorted.
func honest(t *testing.T, f *forge) string {
	t.Helper()
	for pointer, value := range map[string]any{
		"proof.requested.intent.target_p95_latency_ms": "=50", "proof.requested.qos_profile": "QOS_LOW_LATENCY", "runtime_artifact.qos_profile": "turbo",
		"proof.measured_outcomes.samples_count": "=3", "proof.measured_outcomes.avg_p50_ms": "=20.17", "proof.measured_outcomes.avg_p95_ms": "=25.0", "proof.measured_outcomes.avg_jitter_ms": "=1.5",
		"runtime_artifact.inputs.targets.max_latency_ms": "=50", "runtime_artifact.measured.latency_ms": "=25.0", "runtime_artifact.measured.jitter_ms": "=1.5",
		"runtime_artifact.decision.result":  "pass",
		"runtime_artifact.decision.reasons": []any{"latency 25.0ms <= target max_latency_ms 50ms", "jitter observed 1.5ms (informational)"},
	} {
		f.set(pointer, value)
	}
	data := f.seal().json()
	if r := judge(verifier(t, verify.Policy{Keys: newForge(t).keySet("")}), data); r.Verdict() != verify.Verified {
		t.Fatalf("the honest bundle: %s", describe(r))
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(data))
}

// What is tried to explain a record costs no more than its bytes.
func TestRewritingsAreBounded(t *testing.T) {
	good := testdata.Read(fixtures + "good/01.bundle.json")
	v := verifier(t, verify.Policy{Keys: newForge(t).keySet("")})
	cost := func(n int) time.Duration {
		long := strings.Repeat("n", n)
		members := fmt.Sprintf(`"%s":[%s0],"a":"%s","b":"@{%s}",`, long, strings.Repeat(`"2026-11-23T19:54:36+01:00","&lt;",`, n/32), strings.Repeat("; a", n/4), strings.Repeat("x=1; ", n/8))
		data := bytes.Replace(good, []byte(`"requested":`), []byte(members+`"requested":`), 1)
		if bytes.Equal(data, good) {
			t.Fatal("nothing was changed")
		}
		best := time.Hour
		for range 3 {
			start := time.Now()
			if r := judge(v, data); r.Verdict() != verify.Failed && r.Verdict() != verify.Inconclusive {
				t.Fatal(describe(r))
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	small, large := cost(1<<18), cost(1<<20)
	if large > 12*small+50*time.Millisecond {
		t.Errorf("four times the bytes cost %v, and one time %v", large, small)
	}
}
