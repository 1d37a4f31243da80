package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/qodverify/qodverify/testdata"
)

// libraryWords are phrases of the standard library's and other packages' errors. They
// say where in a program something went wrong, and not what, which limit was met, or
// what to do.
var libraryWords = regexp.MustCompile(`unexpected EOF|: EOF\b|no such file or directory|is a directory|not a directory|too many levels of symbolic|EvalSymlinks|file name too long|invalid argument|bad file descriptor|` +
	`\bopen /|\bstat /|\blstat |\bread /|\bread \.|\bdial tcp|\blookup [a-z]|connect: |i/o timeout|deadline exceeded|context canceled|Client\.Timeout|\bGet "|\bPost "|connection refused|connection reset|net/http|\bhttp: |malformed HTTP|\btls: |x509|` +
	`invalid character|unexpected end of JSON|json: (cannot|unsup|invalid|unknown)|cannot unmarshal|strconv\.|parsing "|parsing time|cannot parse|invalid duration|time: (invalid|unknown|missing)|\bparse "|invalid URL|missing protocol|` +
	`\byaml: (line|unm|unk|contr|found)|unmarshal errors|SQL logic error|database is locked|file is not a database|disk I/O error|attempt to write|\(14\)|\(26\)|\(776\)|disk image is malformed|unable to open database|sql: |` +
	`gzip: |flate: |zlib: |zstd: |window size exceeded|magic number|illegal base64|encoding/hex|asn1: |bad flag syntax|flag needs an argument|unknown shorthand|accepts \d+ arg|requires at least|unknown command|invalid syntax|` +
	`value out of range|godotenv|unexpected character|bind: |listen tcp|address .* missing port|\*fs\.|&errors|%!`)

// Whatever fails, no library's error reaches the person as it is, in any output.
func TestLibraryWords(t *testing.T) {
	w := newWreckage(t)
	n := 0
	for name, args := range w.commands() {
		for _, output := range []string{"text", "json"} {
			t.Run(name+" "+output, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				code := run(append(args, "--output", output), strings.NewReader("{"), &stdout, &stderr)
				if code == exitVerified {
					t.Errorf("%q succeeded\n%s%s", args, stdout.String(), stderr.String())
				}
				said := stdout.String() + stderr.String()
				if said == "" {
					t.Errorf("%q: exit %d without a word", args, code)
				}
				if found := libraryWords.FindString(said); found != "" {
					t.Errorf("%q says %q:\n%.1500s", args, found, said)
				}
			})
			n++
		}
	}
	if n < 200 {
		t.Errorf("only %d failures", n)
	}
}

// wreckage is a folder of files, and servers, each of which fails in its own way.
type wreckage struct {
	t      *testing.T
	dir    string
	files  []string          // that are there and can't be read, or make no sense
	urls   map[string]string // of documents that can't be had
	good   string            // a bundle
	keys   string
	broken []string // databases
}

func newWreckage(t *testing.T) *wreckage {
	w := &wreckage{t: t, dir: t.TempDir(), urls: map[string]string{}}
	root := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4")
	w.good, w.keys = filepath.Join(root, "good", "00.bundle.json"), filepath.Join(root, "jwks.json")
	whole := testdata.Read("qod-mock-v0.4/good/00.bundle.json")
	packed := packGzip(t, whole)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)/2] ^= 0xff
	checksum := bytes.Clone(packed)
	checksum[len(checksum)-6] ^= 0xff
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := encoder.EncodeAll(whole, nil)
	for name, data := range map[string][]byte{
		"empty.json": nil, "half.json": whole[:len(whole)/2], "words.json": []byte("not found\n"), "number.json": []byte("1"), "array.json": []byte("[1,"),
		"nul.json": make([]byte, 100), "cut.gz": packed[:len(packed)/2], "head.gz": packed[:5], "flipped.gz": flipped, "checksum.gz": checksum,
		"magic.gz": []byte("\x1f\x8bnothing of the kind"), "after.gz": append(bytes.Clone(packed), "text"...),
		"cut.zst": frame[:len(frame)/2], "bad.zst": append(bytes.Clone(frame[:8]), "nothing of the kind, nothing"...), "after.zst": append(bytes.Clone(frame), "text"...),
		"window.zst": {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00}, "large.json": bytes.Repeat([]byte(" "), 17<<20),
	} {
		w.files = append(w.files, w.write(name, data))
	}
	if err := os.Symlink("loop.json", filepath.Join(w.dir, "loop.json")); err == nil {
		w.files = append(w.files, filepath.Join(w.dir, "loop.json"))
	}
	w.files = append(w.files, filepath.Join(w.dir, "none.json"), filepath.Join(w.good, "x.json"), filepath.Join(w.dir, strings.Repeat("n", 300)), "a\x00b", w.dir)
	w.databases()
	w.servers()
	return w
}

