package render

import (
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/verify"
)

// Audit is everything that an audit has to say.
type Audit struct {
	Tool     Tool
	Ledger   string
	Keys     string // where they came from
	KeyNotes []string
	Pinned   bool // the caller named the keys that count
	// Notes is what the input says of its own completeness.
	Notes     []string
	Report    *verify.LedgerReport
	State     string // the state file, "" without one
	StateNew  bool   // it was written
	Evidence  string // the evidence file that was written, ""
	Artifacts string // where artifacts were read from, ""
	Elapsed   time.Duration
	LeftOut
}

// AuditSchemaID names the format of the JSON report on a ledger.
const AuditSchemaID = "qodverify/audit/v1"

// AuditSchema is its JSON Schema.
//
//go:embed audit.v1.schema.json
var AuditSchema []byte

// maxTextFindings is how many findings of one code the text shows.
const maxTextFindings = 5

// NotCovered says in plain words what an audit's verdict does not speak of.
func (a Audit) notCovered() []string {
	r := a.Report
	list := []string{"records after the head: unknown; a chain can't show that its end was cut off"}
	if r.PastStands() {
		list[0] = fmt.Sprintf("records after the head: unknown; that none is gone up to position %d is pinned by the state", r.Since.Count)
	}
	if r.Signatures == verify.SignaturesHead {
		list = append(list, "that the records before the head were signed, by which key and when: only the head's signature was verified")
	}
	if r.Since != nil && !r.StartsAtHead() && !r.Continues() && !r.Rechecked() {
		list = append(list, fmt.Sprintf("signatures of the records up to position %d in this copy: the audit before verified them, and this one their hashes, and that their keys still count", r.Since.Count))
	}
	if r.StartsAtHead() || r.Continues() {
		list = append(list, fmt.Sprintf("records before position %d: not read again; nor whether a new record repeats a session of theirs", r.Since.Count))
	}
	list = append(list, "sessions that never got a record: a ledger shows what is in it", "unsigned members: ledger.created_at, ledger.kid, jwks_url")
	if !a.Pinned {
		list = append(list, "whose keys they are: not pinned, compare thumbprints with the operator and give --pin")
	}
	return append(list, "claims.* of single records: verify a bundle by itself to see them", "whether the measurements are true: a signature shows who claims them")
}

// AuditText writes the report for a person.
func AuditText(w io.Writer, a Audit, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	p.audit(a)
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *painter) audit(a Audit) {
	r := a.Report
	p.line("%s: %s%s", p.bold.Sprint(Printable(a.Ledger)), p.headline(a.standing()), a.failedNote())
	if h := r.Head; h.Position > 0 {
		p.field("head", "position %d, hash %s", h.Position, orNothing(h.ThisHash))
		p.field("", "session %s, made at %s (the signer's own clock)", h.SessionID, timeText(h.SignedAt))
		after := "records after the head: unknown"
		switch s := r.Since; {
		case s == nil:
		case r.PastStands():
			after += fmt.Sprintf("; the state's head stands where it stood, at position %d", s.Count)
		case r.Continues():
			after += fmt.Sprintf("; the first record follows the state's head, at position %d, which is not in this input", s.Count)
		default:
			after += fmt.Sprintf("; the state's head, at position %d, was not found where it stood", s.Count)
		}
		p.field("", "%s", after)
	}
	p.field("records", "%d: %s", r.Records, verdictCounts(r))
	if r.Sessions > 0 {
		p.field("sessions", "%d", r.Sessions)
	}
	p.field("signatures", "%s", signatureText(r))
	for _, g := range slices.Sorted(maps.Keys(r.Generations)) {
		if g != bundle.V04 {
			p.field("generation", "%s: %s, %d with the hash that its formula gives%s", g, count(r.Generations[g].Records, "record"), r.Generations[g].Hashed, generationText(g))
		}
	}
	if r.Hashed < r.Records {
		p.field("hashes", "%d of %d records have the hash that follows from their content", r.Hashed, r.Records)
	}
	p.keys(a)
	if !r.From.IsZero() {
		p.field("time", "%s to %s, by the clock of who made the proofs", timeText(r.From), timeText(r.To))
	}
	if r.Unordered {
		p.field("order", "the input is not in chain order; it was put in order by its links")
	}
	if r.Ends > 1 {
		p.field("ends", "%d records are followed by none; in a sound ledger one is", r.Ends)
	}
	for i, n := range a.Notes {
		label := "note"
		if i > 0 {
			label = ""
		}
		p.field(label, "%s", n)
	}
	p.leftOut("left out", a.LeftOut.items())
	p.findings(r)
	if a.State != "" {
		written := "not written: it stays as it was"
		if a.StateNew {
			written = fmt.Sprintf("written: the next audit goes on from position %d", r.Head.Position)
		}
		p.field("state", "%s (%s)", a.State, written)
	}
	if a.Evidence != "" {
		p.field("evidence", "%s (check it: qodverify evidence %s)", a.Evidence, ShellQuoted(a.Evidence))
	}
	for i, s := range a.notCovered() {
		label := "not covered"
		if i > 0 {
			label = ""
		}
		p.field(label, "%s", s)
	}
}

