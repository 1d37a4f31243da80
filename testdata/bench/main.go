// Command bench holds qodverify to its gates, all of them ratios, measured
// in one run: the variants take turns, round by round, and medians are compared.
//
//	cd testdata/bench && go run .            # 20,000 records, some minutes
//	cd testdata/bench && go run . -long      # and memory with 200,000 and 1,000,000
//
// It is a module of its own, so that what it compares with burdens nobody else.
// Absolute times are printed and judge nothing. Run it on a quiet machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/qodverify/qodverify/testdata/ledgergen"
)

// gate is one row of the result: a ratio, and on which side of a bound it must
// be.
type gate struct {
	id, what string
	measured float64
	bound    float64
	atMost   bool
	stretch  string
}

func (g gate) holds() bool {
	if g.atMost {
		return g.measured <= g.bound
	}
	return g.measured >= g.bound
}

func (g gate) String() string {
	sign, verdict := ">=", "met"
	if g.atMost {
		sign = "<="
	}
	if !g.holds() {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%-4s %-78s %8.3g  %s %-5.4g %-6s (aim %s)", g.id, g.what, g.measured, sign, g.bound, verdict, g.stretch)
}

func main() {
	n := flag.Int("n", 20_000, "records")
	rounds := flag.Int("rounds", 7, "rounds")
	root := flag.String("root", "../..", "the repository")
	long := flag.Bool("long", false, "measure memory with 200,000 and 1,000,000 records too")
	flag.Parse()
	dir, err := os.MkdirTemp("", "qodverify-bench")
	if err == nil {
		defer os.RemoveAll(dir)
		err = (&bench{dir: dir, root: *root, n: *n, rounds: *rounds, long: *long}).run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	dir, root string
	n, rounds int
	long      bool
	gates     []gate
	times     map[string][]time.Duration
	memory    map[string][]int64 // KiB
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) gate(id, what string, measured, bound float64, atMost bool, stretch string) {
	b.gates = append(b.gates, gate{id, what, measured, bound, atMost, stretch})
}

// build compiles a package of a module.
func build(dir, pkg, out string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// generate writes a ledger of n records.
func generate(name, jwks string, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	set, err := ledgergen.Write(f, n, 42)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.WriteFile(jwks, set, 0o644)
}

func (b *bench) run() error {
	fmt.Printf("%d records, %d rounds; building\n", b.n, b.rounds)
	if err := build(b.root, "./cmd/qodverify", b.path("qodverify")); err != nil {
		return err
	}
	if err := build(".", "./naive", b.path("naive")); err != nil {
		return err
	}
	if err := generate(b.path("ledger.jsonl"), b.path("jwks.json"), b.n); err != nil {
		return err
	}
	python := pythonWithCryptography()
	if python == "" {
		fmt.Println("python3 with cryptography is not here: B1 and B2 are left out")
	}
	if err := b.processes(python); err != nil {
		return err
	}
	// Before anything else: the system counts to a process's peak what its parent
	// held when it was started, so this program must still be small.
	if b.long {
		if err := b.longMemory(); err != nil {
			return err
		}
	}
	if err := b.batches(); err != nil {
		return err
	}
	if err := b.signatures(); err != nil {
		return err
	}
	if err := b.parts(); err != nil {
		return err
	}
	if err := b.worstInputs(); err != nil {
		return err
	}
	slices.SortStableFunc(b.gates, func(x, y gate) int { return number(x.id) - number(y.id) })
	fmt.Println()
	missed := 0
	for _, g := range b.gates {
		fmt.Println(g)
		if !g.holds() {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d gates missed", missed)
	}
	return nil
}

func number(id string) int {
	n, _ := strconv.Atoi(id[1:])
	return n
}

func pythonWithCryptography() string {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import cryptography").Run() != nil {
		return ""
	}
	return python
}

// variant is one program to time: its processors and its command line.
type variant struct {
	name    string
	procs   int
	command []string
}

func (b *bench) audit(ledger string, args ...string) []string {
	return append([]string{b.path("qodverify"), "audit", "--quiet", "--jwks", b.path("jwks.json"), ledger}, args...)
}

func (b *bench) once(v variant) error {
	cmd := exec.Command(v.command[0], v.command[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", v.procs))
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", v.name, err)
	}
	b.times[v.name] = append(b.times[v.name], time.Since(start))
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		b.memory[v.name] = append(b.memory[v.name], usage.Maxrss)
	}
	return nil
}

// processes times whole processes, start and tables included.
func (b *bench) processes(python string) error {
	ledger := b.path("ledger.jsonl")
	variants := []variant{
		{"full, 1", 1, b.audit(ledger)}, {"full, 2", 2, b.audit(ledger)},
		{"stdlib, 1", 1, b.audit(ledger, "--crypto", "stdlib")},
		{"head, 1", 1, b.audit(ledger, "--signatures", "head")},
		{"naive, 1", 1, []string{b.path("naive"), ledger, b.path("jwks.json")}},
	}
	if python != "" {
		script := filepath.Join(b.root, "testdata", "gen", "audit_baseline.py")
		variants = append(variants, variant{"python, 1", 1, []string{python, script, ledger, b.path("jwks.json"), "1"}},
			variant{"python, 2", 2, []string{python, script, ledger, b.path("jwks.json"), "2"}})
	}
	b.times, b.memory = map[string][]time.Duration{}, map[string][]int64{}
	for round := range b.rounds + 1 {
		for _, v := range variants {
			if err := b.once(v); err != nil {
				return err
			}
		}
		if round == 0 { // to fill the caches
			clear(b.times)
		}
		fmt.Printf("\rround %d of %d", round, b.rounds)
	}
	fmt.Println()
	for _, v := range variants {
		t := median(b.times[v.name])
		fmt.Printf("  %-10s %8.0f records/s  %7.2f us/record  %6.1f MiB\n", v.name, float64(b.n)/t.Seconds(), float64(t.Nanoseconds())/1e3/float64(b.n), float64(slices.Max(b.memory[v.name]))/1024)
	}
	if python != "" {
		b.gate("B1", "full audit, 1 processor : Python baseline, 1 process", b.ratio("python, 1", "full, 1"), 7.5, false, "9")
		b.gate("B2", "full audit, 2 processors : Python baseline, 2 processes", b.ratio("python, 2", "full, 2"), 7.5, false, "9")
	}
	b.gate("B3", "full audit : encoding/json and crypto/ed25519, 1 processor", b.ratio("naive, 1", "full, 1"), 5.5, false, "6.5")
	b.gate("B4", "full audit : the same with --crypto stdlib, 1 processor", b.ratio("stdlib, 1", "full, 1"), 3, false, "3.4")
	b.gate("B9", "--signatures head : full audit, 1 processor", b.ratio("full, 1", "head, 1"), 2.8, false, "3.1")
	b.gate("B10", "2 processors : 1 processor", b.ratio("full, 1", "full, 2"), 1.8, false, "1.9")
	b.gate("B11", "peak resident memory in MiB, 2 processors", float64(slices.Max(b.memory["full, 2"]))/1024, 24, true, "12")
	return nil
}

func (b *bench) ratio(slow, fast string) float64 {
	// Of each round by itself: what disturbs the machine disturbs both.
	var ratios []float64
	for i := range b.times[slow] {
		ratios = append(ratios, b.times[slow][i].Seconds()/b.times[fast][i].Seconds())
	}
	return median(ratios)
}

func median[T time.Duration | float64](list []T) T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// longMemory holds memory to its independence of length.
func (b *bench) longMemory() error {
	small := slices.Max(b.memory["full, 2"])
	for _, n := range []int{200_000, 1_000_000} {
		ledger := b.path(fmt.Sprint(n, ".jsonl"))
		if err := generate(ledger, b.path("jwks.json"), n); err != nil {
			return err
		}
		name := fmt.Sprint(n)
		if err := b.once(variant{name, 2, b.audit(ledger)}); err != nil {
			return err
		}
		os.Remove(ledger)
		got := b.memory[name][0]
		fmt.Printf("  %d records: %.1f s, %.1f MiB\n", n, b.times[name][0].Seconds(), float64(got)/1024)
		b.gate("B11", fmt.Sprintf("peak resident memory in MiB, %d records", n), float64(got)/1024, 24, true, "12")
		b.gate("B11", fmt.Sprintf("the same : that of %d records", b.n), float64(got)/float64(small), 1.2, true, "1.04")
	}
	return nil
}

var perSignature = regexp.MustCompile(`(?m)^BenchmarkVerify/(\w+)\S*.*?([\d.]+) ns/sig`)

// signatures compares the tables with crypto/ed25519, by the package's own
// benchmark.
func (b *bench) signatures() error {
	cmd := exec.Command("go", "test", "./verify/internal/fixedkey", "-run", "^$", "-bench", "Verify/(fixedkey|stdlib)", "-benchtime", "150ms", "-count", strconv.Itoa(b.rounds), "-cpu", "1")
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	ns := map[string][]float64{}
	for _, m := range perSignature.FindAllStringSubmatch(string(out), -1) {
		v, _ := strconv.ParseFloat(m[2], 64)
		ns[m[1]] = append(ns[m[1]], v)
	}
	if len(ns["fixedkey"]) == 0 || len(ns["stdlib"]) == 0 {
		return fmt.Errorf("no figures in\n%s", out)
	}
	table, stdlib := median(ns["fixedkey"]), median(ns["stdlib"])
	fmt.Printf("  one signature: %.2f us by tables in groups of 64, %.2f us by crypto/ed25519\n", table/1e3, stdlib/1e3)
	b.gate("B6", "one signature by tables : crypto/ed25519", table/stdlib, 0.25, true, "0.20")
	stages, err := b.stages()
	if err != nil {
		return err
	}
	full := float64(median(b.times["full, 1"]).Nanoseconds()) / float64(b.n)
	fmt.Printf("  reading, canonical forms and two hashes: %.2f us\n", stages/1e3)
	b.gate("B5", "one record of a full audit : the sum of its stages by themselves", full/(stages+table), 1.25, true, "1.12")
	return nil
}
