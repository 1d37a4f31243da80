package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/verify"
)

// EvidenceSchemaID names the format of evidence files.
const EvidenceSchemaID = "qodverify/evidence/v1"

// Evidence shows that a ledger is not what it was: the record that ended an
// audit, and the one that stands in its place now, both as they were read. Both
// are signed, so whoever has the operator's keys can check them without either
// ledger. That the first one stood at its position is the auditor's word, unless
// both name one predecessor: then the two signatures alone prove it.
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
	Ledger   string `json:"ledger"`
	At       string `json:"at"` // when it was read
	Position int64  `json:"position"`
	ThisHash string `json:"this_hash"`
	Record   string `json:"record"` // as it was read; "" when it was not kept
}

// NewEvidence returns the evidence for a contradiction with an earlier state.
func NewEvidence(tool Tool, before *File, ledger string, now time.Time, c *verify.Contradiction) *Evidence {
	at := now.UTC().Format(time.RFC3339)
	return &Evidence{
		Schema: EvidenceSchemaID, Tool: tool, Code: string(c.Code), FoundAt: at,
		Before: Version{before.Ledger, before.AuditedAt, before.Count, before.Head, before.Record},
		Now:    Version{ledger, at, c.Position, c.Found.ThisHash, string(c.Record)},
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
	if err := read(name, e); err != nil {
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

// Judgement is what an evidence file proves.
type Judgement struct {
	Before, Now *verify.Report // of the two records; nil for one that was not kept
	// Holds: both records are what the file says they are, are verified, and can't
	// both belong to the ledger as the file claims.
	Holds bool
	// BySignatures: both name one predecessor, so the signatures alone prove that
	// the ledger was forked.
	BySignatures bool
	Why          []string // why it does not hold
}

// Judge checks the evidence with the operator's keys.
func (e *Evidence) Judge(v *verify.Verifier) *Judgement {
	j := &Judgement{}
	before := j.judge(v, e.Before, "before", &j.Before)
	if verify.Code(e.Code) == verify.HistoryTruncated && e.Now.Position == 0 && e.Now.Record == "" {
		j.Holds = len(j.Why) == 0 // nothing is left of the ledger
		return j
	}
	now := j.judge(v, e.Now, "now", &j.Now)
	switch {
	case before == nil || now == nil:
	case before.Entry.ThisHash == now.Entry.ThisHash:
		j.Why = append(j.Why, "both records are the same")
	case before.Entry.PrevHash == now.Entry.PrevHash:
		j.BySignatures = true
	case verify.Code(e.Code) == verify.HistoryTruncated && e.Now.Position >= e.Before.Position:
		j.Why = append(j.Why, "the ledger does not end earlier than it did")
	}
	j.Holds = len(j.Why) == 0
	return j
}

func (j *Judgement) judge(v *verify.Verifier, version Version, name string, into **verify.Report) *bundle.Bundle {
	if version.Record == "" {
		j.Why = append(j.Why, fmt.Sprintf("the record %q was not kept", name))
		return nil
	}
	b, err := bundle.Parse([]byte(version.Record))
	if err != nil {
		*into = verify.MalformedReport(err)
		j.Why = append(j.Why, fmt.Sprintf("the record %q is no bundle: %v", name, err))
		return nil
	}
	*into = v.Bundle(b)
	if err := (*into).Err(); err != nil {
		j.Why = append(j.Why, fmt.Sprintf("the record %q: %v", name, err))
	}
	if b.Entry.ThisHash != version.ThisHash {
		j.Why = append(j.Why, fmt.Sprintf("the record %q has another hash than the file says", name))
	}
	return b
}
