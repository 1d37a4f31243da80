package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/qodverify/qodverify/testdata/ledgergen"
)

// worst are ledgers that cost a verifier most, each record made by whoever holds the
// file. Twice as many must not take more than twice the time, but for noise.
var worst = []struct {
	name string
	keys int // in the key set beside the one that signs
	spot func(i int, r *ledgergen.Record, key ledgergen.Key)
}{
	{"sound records, to compare with", 0, nil},
	{"kids that the set of 4,000 keys does not have", 4000, func(i int, r *ledgergen.Record, _ ledgergen.Key) { r.KID = fmt.Sprint("nobody-", i) }},
	{"bad signatures under a set of 4,000 keys", 4000, func(i int, r *ledgergen.Record, _ ledgergen.Key) {
		sum := make([]byte, ed25519.SignatureSize)
		copy(sum, r.This)
		r.Signature = base64.RawURLEncoding.EncodeToString(sum)
	}},
	{"artifacts whose every number a tool has respelt", 0, func(_ int, r *ledgergen.Record, _ ledgergen.Key) {
		r.Artifact = strings.NewReplacer(".0,", ",", ".0}", "}", "Z\"", "+00:00\"").Replace(r.Artifact)
	}},
	{"proofs that were edited and not signed anew", 0, func(_ int, r *ledgergen.Record, _ ledgergen.Key) {
		r.Proof = strings.Replace(r.Proof, `"samples_count":`, `"samples_count":1`, 1)
	}},
	{"records that all follow one", 0, func(_ int, r *ledgergen.Record, key ledgergen.Key) { r.Link(strings.Repeat("ab", 32), key) }},
	{"records that all say to be the first", 0, func(_ int, r *ledgergen.Record, key ledgergen.Key) { r.Link("GENESIS", key) }},
	{"records that each follow one that is not there", 0, func(i int, r *ledgergen.Record, key ledgergen.Key) { r.Link(fmt.Sprintf("%064x", i+1), key) }},
	{"proofs of one session", 0, func(_ int, r *ledgergen.Record, key ledgergen.Key) {
		r.SessionID = "00000000-0000-4000-8000-000000000000"
		r.Seal(r.Prev, key)
	}},
	{"copies of one record", 0, func(_ int, r *ledgergen.Record, key ledgergen.Key) {
		*r = ledgergen.New(7).Next()
		r.Seal("GENESIS", key)
	}},
}

// worstInputs audits n and 2n records of each kind by turns.
func (b *bench) worstInputs() error {
	const n = 2000
	for k, x := range worst {
		sizes := map[int]string{}
		for _, size := range []int{n, 2 * n} {
			sizes[size] = b.path(fmt.Sprintf("worst-%d-%d.jsonl", k, size))
			if err := writeWorst(sizes[size], size, x.spot); err != nil {
				return err
			}
		}
		keys := b.path("worst.jwks.json")
		if err := writeKeys(keys, x.keys); err != nil {
			return err
		}
		var once, twice []time.Duration
		var ratios []float64
		for round := range b.rounds + 1 {
			small, err := b.timed(sizes[n], keys)
			if err != nil {
				return err
			}
			large, err := b.timed(sizes[2*n], keys)
			if err != nil {
				return err
			}
			if round > 0 { // the first fills the caches
				once, twice = append(once, small), append(twice, large)
				ratios = append(ratios, large.Seconds()/small.Seconds())
			}
		}
		fmt.Printf("  %d %s: %.0f ms, %d: %.0f ms\n", n, x.name, median(once).Seconds()*1e3, 2*n, median(twice).Seconds()*1e3)
		b.gate("B16", fmt.Sprintf("%d %s : %d", 2*n, x.name, n), median(ratios), 2.5, true, "2")
	}
	return nil
}

func writeWorst(name string, n int, spot func(int, *ledgergen.Record, ledgergen.Key)) error {
	var out bytes.Buffer
	key, g, prev := ledgergen.NewKey("default", "perf"), ledgergen.New(42), "GENESIS"
	for i := range n {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		if spot != nil {
			spot(i, &r, key)
		}
		out.Write(append(r.Bundle(), '\n'))
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

func writeKeys(name string, more int) error {
	jwks := []string{ledgergen.NewKey("default", "perf").JWK("")}
	for i := range more {
		jwks = append(jwks, ledgergen.NewKey(fmt.Sprint("other-", i), fmt.Sprint("other-", i)).JWK(""))
	}
	return os.WriteFile(name, ledgergen.JWKS(jwks...), 0o644)
}

// timed audits a ledger, whatever its verdict.
func (b *bench) timed(ledger, keys string) (time.Duration, error) {
	cmd := exec.Command(b.path("qodverify"), "audit", "--quiet", "--jwks", keys, ledger)
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 4) {
		err = nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", ledger, err)
	}
	return took, nil
}
