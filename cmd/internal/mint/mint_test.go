package mint

import (
	"bytes"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

// TestReproduce makes the 12 proofs of the original's own ledger again, from its
// sessions and its telemetry, at the recorded times: artifact, stored proof and
// this_hash come out to the byte.
func TestReproduce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ledger.sqlite3")
	if err := os.WriteFile(name, testdata.Read("qod-mock-v0.4/ledger.sqlite3"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT p.session_id, s.intent_json, s.qos_profile, s.provider_note, p.proof_json, p.prev_hash, p.this_hash, p.kid
		FROM proof_ledger p JOIN sessions s ON s.session_id = p.session_id ORDER BY p.created_at`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id, intentJSON, profile, note, proofJSON, prev, this, kid string
		if err := rows.Scan(&id, &intentJSON, &profile, &note, &proofJSON, &prev, &this, &kid); err != nil {
			t.Fatal(err)
		}
		artifact := bytes.TrimSpace(testdata.Read("qod-mock-v0.4/artifacts/" + id + "/artifact.json"))
		reproduce(t, db, id, intentJSON, artifact, Request{SessionID: id, Profile: profile, Note: note}, proofJSON, prev, this, kid)
	}
	if err := rows.Err(); err != nil || n != 12 {
		t.Fatalf("%d proofs, %v", n, err)
	}
}

func reproduce(t *testing.T, db *sql.DB, id, intentJSON string, artifact []byte, r Request, proofJSON, prev, this, kid string) {
	t.Helper()
	var intent struct {
		Text   string
		P95    int64  `json:"target_p95_latency_ms"`
		Jitter int64  `json:"target_jitter_ms"`
		D      int64  `json:"duration_s"`
		Label  string `json:"flow_label"`
	}
	var made struct {
		Created string `json:"created_at"`
		Seen    struct {
			Status string `json:"qos_status_at_finalize"`
		} `json:"provider_observed"`
	}
	var artifactMade struct {
		Created time.Time `json:"created_at"`
	}
	for text, into := range map[string]any{intentJSON: &intent, proofJSON: &made, string(artifact): &artifactMade} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	r.Intent = Intent{Text: intent.Text, TargetP95LatencyMS: intent.P95, TargetJitterMS: intent.Jitter, DurationS: intent.D, FlowLabel: intent.Label}
	if got := r.Intent.Profile(); got != r.Profile {
		t.Errorf("%s: profile %s, recorded %s", id, got, r.Profile)
	}
	if got := string(pyjson.ASCII(r.Intent.JSON())); got != intentJSON {
		t.Errorf("%s: intent %s, recorded %s", id, got, intentJSON)
	}
	samples, err := db.Query(`SELECT sample_json FROM telemetry WHERE session_id = ? ORDER BY id`, id)
	if err != nil {
		t.Fatal(err)
	}
	defer samples.Close()
	for samples.Next() {
		var text string
		var v struct {
			P50    float64 `json:"p50_ms"`
			P95    float64 `json:"p95_ms"`
			Jitter float64 `json:"jitter_ms"`
		}
		if err := samples.Scan(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		r.Measured.Add(v.P50, v.P95, v.Jitter)
	}
	signer, err := GenerateSigner(kid)
	if err != nil {
		t.Fatal(err)
	}
	r.Now = artifactMade.Created
	m, err := Measure(r)
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.Parse(time.RFC3339Nano, made.Created)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Prove(signer, Place{PrevHash: prev, Status: made.Seen.Status, Now: when})
	if err != nil {
		t.Fatal(err)
	}
	if got := pyjson.Indent(p.Artifact); !bytes.Equal(got, artifact) {
		t.Errorf("%s: artifact\n%s\nrecorded\n%s", id, got, artifact)
	}
	if p.Stored != proofJSON {
		t.Errorf("%s: proof\n%s\nrecorded\n%s", id, p.Stored, proofJSON)
	}
	if p.ThisHash != this {
		t.Errorf("%s: this_hash %s, recorded %s", id, p.ThisHash, this)
	}
	p.Sign()
	signature, err := jwks.DecodeBase64URL(p.Signature, ed25519.SignatureSize)
	if err != nil || !signer.Public().Verify(bundle.SigningInput(p.digest), signature) {
		t.Errorf("%s: the signature %q does not verify: %v", id, p.Signature, err)
	}
	var stored any
	if stored, err = pyjson.Decode([]byte(p.Stored)); err != nil {
		t.Fatal(err)
	}
	if got, want := pyjson.Compact(InsertionOrder(stored)), pyjson.Compact(p.Object); !bytes.Equal(got, want) {
		t.Errorf("%s: the stored proof in insertion order\n%s\nwant\n%s", id, got, want)
	}
}

func TestTimestamp(t *testing.T) {
	at := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "2026-11-24T01:02:03Z", 999: "2026-11-24T01:02:03Z", time.Microsecond: "2026-11-24T01:02:03.000001Z", 100 * time.Millisecond: "2026-11-24T01:02:03.100000Z",
	} {
		if got := Timestamp(at.Add(d)); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	for age, want := range map[time.Duration]string{-time.Second: Requested, 0: Requested, 2*time.Second - 1: Requested, 2 * time.Second: Available} {
		if got := Status(age); got != want {
			t.Errorf("age %v: %s, want %s", age, got, want)
		}
	}
}

func TestKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key.jwk")
	s, err := GenerateSigner("k")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteFile(name); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := s.WriteFile(name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("files are left: %v", left)
	}
	again, err := ReadSigner(name)
	if err != nil || again.Public().Public != s.Public().Public || again.KID != "k" {
		t.Errorf("%v", err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateSigner("k")
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string]string{
		"x of another key": strings.Replace(string(data), s.X(), other.X(), 1),
		"no d":             strings.Replace(string(data), `"d"`, `"e"`, 1),
		"no kid":           strings.Replace(string(data), `"k"`, `""`, 1),
		"another curve":    strings.Replace(string(data), "Ed25519", "X25519", 1),
		"half a file":      string(data[:len(data)/2]),
		"nothing":          "",
		"short d":          strings.Replace(string(data), `"d": "`, `"d": "AA`, 1),
	} {
		if _, err := ParseSigner([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", what)
		} else if strings.Contains(err.Error(), string(data[len(data)-30:len(data)-10])) {
			t.Errorf("%s: the error tells the key: %v", what, err)
		}
	}
}

// TestDecodeKey: what Python's base64 makes of a key in the environment, after the
// original's filling up. TestDecodeKeyOracle asks it.
var encodedKeys = []struct {
	name, text string
	ok         bool
}{
	{"as gen_keys writes it", "-_8" + strings.Repeat("A", 40), true},
	{"padded", strings.Repeat("A", 43) + "=", true},
	{"padded twice", strings.Repeat("A", 43) + "==", true},
	{"the standard alphabet", "+/8" + strings.Repeat("A", 40) + "=", true},
	{"both alphabets", "+_8" + strings.Repeat("A", 40), true},
	{"blanks around", "  " + strings.Repeat("A", 43) + "\n", true},
	{"a blank within", strings.Repeat("A", 20) + " " + strings.Repeat("A", 23), false}, // 44 characters want no padding
	{"two blanks within", strings.Repeat("A", 20) + " \t" + strings.Repeat("A", 23), true},
	{"a blank within, padded", strings.Repeat("A", 20) + " " + strings.Repeat("A", 23) + "=", true},
	{"a line end within, padded", strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 23) + "=", true},
	{"spare bits", strings.Repeat("A", 42) + "B", true},
	{"short", strings.Repeat("A", 42), false},
	{"long", strings.Repeat("A", 44), false},
	{"nothing", "", false},
	{"no letters", "é" + strings.Repeat("A", 43), false},
}

func TestDecodeKey(t *testing.T) {
	for _, c := range encodedKeys {
		if data, err := DecodeKey(c.text); (err == nil) != c.ok || err == nil && len(data) != 32 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Python passes over these; a key that was mistyped is no key.
	for _, text := range []string{strings.Repeat("A", 20) + "*%!." + strings.Repeat("A", 23), strings.Repeat("A", 43) + "=AAAA"} {
		if _, err := DecodeKey(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestDecodeKeyOracle(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	for _, c := range encodedKeys {
		out, err := exec.Command(python, "-c", `
import base64, binascii, sys
text = sys.argv[1].strip()
try:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
except (binascii.Error, ValueError):
    data = b""
print(data.hex() if len(data) == 32 else "none")`, c.text).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := "none"
		if data, err := DecodeKey(c.text); err == nil {
			want = hex.EncodeToString(data)
		}
		if got := strings.TrimSpace(string(out)); got != want || (got != "none") != c.ok {
			t.Errorf("%s: Python reads %s, DecodeKey %s", c.name, got, want)
		}
	}
}

func FuzzParseSigner(f *testing.F) {
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","kid":"k","x":"6WUsa-ez3vOG1ta1VuYQddfPpKN9AbGkn2VsBv22VZo","d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`))
	f.Add([]byte(`{"kty":"OKP"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSigner(data)
		if err != nil {
			return
		}
		if key, err := jwks.DecodeBase64URL(s.X(), ed25519.PublicKeySize); s.KID == "" || err != nil || [32]byte(key) != s.Public().Public {
			t.Fatalf("%q was read as key %q of kid %q, %v", data, s.X(), s.KID, err)
		}
	})
}
