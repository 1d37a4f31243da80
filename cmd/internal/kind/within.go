package kind

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/qodverify/qodverify/bundle/canonical"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// What is looked for within a document, and how much of it.
const (
	maxValues = 200_000
	maxTexts  = 32 << 20 // of strings that may hold JSON themselves
)

// isRecord reports whether a value is a bundle or a ledger record, sound or not.
func isRecord(v canonical.Value) bool {
	return v.Get("proof").Kind() == canonical.Object && (v.Get("ledger").Kind() == canonical.Object || v.Get("this_hash").Kind() == canonical.String)
}

// isKeySet reports whether a value is a JWK Set with keys.
func isKeySet(v canonical.Value) bool {
	for _, k := range v.Get("keys").Elements() {
		return k.Get("kty").Kind() == canonical.String
	}
	return false
}

// place is where in a document something stands.
type place struct {
	pointer string
	tokens  []string
	text    string // "" for a value, "text" or "base64" for one within a string
}

// search looks for values within a document.
type search struct {
	is     func(canonical.Value) bool
	hint   string // a name that a string must have to be looked into
	path   []string
	found  place
	count  int
	values int
	texts  int
}

// within finds the first value below the root that is what is looked for, and how many
// there are.
func within(root canonical.Value, is func(canonical.Value) bool, hint string) (place, int) {
	s := &search{is: is, hint: hint}
	s.below(root)
	return s.found, s.count
}

func (s *search) below(v canonical.Value) {
	switch v.Kind() {
	case canonical.Object:
		for name, child := range v.Members() {
			if !s.visit(name, child) {
				return
			}
		}
	case canonical.Array:
		for i, child := range v.Elements() {
			if !s.visit(strconv.Itoa(i), child) {
				return
			}
		}
	}
}

func (s *search) visit(token string, v canonical.Value) bool {
	if s.values++; s.values > maxValues {
		return false
	}
	s.path = append(s.path, token)
	defer func() { s.path = s.path[:len(s.path)-1] }()
	switch {
	case v.Kind() == canonical.Object && s.is(v):
		s.hit("")
	case v.Kind() == canonical.String:
		s.text(v)
	default:
		s.below(v)
	}
	return true
}

func (s *search) hit(text string) {
	if s.count++; s.count > 1 {
		return
	}
	s.found = place{tokens: append([]string(nil), s.path...), text: text}
	for _, token := range s.path {
		s.found.pointer += "/" + canonical.PointerToken(token)
	}
}

// text looks into a string that may hold JSON, plain or as base64.
func (s *search) text(v canonical.Value) {
	text, ok := v.Bytes()
	if s.texts += len(text); !ok || len(text) < 64 || s.texts > maxTexts {
		return
	}
	how := "text"
	if text[0] != '{' {
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(decoded, text)
		if err != nil {
			return
		}
		text, how = decoded[:n], "base64"
	}
	if len(text) == 0 || text[0] != '{' || !bytes.Contains(text, []byte(s.hint)) {
		return
	}
	if doc, err := canonical.Parse(text, canonical.Options{}); err == nil && s.is(doc.Root()) {
		s.hit(how)
	}
}

// plainToken is a name that stands in a command as it is, whatever the shell.
var plainToken = pattern.Lazy(`\A[A-Za-z0-9_.~-]{1,64}\z`)

// where tells the place, and the command that takes the value out of it.
func (p place) where(what string, count int, want Want) (where, do string) {
	where = fmt.Sprintf("%s at %q", what, canonical.Clip(p.pointer, 200))
	if p.text != "" {
		where += ", as " + map[string]string{"text": "text in a string", "base64": "base64 in a string"}[p.text]
	}
	if count > 1 {
		where += fmt.Sprintf(" (and %d more)", count-1)
	}
	jq := ""
	for _, token := range p.tokens {
		if !plainToken().MatchString(token) {
			return where, "Take out the bundle or key set that stands there, byte by byte, and give it as a file of its own."
		}
		if _, err := strconv.Atoi(token); err == nil {
			jq += "[" + token + "]"
		} else {
			jq += `["` + token + `"]`
		}
	}
	thing := "the bundle"
	if want == Keys {
		thing = "the JWK Set"
	}
	command := "qodverify canon --pointer " + p.pointer + " FILE"
	switch p.text {
	case "text":
		command = "jq -r '." + jq + "' FILE"
	case "base64":
		command = "jq -r '." + jq + "' FILE | base64 -d"
	}
	return where, "Take " + thing + " out (" + through(command, want) + ")."
}
