package kind

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/qodverify/qodverify/bundle/canonical"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

var softBreak = pattern.Lazy(`=\r?\n`)

// jsonish tells what text is that begins as JSON does, and is none: several documents,
// or another notation.
func jsonish(data, body []byte, e *canonical.Error, want Want) (Kind, bool) {
	is := func(id, what, do string) (Kind, bool) { return kindOf(id, what, do, want), true }
	switch e.Code {
	case canonical.CodeInvalidUTF8:
		if at := rest(data, e.Offset); len(at) > 1 && at[0] >= 0x80 && at[1] < 0x80 {
			return is("latin-1", "JSON in another encoding than UTF-8 (Windows-1252 or Latin-1, it seems)", "Save the text as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW), or fetch it with curl -o, which keeps its bytes.")
		}
		return Kind{}, false
	case canonical.CodeTrailingData:
		return documents(body, want)
	case canonical.CodeNotANumber, canonical.CodeDuplicateName, canonical.CodeTooLarge, canonical.CodeTooDeep, canonical.CodeTooManyValues, canonical.CodeTruncated:
		return Kind{}, false // JSON, and what is wrong with it was said
	}
	at := rest(data, e.Offset)
	line := body[:min(len(body), maxLook)]
	switch {
	case pythonish().Match(line):
		return is("python", "a Python value as print() shows it, and no JSON", "Write JSON in place of the Python text (json.dump, not print or str).")
	case bytes.HasPrefix(at, []byte("“")), bytes.HasPrefix(at, []byte("”")), bytes.HasPrefix(at, []byte("„")), bytes.HasPrefix(at, []byte("‘")), bytes.HasPrefix(at, []byte("’")):
		return is("smart-quotes", "JSON with typographic quotes, as a word processor or a chat makes them", "Fetch it anew with curl -o: typographic quotes and what else was changed on the way can't be told from the signed text.")
	case bytes.HasPrefix(at, []byte("\u00a0")), bytes.HasPrefix(at, []byte("\u200b")), bytes.HasPrefix(at, []byte("\u2028")), bytes.HasPrefix(at, []byte("\ufeff")):
		return is("odd-space", "JSON with white space that is none of JSON's (a no-break space, say), as copying from a web page makes it", "Fetch it anew with curl -o: copying from a page put white space into it that is none of JSON's.")
	case bytes.HasPrefix(body, []byte("{&quot;")):
		return is("html-escaped", "JSON that was escaped for HTML (&quot;)", "Undo the HTML escapes (python3 -c 'import sys, html; print(html.unescape(sys.stdin.read()))' < FILE > NEW).")
	case bytes.HasPrefix(body, []byte("{\\rtf")):
		return is("rtf", "an RTF document, as a word processor writes it", "")
	case len(at) > 0 && (at[0] == '\n' || at[0] == '\r') && !softBreak().Match(line):
		return is("broken-lines", "JSON with line breaks within its strings, as a mail or a terminal wraps long lines", "Fetch it anew with curl -o, since a line break that was put in can't be told from one that was there; or join its broken lines (tr -d '\\r\\n' < FILE > NEW).")
	case bytes.HasPrefix(at, []byte("//")), bytes.HasPrefix(at, []byte("/*")), bytes.HasPrefix(at, []byte("'")), bytes.HasPrefix(at, []byte("#")), trailingComma(at):
		return is("json5", "JSON5 or JSONC (comments, single quotes or a comma too many), and no JSON", "Save it as JSON, without what JSON5 adds to it.")
	case softBreak().Match(line) && e.Code == canonical.CodeSyntax:
		return is("quoted-printable", "quoted-printable text, as it stands in an e-mail", "Save the attachment from the mail program, or decode the quoted-printable text (python3 -c 'import sys, quopri; quopri.decode(sys.stdin.buffer, sys.stdout.buffer)' < FILE > NEW).")
	}
	return Kind{}, false
}

// trailingComma reports whether a text goes on with the end of an object or a list,
// where a comma stood before.
func trailingComma(at []byte) bool { return len(at) > 0 && (at[0] == '}' || at[0] == ']') }

func rest(body []byte, offset int) []byte {
	if offset < 0 || offset >= len(body) {
		return nil
	}
	return body[offset:min(len(body), offset+16)]
}

// documents tells of several JSON documents, one after another.
func documents(body []byte, want Want) (Kind, bool) {
	first, others, ok := bytes.Cut(body, []byte("\n"))
	lines := ok && len(bytes.TrimSpace(others)) > 0
	doc, err := canonical.Parse(first, canonical.Options{AllowBOM: true})
	if !lines || err != nil {
		first, err = head(body)
		if err != nil {
			return Kind{}, false
		}
		if doc, err = canonical.Parse(first, canonical.Options{AllowBOM: true}); err != nil {
			return Kind{}, false
		}
		next := bytes.TrimLeft(body[len(first):], " \t\r\n")
		if len(bytes.Trim(next, "\x00\x1a \t\r\n")) == 0 && len(next) > 0 {
			return kindOf("padded", "JSON with NUL or ^Z bytes after its end, as some editors and copies leave them", "Cut the NUL and ^Z bytes off ("+through("tr -d '\\000\\032' < FILE", want)+").", want), true
		}
		if len(next) == 0 || next[0] != '{' && next[0] != '[' {
			return Kind{}, false // something else follows, and the parser says where
		}
		lines = false
	}
	if k, ok := shapeKind(doc.Root(), JSON); ok {
		return kindOf(k.ID+"-lines", "JSON Lines, several JSON documents, of which the first is "+k.What, "", want), true
	}
	switch record := isRecord(doc.Root()); {
	case want == Ledger, want == Telemetry, want == JSON && lines:
		return Kind{}, false
	case record && lines:
		return kindOf("json-lines", "JSON Lines: several bundles or records, one a line", "Audit the JSON Lines (qodverify audit FILE), or give one line of them by itself.", want), true
	case record:
		return kindOf("documents", "several JSON documents, one after another, of which the first is a bundle", "Give each of the JSON documents as a file of its own, or one a line to qodverify audit.", want), true
	case lines:
		return kindOf("json-lines", "JSON Lines: several JSON documents, one a line", "", want), true
	}
	return kindOf("documents", "several JSON documents, one after another", "", want), true
}

// head is the first of several documents: up to where the parser found more.
func head(body []byte) ([]byte, error) {
	_, err := canonical.Parse(body, canonical.Options{})
	var e *canonical.Error
	if !errors.As(err, &e) || e.Code != canonical.CodeTrailingData || e.Offset > len(body) {
		return nil, fmt.Errorf("not several documents")
	}
	return body[:e.Offset], nil
}