// generationText says what a generation's records lack.
func generationText(g bundle.Generation) string {
	s := ""
	switch {
	case g.SharedSecret():
		s = "; they are authenticated by a shared secret, which nobody outside can check"
	case !g.Signed():
		s = "; they are not signed"
	}
	if !g.BindsArtifact() {
		s += "; they bind no runtime artifact"
	}
	return s
}

// verdictNote says what kind of "verified" it is.
func verdictNote(r *verify.LedgerReport) string {
	if r.Verdict() == verify.Verified && r.Signatures == verify.SignaturesHead {
		return " BY ITS HEAD (every hash and link, and the head's signature; other signatures were not verified)"
	}
	return ""
}

// failedNote says in how far a ledger is not verified.
func (a Audit) failedNote() string {
	r := a.Report
	switch {
	case a.Verdict() != r.Verdict():
		return " (not all of it was read)"
	case r.Verdict() == verify.Verified:
		return ""
	case r.Counts[verify.Interrupted] > 0:
		return " (interrupted after " + count(r.Records, "record") + ")"
	case !r.Complete():
		return " (not all of it was read)"
	}
	return " (" + count(r.Total(), "finding") + ")"
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verdictCounts(r *verify.LedgerReport) string {
	if r.Signatures == verify.SignaturesHead {
		return headCounts(r)
	}
	var parts []string
	for _, v := range []verify.Verdict{verify.Verified, verify.Failed, verify.Inconclusive, verify.Malformed, verify.Unreadable} {
		if n := r.ByVerdict[v]; n > 0 || v == verify.Verified {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ") + " by themselves"
}

// headCounts says of records in mode head what was looked at: no record but the
// head was verified.
func headCounts(r *verify.LedgerReport) string {
	n := func(v verify.Verdict) int64 { return r.ByVerdict[v] }
	signatures := "their signatures not verified"
	if r.Verifieds > 1 {
		signatures = fmt.Sprintf("%d of all signatures verified", r.Verifieds)
	}
	text := fmt.Sprintf("%d with hashes and content that hold, %s", n(verify.Verified), signatures)
	for _, v := range []verify.Verdict{verify.Failed, verify.Inconclusive, verify.Malformed, verify.Unreadable} {
		if n(v) > 0 {
			text += fmt.Sprintf(", %d %s", n(v), v)
		}
	}
	return text
}

func signatureText(r *verify.LedgerReport) string {
	switch {
	case r.Signatures == verify.SignaturesHead && r.Verifieds <= 1:
		return fmt.Sprintf("%d verified, of the head alone (--signatures head), by crypto/ed25519", r.Verifieds)
	case r.StartsAtHead() || r.Continues():
		return fmt.Sprintf("%d verified in this run, by %s; the records before position %d were not read again", r.Verifieds, r.Engine, r.Since.Count)
	case r.Since != nil && !r.Rechecked():
		return fmt.Sprintf("%d verified in this run, by %s; the records up to position %d were hashed and linked to the state's head", r.Verifieds, r.Engine, r.Since.Count)
	}
	return fmt.Sprintf("%d of %d verified, by %s", r.Verifieds, r.Records, r.Engine)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "an unreadable time"
	}
	return t.Format("2006-01-02T15:04:05.999999Z")
}

func (p *painter) keys(a Audit) {
	label := "keys"
	for i, k := range a.Report.Keys {
		if i == maxTextFindings && len(a.Report.Keys) > maxTextFindings+1 {
			p.field("", "and %d more", len(a.Report.Keys)-i)
			break
		}
		name, thumb := fmt.Sprintf("%q", k.KID), "no usable key"
		if k.KID == "" {
			name = "no kid"
		}
		if k.Found {
			thumb = "thumbprint " + k.Thumbprint.String()
			if w := k.Window.String(); w != "" {
				thumb += ", " + Printable(w)
			}
		}
		span := ""
		if !k.From.IsZero() {
			span = fmt.Sprintf(", made %s to %s", timeText(k.From), timeText(k.To))
		}
		p.field(label, "%s: %s, %d to %d%s; %s", name, count(k.Records, "record"), k.First, k.Last, span, thumb)
		label = ""
	}
	if a.Keys != "" {
		pinned := "not pinned"
		if a.Pinned {
			pinned = "pinned"
		}
		p.field(label, "from %s, %s", a.Keys, pinned)
	} else if len(a.Report.Keys) > 0 {
		p.field(label, "no key set was given: --jwks FILE or URL")
	}
	for _, n := range a.KeyNotes {
		p.field("", "%s", n)
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// PlaceText names a place in a ledger for a person.
func PlaceText(p verify.Place) string {
	s := fmt.Sprintf("record %d", p.Record)
	switch {
	case p.Record == 0 && p.Input != "":
		s = "a record" // found outside of the ledger
	case strings.HasPrefix(p.Input, "http"):
		s += fmt.Sprintf(", position %d", p.Line)
	case p.Line > 0 && p.Line != p.Record:
		s += fmt.Sprintf(", line %d", p.Line)
	}
	if p.Input != "" {
		s += " of " + p.Input
	}
	if p.SessionID != "" {
		s += ", session " + p.SessionID
	}
	if p.KID != "" {
		s += fmt.Sprintf(", kid %q", p.KID)
	}
	if p.ThisHash != "" {
		s += ", hash " + p.ThisHash
	}
	return s
}
