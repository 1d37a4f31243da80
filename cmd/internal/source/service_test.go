package source

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestService(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/base/ok":
			w.Write([]byte(`{"status":"stored"}`))
		case "/base/away":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		case "/base/words":
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte(`{"detail":"finalized"}`))
		default:
			w.WriteHeader(http.StatusInternalServerError)
			w.Write([]byte("<html>"))
		}
	}))
	defer server.Close()
	base, err := (&Reader{}).ServiceURL(server.URL + "/base?x=1#y")
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{Base: base, Token: "secret"}
	answer, err := s.Call(t.Context(), "POST", "ok", map[string]int{"n": 1})
	if err != nil || string(answer) != `{"status":"stored"}` || string(body) != `{"n":1}` || got.Header.Get("Authorization") != "Bearer secret" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s, %v; the service got %s %v", answer, err, body, got.Header)
	}
	for path, want := range map[string]string{"words": "409 Conflict: finalized", "away": "307", "none": "500 Internal Server Error: no detail"} {
		if _, err := s.Call(t.Context(), "POST", path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	for text, want := range map[string]bool{"https://qod.example": true, "http://127.0.0.1:8000": true, "http://localhost": true, "http://[::1]:8000": true, "http://qod.example": false} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if mayCarryToken(u) != want {
			t.Errorf("%s: the token is sent %t", text, !want)
		}
	}
	for _, bad := range []string{"ftp://x", "x", "http://qod.example", "http://user:password@127.0.0.1", "http://"} {
		if u, err := (&Reader{}).ServiceURL(bad); err == nil {
			t.Errorf("%s was taken as %s", bad, u)
		}
	}
}
