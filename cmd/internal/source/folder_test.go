package source

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata"
)

// write makes a tree of files. A name that ends with a slash is a folder, and content
// that begins with "-> " makes a link.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, content := filepath.Join(dir, filepath.FromSlash(name)), files[name]
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		to, link := strings.CutPrefix(content, "-> ")
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			if err = os.Symlink(to, path); err != nil {
				t.Skip("skipped: no symbolic links here")
			}
		default:
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// outcome is what came of one file: "judged", or why it was left out, with what that
// means.
func outcome(inputs []Input, skipped []Skipped, name string) string {
	got := ""
	for _, in := range inputs {
		if in.Name == name {
			got = "judged"
		}
	}
	for _, s := range skipped {
		if s.Name != name {
			continue
		}
		if got != "" {
			return "told twice"
		}
		switch got = s.Reason; {
		case s.Ignored:
			got = "ignored: " + got
		case s.Evidence:
			got = "may be a proof: " + got
		}
	}
	if got == "" {
		return "passed over in silence"
	}
	return got
}

// One table of what lies in folders, and what comes of it: nothing is passed over.
func TestLeftOut(t *testing.T) {
	proof := string(testdata.Read("qod-mock-v0.4/good/00.bundle.json"))
	line := strings.ReplaceAll(proof, "\n", "") + "\n"
	keys := string(testdata.Read("qod-mock-v0.4/jwks.json"))
	utf16 := "\xff\xfe" + strings.Join(strings.Split(proof, ""), "\x00") + "\x00"
	for name, c := range map[string]struct{ file, content, want string }{
		"a bundle":                  {"a.json", proof, "judged"},
		"in capitals":               {"A.JSON", proof, "judged"},
		"packed":                    {"a.json.gz", zipped(proof), "judged"},
		"packed, in capitals":       {"A.Json.GZ", zipped(proof), "judged"},
		"packed and damaged":        {"a.json.gz", zipped(proof)[:100], "may be a proof: could not be read"},
		"in a subfolder":            {"x/y/z/a.json", proof, "judged"},
		"no JSON by that name":      {"a.json", "hello", "judged"},
		"an empty file":             {"a.json", "", "judged"},
		"foreign JSON":              {"package.json", `{"name": "x"}`, "judged"},
		"UTF-16":                    {"a.json", utf16, "judged"},
		"a line break in its name":  {"a\n\x1b[31m.json", proof, "judged"},
		"hidden":                    {".a.json", proof, "hidden"},
		"AppleDouble":               {"._a.json", "\x00\x05\x16\x07", "hidden"},
		"lines":                     {"a.jsonl", line + line, "may be a proof: looks like a ledger"},
		"lines in capitals, packed": {"A.JSONL.GZ", zipped(line), "may be a proof: looks like a ledger"},
		"lines of another name":     {"a.ndjson.gz", zipped(line), "may be a proof: looks like a ledger"},
		"lines that are damaged":    {"a.jsonl", "{", "may be a proof: looks like a ledger"},
		"lines of something else":   {"a.jsonl", "{\"rtt\": 1}\n{\"rtt\": 2}\n", "JSON Lines without a record"},
		"no lines":                  {"a.jsonl", "\n", "an empty file"},
		"a packed ledger":           {"ledger.gz", zipped(line), "may be a proof: looks like a ledger"},
		"a packed log":              {"access.log.gz", zipped("GET /\n"), "compressed, and no proof"},
		"a database":                {"a.bin", "SQLite format 3\x00....", "may be a proof: a SQLite database: qodverify audit"},
		"a database that is locked": {"a.sqlite3", "\x01\x02\x03", "may be a proof: a SQLite database"},
		"no database":               {"Thumbs.db", "\x01\x02\x03", "not a *.json file"},
		"an archive":                {"a.ZIP", "PK", "may be a proof: an archive"},
		"a packed archive":          {"a.tar.gz", zipped("x"), "may be a proof: an archive"},
		"packed as is not read":     {"a.json.xz", "\xfd7zXZ", "may be a proof: an archive"},
		"a proof of another name":   {"a.bundle", proof, "may be a proof: looks like a proof"},
		"a proof without a name":    {"proof", " \n" + proof, "may be a proof: looks like a proof"},
		"a damaged proof":           {"a.txt", proof[:len(proof)-5], "may be a proof: looks like a proof"},
		"UTF-16 of another name":    {"a.txt", utf16, "may be a proof: looks like a proof"},
		"a text":                    {"README.txt", "hello", "not a *.json file"},
		"a key set":                 {"jwks.json", keys, "a key set"},
		"a key set in capitals":     {"x/JWKS.JSON", keys, "a key set"},
		"a key set of another name": {"old.json", keys, "a JWK Set"},
		"a key":                     {"k.json", `{"kty":"OKP","crv":"Ed25519","x":"","kid":"a"}`, "a single JWK"},
		"a SARIF report":            {"s.json", `{"version":"2.1.0","runs":[]}`, "a SARIF report"},
		"SARIF by its name":         {"s.sarif", `{"version":"2.1.0","runs":[]}`, "a SARIF report"},
		"a Code Quality report":     {"g.json", `[{"check_name":"a","fingerprint":"b"}]`, "a GitLab Code Quality report"},
		"one without issues":        {"g.json", `[]`, "an empty list"},
		"an attestation":            {"o.json", `{"payloadType":"","payload":"","signatures":[]}`, "a DSSE envelope"},
		"an in-toto statement":      {"o.json", `{"_type":"","subject":[],"predicateType":"","predicate":{}}`, "an in-toto statement"},
		"a report":                  {"r.json", `{"schema":"qodverify/report/v1","results":[]}`, "qodverify's own report"},
		"an audit":                  {"r.json", `{"schema":"qodverify/audit/v1","ledger":"l.jsonl"}`, "qodverify's own audit"},
		"a state":                   {"r.json", `{"schema":"qodverify/state/v1","ledger":"l","record":"{\"this_hash\":1,\"proof\":2}"}`, "qodverify's own state"},
		"lines of a report":         {"r.jsonl", "{\"schema\":\"qodverify/lines/v1\",\"type\":\"summary\"}\n", "qodverify's own report"},
		"an HTML report":            {"r.html", `<html><meta name="generator" content="qodverify devel">`, "qodverify's own report"},
		"a JUnit report":            {"r.xml", `<?xml?><testsuites name="qodverify">`, "qodverify's own report"},
		"a schema that is not ours": {"r.json", `{"schema":"qodverify/other/v1"}`, "judged"},
		"a link to nothing":         {"d.json", "-> nowhere", "may be a proof: a link that leads nowhere"},
		"a link out":                {"d.json", "-> ../out.json", "may be a proof: a link that leads out"},
		"a folder out":              {"d", "-> ..", "may be a proof: a link that leads out"},
		"a link of another name":    {"latest", "-> ../out.json", "may be a proof: a link that leads out"},
		"one to nothing":            {"latest", "-> gone.json", "may be a proof: a link that leads nowhere"},
		"a text that is elsewhere":  {"d.txt", "-> ../out.txt", "a link that leads nowhere"},
		"a link to itself":          {"d.json", "-> d.json", "may be a proof: a link that leads nowhere"},
		"a loop":                    {"d/loop", "-> ..", "a link to what is read itself"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "in")
			write(t, dir, map[string]string{c.file: c.content, "../out.json": proof})
			r := &Reader{}
			inputs, err := r.Inputs([]string{dir})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, filepath.FromSlash(c.file))
			if got := outcome(inputs, r.Skipped, file); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := len(inputs) + len(r.Skipped); got != 1 {
				t.Errorf("%d outcomes of one file: %v", got, r.Skipped)
			}
			if overwritten := MayBeProof(file); (c.want == "judged" || strings.HasPrefix(c.want, "may be")) != overwritten && !strings.HasPrefix(c.content, "-> ") && !strings.Contains(c.file, "/.") && c.want != "hidden" {
				t.Errorf("may be a proof, which no report is written over: %v", overwritten)
			}
			// Whatever it is, --ignore leaves it out, by its name and by its path.
			for _, pattern := range []string{filepath.Base(c.file), "**", "*/**", filepath.ToSlash(file)} {
				r := &Reader{Ignore: []string{pattern}}
				inputs, err := r.Inputs([]string{dir})
				if got := outcome(inputs, r.Skipped, file); err != nil || pattern != "*/**" && got != "hidden" && !strings.HasPrefix(got, "ignored: ") {
					t.Errorf("--ignore %s: %s %v", pattern, got, err)
				}
			}
		})
	}
}

