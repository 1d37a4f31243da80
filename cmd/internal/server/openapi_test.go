package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// apiSchemas compiles schemas of the description by JSON pointer.
func apiSchemas(t *testing.T) func(pointer string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return func(pointer string) *jsonschema.Schema {
		s, err := compiler.Compile("openapi.json#" + pointer)
		if err != nil {
			t.Fatalf("%s: %v", pointer, err)
		}
		return s
	}
}

// The description has every route and no other.
func TestOpenAPIRoutes(t *testing.T) {
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []any
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, o := range operations {
			described[strings.ToUpper(method)+" "+path] = len(o.Security) > 0
			if ids[o.OperationID] || o.OperationID == "" {
				t.Errorf("%s %s: operationId %q is empty or used twice", method, path, o.OperationID)
			}
			ids[o.OperationID] = true
		}
	}
	for _, r := range New(Config{}).routes() {
		if r.pattern == "/redoc" {
			continue // a second name of /docs, and told there
		}
		protected, ok := described[r.method+" "+r.pattern]
		if !ok || protected != r.protected {
			t.Errorf("%s %s: described %t, with security %t, served with %t", r.method, r.pattern, ok, protected, r.protected)
		}
		delete(described, r.method+" "+r.pattern)
	}
	for left := range described {
		t.Errorf("%s is described and not served", left)
	}
}

// Clients that were generated of the original's description keep their methods'
// names.
func TestOperationIDs(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]map[string]struct{ OperationID string }{}
	for _, e := range transcripts(t) {
		if e.path == "/openapi.json" && e.status == 200 {
			var theirs struct {
				Paths map[string]map[string]struct{ OperationID string }
			}
			if err := json.Unmarshal([]byte(e.answer), &theirs); err != nil {
				t.Fatal(err)
			}
			maps.Copy(described, theirs.Paths)
		}
	}
	for path, operations := range described {
		for method, want := range operations {
			if got := doc.Paths[path][method].OperationID; got != want.OperationID && !strings.HasPrefix(path, "/_debug/") {
				t.Errorf("%s %s: operationId %q, want %q", method, path, got, want.OperationID)
			}
		}
	}
	if len(described) < 10 {
		t.Errorf("only %d paths were recorded", len(described))
	}
}

// HEAD gets what GET gets, without the body.
func TestHead(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	for _, r := range New(Config{}).routes() {
		if r.method != "GET" {
			continue
		}
		path := strings.ReplaceAll(r.pattern, "{session_id}", id)
		got, err := http.Head(v.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := v.call("GET", path, "")
		if length := got.ContentLength; got.StatusCode != status || length != int64(len(answer)) && path != "/ready" {
			t.Errorf("HEAD %s: %d, %d bytes; GET has %d, %d bytes", path, got.StatusCode, length, status, len(answer))
		}
	}
	if status, _ := v.call("HEAD", "/intent", ""); status != 405 {
		t.Errorf("HEAD /intent: %d", status)
	}
	if status, _ := v.call("PUT", "/sessions/"+id, ""); status != 405 {
		t.Errorf("PUT: %d", status)
	}
}

// An empty Origin is answered as any other is.
func TestEmptyOrigin(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	r, err := http.NewRequest("GET", v.URL+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Origin"] = []string{""}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if h := answer.Header; h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", h)
	}
}

