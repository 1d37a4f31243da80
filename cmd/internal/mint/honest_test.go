package mint

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// Whatever was measured, a proof of it contradicts itself nowhere: few probes and
// many, ties, zeros, all lost, minutes of delay, samples with delays beside those
// without.
func TestHonestIsNeverAccused(t *testing.T) {
	signer, err := NewSigner("honest", []byte(strings.Repeat("h", 32)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Parse(pyjson.Compact(pyjson.Object{{Name: "keys", Value: []any{signer.JWK()}}}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 13))
	verified, undecided := 0, 0
	for n := range 2000 {
		h := honestSession(random)
		if h.aggregate.Averages.Samples() == 0 {
			continue
		}
		for _, disclosed := range []bool{true, false} {
			data := h.bundle(t, signer, disclosed)
			b, err := bundle.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			r := v.Bundle(b)
			// Where some samples have no delays, samples without figures can't be told
			// from those that were left out of the averages, unless all are there.
			unknown := !disclosed && h.aggregate.Count() > int64(h.aggregate.Averages.Samples()) && h.pooled == nil
			switch {
			case r.Verdict() == verify.Verified && !unknown:
				verified++
			case r.Verdict() == verify.Inconclusive && unknown:
				undecided++
			default:
				t.Fatalf("%d, disclosed %t: %s %v\n%s", n, disclosed, r.Verdict(), r.Checks(), data)
			}
		}
	}
	if verified < 3000 || undecided < 10 {
		t.Errorf("%d verified, %d undecided", verified, undecided)
	}
}

type honest struct {
	aggregate telemetry.Aggregate
	pooled    *telemetry.Pooled
	samples   []any
	intent    Intent
	start     time.Time
}

const honestID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

// honestSession draws the samples of one session.
func honestSession(random *rand.Rand) *honest {
	pick := func(list ...int64) int64 { return list[random.IntN(len(list))] }
	h := &honest{start: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	h.intent = Intent{Text: "t", TargetP95LatencyMS: pick(1, 20, 50, 51, 150, 5000, 60000), TargetJitterMS: pick(0, 5, 60000), DurationS: pick(1, 60, 86400), FlowLabel: "f"}
	plain := random.IntN(3) == 0
	metrics := pick(1, 1, 2)
	// All delays around one value, in one bin or over all orders of magnitude.
	middle, spread := pick(0, 1, 100, 5_000, 10_005_000, 49_900_000, 4_999_995_000, 5_000_000_000, 60_000_000_000), pick(0, 1, 1000, 60_000, 50_000_000)
	for i := range int(pick(1, 1, 2, 3, 20)) {
		s := map[string]any{"session_id": honestID, "notes": "", "recorded_at": Timestamp(h.start.Add(time.Duration(i+1) * time.Second))}
		if plain && random.IntN(2) == 0 {
			p50 := float64(random.IntN(6_000_000)) / float64(pick(1, 7, 100, 1000))
			p50 = min(p50, 60_000)
			s["n"], s["p50_ms"], s["p95_ms"], s["jitter_ms"] = 1+random.IntN(100), p50, min(60_000, p50*(1+random.Float64())), random.Float64()*100
		} else {
			var delays []int64
			all := make([]any, 1+random.IntN(40))
			lossy, out := pick(0, 0, 0, 5, 50), random.IntN(6) == 0
			for j := range all {
				if out || random.Int64N(100) < lossy {
					continue
				}
				d := min(max(0, middle+random.Int64N(2*spread+1)-spread), telemetry.MaxDelay)
				all[j], delays = d, append(delays, d)
			}
			p50, p95, jitter := telemetry.Figures(delays)
			s["n"], s["p50_ms"], s["p95_ms"], s["jitter_ms"], s["delays_ns"] = len(all), p50, p95, jitter, all
			s["metric"] = []string{telemetry.RoundTrip, telemetry.OneWay}[random.Int64N(metrics)]
		}
		text, _ := json.Marshal(s)
		doc, err := canonical.Parse(text, canonical.Options{})
		if err != nil {
			panic(err)
		}
		if _, err := h.aggregate.Add(doc.Root(), ""); err != nil {
			panic(fmt.Sprint(err, string(text)))
		}
		h.samples = append(h.samples, json.RawMessage(text))
	}
	return h
}

// bundle proves what was measured, with its samples or without.
func (h *honest) bundle(t *testing.T, signer *Signer, disclosed bool) []byte {
	t.Helper()
	now := h.start.Add(30 * time.Second)
	m, err := Measure(Request{SessionID: honestID, Intent: h.intent, Profile: h.intent.Profile(), Note: ProviderNote, Measured: h.aggregate.Averages, Now: now, Samples: &h.aggregate, Started: h.start.Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	h.pooled = m.commitment.Pooled
	p, err := m.Prove(signer, Place{PrevHash: bundle.Genesis, Status: m.request.session(m.commitment, now).Status, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	p.Sign()
	o := Stored{SessionID: honestID, CreatedAt: Epoch(now), PrevHash: p.PrevHash, ThisHash: p.ThisHash, Signature: p.Signature, KID: p.KID}.Bundle(p.Object, p.Artifact)
	data := pyjson.Compact(o)
	if !disclosed {
		return data
	}
	samples, err := json.Marshal(map[string]any{"samples": h.samples})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(data[:len(data)-1], []byte(`,"telemetry":`), samples, []byte("}"))
}
