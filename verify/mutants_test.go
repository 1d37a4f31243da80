package verify_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// forgeOf is newForge for any bundle.
func forgeOf(t testing.TB, name string) *forge {
	t.Helper()
	f := newForge(t)
	f.doc = decoded(t, testdata.Read(name))
	return f
}

func decoded(t testing.TB, data []byte) (doc map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// mutant is one change of one signed member.
type mutant struct {
	pointer, kind string
	apply         func(doc map[string]any)
}

// mutantsOf lists the changes of every member of proof and artifact, arrays' elements
// too: each left out, null, of every other type, empty, zero, negative, huge, tiny,
// and spelled as what it is not.
func mutantsOf(doc map[string]any) (list []mutant) {
	var walk func(v any, pointer string, put func(doc map[string]any, change func(any) any))
	walk = func(v any, pointer string, put func(map[string]any, func(any) any)) {
		add := func(kind string, value any) {
			list = append(list, mutant{pointer, kind, func(doc map[string]any) { put(doc, func(any) any { return value }) }})
		}
		list = append(list, mutant{pointer, "left out", func(doc map[string]any) { put(doc, func(any) any { return deleted }) }})
		for kind, value := range map[string]any{"null": nil, "true": true, "a string": "9999", "an empty string": "", "an array": []any{}, "an object": map[string]any{}} {
			add(kind, value)
		}
		for _, number := range []string{"0", "0.0", "-1", "-5.0", "3", "3.0", "150.5", "5e-324", "1e300", "99999999999999999999999"} {
			add(number, json.Number(number))
		}
		switch v := v.(type) {
		case json.Number:
			add("as a string", v.String())
			add("one more", plusOne(v))
		case string:
			add("another text", v+"x")
		case []any:
			for i, element := range v {
				if i >= 2 {
					break
				}
				walk(element, pointer+"/"+strconv.Itoa(i), func(doc map[string]any, change func(any) any) {
					put(doc, func(old any) any {
						a := slices.Clone(old.([]any))
						if a[i] = change(a[i]); a[i] == deleted {
							a = slices.Delete(a, i, i+1)
						}
						return a
					})
				})
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(v[name], pointer+"/"+name, func(doc map[string]any, change func(any) any) {
					put(doc, func(old any) any {
						m := maps.Clone(old.(map[string]any))
						if m[name] = change(m[name]); m[name] == deleted {
							delete(m, name)
						}
						return m
					})
				})
			}
			list = append(list, mutant{pointer, "one member more", func(doc map[string]any) {
				put(doc, func(old any) any {
					m := maps.Clone(old.(map[string]any))
					m["tampered"] = true
					return m
				})
			}})
		}
	}
	for _, name := range []string{"proof", "runtime_artifact"} {
		walk(doc[name], "/"+name, func(doc map[string]any, change func(any) any) {
			if v := change(doc[name]); v == deleted {
				delete(doc, name)
			} else {
				doc[name] = v
			}
		})
	}
	return list
}

type deletion struct{}

var deleted any = deletion{}

func plusOne(n json.Number) json.Number {
	if i, err := n.Int64(); err == nil {
		return json.Number(strconv.FormatInt(i+1, 10))
	}
	f, err := n.Float64()
	if err != nil {
		panic(err)
	}
	return json.Number(canonical.PythonFloat(f + 1))
}

// sealed hashes and signs what can be hashed, and returns nil for what can't: such a
// mutant is no proof at all.
func (f *forge) sealed() []byte {
	proof, ok := f.doc["proof"].(map[string]any)
	if !ok {
		return nil
	}
	if _, ok := f.doc["runtime_artifact"].(map[string]any); ok {
		if a, ok := proof["artifacts"].(map[string]any); ok {
			proof["artifacts"] = maps.Clone(a) // the seed's own must stay
			if text, ok := a["runtime_artifact_sha256"].(string); ok && len(text) == 64 {
				f.hashArtifact()
			}
		}
	}
	return f.link().sign().json()
}

// open are the members of which a signer's change is a different statement, and no
// contradiction: his word, which nothing else in the proof repeats. Everything else
// is caught.
var open = map[string]string{
	"/proof/requested/intent/text":                    "free text",
	"/proof/requested/intent/flow_label":              "free text",
	"/proof/provider_observed/provider_note":          "free text",
	"/proof/provider_observed/qos_status_at_finalize": "a word of the signer's; claims.qos_status warns of any but AVAILABLE",
	"/runtime_artifact/inputs/network/msisdn":         "free text, empty in every genuine artifact",
	"/runtime_artifact/inputs/network/ip_address":     "free text, empty in every genuine artifact",
	"/runtime_artifact/inputs/network/country":        "free text, empty in every genuine artifact",
	"/proof/issuer":                                         "the signer's name for himself; policy.issuer holds it to the expected one",
	"/runtime_artifact/created_at":                          "seconds, an older spelling; claims.times holds it to the proof's",
	"/proof/requested/intent/duration_s":                    "an agreement that only proof.session repeats",
	"/proof/requested/intent/target_jitter_ms":              "an agreement by which only a telemetry commitment decides; claims.jitter_target warns",
	"/runtime_artifact/inputs/targets/min_throughput_mbps":  "an agreement that nothing is held to",
	"/runtime_artifact/inputs/targets/min_availability_pct": "an agreement that nothing is held to",
	"/runtime_artifact/measured/throughput_mbps":            "the signer's word: no sample has it",
	"/runtime_artifact/measured/availability_pct":           "the signer's word: no sample has it",
	"/runtime_artifact/measured/packet_loss_pct":            "the signer's word, unless the proof counts its probes",
	"/proof/measured_outcomes/samples_count":                "the signer's word, unless the proof commits to its samples",
	"/proof/measured_outcomes/avg_p50_ms":                   "the signer's word between 0 and p95, unless samples or delays bound it",
	"/proof/session":                                        "a proof need not tell of its session; claims.window is then not judged",
	"/proof/telemetry/not_measured":                         "what the signer admits; claims.constants warns of what he does not",
	"/proof/telemetry/not_measured/0":                       "as above",
	"/proof/telemetry/not_measured/1":                       "as above",
	"/proof/telemetry/delays_ns/max":                        "within its bin (0.4 %) only the samples tell",
	"/proof/telemetry/delays_ns/p50":                        "within its bin (0.4 %) only the samples tell",
	"/proof/telemetry/distribution/bins/1/0":                "a bin that no percentile lies in: only the samples tell",
}

// optional reports whether a proof may lack a member.
func optional(pointer string) bool {
	return pointer == "/proof/issuer" || pointer == "/proof/session" || strings.HasPrefix(pointer, "/proof/telemetry/not_measured/")
}

// A signer's change of one member, hashed and signed anew with the good key, is
// caught, or is a statement of his own that contradicts nothing. An audit judges each
// as the bundle alone is judged.
func TestSignersMutants(t *testing.T) {
	mutants := 0
	seen := map[string]bool{}
	seeds := []string{
		fixtures + "good/01.bundle.json", "telemetry/honest/plain-samples.json", "telemetry/honest/not-disclosed.json", "telemetry/honest/camara.json", "telemetry/honest/lossy.json",
	}
	if plantedRecords < 100_000 || testing.Short() { // under the race detector
		seeds = seeds[:3]
	}
	for _, name := range seeds {
		t.Run(name, func(t *testing.T) {
			seed := forgeOf(t, name)
			set := seed.keySet("")
			v := verifier(t, verify.Policy{Keys: set})
			if r := judge(v, seed.sealed()); r.Verdict() != verify.Verified {
				t.Fatalf("the seed itself: %s", describe(r))
			}
			for _, m := range mutantsOf(seed.doc) {
				f := newForge(t)
				f.doc = maps.Clone(seed.doc)
				f.doc["ledger"] = maps.Clone(seed.doc["ledger"].(map[string]any))
				m.apply(f.doc)
				if same(f.doc, seed.doc) {
					continue
				}
				data := f.sealed()
				if data == nil {
					continue
				}
				mutants++
				r := judge(v, data)
				ledger := v.Ledger(raws(data), verify.LedgerOptions{})
				if ledger.ByVerdict[r.Verdict()] != 1 {
					t.Errorf("%s %s: %s alone, in an audit %v", m.pointer, m.kind, r.Verdict(), ledger.ByVerdict)
				}
				if r.Verdict() != verify.Verified {
					continue
				}
				seen[m.pointer] = true
				_, isOpen := open[m.pointer]
				absent := slices.Contains([]string{"left out", "null", "true", "an object"}, m.kind) && !optional(m.pointer)
				unknown := m.kind == "one member more" && strings.HasPrefix(m.pointer, "/proof")
				if !unknown && (!isOpen || absent) {
					t.Errorf("%s %s: verified", m.pointer, m.kind)
				}
			}
		})
	}
	for pointer := range open {
		if !seen[pointer] && len(seeds) > 3 {
			t.Errorf("%s is said to be open, and every change of it is caught", pointer)
		}
	}
	if mutants < 3000 {
		t.Errorf("only %d mutants", mutants)
	}
	t.Logf("%d mutants", mutants)
}

func same(a, b map[string]any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
