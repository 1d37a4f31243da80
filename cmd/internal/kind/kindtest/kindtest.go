// Package kindtest has one file of each kind that a person may hand over in place of a
// proof, made anew from a genuine bundle. It is for tests.
package kindtest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/qodverify/qodverify/testdata"
)

// File is one of a kind.
type File struct {
	ID   string // of the kind, where a bundle is wanted
	Data []byte
	Word string // which a person must read
}

// Bundle is a genuine bundle.
func Bundle() []byte { return testdata.Read("qod-mock-v0.4/good/00.bundle.json") }

// Files returns the files by a name.
func Files() map[string]File {
	one, two := bytes.TrimSpace(Bundle()), bytes.TrimSpace(testdata.Read("qod-mock-v0.4/good/01.bundle.json"))
	quoted, _ := json.Marshal(string(one))
	encoded := base64.StdEncoding.EncodeToString(one)
	keys := testdata.Read("qod-mock-v0.4/jwks.json")
	files := map[string]File{}
	for _, group := range []map[string]File{packed(one), texts(one, encoded), documents(one, two, quoted, keys)} {
		for name, f := range group {
			files[name] = f
		}
	}
	return files
}

func utf16of(text []byte, order binary.ByteOrder, mark bool) []byte {
	var b []byte
	if mark {
		b = order.(binary.AppendByteOrder).AppendUint16(b, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(string(text))) {
		b = order.(binary.AppendByteOrder).AppendUint16(b, u)
	}
	return b
}

func packed(one []byte) map[string]File {
	var zipped, tarred bytes.Buffer
	z := zip.NewWriter(&zipped)
	w, _ := z.Create("bundle.json")
	w.Write(one)
	z.Close()
	t := tar.NewWriter(&tarred)
	t.WriteHeader(&tar.Header{Name: "bundle.json", Mode: 0o600, Size: int64(len(one))})
	t.Write(one)
	t.Close()
	noise := make([]byte, 4096)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	noise[0] = 0x9f
	return map[string]File{
		"utf16le":       {"utf-16", utf16of(one, binary.LittleEndian, true), "UTF-16"},
		"utf16be":       {"utf-16", utf16of(one, binary.BigEndian, true), "UTF-16"},
		"utf16-no-mark": {"utf-16", utf16of(one, binary.LittleEndian, false), "UTF-16"},
		"utf32":         {"utf-32", []byte("\xff\xfe\x00\x00{\x00\x00\x00}\x00\x00\x00"), "UTF-32"},
		"xz":            {"xz", []byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01"), "xz -dc"},
		"bzip2":         {"bzip2", []byte("BZh91AY&SY\x01\x02\x03\x04\x05\x06"), "bzip2 -dc"},
		"lz4":           {"lz4", []byte("\x04\x22\x4d\x18\x64\x40\xa7\x0b"), "lz4 -dc"},
		"zip":           {"zip", zipped.Bytes(), "zip archive"},
		"tar":           {"tar", tarred.Bytes(), "tar -xf"},
		"7z":            {"7z", []byte("7z\xbc\xaf\x27\x1c\x00\x04\x01\x02\x03\x04"), "7z archive"},
		"rar":           {"rar", []byte("Rar!\x1a\x07\x01\x00\x01\x02"), "RAR archive"},
		"sqlite":        {"sqlite", append([]byte("SQLite format 3\x00"), make([]byte, 84)...), "SQLite database"},
		"sqlite-wal":    {"sqlite-wal", append([]byte("\x37\x7f\x06\x82"), make([]byte, 28)...), "-wal"},
		"apple-double":  {"apple-double", []byte("\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "), "AppleDouble"},
		"pdf":           {"pdf", []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "PDF"},
		"der":           {"der", []byte("\x30\x82\x01\x0a\x02\x82\x01\x01\x00"), "DER"},
		"pcap":          {"pcap", []byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00"), "packet capture"},
		"outlook":       {"ole", append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 504)...), "Outlook"},
		"cose":          {"cose", []byte("\xd2\x84\x43\xa1\x01\x27\xa0"), "COSE"},
		"jumbf":         {"c2pa", []byte("\x00\x00\x10\x00jumb\x00\x00\x00\x1ejumdc2pa"), "C2PA"},
		"noise":         {"binary", noise, "binary data"},
		"empty":         {"empty", nil, "empty"},
		"zeros":         {"zeros", make([]byte, 2048), "zero bytes"},
		"blank":         {"blank", []byte(" \r\n\t\n"), "white space"},
	}
}

func texts(one []byte, encoded string) map[string]File {
	wrapped := strings.ReplaceAll(encoded, "AAAA", "AAAA") // as base64 -w 76 writes it
	for i := 76; i < len(wrapped); i += 77 {
		wrapped = wrapped[:i] + "\n" + wrapped[i:]
	}
	return map[string]File{
		"html":        {"html", []byte("<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>\n"), "web page"},
		"html-bare":   {"html", []byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"), "HTML"},
		"xml":         {"xml", []byte("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>"), "XML"},
		"pem-public":  {"pem-public-key", pem("PUBLIC KEY"), "PEM"},
		"pem-private": {"pem-private-key", pem("PRIVATE KEY"), "PEM private key"},
		"pem-ec":      {"pem-private-key", append([]byte("Bag Attributes\n"), pem("EC PRIVATE KEY")...), "PEM private key"},
		"pem-cert":    {"pem-certificate", pem("CERTIFICATE"), "PEM certificate"},
		"curl-i":      {"http", append([]byte("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"), one...), "curl -i"},
		"curl-i-2":    {"http", append([]byte("HTTP/2 200 \r\ncontent-type: application/json\r\n\r\n"), one...), "curl -i"},
		"curl-v":      {"http", append([]byte("* Connected to op.example\n> GET /proof HTTP/1.1\n>\n< HTTP/1.1 200 OK\n<\n"), one...), "curl -i"},
		"headers":     {"headers", append([]byte("content-type: application/json\r\nserver: uvicorn\r\n\r\n"), one...), "headers"},
		"fence":       {"fence", []byte("```json\n" + string(one) + "\n```\n"), "Markdown"},
		"fence-prose": {"fence", []byte("Here is the proof:\n\n```json\n" + string(one) + "\n```\n"), "Markdown"},
		"base64":      {"base64", []byte(encoded + "\n"), "base64"},
		"base64-76":   {"base64", []byte(wrapped), "base64"},
		"base64url":   {"base64", []byte(base64.RawURLEncoding.EncodeToString([]byte("{\"\u00ff\u00fe??>>\":1,\"pad\":\"??~~??~~\"}"))), "base64"},
		"e-mail": {"e-mail", []byte("From: a@op.example\r\nTo: b@cust.example\r\nSubject: proof\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			encoded), "e-mail"},
		"mbox":        {"e-mail", []byte("From a@op.example Mon Nov 23 19:54:36 2026\nReceived: from mx\nSubject: proof\n\n{}"), "e-mail"},
		"lfs":         {"lfs-pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 1714\n"), "git lfs pull"},
		"conflict":    {"conflict", []byte("{\n<<<<<<< HEAD\n\"a\":1\n=======\n\"a\":2\n>>>>>>> other\n}\n"), "merge"},
		"conflict-at": {"conflict", []byte("<<<<<<< HEAD\n{\"a\":1}\n=======\n{\"a\":2}\n>>>>>>> other\n"), "merge"},
		"jws":         {"jws", []byte("eyJhbGciOiJFZERTQSJ9.eyJzZXNzaW9uX2lkIjoieCJ9.AAAAAAAAAAAAAAAAAAAAAA\n"), "JWS"},
		"jws-apart":   {"jws", []byte("eyJhbGciOiJFZERTQSJ9..AAAAAAAAAAAAAAAAAAAAAA\n"), "JWS"},
		"yaml":        {"yaml", []byte("session_id: x\nledger:\n  kid: default\n"), "YAML"},
		"policy":      {"policy", []byte("version: 1\nname: mine\nmin_samples: 3\n"), "policy"},
		"python":      {"python", []byte("{'session_id': 'x', 'ok': True}"), "Python"},
		"json5":       {"json5", []byte("{\"a\": 1,}"), "JSON5"},
		"quotes":      {"smart-quotes", []byte("{“session_id”: 1}"), "quotes"},
		"nbsp":        {"odd-space", []byte("{\n\u00a0 \"a\": 1}"), "no-break space"},
		"jsonp":       {"jsonp", []byte("callback({\"a\":1});"), "JSONP"},
		"log":         {"log", append([]byte("2026-11-23T19:54:36Z INFO bundle="), one...), "log"},
		"numbered":    {"numbered", []byte("   1  {\n   2   \"a\": 1\n   3  }\n"), "line numbers"},
		"qp":          {"quoted-printable", []byte("{\"session_id\":\"x\",\"led=\nger\":{\"a=\n\":1}}"), "quoted-printable"},
		"escaped":     {"html-escaped", []byte("{&quot;a&quot;:1}"), "HTML"},
		"csv":         {"csv", []byte("session_id,prev_hash,this_hash\nx,GENESIS,y\n"), "CSV"},
		"padded":      {"padded", append(bytes.Clone(one), 0x1a), "^Z"},
		"own-text":    {"own-report", []byte("bundle.json: VERIFIED\n  session  x\n"), "own report"},
		"ping":        {"measurement", []byte("PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n"), "telemetry import"},
		"coloured":    {"coloured", []byte("\x1b[1;39m{\n  \x1b[0m\x1b[34;1m\"a\"\x1b[0m: 1\n}"), "colour codes"},
		"terminal":    {"terminal", []byte("$ cat bundle.json\n{\"a\":1}\n"), "terminal"},
		"bare-key":    {"bare-key", []byte("44NhfkcTBJ2gmEjc63SYueU6B5fqWs8QlhL22nTgwCk\n"), "bare key"},
		"link-text":   {"link-text", []byte("../2026/bundle.json"), "symbolic link"},
		"latin-1":     {"latin-1", []byte("{\"text\":\"caf\xe9 x\"}"), "UTF-8"},
		"python-b":    {"python", []byte("b'{\"a\":1}'"), "Python"},
		"uuencode":    {"uuencode", []byte("begin 644 bundle.json\nM>R)S\n`\nend\n"), "uudecode"},
		"shortcut":    {"shortcut", []byte("[InternetShortcut]\r\nURL=https://op.example/\r\n"), "shortcut"},
		"text":        {"text", []byte("no such proof\n"), "plain text"},
	}
}

func pem(label string) []byte {
	return fmt.Appendf(nil, "-----BEGIN %s-----\nMCowBQYDK2VwAyEA44NhfkcTBJ2gmEjc63SYueU6B5fqWs8QlhL22nTgwCk=\n-----END %s-----\n", label, label)
}

func documents(one, two, quoted, keys []byte) map[string]File {
	in := func(id, text, word string) File {
		return File{id, []byte(strings.NewReplacer("BUNDLE", string(one), "QUOTED", string(quoted)).Replace(text)), word}
	}
	statement := base64.StdEncoding.EncodeToString([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[]}`))
	ours := base64.StdEncoding.EncodeToString([]byte(`{"predicate":{"schema":"qodverify/report/v1"}}`))
	return map[string]File{
		"json-lines":    {"json-lines", append(append(bytes.Clone(one), '\n'), two...), "qodverify audit"},
		"two-documents": in("documents", "{\n\"a\":1}\n{\n\"a\":2}\n", "several JSON documents"),
		"data":          in("wrapped", `{"status":"success","data":BUNDLE}`, "/data"),
		"deep":          in("wrapped", `{"result":{"items":[{"x":1},{"bundle":BUNDLE}]}}`, "/result/items/1/bundle"),
		"odd-name":      in("wrapped", `{"a'; rm -rf ~ #":BUNDLE}`, "byte by byte"),
		"har":           in("wrapped", `{"log":{"version":"1.2","entries":[{"response":{"content":{"text":QUOTED}}}]}}`, "HAR"),
		"har-without":   in("HAR file", `{"log":{"version":"1.2","entries":[]}}`, "HAR"),
		"postman":       in("wrapped", `{"info":{"_postman_id":"x","name":"QoD"},"item":[{"response":[{"body":QUOTED}]}]}`, "Postman"),
		"quoted":        in("quoted", "QUOTED", "encoded twice"),
		"list":          in("bundle-list", "[BUNDLE]", "JSON list"),
		"renamed":       in("renamed", `{"sessionId":"x","ledger":{"prevHash":"GENESIS","thisHash":"y"},"proof":{}}`, "renamed"),
		"dsse":          in("dsse", `{"payloadType":"application/vnd.in-toto+json","payload":"`+statement+`","signatures":[{"sig":"AA=="}]}`, "DSSE"),
		"own-dsse":      in("own-dsse", `{"payloadType":"application/vnd.in-toto+json","payload":"`+ours+`","signatures":[{"sig":"AA=="}]}`, "qodverify export dsse"),
		"sigstore":      in("sigstore", `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{},"dsseEnvelope":{}}`, "sigstore"),
		"in-toto":       in("in-toto", `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x","predicate":{}}`, "in-toto"),
		"jws-json":      in("jws-json", `{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}`, "JWS"),
		"vc":            in("vc", `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"proof":{"type":"DataIntegrityProof"}}`, "Verifiable Credential"),
		"receipt":       in("receipt", `{"version":"0.1","receipt":{"id":"r"},"proof":{"type":"Ed25519Signature2020"}}`, "receipt"),
		"c2pa":          in("c2pa", `{"active_manifest":"x","manifests":{}}`, "C2PA"),
		"camara-event":  in("camara-event", `{"id":"1","source":"https://op/sessions/1","specversion":"1.0","type":"org.camaraproject.quality-on-demand.v1.qos-status-changed","data":{}}`, "CAMARA event"),
		"camara":        in("camara-session", `{"sessionId":"x","qosProfile":"QOS_L","qosStatus":"AVAILABLE","duration":3600}`, "CAMARA session"),
		"own-report":    in("own-report", `{"schema":"qodverify/report/v1","verdict":"verified"}`, "qodverify's own report"),
		"own-lines":     in("own-lines-lines", "{\"schema\":\"qodverify/lines/v1\",\"type\":\"result\"}\n{\"schema\":\"qodverify/lines/v1\",\"type\":\"summary\"}\n", "qodverify's own lines"),
		"state":         in("own-state", `{"schema":"qodverify/state/v1","ledger":"x"}`, "--state"),
		"evidence":      in("own-evidence", `{"schema":"qodverify/evidence/v1"}`, "qodverify evidence"),
		"jwks":          {"jwk-set", keys, "--jwks"},
		"jwk":           in("jwk", `{"kty":"OKP","crv":"Ed25519","x":"AA"}`, "JWK"),
		"jwk-private":   in("jwk-private", `{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}`, "private"),
		"openid":        in("openid-configuration", `{"issuer":"https://op","jwks_uri":"https://op/jwks"}`, "jwks_uri"),
		"artifact":      in("artifact", `{"schema_version":"v1","session_id":"x","inputs":{},"measured":{},"decision":{}}`, "--artifact"),
		"run-summary":   in("run-summary", `{"build":{},"env":{},"ids":{}}`, "run summary"),
		"verify":        in("verify-answer", `{"session_id":"x","verified":true,"reason":"ok"}`, "/verify"),
		"public-keys":   in("public-keys", `{"keys":[{"kid":"default","alg":"ed25519","public_key_b64url":"AA"}]}`, "/public-keys"),
		"detail":        in("detail", `{"detail":"No proof record found for this session_id. Finalize first."}`, "No proof record found"),
		"detail-list":   in("detail", `{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]}`, "Field required"),
		"intent":        in("intent", `{"text":"t","target_p95_latency_ms":50}`, "intent"),
		"error":         in("error-answer", `{"error":{"code":404,"message":"not here"}}`, "not here"),
		"sarif":         in("sarif", `{"version":"2.1.0","runs":[]}`, "SARIF"),
		"irtt":          in("measurement", `{"version":{},"config":{},"stats":{},"round_trips":[]}`, "--from irtt"),
		"policy-json":   in("policy", `{"version":1,"name":"x","min_samples":3}`, "--policy"),
		"empty-object":  in("empty-object", "{}", "empty JSON object"),
		"github-404":    in("error-answer", `{"message":"Not Found","documentation_url":"https://x","status":"404"}`, "Not Found"),
		"spring-404":    in("error-answer", `{"timestamp":"x","status":404,"error":"Not Found","path":"/p"}`, "Not Found"),
		"camara-old":    in("camara-event", `{"event":{"eventType":"QOS_STATUS_CHANGED","eventTime":"x"}}`, "CAMARA event"),
		"atlas":         in("measurement", `[{"fw":5080,"type":"ping","dst_addr":"192.0.2.10","result":[]}]`, "RIPE Atlas"),
		"envelope":      in("envelope", `{"data":null}`, "no bundle in it"),
		"har-base64":    in("wrapped", `{"log":{"version":"1.2","entries":[{"response":{"content":{"text":"`+base64.StdEncoding.EncodeToString(one)+`","encoding":"base64"}}}]}}`, "base64"),
		"null":          in("null", "null", "null"),
	}
}
