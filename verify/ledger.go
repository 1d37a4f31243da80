package verify

import (
	"cmp"
	"crypto/fips140"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
)

// SignatureMode says which signatures of a ledger are verified.
type SignatureMode string

// The modes. The zero mode is SignaturesAll.
const (
	// SignaturesAll verifies every record's signature.
	SignaturesAll SignatureMode = "all"
	// SignaturesHead verifies every hash and link, and the signature of the last
	// record alone. Through the chain it covers every proof and their order. It
	// does not show that the records before were signed, by which key, and when.
	SignaturesHead SignatureMode = "head"
)

// LedgerOptions adjusts [Verifier.Ledger]. The zero value is the strictest.
type LedgerOptions struct {
	Signatures SignatureMode
	// Since is where an earlier audit ended. What it covered is hashed and linked
	// again, and its signatures are not verified again; that its head stands where
	// it stood is checked first.
	Since *Checkpoint
	// Whole makes an audit with Since verify every signature anew. It is needed
	// where the records don't come in the order of the chain. An audit is whole by
	// itself where the first record is not Since's, and where the trust is not the
	// one that Since was made under.
	Whole bool
	// MayLack is what the caller knows of records that this input may lack, for
	// people: a database whose write-ahead log was not copied along, say. It is told
	// with every finding about records that are not there, and decides nothing.
	MayLack string
	// Elsewhere, when set, is asked by its this_hash for a record that the input lacks
	// and another one names, at most a thousand times. It returns the bundle as it was
	// found outside of the ledger, with Input saying where, or the zero Raw. What it
	// returns counts only if it is genuinely signed.
	Elsewhere func(thisHash string) bundle.Raw
	// Explain, when set, is asked what a record is that is no bundle, with the reader's
	// error, and returns the error to report: see [MalformedReport]. It may be called
	// from several goroutines at once.
	Explain func(err error, data []byte) error
	// Once: no later audit will leave signatures out because of this one, so what that
	// would rest on, [Checkpoint.Seals], is not computed.
	Once bool
	// StartsAtHead: the first record given is Since's head, and the ones before it
	// are not given.
	StartsAtHead bool
	// Stdlib leaves all signatures to crypto/ed25519.
	Stdlib bool
	// Workers is the number of records that are judged at a time; 0 means one for
	// each processor.
	Workers int
	// MaxListed bounds the findings of one code that the report lists; 0 means
	// 100. Their number is always told.
	MaxListed int
	// Found, when set, is called with every finding, listed or not, from one
	// goroutine. Those of single records come as they are read, those of the chain
	// at the end.
	Found func(Finding)
	// Progress, when set, is called now and then, from the same goroutine.
	Progress func(Progress)
	// Scratch are up to three places for what must be remembered of each record;
	// memory is used for those that are missing.
	Scratch []Scratch
}

// Progress is how far an audit has come.
type Progress struct {
	Records  int64
	Findings int64
	Linking  bool // all records are read; the chain is being put together
}

// Place says where in the input a record stands. All but Record, Line and Input
// is what the record claims.
type Place struct {
	Record    int64  // number in the input, from 1
	Input     string // as [bundle.Raw].Input
	Line      int64  // 0 where there are no lines
	SessionID string
	KID       string
	ThisHash  string
}

// Finding is one thing that is wrong with a ledger, or odd.
type Finding struct {
	Check   CheckID // of a single record; "" for a finding about the chain
	Status  Status  // Fail, Warn, or NotRun for what could not be judged
	Code    Code
	Place   Place
	Others  []Place // the other records that it is about
	Message string
	// Expected and Actual are what was compared; Hint is what to do, or why, as
	// far as that is proven; Pointer leads into the record (RFC 6901).
	Expected, Actual, Hint, Pointer string
	// Region is where the member of Pointer stands in the record's own bytes, of
	// which Place.Line is the first line where there are lines; zero for findings
	// about the chain.
	Region canonical.Region
	// Known: the audit before has reported it too.
	Known bool
}

