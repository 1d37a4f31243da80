package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// Swapping any section, or any member of the ledger record, between any two
// genuine bundles never verifies. (created_at and jwks_url are unsigned and the
// same or worthless everywhere; a kid is a name for the same key in half of the
// pairs.)
func TestSwaps(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	docs := make([]map[string]json.RawMessage, 12)
	ledgers := make([]map[string]json.RawMessage, 12)
	for i := range docs {
		data := testdata.Read(fmt.Sprintf("%sgood/%02d.bundle.json", fixtures, i))
		if err := json.Unmarshal(data, &docs[i]); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(docs[i]["ledger"], &ledgers[i]); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i := range docs {
		for j := range docs {
			if i == j {
				continue
			}
			for _, section := range []string{"session_id", "ledger", "proof", "runtime_artifact", "runtime_artifact_relpath"} {
				swapped := clone(docs[i])
				swapped[section] = docs[j][section]
				n++
				if r := judge(v, encode(t, swapped)); r.Verdict() != verify.Failed {
					t.Errorf("%s of %02d in %02d: %s", section, j, i, describe(r))
				}
			}
			for _, member := range []string{"prev_hash", "this_hash", "signature"} {
				ledger := clone(ledgers[i])
				ledger[member] = ledgers[j][member]
				swapped := clone(docs[i])
				swapped["ledger"] = encode(t, ledger)
				n++
				if r := judge(v, encode(t, swapped)); r.Verdict() != verify.Failed {
					t.Errorf("ledger.%s of %02d in %02d: %s", member, j, i, describe(r))
				}
			}
		}
	}
	if n != 12*11*8 {
		t.Errorf("%d swaps, want %d", n, 12*11*8)
	}
}

func clone(m map[string]json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unsigned returns the byte ranges of a compact bundle that nothing protects:
// the members jwks_url and ledger.created_at, names included.
func unsigned(t testing.TB, data []byte) [][2]int {
	t.Helper()
	var spans [][2]int
	for _, name := range []string{`"created_at":1`, `"jwks_url":`} {
		start := bytes.Index(data, []byte(name))
		if start < 0 {
			t.Fatalf("no %s", name)
		}
		spans = append(spans, [2]int{start, start + bytes.IndexAny(data[start:], ",}")})
	}
	return spans
}

// Changing any single byte of a compact bundle, by one bit or to a character
// that means something to JSON, never yields "verified" unless an unsigned
// member was hit. The one exception is a number respelled without a change of
// value (0.0 as 0e0), which no hash over canonical bytes can tell: then the
// report must say so.
func TestByteFlips(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	verified, respelled := 0, 0
	for _, c := range []struct{ name, characters string }{
		{"good/00.bundle.json", "\"\\{}[]:, 019.eE+-n/"}, {"good/08.bundle.json", ""},
	} {
		data := testdata.Read(fixtures + c.name)
		spans := unsigned(t, data)
		flipped := bytes.Clone(data)
		for i := range data {
			others := []byte(c.characters)
			for bit := range 8 {
				others = append(others, data[i]^1<<bit)
			}
			for _, other := range others {
				if flipped[i] = other; other == data[i] {
					continue
				}
				r := judge(v, flipped)
				if r.Verdict() != verify.Verified {
					continue
				}
				verified++
				hit := false
				for _, s := range spans {
					hit = hit || i >= s[0] && i < s[1]
				}
				for _, n := range r.Notes() {
					if n.Code == verify.NoteNumberRespelt {
						hit = true
						respelled++
					}
				}
				if !hit {
					t.Errorf("%s: byte %d %q made %q verifies: %s", c.name, i, data[i], other, describe(r))
				}
			}
			flipped[i] = data[i]
		}
	}
	if verified == 0 || respelled == 0 {
		t.Errorf("%d flips verified, %d of them respelled numbers: the test looked at nothing", verified, respelled)
	}
}

// A key, key set or key URL inside the bundle is never used.
func TestKeysInsideTheBundle(t *testing.T) {
	f := newForge(t)
	f.set("proof.requested.intent.text", "forged").seal()
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "forged", "x": "unused"}
	for _, member := range []string{"jwks", "jwk", "keys", "jwks_url", "jku"} {
		f.set(member, map[string]any{"keys": []any{jwk}})
		if member == "jwks_url" {
			f.set(member, "https://attacker.example/jwks.json")
		}
		f.set("ledger."+member, jwk)
	}
	r := judge(verifier(t, verify.Policy{Keys: keys(t, "jwks.json")}), f.json())
	if r.Verdict() != verify.Inconclusive || r.Reason() != verify.PublicKeyMissing {
		t.Errorf("%s", describe(r))
	}
	// Under the kid of a genuine key it is a forgery.
	f.set("ledger.kid", "default")
	r = judge(verifier(t, verify.Policy{Keys: keys(t, "jwks.json")}), f.json())
	if r.Verdict() != verify.Failed || r.Reason() != verify.SignatureMismatch {
		t.Errorf("%s", describe(r))
	}
}

// Freshly and rightly signed bundles whose parts contradict each other.
func TestContradictions(t *testing.T) {
	const other = "00000000-0000-4000-8000-000000000000"
	for _, c := range []struct {
		name    string
		forge   *forge
		code    verify.Code
		pointer string
	}{
		{"wrapper session", newForge(t).set("session_id", other), verify.SessionMismatch, "/session_id"},
		{"artifact session", newForge(t).set("runtime_artifact.session_id", other), verify.SessionMismatch, "/runtime_artifact/session_id"},
		{"empty wrapper session", newForge(t).set("session_id", ""), verify.SessionMismatch, "/session_id"},
		{"wrapper path", newForge(t).set("runtime_artifact_relpath", "../x"), verify.PathMismatch, "/runtime_artifact_relpath"},
		{"proof path", newForge(t).set("proof.artifacts.runtime_artifact_relpath", other+"/artifact.json"), verify.PathMismatch, "/proof/artifacts/runtime_artifact_relpath"},
		{"latency", newForge(t).set("runtime_artifact.measured.latency_ms", "=10.0"), verify.LatencyMismatch, "/runtime_artifact/measured/latency_ms"},
		{"jitter", newForge(t).set("runtime_artifact.measured.jitter_ms", "=1.0"), verify.JitterMismatch, "/runtime_artifact/measured/jitter_ms"},
		{"target", newForge(t).set("runtime_artifact.inputs.targets.max_latency_ms", "=5000"), verify.TargetMismatch, "/runtime_artifact/inputs/targets/max_latency_ms"},
		{"clamp", newForge(t).set("proof.requested.intent.target_p95_latency_ms", "=60000").set("runtime_artifact.inputs.targets.max_latency_ms", "=60000"), verify.TargetMismatch, "/runtime_artifact/inputs/targets/max_latency_ms"},
		{"decision", newForge(t).set("runtime_artifact.decision.result", "pass"), verify.DecisionMismatch, "/runtime_artifact/decision/result"},
		{"reasons", newForge(t).set("runtime_artifact.decision.reasons", []any{"all well"}), verify.ReasonsMismatch, "/runtime_artifact/decision/reasons"},
		{"QoS profile", newForge(t).set("proof.requested.qos_profile", "QOS_LOW_LATENCY").set("runtime_artifact.qos_profile", "turbo"), verify.ProfileMismatch, "/proof/requested/qos_profile"},
		{"artifact profile", newForge(t).set("runtime_artifact.qos_profile", "turbo"), verify.ProfileMismatch, "/runtime_artifact/qos_profile"},
		{"percentiles", newForge(t).set("proof.measured_outcomes.avg_p50_ms", "=2000.0"), verify.PercentileMismatch, "/proof/measured_outcomes/avg_p50_ms"},
		{"no samples", newForge(t).set("proof.measured_outcomes.samples_count", "=0"), verify.SamplesMissing, "/proof/measured_outcomes/samples_count"},
	} {
		f := c.forge.seal()
		r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
		found := false
		for _, check := range r.Checks() {
			found = found || check.ID == verify.Consistency && check.Status == verify.Fail && check.Code == c.code && check.Pointer == c.pointer && check.Expected != check.Actual
			if check.Status == verify.Fail && check.ID != verify.Consistency {
				t.Errorf("%s: %s failed too, though all is hashed and signed", c.name, check.ID)
			}
		}
		if r.Verdict() != verify.Failed || !found {
			t.Errorf("%s: want %s at %s: %s", c.name, c.code, c.pointer, describe(r))
		}
	}
	// A signed proof without a member that the comparison needs is no
	// contradiction, and not verified either.
	for _, path := range []string{"runtime_artifact.measured", "runtime_artifact.decision.reasons", "proof.measured_outcomes", "proof.requested.intent"} {
		f := newForge(t).set(path, nil).seal()
		r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
		if r.Verdict() != verify.Inconclusive || r.Reason() != verify.ClaimsIncomplete {
			t.Errorf("without %s: %s", path, describe(r))
		}
	}
}

// What is only suspicious warns and leaves the verdict alone.
func TestClaims(t *testing.T) {
	for _, c := range []struct {
		name  string
		forge *forge
		id    verify.CheckID
		want  verify.Status
	}{
		{"constants", newForge(t), verify.ClaimsConstants, verify.Warn},
		{"measured throughput", newForge(t).set("runtime_artifact.measured.throughput_mbps", "=8.5"), verify.ClaimsConstants, verify.Pass},
		{"jitter missed", newForge(t).set("proof.requested.intent.target_jitter_ms", "=5"), verify.ClaimsJitterTarget, verify.Warn},
		{"jitter met", newForge(t), verify.ClaimsJitterTarget, verify.Pass},
		{"requested", newForge(t), verify.ClaimsQoSStatus, verify.Warn},
		{"available", newForge(t).set("proof.provider_observed.qos_status_at_finalize", "AVAILABLE"), verify.ClaimsQoSStatus, verify.Pass},
		{"below the clamp", newForge(t), verify.ClaimsClamp, verify.Pass},
		{"artifact younger", newForge(t).set("runtime_artifact.created_at", "2026-11-24T00:00:00Z"), verify.ClaimsTimes, verify.Warn},
		{"ledger time", newForge(t).set("ledger.created_at", "=1.5"), verify.ClaimsTimes, verify.Warn},
		{"times in order", newForge(t), verify.ClaimsTimes, verify.Pass},
	} {
		f := c.forge.seal()
		r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
		if r.Verdict() != verify.Verified || r.Outcome(c.id) != c.want {
			t.Errorf("%s: want %s %s: %s", c.name, c.id, c.want, describe(r))
		}
	}
}

// Wrong shapes and wrong hashes everywhere: each gets a verdict, none panics.
func TestOddities(t *testing.T) {
	hash := strings.Repeat("0", 64)
	for _, c := range []struct {
		path    string
		value   any
		verdict verify.Verdict
		code    verify.Code
	}{
		{"ledger.signature", nil, verify.Inconclusive, verify.SignatureMissing},
		{"ledger.signature", "", verify.Failed, verify.SignatureMissing},
		{"ledger.signature", "AA", verify.Failed, verify.SignatureMalformed},
		{"ledger.signature", strings.Repeat("A", 84), verify.Failed, verify.SignatureMalformed},
		{"ledger.signature", strings.Repeat("A", 87), verify.Failed, verify.SignatureMalformed},
		{"ledger.signature", strings.Repeat("A", 85) + "\n", verify.Failed, verify.SignatureMalformed},
		{"ledger.signature", strings.Repeat("A", 85) + "B", verify.Failed, verify.SignatureMalformed},
		{"ledger.kid", nil, verify.Inconclusive, verify.KIDMissing},
		{"ledger.kid", "", verify.Inconclusive, verify.KIDMissing},
		{"ledger.kid", "FORGED", verify.Inconclusive, verify.PublicKeyMissing},
		{"ledger.prev_hash", "", verify.Failed, verify.HashMalformed},
		{"ledger.prev_hash", "genesis", verify.Failed, verify.HashMalformed},
		{"ledger.prev_hash", hash + "|", verify.Failed, verify.HashMalformed},
		{"ledger.prev_hash", "GENESIS|{}", verify.Failed, verify.HashMalformed},
		{"ledger.prev_hash", hash, verify.Failed, verify.LedgerHashMismatch},
		{"ledger.this_hash", hash[1:], verify.Failed, verify.HashMalformed},
		{"ledger.this_hash", "sha256:" + hash[7:], verify.Failed, verify.HashMalformed},
		{"proof.artifacts.runtime_artifact_sha256", "md5:" + hash[4:], verify.Failed, verify.HashMalformed},
		{"runtime_artifact", nil, verify.Inconclusive, verify.RuntimeArtifactMissing},
		{"runtime_artifact", []any{}, verify.Malformed, bundle.CodeMemberType},
		{"ledger", []any{}, verify.Malformed, bundle.CodeMemberType},
		{"proof", "x", verify.Malformed, bundle.CodeMemberType},
	} {
		f := newForge(t).seal().set(c.path, c.value)
		r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json())
		found := false
		for _, check := range r.Checks() {
			found = found || check.Code == c.code
		}
		if r.Verdict() != c.verdict || !found {
			t.Errorf("%s = %q: want %s (%s), got %s", c.path, c.value, c.verdict, c.code, describe(r))
		}
	}
	// Members of megabytes leave a report that can be read.
	huge := strings.Repeat("\u00e9", 1<<20)
	f := newForge(t).set("session_id", huge).set("ledger.prev_hash", huge).set("ledger.kid", huge).set("proof.session_id", huge).set(huge, 1)
	if text := describe(judge(verifier(t, verify.Policy{}), f.json())); len(text) > 100_000 {
		t.Errorf("a report of %d bytes", len(text))
	}
	if r := verifier(t, verify.Policy{}).Bundle(nil); r == nil || r.Verdict() != verify.Malformed || r.Err() == nil {
		t.Error("a nil bundle has no malformed report")
	}
	var zero verify.Report
	if zero.Verdict() != verify.Inconclusive || zero.Err() == nil || zero.Proven() {
		t.Error("a zero report is not inconclusive")
	}
}

