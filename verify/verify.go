// Package verify decides whether Quality-on-Demand proof bundles are true. It
// is a pure function of three separate inputs: the evidence (a bundle), the
// trust (keys) and the expectation (a policy). It does no I/O and reads neither
// clock nor environment, so the same inputs give the same report for ever.
//
//	keys, err := jwks.Parse(jwksJSON)
//	b, err := bundle.Parse(bundleJSON)
//	v, err := verify.New(verify.Policy{Keys: keys})
//	report := v.Bundle(b)
//	if err := report.Err(); err != nil { … }  // nil only when verified
//
// # Four rules
//
// They decide what a verdict may say, here and in everything built on this package.
//
// Absence is never a contradiction. What an input, a copy, a folder, a disk or a key
// set lacks is not_run, and the verdict inconclusive. Failed needs something signed or
// hashed that contradicts.
//
// Absence is never a pass. A rule, a claim or a check without its evidence is not_run;
// leaving a member out never improves a verdict.
//
// Trust is judged as of now, by key and not by name, for old records too. A revocation
// or a window binds the key under whatever kid it is named, and what an earlier audit
// verified counts no longer once the keys that it trusted have changed.
//
// Evidence against somebody is what that party's signatures show. What anybody could
// have written accuses nobody, and what rests on an auditor's word alone is told as
// that, with another word and status.
//
// Nothing is passed over in silence.
//
// # The checks
//
// All of them are attempted, whatever the others found:
//
//	format         the input is one well-formed bundle
//	artifact.hash  sha256(canonical(runtime_artifact)) is what the proof claims
//	ledger.hash    this_hash is sha256(prev_hash + "|" + canonical(proof))
//	ledger.link    prev_hash is the predecessor's this_hash (when one is given)
//	signature.key  the key set has a usable key of exactly this kid, pinned if
//	               pins are given, valid at the time that the proof claims
//	signature      Ed25519 by that key over the 64 characters of this_hash
//	consistency    every member of the format is there, of its type and within
//	               its range; session ids, paths, measured values, targets,
//	               decision and reasons do not contradict each other
//	telemetry      what the proof says of its samples follows from what it commits to
//	telemetry.samples  the samples are those, and all figures follow from them
//	claims.*       what the signature can't vouch for; warnings only
//	policy.*       what the caller's [Rules] expect; each rule that is set is required
//
// A check that did not run is never a pass. The verdict is verified only if
// format, artifact.hash, ledger.hash, signature.key, signature and consistency
// all passed, telemetry too where the proof commits to samples, and what the policy
// requires beside them.
//
// # Ledgers
//
// [Verifier.Ledger] verifies a whole ledger from a sequence of records: each as
// above, and their chain. It finds forks, a second first record, a session or an
// artifact that is there twice, and times that go back. A record that is missing
// and one that is there twice are found, too, but prove nothing against the
// operator. A chain alone can't show that its end was cut off; a [Checkpoint] of an
// earlier audit tells an auditor that the input ends before it.
package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Verifier holds bundles to one policy. It is safe for concurrent use.
type Verifier struct {
	policy Policy
	checks []check
}

// check is one row of the table that every bundle is held to. An error means
// that the check itself could not be carried out.
type check struct {
	id  CheckID
	run func(*run) ([]Check, error)
}

// defaultChecks is the table. The order matters only to readers, and to
// explain, which looks back at all findings.
var defaultChecks = []check{
	{Format, (*run).format},
	{ArtifactHash, (*run).artifactHash},
	{LedgerHash, (*run).ledgerHash},
	{LedgerLink, (*run).ledgerLink},
	{SignatureKey, (*run).signatureKey},
	{Signature, (*run).signature},
	{Consistency, (*run).consistency},
	{Telemetry, (*run).telemetry},
	{TelemetrySamples, (*run).samples},
	{ClaimsConstants, (*run).claimsConstants},
	{ClaimsJitterTarget, (*run).claimsJitterTarget},
	{ClaimsQoSStatus, (*run).claimsQoSStatus},
	{ClaimsClamp, (*run).claimsClamp},
	{ClaimsTimes, (*run).claimsTimes},
	{ClaimsPercentile, (*run).claimsPercentile},
	{ClaimsWindow, (*run).claimsWindow},
}

