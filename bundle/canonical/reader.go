package canonical

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// Parse reads exactly one JSON value (RFC 8259) under the strict rules of the
// package. Its error is always an [*Error] with code, place and pointer. The
// document keeps data, which must not be changed afterwards.
func Parse(data []byte, options Options) (*Document, error) { return new(Reader).Parse(data, options) }

// Reader reads documents one after the other into the same memory, for callers
// that have very many of them. The zero Reader is ready to use; it serves one
// goroutine at a time.
type Reader struct {
	parser parser
	doc    Document
}

// Parse is as the function [Parse], but the document and every [Value] of it
// are valid only until the next call.
func (r *Reader) Parse(data []byte, options Options) (*Document, error) {
	options = options.withDefaults()
	p := &r.parser
	p.src, p.options, p.depth = data, options, 0
	p.nodes, p.order, p.pending = p.nodes[:0], p.order[:0], p.pending[:0]
	if len(data) > options.MaxBytes {
		return nil, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("the input is larger than %d bytes", options.MaxBytes)}
	}
	if p.nodes == nil {
		// A genuine bundle has about one value in 29 bytes.
		n := min(len(data)/24+8, 1024)
		p.nodes, p.order = make([]node, 0, n), make([]uint32, 0, n)
	}
	if err := p.document(); err != nil {
		return nil, err.locate(data)
	}
	r.doc = Document{src: data, nodes: p.nodes, order: p.order}
	return &r.doc, nil
}

// parser fills the tape in one pass. Its methods take the offset at which to
// read and return the offset after what they read.
type parser struct {
	src     []byte
	options Options
	nodes   []node
	order   []uint32
	pending []uint32 // members of the objects that are still open
	depth   int
}

func (p *parser) fail(code Code, offset int, format string, args ...any) *Error {
	return &Error{Code: code, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}

// unexpected says what stands where something else was wanted.
func (p *parser) unexpected(i int, want string) *Error {
	if i >= len(p.src) {
		return p.fail(CodeTruncated, len(p.src), "the input ends where %s was expected", want)
	}
	return p.fail(CodeSyntax, i, "expected %s, found %s", want, quoteByte(p.src[i]))
}

func quoteByte(c byte) string {
	if c < 0x20 || c >= 0x7F {
		return fmt.Sprintf("byte 0x%02X", c)
	}
	return strconv.QuoteRune(rune(c))
}

func (p *parser) document() *Error {
	start := 0
	if hasBOM(p.src) {
		if !p.options.AllowBOM {
			return p.fail(CodeByteOrderMark, 0, "the input starts with a byte order mark")
		}
		start = 3
	}
	i := p.space(start)
	if i == len(p.src) {
		return p.fail(CodeEmpty, i, "the input is empty")
	}
	i, err := p.value(i, span{}, 0)
	if err != nil {
		return err
	}
	if i = p.space(i); i != len(p.src) {
		return p.fail(CodeTrailingData, i, "data after the end of the JSON value")
	}
	return nil
}

func (p *parser) space(i int) int {
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\n' || p.src[i] == '\r' || p.src[i] == '\t') {
		i++
	}
	return i
}

// value reads one value that carries the given member name, if any.
func (p *parser) value(i int, name span, nameFlags flags) (int, *Error) {
	if i >= len(p.src) {
		return 0, p.unexpected(i, "a value")
	}
	self := len(p.nodes)
	if self >= p.options.MaxValues {
		return 0, p.fail(CodeTooManyValues, i, "more than %d values", p.options.MaxValues)
	}
	p.nodes = append(p.nodes, node{name: name, value: span{start: uint32(i)}})
	var kind Kind
	var f flags
	var end int
	var err *Error
	switch c := p.src[i]; {
	case c == '"':
		kind = String
		end, f, err = p.text(i + 1)
	case c == '{':
		kind = Object
		end, f, err = p.object(i, self)
	case c == '-' || '0' <= c && c <= '9':
		kind = Number
		end, f, err = p.number(i)
	case c == '[':
		kind = Array
		end, f, err = p.array(i, self)
	default:
		end, kind, err = p.literal(i)
		f = rawBoth
	}
	if err != nil {
		return 0, err
	}
	n := &p.nodes[self]
	n.kind, n.flags, n.value.end, n.next = kind, f|nameFlags, uint32(end), uint32(len(p.nodes))
	return end, nil
}

