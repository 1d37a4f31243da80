package state

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/verify"
)

// EvidenceSchemaID names the format of evidence files.
const EvidenceSchemaID = "qodverify/evidence/v1"

// Evidence shows that a ledger is not what it was: the record that ended an
// audit, and the one that stands in its place now, both as they were read. Both
// are signed, so whoever has the operator's keys can check them without either
// ledger. That they stood at their positions is the auditor's word, and proves
// nothing to others. Only where both name one predecessor, by one key, do the two
// signatures alone prove that the signer has two histories.
type Evidence struct {
	Schema  string  `json:"schema"`
	Tool    Tool    `json:"tool"`
	Code    string  `json:"code"`
	FoundAt string  `json:"found_at"` // RFC 3339, by the auditor's clock
	Before  Version `json:"before"`
	Now     Version `json:"now"`
	// Intact is the last position known to be unchanged, Changed the first known
	// to be changed; 0 where nothing is known.
	Intact  int64  `json:"intact"`
	Changed int64  `json:"changed"`
	SHA256  string `json:"sha256"` // of this document with an empty sha256
}

// Version is one of the two records.
type Version struct {
	Ledger   string `json:"ledger"` // its [PublicName]
	At       string `json:"at"`     // when it was read
	Position int64  `json:"position"`
	ThisHash string `json:"this_hash"`
	Record   string `json:"record"` // as it was read; "" when it was not kept
}

// NewEvidence returns the evidence for a contradiction with an earlier state.
func NewEvidence(tool Tool, before *File, ledger string, now time.Time, c *verify.Contradiction) *Evidence {
	at := now.UTC().Format(time.RFC3339)
	return &Evidence{
		Schema: EvidenceSchemaID, Tool: tool, Code: string(c.Code), FoundAt: at,
		Before: Version{PublicName(before.Ledger), before.AuditedAt, before.Count, before.Head, before.Record},
		Now:    Version{PublicName(ledger), at, c.Position, c.Found.ThisHash, string(c.Record)},
		Intact: c.Intact, Changed: c.Changed,
	}
}

// Save writes the evidence in one step.
func (e *Evidence) Save(name string) error {
	e.SHA256 = ""
	var err error
	if e.SHA256, err = sum(e); err != nil {
		return err
	}
	return write(name, e)
}

// LoadEvidence reads an evidence file.
func LoadEvidence(name string) (*Evidence, error) {
	e := &Evidence{}
	if err := read(name, e, kind.Evidence); err != nil {
		return nil, err
	}
	if e.Schema != EvidenceSchemaID {
		return nil, fmt.Errorf("its schema is %q, not %s", e.Schema, EvidenceSchemaID)
	}
	unsigned := *e
	unsigned.SHA256 = ""
	if want, err := sum(&unsigned); err != nil || e.SHA256 != want {
		return nil, errors.New("it is damaged: its checksum does not fit")
	}
	return e, nil
}

// Outcome is what an evidence file shows. The zero Outcome is Undecided.
type Outcome uint8

// The outcomes.
const (
	Undecided Outcome = iota // a record could not be verified, for want of a key for instance
	Proven                   // the signatures alone prove that the signer has two histories
	OnWord                   // both records are the signer's; what they contradict is the auditor's word
	Refuted                  // the file contradicts itself, or a record is not the signer's
)

// String returns the outcome as reports spell it.
func (o Outcome) String() string {
	return [...]string{"inconclusive", "proven_by_signatures", "on_the_auditors_word", "refuted"}[o]
}

// Judgement is what an evidence file proves.
type Judgement struct {
	Before, Now *verify.Report // of the two records; nil for one that was not kept
	Outcome     Outcome
	Why         []string // why it is not proven
}

// codes are those of findings that an audit writes evidence for, or once did.
var codes = []verify.Code{verify.HistoryRewritten, verify.HistoryForked, verify.HistoryTruncated, verify.HistoryMoved}

