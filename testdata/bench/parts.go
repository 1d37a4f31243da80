package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	experiment "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// stages times what a record needs apart from its signature, one after the
// other over the ledger: reading, two canonical forms, two hashes. In nanoseconds.
func (b *bench) stages() (float64, error) {
	data, err := os.ReadFile(b.path("ledger.jsonl"))
	if err != nil {
		return 0, err
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	var r canonical.Reader
	var f bundle.Fields
	var one, two []byte
	var perRecord []float64
	for range b.rounds {
		start := time.Now()
		for _, line := range lines {
			doc, err := r.Parse(line, canonical.Options{})
			if err != nil {
				return 0, err
			}
			if err := f.Read(doc); err != nil {
				return 0, err
			}
			artifact, err := f.Value(bundle.FieldArtifact).CanonicalBuffer(one, canonical.QodMock)
			if err != nil {
				return 0, err
			}
			one = artifact[:0]
			prev, _ := f.Value(bundle.FieldPrevHash).Bytes()
			proof, err := f.Value(bundle.FieldProof).CanonicalBuffer(nil, canonical.QodMock)
			if err != nil {
				return 0, err
			}
			two = append(append(append(two[:0], prev...), '|'), proof...)
			sink ^= sha256.Sum256(artifact)[0] ^ sha256.Sum256(two)[0]
		}
		perRecord = append(perRecord, float64(time.Since(start).Nanoseconds())/float64(len(lines)))
	}
	return median(perRecord), nil
}

var sink byte

// contest times several ways to do one thing in turns and returns nanoseconds,
// the median of the rounds.
func (b *bench) contest(ways []func() error) ([]float64, error) {
	const repeat = 2000
	all := make([][]float64, len(ways))
	for range 3 * b.rounds {
		for i, way := range ways {
			start := time.Now()
			for range repeat {
				if err := way(); err != nil {
					return nil, err
				}
			}
			all[i] = append(all[i], float64(time.Since(start).Nanoseconds())/repeat)
		}
	}
	out := make([]float64, len(ways))
	for i := range all {
		out[i] = median(all[i])
	}
	return out, nil
}

// parts compares reading and canonical forms with other libraries, and times
// hostile input.
func (b *bench) parts() error {
	data, err := os.ReadFile(b.path("ledger.jsonl"))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	var r canonical.Reader
	doc, err := canonical.Parse(line, canonical.Options{})
	if err != nil {
		return err
	}
	proof, artifact := doc.Root().Get("proof").Raw(), doc.Root().Get("runtime_artifact").Raw()
	if err := b.canonicalForms(&r, proof, artifact); err != nil {
		return err
	}
	type raw struct {
		SessionID string `json:"session_id"`
		Ledger    struct {
			PrevHash  string `json:"prev_hash"`
			ThisHash  string `json:"this_hash"`
			Signature string `json:"signature"`
			KID       string `json:"kid"`
		} `json:"ledger"`
		Proof    json.RawMessage `json:"proof"`
		Artifact json.RawMessage `json:"runtime_artifact"`
	}
	type value struct {
		SessionID string `json:"session_id"`
		Ledger    struct {
			PrevHash  string `json:"prev_hash"`
			ThisHash  string `json:"this_hash"`
			Signature string `json:"signature"`
			KID       string `json:"kid"`
		} `json:"ledger"`
		Proof    jsontext.Value `json:"proof"`
		Artifact jsontext.Value `json:"runtime_artifact"`
	}
	ns, err := b.contest([]func() error{
		func() error { _, err := r.Parse(line, canonical.Options{}); return err },
		func() error { var v raw; return json.Unmarshal(line, &v) },
		func() error { var v value; return experiment.Unmarshal(line, &v) },
	})
	if err != nil {
		return err
	}
	fmt.Printf("  reading a bundle of %d bytes: %.2f us, encoding/json %.2f, go-json-experiment %.2f\n", len(line), ns[0]/1e3, ns[1]/1e3, ns[2]/1e3)
	b.gate("B8", "reading a bundle strictly : encoding/json", ns[1]/ns[0], 3.5, false, "4.5")
	b.gate("B8", "reading a bundle strictly : go-json-experiment", ns[2]/ns[0], 1.2, false, "1.45")
	return b.hostile(&r)
}

func (b *bench) canonicalForms(r *canonical.Reader, texts ...[]byte) error {
	var out []byte
	ns, err := b.contest([]func() error{
		func() error {
			for _, t := range texts {
				doc, err := r.Parse(t, canonical.Options{})
				if err != nil {
					return err
				}
				if out, err = doc.Root().AppendCanonical(out[:0], canonical.JCS); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			for _, t := range texts {
				if _, err := jcs.Transform(t); err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			for _, t := range texts {
				v := jsontext.Value(append(out[:0], t...))
				if err := v.Canonicalize(); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("  RFC 8785 of proof and artifact: %.2f us, gowebpki/jcs %.2f, jsontext %.2f\n", ns[0]/1e3, ns[1]/1e3, ns[2]/1e3)
	b.gate("B7", "RFC 8785 of proof and artifact : gowebpki/jcs", ns[1]/ns[0], 10, false, "14")
	b.gate("B7", "RFC 8785 of proof and artifact : jsontext", ns[2]/ns[0], 2, false, "2.8")
	return nil
}

// hostile times input made to be slow. These two alone are in milliseconds: what
// they bound is harm.
func (b *bench) hostile(r *canonical.Reader) error {
	var keys strings.Builder
	for i := range 32_000 {
		fmt.Fprintf(&keys, `,"k%07d":0`, i)
	}
	names := []byte("{" + keys.String()[1:] + "}")
	depth := bytes.Repeat([]byte("["), 400_000)
	var ascending, deep []float64
	for range b.rounds {
		start := time.Now()
		doc, err := r.Parse(names, canonical.Options{})
		if err != nil {
			return err
		}
		if _, err := doc.Root().AppendCanonical(nil, canonical.QodMock); err != nil {
			return err
		}
		ascending = append(ascending, float64(time.Since(start).Microseconds())/1e3)
		start = time.Now()
		if _, err := r.Parse(depth, canonical.Options{}); err == nil {
			return fmt.Errorf("400,000 levels were accepted")
		}
		deep = append(deep, float64(time.Since(start).Microseconds())/1e3)
	}
	b.gate("B15", fmt.Sprintf("milliseconds for 32,000 names in %d KB", len(names)/1000), median(ascending), 20, true, "2.8")
	b.gate("B15", "milliseconds to refuse 400,000 levels", median(deep), 1, true, "0.1")
	return nil
}
