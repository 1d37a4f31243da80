// Package server is the reference proof service: the original's HTTP contract
// over a store and a signing key. It is a plain http.Handler; [Run] listens.
//
// The order of checks is the original's: size (413), JSON syntax (422 or 400),
// token (401), path and body (422), then the request itself. Where the original
// answers 500 to bad input this answers 422, and where it replaces a signed
// record this answers with the record that is there.
package server

import (
	"crypto/subtle"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/page"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/ready"
	"github.com/qodverify/qodverify/cmd/internal/store"
)

// DefaultMaxBody is the largest request body in bytes, the original's bound.
const DefaultMaxBody = 1_000_000

// DefaultOrigins are the web pages that may read answers, the original's.
var DefaultOrigins = []string{"http://127.0.0.1:5173", "http://localhost:5173"}

// Config is what a service is made of. The zero value of each switch is the
// strict one.
type Config struct {
	Store store.Store
	// Keys are published and sign. Without an active key, finalizing answers 500.
	Keys *Keyring
	// Token is the bearer token. While it is empty every protected call answers
	// 500, as the original's do.
	Token string
	// AllowAnonymous switches the token off.
	AllowAnonymous bool
	// Debug serves /_debug/env and /_debug/protected.
	Debug   bool
	Origins []string // nil means DefaultOrigins
	MaxBody int64    // bytes; 0 means DefaultMaxBody
	Log     *slog.Logger
	// Board has the reasons for which the service is not ready, the store's among
	// them; nil means one of its own.
	Board *ready.Board
	Now   func() time.Time // nil means time.Now
	// Issuer, when set, is signed into proofs as who makes them.
	Issuer string
	// PlainProofs leaves out what the original's proofs don't have: telemetry,
	// session and issuer.
	PlainProofs bool
	// Version is the one that pages and reports name.
	Version string
	// GitSHA and ImageTag go into run summaries.
	GitSHA, ImageTag string
	// Runs keeps what the original keeps of runs beside the proofs; nil keeps nothing.
	Runs *Runs
}

// Server is the service.
type Server struct {
	Config
	mux      *http.ServeMux
	jwks     document
	public   document
	hostname string
	verifier func() []byte // the page
	ready    readiness
}

// New returns the service of a configuration.
func New(c Config) *Server {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Origins == nil {
		c.Origins = DefaultOrigins
	}
	if c.Keys == nil {
		c.Keys = &Keyring{}
	}
	if c.Board == nil {
		c.Board = ready.NewBoard(c.Log)
	}
	s := &Server{Config: c, mux: http.NewServeMux()}
	s.hostname, _ = os.Hostname()
	s.verifier = sync.OnceValue(func() []byte { return page.HTML(c.Version) })
	s.jwks, s.public = c.Keys.documents()
	byPattern := map[string]methods{}
	for _, r := range s.routes() {
		if byPattern[r.pattern] == nil {
			byPattern[r.pattern] = methods{}
			s.mux.Handle(r.pattern, byPattern[r.pattern])
		}
		byPattern[r.pattern][r.method] = s.handle(r)
	}
	s.mux.HandleFunc("/", s.notFound)
	return s
}

// route is one endpoint. Protected ones want the token.
type route struct {
	method, pattern string
	protected       bool
	body            bool // a JSON body is read and checked for syntax first
	serve           func(*request) reply
}

func (s *Server) routes() []route {
	routes := []route{
		{"GET", "/health", false, false, s.health},
		{"GET", "/ready", false, false, s.getReady},
		{"GET", "/.well-known/jwks.json", false, false, s.getJWKS},
		{"GET", "/public-keys", false, false, s.getPublicKeys},
		{"GET", "/openapi.json", false, false, getOpenAPI},
		{"GET", "/docs", false, false, getDocs},
		{"GET", "/redoc", false, false, getDocs},
		{"GET", "/verify", false, false, s.getVerifier},
		{"POST", "/intent", true, true, s.postIntent},
		{"POST", "/telemetry", true, true, s.postTelemetry},
		{"GET", "/sessions", true, false, s.getSessions},
		{"GET", "/sessions/{session_id}", true, false, s.getSession},
		{"DELETE", "/sessions/{session_id}", true, false, s.deleteSession},
		{"POST", "/proof/{session_id}/finalize", true, false, s.summarized(s.postFinalize)},
		{"GET", "/proof/{session_id}", true, false, s.getProof},
		{"GET", "/proof/{session_id}/bundle", true, false, s.getBundle},
		{"GET", "/proof/{session_id}/verify", true, false, s.getVerify},
		{"GET", "/proof/{session_id}/report", true, false, s.getReport},
		{"GET", "/ledger", true, false, s.getLedger},
	}
	if s.Debug {
		routes = append(routes,
			route{"GET", "/_debug/env", false, false, s.debugEnv},
			route{"GET", "/_debug/protected", true, false, s.debugProtected})
	}
	return routes
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.observe(w, r, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > s.MaxBody {
			write(w, r, detail(http.StatusRequestEntityTooLarge, tooLarge))
			return
		}
		// Also a body of unstated length is bounded.
		r.Body = http.MaxBytesReader(w, r.Body, s.MaxBody)
		if unclean(r.URL.Path) {
			s.notFound(w, r) // ServeMux would redirect
			return
		}
		s.mux.ServeHTTP(w, r)
	})
}

