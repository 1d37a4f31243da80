package verify

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify/internal/fixedkey"
)

// An audit is a pipeline: the caller's goroutine fills batches with raw records,
// workers judge the records of a batch, and one goroutine takes the batches in
// order and follows the chain. Batches are reused, and there are a few of them,
// so memory depends on the number of workers alone.

const (
	batchBytes   = 256 << 10
	batchRecords = 512
	// maxBatchBuffer is the largest buffer that a batch keeps for the next round.
	maxBatchBuffer = 1 << 20
)

// audit is what all parts of one run share.
type audit struct {
	*Verifier
	options  LedgerOptions
	profiles []canonical.Profile
	always   bool // the policy asks for more than the short way looks at

	begin   func(first []byte) // is called with the first record before any is judged
	past    int64              // the signatures of so many records at the start are left out
	mu      sync.Mutex
	known   map[string]*trusted
	tables  atomic.Int32
	stopped atomic.Bool
	err     error // why it stopped; set once, before stopped
	once    sync.Once
}

// stop ends the audit with an internal error.
func (a *audit) stop(err error) {
	a.once.Do(func() {
		a.err = err
		a.stopped.Store(true)
	})
}

// lookup looks a kid up for all workers.
func (a *audit) lookup(kid string) *trusted {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.known[kid]; ok {
		return t
	}
	t := &trusted{kid: kid, engine: &engine{}}
	if key, err := a.policy.Keys.Lookup(kid); err == nil {
		t.key, t.windows = key, key.Window.Bounded()
		t.usable = a.pinned(key)
	}
	if len(a.known) < maxKIDs {
		a.known[kid] = t
	}
	return t
}

func (a *audit) pinned(key jwks.Key) bool {
	if len(a.policy.Pins) == 0 {
		return true
	}
	for _, pin := range a.policy.Pins {
		if key.Thumbprint() == pin {
			return true
		}
	}
	return false
}

// item is one raw record in a batch's memory.
type item struct {
	data, artifact [2]int // bounds in the batch's buffer; artifact is empty without one
	input          string
	line, number   int64
	err            error
}

type batch struct {
	sequence int
	buffer   []byte
	items    []item
	records  []record // one an item
}

func (b *batch) reset(sequence int) {
	if cap(b.buffer) > maxBatchBuffer {
		b.buffer = nil
	}
	if b.buffer == nil {
		b.buffer = make([]byte, 0, batchBytes+32<<10)
	}
	b.sequence, b.buffer, b.items = sequence, b.buffer[:0], b.items[:0]
	clear(b.records) // reports and texts of the round before
	b.records = b.records[:0]
}

func (b *batch) add(raw bundle.Raw, number int64) {
	it := item{input: raw.Input, line: raw.Line, number: number, err: raw.Err}
	put := func(p []byte) [2]int {
		start := len(b.buffer)
		b.buffer = append(b.buffer, p...)
		return [2]int{start, len(b.buffer)}
	}
	if raw.Err == nil {
		it.data = put(raw.Data)
		if raw.Artifact != nil {
			it.artifact = put(raw.Artifact)
		}
	}
	b.items = append(b.items, it)
}

func (b *batch) data(i int) []byte { return b.buffer[b.items[i].data[0]:b.items[i].data[1]] }

func (b *batch) artifact(i int) []byte {
	it := b.items[i]
	if it.artifact[1] == 0 {
		return nil
	}
	return b.buffer[it.artifact[0]:it.artifact[1]]
}

func (b *batch) full() bool { return len(b.buffer) >= batchBytes || len(b.items) == batchRecords }

// run drives the pipeline. take is called with every batch, in order. The error
// is the one that records ended with.
func (a *audit) run(records iter.Seq2[bundle.Raw, error], take func(*batch)) error {
	workers := a.options.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	n := 2*workers + 1
	free, work, done := make(chan *batch, n), make(chan *batch, n), make(chan *batch, n)
	for range n {
		free <- &batch{}
	}
	var busy sync.WaitGroup
	for range workers {
		busy.Go(func() {
			w := newWorker(a)
			for b := range work {
				a.guarded(func() { w.judge(b) })
				done <- b
			}
		})
	}
	merged := make(chan struct{})
	go func() {
		defer close(merged)
		waiting := map[int]*batch{}
		next := 0
		for b := range done {
			waiting[b.sequence] = b
			for b := waiting[next]; b != nil; b = waiting[next] {
				delete(waiting, next)
				next++
				if !a.stopped.Load() {
					a.guarded(func() { take(b) })
				}
				free <- b
			}
		}
	}()
	err := a.feed(records, free, work)
	close(work)
	busy.Wait()
	close(done)
	<-merged
	return err
}

// guarded ends the audit with an internal error when f panics: a program that
// imports this package must not die of a record.
func (a *audit) guarded(f func()) {
	defer func() {
		if p := recover(); p != nil {
			a.stop(fmt.Errorf("internal error: %v", p))
		}
	}()
	f()
}

// feed fills batches until the records end.
func (a *audit) feed(records iter.Seq2[bundle.Raw, error], free <-chan *batch, work chan<- *batch) (failed error) {
	sequence, number := 0, int64(0)
	b := <-free
	b.reset(sequence)
	for raw, err := range records {
		if err != nil {
			failed = err
			break
		}
		if a.stopped.Load() {
			break
		}
		number++
		if number == 1 && a.begin != nil {
			a.begin(raw.Data)
		}
		b.add(raw, number)
		if b.full() {
			work <- b
			sequence++
			b = <-free
			b.reset(sequence)
		}
	}
	work <- b
	return failed
}

