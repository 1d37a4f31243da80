package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
)

// Verdict is the outcome for one input. The zero Verdict is Inconclusive.
type Verdict uint8

// The verdicts.
const (
	Inconclusive Verdict = iota // nothing failed, and a required check could not run
	Verified                    // every required check passed
	Failed                      // some check failed
	Malformed                   // the input was read and is not a bundle
	Unreadable                  // the input could not be read: no such file, no answer, too large
)

var verdictNames = [...]string{"inconclusive", "verified", "failed", "malformed", "unreadable"}

// String returns the verdict as reports spell it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return verdictNames[Inconclusive]
}

// Report is what is known about one input. Its verdict is computed from its
// findings each time it is asked for, so nothing can set it by hand; a zero
// Report is inconclusive.
type Report struct {
	checks   []Check
	required []CheckID
	waived   []CheckID // in an audit: what the signature of a later record vouches for
	notes    []Note
	subject  Subject
	judged   Judged
	claims   []Claim
	coverage []Covered
	key      KeyUsed

	// ledgerRestored: the ledger hash was proven to match once numbers were
	// spelled as signed again.
	ledgerRestored bool
}

// Subject says what a report is about. Everything in it is a claim of the
// input; [Report.Proven] tells whether the claims in the proof were proven.
type Subject struct {
	Form         bundle.Form
	Generation   bundle.Generation
	Profile      canonical.Profile // under which the hashes match, or were tried first
	SessionID    string            // of the proof
	SignedAt     string            // created_at of the proof: signed, and the signer's own claim
	PrevHash     string
	ThisHash     string
	QoSProfile   string
	Result       string // of the artifact: "pass" or "fail"
	UnsignedTime string // created_at of the ledger record; nothing protects it
}

// KeyUsed says which key the signature was held against.
type KeyUsed struct {
	KID        string // as the record names it; unsigned
	Found      bool
	Thumbprint jwks.Thumbprint // zero unless Found
	Public     [32]byte        // the Ed25519 public key; zero unless Found
	Source     string          // where the caller got the keys, for people
	Pinned     bool            // the caller named this thumbprint as trusted
}

// Verdict returns the outcome.
func (r *Report) Verdict() Verdict {
	if c, ok := r.first(Format, Fail); ok {
		if c.Code == InputUnreadable {
			return Unreadable
		}
		return Malformed
	}
	for _, c := range r.checks {
		if c.Status == Fail {
			return Failed
		}
	}
	for _, id := range slices.Concat(alwaysRequired, r.required) {
		if r.outcome(id) != Pass && !slices.Contains(r.waived, id) {
			return Inconclusive
		}
	}
	// A check that broke, though it be no required one, means that the tool and
	// this input don't get on. Nothing is verified by a broken tool.
	if slices.ContainsFunc(r.checks, func(c Check) bool { return c.Code == InternalError }) {
		return Inconclusive
	}
	return Verified
}

// outcome joins the findings of one check: the first that is no pass decides.
func (r *Report) outcome(id CheckID) Status {
	joined := NotRun
	for _, c := range r.checks {
		if c.ID != id {
			continue
		}
		if c.Status != Pass {
			return c.Status
		}
		joined = Pass
	}
	return joined
}

// Outcome returns the status of one check, NotRun for an unknown id. Of several
// findings it is Pass only if all are.
func (r *Report) Outcome(id CheckID) Status { return r.outcome(id) }

// Checks returns all findings in the order in which the checks ran.
func (r *Report) Checks() []Check { return slices.Clone(r.checks) }

// Required reports whether the verdict needs this check to pass.
func (r *Report) Required(id CheckID) bool {
	return (slices.Contains(alwaysRequired, id) || slices.Contains(r.required, id)) && !slices.Contains(r.waived, id)
}

// Notes returns what is worth knowing and no check.
func (r *Report) Notes() []Note { return slices.Clone(r.notes) }

