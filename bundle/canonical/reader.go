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
func Parse(data []byte, options Options) (*Document, error) {
	options = options.withDefaults()
	p := &parser{src: data, options: options}
	if len(data) > options.MaxBytes {
		return nil, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("the input is larger than %d bytes", options.MaxBytes)}
	}
	if err := p.document(); err != nil {
		return nil, err.locate(data)
	}
	return &Document{src: data, nodes: p.nodes, order: p.order}, nil
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
	if len(p.nodes) >= p.options.MaxValues {
		return 0, p.fail(CodeTooManyValues, i, "more than %d values", p.options.MaxValues)
	}
	self := len(p.nodes)
	p.nodes = append(p.nodes, node{name: name})
	n := node{name: name, flags: nameFlags}
	var end int
	var err *Error
	switch c := p.src[i]; {
	case c == '"':
		var f flags
		end, f, err = p.text(i + 1)
		n.kind, n.flags = String, n.flags|f
	case c == '{' || c == '[':
		end, err = p.container(i, &n)
	case c == '-' || '0' <= c && c <= '9':
		var f flags
		end, f, err = p.number(i)
		n.kind, n.flags = Number, n.flags|f
	default:
		end, err = p.literal(i, &n)
	}
	if err != nil {
		return 0, err
	}
	n.value = span{uint32(i), uint32(end)}
	n.next = uint32(len(p.nodes))
	p.nodes[self] = n
	return end, nil
}

func (p *parser) literal(i int, n *node) (int, *Error) {
	for _, l := range [...]struct {
		word string
		kind Kind
	}{{"true", Bool}, {"false", Bool}, {"null", Null}} {
		if bytes.HasPrefix(p.src[i:], []byte(l.word)) {
			n.kind = l.kind
			n.flags |= rawBoth
			return i + len(l.word), nil
		}
	}
	// Python writes and reads these three; they are not JSON (RFC 8259 §6), and
	// a hash over them could not be made by any other reader.
	for _, word := range []string{"NaN", "Infinity"} {
		if bytes.HasPrefix(p.src[i:], []byte(word)) {
			return 0, p.fail(CodeNotANumber, i, "%s is not a JSON value", word)
		}
	}
	return 0, p.unexpected(i, "a value")
}

func (p *parser) container(i int, n *node) (int, *Error) {
	p.depth++
	if p.depth > p.options.MaxDepth {
		return 0, p.fail(CodeTooDeep, i, "nested deeper than %d levels", p.options.MaxDepth)
	}
	var end int
	var err *Error
	if p.src[i] == '{' {
		n.kind = Object
		end, err = p.object(i+1, n)
	} else {
		n.kind = Array
		end, err = p.array(i+1, n)
	}
	p.depth--
	return end, err
}

// children reads comma-separated children up to the closing byte and leaves in
// n whether the container's own spelling is canonical: no white space, and
// every child canonical. each reads one child and returns its flags.
func (p *parser) children(i int, closing byte, n *node, each func(i int) (int, flags, *Error)) (int, *Error) {
	raw := rawBoth
	skip := func(i int) int {
		j := p.space(i)
		if j != i {
			raw = 0
		}
		return j
	}
	i = skip(i)
	if i < len(p.src) && p.src[i] == closing {
		n.flags |= raw
		return i + 1, nil
	}
	for {
		end, f, err := each(i)
		if err != nil {
			return 0, err
		}
		raw &= f
		n.count++
		i = skip(end)
		switch {
		case i < len(p.src) && p.src[i] == closing:
			n.flags |= raw
			return i + 1, nil
		case i < len(p.src) && p.src[i] == ',':
			i = skip(i + 1)
		default:
			return 0, p.unexpected(i, fmt.Sprintf("',' or '%c'", closing))
		}
	}
}

func (p *parser) array(i int, n *node) (int, *Error) {
	return p.children(i, ']', n, func(i int) (int, flags, *Error) {
		self := len(p.nodes)
		end, err := p.value(i, span{}, 0)
		if err != nil {
			return 0, 0, err.within(strconv.Itoa(int(n.count)))
		}
		return end, p.nodes[self].flags, nil
	})
}

func (p *parser) object(i int, n *node) (int, *Error) {
	base := len(p.pending)
	sorted, escapes := true, false
	end, err := p.children(i, '}', n, func(i int) (int, flags, *Error) {
		self := uint32(len(p.nodes))
		end, f, err := p.member(i)
		if err != nil {
			return 0, 0, err
		}
		n.flags |= f & highNames
		escapes = escapes || p.nodes[self].flags&nameEscaped != 0
		if len(p.pending) > base && sorted {
			switch c := p.compareNames(p.pending[len(p.pending)-1], self); {
			case c == 0:
				return 0, 0, p.duplicate(self)
			case c > 0:
				sorted = false
			}
		}
		p.pending = append(p.pending, self)
		return end, f, nil
	})
	if err != nil {
		return 0, err
	}
	members := p.pending[base:]
	if !sorted {
		n.flags &^= rawBoth
		p.sortMembers(members, escapes)
		for k := 1; k < len(members); k++ {
			if p.compareNames(members[k-1], members[k]) == 0 {
				return 0, p.duplicate(max(members[k-1], members[k]))
			}
		}
	}
	if n.flags&highNames != 0 {
		n.flags &^= rawJCS // the order of the input is code-point order; jcs may want another
	}
	n.order = uint32(len(p.order))
	p.order = append(p.order, members...)
	p.pending = p.pending[:base]
	return end, nil
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
	i = p.space(end)
	if i >= len(p.src) || p.src[i] != ':' {
		return 0, 0, p.unexpected(i, "':'")
	}
	start := p.space(i + 1)
	if i != end || start != i+1 {
		f &^= rawBoth
	}
	self := len(p.nodes)
	end, err = p.value(start, name, nameFlags)
	if err != nil {
		return 0, 0, err.within(string(unescaped(p.src[name.start:name.end], nameFlags != 0)))
	}
	return end, f&p.nodes[self].flags&rawBoth | high, nil
}

func (p *parser) compareNames(a, b uint32) int {
	d := Document{src: p.src, nodes: p.nodes}
	return bytes.Compare(d.nameBytes(a), d.nameBytes(b))
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
