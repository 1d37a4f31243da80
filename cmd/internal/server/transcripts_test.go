package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/testdata"
)

// exchange is one recorded request with the original's answer.
type exchange struct {
	name, method, path string
	header             map[string]string
	body               []byte
	status             int
	answer             string
	answerHeader       map[string]string
}

func transcripts(t *testing.T) []exchange {
	path, ok := testdata.Shared("vectors/orig-api/transcripts.jsonl")
	if !ok {
		t.Skip("skipped: the original's recorded exchanges are not here (vectors/orig-api)")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []exchange
	for line := range bytes.Lines(data) {
		v, err := pyjson.Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		get := func(path ...string) any {
			at := v
			for _, name := range path {
				at, _ = at.(pyjson.Object).Get(name)
			}
			return at
		}
		headers := func(v any) map[string]string {
			m := map[string]string{}
			for _, member := range v.(pyjson.Object) {
				m[member.Name] = member.Value.(string)
			}
			return m
		}
		e := exchange{
			name: get("case").(string), method: get("request", "method").(string), path: get("request", "path").(string),
			header: headers(get("request", "headers")), answer: get("response", "body").(string), answerHeader: headers(get("response", "headers")),
			status: int(saturated(string(get("response", "status").(pyjson.Int)))),
		}
		if text, isText := get("request", "body").(string); isText {
			e.body = recordedBody(e.name, text)
		}
		list = append(list, e)
	}
	return list
}

// recordedBody makes the bytes of a recorded body: long ones were abbreviated,
// and bytes that are not UTF-8 were written as surrogates U+DC80 to U+DCFF.
func recordedBody(name, text string) []byte {
	switch name {
	case "intent.text_5000":
		return []byte(`{"text": "` + strings.Repeat("a", 5000) + `", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`)
	case "intent.text_5001":
		return []byte(`{"text": "` + strings.Repeat("a", 5001) + `", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`)
	case "intent.text_5000_astral":
		return []byte(`{"text": "` + strings.Repeat(`\ud83d\ude80`, 5000) + `", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`)
	case "intent.big":
		return bytes.Repeat([]byte(" "), 1_000_001)
	case "intent.1e6":
		return bytes.Repeat([]byte(" "), 1_000_000)
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		if i+2 < len(text) && text[i] == 0xed && text[i+1]&0xf0 == 0xb0 {
			out = append(out, text[i+1]&0x3f<<6|text[i+2]&0x3f)
			i += 2
			continue
		}
		out = append(out, text[i])
	}
	return out
}

// differ lists the recorded exchanges that this server answers otherwise on
// purpose, with what it answers. "*" stands for any body of that status.
var differ = map[string]struct {
	status int
	answer string
	why    string
}{
	"auth.get /docs":                {200, "*", "our own page"},
	"auth.get /redoc":               {200, "*", "our own page"},
	"auth.get /openapi.json":        {200, "*", "our own description"},
	"auth.get /sessions":            {401, `{"detail":"Missing Authorization header"}`, "the original lacks it"},
	"auth.head /health":             {200, "", "HEAD is answered where GET is"},
	"intent.raw.nan /intent":        {422, `{"detail":[{"type":"finite_number","loc":["body","target_p95_latency_ms"],"msg":"Input should be a finite number","input":"NaN"}]}`, "500 at bad input"},
	"intent.raw.inf /intent":        {422, `{"detail":[{"type":"finite_number","loc":["body","target_p95_latency_ms"],"msg":"Input should be a finite number","input":"Infinity"}]}`, "500 at bad input"},
	"intent.raw.surr /intent":       {422, `{"detail":[{"type":"string_unicode","loc":["body","text"],"msg":"Input should be a valid string, unable to parse raw data as a unicode string","input":"` + "\ufffd" + `"}]}`, "500 at bad input"},
	"tel.raw.nan /telemetry":        {422, `{"detail":[{"type":"finite_number","loc":["body","p95_ms"],"msg":"Input should be a finite number","input":"NaN"}]}`, "500 at bad input"},
	"tel.raw.inf /telemetry":        {422, `{"detail":[{"type":"finite_number","loc":["body","p95_ms"],"msg":"Input should be a finite number","input":"Infinity"}]}`, "500 at bad input"},
	"tel.raw.ninf /telemetry":       {422, `{"detail":[{"type":"finite_number","loc":["body","p95_ms"],"msg":"Input should be a finite number","input":"-Infinity"}]}`, "500 at bad input"},
	"tel.raw.1e999 /telemetry":      {422, `{"detail":[{"type":"finite_number","loc":["body","p95_ms"],"msg":"Input should be a finite number","input":"Infinity"}]}`, "500 at bad input"},
	"flow.verify2 SID/verify":       {200, "as flow.verify", "a second finalize replaces nothing, so nothing breaks"},
	"flow.refinalize SID/finalize":  {200, "as flow.finalize", "the stored record, with its first time"},
	"avail.fin SID/finalize":        {200, "as clamp.fin", "the stored record, with the status at its first time"},
	"chain.refin0 SID/finalize":     {200, "as chain.fin", "the stored record"},
	"chain.verify.after-refin0 SID": {200, "as chain.verify", "nothing was replaced, so no chain broke"},
}

// generic replaces what differs from run to run. Everything else, spelling and
// order included, is compared.
var generic = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`"[A-Za-z0-9_-]{86}"`), `"SIGNATURE"`},
	{regexp.MustCompile(`"[0-9a-f]{64}"`), `"HASH"`},
	{regexp.MustCompile(`"(GENESIS)"`), `"HASH"`},
	{regexp.MustCompile(`"expected_prev_this_hash":null`), `"expected_prev_this_hash":"HASH"`},
	{regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"`), `"TIME"`},
	{regexp.MustCompile(`:1[789]\d{8}\.\d+`), `:SECONDS`},
	{regexp.MustCompile(`"x":"[A-Za-z0-9_-]{43}"`), `"x":"KEY"`},
	{regexp.MustCompile(`"public_key_b64url":"[A-Za-z0-9_-]{43}"`), `"public_key_b64url":"KEY"`},
	{regexp.MustCompile(`"pid":\d+,"file":"[^"]*"`), `"pid":0,"file":""`},
	{regexp.MustCompile(`/srv/qod/artifacts/`), ``},
	{regexp.MustCompile(`"elapsed_ms":\d+`), `"elapsed_ms":0`},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), `HOST`},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), `SID`},
}