// Subject returns what the input claims to be.
func (r *Report) Subject() Subject { return r.subject }

// Judged says by which rules and as of when a proof was judged.
type Judged struct {
	Policy string    // name of the [Rules]; "" without
	At     time.Time // zero without
}

// Judged returns by which rules the input was judged.
func (r *Report) Judged() Judged { return r.judged }

// Key returns the key that the signature was held against.
func (r *Report) Key() KeyUsed { return r.key }

// Proven reports whether the values in the proof are covered by a signature of
// a trusted key: the record's hash fits the proof and the signature fits the
// hash. Values outside the proof are not meant.
func (r *Report) Proven() bool {
	return r.outcome(LedgerHash) == Pass && r.outcome(SignatureKey) == Pass && r.outcome(Signature) == Pass
}

// reasonOrder is the precedence of the original service's /verify answer.
var reasonOrder = []struct {
	id   CheckID
	word Code // the original's word for any failure of the check, if it has one
}{
	{Format, ""}, {SignatureKey, ""}, {Signature, SignatureMismatch}, {LedgerHash, LedgerHashMismatch},
	{LedgerLink, LedgerChainBroken}, {ArtifactHash, ""}, {Consistency, ""}, {Telemetry, ""}, {TelemetrySamples, ""},
}

// Reason returns one word for the verdict: "ok" when verified, else the code of
// the most telling finding, in the original service's words and precedence.
func (r *Report) Reason() Code {
	switch r.Verdict() {
	case Verified:
		return OK
	case Failed, Malformed, Unreadable:
		for _, o := range reasonOrder {
			if o.id == LedgerHash && r.ledgerRestored && r.outcome(ArtifactHash) == Fail {
				continue // the record is proven genuine; what was rewritten is told by the artifact
			}
			if c, ok := r.first(o.id, Fail); ok {
				if o.word != "" {
					return o.word
				}
				return c.Code
			}
		}
		return r.firstOf(Fail)
	}
	for _, o := range reasonOrder {
		for _, s := range []Status{NotRun, Skip} {
			if c, ok := r.first(o.id, s); ok && r.Required(o.id) {
				return c.Code
			}
		}
	}
	for _, id := range r.required {
		if c, ok := r.first(id, r.outcome(id)); ok && c.Status != Pass {
			return c.Code
		}
	}
	return InternalError
}

func (r *Report) first(id CheckID, s Status) (Check, bool) {
	for _, c := range r.checks {
		if c.ID == id && c.Status == s {
			return c, true
		}
	}
	return Check{}, false
}

func (r *Report) firstOf(s Status) Code {
	for _, c := range r.checks {
		if c.Status == s {
			return c.Code
		}
	}
	return InternalError
}

// NotVerifiedError is the error of [Report.Err]. It carries the whole report.
type NotVerifiedError struct{ Report *Report }

// Error returns the verdict and its reason.
func (e *NotVerifiedError) Error() string {
	return fmt.Sprintf("proof bundle not verified: %s (%s)", e.Report.Verdict(), e.Report.Reason())
}

// Err returns nil for a verified report, and a [*NotVerifiedError] for every
// other.
func (r *Report) Err() error {
	if r.Verdict() == Verified {
		return nil
	}
	return &NotVerifiedError{r}
}

// maxText bounds each text of a report, in bytes: a hostile member of megabytes
// must not fill a terminal or a log.
const maxText = 1024

func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	return fmt.Sprintf("%s (%d bytes)", canonical.Clip(s, maxText), len(s))
}

// bound cuts what the input put into findings and notes.
func (r *Report) bound() {
	for i := range r.checks {
		c := &r.checks[i]
		for _, s := range []*string{&c.Message, &c.Expected, &c.Actual, &c.Hint, &c.Pointer} {
			*s = bounded(*s)
		}
	}
	for i := range r.notes {
		r.notes[i].Message, r.notes[i].Pointer = bounded(r.notes[i].Message), bounded(r.notes[i].Pointer)
	}
}