// A proof is judged whatever is added to it to make it look like something else.
func TestNothingHides(t *testing.T) {
	for name, text := range map[string][]byte{
		"a bundle": testdata.Read("qod-mock-v0.4/tampered/artifact-value.json"), "half of one": testdata.Read("qod-mock-v0.4/tampered/missing-proof.json"),
		"no ledger": testdata.Read("qod-mock-v0.4/tampered/missing-ledger.json"), "a record": testdata.Read("generations/4a76cad/get-proof.json"),
		"renamed": testdata.Read("qod-mock-v0.4/tampered/case-variant-keys.json"),
	} {
		var proof map[string]any
		if err := json.Unmarshal(text, &proof); err != nil {
			t.Fatal(err)
		}
		for disguise, members := range map[string]map[string]any{
			"report": {"schema": "qodverify/report/v1", "results": []any{}}, "audit": {"schema": "qodverify/audit/v1"},
			"state": {"schema": "qodverify/state/v1"}, "evidence": {"schema": "qodverify/evidence/v1"}, "lines": {"schema": "qodverify/lines/v1", "type": "result"},
			"keys": {"keys": []any{}}, "key": {"kty": "OKP", "crv": "Ed25519", "x": "", "kid": ""}, "sarif": {"version": "2.1.0", "runs": []any{}},
			"dsse": {"payloadType": "", "payload": "", "signatures": []any{}}, "statement": {"_type": "", "subject": []any{}, "predicateType": ""},
			"artifact": {"schema_version": "v1", "measured": 1, "decision": 1, "session_id": ""}, "wrapper": {"task": "", "outputs": map[string]any{}},
			"run": {"build": 1, "env": 1, "ids": 1}, "answer": {"verified": true, "reason": "ok", "session_id": ""}, "issue": {"check_name": "", "fingerprint": ""},
			"finding": {"code": "", "status": "", "place": 1, "others": 1, "message": "", "known": true},
		} {
			t.Run(name+" as "+disguise, func(t *testing.T) {
				all := maps.Clone(proof)
				maps.Copy(all, members)
				flat, err := json.Marshal(all)
				if err != nil {
					t.Fatal(err)
				}
				if why := notEvidence(flat, nil); why != "" {
					t.Errorf("taken for %s", why)
				}
				whole := name == "a bundle" || name == "a record" || name == "renamed"
				// In one of its members, or in a list, a whole proof is one all the same.
				inner := maps.Clone(members)
				inner["data"] = proof
				for _, v := range []any{inner, []any{inner}, []any{all}} {
					if data, err := json.Marshal(v); whole && (err != nil || notEvidence(data, nil) != "") {
						t.Errorf("taken for %s: %.80s", notEvidence(data, nil), data)
					}
				}
				file := filepath.Join(t.TempDir(), "a.jsonl")
				line := slices.Concat([]byte(`{"schema":"qodverify/lines/v1","type":"summary"}`+"\n"), flat, []byte("\n"))
				if err := os.WriteFile(file, line, 0o644); err != nil {
					t.Fatal(err)
				}
				if what := notRecords(file); whole && what != "" {
					t.Errorf("its lines are taken for %s", what)
				}
			})
		}
	}
}

