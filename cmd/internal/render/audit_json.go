package render

import (
	"bytes"
	"io"
	"time"

	"github.com/qodverify/qodverify/verify"
)

type jsonAudit struct {
	Schema        string         `json:"schema"`
	Verdict       string         `json:"verdict"`
	Headline      string         `json:"headline"`
	Warnings      int64          `json:"warnings"`
	Verified      bool           `json:"verified"`
	Complete      bool           `json:"complete"`
	Tool          Tool           `json:"tool"`
	SignatureRule string         `json:"signature_rule"`
	Ledger        string         `json:"ledger"`
	Signatures    jsonSignatures `json:"signatures"`
	Head          *jsonHead      `json:"head"`
	Summary       jsonLedger     `json:"summary"`
	Keys          []jsonKeySpan  `json:"keys"`
	KeySource     string         `json:"key_source"`
	Pinned        bool           `json:"pinned"`
	Total         int64          `json:"findings_total"`
	Counts        []jsonCount    `json:"findings_by_code"`
	Findings      []jsonFinding  `json:"findings"`
	State         *jsonState     `json:"state"`
	Evidence      string         `json:"evidence,omitempty"`
	Notes         []string       `json:"notes,omitempty"`
	Skipped       []Skipped      `json:"skipped,omitempty"`
	Unused        []string       `json:"ignore_unmatched,omitempty"`
	NotCovered    []string       `json:"not_covered"`
	ElapsedMS     int64          `json:"elapsed_ms"`
}

type jsonSignatures struct {
	Mode     string `json:"mode"`
	Verified int64  `json:"verified"`
	Engine   string `json:"engine"`
}

type jsonHead struct {
	Position  int64  `json:"position"`
	ThisHash  string `json:"this_hash"`
	SessionID string `json:"session_id"`
	SignedAt  string `json:"signed_at"`
	After     string `json:"records_after"`
}

type jsonLedger struct {
	Records      int64                     `json:"records"`
	Sessions     int64                     `json:"sessions"`
	Verified     int64                     `json:"verified"`                     // signature and all; 0 in mode head
	Held         int64                     `json:"hash_and_link_hold,omitempty"` // in mode head: whose signatures were not verified
	Failed       int64                     `json:"failed"`
	Inconclusive int64                     `json:"inconclusive"`
	Malformed    int64                     `json:"malformed"`
	Unreadable   int64                     `json:"unreadable"`
	Hashed       int64                     `json:"hashes_hold"`
	Generations  map[string]jsonGeneration `json:"generations"`
	From         string                    `json:"signed_from"`
	To           string                    `json:"signed_to"`
	Unordered    bool                      `json:"unordered"`
	Ends         int                       `json:"ends"`
}

type jsonGeneration struct {
	Records int64 `json:"records"`
	Hashed  int64 `json:"hashes_hold"`
}

type jsonKeySpan struct {
	KID        string  `json:"kid"`
	Thumbprint *string `json:"thumbprint"`
	Window     string  `json:"window,omitempty"` // in which it may sign, as of now
	Records    int64   `json:"records"`
	First      int64   `json:"first_record"`
	Last       int64   `json:"last_record"`
	From       string  `json:"signed_from"`
	To         string  `json:"signed_to"`
}

type jsonCount struct {
	Code   string `json:"code"`
	Status string `json:"status"`
	Count  int64  `json:"count"`
}

