package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/judge"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

// maxHeld bounds the bytes of inputs that are not read a second time.
const maxHeld = 1 << 20

// batch verifies the inputs of one run on all processors: every input is read and looked
// at first, and read again and judged when all are known, so that none need be held
// meanwhile, however many there are.
type batch struct {
	flags   *verifyFlags
	policy  verify.Policy
	keyring *source.Keyring
	places  []source.Place
	judge   *judge.Batch
	known   *verify.Batch
	tick    func(round, done, of int)

	mu       sync.Mutex
	held     map[int]*source.Input // what is not read again: a few
	heldSize int
	left     map[int]*source.Skipped // what turned out to be no input

	index    []int                 // of the inputs that are judged, among the places
	replaced map[int]int           // by a proof's index, that of the later proof that has its artifact now
	present  map[int][]verify.Note // with --session: notes on the session's present proofs
}

// newBatch returns the batch of some places.
func (f *verifyFlags) newBatch(policy verify.Policy, keyring *source.Keyring, places []source.Place) (*batch, error) {
	j, err := judge.NewBatch(policy, len(places))
	if err != nil {
		return nil, err
	}
	return &batch{flags: f, policy: policy, keyring: keyring, places: places, judge: j, tick: func(int, int, int) {}, held: map[int]*source.Input{}, left: map[int]*source.Skipped{}}, nil
}

// judge verifies inputs that were read already.
func (f *verifyFlags) judge(policy verify.Policy, keyring *source.Keyring, inputs []source.Input) (results []render.Result, err error) {
	var places []source.Place
	for _, in := range inputs {
		places = append(places, source.Held(in))
	}
	b, err := f.newBatch(policy, keyring, places)
	if err == nil {
		err = b.look(context.Background())
	}
	if err == nil {
		err = b.judged(context.Background(), func(r render.Result) error { results = append(results, r); return nil })
	}
	return results, err
}

// each calls f for 0 to n-1, on all processors, until ctx ends or f errs.
func each(ctx context.Context, n int, f func(int) error) error {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		once  sync.Once
		first error
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					cancel()
				}
			}
		})
	}
	group.Wait()
	if first != nil {
		return first
	}
	return context.Cause(ctx)
}

// read reads place i, or returns what was held of it.
func (b *batch) read(i int) (source.Input, *source.Skipped) {
	b.mu.Lock()
	held := b.held[i]
	b.mu.Unlock()
	if held != nil {
		return *held, nil
	}
	in, left := b.places[i].Read()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case left != nil:
		b.left[i] = left
	case b.places[i].Again() && b.heldSize+len(in.Data) <= maxHeld:
		b.heldSize += len(in.Data)
		b.held[i] = &in
	}
	return in, left
}

// look is the first round.
func (b *batch) look(ctx context.Context) error {
	n := len(b.places)
	var done atomic.Int64
	err := each(ctx, n, func(i int) (err error) {
		in, left := b.read(i)
		if left == nil && n > 1 {
			err = b.judge.Look(i, b.input(i, in))
		}
		b.tick(1, int(done.Add(1)), n)
		return err
	})
	b.index = make([]int, 0, n)
	for i := range n {
		if b.left[i] == nil {
			b.index = append(b.index, i)
		}
	}
	if err != nil {
		return err
	}
	b.known = b.judge.Looked()
	return b.findReplaced()
}

// input is place i as the judge takes it.
func (b *batch) input(i int, in source.Input) judge.Input {
	return judge.Input{Name: in.Name, Data: in.Data, Packed: in.Packed, Err: in.Err,
		Attach: func(x *bundle.Bundle) ([]verify.Note, error) {
			if later, was := b.replaced[i]; was {
				return []verify.Note{{Code: verify.RecordReplaced, Message: "the session was finalized again: its artifact is now that of " + b.places[later].Name + ", and the one of this proof is not at hand"}}, nil
			}
			return attachArtifact(b.flags, in, x)
		},
		Keys: func() judge.Keys { return judge.Keys(b.keyring.For(in)) },
	}
}

