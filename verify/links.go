package verify

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// links puts a ledger's records in chain order. Records that follow each other
// in the input as they do in the chain form a segment; an input in order is one
// segment, whatever its length, so memory grows with disorder alone.
type links struct {
	index    *index
	segments []segment
	seed     maphash.Seed
	// computed has the hash that follows from a record's content where its
	// this_hash does not, so that a successor that names it is not accused too.
	computed map[[32]byte]int64
	last     row // the row before
	lastHash [32]byte
	offset   int64 // chain positions that lie before the input, when it starts later
}

// segment is a run of rows, each linked to the one before.
type segment struct {
	start    int64  // first row
	print    uint64 // fingerprint of the first row's prev_hash
	parent   int64  // row that the first one names, or one of those below
	depth    int64  // chain position of the first row, from 0
	root     int32  // segment that links lead up to
	children int32  // segments whose parent is this segment's last row
	placed   bool   // depth is set
	lost     bool   // the first row names no hash
}

const (
	noParent      int64 = -1 // the named record is not there
	genesisParent int64 = -2
	startParent   int64 = -3 // the input starts later in the chain, here
)

// maxComputed bounds links.computed.
const maxComputed = 10_000

// add appends a row and reports whether it continues the one before.
func (l *links) add(r *row, computed *[32]byte, input, session string) (linked bool) {
	at := l.index.count
	genesis := r.flags&genesisRow != 0
	linked = at > 0 && !genesis && r.flags&noPrev == 0 && (r.prev == l.last.this && l.last.flags&noThis == 0 || r.prev == l.lastHash && l.lastHash != [32]byte{})
	if !linked {
		s := segment{start: at, print: l.fingerprint(r.prev[:]), parent: noParent, root: noRoot}
		if genesis {
			s.parent = genesisParent
		}
		s.lost = r.flags&noPrev != 0
		l.segments = append(l.segments, s)
	}
	l.index.append(r, input, session)
	l.last, l.lastHash = *r, r.this
	if r.flags&hashHolds == 0 && computed != nil {
		l.lastHash = *computed
		if l.computed == nil {
			l.computed = map[[32]byte]int64{}
		}
		if len(l.computed) < maxComputed {
			l.computed[*computed] = at
		}
	}
	return linked
}

// fingerprint is seeded: hashes are only claimed, so whoever writes a ledger could
// choose such as share a prefix, and make every search for one a search among all.
func (l *links) fingerprint(hash []byte) uint64 { return maphash.Bytes(l.seed, hash) }

// segmentOf returns the number of the segment that a row is in.
func (l *links) segmentOf(at int64) int {
	i, found := slices.BinarySearchFunc(l.segments, at, func(s segment, at int64) int { return cmp.Compare(s.start, at) })
	if !found {
		i--
	}
	return i
}

// end returns the row after a segment's last.
func (l *links) end(i int) int64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1].start
	}
	return l.index.count
}

// resolve finds every segment's parent in one pass over all rows, and then
// every segment's position in the chain. wanted is one more hash to look for,
// whose row is returned, or noParent.
func (l *links) resolve(wanted *[32]byte) (wantedAt int64) {
	wantedAt = noParent
	open := l.sorted(func(s *segment) bool { return s.parent == noParent && !s.lost }, func(s *segment) uint64 { return s.print })
	if len(open) > 0 || wanted != nil {
		l.scan(func(at int64, encoded []byte) {
			if rowFlags(binary.LittleEndian.Uint32(encoded[140:]))&noThis != 0 {
				return
			}
			this := encoded[:32]
			if wanted != nil && wantedAt == noParent && bytes.Equal(this, wanted[:]) {
				wantedAt = at
			}
			l.follow(open, this, at)
		})
	}
	for i := range l.segments {
		s := &l.segments[i]
		if s.parent != noParent || s.lost {
			continue
		}
		if r := l.index.row(s.start); l.computed != nil {
			if at, ok := l.computed[r.prev]; ok && at != s.start {
				s.parent = at
			}
		}
	}
	l.order()
	return wantedAt
}

// follow makes the row at at the parent of the open segments that name its hash.
func (l *links) follow(open []int32, this []byte, at int64) {
	if len(open) == 0 {
		return
	}
	print := l.fingerprint(this)
	k, found := slices.BinarySearchFunc(open, print, func(i int32, print uint64) int { return cmp.Compare(l.segments[i].print, print) })
	// Of a record that is there twice the first one counts, so segments that name one
	// hash find their parent together, and once.
	if !found || l.segments[open[k]].parent != noParent {
		return
	}
	for ; k < len(open) && l.segments[open[k]].print == print; k++ {
		s := &l.segments[open[k]]
		if r := l.index.row(s.start); bytes.Equal(this, r.prev[:]) {
			s.parent = at
		}
	}
}

