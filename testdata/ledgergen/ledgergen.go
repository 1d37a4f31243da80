// Package ledgergen makes ledgers of any length in the form of qod-mock v0.4:
// chained, signed bundles as the service answers them, the same for the same
// seed. It writes Python's canonical JSON by templates of its own and shares no
// code with the verifier, so that the two can contradict each other.
package ledgergen

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Record is one session's record. [Record.Seal] makes the rest out of the values
// that a test may change.
type Record struct {
	SessionID         string
	ArtifactSessionID string // SessionID unless a test says otherwise
	Text, FlowLabel   string
	TargetP95         int // milliseconds
	TargetJitter      int // milliseconds
	Duration          int // seconds
	Samples           int
	P50, P95, Jitter  float64 // milliseconds
	Status            string
	Time              time.Time // of the artifact; the proof's is 350 µs later
	LedgerTime        float64   // seconds since 1970

	KID                       string
	Prev, This, Signature     string
	Proof, Artifact, Checksum string
}

// Key is a signing key with its kid.
type Key struct {
	KID     string
	Private ed25519.PrivateKey
}

// NewKey derives a key from a text.
func NewKey(kid, from string) Key {
	seed := sha256.Sum256([]byte(from))
	return Key{kid, ed25519.NewKeyFromSeed(seed[:])}
}