func (w *wreckage) write(name string, data []byte) string {
	name = filepath.Join(w.dir, name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return name
}

func packGzip(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *wreckage) databases() {
	make := func(name string, statements ...string) []byte {
		path := filepath.Join(w.dir, name)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range statements {
			if _, err := db.ExecContext(context.Background(), s); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			w.t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		w.broken = append(w.broken, path)
		return data
	}
	table := `CREATE TABLE proof_ledger (session_id TEXT, created_at TEXT, proof_json TEXT, prev_hash TEXT, this_hash TEXT, signature TEXT, kid TEXT)`
	row := `INSERT INTO proof_ledger VALUES ('s', 't', '{}', 'GENESIS', 'x', 'y', 'z')`
	make("tables.sqlite3", "CREATE TABLE other (a)")
	make("columns.sqlite3", "CREATE TABLE proof_ledger (a)")
	make("view.sqlite3", "CREATE TABLE a (x)", "CREATE VIEW proof_ledger AS SELECT x AS session_id, x AS created_at, x AS proof_json, x AS prev_hash, x AS this_hash, no_such_thing(x) AS kid FROM a")
	sound := make("sound.sqlite3", table, row)
	w.broken = w.broken[:len(w.broken)-1]
	page := bytes.Clone(sound)
	copy(page[len(page)-4096:], bytes.Repeat([]byte{0xff}, 4096))
	for name, data := range map[string][]byte{"cut.sqlite3": sound[:len(sound)/2], "head.sqlite3": sound[:50], "page.sqlite3": page, "noise.sqlite3": append(bytes.Clone(sound[:16]), bytes.Repeat([]byte{7}, 4096)...), "journal.sqlite3": sound} {
		w.broken = append(w.broken, w.write(name, data))
	}
	w.write("journal.sqlite3-journal", append([]byte{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7}, make0(600)...))
}

func make0(n int) []byte { return make([]byte, n) }

func (w *wreckage) servers() {
	t := w.t
	mux := http.NewServeMux()
	mux.HandleFunc("/refused", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, `{"detail":"No proof record found for session x"}`, http.StatusNotFound)
	})
	mux.HandleFunc("/broken", func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "<html>", http.StatusBadGateway) })
	mux.HandleFunc("/half", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "1000")
		rw.Write([]byte("{"))
	})
	mux.HandleFunc("/hangs-up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/away", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://127.0.0.1:1/", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/loop", http.StatusFound)
	})
	mux.HandleFunc("/words", func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("not found")) })
	plain := httptest.NewServer(mux)
	secure := httptest.NewUnstartedServer(mux)
	for _, s := range []*httptest.Server{plain, secure} {
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
	}
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	for _, path := range []string{"refused", "broken", "half", "hangs-up", "away", "loop", "words"} {
		w.urls[path] = plain.URL + "/" + path
	}
	w.urls["foreign authority"], w.urls["TLS where there is none"] = secure.URL+"/words", strings.Replace(plain.URL, "http", "https", 1)+"/words"
	w.urls["plain where there is TLS"] = strings.Replace(secure.URL, "https", "http", 1) + "/words"
	w.urls["nobody"], w.urls["no host"] = "http://127.0.0.1:1/x", "https://nowhere.invalid/x"
	w.urls["no port"], w.urls["no URL"] = "http://127.0.0.1:port/x", "http://[::1/x"
	noise, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noise.Close() })
	go func() {
		for {
			c, err := noise.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "SSH-2.0-noise\r\n")
			c.Close()
		}
	}()
	w.urls["no web service"] = "http://" + noise.Addr().String() + "/x"
}

