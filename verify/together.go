package verify

import (
	"fmt"
	"slices"
)

// Chain is what several reports say together. Only records whose hash and signature
// are proven by a trusted key count: what contradicts a signer must be his own.
type Chain struct {
	Records int // different ones
	// Pieces are runs of records each of which follows the one before it.
	Pieces int
	// Gaps are the different records that pieces name as the one before them and that
	// are not there, which is no fault: who holds a few proofs of a ledger does not hold
	// the rest.
	Gaps int
	// Starts are the reports on the records that name those.
	Starts []int
	// Firsts are the reports on different records that say that they are the first of
	// their ledger. Two are of two ledgers, or of one that was begun anew.
	Firsts   []int
	Forks    []Rivals // different records that follow one
	Sessions []Rivals // different records of one session
}

// Rivals are records that can't all stand in one sound ledger.
type Rivals struct {
	Of      string // the predecessor's hash, or the session
	Reports []int  // which of the reports, in their order
	// Contradict: they can't all be true. Of records of one session it says that
	// their results differ.
	Contradict bool
}

// Contradiction reports whether the records contradict each other.
func (c *Chain) Contradiction() bool {
	contradicts := func(r Rivals) bool { return r.Contradict }
	return slices.ContainsFunc(c.Forks, contradicts) || slices.ContainsFunc(c.Sessions, contradicts)
}

// FromStart reports whether a piece begins with a ledger's first record.
func (c *Chain) FromStart() bool { return len(c.Firsts) > 0 }

// Missing is how many records are missing between the pieces, at the least. Of a part
// without a first record, one gap is the part's own beginning.
func (c *Chain) Missing() int {
	if c.FromStart() {
		return c.Gaps
	}
	return max(0, c.Gaps-1)
}

// String tells pieces and gaps in words.
func (c *Chain) String() string {
	what := fmt.Sprintf("%d different records are", c.Records)
	switch c.Records {
	case 0:
		return "no record is proven, so none was held to another"
	case 1:
		what = "the proven inputs are all one record,"
	}
	pieces := "one piece of the ledger"
	if c.Pieces > 1 {
		pieces = fmt.Sprintf("%d pieces of the ledger", c.Pieces)
	}
	switch n := c.Missing(); {
	case n == 1:
		pieces += ", between which at least one record is missing"
	case n > 1:
		pieces += fmt.Sprintf(", between which at least %d records are missing", n)
	}
	return what + " " + pieces + "; only an audit of the whole ledger shows that none is missing"
}

// ChainOf holds reports to each other, as [Batch.Chain] does.
func ChainOf(reports []*Report) *Chain {
	b := NewBatch(len(reports))
	for i, r := range reports {
		if s := r.Subject(); r.Proven() {
			b.name(i, s.ThisHash, s.PrevHash, s.SessionID)
		}
		b.Settle(i, r)
	}
	return b.Chain()
}