// Judge checks the evidence with the operator's keys. Whoever kept the file may
// have made it up: whatever it says of positions and codes is held to what the two
// records say, and believed no further than that.
func (e *Evidence) Judge(v *verify.Verifier) *Judgement {
	j := &Judgement{}
	before := j.judge(v, e.Before, "before", &j.Before)
	gone := verify.Code(e.Code) == verify.HistoryTruncated && e.Now.Position == 0 && e.Now.Record == ""
	var now *bundle.Bundle
	if !gone {
		now = j.judge(v, e.Now, "now", &j.Now)
	}
	refute := func(format string, args ...any) {
		j.Outcome, j.Why = Refuted, append(j.Why, fmt.Sprintf(format, args...))
	}
	if !slices.Contains(codes, verify.Code(e.Code)) {
		refute("%q is not a finding that there is evidence for", e.Code)
	}
	e.positions(refute)
	if before != nil && now != nil {
		e.relations(before, now, refute)
	}
	switch {
	case j.Outcome == Refuted || len(j.Why) > 0:
	case gone || now.Entry.PrevHash != before.Entry.PrevHash:
		j.Outcome = OnWord
		j.Why = append(j.Why, "where the records stood, and what is not in the ledger, is the word of whoever kept the state")
	case now.Entry.PrevHash == bundle.Genesis:
		j.Outcome = OnWord
		j.Why = append(j.Why, "both are the first records of a ledger, and every ledger starts after "+bundle.Genesis+": that they are of one ledger is the word of whoever kept the state")
	case j.Before.Key().Thumbprint != j.Now.Key().Thumbprint:
		j.Outcome = OnWord
		j.Why = append(j.Why, "the records are signed by two keys: that both belong to one signer is not shown")
	default:
		j.Outcome = Proven
	}
	return j
}

// positions holds the file's numbers to its own code.
func (e *Evidence) positions(refute func(string, ...any)) {
	code, before, now := verify.Code(e.Code), e.Before.Position, e.Now.Position
	switch {
	case before < 1 || now < 0:
		refute("a position is not a number from 1")
	case code == verify.HistoryTruncated && now >= before:
		refute("the ledger does not end earlier than it did")
	case code == verify.HistoryRewritten && now > before:
		refute("the record that stands there now stands behind the one that it is said to replace")
	}
	if e.Intact < 0 || e.Changed < 0 || e.Intact >= before || e.Changed > before || e.Changed > 0 && e.Changed <= e.Intact {
		refute("the positions that are said to be unchanged and changed do not fit")
	}
}

// relations holds what the file says of the two records to their links.
func (e *Evidence) relations(before, now *bundle.Bundle, refute func(string, ...any)) {
	cut := verify.Code(e.Code) == verify.HistoryTruncated
	switch b, n := before.Entry, now.Entry; {
	case b.ThisHash == n.ThisHash:
		refute("both records are the same")
	case n.PrevHash == b.ThisHash:
		refute("the second record follows the first: they stand in one ledger")
	case b.PrevHash == n.ThisHash && !(cut && e.Now.Position == e.Before.Position-1):
		refute("the first record follows the second: they stand in one ledger, one position apart")
	case b.PrevHash == bundle.Genesis && e.Before.Position != 1 || n.PrevHash == bundle.Genesis && e.Now.Position != 1:
		refute("a record that follows %s is the first, and is said to stand elsewhere", bundle.Genesis)
	case b.PrevHash == n.PrevHash && e.Now.Position != e.Before.Position:
		refute("both records follow one predecessor, and are said to stand at different positions")
	}
}

func (j *Judgement) judge(v *verify.Verifier, version Version, name string, into **verify.Report) *bundle.Bundle {
	why := func(format string, args ...any) { j.Why = append(j.Why, fmt.Sprintf(format, args...)) }
	if version.Record == "" {
		why("the record %q was not kept", name)
		return nil
	}
	b, err := bundle.Parse([]byte(version.Record))
	if err != nil {
		*into, j.Outcome = verify.MalformedReport(err), Refuted
		why("the record %q is not a bundle: %v", name, err)
		return nil
	}
	*into = v.Bundle(b)
	// Of a record without its artifact, as a database alone has it, hash and signature
	// show all the same that it is the signer's.
	if err, verdict := (*into).Err(), (*into).Verdict(); err != nil && !(verdict == verify.Inconclusive && (*into).Proven()) {
		why("the record %q: %v", name, err)
		if verdict == verify.Failed || verdict == verify.Malformed || verdict == verify.Unreadable {
			j.Outcome = Refuted
		}
	}
	if b.Entry.ThisHash != version.ThisHash {
		j.Outcome = Refuted
		why("the record %q has another hash than the file says", name)
	}
	return b
}
