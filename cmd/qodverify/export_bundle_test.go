package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/attest"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// call runs one command line and returns its status and stdout.
func call(t *testing.T, args ...string) (exitCode, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(""), &stdout, &stderr)
	if strings.Contains(stderr.String(), "panic") {
		t.Errorf("%v: %s", args, stderr.String())
	}
	return code, stdout.String()
}

// TestExportOpenSSL: sha256sum and openssl accept every genuine bundle, and refuse
// each one of which an artifact, a proof, a hash or a signature was changed.
func TestExportOpenSSL(t *testing.T) {
	for _, tool := range []string{"sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s on this machine", tool)
		}
	}
	checked := map[bool]int{}
	for file, keys := range fixtureFiles(t) {
		dir := filepath.Join(t.TempDir(), "it's a proof")
		code, out := call(t, "export", "openssl", "--quiet", "--jwks", keys, "--out", dir, file)
		if _, err := os.Stat(dir); err != nil {
			if code == exitVerified {
				t.Errorf("%s: nothing was written of a verified bundle", file)
			}
			continue
		}
		if _, err := exec.LookPath("shasum"); err == nil && (checked[true]+checked[false])%2 == 0 {
			out = strings.Replace(out, "sha256sum -c", "shasum -a 256 -c", 1) // as on macOS
		}
		shell := exec.Command("sh", "-e", "-c", out)
		said, err := shell.CombinedOutput()
		checked[err == nil]++
		if code == exitVerified && err != nil {
			t.Errorf("%s is verified, and: %v\n%s", file, err, said)
		}
		if err == nil && code != exitVerified && integrity(t, file, keys) {
			t.Errorf("%s: the commands accept what fails\n%s", file, said)
		}
	}
	if checked[true] < 20 || checked[false] < 15 {
		t.Errorf("accepted %d, refused %d", checked[true], checked[false])
	}
}