// A copy in the service's own form is left out where the proof itself is judged, and
// judged where it is not.
func TestCopies(t *testing.T) {
	record := testdata.Read("qod-mock-v0.4/artifacts/proof_1e7579f1-74dc-44a9-b571-755698842c35_20261123_195436.json")
	wrapped := func(record []byte) string { return `{"task":"x","outputs":{"proof_record":` + string(record) + `}}` }
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"beside the proof":   {map[string]string{"proof_1e7579f1-74dc-44a9-b571-755698842c35_1.json": string(record)}, "the service's copy"},
		"of another proof":   {map[string]string{"proof_1e7579f1-74dc-44a9-b571-755698842c35_1.json": strings.Replace(string(record), "QOS_", "QOX_", 1)}, "judged"},
		"without any":        {nil, "judged"},
		"of another session": {map[string]string{"proof_6a55e554-4929-47f2-8675-0f6ff4fb44e0_1.json": string(record)}, "judged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.files)
			write(t, dir, map[string]string{"x/artifact_v1.json": wrapped(record)})
			r := &Reader{}
			inputs, err := r.Inputs([]string{dir})
			if got := outcome(inputs, r.Skipped, filepath.Join(dir, "x", "artifact_v1.json")); err != nil || !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q %v", got, err)
			}
		})
	}
}

