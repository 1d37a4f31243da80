package verify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/jwks"
)

// Rules are what the caller expects of a proof beyond its integrity. Each rule
// that is set is a check "policy.…" and is then required; the zero value sets
// none. No rule can switch a check of integrity off.
type Rules struct {
	// Name is for reports.
	Name string
	// Keys, when not empty, are the only keys whose signature counts, each in its
	// time.
	Keys []KeyRule
	// KID, Issuer, SessionID and QoSProfile are compared exactly, but for the
	// spelling of a UUID (bundle.NormalSessionID). A proof that
	// does not name its issuer does not meet a rule on it. QoSProfile is the
	// session's CAMARA profile or, where the proof has none, the original's.
	KID, Issuer, SessionID, QoSProfile string
	// Canonical is the canonical profile under which the hashes must match.
	Canonical canonical.Profile
	// MaxAge is how old the proof may be at [Policy.At], by its signed time; 0 sets
	// no bound. NotFuture refuses one that is signed more than Skew after At, and
	// so does MaxAge.
	MaxAge, Skew time.Duration
	NotFuture    bool
	// MinSamples and MinProbes are how much must have been measured.
	MinSamples, MinProbes int64
	// Telemetry is what the proof must show of its samples.
	Telemetry TelemetryRule
	// Latency and Jitter are held to the pooled delays again.
	Latency, Jitter *Target
	// MaxLossPPM, when set, is how many probes of a million may be lost.
	MaxLossPPM *int64
	// Limits are those that the provider publishes for its CAMARA profiles, by
	// name. A session of no listed profile does not meet the rule.
	Limits map[string]Limits
	// MinAvailablePPM is how much of the measured time must lie inside AVAILABLE,
	// in millionths.
	MinAvailablePPM int64
	// Require lists checks that must pass, each of which may otherwise be skipped.
	Require []CheckID
	// Claims says what a warning of a claims check means; [Bear] is the default.
	Claims map[CheckID]Treatment
}

// KeyRule is a key with the time in which it may have signed.
type KeyRule struct {
	Thumbprint jwks.Thumbprint
	KID        string    // "" means any
	NotBefore  time.Time // zero means no bound
	NotAfter   time.Time // zero means no bound; the instant itself is outside
}

// TelemetryRule is what a proof must show of its samples.
type TelemetryRule uint8

// The rules on samples.
const (
	AnyTelemetry TelemetryRule = iota
	Committed                  // the proof commits to them, and what it says follows
	Disclosed                  // they are there as well, all of them
)

// Treatment is what a warning means.
type Treatment uint8

// The treatments.
const (
	Bear   Treatment = iota // it stays a warning
	Refuse                  // it fails policy.claims
	Ignore                  // it is not told
)

// Target is a bound on pooled delays at a percentile. The zero Target of latency
// is the strictest: the agreed target, with lost probes counted as never arrived.
type Target struct {
	// MilliPercent is the percentile in thousandths of a percent: 95000 is p95. 0
	// means p95 for latency, p99 for jitter.
	MilliPercent int64
	// Max is the bound in nanoseconds, 0 the agreed one.
	Max int64
	// AllowLost leaves lost probes out of a latency percentile.
	AllowLost bool
	// AllowAverage takes the proof's average of percentiles where it commits to no
	// delays, at p95 for latency and at any percentile for jitter.
	AllowAverage bool
}

// Limits are those of a CAMARA QoS profile, by its names. Zero sets no limit.
type Limits struct {
	PacketDelayBudget time.Duration // one way, to the gateway of the operator's network
	// BeyondOperator is how much of a round trip lies beyond that gateway. Without
	// it, a round trip of more than twice the budget is not decided.
	BeyondOperator *time.Duration
	Jitter         time.Duration // of round trips at the 99th percentile
	// PacketErrorLossRate is an exponent: 3 means that up to 10^-3 may be lost.
	PacketErrorLossRate int
}

