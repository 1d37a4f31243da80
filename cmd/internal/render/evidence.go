package render

import (
	"io"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/state"
	"github.com/qodverify/qodverify/verify"
)

// EvidenceView is what was found out about an evidence file.
type EvidenceView struct {
	Tool            Tool
	File, Code      string
	Outcome         state.Outcome
	Why             []string
	Versions        [2]EvidenceVersion // before, now
	Intact, Changed int64
}

// EvidenceVersion is one of its two records. Report is nil when the record was
// not kept.
type EvidenceVersion struct {
	Ledger, At string
	Position   int64
	ThisHash   string
	Report     *verify.Report
}

// statement says what the evidence proves, and on whose word.
func (v EvidenceView) statement() string {
	switch {
	case v.Outcome == state.Refuted:
		return "nothing: the file contradicts itself, or a record in it is not the signer's"
	case v.Outcome == state.Undecided:
		return "nothing yet: not every record could be verified"
	case v.Outcome == state.Proven:
		return "both records are signed by one key and name the same predecessor: the signatures alone prove that the signer has two histories"
	case v.Code == string(verify.HistoryTruncated):
		return "the first record is signed, so the signer made it; that the ledger now ends before it is the word of whoever kept the state"
	}
	return "both records are signed, so the signer made both; that the first one stood at its position is the word of whoever kept the state"
}

// EvidenceText writes it for a person.
func EvidenceText(w io.Writer, v EvidenceView, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	verdict := map[state.Outcome]string{
		state.Proven: p.good.Sprint("HOLDS"), state.OnWord: p.doubt.Sprint("RESTS ON THE AUDITOR'S WORD"),
		state.Undecided: p.doubt.Sprint("INCONCLUSIVE"), state.Refuted: p.bad.Sprint("DOES NOT HOLD"),
	}[v.Outcome]
	p.line("%s: %s (%s)", p.bold.Sprint(Printable(v.File)), verdict, Printable(v.Code))
	for _, s := range v.Why {
		p.field("why", "%s", s)
	}
	for i, label := range []string{"before", "now"} {
		x := v.Versions[i]
		p.field(label, "position %d, hash %s", x.Position, x.ThisHash)
		p.field("", "read from %s at %s", x.Ledger, x.At)
		if r := x.Report; r != nil {
			s := r.Subject()
			p.field("", "%s: session %s, made at %s, after the record with hash %s", r.Verdict(), s.SessionID, s.SignedAt, s.PrevHash)
			if key := r.Key(); key.Found {
				p.field("", "signed by key %q, thumbprint %s", key.KID, key.Thumbprint)
			}
		}
	}
	if v.Intact > 0 {
		p.field("unchanged", "up to position %d", v.Intact)
	}
	if v.Changed > 0 {
		p.field("changed", "at position %d", v.Changed)
	}
	p.field("proves", "%s", v.statement())
	_, err := io.WriteString(w, b.String())
	return err
}

type jsonEvidence struct {
	Schema       string      `json:"schema"`
	Holds        bool        `json:"holds"`
	Outcome      string      `json:"outcome"`
	BySignatures bool        `json:"proven_by_signatures"`
	Tool         Tool        `json:"tool"`
	File         string      `json:"file"`
	Code         string      `json:"code"`
	Statement    string      `json:"statement"`
	Why          []string    `json:"why"`
	Before       jsonVersion `json:"before"`
	Now          jsonVersion `json:"now"`
}

type jsonVersion struct {
	Ledger   string      `json:"ledger"`
	At       string      `json:"at"`
	Position int64       `json:"position"`
	ThisHash string      `json:"this_hash"`
	Record   *jsonResult `json:"record"`
}

// EvidenceJSON writes it as one document.
func EvidenceJSON(w io.Writer, v EvidenceView) error {
	doc := jsonEvidence{
		Schema: "qodverify/evidence-report/v1", Holds: v.Outcome == state.Proven, BySignatures: v.Outcome == state.Proven, Outcome: v.Outcome.String(), Tool: v.Tool, File: v.File, Code: v.Code,
		Statement: v.statement(), Why: append([]string{}, v.Why...),
	}
	for i, into := range []*jsonVersion{&doc.Before, &doc.Now} {
		x := v.Versions[i]
		*into = jsonVersion{Ledger: x.Ledger, At: x.At, Position: x.Position, ThisHash: x.ThisHash}
		if x.Report != nil {
			r := resultJSON(Result{Input: x.Ledger, Report: x.Report})
			into.Record = &r
		}
	}
	return WriteJSON(w, doc)
}