// A pattern names files below its folder, and a name that is there is no pattern.
func TestPatterns(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files := map[string]string{
		"p/a.json": "", "p/B.JSON": "", "p/c.json.GZ": "", "p/x/d.json": "", "p/x/y/e.json": "", "p/x/f.bundle": "", "p/x/README": "", "p/.h/g.json": "",
		"p/x/jwks.json": `{"keys":[]}`, "q/a.json": "", "q/[a].json": "", "q/*.json": "",
	}
	for name := range files {
		if files[name] == "" {
			files[name] = "{}"
		}
	}
	write(t, dir, files)
	write(t, dir, map[string]string{"p/out": "-> ../q", "p/in": "-> x", "outside/z.json": "{}"})
	for pattern, want := range map[string]string{
		"p/*.json": "p/B.JSON p/a.json", "p/**/*.json": "p/B.JSON p/a.json p/x/d.json p/x/y/e.json ?p/out", "**/e.json": "p/x/y/e.json",
		"p/*": "p/B.JSON p/a.json p/c.json.GZ p/x/d.json p/x/y/e.json ?p/out", "p/?/*.bundle": "p/x/f.bundle", "p/**/x": "p/x/d.json p/x/y/e.json ?p/out",
		"p/{a,b}.json": "p/a.json", "p/*.json.gz": "p/c.json.GZ", "p/.h/*": "p/.h/g.json", "p/.*/*.json": "p/.h/g.json",
		"q/[a].json": "q/[a].json", "q/*.json": "q/*.json", "q/[[]a].json": "q/[a].json", "p/[^a].json": "p/B.JSON",
		"p/z*": "!", "z/*.json": "!", "p/[": "!", "p/**/../*.json": "?p/out",
	} {
		t.Run(pattern, func(t *testing.T) {
			r := &Reader{}
			inputs, err := r.Inputs([]string{pattern})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, in := range inputs {
				if in.Name == pattern && in.Err != nil {
					in.Name = "!"
				}
				got = append(got, filepath.ToSlash(in.Name))
			}
			for _, s := range r.Skipped {
				if s.Evidence && s.Name != filepath.FromSlash("p/x/f.bundle") {
					got = append(got, "?"+filepath.ToSlash(s.Name))
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// What is reached twice is judged once, and told.
func TestReachedTwice(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	proof := string(testdata.Read("qod-mock-v0.4/good/00.bundle.json"))
	write(t, dir, map[string]string{"d/a.json": proof, "d/b.bundle": proof, "d/x/c.json": proof})
	write(t, dir, map[string]string{"d/l.json": "-> x/c.json"})
	for _, args := range [][]string{{"d", "d"}, {"d", "./d"}, {"d", "d/x"}, {"d/a.json", "d"}, {"d", "d/a.json", "d/a.json"}, {"d/*.json", "d/**"}, {"d", filepath.Join(dir, "d")}} {
		r := &Reader{}
		inputs, err := r.Inputs(args)
		if err != nil || len(inputs) != 2 {
			t.Errorf("%v: %d inputs, %v", args, len(inputs), err)
		}
		told := 0
		for _, s := range r.Skipped {
			if strings.HasPrefix(s.Reason, "judged once") {
				told++
			}
			if s.Evidence != (filepath.Base(s.Name) == "b.bundle") {
				t.Errorf("%v: %+v", args, s)
			}
		}
		if told == 0 {
			t.Errorf("%v: not told: %v", args, r.Skipped)
		}
		for _, in := range inputs {
			if in.Root == "" {
				t.Errorf("%v: %s lost what its folder has for it", args, in.Name)
			}
		}
	}
	r := &Reader{}
	if inputs, err := r.Inputs([]string{"d", "d/b.bundle"}); err != nil || len(inputs) != 3 || slices.ContainsFunc(r.Skipped, func(s Skipped) bool { return s.Evidence }) {
		t.Errorf("what was given by itself is called left out: %v %v %v", inputs, r.Skipped, err)
	}
}

// --ignore leaves out by name at any depth, or by path, and says so file by file.
func TestIgnore(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, map[string]string{"d/a.json": "{}", "d/b.bak": "{}", "d/x/a.json": "{}", "d/x/c.json": "{}", "d/x/y/d.json": "{}", "d/[z].json": "{}"})
	for pattern, want := range map[string]string{
		"a.json": "d/a.json d/x/a.json", "*.bak": "d/b.bak", "x": "d/x/a.json d/x/c.json d/x/y/d.json", "x/": "d/x/a.json d/x/c.json d/x/y/d.json",
		"x/**": "d/x/a.json d/x/c.json d/x/y/d.json", "x/*.json": "d/x/a.json d/x/c.json", "**/y/*": "d/x/y/d.json", "d/x/c.json": "d/x/c.json",
		"./x/c.json": "d/x/c.json", "[z].json": "d/[z].json", "[": "", "A.JSON": "", "d": "", "/x": "",
	} {
		r := &Reader{Ignore: []string{pattern}}
		inputs, err := r.Inputs([]string{"d"})
		var got []string
		for _, s := range r.Skipped {
			if s.Ignored {
				got = append(got, filepath.ToSlash(s.Name))
			}
		}
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != want || (len(r.Unused()) > 0) != (want == "") {
			t.Errorf("--ignore %s: got %q, want %q; unused %q, %v", pattern, got, want, r.Unused(), err)
		}
		if n := len(inputs) + len(r.Skipped); n != 6 {
			t.Errorf("--ignore %s: %d outcomes of 6 files", pattern, n)
		}
	}
	for _, pattern := range []string{strings.Repeat("a", maxPattern+1), "./"} {
		if _, err := (&Reader{Ignore: []string{pattern}}).Inputs([]string{"d"}); !errors.Is(err, ErrUsage) {
			t.Errorf("--ignore %.20s: %v", pattern, err)
		}
	}
	// What was named by itself is judged: --ignore is about folders.
	if inputs, err := (&Reader{Ignore: []string{"*"}}).Inputs([]string{"d/a.json"}); err != nil || len(inputs) != 1 || inputs[0].Err != nil {
		t.Errorf("a file given by itself: %v %v", inputs, err)
	}
}

// Folders that can't be read to the bottom are told, and the rest is read.
func TestFoldersThatEndEarly(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "{}", "shut/b.json": "{}", "deep" + strings.Repeat("/x", maxFolderDepth) + "/c.json": "{}"})
	openFolder = func(name string) (*os.File, error) {
		if filepath.Base(name) == "shut" {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
		return os.Open(name)
	}
	defer func() { openFolder = os.Open }()
	r := &Reader{}
	inputs, err := r.Inputs([]string{dir})
	if err != nil || len(inputs) != 1 || len(r.Skipped) != 2 || !r.Skipped[0].Evidence || !r.Skipped[1].Evidence {
		t.Errorf("%v %+v %v", inputs, r.Skipped, err)
	}
	defer func(n int) { maxFolderEntries = n }(maxFolderEntries)
	maxFolderEntries = 10
	r = &Reader{}
	if _, err := r.Inputs([]string{dir}); err != nil || !slices.ContainsFunc(r.Skipped, func(s Skipped) bool { return s.Evidence && strings.Contains(s.Reason, "more than 10 entries") }) {
		t.Errorf("%+v %v", r.Skipped, err)
	}
}

// A file that goes while the folder is read is no input, and is not forgotten.
func TestFolderChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "{}", "b.json": "{}", "c.jsonl": "{}\n"})
	r := &Reader{}
	places, err := r.Places([]string{dir})
	l, openErr := r.Ledger(t.Context(), dir, 1)
	if err != nil || openErr != nil || len(places) != 2 {
		t.Fatal(places, err, openErr)
	}
	for _, name := range []string{"a.json", "c.jsonl"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, left := places[0].Read(); left == nil || !left.Evidence {
		t.Errorf("%+v", left)
	}
	if in, left := places[1].Read(); left != nil || in.Err != nil {
		t.Errorf("%+v %+v", in, left)
	}
	n := 0
	for range l.Records {
		n++
	}
	if n != 1 || len(l.Skipped) != 2 || !l.Skipped[0].Evidence || !l.Skipped[1].Evidence {
		t.Errorf("%d records, %+v", n, l.Skipped)
	}
}

// Inputs are judged on all processors, and each key set is read once for all.
func TestKeysAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{KeysFile: string(testdata.Read("qod-mock-v0.4/jwks.json"))})
	k := &Keyring{Reader: &Reader{}}
	sets := make([]Keys, 32)
	var group sync.WaitGroup
	for i := range sets {
		group.Go(func() { sets[i] = k.For(Input{Dir: dir}) })
	}
	group.Wait()
	for _, s := range sets {
		if s.Set == nil || s.Set != sets[0].Set {
			t.Fatal("another set", s.Err)
		}
	}
}