// The codes of findings about the chain.
const (
	// RecordMissing: a record names a predecessor that is not there.
	RecordMissing Code = "record_missing"
	// LedgerFork: several records name one predecessor.
	LedgerFork Code = NoteFork
	// GenesisRepeated: several records claim to be the first.
	GenesisRepeated Code = "genesis_repeated"
	// GenesisMissing: no record claims to be the first.
	GenesisMissing Code = "genesis_missing"
	// RecordReplaced: a record stands where its session's first one was.
	RecordReplaced Code = "record_replaced"
	// RecordDuplicate: one record is there twice.
	RecordDuplicate Code = "record_duplicate"
	// SessionDuplicate: one session has several records.
	SessionDuplicate Code = "session_duplicate"
	// ArtifactReused: one artifact stands under several sessions.
	ArtifactReused Code = "artifact_reused"
	// SignedTimeBack: the signed time is before the predecessor's.
	SignedTimeBack Code = "signed_time_back"
	// LedgerTimeBack: the order by ledger.created_at is not that of the links.
	LedgerTimeBack Code = "ledger_time_back"
	// OlderGeneration: a record of v0.1 to v0.3, held to its own formula.
	OlderGeneration Code = NoteOldGeneration
	// HeadNotVerified: the signature of the last record does not hold.
	HeadNotVerified Code = "head_not_verified"

	// What contradicts the audit before.
	HistoryRewritten Code = "history_rewritten"
	HistoryTruncated Code = "history_truncated"
	HistoryMoved     Code = "history_moved"
	HistoryForked    Code = "history_forked"
	// EarlierFindings of the audit before, which this one did not look for again.
	EarlierFindings Code = "earlier_findings"
	// PastNotInOrder: records that Since covers can't be told from new ones.
	PastNotInOrder Code = "past_not_in_order"
	// PastSealsChanged: signatures or kids of records that Since covers are others now.
	PastSealsChanged Code = "past_seals_changed"
	// PastNotGiven: the records of the audit before are not in this input, so
	// nothing can be said about them.
	PastNotGiven Code = "past_not_given"
	// OtherLedger: the audit before was of another ledger.
	OtherLedger Code = "other_ledger"
	// TrustChanged: keys, pins or revocations are not those of the audit before, and
	// the records before its end are not in this input.
	TrustChanged Code = "trust_changed"

	LedgerEmpty Code = "ledger_empty"
	Interrupted Code = "interrupted"
)

// ErrInterrupted is the error for a sequence of records to end with when
// somebody does not want to wait.
var ErrInterrupted = errors.New("interrupted")

// KeySpan is what one key signed, or is claimed to have.
type KeySpan struct {
	KID         string
	Found       bool
	Thumbprint  jwks.Thumbprint
	Window      jwks.Window // in which the key may sign, as of now
	Records     int64
	First, Last int64 // record numbers
	From, To    time.Time
}

// GenerationCount counts the records of one generation, and those of them whose
// this_hash follows from their content by its formula.
type GenerationCount struct{ Records, Hashed int64 }

// Head is the last record of the chain.
type Head struct {
	Place
	Position int64 // in the chain, from 1
	SignedAt time.Time
	Verified bool // the record, its signature included, in this run
}

// LedgerReport is what is known about one ledger. A zero LedgerReport is
// inconclusive.
type LedgerReport struct {
	Records   int64 // that were read, malformed ones too
	Sessions  int64
	ByVerdict map[Verdict]int64 // of the records by themselves
	// Signatures is SignaturesHead also when those of this run were all verified,
	// and those before Since never were.
	Signatures  SignatureMode
	Verifieds   int64 // signatures that were verified in this run and hold
	Engine      Engine
	Generations map[bundle.Generation]GenerationCount
	// Hashed counts the records whose this_hash follows from their content.
	Hashed    int64
	Keys      []KeySpan
	From, To  time.Time // signed times
	Timeline  Timeline
	Head      Head
	Ends      int // records that nothing follows; 1 in a sound ledger
	Unordered bool
	Since     *Checkpoint
	Listed    []Finding
	Counts    map[Code]int64
	Statuses  map[Code]Status // the worst of each code
	// Contradiction is set beside a history_… finding.
	Contradiction *Contradiction

	complete bool
	findings [Skip + 1]int64 // by status
	headRaw  []byte
	origin   string
	marks    []Mark
	known    []KnownFinding
	// carried are findings of the audit before that were not looked for again.
	carried      []KnownFinding
	startsAtHead bool
	rechecked    bool
	continues    bool // the first record follows Since's head
	stands       bool // Since's head stands where it stood
	seals        string
	part         bool // positions count from a record that is not the ledger's first
	trust        Trust
	mayLack      string
}

// MayLack returns what the caller said that the input may lack; see
// [LedgerOptions].
func (r *LedgerReport) MayLack() string { return r.mayLack }

// PastStands reports whether the head of the audit before was seen to stand where it
// stood.
func (r *LedgerReport) PastStands() bool { return r.stands }

// Continues reports whether the input goes on right after the head of the audit
// before, without its records.
func (r *LedgerReport) Continues() bool { return r.continues }

// Total returns the number of findings.
func (r *LedgerReport) Total() (n int64) {
	for _, c := range r.Counts {
		n += c
	}
	return n
}

// Verdict returns the outcome: Failed when some record or the chain failed, else
// Malformed when there was no record or something is none, else Unreadable when
// something could not be read, else Inconclusive
// when something could not be judged or not all was read.
func (r *LedgerReport) Verdict() Verdict {
	switch {
	case r.findings[Fail] > 0:
		return Failed
	case r.ByVerdict[Malformed] > 0 || r.complete && r.Records == 0:
		return Malformed
	case r.ByVerdict[Unreadable] > 0:
		return Unreadable
	case !r.complete || r.findings[NotRun] > 0 || r.ByVerdict[Inconclusive] > 0 || r.ByVerdict[Failed] > 0 || !r.Head.Verified:
		return Inconclusive
	}
	return Verified
}

// unread is how many records could not be read as what they should be.
func (r *LedgerReport) unread() int64 { return r.ByVerdict[Malformed] + r.ByVerdict[Unreadable] }

