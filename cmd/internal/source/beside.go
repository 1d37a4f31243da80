package source

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/kind"
)

// Files that lie beside proofs by right are recognised by all that they are, and a
// proof is not made one of them by what is added to it: whatever can be read as a
// bundle, and whatever has a record in it, at any depth, is judged.

// besideKinds are what may lie beside proofs: keys, reports and what else this program
// writes, attestations, and the files of the service that hold no record.
var besideKinds = []string{
	"own-report", "own-audit", "own-lines", "own-state", "own-evidence", "own-evidence-report", "own-keys", "own-inspect", "own-explain", "own-mutate", "own-dsse",
	"jwk-set", "jwk", "jwk-private", "public-keys", "pem-map", "openid-configuration", "dsse", "in-toto", "sigstore", "cosign", "sarif",
	"artifact", "run-summary", "verify-answer", "intent", "intent-answer", "sample",
}

// notEvidence says what a file of a folder is that is JSON and no proof: one of those
// that lie beside proofs by right. It is "" for all others, which are judged. Of the
// folder's files, nil for none, one may be what the file is a copy of.
func notEvidence(data []byte, in *folder) string {
	contains := func(name string) bool { return bytes.Contains(data, []byte(`"`+name+`"`)) }
	if contains("this_hash") && contains("proof") && !contains("schema") && !contains("task") {
		return "" // a proof, or for the parser to tell; nothing is read twice
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil {
		return ""
	}
	root := doc.Root()
	if root.Kind() == canonical.Array {
		return listBeside(root)
	}
	if root.Kind() != canonical.Object {
		return ""
	}
	if record := copied(root); record.Exists() && in != nil {
		if original := in.original(record); original != "" {
			return "the service's copy of a proof that is judged itself: " + original
		}
	}
	if _, err := bundle.Parse(data); err == nil || recordIn(root) {
		return ""
	}
	left := spelled(root)
	if l := root.Get("ledger"); l.Kind() == canonical.String { // the report of an audit names its ledger
		delete(left, "ledger")
	}
	if len(left) > 0 {
		return "" // what is left of a proof
	}
	return beside(root)
}

// copied is the record in what the service writes beside a proof, as artifact_v1.json.
func copied(root canonical.Value) canonical.Value {
	has, said := root.Get("quality").Get("has_telemetry").Bool()
	if !root.Get("task").Exists() || said && !has || root.Get("session_id").Exists() || root.Get("outputs").Get("session_id").Exists() {
		return canonical.Value{} // what it says beyond the record may contradict it
	}
	return root.Get("outputs").Get("proof_record")
}

// maxOriginals bounds the proof files that a copy is compared with.
const maxOriginals = 64

// original returns the folder's proof file that has a record member for member, "" when
// none has: then the copy is judged.
func (f *folder) original(record canonical.Value) string {
	session, _ := record.Get("proof").Get("session_id").Text()
	names := f.sessions()[bundle.NormalSessionID(session)]
	for _, name := range names[:min(len(names), maxOriginals)] {
		data, err := ReadRegular(name, MaxBytes)
		if err != nil {
			continue
		}
		if doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true}); err == nil && holds(doc.Root(), record) {
			return name
		}
	}
	return ""
}

// holds reports whether an object has all members of a record, with equal values.
func holds(object, record canonical.Value) bool {
	if object.Kind() != canonical.Object || record.Kind() != canonical.Object {
		return false
	}
	for name, want := range record.Members() {
		got := object.Get(name)
		if !got.Exists() {
			return false
		}
		a, errA := got.Canonical(canonical.QodMock)
		b, errB := want.Canonical(canonical.QodMock)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return false
		}
	}
	return true
}

// beside names an object that is no proof.
func beside(root canonical.Value) string {
	if k, ok := kind.Document(root, kind.Bundle); ok && slices.Contains(besideKinds, k.ID) {
		what, _, _ := strings.Cut(k.What, " (")
		return what
	}
	return ""
}

// listBeside names a list that is no proof: a GitLab Code Quality report.
func listBeside(root canonical.Value) string {
	for _, issue := range root.Elements() {
		if issue.Kind() != canonical.Object || recordIn(issue) || !issue.Get("check_name").Exists() || !issue.Get("fingerprint").Exists() {
			return ""
		}
	}
	if root.Len() == 0 {
		return "an empty list, as a Code Quality report without issues is one"
	}
	return "a GitLab Code Quality report"
}

// ownLine reports whether an object is a line of this program's JSON Lines: of a
// report, or of the findings of an audit.
func ownLine(root canonical.Value) bool {
	if schema, _ := root.Get("schema").Text(); schema == "qodverify/lines/v1" {
		return true
	}
	for _, name := range []string{"code", "status", "place", "others", "message", "known"} {
		if !root.Get(name).Exists() {
			return false
		}
	}
	return true
}

// maxOwnFile bounds what is read of a file to name it.
const maxOwnFile = 1 << 20

// ownFile names a file that is not named as a proof: a report of this program in
// whatever format, or one of the others that lie beside proofs.
func ownFile(name string) string {
	const other = "not a *.json file"
	f, err := files.Open(name)
	if err != nil {
		return other
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxOwnFile))
	head := data[:min(len(data), 4096)]
	switch {
	case err != nil:
		return other
	case beginsLikeJSON(head):
		if what := notEvidence(data, nil); what != "" {
			return what
		}
	case bytes.HasPrefix(head, []byte("## qodverify: ")), bytes.Contains(head, []byte(`<testsuites name="qodverify"`)),
		bytes.Contains(head, []byte(`<meta name="generator" content="qodverify`)), bytes.Contains(data, []byte("\n# qodverify: ")):
		return "qodverify's own report"
	}
	return other
}
