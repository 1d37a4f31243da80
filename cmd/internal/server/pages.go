package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/qodverify/qodverify/cmd/internal/judge"
	"github.com/qodverify/qodverify/cmd/internal/page"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// The pages for people: the landing page, the verifier for browsers, and reports.
// None of them runs a script but the verifier, and its policy is its own.

//go:embed landing.html
var landingHTML string

//go:embed landing.css
var landingCSS string

var landing = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("landing").Funcs(template.FuncMap{"p": render.Printable}).Parse(landingHTML))
})

func landingPolicy() string {
	sum := sha256.Sum256([]byte(landingCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func asPage(body []byte, policy string) reply {
	return reply{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: body}.
		with("Content-Security-Policy", policy).with("Referrer-Policy", "no-referrer")
}

// getVerifier answers with the verifier for browsers.
func (s *Server) getVerifier(*request) reply {
	return asPage(s.verifier(), page.Policy()+"; frame-ancestors 'none'")
}

// landingPage is how many sessions one page lists.
const landingPage = 50

type landingView struct {
	CSS        template.CSS
	Authorized bool
	Sessions   []store.Summary
	Times      []string
	From       int
	Back, Next int // offsets; -1 without
	Keys       []landingKey
	Version    string
	Issuer     string
}

type landingKey struct{ KID, Thumbprint string }

// asksForPage reports whether a request for / comes from a browser. Programs get
// what the original answers there, which has no such page: 404.
func asksForPage(r *http.Request) bool {
	return r.URL.Path == "/" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// getLanding lists the sessions and proofs of the service. Without the token it
// shows what everyone may see, and how to give it.
func (s *Server) getLanding(r *request) reply {
	v := landingView{CSS: template.CSS(landingCSS), Version: s.Version, Issuer: s.Issuer, Back: -1, Next: -1}
	v.Authorized = s.authorize(r.Request) == nil
	if r.URL.Query().Has("login") {
		if !v.Authorized {
			return detail(http.StatusUnauthorized, "The password is the service's token; the user name does not matter.").with("WWW-Authenticate", `Basic realm="qodverify", charset="UTF-8"`)
		}
		return reply{status: http.StatusSeeOther}.with("Location", "/")
	}
	for _, k := range s.Keys.published {
		v.Keys = append(v.Keys, landingKey{k.KID, k.Thumbprint().String()})
	}
	if v.Authorized {
		offset, refused := queryInt(r, "offset", 0, maxOffset, 0)
		if refused != nil {
			return invalid(refused)
		}
		list, err := s.Store.Sessions(r.Context(), landingPage+1, int(offset))
		if err != nil {
			return s.failure(r, err)
		}
		v.From = int(offset)
		if len(list) > landingPage {
			list, v.Next = list[:landingPage], v.From+landingPage
		}
		if offset > 0 {
			v.Back = max(0, v.From-landingPage)
		}
		v.Sessions = list
	}
	var b bytes.Buffer
	if err := landing().Execute(&b, v); err != nil {
		return s.failure(r, err)
	}
	return asPage(b.Bytes(), landingPolicy()).with("Cache-Control", "no-store")
}

// getReport answers with the report that the command line would give of the
// bundle that getBundle answers, and the keys that the service publishes.
func (s *Server) getReport(r *request) reply {
	answer := s.getBundle(r)
	if answer.status != http.StatusOK {
		return answer
	}
	keys, err := jwks.Parse(s.jwks.body)
	results, judgeErr := judge.Bundles(verify.Policy{}, []judge.Input{{
		Name: fmt.Sprintf("session %s", r.PathValue("session_id")), Data: answer.body,
		Keys: func() judge.Keys {
			return judge.Keys{Set: keys, Source: "this service's /.well-known/jwks.json", SameOrigin: true, Err: err}
		},
	}})
	if judgeErr != nil {
		return s.failure(r, judgeErr)
	}
	var b bytes.Buffer
	run := render.NewRun(render.Tool{Name: "qodverify", Version: s.Version}, results)
	if err := render.Write(&b, "html", run, render.Options{}); err != nil {
		return s.failure(r, err)
	}
	return asPage(b.Bytes(), render.ReportPolicy()+"; frame-ancestors 'none'").with("Cache-Control", "no-store")
}
