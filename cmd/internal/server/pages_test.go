package server

import (
	"database/sql"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/page"
)

const browserAccepts = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// The landing page is for browsers; programs get the original's 404.
func TestLanding(t *testing.T) {
	v := start(t, t.TempDir(), func(c *Config) { c.Version, c.Issuer = "v9<", "ACME <b>" })
	if status, body := v.call("GET", "/", ""); status != http.StatusNotFound || body != `{"detail":"Not Found"}` {
		t.Errorf("to a program: %d %s", status, body)
	}
	if status, _ := v.call("GET", "/", "", "Accept", "application/json, */*"); status != http.StatusNotFound {
		t.Errorf("to a program: %d", status)
	}
	status, body := v.call("GET", "/", "", "Accept", browserAccepts)
	if status != http.StatusOK || !strings.Contains(body, "None. POST /intent") {
		t.Errorf("without sessions: %d\n%s", status, body)
	}
	open, id := v.measured(), v.finalized()
	_, body = v.call("GET", "/", "", "Accept", browserAccepts)
	for _, want := range []string{"/sessions/" + open, "/proof/" + id + "/report", "/proof/" + id + "/bundle", `href="/verify"`, `href="/docs"`, "v9&lt;", "ACME &lt;b&gt;", "default"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(body, "/proof/"+open) || strings.Contains(body, "Sign in") {
		t.Error("the page has a proof that there is not, or asks for a token that there is not")
	}
	for range landingPage + 3 {
		v.must("POST", "/intent", `{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`)
	}
	seen := map[string]bool{}
	path, pages := "/", 0
	for ; path != ""; pages++ {
		_, body = v.call("GET", path, "", "Accept", browserAccepts)
		for _, m := range regexp.MustCompile(`href="/sessions/([^"]+)"`).FindAllStringSubmatch(body, -1) {
			seen[m[1]] = true
		}
		path = ""
		if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(body); m != nil {
			path = m[1]
		}
	}
	if len(seen) != landingPage+5 || pages != 2 || !strings.Contains(body, `rel="prev"`) {
		t.Errorf("%d sessions on %d pages", len(seen), pages)
	}
	if status, _ := v.call("GET", "/?offset=-1", "", "Accept", browserAccepts); status != http.StatusUnprocessableEntity {
		t.Errorf("a negative offset: %d", status)
	}
}

// A browser sends the token as a password: for what reads, and never for what
// another site asks or what changes something.
func TestBrowserToken(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	v.Config.Handler = New(Config{Store: v.store, Keys: v.Config.Handler.(*Server).Keys, Token: "secret"})
	basic := func(password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("anyone:"+password))
	}
	for _, c := range []struct {
		method, path, authorization, site string
		want                              int
		says                              string
	}{
		{"GET", "/", "", "", 200, "sign in"},
		{"GET", "/", basic("wrong"), "", 200, "sign in"},
		{"GET", "/", basic("secret"), "none", 200, id},
		{"GET", "/", basic("secret"), "cross-site", 200, "sign in"},
		{"GET", "/?login", "", "", 401, ""},
		{"GET", "/?login", basic("wrong"), "", 401, ""},
		{"GET", "/?login", basic("secret"), "same-origin", 200, id}, // redirected to /
		{"GET", "/sessions", basic("secret"), "same-origin", 200, id},
		{"GET", "/sessions", basic("secret"), "same-site", 401, ""},
		{"GET", "/sessions", basic(""), "", 401, ""},
		{"GET", "/proof/" + id + "/report", basic("secret"), "same-origin", 200, "VERIFIED"},
		{"GET", "/proof/" + id + "/report", "", "", 401, ""},
		{"GET", "/proof/" + id + "/report", "Bearer secret", "", 200, "VERIFIED"},
		{"POST", "/intent", basic("secret"), "same-origin", 401, ""},
		{"POST", "/proof/" + id + "/finalize", basic("secret"), "", 401, ""},
		{"GET", "/verify", "", "", 200, "wasm-unsafe-eval"},
	} {
		header := []string{"Accept", browserAccepts}
		if c.authorization != "" {
			header = append(header, "Authorization", c.authorization)
		}
		if c.site != "" {
			header = append(header, "Sec-Fetch-Site", c.site)
		}
		body := ""
		if c.path == "/intent" {
			body = `{"text": "t", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30}`
		}
		status, answer := v.call(c.method, c.path, body, header...)
		if status != c.want || !strings.Contains(answer, c.says) || c.want != 200 && strings.Contains(answer, id) {
			t.Errorf("%s %s with %q from %q: %d, want %d with %q\n%.300s", c.method, c.path, c.authorization, c.site, status, c.want, c.says, answer)
		}
	}
	// Without a token the service is misconfigured, and no empty password helps.
	v.Config.Handler = New(Config{Store: v.store})
	if status, _ := v.call("GET", "/sessions", "", "Authorization", basic("")); status != http.StatusInternalServerError {
		t.Errorf("without a token: %d", status)
	}
}

// Every page has the policy that fits it, and may be framed by nobody.
func TestPolicies(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	for path, want := range map[string]string{"/": landingPolicy(), "/verify": page.Policy(), "/docs": docsPolicy, "/proof/" + id + "/report": "default-src 'none'; style-src 'sha256-"} {
		r, err := http.NewRequest("GET", v.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", browserAccepts)
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		h := reply.Header
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, want) || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "connect-src") || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// A report of what was tampered with in the database says so.
func TestReportOfTampered(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	id := v.finalized()
	report := func() string {
		status, body := v.call("GET", "/proof/"+id+"/report", "")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return body
	}
	if body := report(); !strings.Contains(body, "! VERIFIED") || !strings.Contains(body, "came from the same server") {
		t.Errorf("a genuine proof:\n%.2000s", body)
	}
	db, err := sql.Open("sqlite", "file:"+v.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE proof_ledger SET kid = kid || '<script>', signature = 'A' || substr(signature, 2)`); err != nil {
		t.Fatal(err)
	}
	if body := report(); !strings.Contains(body, "? INCONCLUSIVE") || strings.Contains(body, "<script") {
		t.Errorf("a tampered one:\n%.2000s", body)
	}
	if status, _ := v.call("GET", "/proof/00000000-0000-0000-0000-000000000000/report", ""); status != http.StatusNotFound {
		t.Errorf("an unknown session: %d", status)
	}
	if status, _ := v.call("GET", "/proof/x/report", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("a malformed session: %d", status)
	}
}