// commands are command lines that can't succeed.
func (w *wreckage) commands() map[string][]string {
	list := map[string][]string{}
	add := func(name string, args ...string) { list[strings.ReplaceAll(name, w.dir, "")] = args }
	w.reading(add)
	w.asking(add)
	w.serving(add)
	w.misspelling(add)
	return list
}

// reading adds commands that read files.
func (w *wreckage) reading(add func(string, ...string)) {
	for _, file := range w.files {
		base := fmt.Sprintf("%.40q", filepath.Base(file))
		add("verify "+base, "verify", "--jwks", w.keys, file)
		add("inspect "+base, "inspect", file)
		if base != `"number.json"` { // which has a canonical form
			add("canon "+base, "canon", file)
		}
		add("keys "+base, "keys", file)
		add("evidence "+base, "evidence", file, "--jwks", w.keys)
		add("audit "+base, "audit", "--jwks", w.keys, file)
		add("export "+base, "export", file)
		add("openssl "+base, "export", "openssl", "--jwks", w.keys, "--out", filepath.Join(w.dir, "out"), file)
		add("mutate "+base, "mutate", "--jwks", w.keys, file)
		add("--jwks "+base, "verify", "--jwks", file, w.good)
		add("--policy "+base, "verify", "--jwks", w.keys, "--policy", file, w.good)
		add("--previous "+base, "verify", "--jwks", w.keys, "--previous", file, w.good)
		add("--artifact "+base, "verify", "--jwks", w.keys, "--artifact", file, w.good)
		add("policy lint "+base, "policy", "lint", file)
		add("import "+base, "telemetry", "import", "--from", "iperf3", file)
		add("import ping "+base, "telemetry", "import", "--from", "ping", file)
		add("disclose "+base, "telemetry", "disclose", "--sample", "0", file)
		add("--key "+base, "export", "jws", "--key", file, "--jwks", w.keys, w.good)
		if file != w.dir {
			add("--artifacts-dir "+base, "verify", "--jwks", w.keys, "--artifacts-dir", file, w.good)
			add("--state "+base, "audit", "--jwks", w.keys, "--state", filepath.Join(file, "s.json"), w.good)
		}
	}
	for _, db := range w.broken {
		add("audit "+filepath.Base(db), "audit", "--jwks", w.keys, db)
		add("export "+filepath.Base(db), "export", db)
		add("verify "+filepath.Base(db), "verify", "--jwks", w.keys, db)
	}
	state := w.write("state.json", []byte(`{"schema": "qodverify/state/v1", "count": "x"`))
	add("state", "audit", "--jwks", w.keys, "--state", state, w.good)
	policy := w.write("policy.yaml", []byte("version: 1\nmin_samples: many\n"))
	add("policy of another type", "policy", "lint", policy)
	add("no YAML", "policy", "lint", w.write("no.yaml", []byte("version: 1\n  a: b: c\n")))
	add("export to a file that is there", "export", "--out", w.good, filepath.Join(w.dir, "sound.sqlite3"))
	add("export into no folder", "export", "--out", filepath.Join(w.dir, "none", "x"), filepath.Join(w.dir, "sound.sqlite3"))
	add("key that is there", "keys", "generate", "--out", w.good, "--kid", "k")
	add("key into no folder", "keys", "generate", "--out", filepath.Join(w.dir, "none", "x"), "--kid", "k")
}

