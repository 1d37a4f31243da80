package verify

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
)

// doubles finds the rows that share a key (a session, an artifact) in bounded
// memory: fingerprints are sorted in runs, the runs written out and merged at
// the end. Fingerprints are seeded, so nobody can make keys that collide, and
// every hit is compared in full.
type doubles struct {
	seed  maphash.Seed
	runs  *tape
	sizes []int // entries in each run on the tape
	run   []double
	order []uint64
	block []byte
}

// double is one key of one row. The lowest bit of what says whether the key is
// an artifact's, the others are the row.
type double struct {
	fingerprint uint64 // its lowest indexBits are zero
	what        int64
}

const (
	indexBits  = 15
	runEntries = 1 << indexBits
	doubleSize = 16
)

func newDoubles(s Scratch) *doubles {
	return &doubles{seed: maphash.MakeSeed(), runs: newTape(s)}
}

// add remembers that a row has a key, of its artifact or of its session.
func (d *doubles) add(key *[16]byte, row int64, ofArtifact bool) {
	e := double{maphash.Bytes(d.seed, key[:]), row << 1}
	if ofArtifact {
		e.what |= 1
		e.fingerprint ^= 1 << 63 // a session and an artifact are no group
	}
	e.fingerprint &^= runEntries - 1
	if d.run == nil {
		d.run, d.order = make([]double, 0, runEntries), make([]uint64, 0, runEntries)
	}
	d.run = append(d.run, e)
	if len(d.run) == runEntries {
		d.spill()
	}
}

func compareDoubles(a, b double) int {
	if a.fingerprint != b.fingerprint {
		return cmp.Compare(a.fingerprint, b.fingerprint)
	}
	return cmp.Compare(a.what, b.what)
}

// sorted yields the run's entries in order. What is sorted is words, each a
// fingerprint with the entry's index in its empty bits: several times as fast as
// entries with a function to compare them.
func (d *doubles) sorted() iter.Seq[double] {
	d.order = d.order[:0]
	for i, e := range d.run {
		d.order = append(d.order, e.fingerprint|uint64(i))
	}
	slices.Sort(d.order)
	return func(yield func(double) bool) {
		for _, o := range d.order {
			if !yield(d.run[o&(runEntries-1)]) {
				return
			}
		}
	}
}

func (d *doubles) spill() {
	for e := range d.sorted() {
		d.block = binary.LittleEndian.AppendUint64(d.block[:0], e.fingerprint)
		d.runs.append(binary.LittleEndian.AppendUint64(d.block, uint64(e.what)))
	}
	d.sizes = append(d.sizes, len(d.run))
	d.run = d.run[:0]
}

// groups calls f with the rows of every fingerprint that more than one row has,
// in the order of the input. The slice is f's only until it returns. A group is
// cut at maxGroup rows; f is then called with the next ones and the first row
// again.
func (d *doubles) groups(f func(rows []int64, ofArtifact bool)) {
	var group []int64
	var fingerprint uint64
	var kind int64
	flush := func() {
		if len(group) > 1 {
			f(group, kind == 1)
		}
	}
	for e := range d.all() {
		if e.fingerprint != fingerprint || e.what&1 != kind {
			flush()
			group = group[:0]
		}
		fingerprint, kind = e.fingerprint, e.what&1
		if len(group) == maxGroup {
			flush()
			group = group[:1]
		}
		group = append(group, e.what>>1)
	}
	flush()
}

// all yields every entry in order.
func (d *doubles) all() iter.Seq[double] {
	if len(d.sizes) == 0 {
		return d.sorted()
	}
	d.spill()
	return func(yield func(double) bool) {
		m := merge{doubles: d}
		at := int64(0)
		for _, n := range d.sizes {
			m.push(&runReader{tape: d.runs, at: at, left: n})
			at += int64(n) * doubleSize
		}
		for e, ok := m.next(); ok && yield(e); e, ok = m.next() {
		}
	}
}

const maxGroup = 4096

// runReader reads one sorted run in blocks.
type runReader struct {
	tape  *tape
	at    int64
	left  int // entries still on the tape
	block []double
	store []double
	raw   []byte
}

func (r *runReader) fill() bool {
	if len(r.block) > 0 {
		return true
	}
	n := min(r.left, 256)
	if n == 0 {
		return false
	}
	if r.raw == nil {
		r.raw, r.store = make([]byte, 256*doubleSize), make([]double, 256)
	}
	r.tape.read(r.raw[:n*doubleSize], r.at)
	r.at += int64(n) * doubleSize
	r.left -= n
	r.block = r.store[:0]
	for i := range n {
		b := r.raw[i*doubleSize:]
		r.block = append(r.block, double{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))})
	}
	return true
}

// merge is a heap of runs by their next entry.
type merge struct {
	*doubles
	heap []*runReader
}

func (m *merge) push(r *runReader) {
	if r.fill() {
		m.heap = append(m.heap, r)
		for i := len(m.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if compareDoubles(m.heap[up].block[0], m.heap[i].block[0]) <= 0 {
				break
			}
			m.heap[up], m.heap[i] = m.heap[i], m.heap[up]
			i = up
		}
	}
}

func (m *merge) next() (double, bool) {
	if len(m.heap) == 0 {
		return double{}, false
	}
	top := m.heap[0]
	e := top.block[0]
	if top.block = top.block[1:]; !top.fill() {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	for i := 0; ; {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(m.heap) && compareDoubles(m.heap[c].block[0], m.heap[least].block[0]) < 0 {
				least = c
			}
		}
		if least == i {
			return e, true
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}
