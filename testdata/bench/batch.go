package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// batches holds verify of a folder to bounds: its memory does not grow with what is in
// the bundles, and all processors work.
func (b *bench) batches() error {
	few, many := b.n/2, 100_000
	dirs := map[int]string{}
	for _, n := range []int{few, many} {
		dirs[n] = b.path(fmt.Sprint("bundles-", n))
		if err := b.writeFolder(dirs[n], n); err != nil {
			return err
		}
		defer os.RemoveAll(dirs[n])
	}
	command := func(n int, format string) []string {
		return []string{b.path("qodverify"), "--quiet", "-o", format, "--jwks", b.path("jwks.json"), dirs[n]}
	}
	for _, format := range []string{"text", "jsonl", "json", "sarif"} {
		for _, n := range []int{few, many} {
			name := fmt.Sprint(format, ", ", n)
			if err := b.once(variant{name, 2, command(n, format)}); err != nil {
				return err
			}
			fmt.Printf("  verify -o %-5s  %6d bundles: %5.1f s, %5.1f MiB\n", format, n, b.times[name][0].Seconds(), float64(b.memory[name][0])/1024)
		}
		small, large := b.memory[fmt.Sprint(format, ", ", few)][0], b.memory[fmt.Sprint(format, ", ", many)][0]
		if format == "text" || format == "jsonl" {
			b.gate("B17", fmt.Sprintf("peak resident memory of verify -o %s in MiB, %d bundles", format, many), float64(large)/1024, 64, true, "48")
			continue
		}
		b.gate("B17", fmt.Sprintf("resident memory of verify -o %s in KiB a bundle", format), float64(large-small)/float64(many-few), 3, true, "1")
	}
	for range b.rounds {
		for procs, name := range map[int]string{1: "batch, 1", 2: "batch, 2"} {
			if err := b.once(variant{name, procs, command(few, "text")}); err != nil {
				return err
			}
		}
	}
	b.gate("B18", "verify of a folder, 2 processors : 1 processor", b.ratio("batch, 1", "batch, 2"), 1.5, false, "1.8")
	return nil
}

// writeFolder writes the ledger's records as files, a thousand a folder, over and over.
func (b *bench) writeFolder(dir string, n int) error {
	for i := 0; i < n; {
		f, err := os.Open(b.path("ledger.jsonl"))
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for ; i < n && lines.Scan(); i++ {
			sub := filepath.Join(dir, fmt.Sprintf("%04d", i/1000))
			if i%1000 == 0 {
				if err := os.MkdirAll(sub, 0o755); err != nil {
					return err
				}
			}
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("%06d.bundle.json", i)), lines.Bytes(), 0o644); err != nil {
				return err
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