// Complete reports whether all records were read and the chain was put together.
func (r *LedgerReport) Complete() bool { return r.complete }

// StartsAtHead reports whether the records before the earlier audit's head were
// not given.
func (r *LedgerReport) StartsAtHead() bool { return r.startsAtHead }

// Rechecked reports whether every signature was verified in this run, though an
// earlier audit was given.
func (r *LedgerReport) Rechecked() bool { return r.rechecked }

// LedgerNotVerifiedError is the error of [LedgerReport.Err].
type LedgerNotVerifiedError struct{ Report *LedgerReport }

// Error returns the verdict and the number of findings.
func (e *LedgerNotVerifiedError) Error() string {
	return fmt.Sprintf("ledger not verified: %s (%d findings)", e.Report.Verdict(), e.Report.Total())
}

// Err returns nil for a verified ledger, and a [*LedgerNotVerifiedError] for
// every other.
func (r *LedgerReport) Err() error {
	if r.Verdict() == Verified {
		return nil
	}
	return &LedgerNotVerifiedError{r}
}

// Ledger verifies a whole ledger: every record as [Verifier.Bundle] does, and
// their chain. The records may come in any order; they are put in order by their
// links. It reads the records on the calling goroutine and judges them on
// others. The report is never nil. A sequence that ends in an error can't give
// Verified.
//
// The policy's Previous is the this_hash before the ledger's first record, when
// it is known that the ledger goes on from there. SessionID does not apply.
func (v *Verifier) Ledger(records iter.Seq2[bundle.Raw, error], o LedgerOptions) *LedgerReport {
	o.Signatures = cmp.Or(o.Signatures, SignaturesAll)
	o.MaxListed = cmp.Or(o.MaxListed, 100)
	policy := v.policy
	policy.Previous, policy.SessionID = "", ""
	a := &audit{
		Verifier: &Verifier{policy: policy, checks: v.checks}, options: o, profiles: policy.profiles(),
		always: fullChecksOnly || len(policy.Require) > 0 || policy.Rules != nil, known: map[string]*trusted{},
	}
	l := newLedger(a, o)
	l.previous = v.policy.Previous
	a.begin = l.begin
	err := a.run(records, l.take)
	l.finish(err)
	return l.report
}

func newLedger(a *audit, o LedgerOptions) *ledger {
	scratch := append(slices.Clone(o.Scratch), nil, nil, nil)
	l := &ledger{
		audit: a,
		report: &LedgerReport{
			Signatures: o.Signatures, Engine: EngineFixedKey, ByVerdict: map[Verdict]int64{}, Generations: map[bundle.Generation]GenerationCount{},
			Counts: map[Code]int64{}, Statuses: map[Code]Status{}, Since: o.Since,
		},
		links:   &links{seed: maphash.MakeSeed(), index: &index{rows: newTape(scratch[0]), texts: newTape(scratch[1])}},
		doubles: newDoubles(scratch[2]),
		known:   o.Since.digests(),
	}
	if o.Stdlib || fips140.Enabled() {
		l.report.Engine = EngineStdlib
	}
	l.report.startsAtHead, l.report.mayLack = o.StartsAtHead, bounded(o.MayLack)
	if o.StartsAtHead && o.Since != nil {
		l.links.offset = o.Since.Count - 1
	}
	return l
}

// begin decides, by the first record, what the audit before has settled. It runs
// before any record is judged. The signatures that the audit before verified are
// left out only where the input begins where that one's did, and where keys, pins
// and revocations are the same: trust is judged as of now, for old records too.
func (l *ledger) begin(data []byte) {
	r, s, o := l.report, l.options.Since, l.options
	if s == nil {
		l.startSeals()
		return
	}
	trusted := s.Trust.covers(l.policy)
	if first, err := bundle.Parse(data); err == nil {
		r.continues = first.Entry.PrevHash == s.Head
		if !o.Whole && !o.StartsAtHead && trusted && s.Seals != "" && first.Entry.ThisHash == s.Origin {
			l.past = s.Count
		}
	}
	l.startSeals()
	r.rechecked = !o.StartsAtHead && !r.continues && l.past == 0
	if s.Signatures == SignaturesHead && !r.rechecked {
		r.Signatures = SignaturesHead // of the records before, no signature was ever verified
	}
	if !trusted && (o.StartsAtHead || r.continues) {
		l.found(Finding{Status: NotRun, Code: TrustChanged,
			Message: "keys, pins or revocations are not those of the audit before, and the records before its end are not read again",
			Hint:    "audit the whole ledger anew, so that every record is held to the trust of today"})
	}
}

// hashesOnly reports whether a record's signature is left out in this run.
func (a *audit) hashesOnly(number int64) bool {
	return a.options.Signatures == SignaturesHead || number <= a.past
}

// keyUnjudged reports whether a record's key is left out as well. Of records that
// an audit before verified it is not: whose key it is, and whether it was revoked,
// is judged as of now.
func (a *audit) keyUnjudged() bool { return a.options.Signatures == SignaturesHead }