// findReplaced finds the proofs whose artifact was replaced by that of a later proof of
// their session, as after a second finalize. Both must be genuinely signed, and so must
// their order be: where the artifact is that of an earlier proof, somebody put it back,
// and the later one, which may say worse, has not been replaced.
func (b *batch) findReplaced() error {
	b.replaced = map[int]int{}
	settled := map[int32][]int{} // by the session's first proof, those that have their artifact
	proven := func(i int) (*verify.Report, error) {
		in, _ := b.read(i)
		r, err := b.judge.Alone(b.input(i, in))
		if err != nil || r.Bundle == nil || !r.Report.Proven() {
			return nil, err
		}
		return r.Report, nil
	}
	for _, i := range b.index {
		if !b.known.Lost(i) {
			continue
		}
		session := b.known.OfSession(i)
		with, looked := settled[session[0]]
		if !looked {
			for _, k := range session {
				if !b.known.Fits(int(k)) {
					continue
				}
				report, err := proven(int(k))
				if err != nil {
					return err
				}
				if report != nil && report.Outcome(verify.ArtifactHash) == verify.Pass {
					with = append(with, int(k))
				}
			}
			settled[session[0]] = with
		}
		at := slices.IndexFunc(with, func(k int) bool { return b.known.Later(k, i) })
		if at < 0 {
			continue
		}
		report, err := proven(i)
		if err != nil {
			return err
		}
		if report != nil && report.Outcome(verify.ArtifactHash) == verify.Fail {
			b.replaced[i] = with[at]
		}
	}
	if b.flags.session != "" {
		b.onlyPresent()
	}
	return nil
}

// onlyPresent leaves out the replaced proofs where a session was asked for: its present
// proof answers, and names the others.
func (b *batch) onlyPresent() {
	b.present = map[int][]verify.Note{}
	for _, i := range b.index {
		if later, was := b.replaced[i]; was {
			b.present[later] = append(b.present[later], verify.Note{Code: verify.RecordReplaced,
				Message: fmt.Sprintf("the session was finalized more than once: %s is an earlier proof of it, genuinely signed, whose artifact this one's has replaced", b.places[i].Name)})
		}
	}
	b.index = slices.DeleteFunc(b.index, func(i int) bool { _, was := b.replaced[i]; return was })
}

// judged is the second round: it hands on the results in the order of the inputs.
func (b *batch) judged(ctx context.Context, add func(render.Result) error) error {
	type work struct {
		i      int
		result render.Result
		err    error
		done   chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	jobs, order := make(chan *work), make(chan *work, 2*workers)
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for range min(workers, len(b.index)) {
		group.Go(func() {
			for w := range jobs {
				in, left := b.read(w.i)
				if left != nil {
					in = source.Input{Name: b.places[w.i].Name, Err: judge.ErrChanged}
				}
				w.result, w.err = b.judge.Judge(w.i, b.input(w.i, in))
				w.result.Notes = append(w.result.Notes, b.present[w.i]...)
				close(w.done)
			}
		})
	}
	group.Go(func() {
		defer close(order)
		defer close(jobs)
		for _, i := range b.index {
			w := &work{i: i, done: make(chan struct{})}
			select {
			case order <- w:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- w:
			case <-ctx.Done():
				w.err = ctx.Err()
				close(w.done)
				return
			}
		}
	})
	n := 0
	for w := range order {
		<-w.done
		if w.err != nil {
			return w.err
		}
		if err := add(w.result); err != nil {
			return err
		}
		n++
		b.tick(2, n, len(b.index))
	}
	return ctx.Err()
}

// chain holds the inputs to each other; the numbers are those of the results.
func (b *batch) chain() *verify.Chain {
	c := b.judge.Chain()
	number := make([]int, len(b.places))
	for n, i := range b.index {
		number[i] = n
	}
	for _, list := range [][]int{c.Firsts, c.Starts} {
		for k := range list {
			list[k] = number[list[k]]
		}
	}
	for _, rivals := range slices.Concat(c.Forks, c.Sessions) {
		for k := range rivals.Reports {
			rivals.Reports[k] = number[rivals.Reports[k]]
		}
	}
	return c
}