// asking adds commands that ask services.
func (w *wreckage) asking(add func(string, ...string)) {
	for name, url := range w.urls {
		add("verify "+name, "verify", "--jwks", w.keys, url)
		add("inspect "+name, "inspect", url)
		add("keys "+name, "keys", url)
		add("--jwks "+name, "verify", "--jwks", url, w.good)
	}
	add("audit nobody", "audit", "--jwks", w.keys, "http://127.0.0.1:1")
	add("audit no ledger", "audit", "--jwks", w.keys, strings.TrimSuffix(w.urls["refused"], "/refused"))
	ping := w.write("ping.txt", []byte("PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.5 ms\n64 bytes from 192.0.2.1: icmp_seq=2 ttl=64 time=0.6 ms\n\n--- 192.0.2.1 ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\nrtt min/avg/max/mdev = 0.5/0.55/0.6/0.05 ms\n"))
	for name, url := range w.urls {
		add("post to "+name, "telemetry", "import", "--from", "ping", "--session", "s", "--to", url, ping)
		if !slices.Contains([]string{"words", "away", "loop", "broken", "refused", "plain where there is TLS"}, name) { // any answer is one
			add("probe "+name, "probe", "--count", "1", "--timeout", "200ms", "--target", url, "http://127.0.0.1:1")
		}
		add("probe and post to "+name, "probe", "--count", "1", "--timeout", "200ms", "--session", "s", "--target", strings.Replace(w.urls["no web service"], "http", "tcp", 1), url)
	}
	add("probe by TCP", "probe", "--count", "1", "--timeout", "200ms", "--target", "tcp://127.0.0.1:1", "http://127.0.0.1:1")
	add("probe of no host", "probe", "--count", "1", "--timeout", "200ms", "--target", "tcp://nowhere.invalid:1", "http://127.0.0.1:1")
}

// serving adds services that can't start.
func (w *wreckage) serving(add func(string, ...string)) {
	used := strings.TrimSuffix(strings.TrimPrefix(w.urls["no web service"], "http://"), "/x") // so that none starts
	for name, args := range map[string][]string{
		"env file": {"--env-file", w.write("env", []byte("A B C\n=x"))}, "no env file": {"--env-file", filepath.Join(w.dir, "none.env")},
		"key of serve": {"--key", w.good}, "no key": {"--key", filepath.Join(w.dir, "none.jwk")}, "address in use": nil, "no address": {"--listen", "nothing"}, "no host": {"--listen", "nowhere.invalid:80"},
		"data in a file": {"--data", filepath.Join(w.good, "x")}, "database of serve": {"--db", filepath.Join(w.dir, "noise.sqlite3")}, "token file": {"--token-file", filepath.Join(w.dir, "none.token")}, "keys of serve": {"--jwks", filepath.Join(w.dir, "half.json")},
	} {
		add(name, append([]string{"serve", "--no-auth", "--data", filepath.Join(w.dir, "data "+name), "--listen", used}, args...)...)
	}
}

// misspelling adds command lines that make no sense.
func (w *wreckage) misspelling(add func(string, ...string)) {
	for name, args := range map[string][]string{
		"a number": {"audit", "--max-records", "x", w.good}, "a duration": {"probe", "--interval", "x", "http://127.0.0.1:1"}, "a boolean": {"--offline=x", w.good}, "a large number": {"audit", "--max-findings", "99999999999999999999", w.good},
		"a pin": {"--pin", "x", w.good}, "a time": {"--policy", "sla", "--at", "x", w.good}, "a flag": {"--none", w.good}, "a letter": {"-z", w.good}, "no value": {w.good, "--jwks"}, "no argument": {"audit"}, "two arguments": {"audit", "a", "b"},
		"a session": {"--session", "../x", "http://127.0.0.1:1"}, "a profile": {"--profile", "x", w.good}, "stdin": {"--jwks", w.keys, "-"}, "stdin audit": {"audit", "--jwks", w.keys, "-"}, "a pointer": {"canon", "--pointer", "x", w.good},
		"a kid": {"keys", "generate", "--out", filepath.Join(w.good, "x"), "--kid", "k"}, "a scheme": {"gopher://x", "-q"}, "a report": {"--jwks", w.keys, "--report", "html=" + filepath.Join(w.good, "x"), w.good},
		"a sample": {"telemetry", "disclose", "--sample", "x", w.good}, "a page": {"page", "--out", filepath.Join(w.good, "x")}, "a manual": {"man", "--out", filepath.Join(w.good, "x")}, "findings": {"audit", "--jwks", w.keys, "--findings", filepath.Join(w.good, "x"), w.good},
	} {
		add(name, args...)
	}
}