// A folder of parts is one ledger, whatever is in which file.
func TestFolderLedger(t *testing.T) {
	good := func(n int) string {
		return string(testdata.Read(fmt.Sprintf("qod-mock-v0.4/good/%02d.bundle.json", n)))
	}
	line := func(n int) string { return strings.ReplaceAll(good(n), "\n", "") + "\n" }
	cut := zipped(line(8) + line(9))
	cut = cut[:len(cut)-20]
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"z.jsonl": line(0) + line(1), "b/C.NDJSON.GZ": zipped(line(2) + line(3)), "a.json": good(4), "b/d.json.gz": zipped(good(5)), "lines.json": line(6) + line(7),
		"k/jwks.json": string(testdata.Read("qod-mock-v0.4/jwks.json")), "cut.jsonl.gz": cut, "r.jsonl": `{"schema":"qodverify/lines/v1"}`,
		"old/x.json": "no JSON",
	})
	write(t, dir, map[string]string{"y.jsonl": "-> z.jsonl"})
	l, err := (&Reader{Ignore: []string{"old", "none"}}).Ledger(t.Context(), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		records := map[string]int{}
		for raw, err := range l.Records {
			if _, parseErr := bundle.Parse(raw.Data); err != nil || raw.Err != nil || parseErr != nil {
				t.Errorf("%s: %v %v %v", raw.Input, err, raw.Err, parseErr)
			}
			name, _ := filepath.Rel(dir, raw.Input)
			records[filepath.ToSlash(name)]++
		}
		delete(records, "cut.jsonl.gz")
		if want := map[string]int{"z.jsonl": 2, "b/C.NDJSON.GZ": 2, "a.json": 1, "b/d.json.gz": 1, "lines.json": 2}; !maps.Equal(records, want) {
			t.Errorf("got %v", records)
		}
		for name, want := range map[string]string{"cut.jsonl.gz": "may be a proof: could not be read on", "r.jsonl": "qodverify's own", "k/jwks.json": "a key set", "y.jsonl": "a link to what is read itself", "old/x.json": "ignored: "} {
			if got := outcome(nil, l.Skipped, filepath.Join(dir, filepath.FromSlash(name))); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %q", name, got)
			}
		}
		if len(l.Skipped) != 5 || !slices.Equal(l.Unused, []string{"none"}) {
			t.Errorf("%+v %q", l.Skipped, l.Unused)
		}
	}
	l, err = (&Reader{}).Ledger(t.Context(), filepath.Join(dir, "**", "*.jsonl"), 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range l.Records {
		n++
	}
	if n != 2 {
		t.Errorf("%d records by a pattern", n)
	}
	if _, err := (&Reader{}).Ledger(t.Context(), filepath.Join(dir, "*.none"), 1); !errors.Is(err, errNoMatch) {
		t.Errorf("a pattern without a match: %v", err)
	}
}

// What is no regular file is never opened, and is told; under a proof's name it may
// have been one.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	makeFIFO(t, filepath.Join(dir, "a.json"))
	makeFIFO(t, filepath.Join(dir, "b.txt"))
	socket, err := net.Listen("unix", filepath.Join(dir, "c.jsonl"))
	if err != nil {
		t.Skipf("skipped: no sockets in folders here: %v", err)
	}
	defer socket.Close()
	r := &Reader{}
	inputs, err := r.Inputs([]string{dir})
	if err != nil || len(inputs) != 0 {
		t.Fatal(inputs, err)
	}
	for name, want := range map[string]string{"a.json": "may be a proof: not a regular file", "b.txt": "not a regular file", "c.jsonl": "may be a proof: not a regular file"} {
		if got := outcome(inputs, r.Skipped, filepath.Join(dir, name)); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