// FuzzVerify: the whole path from bytes to verdict. No panic; and nothing but
// the genuine content verifies under the genuine keys.
func FuzzVerify(f *testing.F) {
	for _, dir := range []string{"good", "tampered"} {
		for _, name := range files(f, dir) {
			if data := testdata.Read(name); len(data) < 10_000 {
				f.Add(data)
			}
		}
	}
	set := keys(f, "jwks.json")
	v := verifier(f, verify.Policy{Keys: set})
	genuine := map[string]bool{}
	for i := range 12 {
		for _, dir := range []string{"good", "refinalized"} {
			b := parse(f, testdata.Read(fmt.Sprintf("%s%s/%02d.bundle.json", fixtures, dir, i)))
			genuine[b.Entry.ThisHash] = true
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Parse(data)
		if err != nil {
			if verify.MalformedReport(err).Verdict() != verify.Malformed {
				t.Fatalf("%q: not malformed", data)
			}
			return
		}
		r := v.Bundle(b)
		if r.Verdict() == verify.Verified && !genuine[b.Entry.ThisHash] {
			t.Fatalf("%q: a forgery verifies: %s", data, describe(r))
		}
		for _, c := range r.Checks() {
			if c.Code == verify.InternalError {
				t.Fatalf("%q: %s", data, describe(r))
			}
		}
		for _, n := range r.Notes() {
			if n.Code == verify.InternalError {
				t.Fatalf("%q: %s", data, describe(r))
			}
		}
		if len(r.Checks()) < len(verify.Checks())-len(verify.PolicyChecks()) {
			t.Fatalf("%q: only %d findings", data, len(r.Checks()))
		}
	})
}

// A large key set makes no record dearer to judge: the hint for a signature that
// does not fit is looked for with a few keys, however many there are.
func TestHintsWithManyKeys(t *testing.T) {
	f := newForge(t).seal().set("ledger.signature", strings.Repeat("A", 86))
	var keys []string
	for i := range 4000 {
		seed := make([]byte, ed25519.SeedSize)
		binary.LittleEndian.PutUint32(seed, uint32(i))
		x := base64.RawURLEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
		keys = append(keys, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q,"kid":"k%d"}`, x, i))
	}
	many, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(keys, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := jwks.Merge(f.keySet(""), many)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(f.json())
	if err != nil {
		t.Fatal(err)
	}
	cost := func(keys *jwks.KeySet) time.Duration {
		v := verifier(t, verify.Policy{Keys: keys})
		best := time.Hour
		for range 20 {
			start := time.Now()
			if r := v.Bundle(b); r.Verdict() != verify.Failed {
				t.Fatal(describe(r))
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	// 4,000 more verifications would be a hundred times as much.
	if one, all := cost(f.keySet("")), cost(merged); all > 15*one {
		t.Errorf("%v with one key, %v with 4,001", one, all)
	}
}
