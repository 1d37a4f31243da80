package source

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

const (
	session = "6a55e554-4929-47f2-8675-0f6ff4fb44e0"
	token   = "secret-token"
)

// service answers as the original does, as far as a verifier asks.
func service(t *testing.T, wantToken bool) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		w.Write(testdata.Read("qod-mock-v0.4/jwks.json"))
	})
	mux.HandleFunc("GET /proof/{sid}/bundle", func(w http.ResponseWriter, r *http.Request) {
		if wantToken && r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, `{"detail":"Missing Authorization header"}`, http.StatusUnauthorized)
			return
		}
		if r.PathValue("sid") != session {
			http.NotFound(w, r)
			return
		}
		w.Write(testdata.Read("qod-mock-v0.4/good/01.bundle.json"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func one(t *testing.T, r *Reader, arg string) Input {
	t.Helper()
	inputs, err := r.Inputs([]string{arg})
	if err != nil {
		return Input{Name: arg, Err: err}
	}
	if len(inputs) != 1 {
		t.Fatalf("%s: %d inputs, want 1", arg, len(inputs))
	}
	return inputs[0]
}

func TestURL(t *testing.T) {
	s := service(t, true)
	r := &Reader{Session: session, Token: token}
	in := one(t, r, s.URL)
	if in.Err != nil || !bytes.Equal(in.Data, testdata.Read("qod-mock-v0.4/good/01.bundle.json")) || in.Name != s.URL+"/proof/"+session+"/bundle" {
		t.Fatalf("%s: %v", in.Name, in.Err)
	}
	ring := &Keyring{Reader: r}
	keys := ring.For(in)
	if keys.Err != nil || keys.Set.Len() != 2 || !keys.SameOrigin || keys.Source != s.URL+"/.well-known/jwks.json" {
		t.Errorf("keys: %+v", keys)
	}
	if in := one(t, &Reader{Token: token}, s.URL+"/proof/"+session+"/bundle"); in.Err != nil {
		t.Errorf("a bundle's URL: %v", in.Err)
	}
	for name, c := range map[string]struct {
		reader Reader
		arg    string
		usage  bool
		text   string
	}{
		"no token":            {Reader{Session: session}, s.URL, false, "QODVERIFY_TOKEN"},
		"wrong token":         {Reader{Session: session, Token: "x"}, s.URL, false, "was refused"},
		"unknown session":     {Reader{Session: "00000000", Token: token}, s.URL, false, "404"},
		"base without id":     {Reader{}, s.URL + "/", true, "--session"},
		"offline":             {Reader{Offline: true, Session: session}, s.URL, true, "--offline"},
		"http elsewhere":      {Reader{Session: session}, "http://192.0.2.1", true, "plain http"},
		"credentials":         {Reader{Session: session}, "https://user:pw@host.example", true, "user name"},
		"no host":             {Reader{Session: session}, "https:///x", true, "no host"},
		"file URL":            {Reader{}, "file:///etc/passwd", true, "only http and https"},
		"session with a path": {Reader{Session: "../x"}, s.URL, true, "no session id"},
		"session for a file":  {Reader{Session: session}, "source_test.go", true, "is a file"},
		"session for stdin":   {Reader{Session: session}, "-", true, "not stdin"},
		"nobody listens":      {Reader{Session: session}, "http://127.0.0.1:1", false, "nothing listens at 127.0.0.1:1"},
	} {
		in := one(t, &c.reader, c.arg)
		if in.Err == nil || errors.Is(in.Err, ErrUsage) != c.usage || !strings.Contains(in.Err.Error(), c.text) {
			t.Errorf("%s: %v", name, in.Err)
		}
		if in.Err != nil && strings.Contains(in.Err.Error(), token) {
			t.Errorf("%s: the error repeats the token: %v", name, in.Err)
		}
	}
}

// What a URL answers is unpacked, whether the file is packed or the answer is.
func TestPackedURL(t *testing.T) {
	bundle := testdata.Read("qod-mock-v0.4/good/01.bundle.json")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(bundle)
	z.Close()
	cut := packed.Bytes()[:packed.Len()/2]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file.json.gz":
			w.Header().Set("Content-Type", "application/gzip")
			w.Write(packed.Bytes())
		case "/encoded":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		case "/cut.json.gz":
			w.Write(cut)
		case "/cut":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(cut)
		case "/keys.gz":
			z := gzip.NewWriter(w)
			z.Write(testdata.Read("qod-mock-v0.4/jwks.json"))
			z.Close()
		}
	}))
	defer s.Close()
	for path, want := range map[string]string{"/file.json.gz": "", "/encoded": "", "/cut.json.gz": "the gzip stream is cut off", "/cut": "the service broke its answer off"} {
		in := one(t, &Reader{}, s.URL+path)
		if want == "" && !bytes.Equal(in.Data, bundle) || want != "" && (in.Err == nil || !strings.Contains(in.Err.Error(), want)) {
			t.Errorf("%s: %d bytes, %v", path, len(in.Data), in.Err)
		}
	}
	if set, err := (&Reader{}).KeySet(s.URL + "/keys.gz"); err != nil || set.Len() == 0 {
		t.Errorf("keys: %v", err)
	}
}

