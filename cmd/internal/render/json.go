package render

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"time"

	"github.com/qodverify/qodverify/verify"
)

// SchemaID names the layout of the JSON report. It changes when a reader of
// the old layout would misread the new one.
const SchemaID = "qodverify/report/v1"

// Schema is the JSON Schema (draft 2020-12) of the report.
//
//go:embed report.v1.schema.json
var Schema []byte

// signatureRule is stated in every report, since Ed25519 verifiers differ.
const signatureRule = "Ed25519 as crypto/ed25519 and OpenSSL (RFC 8032 §5.1.7, cofactorless, canonical S); public keys of small order or non-canonical encoding are refused"

type jsonRun struct {
	Schema        string       `json:"schema"`
	Verdict       string       `json:"verdict"`
	Headline      string       `json:"headline"`
	Tool          Tool         `json:"tool"`
	SignatureRule string       `json:"signature_rule"`
	Summary       jsonSummary  `json:"summary"`
	Results       []jsonResult `json:"results"`
	Chain         *jsonChain   `json:"chain,omitempty"`
	Skipped       []Skipped    `json:"skipped,omitempty"`
	Unused        []string     `json:"ignore_unmatched,omitempty"`
	Problem       *Problem     `json:"error,omitempty"`
}

type jsonSummary struct {
	Inputs       int `json:"inputs"`
	Verified     int `json:"verified"`
	Failed       int `json:"failed"`
	Inconclusive int `json:"inconclusive"`
	Malformed    int `json:"malformed"`
	Unreadable   int `json:"unreadable"`

	Warnings  int64 `json:"warnings"`
	Warned    int64 `json:"warned"` // verified, with warnings
	NotPinned int64 `json:"not_pinned"`
}

type jsonResult struct {
	Input      string `json:"input"`
	Digest     string `json:"input_sha256,omitempty"`
	Verdict    string `json:"verdict"`
	Headline   string `json:"headline"`
	Warnings   int64  `json:"warnings"`
	Reason     string `json:"reason"`
	Proven     bool   `json:"proven"`
	SessionID  string `json:"session_id,omitempty"`
	SignedAt   string `json:"signed_at,omitempty"`
	Profile    string `json:"profile,omitempty"`
	Generation string `json:"generation,omitempty"`
	Form       string `json:"form,omitempty"`

	Key      *jsonKey      `json:"key"`
	Unsigned *jsonUnsigned `json:"unsigned,omitempty"`

	// The original service's /verify answer has these under the same names.
	Verified        bool  `json:"verified"`
	SignatureOK     *bool `json:"signature_verified"`
	LedgerHashOK    *bool `json:"ledger_hash_verified"`
	ArtifactOK      *bool `json:"runtime_artifact_verified"`
	ChainContinuity *bool `json:"chain_continuity_verified"`

	Checks     []jsonCheck `json:"checks"`
	Notes      []jsonNote  `json:"notes"`
	NotCovered []string    `json:"not_covered"`

	Policy   *jsonPolicy   `json:"policy,omitempty"`
	Claims   []jsonClaim   `json:"claims"`
	Coverage []jsonCovered `json:"coverage"`
}

type jsonPolicy struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

type jsonClaim struct {
	Topic    string `json:"topic"`
	Text     string `json:"text"`
	Method   string `json:"method,omitempty"`
	Pointer  string `json:"pointer"`
	Standing string `json:"standing"`
}

type jsonCovered struct {
	Pointer string   `json:"pointer"`
	Checks  []string `json:"checks"`
}

func claimsJSON(list []verify.Claim) []jsonClaim {
	out := []jsonClaim{}
	for _, c := range list {
		out = append(out, jsonClaim{c.Topic, c.Text, c.Method, c.Pointer, c.Standing.Word()})
	}
	return out
}

func coverageJSON(list []verify.Covered) []jsonCovered {
	out := []jsonCovered{}
	for _, c := range list {
		checks := []string{}
		for _, id := range c.Checks {
			checks = append(checks, string(id))
		}
		out = append(out, jsonCovered{c.Pointer, checks})
	}
	return out
}

type jsonKey struct {
	KID        string  `json:"kid"`
	Thumbprint *string `json:"thumbprint"`
	Source     string  `json:"source"`
	Pinned     bool    `json:"pinned"`
}

// jsonUnsigned holds values that nothing protects, apart from those that are
// proven.
type jsonUnsigned struct {
	KID             string `json:"kid"`
	LedgerCreatedAt string `json:"ledger_created_at"`
}

type jsonCheck struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Required bool   `json:"required"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	Hint     string `json:"hint,omitempty"`
	Pointer  string `json:"pointer,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}

