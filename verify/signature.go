package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
)

// signatureKey: the set has a usable key of exactly this kid, pinned where pins
// are given, valid when the proof says it was made.
func (r *run) signatureKey() ([]Check, error) {
	b := r.bundle
	c := Check{Pointer: b.EntryPointer("kid"), Actual: b.Entry.KID}
	if r.keyless {
		return r.notVerified(SignatureKey), nil
	}
	switch {
	case b.Generation.SharedSecret():
		return []Check{sharedSecret(c)}, nil
	case !b.Generation.Signed():
		c.Status, c.Code = Skip, UnsignedGeneration
		c.Message = fmt.Sprintf("records of generation %s are not signed", b.Generation)
		return []Check{c}, nil
	case b.Entry.KID == "":
		// Nothing protects kid, so its absence says nothing of the signer.
		c.Code, c.Message = KIDMissing, "the record names no key (kid is absent or empty)"
		return []Check{c}, nil
	}
	key, err := r.policy.Keys.Lookup(b.Entry.KID)
	var refused *jwks.RefusedKeyError
	switch {
	case errors.As(err, &refused):
		c.Code, c.Message = PublicKeyRefused, refused.Error()
		c.Hint = "ask the operator for a key set in which this key follows RFC 7517 and RFC 8037"
		return []Check{c}, nil
	case err != nil:
		c.Code, c.Message, c.Hint = r.keyMissing()
		return []Check{c}, nil
	}
	r.report.key.Found, r.report.key.Thumbprint, r.report.key.Public = true, key.Thumbprint(), key.Public
	r.report.key.Pinned = slices.Contains(r.policy.Pins, key.Thumbprint())
	if key.Source != "" {
		r.report.key.Source = key.Source
	}
	c = Check{Status: Pass, Code: OK, Message: "the key set has a usable Ed25519 key of this kid", Actual: key.Thumbprint().String()}
	findings := []Check{c}
	if len(r.policy.Pins) > 0 && !r.report.key.Pinned {
		c.Status, c.Code, c.Pointer = Fail, KeyNotPinned, b.EntryPointer("kid")
		c.Message = "the key of this kid is not one of the pinned keys"
		c.Expected = joinPins(r.policy.Pins)
		findings[0] = c
	}
	if w := r.keyWindow(key); w.Status != Pass {
		if findings[0].Status == Pass {
			return []Check{w}, nil
		}
		findings = append(findings, w)
	}
	return findings, nil
}

// sharedSecret is the finding of what would need a public key.
func sharedSecret(c Check) Check {
	c.Status, c.Code, c.Actual = NotRun, SharedSecret, ""
	c.Message = "the record is authenticated by a secret that its operator shares with nobody (HMAC-SHA256): nobody outside can check it"
	return c
}

func (r *run) keyMissing() (Code, string, string) {
	if r.policy.KeysErr != nil {
		return PublicKeyMissing, fmt.Sprintf("the public keys could not be read: %v", r.policy.KeysErr), "give the operator's key set with --jwks FILE or URL"
	}
	refused := r.policy.Keys.Refused()
	switch n := r.policy.Keys.Len(); {
	case r.policy.Keys == nil:
		message := "no public keys were given"
		if r.policy.KeysSought != "" {
			message += ": " + r.policy.KeysSought
		}
		return PublicKeyMissing, message, "give the operator's key set with --jwks FILE or URL; usually it is at https://HOST/.well-known/jwks.json"
	case n == 0 && len(refused) == 0:
		return PublicKeyMissing, "the key set that was given has no keys", "ask the operator for the key set that the service publishes"
	case n == 0:
		return PublicKeyMissing, fmt.Sprintf("none of the keys given (%d) can verify signatures: %s", len(refused), reasons(refused)),
			"ask the operator for a key set that follows RFC 7517 and RFC 8037"
	}
	var kids []string
	nameless := 0
	for k := range r.policy.Keys.All() {
		switch {
		case k.KID == "":
			nameless++
		case len(kids) < maxKeysTold:
			kids = append(kids, fmt.Sprintf("%q", clip(k.KID)))
		case len(kids) == maxKeysTold:
			kids = append(kids, "…")
		}
	}
	if len(kids) == 0 {
		return PublicKeyMissing, fmt.Sprintf("the keys given (%d) have no kid, so no record can name them", nameless),
			"ask the operator for the key set that the service publishes, with the kid of each key"
	}
	hint := "the set has " + strings.Join(kids, ", ")
	if nameless > 0 {
		hint += fmt.Sprintf(" and %d without a kid", nameless)
	}
	if len(refused) > 0 {
		hint += "; not usable: " + reasons(refused)
	}
	return PublicKeyMissing, "the key set has no key of this kid", hint + "; keys of past proofs must stay published"
}

// maxKeysTold bounds how many keys one finding names.
const maxKeysTold = 8

