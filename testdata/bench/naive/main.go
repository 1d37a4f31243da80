// Command naive audits a ledger as one writes it in Go with the standard library
// alone: encoding/json, json.Number, crypto/ed25519, one goroutine. It is what
// the benchmarks compare with; it is lax where encoding/json is.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

type bundle struct {
	Ledger struct {
		PrevHash  string `json:"prev_hash"`
		ThisHash  string `json:"this_hash"`
		Signature string `json:"signature"`
		KID       string `json:"kid"`
	} `json:"ledger"`
	Proof    json.RawMessage `json:"proof"`
	Artifact json.RawMessage `json:"runtime_artifact"`
}

// canonical keeps number spellings and sorts names.
func canonical(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func judge(line []byte, keys map[string]ed25519.PublicKey) (prev, this string, err error) {
	var b bundle
	if err := json.Unmarshal(line, &b); err != nil {
		return "", "", err
	}
	var proof struct {
		Artifacts struct {
			SHA256 string `json:"runtime_artifact_sha256"`
		} `json:"artifacts"`
	}
	if err := json.Unmarshal(b.Proof, &proof); err != nil {
		return "", "", err
	}
	artifact, err := canonical(b.Artifact)
	if err != nil {
		return "", "", err
	}
	if sum := sha256.Sum256(artifact); hex.EncodeToString(sum[:]) != proof.Artifacts.SHA256 {
		return "", "", fmt.Errorf("artifact")
	}
	text, err := canonical(b.Proof)
	if err != nil {
		return "", "", err
	}
	if sum := sha256.Sum256(append([]byte(b.Ledger.PrevHash+"|"), text...)); hex.EncodeToString(sum[:]) != b.Ledger.ThisHash {
		return "", "", fmt.Errorf("ledger")
	}
	sig, err := base64.RawURLEncoding.DecodeString(b.Ledger.Signature)
	if err != nil || !ed25519.Verify(keys[b.Ledger.KID], []byte(b.Ledger.ThisHash), sig) {
		return "", "", fmt.Errorf("signature")
	}
	return b.Ledger.PrevHash, b.Ledger.ThisHash, nil
}

func run(ledger, jwks string) error {
	data, err := os.ReadFile(jwks)
	if err != nil {
		return err
	}
	var set struct{ Keys []struct{ KID, X string } }
	if err := json.Unmarshal(data, &set); err != nil {
		return err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		if keys[k.KID], err = base64.RawURLEncoding.DecodeString(k.X); err != nil {
			return err
		}
	}
	f, err := os.Open(ledger)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	last, n := "GENESIS", 0
	for lines.Scan() {
		prev, this, err := judge(lines.Bytes(), keys)
		if err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
		if prev != last {
			return fmt.Errorf("line %d: link", n+1)
		}
		last, n = this, n+1
	}
	fmt.Println(n, last)
	return lines.Err()
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