// checks returns the ids of the rules that are set.
func (r *Rules) checks() (ids []CheckID) {
	if r == nil {
		return nil
	}
	for _, x := range []struct {
		id  CheckID
		set bool
	}{
		{PolicyKey, len(r.Keys) > 0}, {PolicyKID, r.KID != ""}, {PolicyIssuer, r.Issuer != ""}, {PolicySession, r.SessionID != ""},
		{PolicyQoSProfile, r.QoSProfile != ""}, {PolicyCanonical, r.Canonical != canonical.Unspecified},
		{PolicyAge, r.MaxAge > 0 || r.NotFuture}, {PolicySamples, r.MinSamples > 0 || r.MinProbes > 0},
		{PolicyTelemetry, r.Telemetry != AnyTelemetry}, {PolicyLatency, r.Latency != nil}, {PolicyJitter, r.Jitter != nil},
		{PolicyLoss, r.MaxLossPPM != nil}, {PolicyLimits, len(r.Limits) > 0}, {PolicyAvailable, r.MinAvailablePPM > 0},
		{PolicyRequire, len(r.Require) > 0}, {PolicyClaims, len(r.Claims) > 0},
	} {
		if x.set {
			ids = append(ids, x.id)
		}
	}
	return ids
}

// RuleChecks returns the checks that rules make.
func RuleChecks(r *Rules) []CheckID { return r.checks() }

// has reports whether a rule is set.
func (r *Rules) has(id CheckID) bool { return slices.Contains(r.checks(), id) }

// validate refuses rules that mean nothing.
func (r *Rules) validate(at time.Time) error {
	if r == nil {
		return nil
	}
	if r.has(PolicyAge) && at.IsZero() {
		return errors.New("policy: a rule on the proof's age needs the time to judge it at")
	}
	if r.MaxAge < 0 || r.Skew < 0 || r.MinSamples < 0 || r.MinProbes < 0 || r.MinAvailablePPM < 0 || r.MinAvailablePPM > 1_000_000 {
		return errors.New("policy: a bound is negative, or more than all")
	}
	if r.Canonical != canonical.Unspecified && r.Canonical != canonical.QodMock && r.Canonical != canonical.JCS {
		return fmt.Errorf("policy: %s is no profile for current proofs", r.Canonical)
	}
	if r.MaxLossPPM != nil && (*r.MaxLossPPM < 0 || *r.MaxLossPPM > 1_000_000) {
		return errors.New("policy: the loss allowed is negative, or more than all")
	}
	for _, t := range []*Target{r.Latency, r.Jitter} {
		if t != nil && (t.MilliPercent < 0 || t.MilliPercent > 100_000 || t.Max < 0) {
			return errors.New("policy: a percentile is not of 0 to 100, or a bound is negative")
		}
	}
	for _, k := range r.Keys {
		if !k.NotAfter.IsZero() && !k.NotBefore.Before(k.NotAfter) {
			return fmt.Errorf("policy: the key %s is never valid", k.Thumbprint)
		}
	}
	for _, id := range r.Require {
		switch {
		case !slices.Contains(Checks(), id):
			return fmt.Errorf("policy: required check %q does not exist", id)
		case id == PolicyRequire:
			return fmt.Errorf("policy: %q can't require itself", id)
		case slices.Contains(PolicyChecks(), id) && !r.has(id):
			return fmt.Errorf("policy: required check %q needs a rule, and there is none", id)
		}
	}
	if r.MinSamples > telemetry.MaxSamples || r.MinProbes > telemetry.MaxPooled {
		return errors.New("policy: more samples or probes are required than a proof can have")
	}
	if err := r.reachable(); err != nil {
		return err
	}
	for id := range r.Claims {
		if !isClaim(id) {
			return fmt.Errorf("policy: %q is no check of claims: it can't be treated otherwise", id)
		}
	}
	return nil
}

// reachable refuses rules on the key that no record can meet together.
func (r *Rules) reachable() error {
	if r.KID == "" || len(r.Keys) == 0 {
		return nil
	}
	for _, k := range r.Keys {
		if k.KID == "" || k.KID == r.KID {
			return nil
		}
	}
	return fmt.Errorf("policy: the kid must be %q, and every key is listed under another", r.KID)
}

func isClaim(id CheckID) bool { return slices.Contains(ClaimChecks(), id) }

// ClaimChecks returns the checks whose warnings a policy may treat.
func ClaimChecks() []CheckID {
	return []CheckID{ClaimsConstants, ClaimsJitterTarget, ClaimsQoSStatus, ClaimsClamp, ClaimsTimes, ClaimsPercentile, ClaimsWindow}
}
