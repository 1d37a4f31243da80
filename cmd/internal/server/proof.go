package server

import (
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/store"
)

var errNoSigner = errors.New("no signing key")

// postFinalize makes the session's proof. Its request body is ignored, as in
// the original.
func (s *Server) postFinalize(r *request) reply {
	id, refused := r.sessionID()
	if refused != nil {
		return *refused
	}
	var minted *mint.Proof
	start := s.Now()
	record, existed, err := s.Store.Finalize(r.Context(), id, func(session store.Session, samples iter.Seq2[store.Sample, error]) (store.Link, error) {
		measurement, err := s.measure(session, samples)
		if err != nil {
			return nil, err
		}
		return func(head store.Head) (*store.Draft, error) {
			// The proof's time is taken here, where records stand in the order of
			// the chain, so that the times do too.
			now := s.Now()
			p, err := measurement.Prove(s.Keys.Active, mint.Place{PrevHash: head.ThisHash, Status: mint.Status(s.age(session)), Now: now})
			if err != nil {
				return nil, err
			}
			minted = p
			return &store.Draft{
				Record: store.Record{CreatedAt: mint.Epoch(s.Now()), ProofJSON: p.Stored, PrevHash: p.PrevHash, ThisHash: p.ThisHash, KID: p.KID},
				Sign: func(record *store.Record) {
					p.Sign()
					record.Signature = p.Signature
				},
				Files: func() []mint.File {
					return p.Files(id, mint.Run{RequestID: r.id, Start: start, End: s.Now(), Hostname: s.hostname, GitSHA: s.GitSHA, ImageTag: s.ImageTag})
				},
			}, nil
		}, nil
	})
	switch {
	case errors.Is(err, store.ErrUnknownSession):
		return detail(http.StatusNotFound, unknownSession)
	case errors.Is(err, mint.ErrNoSamples):
		return detail(http.StatusBadRequest, "No telemetry samples found for this session. POST /telemetry first.")
	case errors.Is(err, errNoAnswer):
		return detail(http.StatusBadRequest, "No probe of this session was answered: there is no latency that a proof could state.")
	case errors.Is(err, telemetry.ErrTooMany):
		return detail(http.StatusBadRequest, "The session has more telemetry than one proof can commit to.")
	case errors.Is(err, errNoSigner):
		return detail(http.StatusInternalServerError, "Ed25519 signing key missing. Set QOD_SIGNING_PRIVATE_KEY_B64URL (and optionally QOD_SIGNING_PUBLIC_KEY_B64URL) and restart.")
	case errors.Is(err, store.ErrChanged):
		return detail(http.StatusConflict, "The session was finalized, and telemetry was added after that. Its proof stays as it was signed (GET /proof/"+id+"); create a new session for the new telemetry.")
	case err != nil:
		return s.failure(r, err)
	case existed:
		return s.stored(r, record)
	}
	return ok(minted.Record())
}

// stored answers a repeated finalize with the record that is there, in the same
// shape as the first time.
func (s *Server) stored(r *request, v store.Record) reply {
	proof, err := pyjson.Decode([]byte(v.ProofJSON))
	if err != nil {
		return s.corrupt(r, err)
	}
	return ok(pyjson.Object{
		{Name: "prev_hash", Value: v.PrevHash}, {Name: "this_hash", Value: v.ThisHash},
		{Name: "signature", Value: v.Signature}, {Name: "kid", Value: v.KID},
		{Name: "proof", Value: mint.InsertionOrder(proof)},
	})
}

// measure makes a session's artifact out of its rows.
func (s *Server) measure(session store.Session, samples iter.Seq2[store.Sample, error]) (*mint.Measurement, error) {
	all := &telemetry.Aggregate{}
	for row, err := range samples {
		if err != nil {
			return nil, err
		}
		switch err := mint.AddSample(all, row.JSON, row.CreatedAt); {
		case errors.Is(err, telemetry.ErrTooMany):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("a stored telemetry sample of session %s is unreadable: %w", session.ID, err)
		}
	}
	switch {
	case all.Count() == 0:
		return nil, mint.ErrNoSamples
	case all.Averages.Samples() == 0:
		return nil, errNoAnswer
	}
	if s.Keys.Active == nil {
		return nil, errNoSigner
	}
	body, err := pyjson.Decode([]byte(session.IntentJSON))
	if err != nil {
		return nil, fmt.Errorf("the stored intent of session %s is unreadable", session.ID)
	}
	intent, refused := parseIntent(body)
	if refused != nil {
		return nil, fmt.Errorf("the stored intent of session %s is invalid", session.ID)
	}
	request := mint.Request{
		SessionID: session.ID, Intent: intent, Profile: session.Profile, Note: session.Note, Measured: all.Averages, Now: s.Now(),
	}
	if !s.PlainProofs {
		request.Samples, request.Started, request.Issuer = all, mint.FromEpoch(session.CreatedAt), s.Issuer
	}
	return mint.Measure(request)
}

// errNoAnswer is of a session whose probes were all lost: the original's format
// has averages, and there is nothing to average.
var errNoAnswer = errors.New("no probe was answered")

const noRecord = "No proof record found for this session_id. Finalize first."

// record returns the record of the path's session and its decoded proof.
func (s *Server) record(r *request) (v store.Record, proof any, refused *reply) {
	refuse := func(f reply) (store.Record, any, *reply) { return store.Record{}, nil, &f }
	id, malformed := r.sessionID()
	if malformed != nil {
		return refuse(*malformed)
	}
	v, err := s.Store.Record(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNoRecord):
		return refuse(detail(http.StatusNotFound, noRecord))
	case err != nil:
		return refuse(s.failure(r, err))
	}
	if proof, err = pyjson.Decode([]byte(v.ProofJSON)); err != nil {
		return refuse(s.corrupt(r, err))
	}
	return v, proof, nil
}

func (s *Server) corrupt(r *request, err error) reply {
	s.Log.Error("a stored proof is not JSON: the database was edited or damaged", "error", err, "request_id", r.id)
	return detail(http.StatusInternalServerError, "The stored proof of this session is not JSON: the ledger was edited or damaged.")
}

func (s *Server) getProof(r *request) reply {
	v, proof, refused := s.record(r)
	if refused != nil {
		return *refused
	}
	return ok(pyjson.Object{
		{Name: "session_id", Value: v.SessionID}, {Name: "created_at", Value: v.CreatedAt},
		{Name: "prev_hash", Value: v.PrevHash}, {Name: "this_hash", Value: v.ThisHash},
		{Name: "signature", Value: v.Signature}, {Name: "kid", Value: v.KID},
		{Name: "proof", Value: proof},
	})
}

func (s *Server) getBundle(r *request) reply {
	v, proof, refused := s.record(r)
	if refused != nil {
		return *refused
	}
	samples, refused := s.samples(r, proof)
	if refused != nil {
		return *refused
	}
	// A file that is missing or no strict JSON is null here and a mismatch in
	// /verify: both read the same file, and never one that the database names.
	var artifact any
	if data, _, err := s.artifact(r, v.SessionID); err == nil {
		if artifact, err = pyjson.Decode(data); err != nil {
			artifact = nil
		}
	} else if refused := s.unlessMissing(r, err); refused != nil {
		return *refused
	}
	return ok(append(v.Stored().Bundle(proof, artifact), samples...))
}
