// Command ledger writes a ledger of N chained, signed bundles in the form of
// qod-mock v0.4 as JSONL, and the key set to check it with:
//
//	go run ./testdata/gen/ledger -n 200000 -out ledger.jsonl -jwks jwks.json
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"

	"github.com/qodverify/qodverify/testdata/ledgergen"
)

func main() {
	n := flag.Int("n", 20_000, "number of records")
	seed := flag.Uint64("seed", 42, "the same seed gives the same sessions")
	out := flag.String("out", "ledger.jsonl", "file for the bundles")
	keys := flag.String("jwks", "jwks.json", "file for the key set")
	flag.Parse()
	if err := write(*n, *seed, *out, *keys); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(n int, seed uint64, out, keys string) error {
	key := ledgergen.NewKey("default", "perf")
	if err := os.WriteFile(keys, ledgergen.JWKS(key.JWK("")), 0o644); err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	g, prev := ledgergen.New(seed), "GENESIS"
	for range n {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		w.Write(append(r.Bundle(), '\n'))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
