package verify

import (
	"fmt"
	"slices"

	"github.com/qodverify/qodverify/bundle"
)

// Chain is what several reports say together. Only records whose hash and signature
// are proven by a trusted key count: what contradicts a signer must be his own.
type Chain struct {
	Records int // different ones
	// Pieces are runs of records each of which follows the one before it. Between two
	// pieces at least one record is not there, which is no fault: who holds a few
	// proofs of a ledger does not hold the rest.
	Pieces int
	// FromStart: one of the pieces begins with the ledger's first record.
	FromStart bool
	Forks     []Rivals // different records that follow one
	Sessions  []Rivals // different records of one session
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

// Missing is how many records are missing between the pieces, at the least.
func (c *Chain) Missing() int { return max(0, c.Pieces-1) }

// String tells pieces and gaps in words.
func (c *Chain) String() string {
	if c.Records == 0 {
		return "no record is proven, so none was held to another"
	}
	pieces := "one piece of the ledger"
	if c.Pieces > 1 {
		missing := "one record is"
		if n := c.Missing(); n > 1 {
			missing = fmt.Sprintf("%d records are", n)
		}
		pieces = fmt.Sprintf("%d pieces of the ledger, between which at least %s missing", c.Pieces, missing)
	}
	return fmt.Sprintf("%d different records are %s; only an audit of the whole ledger shows that none is missing", c.Records, pieces)
}

// ChainOf holds reports to each other. Reports on what is no proven record of
// generation v0.4 are passed over.
func ChainOf(reports []*Report) *Chain {
	c := &Chain{}
	first := map[string]int{} // by this_hash
	followers, sessions := map[string][]int{}, map[string][]int{}
	var hashes []string
	for i, r := range reports {
		s := r.Subject()
		if !r.Proven() || first[s.ThisHash] > 0 {
			continue
		}
		first[s.ThisHash] = i + 1
		hashes = append(hashes, s.ThisHash)
		if s.PrevHash != bundle.Genesis {
			followers[s.PrevHash] = append(followers[s.PrevHash], i)
		} else {
			c.FromStart = true
		}
		session := bundle.NormalSessionID(s.SessionID)
		sessions[session] = append(sessions[session], i)
	}
	c.Records = len(hashes)
	for _, hash := range hashes {
		s := reports[first[hash]-1].Subject()
		if first[s.PrevHash] == 0 {
			c.Pieces++
		}
		if rivals := followers[s.PrevHash]; len(rivals) > 1 && rivals[0] == first[hash]-1 {
			c.Forks = append(c.Forks, Rivals{Of: s.PrevHash, Reports: rivals, Contradict: true})
		}
		if rivals := sessions[bundle.NormalSessionID(s.SessionID)]; len(rivals) > 1 && rivals[0] == first[hash]-1 {
			c.Sessions = append(c.Sessions, Rivals{Of: s.SessionID, Reports: rivals, Contradict: differ(reports, rivals)})
		}
	}
	return c
}

// differ reports whether proofs of one session came to different results.
func differ(reports []*Report, of []int) bool {
	result := ""
	for _, i := range of {
		r := reports[i]
		if got := r.Subject().Result; r.Outcome(ArtifactHash) == Pass && got != "" {
			if result != "" && got != result {
				return true
			}
			result = got
		}
	}
	return false
}