// JWK returns the public key as a JWK, with more members if given.
func (k Key) JWK(more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"use":"sig","alg":"EdDSA","x":%q%s}`, k.KID, base64.RawURLEncoding.EncodeToString(k.Private.Public().(ed25519.PublicKey)), more)
}

// JWKS returns a key set of JWKs.
func JWKS(jwks ...string) []byte { return []byte(`{"keys":[` + strings.Join(jwks, ",") + "]}\n") }

// Generator draws records. They are not sealed.
type Generator struct {
	random *rand.Rand
	now    time.Time
}

// New returns a generator whose records depend on the seed alone.
func New(seed uint64) *Generator {
	return &Generator{random: rand.New(rand.NewPCG(seed, 0x716f64)), now: time.Date(2026, 3, 2, 6, 58, 10, 0, time.UTC)}
}

var texts = []string{
	"Low latency session for remote surgery console in ward %d", "Cloud gaming stream %d needs steady jitter and no bursts above budget",
	"QoD auth end-to-end test %d", "Drone uplink %d – vidéo temps réel, latence ≤ 50 ms", "工場ロボット %d の低遅延セッション",
	"AR glasses demo %d with \"edge\" rendering\nsecond line", "V2X platoon %d lane merge coordination 🚗", "Broadcast contribution feed %d, stadium north gate",
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// Next draws the next session.
func (g *Generator) Next() Record {
	r := g.random
	var id [16]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	h := hex.EncodeToString(id[:])
	g.now = g.now.Add(time.Duration(1+r.IntN(3_000_000)) * time.Microsecond)
	round := func(v float64) float64 { return math.Round(v*100) / 100 }
	p50 := round(5 + 55*r.Float64())
	p95, jitter := round(p50*(1.1+1.9*r.Float64())), round(0.1+14.9*r.Float64())
	if r.IntN(5) == 0 {
		p95 = math.Ceil(p95)
	}
	if r.IntN(5) == 0 {
		jitter = math.Ceil(jitter)
	}
	v := Record{
		SessionID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:],
		Text:      fmt.Sprintf(pick(r, texts...), r.IntN(10000)), FlowLabel: fmt.Sprintf("flow-%05d", r.IntN(99999)),
		TargetP95: pick(r, 20, 50, 80, 120, 250), TargetJitter: pick(r, 5, 10, 25), Duration: pick(r, 15, 60, 300, 3600),
		Samples: 1 + r.IntN(59), P50: p50, P95: p95, Jitter: jitter, Status: pick(r, "REQUESTED", "AVAILABLE"), Time: g.now,
	}
	v.LedgerTime = float64(g.now.UnixMicro()+400) / 1e6
	return v
}

// Float writes a number as Python's repr does for the values that occur here.
func Float(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// Quote writes a string as Python's json.dumps(ensure_ascii=False) does.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Seal makes artifact and proof, links them behind prev and signs them. Tests
// that forge change the record afterwards.
func (v *Record) Seal(prev string, key Key) {
	profile, runtime := "QOS_BEST_EFFORT", "strict"
	switch {
	case v.TargetP95 <= 50:
		profile, runtime = "QOS_LOW_LATENCY", "turbo"
	case v.TargetP95 <= 150:
		profile, runtime = "QOS_BALANCED", "standard"
	}
	result, relation := "pass", "<="
	if v.P95 > float64(v.TargetP95) {
		result, relation = "fail", ">"
	}
	of := v.ArtifactSessionID
	if of == "" {
		of = v.SessionID
	}
	// In the order of insertion, as the service answers it, and sorted, as it is
	// hashed.
	created, p95, jitter, limit := iso(v.Time), Float(v.P95), Float(v.Jitter), strconv.Itoa(v.TargetP95)
	reasons := `["latency ` + p95 + `ms ` + relation + ` target max_latency_ms ` + limit + `ms","jitter observed ` + jitter + `ms (informational)"]`
	v.Artifact = `{"schema_version":"v1","session_id":"` + of + `","created_at":"` + created + `","qos_profile":"` + runtime +
		`","inputs":{"targets":{"max_latency_ms":` + limit + `,"min_throughput_mbps":0.1,"min_availability_pct":0.0},"network":{"msisdn":"","ip_address":"","country":""}},` +
		`"measured":{"latency_ms":` + p95 + `,"throughput_mbps":0.0,"availability_pct":100.0,"jitter_ms":` + jitter + `,"packet_loss_pct":0.0},` +
		`"decision":{"result":"` + result + `","reasons":` + reasons + `}}`
	v.Checksum = sha(`{"created_at":"` + created + `","decision":{"reasons":` + reasons + `,"result":"` + result +
		`"},"inputs":{"network":{"country":"","ip_address":"","msisdn":""},"targets":{"max_latency_ms":` + limit + `,"min_availability_pct":0.0,"min_throughput_mbps":0.1}},` +
		`"measured":{"availability_pct":100.0,"jitter_ms":` + jitter + `,"latency_ms":` + p95 + `,"packet_loss_pct":0.0,"throughput_mbps":0.0},` +
		`"qos_profile":"` + runtime + `","schema_version":"v1","session_id":"` + of + `"}`)
	v.Proof = `{"artifacts":{"runtime_artifact_relpath":"` + v.SessionID + `/artifact.json","runtime_artifact_sha256":"` + v.Checksum +
		`"},"created_at":"` + iso(v.Time.Add(350*time.Microsecond)) + `","measured_outcomes":{"avg_jitter_ms":` + jitter + `,"avg_p50_ms":` + Float(v.P50) + `,"avg_p95_ms":` + p95 +
		`,"samples_count":` + strconv.Itoa(v.Samples) + `},"provider_observed":{"provider_note":"local-simulated-provider","qos_status_at_finalize":"` + v.Status +
		`"},"requested":{"intent":{"duration_s":` + strconv.Itoa(v.Duration) + `,"flow_label":` + Quote(v.FlowLabel) + `,"target_jitter_ms":` + strconv.Itoa(v.TargetJitter) +
		`,"target_p95_latency_ms":` + limit + `,"text":` + Quote(v.Text) + `},"qos_profile":"` + profile + `"},"session_id":"` + v.SessionID + `"}`
	v.Link(prev, key)
}

// Link hashes and signs the proof as it is.
func (v *Record) Link(prev string, key Key) {
	v.Prev, v.This, v.KID = prev, sha(prev+"|"+v.Proof), key.KID
	v.Sign(key)
}

// Sign signs this_hash as it is.
func (v *Record) Sign(key Key) {
	v.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key.Private, []byte(v.This)))
}

// Bundle returns the record as GET /proof/{session_id}/bundle answers it, one
// line without its end.
func (v *Record) Bundle() []byte {
	return []byte(`{"session_id":"` + v.SessionID + `","ledger":{"created_at":` + Float(v.LedgerTime) + `,"prev_hash":"` + v.Prev + `","this_hash":"` + v.This +
		`","signature":"` + v.Signature + `","kid":` + Quote(v.KID) + `},"proof":` + v.Proof + `,"runtime_artifact":` + v.Artifact +
		`,"runtime_artifact_relpath":"` + v.SessionID + `/artifact.json","jwks_url":"/.well-known/jwks.json"}`)
}

// Write writes n chained bundles of one key, "default", as JSONL, and returns the
// key set to check them with.
func Write(w io.Writer, n int, seed uint64) (jwks []byte, err error) {
	key := NewKey("default", "perf")
	out := bufio.NewWriterSize(w, 1<<20)
	g, prev := New(seed), "GENESIS"
	for range n {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		out.Write(append(r.Bundle(), '\n'))
	}
	return JWKS(key.JWK("")), out.Flush()
}
