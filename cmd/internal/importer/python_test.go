package importer

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// reckoned reads ping's output and fping's list by itself, and sums them up by the
// words of RFC 2330, 5481 and 3550.
const reckoned = `
import json, math, re, sys
def percentile(l, p):
    l = sorted(l)
    return l[max(0, math.ceil(round(p * len(l) / 100, 9)) - 1)]
out = []
for text in json.load(sys.stdin):
    came, sent = [], 0
    for line in text.splitlines():
        m = re.match(r"64 bytes from .* icmp_seq=(\d+) ttl=64 time=(\S+) ms( \(DUP!\))?$", line)
        if m and not m[3]:
            came.append((int(m[1]) - 1, float(m[2])))
        m = re.match(r"(\d+) packets transmitted", line)
        if m:
            sent = int(m[1])
        m = re.match(r"a : (.*)$", line)
        if m:
            words = m[1].split()
            sent = len(words)
            came = [(i, float(w)) for i, w in enumerate(words) if w != "-"]
    by, l = dict(came), [x for _, x in came]
    f = {"sent": sent, "received": len(l), "loss_pct": 100 * (sent - len(l)) / sent}
    if l:
        mean = math.fsum(l) / len(l)
        f.update({"min": min(l), "max": max(l), "mean": mean, "pstdev": math.sqrt(math.fsum((x - mean) ** 2 for x in l) / len(l))})
        for p in (50, 95, 98, 99, 99.9):
            f["p%g" % p] = percentile(l, p)
        f["pdv_p99_minus_min"], f["pdv_p99_9_minus_min"] = f["p99"] - min(l), f["p99.9"] - min(l)
    steps = [abs(by[i] - by[i - 1]) for i in range(1, sent) if i in by and i - 1 in by]
    if steps:
        f["ipdv_mean_abs"], f["ipdv_p95"] = math.fsum(steps) / len(steps), percentile(steps, 95)
    if len(l) > 1:
        j = 0.0
        for a, b in zip(l, l[1:]):
            j += (abs(b - a) - j) / 16
        f["rfc3550_jitter"] = j
    out.append(f)
json.dump(out, sys.stdout)`

// Python reckons the same figures from the same files, with loss, duplicates and
// answers that overtake each other.
func TestAgainstPython(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: python3 is not here")
	}
	random := rand.New(rand.NewPCG(3, 4))
	var formats, texts []string
	for i := range 120 {
		if i%2 == 0 {
			formats, texts = append(formats, "ping"), append(texts, randomPing(random))
		} else {
			formats, texts = append(formats, "fping"), append(texts, randomList(random))
		}
	}
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", reckoned)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]float64
	if err := json.Unmarshal(out, &want); err != nil || len(want) != len(texts) {
		t.Fatalf("%v: %d files", err, len(want))
	}
	for i, text := range texts {
		m, err := Parse(formats[i], []byte(text), "")
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		got := m.Statistics()
		for name, x := range want[i] {
			if y, there := got[name]; !there || math.Abs(x-y) > 1e-9*math.Max(1, math.Abs(x)) {
				t.Errorf("%s: %s is %v, Python has %v", text, name, y, x)
			}
		}
		if len(got) != len(want[i]) {
			t.Errorf("%s: %v, Python has %v", text, got, want[i])
		}
	}
}

func randomPing(random *rand.Rand) string {
	sent := 1 + random.IntN(40)
	order := []int{}
	for n := 1; n <= sent; n++ {
		if random.IntN(5) > 0 {
			order = append(order, n)
		}
	}
	for range len(order) / 4 { // some overtake the one before
		i := 1 + random.IntN(len(order)-1)
		order[i-1], order[i] = order[i], order[i-1]
	}
	var b strings.Builder
	b.WriteString("PING 192.0.2.10 (192.0.2.10) 56(84) bytes of data.\n")
	for _, n := range order {
		fmt.Fprintf(&b, "64 bytes from 192.0.2.10: icmp_seq=%d ttl=64 time=%.3f ms\n", n, random.ExpFloat64()*20)
		if random.IntN(6) == 0 {
			fmt.Fprintf(&b, "64 bytes from 192.0.2.10: icmp_seq=%d ttl=64 time=%.3f ms (DUP!)\n", n, random.ExpFloat64()*20)
		}
	}
	fmt.Fprintf(&b, "\n--- 192.0.2.10 ping statistics ---\n%d packets transmitted, %d received, %d%% packet loss, time %dms\n", sent, len(order), 100*(sent-len(order))/sent, 1000*(sent-1))
	return b.String()
}

func randomList(random *rand.Rand) string {
	var b strings.Builder
	b.WriteString("a :")
	for range 1 + random.IntN(40) {
		if random.IntN(5) == 0 {
			b.WriteString(" -")
		} else {
			fmt.Fprintf(&b, " %.2f", random.ExpFloat64()*20)
		}
	}
	return b.String() + "\n"
}