// integrity reports whether a hash or the signature is what fails.
func integrity(t *testing.T, file, keys string) bool {
	t.Helper()
	_, out := call(t, "--output", "json", "--jwks", keys, file)
	var doc struct {
		Results []struct {
			Checks []struct{ ID, Status string }
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(doc.Results[0].Checks, func(c struct{ ID, Status string }) bool {
		return c.Status == "fail" && slices.Contains([]string{string(verify.ArtifactHash), string(verify.LedgerHash), string(verify.Signature)}, c.ID)
	})
}

// The prefix that stands for crypto/x509 is what crypto/x509 writes.
func TestSPKI(t *testing.T) {
	_, public := call(t, "export", "openssl", "--quiet", "--jwks", fx("jwks.json"), "--out", filepath.Join(t.TempDir(), "x"), fx("good/01.bundle.json"))
	dir := strings.TrimPrefix(strings.SplitN(public, "\n", 2)[0], "cd ")
	data, err := os.ReadFile(filepath.Join(strings.Trim(dir, "'"), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := x509.MarshalPKIXPublicKey(key); err != nil || !bytes.Equal(again, block.Bytes) || !bytes.Equal(render.SPKI([32]byte(block.Bytes[12:])), again) {
		t.Errorf("%x, %v", again, err)
	}
}

func fx(name string) string {
	return filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4", filepath.FromSlash(name))
}

// exported signs a bundle in both forms and returns their files.
func exported(t *testing.T, bundle string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if code, _ := call(t, "keys", "generate", "--quiet", "--out", in("auditor.jwk"), "--kid", "auditor 2026"); code != 0 {
		t.Fatalf("keys generate: %d", code)
	}
	data, err := os.ReadFile(bundle)
	if err == nil {
		err = os.WriteFile(in("bundle.json"), data, 0o644)
	}
	if err == nil {
		err = os.WriteFile(in("tampered.json"), bytes.Replace(data, []byte("0"), []byte("1"), 1), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := call(t, "export", "dsse", "--quiet", "--jwks", fx("jwks.json"), "--key", in("auditor.jwk"), "--public-out", in("auditor.pem"), "--out", in("att.json"), in("bundle.json")); code != 0 {
		t.Fatalf("export dsse: %d", code)
	}
	if code, _ := call(t, "export", "jws", "--quiet", "--jwks", fx("jwks.json"), "--key", in("auditor.jwk"), "--out", in("bundle.jws"), in("bundle.json")); code != 0 {
		t.Fatalf("export jws: %d", code)
	}
	return dir
}

// TestExportNode: Node's jose and @sigstore/core accept what was exported, and
// refuse it for a bundle, a payload or a signature that was changed.
func TestExportNode(t *testing.T) {
	modules := filepath.Join(testdata.Root(), ".ci", "node", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "jose")); err != nil {
		t.Skip("jose and @sigstore/core are not installed: (cd .ci/node && npm install --no-package-lock)")
	}
	dir := exported(t, fx("good/01.bundle.json"))
	script := `
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const need = createRequire(pathToFileURL(process.argv[2] + "/x.js"));
const load = async (name) => { try { return need(name) } catch { return await import(pathToFileURL(need.resolve(name))) } };
const jose = await load("jose"), core = await load("@sigstore/core");
const read = (name) => readFileSync(process.argv[3] + "/" + name);
const key = createPublicKey(read("auditor.pem"));
const out = {};
const attempt = async (name, f) => { try { out[name] = await f() } catch (e) { out[name] = "refused" } };

const [header, , signature] = read("bundle.jws").toString().trim().split(".");
const jws = (bytes) => jose.flattenedVerify({ protected: header, payload: Buffer.from(bytes).toString("base64url"), signature }, key);
await attempt("jws", async () => (await jws(read("bundle.json"))).protectedHeader.kid);
await attempt("jws tampered", () => jws(read("tampered.json")));

const envelope = JSON.parse(read("att.json"));
const dsse = (e, bundle) => {
	const payload = Buffer.from(e.payload, "base64");
	if (!core.crypto.verify(core.dsse.preAuthEncoding(e.payloadType, payload), key, Buffer.from(e.signatures[0].sig, "base64"))) throw new Error("signature");
	const s = JSON.parse(payload);
	if (s.subject[0].digest.sha256 !== createHash("sha256").update(bundle).digest("hex")) throw new Error("subject");
	if (!s.predicate.properties.includes("QOD_VERIFIED")) throw new Error("not verified");
	return s;
};
await attempt("dsse", () => { const s = dsse(envelope, read("bundle.json")); return [s._type, s.predicateType, s.predicate.qodverifyVerdict, s.predicate.qodverifyReport.reason].join(" ") });
await attempt("dsse tampered", () => dsse(envelope, read("tampered.json")));
const changed = { ...envelope, payload: Buffer.from(Buffer.from(envelope.payload, "base64").toString().replace("bundle.json", "Bundle.json")).toString("base64") };
await attempt("dsse payload", () => dsse(changed, read("bundle.json")));
await attempt("dsse type", () => dsse({ ...envelope, payloadType: "text/plain" }, read("bundle.json")));
console.log(JSON.stringify(out));
`
	file := filepath.Join(dir, "check.mjs")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("node", file, filepath.Dir(modules), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got map[string]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]string{
		"jws": "auditor 2026", "jws tampered": "refused", "dsse": attest.StatementType + " " + attest.PredicateType + " verified ok",
		"dsse tampered": "refused", "dsse payload": "refused", "dsse type": "refused",
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %q, want %q", name, got[name], w)
		}
	}
}

// TestExportOpenSSLKey: openssl alone checks the envelope's signature, too.
func TestExportOpenSSLKey(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl on this machine")
	}
	dir := exported(t, fx("good/01.bundle.json"))
	data, err := os.ReadFile(filepath.Join(dir, "att.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		PayloadType string
		Payload     []byte
		Signatures  []struct{ Sig []byte }
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		message []byte
		good    bool
	}{{attest.PAE(e.PayloadType, e.Payload), true}, {attest.PAE(e.PayloadType, append(slices.Clone(e.Payload), ' ')), false}, {e.Payload, false}} {
		for name, data := range map[string][]byte{"message": c.message, "signature": e.Signatures[0].Sig} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "auditor.pem", "-rawin", "-in", "message", "-sigfile", "signature")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); (err == nil) != c.good {
			t.Errorf("%.80q: %v %s", c.message, err, out)
		}
	}
}

// TestExportCosign runs where cosign is installed (go install
// github.com/sigstore/cosign/v3/cmd/cosign@v3.0.4, some minutes).
func TestExportCosign(t *testing.T) {
	if _, err := exec.LookPath("cosign"); err != nil {
		t.Skip("there is no cosign on this machine")
	}
	dir := exported(t, fx("good/01.bundle.json"))
	for name, good := range map[string]bool{"bundle.json": true, "tampered.json": false} {
		cmd := exec.Command("cosign", "verify-blob-attestation", "--insecure-ignore-tlog", "--key", "auditor.pem", "--type", attest.PredicateType, "--signature", "att.json", name)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); (err == nil) != good {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// What is not verified is not signed, and with --any-verdict its statement has no
// property that a reader could rely on.
func TestExportRefused(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "auditor.jwk")
	call(t, "keys", "generate", "--quiet", "--out", key, "--kid", "auditor")
	err := filepath.WalkDir(fx("tampered"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		verdict, _ := call(t, "--quiet", "--jwks", fx("jwks.json"), path)
		for _, form := range []string{"jws", "dsse"} {
			code, out := call(t, "export", form, "--quiet", "--jwks", fx("jwks.json"), "--key", key, path)
			if code != verdict || (out == "") != (code != exitVerified) {
				t.Errorf("export %s %s: exit %d with a verdict of %d, %d bytes", form, path, code, verdict, len(out))
			}
		}
		code, out := call(t, "export", "dsse", "--any-verdict", "--quiet", "--jwks", fx("jwks.json"), "--key", key, path)
		if out == "" {
			return nil // it is no bundle
		}
		var e struct{ Payload []byte }
		var s attest.Statement
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(e.Payload, &s); err != nil {
			t.Fatal(err)
		}
		if code != verdict || (len(s.Predicate.Properties) > 0) != (code == exitVerified) || (s.Predicate.Verdict == "verified") != (code == exitVerified) {
			t.Errorf("%s: exit %d, %v, %s", path, code, s.Predicate.Properties, s.Predicate.Verdict)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExportFolder: a folder with one bundle is exported, and one of which something
// that may be a proof was not read is not.
func TestExportFolder(t *testing.T) {
	dir := t.TempDir()
	key, proofs := filepath.Join(dir, "auditor.jwk"), filepath.Join(dir, "proofs")
	call(t, "keys", "generate", "--quiet", "--out", key, "--kid", "auditor")
	if err := os.CopyFS(proofs, os.DirFS(fx("good"))); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(proofs, "*.json"))
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	for _, name := range names[1:] {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	dsse := []string{"export", "dsse", "--jwks", fx("jwks.json"), "--key", key, proofs}
	if code, out := call(t, dsse...); code != exitVerified {
		t.Errorf("one bundle: %d\n%s", code, out)
	}
	if err := os.WriteFile(filepath.Join(proofs, "more.jsonl.gz"), []byte("\x1f\x8b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := call(t, dsse...); code != exitInconclusive || out != "" {
		t.Errorf("and a ledger: %d\n%s", code, out)
	}
}

// marker is a folder that no document which is given away may name.
const marker = "private-folder-of-the-auditor"

// markedFiles makes a folder under the marker, and what writes into it.
func markedFiles(t *testing.T) (dir string, write func(name, from string) string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), marker)
	return dir, func(name, from string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(name), 0o700)
		if err == nil {
			err = os.WriteFile(name, testdata.Read(from), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
}

// TestStatementNoLocalPaths: a statement is given away, so it tells nothing of the
// auditor's folders, whichever way files came in.
func TestStatementNoLocalPaths(t *testing.T) {
	dir, write := markedFiles(t)
	const session = "54d6df8f-df97-40f6-a30e-20c424ec1e20"
	bundle := write("b/bundle.json", "qod-mock-v0.4/good/00.bundle.json")
	lone := write("l/bundle.json", "qod-mock-v0.4/good/00.bundle.json")
	faulty := write("f/bundle.json", "qod-mock-v0.4/good/00.bundle.json")
	record := write("r/record.json", "qod-mock-v0.4/artifacts/proof_"+session+"_20261123_195436.json")
	artifact := write("a/artifact.json", "qod-mock-v0.4/artifacts/"+session+"/artifact.json")
	keys := write("k/keys.json", "qod-mock-v0.4/jwks.json")
	old := write("k/old.json", "qod-mock-v0.4/jwks-old-only.json")
	write("b/jwks.json", "qod-mock-v0.4/jwks.json")
	write("f/jwks.json", "qod-mock-v0.4/ledger.sqlite3")
	rules := write("p/rules.yaml", "telemetry/policy-all.yaml")
	private := filepath.Join(dir, "auditor.jwk")
	if code, _ := call(t, "keys", "generate", "--out", private, "--kid", "auditor"); code != exitVerified {
		t.Fatal("no key")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	t.Chdir(filepath.Dir(dir))
	for name, args := range map[string][]string{
		"a bundle":                    {"--jwks", keys, bundle},
		"two key sets":                {"--jwks", keys, "--jwks", old, bundle},
		"keys beside it":              {bundle},
		"no keys beside it":           {lone},
		"keys that are none":          {faulty},
		"a folder":                    {"--jwks", keys, filepath.Dir(record)},
		"a folder above":              {"--jwks", keys, filepath.Join(dir, "r") + "/../r/"},
		"an odd spelling":             {"--jwks", dir + "//k/./keys.json", dir + "//b/../b/bundle.json"},
		"from here":                   {"--jwks", marker + "/k/keys.json", marker + "/b/bundle.json"},
		"by a link":                   {link + "/b/bundle.json"},
		"an artifact of its own":      {"--jwks", keys, "--artifact", artifact, bundle},
		"no artifact where it was":    {"--jwks", keys, "--artifacts-dir", filepath.Dir(keys), record},
		"a predecessor that is other": {"--jwks", keys, "--previous", bundle, bundle},
		"a policy":                    {"--jwks", keys, "--policy", rules, bundle},
		"an old key alone":            {"--jwks", old, bundle},
	} {
		t.Run(name, func(t *testing.T) {
			_, out := call(t, append([]string{"export", "dsse", "--quiet", "--any-verdict", "--key", private}, args...)...)
			var envelope struct{ Payload []byte }
			if err := json.Unmarshal([]byte(out), &envelope); err != nil || !bytes.Contains(envelope.Payload, []byte("qodverifyReport")) {
				t.Fatalf("%v: %s", err, out)
			}
			for _, local := range []string{marker, os.TempDir(), link} {
				if bytes.Contains(envelope.Payload, []byte(local)) {
					t.Errorf("it has %s: %s", local, envelope.Payload)
				}
			}
			if !bytes.Contains(envelope.Payload, []byte(`"pointer":"/runtime_artifact/measured"`)) && !bytes.Contains(envelope.Payload, []byte(`"pointer":"/proof`)) {
				t.Errorf("pointers are gone: %s", envelope.Payload)
			}
		})
	}
}

// TestExportsNoLocalPaths: nor does any other file that is given away.
func TestExportsNoLocalPaths(t *testing.T) {
	dir, write := markedFiles(t)
	bundle := write("b/bundle.json", "qod-mock-v0.4/good/00.bundle.json")
	keys := write("k/keys.json", "qod-mock-v0.4/jwks.json")
	database := write("d/ledger.sqlite3", "qod-mock-v0.4/ledger.sqlite3")
	samples := write("s/samples.json", "telemetry/honest/hidden-peak.json")
	private := filepath.Join(dir, "auditor.jwk")
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(out, name) }
	var printed strings.Builder
	for _, args := range [][]string{
		{"keys", "generate", "--out", private, "--kid", "auditor"},
		{"export", "openssl", "--jwks", keys, "--out", in("openssl"), bundle},
		{"export", "jws", "--jwks", keys, "--key", private, "--public-out", in("auditor.pem"), "--out", in("bundle.jws"), bundle},
		{"export", "dsse", "--jwks", keys, "--key", private, "--out", in("att.json"), bundle},
		{"export", "--out", in("ledger.jsonl"), database},
		{"audit", "--quiet", "--jwks", keys, "--state", in("state.json"), filepath.Dir(bundle)},
		{"telemetry", "disclose", "--sample", "7", samples},
		{"page", "--quiet", "--out", in("site")},
		{"man", "--out", in("man")},
	} {
		code, said := call(t, args...)
		if code != exitVerified {
			t.Fatalf("%v: exit %d", args, code)
		}
		if args[0] != "export" { // which prints where it wrote
			printed.WriteString(said)
		}
	}
	if strings.Contains(printed.String(), marker) {
		t.Errorf("printed: %s", printed.String())
	}
	n := 0
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if envelope := (struct{ Payload []byte }{}); filepath.Base(path) == "att.json" && json.Unmarshal(data, &envelope) == nil {
			data = envelope.Payload
		}
		n++
		if bytes.Contains(data, []byte(marker)) || bytes.Contains(data, []byte(testdata.Root())) {
			t.Errorf("%s names a folder", path)
		}
		return err
	})
	if err != nil || n < 30 {
		t.Errorf("%d files, %v", n, err)
	}
}