// Redirects stay within the origin and are few; the token never leaves it.
func TestRedirects(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(true)
		w.Write([]byte("{}"))
	}))
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
	mux.HandleFunc("/there", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, io.LimitReader(zeros{}, MaxBytes+1)) })
	s := httptest.NewServer(mux)
	defer s.Close()
	r := &Reader{Token: token}
	if in := one(t, r, s.URL+"/here"); in.Err != nil || string(in.Data) != "Bearer "+token {
		t.Errorf("within the origin: %q %v", in.Data, in.Err)
	}
	for path, text := range map[string]string{"/away": "leaves the origin", "/file": "leaves the origin", "/loop": "more than 3 redirects", "/empty": "204", "/large": "larger than"} {
		if in := one(t, r, s.URL+path); in.Err == nil || !strings.Contains(in.Err.Error(), text) {
			t.Errorf("%s: %v", path, in.Err)
		}
	}
	if leaked.Load() {
		t.Error("the other origin was asked")
	}
}

// A server that does not answer, or never ends, is given up.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			w.Write([]byte("{"))
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	defer s.Close()
	defer close(release)
	for _, path := range []string{"/silent", "/drip"} {
		if in := one(t, &Reader{timeout: 50 * time.Millisecond}, s.URL+path); in.Err == nil || in.Err.Error() != "there was no whole answer within 50ms" {
			t.Errorf("%s: read %q, %v", path, in.Data, in.Err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://H.example/x", "https://h.example:443/y", true}, {"http://h.example:80", "http://h.example", true},
		{"https://h.example", "http://h.example", false}, {"https://h.example", "https://h.example:8443", false},
		{"https://h.example:80", "https://h.example", false}, {"https://h.example", "https://h.example.evil", false},
		{"http://[::1]:80", "http://[::1]", true}, {"https://a.h.example", "https://h.example", false},
	} {
		a, errA := url.Parse(c.a)
		b, errB := url.Parse(c.b)
		if errA != nil || errB != nil || sameOrigin(a, b) != c.same {
			t.Errorf("%s and %s: same origin is not %v", c.a, c.b, c.same)
		}
	}
}

// A key set of another origin than the inputs' never gets the token.
func TestTokenStaysHome(t *testing.T) {
	var got atomic.Value
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		w.Write(testdata.Read("qod-mock-v0.4/jwks.json"))
	}))
	defer elsewhere.Close()
	home, _ := url.Parse("https://qod.example")
	same, _ := url.Parse(elsewhere.URL)
	ring := &Keyring{Reader: &Reader{Token: token}, Given: []string{elsewhere.URL + "/k"}}
	for _, c := range []struct {
		origin *url.URL
		want   string
	}{{home, ""}, {same, "Bearer " + token}} {
		if err := ring.Load([]*url.URL{c.origin}); err != nil {
			t.Fatal(err)
		}
		if got.Load() != c.want {
			t.Errorf("input of %s: the key server got %q, want %q", c.origin, got.Load(), c.want)
		}
	}
}

