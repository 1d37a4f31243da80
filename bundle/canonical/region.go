package canonical

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Region is a stretch of a document's text: lines from 1, columns in characters
// (code points) from 1, the end behind the last character. The zero Region is no
// place; one without an end is a point.
type Region struct{ Line, Column, EndLine, EndColumn int }

// Regions returns where the values that RFC 6901 pointers lead to stand in the
// document. A pointer that leads nowhere gets the start of the innermost value on
// its way that is there: where a member is missing, that is its object. However
// many pointers there are, the text is gone through once.
func (d *Document) Regions(pointers []string) []Region {
	type mark struct {
		offset int
		line   *int
		column *int
	}
	regions := make([]Region, len(pointers))
	marks := make([]mark, 0, 2*len(pointers))
	for i, pointer := range pointers {
		v, whole := d.nearest(pointer)
		r := &regions[i]
		marks = append(marks, mark{v.Offset(), &r.Line, &r.Column})
		if whole {
			marks = append(marks, mark{v.Offset() + len(v.Raw()), &r.EndLine, &r.EndColumn})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return a.offset - b.offset })
	line, column, at := 1, 1, 0
	if hasBOM(d.src) {
		at = 3
	}
	for _, m := range marks {
		for ; at < m.offset && at < len(d.src); at++ {
			switch {
			case d.src[at] == '\n':
				line, column = line+1, 1
			case utf8.RuneStart(d.src[at]):
				column++
			}
		}
		*m.line, *m.column = line, column
	}
	return regions
}

// nearest follows a pointer as far as it leads, and tells whether that was all
// the way.
func (d *Document) nearest(pointer string) (v Value, whole bool) {
	v = d.Root()
	for pointer != "" {
		end := strings.IndexByte(pointer[1:], '/') + 1
		if end == 0 {
			end = len(pointer)
		}
		next := v.At(pointer[:end])
		if !next.Exists() {
			return v, false
		}
		v, pointer = next, pointer[end:]
	}
	return v, true
}

// Document returns the document that v is of, nil when v is missing.
func (v Value) Document() *Document { return v.doc }
