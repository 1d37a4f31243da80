package server

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/qodverify/qodverify/bundle"
)

// parseUUID reads a UUID in the four spellings that the original accepts (36
// characters; 32 hexadecimal digits; in braces; as urn:uuid:) and returns the
// first, in lower case. Its errors are in the words of the parser that pydantic
// uses, since clients show them.
func parseUUID(text string) (string, error) {
	body, offset, simple := text, 0, true
	switch {
	case strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") && len(text) >= 2:
		body, offset, simple = text[1:len(text)-1], 1, false
	case strings.HasPrefix(text, "urn:uuid:"):
		body, offset, simple = text[9:], 9, false
	}
	if len(body) == 36 || simple && len(body) == 32 {
		// By its length body has neither braces nor prefix.
		if id, ok := bundle.SessionUUID(body); ok {
			return bundle.FormatUUID(id), nil
		}
	}
	hyphens := []int{}
	for i, c := range body {
		switch {
		case c == '-':
			hyphens = append(hyphens, i)
		case c >= utf8.RuneSelf || !strings.ContainsRune("0123456789abcdefABCDEF", c):
			return "", fmt.Errorf("invalid character: found `%c` at %d", c, i+offset+1)
		}
	}
	switch {
	case len(hyphens) == 0 && simple:
		return "", fmt.Errorf("invalid length: expected length 32 for simple format, found %d", len(text))
	case len(hyphens) != 4:
		return "", fmt.Errorf("invalid group count: expected 5, found %d", len(hyphens)+1)
	}
	starts, sizes := []int{0, 9, 14, 19, 24}, []int{8, 4, 4, 4, 12}
	for i, at := range hyphens {
		if at != starts[i]+sizes[i] {
			return "", fmt.Errorf("invalid group length in group %d: expected %d, found %d", i, sizes[i], at-starts[i])
		}
	}
	return "", fmt.Errorf("invalid group length in group 4: expected 12, found %d", len(text)-starts[4])
}
