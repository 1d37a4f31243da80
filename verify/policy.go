package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
)

// Policy is what the caller trusts and expects. The zero Policy trusts no key
// and so verifies nothing.
type Policy struct {
	// Keys are the trusted keys. They must come from the caller: a key that
	// arrives with the evidence proves only that someone can sign.
	Keys *jwks.KeySet
	// KeySource says where Keys came from. It is copied into reports for people
	// to read and decides nothing.
	KeySource string
	// KeysErr says why there are no Keys, if they could not be had. It becomes
	// the finding of [SignatureKey].
	KeysErr error
	// KeysSought says where the caller looked for keys and found none. It is told with
	// that finding, and decides nothing.
	KeysSought string
	// Pins, when not empty, lists the only keys whose signature counts.
	Pins []jwks.Thumbprint
	// Profile fixes the canonical form. Unspecified tries qod-mock, then jcs;
	// the report names the one that matched.
	Profile canonical.Profile
	// Previous is the this_hash of the record before, or [bundle.Genesis] for a
	// record that must be the first. When set, [LedgerLink] is required.
	Previous string
	// SessionID, when set, is the session that the proof must be of, in any
	// spelling of its UUID ([bundle.NormalSessionID]). A genuine proof of another session is then
	// a contradiction.
	SessionID string
	// Require lists checks that must pass beside those that always must.
	Require []CheckID
	// Rules are what is expected beyond integrity; nil sets none.
	Rules *Rules
	// At is the time as of which Rules are judged. The library reads no clock.
	At time.Time
}

// validate refuses what would silently check less than the caller meant.
func (p Policy) validate() error {
	switch p.Profile {
	case canonical.Unspecified, canonical.QodMock, canonical.JCS:
	default:
		return fmt.Errorf("policy: %s is no profile for current proofs", p.Profile)
	}
	if p.Previous != "" {
		if err := bundle.CheckPrevHash(p.Previous); err != nil {
			return fmt.Errorf("policy: the previous hash is neither GENESIS nor a hash: %w", err)
		}
	}
	if err := p.Rules.validate(p.At); err != nil {
		return err
	}
	for _, id := range p.Require {
		if !slices.Contains(Checks(), id) {
			return fmt.Errorf("policy: required check %q does not exist", id)
		}
		if slices.Contains(PolicyChecks(), id) && !p.Rules.has(id) {
			return fmt.Errorf("policy: required check %q needs a rule, and there is none", id)
		}
	}
	return nil
}

// profiles returns the canonical forms to try, best first.
func (p Policy) profiles() []canonical.Profile {
	if p.Profile != canonical.Unspecified {
		return []canonical.Profile{p.Profile}
	}
	return []canonical.Profile{canonical.QodMock, canonical.JCS}
}
