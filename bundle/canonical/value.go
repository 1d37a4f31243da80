package canonical

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Kind is the JSON type of a value.
type Kind uint8

// The kinds of a [Value]. Missing is the kind of the zero Value, which every
// failed look-up returns, so that look-ups can be chained.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

// String returns the kind with its article, as messages use it: "an object".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// node is one value on the tape: the values of a document in the order in
// which they start, each knowing where its subtree ends.
type node struct {
	kind  Kind
	flags flags
	name  span   // the member name without its quotes; members only
	value span   // the value as spelled; strings with their quotes
	next  uint32 // index of the node after this subtree
	order uint32 // objects: index of the first member in Document.order
	count uint32 // objects and arrays: number of children
}

type span struct{ start, end uint32 }

type flags uint8

const (
	rawQodMock  flags = 1 << iota // the spelling already is the qod-mock form
	rawJCS                        // the spelling already is the jcs form
	escaped                       // the string value has escapes
	nameEscaped                   // the member name has escapes
	integer                       // the number is spelled without fraction and exponent
	highNames                     // a name holds a character from U+E000 on: UTF-16 order may differ

	rawBoth = rawQodMock | rawJCS
)

// Document is one parsed JSON text. It keeps the input, which must not be
// changed while the document is in use, and is safe for concurrent readers.
type Document struct {
	src   []byte
	nodes []node
	order []uint32 // the members of every object in code-point order
}

// Root returns the document's outermost value.
func (d *Document) Root() Value { return Value{d, 0} }

// Value is one value of a [Document]: two words, to be copied freely. The zero
// Value is [Missing]. A Value says what the input says; nothing is verified.
type Value struct {
	doc   *Document
	index uint32
}

var missing node

func (v Value) node() *node {
	if v.doc == nil {
		return &missing
	}
	return &v.doc.nodes[v.index]
}

// Kind returns the value's JSON type, or [Missing].
func (v Value) Kind() Kind { return v.node().kind }

// Exists reports whether there is a value, null included.
func (v Value) Exists() bool { return v.doc != nil }

// Raw returns the value's bytes as spelled in the input, nil when missing. The
// caller must not change them.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	n := v.node()
	return v.doc.src[n.value.start:n.value.end:n.value.end]
}

// Offset returns the byte offset at which the value starts in the input.
func (v Value) Offset() int { return int(v.node().value.start) }

// Position returns the line and the column, both from 1, of the value's start.
func (v Value) Position() (line, column int) {
	if v.doc == nil {
		return 0, 0
	}
	return position(v.doc.src, v.Offset())
}

// Text returns a string value unescaped, and whether v is a string.
func (v Value) Text() (string, bool) {
	b, ok := v.Bytes()
	return string(b), ok
}

// Bytes returns a string value unescaped, and whether v is a string. The bytes
// are the input's own unless the string has escapes, and must not be changed.
func (v Value) Bytes() ([]byte, bool) {
	n := v.node()
	if n.kind != String {
		return nil, false
	}
	return unescaped(v.doc.src[n.value.start+1:n.value.end-1], n.flags&escaped != 0), true
}

// Bool returns a boolean value, and whether v is one.
func (v Value) Bool() (value, ok bool) {
	if v.Kind() != Bool {
		return false, false
	}
	return v.Raw()[0] == 't', true
}

// Float returns the double nearest to a number, and whether v is a number that
// a double can hold.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	if f, ok := shortDecimal(v.Raw()); ok {
		return f, true
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	return f, err == nil
}

// shortDecimal reads numbers as proofs have them, of at most 15 digits and without an
// exponent: digits and power of ten are doubles exactly, so one division rounds right.
func shortDecimal(s []byte) (f float64, ok bool) {
	if len(s) > 15 {
		return 0, false
	}
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	m, point := int64(0), len(s)
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			m = 10*m + int64(c-'0')
		case c == '.':
			point = i + 1
		default:
			return 0, false
		}
	}
	f = float64(m) / powersOfTen[len(s)-point]
	if negative {
		f = -f // of zero, too
	}
	return f, true
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// Int returns the value of a number spelled as an integer (no fraction, no
// exponent) that fits int64, and whether v is one.
func (v Value) Int() (int64, bool) {
	n := v.node()
	if n.kind != Number || n.flags&integer == 0 {
		return 0, false
	}
	i, err := strconv.ParseInt(string(v.Raw()), 10, 64)
	return i, err == nil
}

// IsInteger reports whether v is a number spelled without fraction and
// exponent. Python reads such a number as int, any other as float.
func (v Value) IsInteger() bool {
	n := v.node()
	return n.kind == Number && n.flags&integer != 0
}

