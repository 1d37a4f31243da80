package source

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// Files that lie beside proofs by right are recognised by all that they are, and a
// proof is not made one of them by what is added to it: whatever can be read as a
// bundle, and whatever has a record in it, at any depth, is judged.

// ownFiles are the documents that this program writes, by the name in their schema.
var ownFiles = []string{"audit", "evidence", "evidence-report", "explain", "inspect", "keys", "lines", "mutate", "report", "state"}

// notEvidence says what a file of a folder is that is JSON and no proof: one of those
// that lie beside proofs by right. It is "" for all others, which are judged.
func notEvidence(data []byte) string {
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
	switch _, err := bundle.Parse(data); {
	case err == nil:
		return ""
	case isCopy(root):
		return "the service's copy of a record that lies beside it as proof_*.json"
	case recordIn(root):
		return ""
	}
	for _, name := range []string{"proof", "this_hash", "prev_hash", "proof_json"} {
		if root.Get(name).Exists() {
			return "" // what is left of one
		}
	}
	if l := root.Get("ledger"); l.Exists() && l.Kind() != canonical.String { // the report of an audit names its ledger
		return ""
	}
	return beside(root)
}

// isCopy reports whether an object is what the service writes beside a proof of its
// own, as artifact_v1.json.
func isCopy(root canonical.Value) bool {
	return root.Get("task").Exists() && root.Get("outputs").Get("proof_record").Exists()
}

// ownSchema is the name in the schema of a document that this program writes.
func ownSchema(root canonical.Value) string {
	schema, _ := root.Get("schema").Text()
	ours := strings.Split(schema, "/")
	if len(ours) == 3 && ours[0] == "qodverify" && slices.Contains(ownFiles, ours[1]) {
		return ours[1]
	}
	return ""
}

// beside names an object that is no proof.
func beside(root canonical.Value) string {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !root.Get(n).Exists() })
	}
	version, _ := root.Get("version").Text()
	switch own := ownSchema(root); {
	case own != "":
		return "qodverify's own " + own
	case root.Get("keys").Kind() == canonical.Array:
		return "a JWK Set"
	case has("kty", "crv", "x"), has("kty", "kid"):
		return "a JWK"
	case version == "2.1.0" && root.Get("runs").Kind() == canonical.Array:
		return "a SARIF report"
	case has("payloadType", "payload", "signatures"):
		return "an attestation (DSSE envelope)"
	case has("_type", "subject", "predicateType"):
		return "an in-toto statement"
	case has("schema_version", "measured", "decision", "session_id"):
		return "a runtime artifact, which is read with the proof that names it"
	case has("build", "env", "ids"):
		return "a run summary of the service"
	case has("verified", "reason", "session_id"):
		return "an answer of a service to /verify"
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

// lineMembers are those of the lines of a report and of --findings.
var lineMembers = []string{"schema", "type", "verdict", "tool", "result", "finding", "summary", "chain", "skipped", "audit", "error"}

// ownLine reports whether an object is a line of this program's JSON Lines: of a
// report, or of the findings of an audit.
func ownLine(root canonical.Value) bool {
	if ownSchema(root) == "lines" {
		for name := range root.Members() {
			if !slices.Contains(lineMembers, name) {
				return false
			}
		}
		return true
	}
	for _, name := range []string{"code", "status", "place", "others", "message", "known"} {
		if !root.Get(name).Exists() {
			return false
		}
	}
	return true
}

// ownText adds to a file's name what it is, if it is a report of this program in a
// format that is no JSON.
func ownText(name string) string {
	f, err := files.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, 4096))
	for _, mark := range []string{"## qodverify: ", `<testsuites name="qodverify"`, `<meta name="generator" content="qodverify`, "TAP version 13\n"} {
		if bytes.Contains(head, []byte(mark)) && (mark[0] != 'T' || bytes.HasPrefix(head, []byte(mark))) {
			return " (qodverify's own report)"
		}
	}
	return ""
}