// What the service answers is what the description says, for every endpoint and
// for the errors.
func TestOpenAPIAnswers(t *testing.T) {
	schema := apiSchemas(t)
	v := start(t, t.TempDir(), nil)
	open, id := v.measured(), v.finalized()
	const nobody = "00000000-0000-0000-0000-000000000000"
	const intent = `{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`
	for _, c := range []struct {
		method, path, route, body string
		status                    string
	}{
		{"POST", "/intent", "/intent", intent, "200"},
		{"POST", "/intent", "/intent", `{"text": 5}`, "422"},
		{"POST", "/intent", "/intent", "\xff", "400"},
		{"POST", "/intent", "/intent", strings.Repeat(" ", DefaultMaxBody+1), "413"},
		{"POST", "/telemetry", "/telemetry", `{"session_id": "` + open + `", "n": 1, "p50_ms": 1, "p95_ms": 1, "jitter_ms": 1}`, "200"},
		{"POST", "/telemetry", "/telemetry", `{"session_id": "` + nobody + `", "n": 1, "p50_ms": 1, "p95_ms": 1, "jitter_ms": 1}`, "404"},
		{"POST", "/telemetry", "/telemetry", `{"session_id": "` + id + `", "n": 1, "p50_ms": 1, "p95_ms": 1, "jitter_ms": 1}`, "409"},
		{"POST", "/proof/" + open + "/finalize", "/proof/{session_id}/finalize", "", "200"},
		{"POST", "/proof/" + nobody + "/finalize", "/proof/{session_id}/finalize", "", "404"},
		{"POST", "/proof/x/finalize", "/proof/{session_id}/finalize", "", "422"},
		{"GET", "/proof/" + id, "/proof/{session_id}", "", "200"},
		{"GET", "/proof/" + nobody, "/proof/{session_id}", "", "404"},
		{"GET", "/proof/" + id + "/bundle", "/proof/{session_id}/bundle", "", "200"},
		{"GET", "/proof/" + id + "/verify", "/proof/{session_id}/verify", "", "200"},
		{"GET", "/sessions", "/sessions", "", "200"},
		{"GET", "/sessions?limit=0", "/sessions", "", "422"},
		{"GET", "/sessions/" + id, "/sessions/{session_id}", "", "200"},
		{"DELETE", "/sessions/" + id, "/sessions/{session_id}", "", "409"},
		{"DELETE", "/sessions/" + nobody, "/sessions/{session_id}", "", "404"},
		{"DELETE", "/sessions/x", "/sessions/{session_id}", "", "422"},
		{"GET", "/ledger?from=0", "/ledger", "", "422"},
		{"GET", "/.well-known/jwks.json", "/.well-known/jwks.json", "", "200"},
		{"GET", "/public-keys", "/public-keys", "", "200"},
		{"GET", "/health", "/health", "", "200"},
		{"GET", "/ready", "/ready", "", "200"},
	} {
		status, answer := v.call(c.method, c.path, c.body)
		if c.status != strconv.Itoa(status) {
			t.Errorf("%s %s: %d %.200s, want %s", c.method, c.path, status, answer, c.status)
			continue
		}
		pointer := "/paths/" + strings.ReplaceAll(strings.ReplaceAll(c.route, "~", "~0"), "/", "~1") + "/" + strings.ToLower(c.method) +
			"/responses/" + c.status + "/content/application~1json/schema"
		pointer = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		if err := schema(pointer).Validate(value); err != nil {
			t.Errorf("%s %s (%s): %v\n%.500s", c.method, c.path, c.status, err, answer)
		}
	}
	// What the description admits and refuses is what the service does.
	request := schema("/components/schemas/Intent")
	for body, good := range map[string]bool{
		intent: true, `{"text": "t"}`: false, strings.Replace(intent, "100", "60001", 1): false, strings.Replace(intent, "}", `, "x": 1}`, 1): false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _ := v.call("POST", "/intent", body)
		if err := request.Validate(value); (err == nil) != good || (status == 200) != good {
			t.Errorf("%s: schema %v, service %d", body, err, status)
		}
	}
}

// The page is whole without the internet, and names every endpoint and schema.
func TestDocs(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	for _, path := range []string{"/docs", "/redoc"} {
		page := v.must("GET", path, "")
		for _, m := range regexp.MustCompile(`(?:src|href)\s*=\s*"([^"]*)"|url\(|@import|<script|<link|<iframe`).FindAllString(page, -1) {
			if !strings.HasPrefix(m, `href="#`) && m != `href="/openapi.json"` {
				t.Errorf("%s reaches out: %s", path, m)
			}
		}
		var doc apiDocument
		if err := json.Unmarshal(openAPI, &doc); err != nil {
			t.Fatal(err)
		}
		ids := regexp.MustCompile(`id="(\w+)"`).FindAllStringSubmatch(page, -1)
		for _, m := range regexp.MustCompile(`href="#(\w+)"`).FindAllStringSubmatch(page, -1) {
			if !slices.ContainsFunc(ids, func(id []string) bool { return id[1] == m[1] }) {
				t.Errorf("%s: a link to #%s leads nowhere", path, m[1])
			}
		}
		for _, p := range doc.Paths {
			if !strings.Contains(page, "<code>"+p.Name+"</code>") {
				t.Errorf("%s lacks %s", path, p.Name)
			}
		}
		for _, s := range doc.Components.Schemas {
			if !strings.Contains(page, `id="`+s.Name+`"`) {
				t.Errorf("%s lacks %s", path, s.Name)
			}
		}
	}
}
