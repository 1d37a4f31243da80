package verify

import (
	"fmt"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// ledgerLink: prev_hash is the this_hash of a predecessor that was given.
func (r *run) ledgerLink() ([]Check, error) {
	b := r.bundle
	c := Check{Status: Skip, Actual: b.Entry.PrevHash, Pointer: b.EntryPointer("prev_hash")}
	before, inBatch := r.predecessor()
	switch want := r.policy.Previous; {
	case inBatch:
		c.Status, c.Code, c.Expected, c.Pointer = Pass, OK, b.Entry.PrevHash, ""
		c.Message = fmt.Sprintf("prev_hash is the this_hash of session %s, whose own record holds", before)
	case want != "" && want == b.Entry.PrevHash:
		c.Status, c.Code, c.Expected, c.Pointer = Pass, OK, want, ""
		c.Message = "prev_hash is the hash of the predecessor that was given"
	case want != "":
		c.Status, c.Code, c.Expected = Fail, LedgerChainBroken, want
		c.Message = "prev_hash is not the hash of the predecessor that was given"
	case b.Entry.PrevHash == bundle.Genesis:
		c.Code, c.Message = FirstRecord, "the record claims to be the first of its ledger; only the ledger can show that"
		c.Hint = "give --previous GENESIS if it must be the first, or check it together with the ledger"
	default:
		c.Code, c.Message = NoPredecessor, "position in the ledger: not checked, no predecessor was given"
		c.Hint = "give --previous FILE or HASH, or the neighbouring bundles, or the ledger"
	}
	return []Check{c}, nil
}

// genuine reports whether the record's own hash and signature hold, apart from
// every other check: only such a record can be a predecessor.
func (r *run) genuine() bool {
	if r.formulas.ledger == canonical.Unspecified {
		return false
	}
	if !r.bundle.Generation.Signed() {
		return true // no signature to hold; the link is by hash alone, as in all of v0.1
	}
	key, err := r.policy.Keys.Lookup(r.bundle.Entry.KID)
	if err != nil {
		return false
	}
	sig, err := decodeSignature(r.bundle.Entry.Signature)
	return err == nil && key.Verify([]byte(r.bundle.Entry.ThisHash), sig)
}

// maxRivals bounds how many records of a fork one report names.
const maxRivals = 8

// fork notes that other genuine records of the same run have the same
// predecessor. Each may verify by itself; together they are several histories.
func (r *run) fork() {
	for _, other := range r.rivals() {
		r.report.notes = append(r.report.notes, Note{Code: NoteFork, Pointer: r.bundle.EntryPointer("prev_hash"),
			Message: fmt.Sprintf("the ledger forks here: the record of session %s names the same predecessor", other)})
	}
}

// guardedGenuine is genuine for a bundle that has not been judged yet.
func (r *run) guardedGenuine() (genuine bool, err error) {
	_, err = r.guarded(check{run: func(r *run) ([]Check, error) { genuine = r.genuine(); return nil, nil }})
	return genuine, err
}
