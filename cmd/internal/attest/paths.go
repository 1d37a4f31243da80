package attest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/state"
)

// subjectName is what the statement calls its subject: the last part of the input's
// name, as unpacked as the bytes that its digest is of.
func subjectName(input string) string {
	name := state.PublicName(input)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	return render.Printable(name)
}

// quoted are the members of a report that quote the bundle, or point into it. There a
// path is not the auditor's, and a pointer may look like one.
var quoted = []string{"pointer", "expected", "actual", "claims", "session_id", "signed_at", "unsigned", "kid", "thumbprint", "input_sha256"}

// withoutPaths returns a report as it is signed: without the auditor's folders; of a file that he named it
// leaves the last part, of a folder ".".
func withoutPaths(report []byte, named []string) ([]byte, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(report))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if result, ok := v.(map[string]any); ok {
		// The list of all members with the checks that cover each: the same for every
		// bundle of its kind, and most of the report.
		delete(result, "coverage")
	}
	paths := shortened(named)
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			return paths.replace(v)
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for name := range v {
				if !slices.Contains(quoted, name) {
					v[name] = walk(v[name])
				}
			}
		}
		return v
	}
	return json.Marshal(walk(v))
}

// local is a path with what stands for it, the longest first.
type local []struct{ path, short string }

// shortened returns every spelling of the paths, and of the folders that files lie in.
func shortened(named []string) (list local) {
	seen := map[string]bool{}
	add := func(path, short string) {
		// A name without a folder tells nothing, and the root is everybody's.
		if !strings.ContainsAny(path, `/\`) || filepath.Dir(path) == path || seen[path] {
			return
		}
		seen[path] = true
		list = append(list, struct{ path, short string }{path, short})
	}
	for _, name := range named {
		if strings.Contains(name, "://") {
			if short := state.PublicName(name); short != name { // it may have a token
				list = append(list, struct{ path, short string }{name, short})
			}
			continue
		}
		if name == "" {
			continue
		}
		spellings := []string{name, filepath.Clean(name)}
		if absolute, err := filepath.Abs(name); err == nil {
			spellings = append(spellings, absolute)
			if real, err := filepath.EvalSymlinks(absolute); err == nil {
				spellings = append(spellings, real)
			}
		}
		info, err := os.Stat(name)
		for _, path := range spellings {
			if err == nil && info.IsDir() {
				add(path, ".")
				continue
			}
			add(path, filepath.Base(path))
			// A pointer into a bundle looks like a folder of that name at the root.
			if dir := filepath.Dir(path); !slices.Contains([]string{"/proof", "/ledger", "/runtime_artifact", "/telemetry", "/session"}, dir) {
				add(dir, ".")
			}
		}
	}
	slices.SortStableFunc(list, func(a, b struct{ path, short string }) int { return len(b.path) - len(a.path) })
	return list
}

// replace replaces the paths in a text, where they are not a part of a longer name.
func (l local) replace(text string) string {
	var b strings.Builder
	before := ' '
next:
	for i := 0; i < len(text); {
		if !partOfName(before) {
			for _, v := range l {
				rest, ok := strings.CutPrefix(text[i:], v.path)
				if after, _ := utf8.DecodeRuneInString(rest); ok && (rest == "" || after == '.' || !partOfName(after) || after == '/' || after == '\\') {
					b.WriteString(v.short)
					i, before = i+len(v.path), 'x'
					continue next
				}
			}
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		b.WriteString(text[i : i+size])
		i, before = i+size, r
	}
	return b.String()
}

func partOfName(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`._-/\`, r)
}