type jsonNote struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Pointer string `json:"pointer,omitempty"`
}

// jsonRunWriter keeps the results until the head of the document, which counts them, can
// be written.
type jsonRunWriter struct {
	w       io.Writer
	results spool
	n       int
}

func newJSONRun(w io.Writer, _ Tool, _ int, _ Options) runWriter { return &jsonRunWriter{w: w} }

func (j *jsonRunWriter) add(r Result) error {
	start := "\n    "
	if j.n++; j.n > 1 {
		start = ",\n    "
	}
	b, err := indented(resultJSON(r), "    ")
	if err == nil {
		_, err = io.WriteString(&j.results, start)
	}
	if err == nil {
		_, err = j.results.Write(bytes.TrimSuffix(b, []byte("\n")))
	}
	return err
}

func (j *jsonRunWriter) end(run Run) error {
	b, err := indented(jsonRun{
		Schema: SchemaID, Verdict: run.Verdict().String(), Headline: run.standing().String(), Tool: run.Tool, SignatureRule: signatureRule,
		Summary: run.summary(),
		Results: []jsonResult{}, Problem: run.Problem, Chain: run.chainJSON(), Skipped: run.Skipped, Unused: run.Unused,
	}, "")
	if err != nil {
		return err
	}
	const results = `"results": [`
	head, tail, _ := bytes.Cut(b, []byte(results))
	if _, err := j.w.Write(append(head, results...)); err != nil {
		return err
	}
	if err := j.results.copyTo(j.w); err != nil {
		return err
	}
	if j.n > 0 {
		tail = append([]byte("\n  "), tail...)
	}
	_, err = j.w.Write(tail)
	return err
}

func (j *jsonRunWriter) drop() error { return j.results.close() }

// ResultJSON returns what the report says of one input, as one line of JSON.
func ResultJSON(r Result) ([]byte, error) {
	var b bytes.Buffer
	err := writeLine(&b, resultJSON(r))
	return bytes.TrimSpace(b.Bytes()), err
}

// WriteJSON writes any value as indented, printable JSON.
func WriteJSON(w io.Writer, v any) error {
	b, err := indented(v, "")
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// indented returns a value as printable JSON whose lines but the first have a prefix.
func indented(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return PrintableJSON(b.Bytes()), nil
}

func resultJSON(r Result) jsonResult {
	report := r.Report
	s, standing := report.Subject(), r.standing()
	out := jsonResult{
		Input: r.Input, Digest: r.Digest, Verdict: report.Verdict().String(), Headline: standing.String(), Warnings: standing.warnings, Reason: string(report.Reason()), Proven: report.Proven(),
		SessionID: s.SessionID, SignedAt: s.SignedAt,
		Verified:        report.Verdict() == verify.Verified,
		SignatureOK:     decided(report.Outcome(verify.Signature)),
		LedgerHashOK:    decided(report.Outcome(verify.LedgerHash)),
		ArtifactOK:      decided(report.Outcome(verify.ArtifactHash)),
		ChainContinuity: decided(report.Outcome(verify.LedgerLink)),
		Checks:          []jsonCheck{}, Notes: []jsonNote{}, NotCovered: []string{},
	}
	if s.Form != "" {
		out.Form, out.Generation, out.Profile = string(s.Form), string(s.Generation), s.Profile.String()
		key := report.Key()
		out.Key = &jsonKey{KID: key.KID, Source: key.Source, Pinned: key.Pinned}
		if key.Found {
			t := key.Thumbprint.String()
			out.Key.Thumbprint = &t
		}
		out.Unsigned = &jsonUnsigned{KID: key.KID, LedgerCreatedAt: s.UnsignedTime}
	}
	for _, c := range report.Checks() {
		out.Checks = append(out.Checks, jsonCheck{string(c.ID), c.Status.String(), report.Required(c.ID), string(c.Code), c.Message, c.Expected, c.Actual, c.Hint, c.Pointer, c.Region.Line, c.Region.Column})
	}
	for _, n := range append(report.Notes(), r.Notes...) {
		out.Notes = append(out.Notes, jsonNote{string(n.Code), n.Message, n.Pointer})
	}
	out.NotCovered = append(out.NotCovered, notCovered(report)...)
	out.Claims, out.Coverage = claimsJSON(report.Claims()), coverageJSON(report.Coverage())
	if j := report.Judged(); j.Policy != "" {
		out.Policy = &jsonPolicy{j.Policy, j.At}
	}
	return out
}

// decided is null for a check that neither passed nor failed.
func decided(s verify.Status) *bool {
	switch s {
	case verify.Pass, verify.Fail:
		ok := s == verify.Pass
		return &ok
	}
	return nil
}