// fullChecksOnly is set in test builds in which a check was made to fail: the
// short way of an audit must not step around it.
var fullChecksOnly bool

// New returns a Verifier for a policy, or an error when the policy means
// nothing.
func New(policy Policy) (*Verifier, error) {
	if err := policy.validate(); err != nil {
		return nil, err
	}
	checks := defaultChecks
	for _, c := range ruleChecks {
		if policy.Rules.has(c.id) {
			checks = append(slices.Clip(checks), c)
		}
	}
	return &Verifier{policy: policy, checks: checks}, nil
}

// Bundle verifies one bundle. The report is never nil; a nil bundle gives a
// malformed one.
func (v *Verifier) Bundle(b *bundle.Bundle) *Report { return v.Bundles([]*bundle.Bundle{b})[0] }

// Bundles verifies several bundles, and their links where one of them is
// another's predecessor. A record serves as predecessor only if its own hash
// and signature hold. The reports stand in the order of the bundles.
func (v *Verifier) Bundles(bundles []*bundle.Bundle) []*Report {
	batch := NewBatch(len(bundles))
	if len(bundles) > 1 {
		for i, b := range bundles {
			batch.Look(v, i, b)
		}
		batch.Looked()
	}
	reports := make([]*Report, len(bundles))
	for i, b := range bundles {
		reports[i] = batch.Judge(v, i, b)
	}
	return reports
}

// MalformedReport returns the report for an input that is no bundle, with the
// reader's error as its finding. An error around it that knows what the input is says
// so by its methods Finding and Hint.
func MalformedReport(err error) *Report {
	c := Check{ID: Format, Status: Fail, Code: bundle.CodeNotBundle, Message: "the input is not a proof bundle"}
	var e *canonical.Error
	if errors.As(err, &e) {
		c.Code, c.Pointer = e.Code, e.Pointer
		c.Region = canonical.Region{Line: e.Line, Column: e.Column}
		c.Message = e.Error()
	} else if err != nil {
		c.Message = err.Error()
	}
	var known interface{ Finding() string }
	if errors.As(err, &known) {
		c.Message = known.Finding()
	}
	return unread(c, err)
}

// UnreadableReport returns the report for an input whose bytes could not be
// had: a missing file, a server that answered with an error, more than is read.
func UnreadableReport(err error) *Report {
	return unread(Check{ID: Format, Status: Fail, Code: InputUnreadable, Message: fmt.Sprintf("the input could not be read: %v", err)}, err)
}

// unread is the report on what there is no bundle of. What to do about it is the
// error's own to say, by a method Hint, else the table's.
func unread(c Check, err error) *Report {
	var own interface{ Hint() string }
	if errors.As(err, &own) {
		c.Hint = own.Hint()
	}
	if e, ok := Explain(c.Code); ok && c.Hint == "" && c.Status == Fail {
		c.Hint = e.Do
	}
	r := &Report{checks: []Check{c}}
	for _, id := range alwaysRequired[1:] {
		r.checks = append(r.checks, Check{ID: id, Code: c.Code, Message: "not run: the input could not be read"})
	}
	return r
}

// run is the work on one bundle.
type run struct {
	*Verifier
	bundle   *bundle.Bundle
	report   *Report
	formulas formulas
	batch    *Batch // nil of a bundle by itself
	number   int    // in the batch

	// In an audit:
	inAudit        bool
	settled, holds bool // the signature was verified already, and how that ended
	unsigned       bool // the signature is not verified in this run,
	keyless        bool // and its key is not judged
}

func (v *Verifier) start(b *bundle.Bundle) *run {
	r := &run{Verifier: v, bundle: b, report: &Report{required: v.policy.Require}}
	if v.policy.Previous != "" {
		r.report.required = append(append([]CheckID(nil), v.policy.Require...), LedgerLink)
	}
	if b != nil && (b.Proof.Telemetry.Exists() || b.Proof.Session.Exists()) {
		// What a proof says of its samples is part of what is verified: that it can't be
		// judged must not pass.
		r.report.required = append(slices.Clip(r.report.required), Telemetry)
	}
	if v.policy.Rules != nil {
		r.report.required = slices.Concat(r.report.required, v.policy.Rules.checks())
		r.report.judged = Judged{Policy: v.policy.Rules.Name, At: v.policy.At}
	}
	if b == nil {
		r.report = MalformedReport(nil)
		return r
	}
	r.formulas = matchFormulas(b, v.policy.profiles())
	r.report.subject = Subject{
		Form: b.Form, Generation: b.Generation, Profile: r.formulas.profile,
		SessionID: bounded(b.Proof.SessionID), SignedAt: bounded(b.Proof.CreatedAt),
		PrevHash: bounded(b.Entry.PrevHash), ThisHash: bounded(b.Entry.ThisHash),
		QoSProfile: bounded(b.Proof.QoSProfile), Result: bounded(b.Artifact.Result), UnsignedTime: bounded(b.Entry.CreatedAt),
	}
	if r.formulas.ledger == canonical.PythonDefault {
		r.report.subject.Profile = canonical.PythonDefault
	}
	r.report.key = KeyUsed{KID: bounded(b.Entry.KID), Source: v.policy.KeySource}
	return r
}