// reasons tells why keys were refused, the first few of them.
func reasons(refused []jwks.RefusedKeyError) string {
	var told []string
	for i := range refused {
		if i == 3 {
			told = append(told, fmt.Sprintf("and %d more", len(refused)-i))
			break
		}
		told = append(told, fmt.Sprintf("%q: %s", clip(refused[i].KID), refused[i].Reason))
	}
	return strings.Join(told, "; ")
}

func joinPins(pins []jwks.Thumbprint) string {
	s := make([]string, len(pins))
	for i, p := range pins {
		s[i] = p.String()
	}
	return strings.Join(s, " or ")
}

// keyWindow holds the key's validity to the time in the proof. That time is
// signed, and the ledger's created_at is not; but it is the signer's own claim.
func (r *run) keyWindow(key jwks.Key) Check {
	c := Check{Status: Pass, Pointer: "/proof/created_at", Actual: r.bundle.Proof.CreatedAt}
	if !key.Window.Bounded() {
		return c
	}
	t, ok := r.bundle.Proof.Time()
	if !ok {
		c.Status, c.Code = NotRun, SignedTimeMissing
		c.Message = "the key's validity is bounded, and the proof's created_at is no time to hold it to"
		return c
	}
	err := key.ValidAt(t)
	switch {
	case err == nil:
		return c
	case errors.Is(err, jwks.ErrCompromised):
		c.Status, c.Code = NotRun, KeyCompromised
		c.Hint = "only evidence of time from elsewhere (a later record under another key, a time stamp) can show that the proof is older than the compromise"
	case errors.Is(err, jwks.ErrNotYetValid):
		c.Status, c.Code = Fail, KeyNotYetValid
	case errors.Is(err, jwks.ErrExpired):
		c.Status, c.Code = Fail, KeyExpired
	default:
		c.Status, c.Code = Fail, KeyRevoked
	}
	c.Message = fmt.Sprintf("at the signed time: %v", err)
	if key.BoundElsewhere {
		c.Message += "; the set bounds the same key so under another kid, and a record's kid is not signed"
	}
	c.Expected = key.Window.String()
	return c
}

// decodeSignature reads the 86 characters of a signature.
func decodeSignature(s string) ([]byte, error) { return jwks.DecodeBase64URL(s, 64) }

// signature: Ed25519 by the key of this kid over the characters of this_hash.
func (r *run) signature() ([]Check, error) {
	b := r.bundle
	c := Check{Pointer: b.EntryPointer("signature")}
	if r.unsigned {
		return r.notVerified(Signature), nil
	}
	if b.Generation.SharedSecret() {
		return []Check{sharedSecret(c)}, nil
	}
	if !b.Generation.Signed() {
		c.Status, c.Code = Skip, UnsignedGeneration
		c.Message = fmt.Sprintf("records of generation %s are not signed", b.Generation)
		return []Check{c}, nil
	}
	switch {
	case !b.Entry.HasSignature:
		// Whoever passed the record on may have left it out.
		c.Code, c.Message = SignatureMissing, "the record has no signature"
		return []Check{c}, nil
	case b.Entry.Signature == "":
		c.Status, c.Code, c.Message = Fail, SignatureMissing, "the record's signature is empty"
		return []Check{c}, nil
	}
	sig, err := decodeSignature(b.Entry.Signature)
	if err != nil {
		c.Status, c.Code = Fail, SignatureMalformed
		c.Message = fmt.Sprintf("the signature is not 64 bytes of canonical base64url (RFC 7515 §2): %v", err)
		c.Expected, c.Actual = "86 characters A-Za-z0-9-_", b.Entry.Signature
		return []Check{c}, nil
	}
	key, err := r.policy.Keys.Lookup(b.Entry.KID)
	if err != nil {
		c.Code, c.Message = PublicKeyMissing, "not checked: there is no usable key of this kid"
		return []Check{c}, nil
	}
	holds := r.holds
	if !r.settled {
		holds = key.Verify([]byte(b.Entry.ThisHash), sig)
	}
	if !holds {
		c.Status, c.Code, c.Message = Fail, SignatureMismatch, "the signature does not fit this_hash under the key of this kid"
		return []Check{c}, nil
	}
	// The characters are what is signed; a hash in other characters, though it
	// be signed, is not the format's.
	if _, err := bundle.ParseDigest(b.Entry.ThisHash); err != nil {
		c.Status, c.Code, c.Message = Fail, HashMalformed, fmt.Sprintf("the signed text is no SHA-256 in lower-case hexadecimal: %v", err)
		return []Check{c}, nil
	}
	return []Check{{Status: Pass, Code: OK, Message: "Ed25519 over this_hash by the key of this kid"}}, nil
}

// notVerified is the finding of a check that an audit leaves out because the
// chain's head vouches for the record. The report then does not require it.
func (r *run) notVerified(id CheckID) []Check {
	r.report.waived = append(r.report.waived, id)
	return []Check{{Status: Skip, Code: NotInThisMode, Message: "not verified in this run: a later record's signature covers this one's hash"}}
}