// worker judges batches. Its memory serves one record after the other.
type worker struct {
	*audit
	reader, artifactReader canonical.Reader
	fields                 bundle.Fields
	artifact, proof, text  []byte
	claimed                [32]byte // the artifact's hash, as the proof claims it
	keys                   map[string]*trusted
	groups                 map[*trusted]*group
	verifier               fixedkey.Verifier
	profile                canonical.Profile // under which the last record's hash matched
	parsed                 *bundle.Bundle    // of the record that was judged in full last
}

func newWorker(a *audit) *worker {
	return &worker{audit: a, keys: map[string]*trusted{}, groups: map[*trusted]*group{}}
}

func (w *worker) judge(b *batch) {
	if n := len(b.items); cap(b.records) < n {
		b.records = make([]record, n)
	} else {
		b.records = b.records[:n]
	}
	for i := range b.items {
		w.first(b, i)
	}
	for t, g := range w.groups {
		w.flush(t, g)
	}
	if len(w.groups) > maxTables {
		clear(w.groups) // of keys that may not come again
	}
	recheck := rand.IntN(recheckRecordsOneIn) // mostly beyond the batch
	for i := range b.items {
		w.finish(b, i, i == recheck)
	}
}

// caught turns a panic over one record into a record that could not be judged.
// It is a fault of this program, and nothing is verified by a broken tool.
func caught(r *record) {
	if p := recover(); p != nil {
		r.report, r.verdict, r.unread = internalReport(p), Inconclusive, true
	}
}

// internalReport is the report on a record over which the program broke.
func internalReport(p any) *Report {
	r := unread(Check{ID: Format, Code: InternalError, Message: fmt.Sprintf("the record could not be judged: internal error: %v", p)}, nil)
	r.bound()
	return r
}

// first does what needs no signature.
func (w *worker) first(b *batch, i int) {
	it, r := &b.items[i], &b.records[i]
	r.number, r.line, r.input = it.number, it.line, it.input
	defer caught(r)
	refuse := func(report *Report) { r.report, r.verdict, r.unread = report, report.Verdict(), true }
	if it.err != nil {
		if e := (*canonical.Error)(nil); errors.As(it.err, &e) {
			refuse(MalformedReport(it.err))
		} else {
			refuse(UnreadableReport(it.err))
		}
		return
	}
	doc, err := w.reader.Parse(b.data(i), canonical.Options{AllowBOM: it.line <= 1})
	if err == nil {
		err = w.fields.Read(doc)
	}
	if err != nil {
		if w.options.Explain != nil {
			err = w.options.Explain(err, b.data(i))
		}
		refuse(MalformedReport(err))
		return
	}
	w.attach(b.artifact(i))
	w.read(r)
	r.past = w.hashesOnly(it.number)
	if r.sound = !w.always && w.quick(r); r.sound {
		r.flags |= soundRow
	}
	if !r.past && r.key.usable && r.decoded && r.flags&noThis == 0 {
		w.queue(r)
	}
}

// attach gives the fields an artifact of its own file. One that can't be read is
// for the full checks to tell.
func (w *worker) attach(data []byte) {
	if data == nil || w.fields.Value(bundle.FieldArtifact).Kind() == canonical.Object {
		return
	}
	if doc, err := w.artifactReader.Parse(data, canonical.Options{AllowBOM: true}); err == nil {
		w.fields.Attach(doc)
	}
}

// finish settles the verdict, by the full checks unless the short way was sure.
func (w *worker) finish(b *batch, i int, recheck bool) {
	r := &b.records[i]
	if r.unread {
		return
	}
	defer caught(r)
	sure := r.sound && (r.past && (w.keyUnjudged() || r.mayHaveSigned()) || r.settled && r.holds && r.maySign())
	if sure && !recheck {
		r.verdict = Verified
		return
	}
	report, profile := w.full(b, i)
	r.verdict = report.Verdict()
	switch {
	case sure && r.verdict != Verified:
		w.stop(fmt.Errorf("internal error: the short and the full way judge record %d differently (%s)", r.number, report.Reason()))
	case r.verdict != Verified:
		r.report = report
	}
	if report.Outcome(LedgerHash) == Pass {
		r.flags |= hashHolds
	} else {
		r.computed = w.linkHash(profile)
	}
}

// recheckRecordsOneIn record that the short way is sure of is judged by the full
// checks too. Nobody knows which.
const recheckRecordsOneIn = 4096

// full runs all checks on a record. The signature is not verified again.
func (w *worker) full(b *batch, i int) (*Report, canonical.Profile) {
	record := &b.records[i]
	parsed, err := bundle.Parse(b.data(i))
	if err != nil { // a byte order mark that stands in the middle of a file, say
		return MalformedReport(err), canonical.Unspecified
	}
	if data := b.artifact(i); data != nil && !parsed.Artifact.Exists() && parsed.Generation.BindsArtifact() {
		parsed.Artifact, parsed.ArtifactErr = bundle.ParseArtifact(data)
	}
	r := w.start(parsed)
	r.inAudit, r.settled, r.holds, r.unsigned, r.keyless = true, record.settled, record.holds, record.past, record.past && w.keyUnjudged()
	r.all()
	w.parsed = parsed
	return r.report, r.formulas.profile
}

// linkHash returns the hash that follows from the record's content, for one whose
// this_hash does not.
func (w *worker) linkHash(profile canonical.Profile) [32]byte {
	d, err := bundle.LinkDigest(w.parsed.Entry.PrevHash, w.parsed.Proof.Value, profile)
	if err != nil {
		return [32]byte{}
	}
	return d
}