func (p *parser) literal(i int) (int, Kind, *Error) {
	for _, l := range [...]struct {
		word string
		kind Kind
	}{{"true", Bool}, {"false", Bool}, {"null", Null}} {
		if len(p.src)-i >= len(l.word) && string(p.src[i:i+len(l.word)]) == l.word {
			return i + len(l.word), l.kind, nil
		}
	}
	// Python writes and reads these three; they are not JSON (RFC 8259 §6), and
	// a hash over them could not be made by any other reader.
	for _, word := range []string{"NaN", "Infinity"} {
		if bytes.HasPrefix(p.src[i:], []byte(word)) {
			return 0, 0, p.fail(CodeNotANumber, i, "%s is not a JSON value", word)
		}
	}
	return 0, 0, p.unexpected(i, "a value")
}

// enter counts a level of nesting that starts at i.
func (p *parser) enter(i int) *Error {
	if p.depth++; p.depth > p.options.MaxDepth {
		return p.fail(CodeTooDeep, i, "nested deeper than %d levels", p.options.MaxDepth)
	}
	return nil
}

// blank skips white space and takes rawBoth from the flags when there was any:
// canonical forms have none.
func (p *parser) blank(i int, f *flags) int {
	if i < len(p.src) && p.src[i] > ' ' {
		return i
	}
	j := p.space(i)
	if j != i {
		*f &^= rawBoth
	}
	return j
}

// next reads what follows a child: a comma, after which another child starts, or
// the closing byte.
func (p *parser) next(i int, closing byte, f *flags) (at int, more bool, err *Error) {
	i = p.blank(i, f)
	if i < len(p.src) {
		switch p.src[i] {
		case ',':
			return p.blank(i+1, f), true, nil
		case closing:
			return i + 1, false, nil
		}
	}
	return 0, false, p.unexpected(i, fmt.Sprintf("',' or '%c'", closing))
}

// array reads the array that starts at i. Its flags say whether its spelling is
// canonical: no white space, and every child canonical.
func (p *parser) array(i, self int) (int, flags, *Error) {
	if err := p.enter(i); err != nil {
		return 0, 0, err
	}
	f, count := rawBoth, 0
	i = p.blank(i+1, &f)
	more := i >= len(p.src) || p.src[i] != ']'
	if !more {
		i++
	}
	for more {
		child := len(p.nodes)
		end, err := p.value(i, span{}, 0)
		if err != nil {
			return 0, 0, err.within(strconv.Itoa(count))
		}
		f &= p.nodes[child].flags
		count++
		if i, more, err = p.next(end, ']', &f); err != nil {
			return 0, 0, err
		}
	}
	p.depth--
	p.nodes[self].count = uint32(count)
	return i, f & rawBoth, nil
}

// object reads the object that starts at i, and sorts its members.
func (p *parser) object(i, self int) (int, flags, *Error) {
	if err := p.enter(i); err != nil {
		return 0, 0, err
	}
	base := len(p.pending)
	raw, found, sorted := rawBoth, flags(0), true
	i = p.blank(i+1, &raw)
	more := i >= len(p.src) || p.src[i] != '}'
	if !more {
		i++
	}
	for more {
		member := uint32(len(p.nodes))
		end, f, err := p.member(i)
		if err != nil {
			return 0, 0, err
		}
		raw &= f
		found |= f&highNames | p.nodes[member].flags&nameEscaped
		if sorted && len(p.pending) > base && !p.rises(p.pending[len(p.pending)-1], member) {
			if p.compareNames(p.pending[len(p.pending)-1], member) == 0 {
				return 0, 0, p.duplicate(member)
			}
			sorted = false
		}
		p.pending = append(p.pending, member)
		if i, more, err = p.next(end, '}', &raw); err != nil {
			return 0, 0, err
		}
	}
	p.depth--
	members := p.pending[base:]
	if !sorted {
		raw &^= rawBoth
		if len(members) <= 24 && found&nameEscaped == 0 {
			p.insertionSort(members)
		} else {
			p.sortMembers(members, found&nameEscaped != 0)
		}
		for k := 1; k < len(members); k++ {
			if !p.rises(members[k-1], members[k]) {
				return 0, 0, p.duplicate(max(members[k-1], members[k]))
			}
		}
	}
	if found&highNames != 0 {
		raw &^= rawJCS // the order of the input is code-point order; jcs may want another
	}
	n := &p.nodes[self]
	n.order, n.count = uint32(len(p.order)), uint32(len(members))
	p.order = append(p.order, members...)
	p.pending = p.pending[:base]
	return i, raw&rawBoth | found&highNames, nil
}

