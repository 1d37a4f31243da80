package probe

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

func delays(ms ...float64) (list []*int64) {
	for _, x := range ms {
		ns := int64(math.Round(x * 1e6))
		list = append(list, &ns)
	}
	return list
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6 }

// By hand: interpolated between the two nearest ranks, and divided by n.
func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		name             string
		delays           []*int64
		n                int
		p50, p95, jitter float64
	}{
		{"one", delays(5), 1, 5, 5, 0},
		{"two", delays(2, 1), 2, 1.5, 1.95, 0.5},
		{"four", delays(1, 2, 3, 4), 4, 2.5, 3.85, 1.118034},
		{"an outlier", delays(10, 110, 10, 10), 4, 10, 95, 43.301270},
		{"a lost one is left out", append(delays(1, 2), nil), 2, 1.5, 1.95, 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, answered := Summarize(c.delays)
			if !answered || s.N != c.n || !near(s.P50, c.p50) || !near(s.P95, c.p95) || !near(s.Jitter, c.jitter) {
				t.Errorf("%+v, want %+v", s, c)
			}
		})
	}
	if _, answered := Summarize([]*int64{nil, nil}); answered {
		t.Error("nothing was answered, and there are figures")
	}
}

// Python's statistics module judges random lists: quantiles(method="inclusive")
// interpolates as the original's agent does, pstdev is the population's deviation.
func TestSummarizeAgainstPython(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var lists [][]float64
	for range 200 {
		list := make([]float64, 2+random.IntN(60))
		for i := range list {
			list[i] = math.Round(random.ExpFloat64()*20e6) / 1e6
		}
		lists = append(lists, list)
	}
	data, err := json.Marshal(lists)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", `
import json, statistics, sys
for l in json.load(sys.stdin):
    q = statistics.quantiles(l, n=100, method="inclusive")
    print(len(l), repr(q[49]), repr(q[94]), repr(statistics.pstdev(l)))`)
	cmd.Stdin = strings.NewReader(string(data))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var want Summary
		if _, err := fmt.Sscan(line, &want.N, &want.P50, &want.P95, &want.Jitter); err != nil {
			t.Fatal(err)
		}
		got, _ := Summarize(delays(lists[i]...))
		if got.N != want.N || !near(got.P50, want.P50) || !near(got.P95, want.P95) || !near(got.Jitter, want.Jitter) {
			t.Errorf("list %d: %+v, Python %+v", i, got, want)
		}
		compared++
	}
	if compared != len(lists) {
		t.Errorf("%d lists compared", compared)
	}
}