func normalize(s string) string {
	for _, g := range generic {
		s = g.pattern.ReplaceAllString(s, g.to)
	}
	return s
}

func testSigner(t testing.TB, kid string, first byte) *mint.Signer {
	t.Helper()
	s, err := mint.NewSigner(kid, append([]byte{first}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTranscripts replays what was recorded of the original.
func TestTranscripts(t *testing.T) {
	all := transcripts(t)
	if len(all) != 244 {
		t.Fatalf("%d exchanges, want 244", len(all))
	}
	ring := func(active string, more ...string) *Keyring {
		k := &Keyring{}
		if active != "" {
			if err := k.Sign(testSigner(t, active, 1)); err != nil {
				t.Fatal(err)
			}
		}
		for i, kid := range more {
			if err := k.Publish(testSigner(t, kid, byte(2+i)).Public()); err != nil {
				t.Fatal(err)
			}
		}
		return k
	}
	parts := []struct {
		upTo   int
		config Config
	}{
		{69, Config{Keys: ring("k1"), Token: "tok", Debug: true}},
		{237, Config{Keys: ring("default", "k2"), AllowAnonymous: true, Debug: true}},
		{241, Config{Keys: ring(""), AllowAnonymous: true}},
		{244, Config{Keys: ring("default"), Debug: true}},
	}
	from := 0
	for _, part := range parts {
		dir := t.TempDir()
		s, err := store.OpenSQLite(t.Context(), store.Options{Database: filepath.Join(dir, "qod_mock.sqlite3"), Artifacts: filepath.Join(dir, "artifacts")})
		if err != nil {
			t.Fatal(err)
		}
		part.config.Store, part.config.PlainProofs = s, true
		replay(t, New(part.config), filepath.Join(dir, "artifacts"), all[from:part.upTo])
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		from = part.upTo
	}
}

func replay(t *testing.T, handler http.Handler, artifacts string, list []exchange) {
	service := httptest.NewServer(handler)
	defer service.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ours := map[string]string{} // the recorded session ids
	first := map[string]string{}
	breakage := 0
	for _, e := range list {
		rename := func(s string) string {
			for theirs, mine := range ours {
				s = strings.ReplaceAll(s, theirs, mine)
				s = strings.ReplaceAll(s, strings.ToUpper(theirs), strings.ToUpper(mine))
				s = strings.ReplaceAll(s, strings.ReplaceAll(theirs, "-", ""), strings.ReplaceAll(mine, "-", ""))
			}
			return s
		}
		path := rename(e.path)
		if strings.HasPrefix(e.name, "art.") {
			breakArtifact(t, filepath.Join(artifacts, sidPattern.FindString(path), "artifact.json"), e.name)
			breakage++
		}
		r, err := http.NewRequest(e.method, service.URL+path, bytes.NewReader([]byte(rename(string(e.body)))))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range e.header {
			r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		}
		reply, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := string(data)
		if id := createdSession(e.answer); id != "" {
			ours[id] = createdSession(got)
		}
		status, want := e.status, normalize(e.answer)
		if _, seen := first[e.name]; !seen {
			first[e.name] = normalize(got)
		}
		key := e.name + " " + e.path
		if d, ok := differ[strings.ReplaceAll(normalize(key), "/proof/", "")]; ok {
			status, want = d.status, d.answer
		} else if d, ok := differ[e.name+" SID"]; ok {
			status, want = d.status, d.answer
		}
		if name, found := strings.CutPrefix(want, "as "); found {
			want = first[name]
		}
		if reply.StatusCode != status || want != "*" && normalize(got) != want {
			t.Errorf("%s %s %s (%.100s):\n got %d %.600s\nwant %d %.600s", e.name, e.method, e.path, e.body, reply.StatusCode, normalize(got), status, want)
		}
		if status == e.status {
			compareHeaders(t, e, reply.Header)
		}
	}
	if len(list) == 168 && breakage != 5 {
		t.Errorf("%d exchanges with a damaged artifact, want 5", breakage)
	}
}

var sidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// createdSession returns the id that an answer of POST /intent gives.
func createdSession(answer string) string {
	if !strings.Contains(answer, `"message":"Session created`) {
		return ""
	}
	return sidPattern.FindString(answer)
}

// breakArtifact does to a file what was done while the original was recorded.
func breakArtifact(t *testing.T, file, name string) {
	t.Helper()
	var err error
	switch name {
	case "art.bom":
		var data []byte
		if data, err = os.ReadFile(file); err == nil {
			err = os.WriteFile(file, append([]byte("\ufeff"), data...), 0o644)
		}
	case "art.broken":
		err = os.WriteFile(file, []byte("{not json"), 0o644)
	case "art.missing":
		if err = os.Remove(file); os.IsNotExist(err) {
			err = nil // the second of two exchanges
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compareHeaders holds every recorded header, with the values that a run
// chooses left open.
func compareHeaders(t *testing.T, e exchange, got http.Header) {
	t.Helper()
	for name, want := range e.answerHeader {
		have := strings.Join(got.Values(name), ", ")
		switch name {
		case "content-length":
			continue
		case "x-request-id":
			sent := e.header["x-request-id"] + e.header["x-correlation-id"]
			if sent != "" && len(sent) <= maxRequestID && have != sent || have == "" {
				t.Errorf("%s %s: x-request-id %q, the client sent %q", e.name, e.path, have, sent)
			}
			continue
		case "location", "vary":
			have, want = normalize(have), normalize(want)
		}
		if have != want {
			t.Errorf("%s %s: header %s is %q, want %q", e.name, e.path, name, have, want)
		}
	}
	for name := range got {
		lower := strings.ToLower(name)
		if _, recorded := e.answerHeader[lower]; !recorded && strings.HasPrefix(lower, "access-control") {
			t.Errorf("%s %s: header %s is not the original's", e.name, e.path, name)
		}
	}
	if _, recorded := e.answerHeader["x-request-id"]; !recorded && got.Get("x-request-id") != "" {
		t.Errorf("%s %s: a preflight has no request id in the original", e.name, e.path)
	}
}
