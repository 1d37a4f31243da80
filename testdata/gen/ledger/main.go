// Command ledger writes a ledger of N chained, signed bundles in the form of
// qod-mock v0.4 as JSONL, and the key set to check it with:
//
//	go run ./testdata/gen/ledger -n 200000 -out ledger.jsonl -jwks jwks.json
package main

import (
	"errors"
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
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	jwks, err := ledgergen.Write(f, n, seed)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.WriteFile(keys, jwks, 0o644)
}