// sorted returns the numbers of some segments in the order of a key, and within
// it of the input.
func (l *links) sorted(which func(*segment) bool, key func(*segment) uint64) []int32 {
	n := 0
	for i := range l.segments {
		if which(&l.segments[i]) {
			n++
		}
	}
	list := make([]int32, 0, n)
	for i := range l.segments {
		if which(&l.segments[i]) {
			list = append(list, int32(i))
		}
	}
	slices.SortFunc(list, func(a, b int32) int {
		if x, y := key(&l.segments[a]), key(&l.segments[b]); x != y {
			return cmp.Compare(x, y)
		}
		return int(a - b)
	})
	return list
}

// scan calls f with every row's number and the row as it is encoded, which starts
// with this_hash.
func (l *links) scan(f func(at int64, encoded []byte)) {
	const block = 256
	var buffer [block * rowSize]byte
	for at := int64(0); at < l.index.count; at += block {
		n := min(block, l.index.count-at)
		l.index.rows.read(buffer[:n*rowSize], at*rowSize)
		for i := range n {
			f(at+i, buffer[i*rowSize:][:rowSize])
		}
	}
}

// order computes the depth of every segment. One without a predecessor (a root)
// goes behind what stands before it in the input, for its true position can't be
// known; but not behind what follows from it, or from a later root, so that no
// guess closes a circle.
func (l *links) order() {
	for i := range l.segments {
		l.findRoot(i)
	}
	for i := range l.segments {
		s := &l.segments[i]
		if s.parent >= 0 {
			continue
		}
		s.depth, s.placed = l.offset, true
		if s.parent != noParent {
			continue
		}
		for k := i - 1; k >= 0 && k >= i-maxBehind; k-- {
			if l.segments[k].root < int32(i) {
				l.place(k)
				s.depth = l.depth(l.end(k)-1) + 1
				break
			}
		}
	}
	for i := range l.segments {
		l.place(i)
		if p := l.segments[i].parent; p >= 0 {
			if of := l.segmentOf(p); p == l.end(of)-1 {
				l.segments[of].children++
			}
		}
	}
}

// maxBehind bounds how far order looks back for a place.
const maxBehind = 1024

const (
	noRoot   int32 = -1 // not known yet
	openRoot int32 = -2 // its search is under way
)

// findRoot follows links up to the segment that has none. Claimed hashes may form
// a circle, which no genuine record can close; it is cut open.
func (l *links) findRoot(i int) {
	var path []int
	at := i
	for l.segments[at].root == noRoot {
		l.segments[at].root = openRoot
		path = append(path, at)
		if l.segments[at].parent < 0 {
			break
		}
		next := l.segmentOf(l.segments[at].parent)
		if l.segments[next].root == openRoot {
			l.segments[at].parent = noParent
			break
		}
		at = next
	}
	root := l.segments[at].root
	if root < 0 {
		root = int32(at)
	}
	for _, p := range path {
		l.segments[p].root = root
	}
}

// place computes the depth of a segment whose root has its own.
func (l *links) place(i int) {
	var path []int
	for at := i; !l.segments[at].placed; at = l.segmentOf(l.segments[at].parent) {
		path = append(path, at)
	}
	for k := len(path) - 1; k >= 0; k-- {
		s := &l.segments[path[k]]
		s.depth, s.placed = l.depth(s.parent)+1, true
	}
}

// depth returns the chain position of a row, from 0.
func (l *links) depth(at int64) int64 {
	s := l.segments[l.segmentOf(at)]
	return s.depth + at - s.start
}

// ancestor returns the row at a chain position, from 0, that is another row or leads up
// to it; noParent when there is none.
func (l *links) ancestor(at, depth int64) int64 {
	for steps := 0; at >= 0 && steps <= len(l.segments); steps++ {
		s := l.segments[l.segmentOf(at)]
		switch {
		case depth > s.depth+at-s.start:
			return noParent
		case depth >= s.depth:
			return s.start + depth - s.depth
		}
		at = s.parent
	}
	return noParent
}

// head returns the row at the highest chain position, the first of several, and
// the number of rows that nothing follows.
func (l *links) head() (at int64, ends int) {
	best := int64(-1)
	for i, s := range l.segments {
		last := l.end(i) - 1
		if s.children == 0 {
			ends++
		}
		if d := s.depth + last - s.start; d > best {
			best, at = d, last
		}
	}
	return at, ends
}

// descends reports whether one row is another or follows from it by links.
func (l *links) descends(at, from int64) bool {
	for steps := 0; at >= 0 && steps <= len(l.segments); steps++ {
		s := l.segments[l.segmentOf(at)]
		if s.start <= from && from <= at {
			return true
		}
		at = s.parent
	}
	return false
}

// unordered reports whether some record stands before the one that it follows.
func (l *links) unordered() bool {
	return slices.ContainsFunc(l.segments, func(s segment) bool { return s.parent > s.start })
}
