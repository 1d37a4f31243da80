package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

// forge changes a genuine bundle and hashes and signs it anew with a key of its
// own, step by step, so that a test decides which steps a forger left out.
type forge struct {
	t       testing.TB
	doc     map[string]any
	key     ed25519.PrivateKey
	profile canonical.Profile
}

func newForge(t testing.TB) *forge {
	t.Helper()
	f := &forge{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), profile: canonical.QodMock}
	d := json.NewDecoder(bytes.NewReader(testdata.Read(fixtures + "good/01.bundle.json")))
	d.UseNumber() // keeps 100.0 as spelled
	if err := d.Decode(&f.doc); err != nil {
		t.Fatal(err)
	}
	return f
}

// set puts a value at a path like "proof.measured_outcomes.avg_p95_ms". A
// string that starts with "=" is a number as spelled after it.
func (f *forge) set(path string, value any) *forge {
	f.t.Helper()
	names := strings.Split(path, ".")
	m := f.doc
	for _, name := range names[:len(names)-1] {
		m = m[name].(map[string]any)
	}
	last := names[len(names)-1]
	if s, ok := value.(string); ok && strings.HasPrefix(s, "=") {
		value = json.Number(s[1:])
	}
	if value == nil {
		delete(m, last)
	} else {
		m[last] = value
	}
	return f
}

func (f *forge) section(name string) canonical.Value {
	f.t.Helper()
	data, err := json.Marshal(f.doc[name])
	if err != nil {
		f.t.Fatal(err)
	}
	doc, err := canonical.Parse(data, canonical.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	return doc.Root()
}

// hashArtifact writes the artifact's hash into the proof.
func (f *forge) hashArtifact() *forge {
	f.t.Helper()
	d, err := bundle.ArtifactDigest(f.section("runtime_artifact"), f.profile)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.set("proof.artifacts.runtime_artifact_sha256", d.String())
}

// link computes this_hash anew.
func (f *forge) link() *forge {
	f.t.Helper()
	d, err := bundle.LinkDigest(f.doc["ledger"].(map[string]any)["prev_hash"].(string), f.section("proof"), f.profile)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.set("ledger.this_hash", d.String())
}

// sign signs this_hash, or the given message in its place.
func (f *forge) sign(message ...[]byte) *forge {
	f.t.Helper()
	m := []byte(f.doc["ledger"].(map[string]any)["this_hash"].(string))
	if len(message) > 0 {
		m = message[0]
	}
	f.set("ledger.kid", "forged")
	return f.set("ledger.signature", base64.RawURLEncoding.EncodeToString(ed25519.Sign(f.key, m)))
}

// seal does all steps.
func (f *forge) seal() *forge { return f.hashArtifact().link().sign() }

func (f *forge) json() []byte {
	f.t.Helper()
	data, err := json.Marshal(f.doc)
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

// keySet returns the genuine keys and the forge's own under the kid "forged",
// with more members if given.
func (f *forge) keySet(more string) *jwks.KeySet {
	f.t.Helper()
	x := base64.RawURLEncoding.EncodeToString(f.key.Public().(ed25519.PublicKey))
	set, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"forged","x":%q%s}]}`, x, more))
	if err != nil {
		f.t.Fatal(err)
	}
	merged, err := jwks.Merge(keys(f.t, "jwks.json"), set)
	if err != nil {
		f.t.Fatal(err)
	}
	return merged
}
