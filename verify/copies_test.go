package verify_test

import (
	"bytes"
	"testing"

	"github.com/qodverify/qodverify/verify"
)

// A copy of a record hides no fork and no second proof of a session, wherever it
// stands, however many there are, and whatever was taken from it.
func TestCopiesHideNothing(t *testing.T) {
	session := func(i int) string { return "00000000-0000-4000-8000-00000000000" + string(rune('0'+i)) }
	after := func(prev string, i int) *forge {
		s := session(i)
		return newForge(t).set("ledger.prev_hash", prev).set("session_id", s).set("proof.session_id", s).set("runtime_artifact.session_id", s).
			set("runtime_artifact_relpath", s+"/artifact.json").set("proof.artifacts.runtime_artifact_relpath", s+"/artifact.json").seal()
	}
	hash := func(f *forge) string { return f.doc["ledger"].(map[string]any)["this_hash"].(string) }
	var chain []*forge
	prev := "GENESIS"
	for i := range 4 {
		chain = append(chain, after(prev, i))
		prev = hash(chain[i])
	}
	v := verifier(t, verify.Policy{Keys: newForge(t).keySet("")})
	stripped := func(line []byte, sig string) []byte {
		return bytes.Replace(line, []byte(`"signature":"`+sig+`"`), []byte(`"x":1`), 1)
	}
	audit := func(lines ...[]byte) *verify.LedgerReport { return v.Ledger(raws(lines...), verify.LedgerOptions{}) }
	var lines [][]byte
	for _, f := range chain {
		lines = append(lines, f.json())
	}
	if r := audit(lines...); r.Verdict() != verify.Verified {
		t.Fatalf("the ledger itself: %s", r.Verdict())
	}
	for _, c := range []struct {
		name  string
		rival *forge
		of    int // the record that the rival is one of
		code  verify.Code
	}{
		{"fork", after(hash(chain[1]), 7), 2, verify.LedgerFork},
		{"session again", after(prev, 2), 2, verify.SessionDuplicate},
	} {
		for copied := range lines {
			sig := chain[copied].doc["ledger"].(map[string]any)["signature"].(string)
			for name, twin := range map[string][]byte{"whole": lines[copied], "without its signature": stripped(lines[copied], sig)} {
				for _, n := range []int{1, 2, 40} {
					for at := 0; at <= len(lines); at++ {
						for behind := range 2 { // the rival follows the copies, or stands first
							var input [][]byte
							input = append(input, lines[:at]...)
							if behind == 0 {
								input = append(input, c.rival.json())
							}
							for range n {
								input = append(input, twin)
							}
							if behind == 1 {
								input = append(input, c.rival.json())
							}
							input = append(input, lines[at:]...)
							if r := audit(input...); r.Verdict() != verify.Failed || r.Counts[c.code] == 0 {
								t.Errorf("%s, %d copies of %d %s at %d, %d: %s %v", c.name, n, copied, name, at, behind, r.Verdict(), r.Counts)
							}
						}
					}
				}
			}
		}
	}
}
