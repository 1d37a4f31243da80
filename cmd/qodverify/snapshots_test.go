package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata"
)

// A session that was finalized again has two proofs and one artifact, at the one path.
// The later proof answers for the session; where the earlier one's artifact was put
// back, the later one fails, and the earlier does not answer in its place.
func TestFinalizedAgain(t *testing.T) {
	const session = "212daebb-2756-43d1-a5e4-b71335adad6d"
	fixtures := "qod-mock-v0.4/"
	keys := filepath.Join("..", "..", "testdata", "qod-mock-v0.4", "jwks.json")
	type doc = map[string]json.RawMessage
	read := func(name string) (bundle, record doc) {
		if err := json.Unmarshal(testdata.Read(fixtures+name), &bundle); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(bundle["ledger"], &record); err != nil {
			t.Fatal(err)
		}
		record["session_id"], record["proof"] = bundle["session_id"], bundle["proof"]
		return bundle, record
	}
	earlier, first := read("good/02.bundle.json")
	later, second := read("refinalized/02.bundle.json")
	edited := json.RawMessage(strings.ReplaceAll(string(later["runtime_artifact"]), "187.3", "17.3"))
	for name, c := range map[string]struct {
		artifact     json.RawMessage
		second       bool // its proof lies there too
		asked, whole exitCode
		says, not    string // of the session that is asked for
	}{
		"the later one's artifact":        {later["runtime_artifact"], true, exitVerified, exitInconclusive, "_2.json: VERIFIED", "FAILED"},
		"the earlier one's was put back":  {earlier["runtime_artifact"], true, exitFailed, exitFailed, "_2.json: FAILED (runtime_hash_mismatch)", "has replaced"},
		"one that was edited":             {edited, true, exitFailed, exitFailed, "FAILED (runtime_hash_mismatch)", "finalized more than once"},
		"the later proof is not there":    {later["runtime_artifact"], false, exitFailed, exitFailed, "FAILED (runtime_hash_mismatch)", "finalized"},
		"no artifact":                     {nil, true, exitInconclusive, exitInconclusive, "runtime_artifact_missing", "FAILED"},
		"the earlier one's, and it alone": {earlier["runtime_artifact"], false, exitVerified, exitVerified, "_1.json: VERIFIED", "finalized"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name string, v any) {
				data, err := json.Marshal(v)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, session), 0o700); err != nil {
				t.Fatal(err)
			}
			write("proof_"+session+"_1.json", first)
			if c.second {
				write("proof_"+session+"_2.json", second)
			}
			if c.artifact != nil {
				write(filepath.Join(session, "artifact.json"), c.artifact)
			}
			code, out := call(t, "--jwks", keys, "--session", session, dir)
			if code != c.asked || !strings.Contains(out, c.says) || strings.Contains(out, c.not) {
				t.Errorf("asked for: %d, want %d with %q and without %q\n%s", code, c.asked, c.says, c.not, out)
			}
			if code, out := call(t, "--jwks", keys, dir); code != c.whole {
				t.Errorf("the folder: %d, want %d\n%s", code, c.whole, out)
			}
			// An audit accuses nobody of an artifact that verify finds replaced.
			changed := strings.Contains(name, "put back") || strings.Contains(name, "edited") || strings.Contains(name, "not there")
			if _, out := call(t, "audit", "--jwks", keys, dir); strings.Contains(out, "runtime_hash_mismatch") != changed || c.second != strings.Contains(out, "session_duplicate") {
				t.Errorf("the audit: %s", out)
			}
		})
	}
}
