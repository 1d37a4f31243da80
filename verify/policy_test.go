package verify_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

func genuineThumbprint(t *testing.T, kid string) jwks.Thumbprint {
	t.Helper()
	k, err := keys(t, "jwks.json").Lookup(kid)
	if err != nil {
		t.Fatal(err)
	}
	return k.Thumbprint()
}

func TestPolicy(t *testing.T) {
	data := testdata.Read(fixtures + "good/01.bundle.json")
	previous := parse(t, testdata.Read(fixtures+"good/00.bundle.json")).Entry.ThisHash
	session := parse(t, data).Proof.SessionID
	set := keys(t, "jwks.json")
	mine, other := genuineThumbprint(t, "default"), genuineThumbprint(t, "2026-q2")
	for _, c := range []struct {
		name    string
		policy  verify.Policy
		verdict verify.Verdict
		reason  verify.Code
	}{
		{"no keys at all", verify.Policy{}, verify.Inconclusive, verify.PublicKeyMissing},
		{"keys could not be read", verify.Policy{KeysErr: errors.New("no")}, verify.Inconclusive, verify.PublicKeyMissing},
		{"pinned", verify.Policy{Keys: set, Pins: []jwks.Thumbprint{other, mine}}, verify.Verified, verify.OK},
		{"another key pinned", verify.Policy{Keys: set, Pins: []jwks.Thumbprint{other}}, verify.Failed, verify.KeyNotPinned},
		{"right predecessor", verify.Policy{Keys: set, Previous: previous}, verify.Verified, verify.OK},
		{"wrong predecessor", verify.Policy{Keys: set, Previous: strings.Repeat("0", 64)}, verify.Failed, verify.LedgerChainBroken},
		{"must be first", verify.Policy{Keys: set, Previous: bundle.Genesis}, verify.Failed, verify.LedgerChainBroken},
		{"link required, not given", verify.Policy{Keys: set, Require: []verify.CheckID{verify.LedgerLink}}, verify.Inconclusive, verify.NoPredecessor},
		{"a warning required to pass", verify.Policy{Keys: set, Require: []verify.CheckID{verify.ClaimsConstants}}, verify.Inconclusive, verify.NotMeasured},
		{"right session", verify.Policy{Keys: set, SessionID: strings.ToUpper(session)}, verify.Verified, verify.OK},
		{"right session without hyphens", verify.Policy{Keys: set, SessionID: strings.ReplaceAll(session, "-", "")}, verify.Verified, verify.OK},
		{"another session", verify.Policy{Keys: set, SessionID: "00000000-0000-4000-8000-000000000000"}, verify.Failed, verify.SessionMismatch},
	} {
		r := judge(verifier(t, c.policy), data)
		if r.Verdict() != c.verdict || r.Reason() != c.reason {
			t.Errorf("%s: want %s (%s), got %s", c.name, c.verdict, c.reason, describe(r))
		}
		if got := r.Key().Pinned; got != (c.name == "pinned") {
			t.Errorf("%s: pinned is %v", c.name, got)
		}
	}
	for name, p := range map[string]verify.Policy{
		"unknown check":    {Require: []verify.CheckID{"artifact"}},
		"previous no hash": {Previous: "genesis"},
		"legacy profile":   {Profile: canonical.PythonDefault},
	} {
		if _, err := verify.New(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A key's window is held to the signed time of the proof, 2026-11-23T19:54:36Z,
// and never to the ledger's unsigned one.
func TestKeyWindow(t *testing.T) {
	const signed = "1795463676"
	for _, c := range []struct {
		more    string
		verdict verify.Verdict
		code    verify.Code
	}{
		{`,"nbf":` + signed, verify.Verified, verify.OK},
		{`,"nbf":1795463677`, verify.Failed, verify.KeyNotYetValid},
		{`,"exp":1795463677`, verify.Verified, verify.OK},
		{`,"exp":` + signed, verify.Failed, verify.KeyExpired},
		{`,"exp":2`, verify.Failed, verify.KeyExpired},
		{`,"revoked":{"revoked_at":1700000000,"reason":"compromised"}`, verify.Failed, verify.KeyRevoked},
		{`,"revoked":{"revoked_at":1795463677,"reason":"superseded"}`, verify.Verified, verify.OK},
		{`,"revoked":{"revoked_at":1795463677,"reason":"compromised"}`, verify.Inconclusive, verify.KeyCompromised},
		{`,"use":"enc"`, verify.Inconclusive, verify.PublicKeyRefused},
	} {
		f := newForge(t).seal().set("ledger.created_at", "=1.5")
		r := judge(verifier(t, verify.Policy{Keys: f.keySet(c.more)}), f.json())
		if r.Verdict() != c.verdict || r.Reason() != c.code {
			t.Errorf("%s: want %s (%s), got %s", c.more, c.verdict, c.code, describe(r))
		}
		later := slices.ContainsFunc(r.Notes(), func(n verify.Note) bool { return n.Code == verify.NoteRevokedLater })
		if later != strings.Contains(c.more, "superseded") {
			t.Errorf("%s: note of a later revocation: %v", c.more, later)
		}
	}
	f := newForge(t).set("proof.created_at", "yesterday").seal()
	r := judge(verifier(t, verify.Policy{Keys: f.keySet(`,"nbf":1`)}), f.json())
	if r.Verdict() != verify.Inconclusive || r.Reason() != verify.SignedTimeMissing {
		t.Errorf("no signed time: %s", describe(r))
	}
	// Out of its window and not pinned: both are told.
	f = newForge(t).seal()
	r = judge(verifier(t, verify.Policy{Keys: f.keySet(`,"exp":2`), Pins: []jwks.Thumbprint{{}}}), f.json())
	n := 0
	for _, c := range r.Checks() {
		if c.ID == verify.SignatureKey && c.Status == verify.Fail {
			n++
		}
	}
	if n != 2 || r.Outcome(verify.Signature) != verify.Pass {
		t.Errorf("want two findings of the key and a good signature: %s", describe(r))
	}
}

// Two genuine records with one predecessor: each verifies, and each report
// names the other. A forged record makes no fork and is no predecessor.
func TestFork(t *testing.T) {
	a, b := newForge(t).seal(), newForge(t).set("proof.requested.intent.text", "another").seal()
	forged := newForge(t).set("proof.requested.intent.text", "third").seal().set("ledger.signature", strings.Repeat("A", 86))
	next := newForge(t).set("ledger.prev_hash", forged.doc["ledger"].(map[string]any)["this_hash"]).link().sign()
	v := verifier(t, verify.Policy{Keys: a.keySet("")})
	var bundles []*bundle.Bundle
	for _, f := range []*forge{a, b, forged, next, a} {
		bundles = append(bundles, parse(t, f.json()))
	}
	reports := v.Bundles(bundles)
	for i, forks := range []bool{true, true, false, false, true} { // the copy as its original
		got := slices.ContainsFunc(reports[i].Notes(), func(n verify.Note) bool { return n.Code == verify.NoteFork })
		if got != forks {
			t.Errorf("record %d: fork noted is %v, want %v: %s", i, got, forks, describe(reports[i]))
		}
	}
	if reports[3].Outcome(verify.LedgerLink) != verify.Skip {
		t.Errorf("a forged record served as predecessor: %s", describe(reports[3]))
	}
}

// Records of older generations are named, never called tampered, and never
// verified; a changed one fails.
func TestOlderGenerations(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	var records []*bundle.Bundle
	for line := range bytes.Lines(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")) {
		records = append(records, parse(t, line))
		changed := bytes.Replace(line, []byte(`"local-`), []byte(`"lokal-`), 1)
		if r := judge(v, changed); r.Verdict() != verify.Failed || r.Reason() != verify.LedgerHashMismatch {
			t.Errorf("a changed v0.1 record: %s", describe(r))
		}
	}
	for i, r := range v.Bundles(records) {
		want := verify.Pass
		if i == 0 {
			want = verify.Skip // its predecessor is lost
		}
		if r.Verdict() != verify.Inconclusive || r.Reason() != verify.UnsignedGeneration || r.Outcome(verify.LedgerHash) != verify.Pass ||
			r.Outcome(verify.LedgerLink) != want || r.Subject().Generation != bundle.V01 || r.Subject().Profile != canonical.PythonDefault {
			t.Errorf("record %d: %s", i, describe(r))
		}
		for _, c := range r.Checks() {
			if c.Status == verify.Fail {
				t.Errorf("record %d: %s failed", i, c.ID)
			}
		}
	}
	// A proof that binds no artifact and is signed is none that the original wrote.
	f := newForge(t).set("proof.artifacts", nil).link().sign()
	if r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json()); r.Verdict() != verify.Inconclusive || r.Subject().Generation != bundle.Unbound || r.Outcome(verify.Signature) != verify.Pass {
		t.Errorf("unbound: %s", describe(r))
	}
	// 64 hexadecimal characters under a kid are no HMAC of v0.3.
	f = newForge(t).seal().set("ledger.signature", strings.Repeat("ab", 32))
	if r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json()); r.Verdict() != verify.Failed || r.Subject().Generation != bundle.V04 {
		t.Errorf("an HMAC with a kid: %s", describe(r))
	}
	// Looking older does not help a v0.4 record.
	f = newForge(t).seal().set("proof.artifacts", nil).set("ledger.signature", nil).set("ledger.kid", nil)
	if r := judge(verifier(t, verify.Policy{Keys: f.keySet("")}), f.json()); r.Verdict() != verify.Failed {
		t.Errorf("stripped to look like v0.1: %s", describe(r))
	}
}

// A ledger record with its artifact from a separate file.
func TestRecordWithArtifact(t *testing.T) {
	const session = "1e7579f1-74dc-44a9-b571-755698842c35"
	record := parse(t, testdata.Read(fixtures+"artifacts/proof_"+session+"_20261123_195436.json"))
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	if r := v.Bundle(record); r.Verdict() != verify.Inconclusive || r.Reason() != verify.RuntimeArtifactMissing {
		t.Errorf("without artifact: %s", describe(r))
	}
	var err error
	if record.Artifact, err = bundle.ParseArtifact(testdata.Read(fixtures + "artifacts/" + session + "/artifact.json")); err != nil {
		t.Fatal(err)
	}
	if r := v.Bundle(record); r.Verdict() != verify.Verified {
		t.Errorf("with artifact: %s", describe(r))
	}
	record.Artifact, record.ArtifactErr = bundle.ParseArtifact([]byte(`{"half":`))
	if r := v.Bundle(record); r.Verdict() != verify.Failed || r.Reason() != verify.ArtifactUnreadable {
		t.Errorf("with half an artifact: %s", describe(r))
	}
}

// Leaving out, nulling or mistyping what a rule looks at never gives a better
// verdict than the value that breaks the rule. The signer does it, so the hashes
// and the signature hold.
func TestAbsenceNeverHelps(t *testing.T) {
	rank := map[verify.Verdict]int{verify.Verified: 1}
	for _, id := range verify.ClaimChecks() {
		rules := &verify.Rules{Name: "one", Claims: map[verify.CheckID]verify.Treatment{id: verify.Refuse}}
		for _, path := range []string{
			"proof.provider_observed", "proof.provider_observed.qos_status_at_finalize", "proof.measured_outcomes.samples_count", "proof.measured_outcomes.avg_jitter_ms",
			"proof.requested.intent.target_jitter_ms", "runtime_artifact.measured.throughput_mbps", "runtime_artifact.measured.availability_pct",
			"runtime_artifact.measured.packet_loss_pct", "runtime_artifact.measured", "proof.measured_outcomes", "runtime_artifact.created_at",
		} {
			for _, value := range []any{nil, []any{}, map[string]any{}, true, "=-1"} {
				f := newForge(t).seal()
				with := func(f *forge) *verify.Report {
					return judge(verifier(t, verify.Policy{Keys: f.keySet(""), Rules: rules}), f.json())
				}
				before := with(f)
				after := with(f.set(path, value).seal())
				if rank[after.Verdict()] > rank[before.Verdict()] {
					t.Errorf("%s: %s = %v turns %s into %s", id, path, value, describe(before), describe(after))
				}
			}
		}
	}
}

// A rule without its evidence is not run.
func TestRulesWithoutEvidence(t *testing.T) {
	other := jwks.Thumbprint{1}
	ppm := int64(0)
	for name, c := range map[string]struct {
		rules verify.Rules
		path  string
		value any
	}{
		"key":         {verify.Rules{Keys: []verify.KeyRule{{Thumbprint: other}}}, "ledger.kid", "unknown"},
		"kid":         {verify.Rules{KID: "forged"}, "ledger.kid", nil},
		"issuer":      {verify.Rules{Issuer: "acme"}, "proof.issuer", nil},
		"issuer type": {verify.Rules{Issuer: "acme"}, "proof.issuer", []any{}},
		"age":         {verify.Rules{NotFuture: true}, "proof.created_at", "yesterday"},
		"samples":     {verify.Rules{MinSamples: 1}, "proof.measured_outcomes.samples_count", nil},
		"probes":      {verify.Rules{MinProbes: 1}, "proof.issuer", nil},
		"telemetry":   {verify.Rules{Telemetry: verify.Committed}, "proof.issuer", nil},
		"disclosed":   {verify.Rules{Telemetry: verify.Disclosed}, "proof.issuer", nil},
		"latency":     {verify.Rules{Latency: &verify.Target{}}, "proof.issuer", nil},
		"jitter":      {verify.Rules{Jitter: &verify.Target{}}, "proof.issuer", nil},
		"loss":        {verify.Rules{MaxLossPPM: &ppm}, "proof.issuer", nil},
		"limits":      {verify.Rules{Limits: map[string]verify.Limits{"QOS_E": {Jitter: 1}}}, "proof.issuer", nil},
		"available":   {verify.Rules{MinAvailablePPM: 1}, "proof.issuer", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t).set(c.path, c.value).seal()
			if strings.HasPrefix(c.path, "ledger.") {
				f.set(c.path, c.value) // sealing names the key
			}
			r := judge(verifier(t, verify.Policy{Keys: f.keySet(""), Rules: &c.rules, At: time.Unix(1795500000, 0)}), f.json())
			if r.Verdict() != verify.Inconclusive {
				t.Errorf("%s", describe(r))
			}
			for _, id := range verify.RuleChecks(&c.rules) {
				if got := r.Outcome(id); got != verify.NotRun {
					t.Errorf("%s is %s", id, got)
				}
			}
		})
	}
}