// member reads one name, the colon and the value. The flags say whether all of
// it is spelled canonically, and whether the name reaches into highNames.
func (p *parser) member(i int) (int, flags, *Error) {
	if i >= len(p.src) || p.src[i] != '"' {
		return 0, 0, p.unexpected(i, "a member name in double quotes")
	}
	end, f, err := p.text(i + 1)
	if err != nil {
		return 0, 0, err
	}
	name := span{uint32(i + 1), uint32(end - 1)}
	var nameFlags flags
	if f&escaped != 0 {
		nameFlags = nameEscaped
	}
	high := f & highNames
	i = p.blank(end, &f)
	if i >= len(p.src) || p.src[i] != ':' {
		return 0, 0, p.unexpected(i, "':'")
	}
	start := p.blank(i+1, &f)
	self := len(p.nodes)
	end, err = p.value(start, name, nameFlags)
	if err != nil {
		return 0, 0, err.within(string(unescaped(p.src[name.start:name.end], nameFlags != 0)))
	}
	return end, f&p.nodes[self].flags&rawBoth | high, nil
}

func (p *parser) compareNames(a, b uint32) int {
	x, y := &p.nodes[a], &p.nodes[b]
	m, n := p.src[x.name.start:x.name.end], p.src[y.name.start:y.name.end]
	if (x.flags|y.flags)&nameEscaped != 0 {
		m, n = unescaped(m, x.flags&nameEscaped != 0), unescaped(n, y.flags&nameEscaped != 0)
	}
	if len(m) > 0 && len(n) > 0 && m[0] != n[0] {
		return int(m[0]) - int(n[0]) // settles most comparisons
	}
	return bytes.Compare(m, n)
}

// rises reports whether name b comes after name a. The first bytes settle most
// cases, without a call.
func (p *parser) rises(a, b uint32) bool {
	x, y := &p.nodes[a], &p.nodes[b]
	if (x.flags|y.flags)&nameEscaped == 0 {
		if m, n := p.src[x.name.start], p.src[y.name.start]; m != n && m != '"' && n != '"' { // a quote ends an empty name
			return m < n
		}
	}
	return p.compareNames(a, b) < 0
}

// insertionSort sorts a handful of members, as genuine objects have.
func (p *parser) insertionSort(members []uint32) {
	for k := 1; k < len(members); k++ {
		m, j := members[k], k
		for ; j > 0 && p.rises(m, members[j-1]); j-- {
			members[j] = members[j-1]
		}
		members[j] = m
	}
}

// sortMembers sorts by name. Names with escapes are resolved once, not at each
// comparison.
func (p *parser) sortMembers(members []uint32, escapes bool) {
	if !escapes {
		slices.SortFunc(members, p.compareNames)
		return
	}
	d := Document{src: p.src, nodes: p.nodes}
	names := make(map[uint32][]byte, len(members))
	for _, m := range members {
		names[m] = d.nameBytes(m)
	}
	slices.SortFunc(members, func(a, b uint32) int { return bytes.Compare(names[a], names[b]) })
}

func (p *parser) duplicate(i uint32) *Error {
	d := Document{src: p.src, nodes: p.nodes}
	name := d.name(i)
	e := p.fail(CodeDuplicateName, int(p.nodes[i].name.start)-1, "the member name stands twice in one object")
	return e.within(name)
}
