package jwks_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

// vector is one signature to judge, whatever collection it came from.
type vector struct {
	name          string
	key, msg, sig []byte
	want          *bool // the collection's own verdict, if it has one for us
}

func sharedJSON(t *testing.T, name string, into any) {
	t.Helper()
	path, ok := testdata.Shared(name)
	if !ok {
		t.Skipf("shared %s is not here", name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// judge puts the key through the door that a key set comes in by, and the
// signature through the one of a ledger record.
func judge(t *testing.T, v vector) (accepted, weak bool) {
	t.Helper()
	set, err := jwks.Parse([]byte(setJSON(jwkJSON(base64.RawURLEncoding.EncodeToString(v.key), "k", ""))))
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	key, err := set.Lookup("k")
	if err != nil {
		return false, set.Refused()[0].Code == jwks.CodeKeyWeak
	}
	sig, err := jwks.DecodeBase64URL(base64.RawURLEncoding.EncodeToString(v.sig), ed25519.SignatureSize)
	if err != nil {
		return false, false
	}
	return key.Verify(v.msg, sig), false
}

// compare holds our verdict to crypto/ed25519's and to the collection's. The
// only difference allowed is a key that we refuse as weak.
func compare(t *testing.T, vectors []vector, wantAccepted int) {
	t.Helper()
	accepted := 0
	for _, v := range vectors {
		std := len(v.key) == ed25519.PublicKeySize && ed25519.Verify(v.key, v.msg, v.sig)
		got, weak := judge(t, v)
		if got {
			accepted++
		}
		if got != std && !weak {
			t.Errorf("%s: we say %v, crypto/ed25519 says %v, and the key is not weak", v.name, got, std)
		}
		if v.want != nil && got != *v.want && !weak {
			t.Errorf("%s: we say %v, the collection says %v", v.name, got, *v.want)
		}
		if weak && got {
			t.Errorf("%s: accepted under a weak key", v.name)
		}
	}
	if accepted != wantAccepted {
		t.Errorf("%d of %d accepted, want %d", accepted, len(vectors), wantAccepted)
	}
	opensslAgrees(t, vectors)
}

// opensslAgrees asks Python's cryptography, and so OpenSSL, where present.
func opensslAgrees(t *testing.T, vectors []vector) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import cryptography").Run() != nil {
		t.Log("python3 with cryptography is not here: crypto/ed25519 was the only judge beside us")
		return
	}
	var in bytes.Buffer
	field := func(b []byte) string {
		if len(b) == 0 {
			return "-"
		}
		return hex.EncodeToString(b)
	}
	for _, v := range vectors {
		in.WriteString(field(v.key) + " " + field(v.msg) + " " + field(v.sig) + "\n")
	}
	cmd := exec.Command(python, filepath.Join(testdata.Root(), "testdata", "gen", "ed25519_oracle.py"))
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(vectors) {
		t.Fatalf("%d answers for %d vectors", len(lines), len(vectors))
	}
	for i, v := range vectors {
		if got, weak := judge(t, v); got != (lines[i] == "1") && !weak {
			t.Errorf("%s: we say %v, OpenSSL says %s", v.name, got, lines[i])
		}
	}
}

func TestRFC8032(t *testing.T) {
	var file struct {
		Vectors []struct{ Name, Pub, Msg, Sig string }
	}
	sharedJSON(t, "vectors/rfc8032/ed25519.json", &file)
	yes := true
	var vectors []vector
	for _, v := range file.Vectors {
		vectors = append(vectors, vector{v.Name, unhex(t, v.Pub), unhex(t, v.Msg), unhex(t, v.Sig), &yes})
	}
	compare(t, vectors, 4)
}

func TestWycheproof(t *testing.T) {
	var file struct {
		TestGroups []struct {
			PublicKey    struct{ PK string }
			PublicKeyJWK json.RawMessage `json:"publicKeyJwk"`
			Tests        []struct{ Comment, Msg, Sig, Result string }
		}
	}
	sharedJSON(t, "vectors/wycheproof/ed25519_test.json", &file)
	var vectors []vector
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			valid := c.Result == "valid"
			vectors = append(vectors, vector{c.Comment, unhex(t, g.PublicKey.PK), unhex(t, c.Msg), unhex(t, c.Sig), &valid})
		}
		// The group's own JWK is the same key.
		set, err := jwks.Parse([]byte(setJSON(string(g.PublicKeyJWK))))
		if err != nil || set.Len() != 1 {
			t.Errorf("JWK %s: %v", g.PublicKeyJWK, err)
			continue
		}
		for k := range set.All() {
			if !bytes.Equal(k.Public[:], unhex(t, g.PublicKey.PK)) {
				t.Errorf("JWK %s is another key than %s", g.PublicKeyJWK, g.PublicKey.PK)
			}
		}
	}
	compare(t, vectors, 88)
}

func TestSpeccheck(t *testing.T) {
	var cases []struct {
		Message   string
		PubKey    string `json:"pub_key"`
		Signature string
	}
	sharedJSON(t, "vectors/speccheck/cases.json", &cases)
	var expected struct {
		Agreed []int `json:"go_openssl_node"`
	}
	sharedJSON(t, "vectors/speccheck/expected.json", &expected)
	var vectors []vector
	for i, c := range cases {
		want := expected.Agreed[i] == 1
		vectors = append(vectors, vector{"case " + string(rune('A'+i)), unhex(t, c.PubKey), unhex(t, c.Message), unhex(t, c.Signature), &want})
	}
	// Of the five that Go and OpenSSL accept, cases 0, 1 and 11 have a weak key.
	compare(t, vectors, 2)
}

func TestCCTV(t *testing.T) {
	var cases []struct {
		Number        int
		Key, Sig, Msg string
		Flags         []string
	}
	sharedJSON(t, "vectors/cctv/ed25519vectors.json", &cases)
	var vectors []vector
	for _, c := range cases {
		vectors = append(vectors, vector{strings.Join(c.Flags, ","), unhex(t, c.Key), []byte(c.Msg), unhex(t, c.Sig), nil})
	}
	if len(vectors) != 914 {
		t.Errorf("%d vectors, want 914", len(vectors))
	}
	weakFlags := 0
	for i, v := range vectors {
		_, weak := judge(t, v)
		flagged := strings.Contains(v.name, "low_order_A") || strings.Contains(v.name, "non_canonical_A")
		if weak != flagged {
			t.Errorf("vector %d (%s): weak is %v", i, v.name, weak)
		}
		if flagged {
			weakFlags++
		}
	}
	t.Logf("%d of %d vectors have a weak key", weakFlags, len(vectors))
	// crypto/ed25519 accepts 208; 122 of these have a weak key.
	compare(t, vectors, 86)
}

// The JWK rules of Wycheproof's json_web_key tests that concern a set: a
// duplicate kid, a symmetric key among public ones.
func TestWycheproofJWK(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Public json.RawMessage
			Tests  []struct{ Comment, Result string }
		}
	}
	sharedJSON(t, "vectors/wycheproof/json_web_key_test.json", &file)
	n := 0
	for _, g := range file.TestGroups {
		if len(g.Public) == 0 {
			continue
		}
		n++
		set, err := jwks.Parse(g.Public)
		if err != nil {
			continue
		}
		for k := range set.All() { // none of these keys is Ed25519
			t.Errorf("%.80s: usable key %q", g.Public, k.KID)
		}
	}
	if n == 0 {
		t.Error("no public key was tried")
	}
}
