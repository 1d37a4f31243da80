package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/store"
)

func (s *Server) postIntent(r *request) reply {
	intent, refused := parseIntent(r.body)
	if refused != nil {
		return invalid(refused)
	}
	v := store.Session{
		ID: uuid.NewString(), CreatedAt: mint.Epoch(s.Now()), IntentJSON: string(pyjson.ASCII(intent.JSON())),
		Profile: intent.Profile(), Status: mint.Requested, Note: mint.ProviderNote,
	}
	if err := s.Store.CreateSession(r.Context(), v); err != nil {
		return s.failure(r, err)
	}
	return ok(pyjson.Object{
		{Name: "session_id", Value: v.ID}, {Name: "qos_profile", Value: v.Profile}, {Name: "qos_status", Value: v.Status},
		{Name: "message", Value: "Session created (simulated). It should become AVAILABLE in ~2s."},
	})
}

func (s *Server) postTelemetry(r *request) reply {
	v, refused := parseSample(r.body, s.Now())
	if refused != nil {
		return invalid(refused)
	}
	err := s.Store.AddSample(r.Context(), store.Sample{
		SessionID: v.session, CreatedAt: mint.Epoch(s.Now()), JSON: string(pyjson.ASCII(v.json())),
	})
	switch {
	case errors.Is(err, store.ErrUnknownSession):
		return detail(http.StatusNotFound, "Unknown session_id. Create a session first via POST /intent.")
	case errors.Is(err, store.ErrFinalized):
		// The original takes it, and the signed proof then no longer says what was measured.
		return detail(http.StatusConflict, "The session is finalized: its proof is signed, and later telemetry can't become part of it. Create a new session via POST /intent.")
	case err != nil:
		return s.failure(r, err)
	}
	return ok(pyjson.Object{{Name: "status", Value: "stored"}})
}

// Bounds of a page of GET /sessions.
const (
	defaultPage = 100
	maxPage     = 1000
	maxOffset   = 1 << 31
)

func (s *Server) getSessions(r *request) reply {
	limit, refusedLimit := queryInt(r, "limit", 1, maxPage, defaultPage)
	offset, refusedOffset := queryInt(r, "offset", 0, maxOffset, 0)
	if refused := append(refusedLimit, refusedOffset...); refused != nil {
		return invalid(refused)
	}
	list, err := s.Store.Sessions(r.Context(), int(limit), int(offset))
	if err != nil {
		return s.failure(r, err)
	}
	sessions := make([]any, len(list))
	for i, v := range list {
		sessions[i] = s.summary(v)
	}
	// A bare array, as the original's page and its first version have it, so where
	// the next page is stands in a header.
	answer := ok(sessions)
	if len(list) == int(limit) {
		answer = answer.with("Link", fmt.Sprintf(`</sessions?limit=%d&offset=%d>; rel="next"`, limit, offset+limit))
	}
	return answer
}

// deleteSession refuses what the original's first version did: a session's
// telemetry is what its proof rests on, or will.
func (s *Server) deleteSession(r *request) reply {
	id, refused := r.sessionID()
	if refused != nil {
		return *refused
	}
	v, err := s.Store.Session(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrUnknownSession):
		return detail(http.StatusNotFound, unknownSession)
	case err != nil:
		return s.failure(r, err)
	case v.Position > 0:
		return detail(http.StatusConflict, "The session has a signed proof, which the next one in the ledger builds on: it is not deleted.")
	}
	return detail(http.StatusConflict, "Sessions are not deleted: what was measured and never proven stays visible too.")
}

// queryInt reads an integer of the query string.
func queryInt(r *request, name string, low, high, fallback int64) (int64, faults) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	var f fault
	switch {
	case err != nil:
		f = notInt
		f.input = text
	case n < low:
		f = bound("greater_than_equal", "greater", "ge", low, text)
	case n > high:
		f = bound("less_than_equal", "less", "le", high, text)
	default:
		return n, nil
	}
	return 0, faults{f.at("query", name)}
}

func (s *Server) getSession(r *request) reply {
	id, refused := r.sessionID()
	if refused != nil {
		return *refused
	}
	v, err := s.Store.Session(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrUnknownSession):
		return detail(http.StatusNotFound, unknownSession)
	case err != nil:
		return s.failure(r, err)
	}
	return ok(s.summary(v))
}

const unknownSession = "Unknown session_id"

// summary is a session as /sessions shows it: its state, and its life in CAMARA's
// members. The original knows no end of a session, so UNAVAILABLE is ours. The intent is as it was stored,
// null when it is not JSON.
func (s *Server) summary(v store.Summary) pyjson.Object {
	intent, err := pyjson.Decode([]byte(v.IntentJSON))
	if err != nil {
		intent = nil
	}
	status := mint.Status(s.age(v.Session))
	var life *telemetry.Session
	if agreed, refused := parseIntent(intent); refused == nil {
		at := mint.SessionAt(mint.FromEpoch(v.CreatedAt), agreed, s.Now())
		status, life = at.Status, &at
	}
	o := pyjson.Object{
		{Name: "session_id", Value: v.ID}, {Name: "created_at", Value: v.CreatedAt}, {Name: "intent", Value: intent},
		{Name: "qos_profile", Value: v.Profile}, {Name: "qos_status", Value: status},
		{Name: "provider_note", Value: v.Note}, {Name: "samples_count", Value: v.Samples},
		{Name: "finalized", Value: v.Position > 0},
	}
	if life != nil {
		o = append(o, pyjson.Member{Name: "session", Value: mint.SessionJSON(*life)})
	}
	return o
}
