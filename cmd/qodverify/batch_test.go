package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/judge"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// batchFolder fills a folder with bundles in any order, some of them bad, and returns
// the names in theirs.
func batchFolder(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	good, err := filepath.Glob(filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4", "good", "*.json"))
	if err != nil || len(good) == 0 {
		t.Fatal(good, err)
	}
	bad, err := filepath.Glob(filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4", "tampered", "*.json"))
	if err != nil || len(bad) == 0 {
		t.Fatal(bad, err)
	}
	r := rand.New(rand.NewPCG(14, 7))
	for i := range n {
		from := good[r.IntN(len(good))]
		if r.IntN(10) == 0 {
			from = bad[r.IntN(len(bad))]
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		sub := filepath.Join(dir, fmt.Sprintf("%02d", i%7))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("%06d-%s", i, filepath.Base(from))), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "jwks.json"), testdata.Read("qod-mock-v0.4/jwks.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Of a batch of any size, on any number of processors, each input has the verdict that it
// has by itself, all stand in the order of their names, and what they say together is
// what they say when all are held at once.
func TestBatch(t *testing.T) {
	n := 600
	if testing.Short() {
		n = 150
	}
	dir := batchFolder(t, n)
	reader := &source.Reader{}
	inputs, err := reader.Inputs([]string{dir})
	if err != nil || len(inputs) < n*9/10 {
		t.Fatal(len(inputs), err)
	}
	keyring := &source.Keyring{Reader: reader}
	f := &verifyFlags{}
	held, err := f.judge(verify.Policy{}, keyring, inputs)
	if err != nil {
		t.Fatal(err)
	}
	want := render.NewRun(tool(), held)
	for _, processors := range []int{1, 2, 7} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			var out, errs bytes.Buffer
			code := run([]string{"-o", "jsonl", dir}, strings.NewReader(""), &out, &errs)
			if code != exitFor(want.Verdict()) {
				t.Errorf("exit %d, %s", code, errs.String())
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != len(held)+1 {
				t.Fatalf("%d lines for %d inputs", len(lines), len(held))
			}
			for i, line := range lines[:len(held)] {
				var got struct {
					Result struct{ Input, Verdict, Reason string }
				}
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Fatal(err)
				}
				w := held[i]
				if got.Result.Input != w.Input || got.Result.Verdict != w.Report.Verdict().String() || got.Result.Reason != string(w.Report.Reason()) {
					t.Fatalf("line %d: %+v, want %s %s (%s)", i+1, got.Result, w.Input, w.Report.Verdict(), w.Report.Reason())
				}
				alone, err := f.judge(verify.Policy{}, keyring, []source.Input{inputs[i]})
				if err != nil || alone[0].Report.Verdict() != w.Report.Verdict() {
					t.Fatalf("%s alone: %s, %v", w.Input, alone[0].Report.Verdict(), err)
				}
			}
			var whole bytes.Buffer
			if err := render.Write(&whole, "jsonl", want, render.Options{}); err != nil {
				t.Fatal(err)
			}
			last := strings.Split(strings.TrimSpace(whole.String()), "\n")
			var a, b struct{ Summary, Chain any }
			if err := errors.Join(json.Unmarshal([]byte(last[len(last)-1]), &a), json.Unmarshal([]byte(lines[len(lines)-1]), &b)); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("together: %v, want %v", b, a)
			}
		})
	}
}

// A file that changes between the two rounds gets no verdict.
func TestChangedInput(t *testing.T) {
	b, err := judge.NewBatch(verify.Policy{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) judge.Input {
		return judge.Input{Name: "x", Data: testdata.Read("qod-mock-v0.4/good/" + name), Keys: func() judge.Keys { return judge.Keys{} }}
	}
	for i, name := range []string{"00.bundle.json", "01.bundle.json"} {
		if err := b.Look(i, in(name)); err != nil {
			t.Fatal(err)
		}
	}
	b.Looked()
	for name, want := range map[string]verify.Verdict{"00.bundle.json": verify.Inconclusive, "02.bundle.json": verify.Unreadable} {
		r, err := b.Judge(0, in(name))
		if err != nil || r.Report.Verdict() != want {
			t.Errorf("%s: %s, %v", name, r.Report.Verdict(), err)
		}
	}
}

// A run that is interrupted tells what it judged, and is never verified.
func TestInterruptedBatch(t *testing.T) {
	dir := batchFolder(t, 50)
	reader := &source.Reader{}
	places, err := reader.Places([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&verifyFlags{}).newBatch(verify.Policy{}, &source.Keyring{Reader: reader}, places)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.look(ctx); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = b.judged(ctx, func(render.Result) error {
		if n++; n == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n < 5 || n == len(b.index) {
		t.Errorf("%d of %d results, %v", n, len(b.index), err)
	}
}

// What a run remembers of an input is little, however many there are and however they
// look: the results are not kept.
func TestBatchMemory(t *testing.T) {
	dir := batchFolder(t, 4000)
	heap := func(inputs int) uint64 {
		reader := &source.Reader{}
		places, err := reader.Places([]string{dir})
		if err != nil || len(places) < inputs {
			t.Fatal(len(places), err)
		}
		b, err := (&verifyFlags{}).newBatch(verify.Policy{}, &source.Keyring{Reader: reader}, places[:inputs])
		if err == nil {
			err = b.look(context.Background())
		}
		if err == nil {
			err = b.judged(context.Background(), func(render.Result) error { return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(b)
		return m.HeapAlloc
	}
	few, many := heap(1500), heap(3500)
	if many > few && (many-few)/2000 > 512 {
		t.Errorf("%d bytes an input", (many-few)/2000)
	}
}