// all runs every check. A check that errs or panics is a check that did not
// run: the input then can't be verified, and the others still are.
func (r *run) all() {
	if r.bundle == nil {
		return
	}
	for _, c := range r.checks {
		findings, err := r.guarded(c)
		if err != nil {
			findings = []Check{{Code: InternalError, Message: fmt.Sprintf("the check could not be carried out: %v", err)}}
		}
		if len(findings) == 0 {
			findings = []Check{{Code: InternalError, Message: "the check returned no finding"}}
		}
		for _, f := range findings {
			f.ID = c.id
			r.report.checks = append(r.report.checks, r.ignored(f))
		}
	}
	if _, err := r.guarded(check{run: func(*run) ([]Check, error) { r.explain(); r.note(); return nil, nil }}); err != nil {
		// Hints and notes decide nothing, so without them the verdict stands.
		r.report.notes = append(r.report.notes, Note{Code: InternalError, Message: fmt.Sprintf("the findings could not all be explained: %v", err)})
	}
	r.locate()
	r.report.bound()
	if !r.inAudit {
		r.tell()
	}
}

// tell adds what the bundle says and what covers it. It decides nothing, so
// whatever goes wrong in it leaves the verdict as it is.
func (r *run) tell() {
	_, _ = r.guarded(check{run: func(*run) ([]Check, error) {
		r.report.claims, r.report.coverage = claimsOf(r.bundle, r.report.outcome), CoverageOf(r.bundle)
		if r.bundle.Within != "" {
			for i, c := range r.report.claims {
				r.report.claims[i].Pointer = r.bundle.Pointer(c.Pointer)
			}
			for i, n := range r.report.notes {
				if n.Code != NoteUnknownMember {
					r.report.notes[i].Pointer = r.bundle.Pointer(n.Pointer)
				}
			}
		}
		return nil, nil
	}})
}

// locate adds to the findings where in the input they are. It decides nothing.
func (r *run) locate() {
	_, _ = r.guarded(check{run: func(*run) ([]Check, error) {
		doc := r.bundle.Proof.Value.Document()
		if doc == nil {
			return nil, nil
		}
		apart := r.bundle.Artifact.Exists() && r.bundle.Artifact.Value.Document() != doc
		var pointers []string
		var found []*Check
		for i := range r.report.checks {
			c := &r.report.checks[i]
			c.Pointer = r.bundle.Pointer(c.Pointer)
			if c.Pointer == "" || apart && strings.HasPrefix(c.Pointer, "/runtime_artifact/") {
				continue // the whole input, or a file of its own
			}
			pointers, found = append(pointers, c.Pointer), append(found, c)
		}
		if len(pointers) == 0 {
			return nil, nil
		}
		for i, region := range doc.Regions(pointers) {
			found[i].Region = region
		}
		return nil, nil
	}})
}

func (r *run) guarded(c check) (findings []Check, err error) {
	defer func() {
		if p := recover(); p != nil {
			findings, err = nil, fmt.Errorf("internal error: %v", p)
		}
	}()
	return c.run(r)
}

func (r *run) format() ([]Check, error) {
	message := "one proof bundle of generation " + string(r.bundle.Generation)
	if r.bundle.Form == bundle.FormRecord {
		message = "one ledger record of generation " + string(r.bundle.Generation)
	}
	if r.bundle.Within != "" {
		message += ", as the service's artifact_v1.json has it"
	}
	return []Check{{Status: Pass, Code: OK, Message: message}}, nil
}