// A directory gives its regular *.json files, and neither keys nor pipes.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.json", "a.json", "jwks.json", "notes.txt", "proof_" + session + "_1.json", "proof_" + session + "x_1.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	makeFIFO(t, filepath.Join(dir, "fifo.json"))
	names := func(r *Reader) string {
		inputs, err := r.Inputs([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, in := range inputs {
			if in.Err != nil || string(in.Data) != filepath.Base(in.Name) {
				t.Errorf("%s: %q %v", in.Name, in.Data, in.Err)
			}
			s = append(s, filepath.Base(in.Name))
		}
		return strings.Join(s, " ")
	}
	if got, want := names(&Reader{}), "a.json b.json proof_"+session+"_1.json proof_"+session+"x_1.json"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := names(&Reader{Session: session}), "proof_"+session+"_1.json"; got != want {
		t.Errorf("with a session: got %s, want %s", got, want)
	}
	inputs, err := (&Reader{Stdin: strings.NewReader("in")}).Inputs([]string{"none.json", "-", filepath.Join(dir, "a.json")})
	if err != nil || len(inputs) != 3 || inputs[0].Err == nil || string(inputs[1].Data) != "in" || string(inputs[2].Data) != "a.json" {
		t.Errorf("a missing file keeps the others from being read: %v %v", inputs, err)
	}
	if _, err := (&Reader{Stdin: strings.NewReader("")}).Inputs([]string{"-", "-"}); !errors.Is(err, ErrUsage) {
		t.Errorf("stdin twice: %v", err)
	}
	if _, err := readBounded(zeros{}, 1000); err == nil {
		t.Error("an endless input was read")
	}
}

// The artifact's path comes from the proof: it must not leave the folder.
func TestArtifact(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "artifacts")
	for name, data := range map[string]string{"artifacts/s/artifact.json": "inside", "secret.json": "outside"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(top, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"out.json": "../secret.json", "abs.json": filepath.Join(top, "secret.json"), "in.json": "s/artifact.json"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	makeFIFO(t, filepath.Join(dir, "fifo"))
	for path, ok := range map[string]bool{
		"s/artifact.json": true, "in.json": true,
		"../secret.json": false, "s/../../secret.json": false, filepath.Join(top, "secret.json"): false, "out.json": false, "abs.json": false,
		`..\secret.json`: false, `C:\secret.json`: false, `\\srv\share`: false, "": false, ".": false, "s": false, "fifo": false, "s/artifact.json\x00": false, "none.json": false,
	} {
		data, err := Artifact(dir, path)
		if (err == nil) != ok || ok && string(data) != "inside" {
			t.Errorf("%q: %q %v", path, data, err)
		}
	}
}

func TestGivenKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("jwks.json", string(testdata.Read("qod-mock-v0.4/jwks.json")))
	clash := write("clash.json", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"default","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	broken := write("broken.json", `{"keys":`)
	for _, c := range []struct {
		given []string
		ok    bool
	}{{[]string{good}, true}, {[]string{good, good}, true}, {[]string{good, clash}, false}, {[]string{broken}, false}, {[]string{"none"}, false}} {
		ring := &Keyring{Reader: &Reader{}, Given: c.given}
		if err := ring.Load(nil); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.given, err)
		}
	}
	beside := (&Keyring{Reader: &Reader{}}).For(Input{Dir: dir})
	if beside.Err != nil || beside.Set.Len() != 2 || beside.SameOrigin {
		t.Errorf("beside: %+v", beside)
	}
	if none := (&Keyring{Reader: &Reader{}}).For(Input{Name: "-"}); none.Set != nil || none.Err != nil {
		t.Errorf("stdin has keys: %+v", none)
	}
}

// Keys that are there and can't be read are told, and stdin is read for one thing.
func TestKeysThatCantBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, KeysFile)); err != nil {
		t.Skip(err)
	}
	if found := (&Keyring{Reader: &Reader{}}).For(Input{Dir: dir}); found.Err == nil || found.Set != nil {
		t.Errorf("a link that leads nowhere: %+v", found)
	}
	reader := &Reader{Stdin: bytes.NewReader(testdata.Read("qod-mock-v0.4/jwks.json"))}
	keyring := &Keyring{Reader: reader, Given: []string{"-"}}
	if err := keyring.Load(nil); err != nil || keyring.For(Input{}).Set.Len() != 2 {
		t.Errorf("--jwks -: %v", err)
	}
	if _, err := reader.Inputs([]string{"-"}); !errors.Is(err, ErrUsage) {
		t.Errorf("stdin for keys and an input: %v", err)
	}
	if _, err := reader.Ledger(t.Context(), "-", 1); !errors.Is(err, ErrUsage) {
		t.Errorf("stdin for keys and a ledger: %v", err)
	}
}

// Each key that our guard lets through is the same to jwx; a key on which the
// two disagree is set aside.
func TestJWXAgrees(t *testing.T) {
	set, err := ParseKeys(testdata.Read("qod-mock-v0.4/jwks.json"))
	if err != nil || set.Len() != 2 {
		t.Fatalf("%v", err)
	}
	for k := range set.All() {
		for name, change := range map[string]func(*jwks.Key){
			"another key": func(k *jwks.Key) { k.Public[0] ^= 1 },
			"another kid": func(k *jwks.Key) { k.KID += "x" },
			"no JWK":      func(k *jwks.Key) { k.JWK = []byte("{}") },
		} {
			changed := k
			change(&changed)
			if agree(changed) == nil {
				t.Errorf("%s: jwx is said to agree", name)
			}
		}
	}
	// Of the hostile sets, each that our guard lets through is read by jwx too.
	var file struct {
		Cases []struct {
			Name string
			JWKS json.RawMessage
		}
	}
	if err := json.Unmarshal(testdata.Read("jwks-abuse/cases.json"), &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if _, err := jwks.Parse(c.JWKS); err != nil {
			continue
		}
		if _, err := ParseKeys(c.JWKS); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if _, err := ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA"}]}`)); err != nil {
		t.Errorf("a refused key makes the set unusable: %v", err)
	}
}