func unclean(path string) bool {
	return !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../")
}

const tooLarge = "Request body too large"

// request is an HTTP request that has passed the checks of its route.
type request struct {
	*http.Request
	id   string // of the request, for logs and summaries
	body any    // the decoded body where the route has one
}

// sessionID returns the session of the path, or the reply to a malformed one.
func (r *request) sessionID() (string, *reply) {
	text := r.PathValue("session_id")
	id, err := parseUUID(text)
	if err != nil {
		f := invalid(faults{uuidFault(err, text).at("path", "session_id")})
		return "", &f
	}
	return id, nil
}

func (s *Server) handle(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{Request: r, id: w.Header().Get(requestIDHeader)}
		if route.body {
			v, refused := readBody(r)
			if refused != nil {
				write(w, r, *refused)
				return
			}
			req.body = v
		}
		if route.protected {
			if refused := s.authorize(r); refused != nil {
				write(w, r, *refused)
				return
			}
		}
		write(w, r, route.serve(req))
	})
}

// methods are the handlers of a path by method. HEAD is answered where GET is, as
// load balancers ask; the original answers 405 to it, and its Allow names the
// methods that it has.
type methods map[string]http.Handler

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h := m[method]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	allowed := slices.Sorted(maps.Keys(m))
	slices.Reverse(allowed) // GET first
	write(w, r, detail(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", strings.Join(allowed, ", ")))
}

// notFound answers 404, or redirects when the path has a trailing slash too
// many, as Starlette does.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	if trimmed := strings.TrimRight(r.URL.Path, "/"); trimmed != r.URL.Path && trimmed != "" && !unclean(trimmed) {
		u := *r.URL
		u.Path, u.RawPath = trimmed, ""
		if _, pattern := s.mux.Handler(&http.Request{Method: r.Method, URL: &u, Host: r.Host}); pattern != "/" {
			u.Scheme, u.Host = "http", r.Host
			if r.TLS != nil {
				u.Scheme = "https"
			}
			write(w, r, reply{status: http.StatusTemporaryRedirect}.with("Location", u.String()))
			return
		}
	}
	if asksForPage(r) {
		write(w, r, s.getLanding(&request{Request: r, id: w.Header().Get(requestIDHeader)}))
		return
	}
	write(w, r, detail(http.StatusNotFound, "Not Found"))
}

// authorize checks the bearer token, or returns the reply that refuses it.
func (s *Server) authorize(r *http.Request) *reply {
	if s.AllowAnonymous {
		return nil
	}
	refuse := func(status int, text string) *reply {
		v := detail(status, text)
		if status == http.StatusUnauthorized {
			v = v.with("WWW-Authenticate", "Bearer")
		}
		return &v
	}
	if s.Token == "" {
		return refuse(http.StatusInternalServerError, "Server misconfigured: QOD_API_TOKEN is not set")
	}
	if s.browserToken(r) {
		return nil
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return refuse(http.StatusUnauthorized, "Missing Authorization header")
	}
	// Constant time, so that the time of a refusal tells nothing of how much of
	// a guess was right.
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) != 1 {
		return refuse(http.StatusUnauthorized, "Invalid API token")
	}
	return nil
}

// browserToken reports whether a browser sent the token as a password (RFC 7617),
// the one way in which it can send it with the links of a page. Since it then
// sends it with every request, those that change something are not let in by it,
// nor those that another site made it send.
func (s *Server) browserToken(r *http.Request) bool {
	_, password, ok := r.BasicAuth()
	if site := r.Header.Get("Sec-Fetch-Site"); !ok || r.Method != http.MethodGet || site != "" && site != "same-origin" && site != "none" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(password), []byte(s.Token)) == 1
}

const internalError = "Internal Server Error"

func (s *Server) internal(id string) reply {
	return reply{status: http.StatusInternalServerError, body: pyjson.Compact(pyjson.Object{
		{Name: "detail", Value: internalError}, {Name: "request_id", Value: id},
	})}
}

func (s *Server) health(*request) reply {
	return ok(pyjson.Object{{Name: "status", Value: "ok"}, {Name: "check", Value: "liveness"}})
}

func (s *Server) debugEnv(*request) reply {
	return ok(pyjson.Object{
		{Name: "auth_required", Value: !s.AllowAnonymous}, {Name: "token_present", Value: s.Token != ""},
		{Name: "token_len", Value: len(s.Token)}, {Name: "pid", Value: os.Getpid()}, {Name: "file", Value: "qodverify"},
	})
}

func (s *Server) debugProtected(*request) reply {
	return ok(pyjson.Object{{Name: "ok", Value: true}, {Name: "pid", Value: os.Getpid()}, {Name: "file", Value: "qodverify"}})
}

// age is how long ago a session was made.
func (s *Server) age(v store.Session) time.Duration {
	return time.Duration((mint.Epoch(s.Now()) - v.CreatedAt) * float64(time.Second))
}
