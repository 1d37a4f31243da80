package source

import (
	"bufio"
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// What is in a file is told by its name first: a folder may hold far more than proofs,
// and only what is named as one, or looks like one, is read whole.

var (
	proofNames  = []string{".json", ".jsonl", ".ndjson"}
	packedNames = []string{".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip", ".tar", ".tgz", ".7z", ".rar"}
	storeNames  = []string{".sqlite3", ".sqlite", ".db"}
)

// evidenceName reports whether a file's name is one under which proofs are kept: by
// themselves, packed, or in a database.
func evidenceName(name string) bool {
	lower := strings.ToLower(filepath.Base(name))
	return lower != KeysFile && slices.Contains(slices.Concat(proofNames, packedNames, storeNames), filepath.Ext(lower))
}

// isLines reports whether a file's name is one of records, one a line, plain or packed
// in a way that an audit reads.
func isLines(name string) bool {
	lower := strings.ToLower(filepath.Base(name))
	switch ext := filepath.Ext(lower); ext {
	case ".jsonl", ".ndjson":
		return true
	case ".gz", ".zst":
		return filepath.Ext(strings.TrimSuffix(lower, ext)) != ".tar"
	}
	return false
}

// ownFiles are the documents that this program writes, by the name in their schema.
var ownFiles = []string{"audit", "evidence", "evidence-report", "explain", "inspect", "keys", "lines", "mutate", "report", "state"}

// holdsProof reports whether a file that is not named as one looks like JSON with a
// proof in it. Only what begins like JSON is read.
func holdsProof(name string) bool {
	f, err := files.Open(name)
	if err != nil {
		return true // what can't be looked at is not known to be none
	}
	defer f.Close()
	b := bufio.NewReaderSize(f, 4096)
	head, err := b.Peek(512)
	if err != nil && err != io.EOF {
		return true
	}
	if !beginsLikeJSON(head) {
		return false
	}
	data, err := io.ReadAll(io.LimitReader(b, MaxBytes))
	if err != nil {
		return true
	}
	data = bytes.ReplaceAll(data, []byte{0}, nil) // UTF-16, as PowerShell writes it
	return bytes.Contains(data, []byte(`"this_hash"`)) && bytes.Contains(data, []byte(`"proof"`))
}

func beginsLikeJSON(head []byte) bool {
	for _, mark := range [][]byte{{0xef, 0xbb, 0xbf}, {0xff, 0xfe}, {0xfe, 0xff}} {
		head = bytes.TrimPrefix(head, mark)
	}
	head = bytes.TrimLeft(head, " \t\r\n\x00")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// notEvidence says what a file of a folder is that is JSON and no proof: one of those
// that lie beside proofs by right. It is "" for all others, which are judged.
func notEvidence(data []byte) string {
	contains := func(name string) bool { return bytes.Contains(data, []byte(`"`+name+`"`)) }
	if contains("this_hash") && contains("proof") && !contains("schema") && !contains("task") {
		return "" // a proof, or for the parser to tell; nothing is read twice
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil || doc.Root().Kind() != canonical.Object {
		return ""
	}
	root := doc.Root()
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !root.Get(n).Exists() })
	}
	if has("proof") || has("ledger") || has("this_hash") {
		return ""
	}
	schema, _ := root.Get("schema").Text()
	ours := strings.Split(strings.TrimPrefix(schema, "qodverify/"), "/")
	switch {
	case root.Get("keys").Kind() == canonical.Array:
		return "a JWK Set"
	case strings.HasPrefix(schema, "qodverify/") && len(ours) == 2 && slices.Contains(ownFiles, ours[0]):
		return "qodverify's own " + ours[0]
	case has("schema_version", "measured", "decision", "session_id"):
		return "a runtime artifact, which is read with the proof that names it"
	case has("task", "outputs"):
		return "the service's copy of a record that lies beside it as proof_*.json"
	case has("build", "env", "ids"):
		return "a run summary of the service"
	case has("verified", "reason", "session_id"):
		return "an answer of a service to /verify"
	}
	return ""
}