// Len returns the number of members or elements, 0 for all other kinds.
func (v Value) Len() int { return int(v.node().count) }

// Get returns the member of exactly this name, compared byte for byte after
// unescaping and never case-folded. It is Missing when there is none.
func (v Value) Get(name string) Value {
	n := v.node()
	if n.kind != Object {
		return Value{}
	}
	members := v.doc.order[n.order : n.order+n.count]
	i, found := slices.BinarySearchFunc(members, name, func(member uint32, name string) int {
		return cmp.Compare(string(v.doc.nameBytes(member)), name)
	})
	if !found {
		return Value{}
	}
	return Value{v.doc, members[i]}
}

// Members yields the members of an object in the order of the input.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for c := range v.children() {
			if !yield(v.doc.name(c), Value{v.doc, c}) {
				return
			}
		}
	}
}

// Cursor goes over the members of an object in the order of the input, for
// callers that look at very many: it allocates and copies nothing.
type Cursor struct {
	doc        *Document
	next, left uint32
	at         uint32
}

// Cursor returns a cursor that stands before the first member. There is none when
// v is no object.
func (v Value) Cursor() Cursor {
	if v.Kind() != Object {
		return Cursor{}
	}
	return Cursor{doc: v.doc, next: v.index + 1, left: v.node().count}
}

// Next moves to the next member and reports whether there is one.
func (c *Cursor) Next() bool {
	if c.left == 0 {
		return false
	}
	c.left--
	c.at = c.next
	c.next = c.doc.nodes[c.at].next
	return true
}

// Name returns the member's name in the input's own bytes unless it has escapes.
// They must not be changed.
func (c *Cursor) Name() []byte { return c.doc.nameBytes(c.at) }

// Value returns the member.
func (c *Cursor) Value() Value { return Value{c.doc, c.at} }

// Elements yields the elements of an array with their indexes.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != Array {
			return
		}
		i := 0
		for c := range v.children() {
			if !yield(i, Value{v.doc, c}) {
				return
			}
			i++
		}
	}
}

// Spelled reports whether v stands in the input just as the profile writes it.
// False may also mean that telling would be costly; true is certain.
func (v Value) Spelled(profile Profile) bool {
	s := styleOf(profile)
	return s != nil && v.node().flags&s.raw != 0
}

// Respelled returns the first number inside v that is spelled otherwise than
// the profile writes it, with its JSON pointer from v. It is Missing when there
// is none. A hash over canonical bytes can't tell the two spellings apart.
func (v Value) Respelled(profile Profile) (pointer string, number Value) {
	switch v.Kind() {
	case Number:
		if out, err := v.Canonical(profile); err == nil && string(out) != string(v.Raw()) {
			return "", v
		}
	case Object:
		for name, member := range v.Members() {
			if pointer, number = member.Respelled(profile); number.Exists() {
				return "/" + PointerToken(name) + pointer, number
			}
		}
	case Array:
		for i, element := range v.Elements() {
			if pointer, number = element.Respelled(profile); number.Exists() {
				return "/" + strconv.Itoa(i) + pointer, number
			}
		}
	}
	return "", Value{}
}

func (v Value) children() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		c := v.index + 1
		for range v.node().count {
			if !yield(c) {
				return
			}
			c = v.doc.nodes[c].next
		}
	}
}

// At follows an RFC 6901 JSON pointer from v. It is Missing when the pointer
// leads nowhere or is malformed.
func (v Value) At(pointer string) Value {
	if pointer == "" {
		return v
	}
	if pointer[0] != '/' {
		return Value{}
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		if strings.IndexByte(token, '~') >= 0 {
			token = unescapeToken.Replace(token)
		}
		if v.Kind() != Array {
			v = v.Get(token)
			continue
		}
		i, err := strconv.Atoi(token)
		if err != nil || strconv.Itoa(i) != token {
			return Value{}
		}
		array := v
		v = Value{}
		for j, element := range array.Elements() {
			if j == i {
				v = element
				break
			}
		}
	}
	return v
}

// Errorf returns an [Error] placed at v. The pointer is the caller's, since a
// Value does not know its way from the root.
func (v Value) Errorf(code Code, pointer, format string, args ...any) *Error {
	e := &Error{Code: code, Pointer: pointer, Detail: fmt.Sprintf(format, args...)}
	if v.doc != nil {
		e.Offset = v.Offset()
		e.Line, e.Column = v.Position()
	}
	return e
}

// name returns the unescaped member name of node i.
func (d *Document) name(i uint32) string { return string(d.nameBytes(i)) }

func (d *Document) nameBytes(i uint32) []byte {
	n := &d.nodes[i]
	return unescaped(d.src[n.name.start:n.name.end], n.flags&nameEscaped != 0)
}
