package telemetry

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

// Every delay lies in its bin, no further from its middle than stated, and the bins
// follow each other without a gap.
func TestBins(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	delays := []int64{0, 1, 127, 128, 129, 255, 256, 257, MaxDelay - 1, MaxDelay}
	for range 100_000 {
		delays = append(delays, random.Int64N(1<<random.IntN(36)+1))
	}
	for _, ns := range delays {
		low, high := Range(Index(ns))
		if ns < low || ns > high || math.Abs(float64(Middle(Index(ns))-ns)) > RelativeError*float64(ns) {
			t.Fatalf("%d is in bin %d of %d to %d, its middle %d", ns, Index(ns), low, high, Middle(Index(ns)))
		}
	}
	last := int64(-1)
	for index := int64(0); index <= MaxIndex; index++ {
		low, high := Range(index)
		if low != last+1 || high < low || Index(low) != index || Index(high) != index {
			t.Fatalf("bin %d is %d to %d, after %d", index, low, high, last)
		}
		last = high
	}
}

// A distribution depends neither on the order of the delays nor on how they came
// apart, and gives every percentile within its error.
func TestDistribution(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + random.IntN(500)
		all := make([]int64, n)
		for i := range all {
			all[i] = int64(random.ExpFloat64() * 20e6)
		}
		lost := int64(random.IntN(3))
		cut := random.IntN(n + 1)
		parts := Pool(slices.Clone(all[:cut]), 0).Distribution.Merge(Pool(slices.Clone(all[cut:]), 0).Distribution)
		random.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
		p := Pool(all, lost)
		if !slices.Equal(parts.Bins, p.Distribution.Bins) || p.Distribution.Count() != int64(n) {
			t.Fatalf("merged %v, together %v", parts.Bins, p.Distribution.Bins)
		}
		if err := p.Fits(); err != nil {
			t.Fatal(err)
		}
		for _, percent := range []int64{1_000, 50_000, 95_000, 99_900, 100_000} {
			index, ok := p.Distribution.At(Rank(percent, int64(n)))
			exact := Latency(all, 0, percent)
			if !ok || exact == nil || Index(*exact) != index {
				t.Fatalf("percentile %d of %d: bin %d, exact %v", percent, n, index, exact)
			}
		}
		if got, want := Latency(all, lost, 100_000) == nil, lost > 0; got != want {
			t.Fatalf("the longest of %d with %d lost: undefined %v", n, lost, got)
		}
	}
}

// The nearest rank, also where the product is a whole number.
func TestRank(t *testing.T) {
	for _, c := range [][3]int64{{50_000, 1, 1}, {50_000, 2, 1}, {50_000, 3, 2}, {95_000, 20, 19}, {95_000, 21, 20}, {99_900, 1000, 999}, {99_900, 1001, 1000}, {100_000, 7, 7}, {0, 7, 0}} {
		if got := Rank(c[0], c[1]); got != c[2] {
			t.Errorf("rank of %d thousandths of %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// Every leaf is shown by its path, at its place alone.
func TestTree(t *testing.T) {
	for n := int64(1); n <= 20; n++ {
		var tree Tree
		var leaves []Hash
		for i := range n {
			leaves = append(leaves, LeafHash([]byte{byte(i)}))
			if err := tree.Add(leaves[i]); err != nil {
				t.Fatal(err)
			}
		}
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			path, err := tree.Prove(i)
			if err != nil {
				t.Fatal(err)
			}
			for j := range n {
				for k, leaf := range leaves {
					if err := Check(path, n, j, root, leaf); (err == nil) != (i == j && int64(k) == i) {
						t.Fatalf("leaf %d with the path of %d at %d of %d: %v", k, i, j, n, err)
					}
				}
			}
			if Check(path, n, n, root, leaves[i]) == nil || Check(path, n, -1, root, leaves[i]) == nil || Check(path, 0, 0, root, leaves[i]) == nil {
				t.Fatal("a place outside the tree")
			}
		}
	}
}

func TestAvailableIn(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_800_000_000+int64(s), 0) }
	s := Session{StartedAt: at(10), ExpiresAt: at(20)}
	for _, c := range []struct {
		from, to int
		want     int64
	}{{10, 20, 1_000_000}, {0, 10, 0}, {0, 9, 0}, {5, 15, 500_000}, {12, 12, 1_000_000}, {9, 9, 0}, {21, 21, 0}, {0, 30, 333_333}, {20, 40, 0}, {0, 10_000_000, 1}} {
		if got := s.AvailableIn(at(c.from), at(c.to)); got != c.want {
			t.Errorf("%d to %d: %d, want %d", c.from, c.to, got, c.want)
		}
	}
	if got := (Session{}).AvailableIn(at(0), at(1)); got != 0 {
		t.Errorf("a session that never began: %d", got)
	}
}

func TestMilliseconds(t *testing.T) {
	for ns, want := range map[int64]string{0: "0", 1: "0.000001", 1_000_000: "1", 195_900_000: "195.9", 60_000_000_000: "60000", 1_234_567: "1.234567"} {
		if got := Milliseconds(ns); got != want {
			t.Errorf("%d: %s, want %s", ns, got, want)
		}
	}
}

func honest(t testing.TB) map[string]*bundle.Bundle {
	var expected map[string]any
	if err := json.Unmarshal(testdata.Read("telemetry/expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	list := map[string]*bundle.Bundle{}
	for name := range expected {
		if strings.HasPrefix(name, "honest/") {
			b, err := bundle.Parse(testdata.Read("telemetry/" + name))
			if err != nil {
				t.Fatal(err)
			}
			list[name] = b
		}
	}
	return list
}

// Both parsers: no panic, and what is read keeps the bounds that callers rely on.
func FuzzParse(f *testing.F) {
	for _, b := range honest(f) {
		f.Add(b.Proof.Telemetry.Raw())
		f.Add(b.Proof.Session.Raw())
		for i, v := range b.Samples.Get("samples").Elements() {
			if i < 2 {
				f.Add(v.Raw())
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := canonical.Parse(data, canonical.Options{})
		if err != nil {
			return
		}
		if c, err := Parse(doc.Root(), "/p"); err == nil {
			if c.Count < 1 || c.Count > MaxSamples || c.Profile == canonical.Unspecified {
				t.Fatalf("%q is read as %+v", data, c)
			}
			if p := c.Pooled; p != nil {
				_ = p.Fits()
				_ = LossPercent(p)
				if p.Sent < 1 || p.Lost < 0 || p.Lost > p.Sent || p.Distribution.Count() > MaxPooled {
					t.Fatalf("%q is read as %+v", data, p)
				}
				Decide(p, c.Decision.LatencyP95, Targets{50, 10})
			}
		}
		if s, err := ParseSession(doc.Root(), "/s"); err == nil {
			if ppm := s.AvailableIn(s.StartedAt, s.ExpiresAt); ppm < 0 || ppm > 1_000_000 {
				t.Fatalf("%q: %d", data, ppm)
			}
		}
		a := &Aggregate{}
		if s, err := a.Add(doc.Root(), ""); err == nil {
			if s.N < 1 || s.N > MaxProbes || s.HasDelays && s.N != int64(len(s.Delays))+s.Lost {
				t.Fatalf("%q is read as %+v", data, s)
			}
			c, err := a.Commitment(Targets{50, 10})
			if err != nil || c.Pooled != nil && c.Pooled.Fits() != nil {
				t.Fatalf("%q: %v %+v", data, err, c.Pooled)
			}
		}
	})
}