type jsonPlace struct {
	Record    int64  `json:"record"`
	Line      int64  `json:"line,omitempty"`
	Input     string `json:"input,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	KID       string `json:"kid,omitempty"`
	ThisHash  string `json:"this_hash,omitempty"`
}

type jsonFinding struct {
	Code     string      `json:"code"`
	Status   string      `json:"status"`
	Check    string      `json:"check,omitempty"`
	Place    jsonPlace   `json:"place"`
	Others   []jsonPlace `json:"others"`
	Message  string      `json:"message"`
	Expected string      `json:"expected,omitempty"`
	Actual   string      `json:"actual,omitempty"`
	Hint     string      `json:"hint,omitempty"`
	Pointer  string      `json:"pointer,omitempty"`
	Line     int64       `json:"line,omitempty"` // in the file
	Column   int64       `json:"column,omitempty"`
	Known    bool        `json:"known"`
}

type jsonState struct {
	File     string `json:"file"`
	Written  bool   `json:"written"`
	Position int64  `json:"position"` // of the head before; 0 at the first audit
	Head     string `json:"head"`
}

// AuditJSON writes the report on a ledger as one document.
func AuditJSON(w io.Writer, a Audit) error { return WriteJSON(w, a.document()) }

func (a Audit) document() jsonAudit {
	r, s := a.Report, a.standing()
	doc := jsonAudit{
		Schema: AuditSchemaID, Verdict: a.Verdict().String(), Headline: s.String(), Warnings: s.warnings, Verified: a.Verdict() == verify.Verified, Complete: r.Complete() && len(a.LeftOut.evidence()) == 0,
		Tool: a.Tool, SignatureRule: signatureRule, Ledger: a.Ledger,
		Signatures: jsonSignatures{string(r.Signatures), r.Verifieds, string(r.Engine)},
		Summary: jsonLedger{
			Records: r.Records, Sessions: r.Sessions, Verified: r.ByVerdict[verify.Verified], Failed: r.ByVerdict[verify.Failed],
			Inconclusive: r.ByVerdict[verify.Inconclusive], Malformed: r.ByVerdict[verify.Malformed], Unreadable: r.ByVerdict[verify.Unreadable], Hashed: r.Hashed,
			Generations: map[string]jsonGeneration{}, From: timeJSON(r.From), To: timeJSON(r.To), Unordered: r.Unordered, Ends: r.Ends,
		},
		Keys: []jsonKeySpan{}, KeySource: a.Keys, Pinned: a.Pinned, Total: r.Total(), Counts: []jsonCount{}, Findings: []jsonFinding{},
		Evidence: a.Evidence, Notes: a.Notes, Skipped: a.Skipped, Unused: a.Unused, NotCovered: a.notCovered(), ElapsedMS: a.Elapsed.Milliseconds(),
	}
	if r.Signatures == verify.SignaturesHead {
		// No record but the head was verified.
		doc.Summary.Held, doc.Summary.Verified = doc.Summary.Verified, min(doc.Summary.Verified, r.Verifieds)
	}
	for g, n := range r.Generations {
		doc.Summary.Generations[string(g)] = jsonGeneration(n)
	}
	if h := r.Head; h.Position > 0 {
		doc.Head = &jsonHead{h.Position, h.ThisHash, h.SessionID, timeJSON(h.SignedAt), "unknown"}
	}
	for _, k := range r.Keys {
		s := jsonKeySpan{KID: k.KID, Records: k.Records, First: k.First, Last: k.Last, From: timeJSON(k.From), To: timeJSON(k.To)}
		if k.Found {
			t := k.Thumbprint.String()
			s.Thumbprint, s.Window = &t, k.Window.String()
		}
		doc.Keys = append(doc.Keys, s)
	}
	for _, code := range findingCodes(r) {
		doc.Counts = append(doc.Counts, jsonCount{string(code), r.Statuses[code].String(), r.Counts[code]})
	}
	for _, g := range byRecord(r.Listed) {
		for _, f := range g.List {
			doc.Findings = append(doc.Findings, findingJSON(f))
		}
	}
	if a.State != "" {
		doc.State = &jsonState{File: a.State, Written: a.StateNew}
		if s := r.Since; s != nil {
			doc.State.Position, doc.State.Head = s.Count, s.Head
		}
	}
	return doc
}

func timeJSON(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func placeJSON(p verify.Place) jsonPlace {
	return jsonPlace{p.Record, p.Line, p.Input, p.SessionID, p.KID, p.ThisHash}
}

func findingJSON(f verify.Finding) jsonFinding {
	at := positionOf(f)
	out := jsonFinding{
		Line: at.line, Column: at.column,
		Code: string(f.Code), Status: f.Status.String(), Check: string(f.Check), Place: placeJSON(f.Place), Others: []jsonPlace{},
		Message: f.Message, Expected: f.Expected, Actual: f.Actual, Hint: f.Hint, Pointer: f.Pointer, Known: f.Known,
	}
	for _, o := range f.Others {
		out.Others = append(out.Others, placeJSON(o))
	}
	return out
}

// FindingLine returns one finding as a line of JSON, for a file of all.
func FindingLine(f verify.Finding) ([]byte, error) {
	var b bytes.Buffer
	err := writeLine(&b, findingJSON(f))
	return b.Bytes(), err
}
