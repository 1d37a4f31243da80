package verify

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"filippo.io/edwards25519"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/bundle/telemetry"
	"github.com/qodverify/qodverify/jwks"
)

// explain adds to failed findings why they failed, as far as that can be
// proven: each hint follows from a hash or a signature that was recomputed and
// did match, never from a guess. Findings and verdict stay as they are.
func (r *run) explain() {
	for i := range r.report.checks {
		c := &r.report.checks[i]
		if c.Status != Fail || c.Hint != "" {
			continue
		}
		switch c.ID {
		case ArtifactHash:
			c.Hint = r.explainArtifact(c)
		case LedgerHash:
			c.Hint = r.explainLedger(c)
		case Signature:
			c.Hint = r.explainSignature(c)
		case Consistency:
			c.Hint = r.explainConsistency(c)
		case TelemetrySamples:
			c.Hint = r.explainSamples(c)
		}
	}
}

func (r *run) explainArtifact(c *Check) string {
	b := r.bundle
	if c.Code != RuntimeHashMismatch {
		return explainUpperCase(c, b.Proof.ArtifactSHA256)
	}
	matches := func(v canonical.Value, p canonical.Profile) bool {
		d, err := bundle.ArtifactDigest(v, p)
		return err == nil && d.String() == b.Proof.ArtifactSHA256
	}
	if hint := r.explainForm(c, b.Artifact.Value, "/runtime_artifact", matches); hint != "" {
		return hint
	}
	if s := b.Artifact.SessionID; s != "" && s != b.Proof.SessionID {
		return fmt.Sprintf("the artifact is of session %s, and the proof is of session %s: it belongs to another proof", s, b.Proof.SessionID)
	}
	if r.report.Proven() {
		return "the proof, and with it the claimed hash, is genuinely signed: this file does not hold the artifact that was hashed, but an edited one, one that a tool rewrote, or another"
	}
	return ""
}

func (r *run) explainLedger(c *Check) string {
	b := r.bundle
	if c.Code != LedgerHashMismatch {
		if c.Pointer == b.EntryPointer("this_hash") {
			return explainUpperCase(c, b.Entry.ThisHash)
		}
		return explainUpperCase(c, b.Entry.PrevHash)
	}
	matches := func(v canonical.Value, p canonical.Profile) bool {
		d, err := bundle.LinkDigest(b.Entry.PrevHash, v, p)
		return err == nil && d.String() == b.Entry.ThisHash
	}
	if hint := r.explainForm(c, b.Proof.Value, "/proof", matches); hint != "" {
		return hint
	}
	if r.report.outcome(Signature) == Pass {
		return "the signature does fit this_hash, so the hash is genuine: this file does not hold the proof and prev_hash that were signed, but edited ones, ones that a tool rewrote, or another record's"
	}
	return ""
}

// explainForm looks for another way of writing the same values that has the
// right hash.
func (r *run) explainForm(c *Check, v canonical.Value, pointer string, matches func(canonical.Value, canonical.Profile) bool) string {
	for _, p := range []canonical.Profile{canonical.QodMock, canonical.JCS} {
		switch {
		case !matches(v, p):
		case r.policy.Profile == canonical.Unspecified:
			return fmt.Sprintf("it does match under the profile %s, and the rest of the bundle is of profile %s: a bundle has one profile", p, r.formulas.profile)
		default:
			return fmt.Sprintf("it does match under the profile %s: verify with --profile %s or auto", p, p)
		}
	}
	if matches(v, canonical.PythonDefault) {
		return "it does match by the formula of generation v0.1 (Python's json.dumps with its default separators), by which no v0.4 record is hashed"
	}
	return r.explainRewriting(c, newRestorer(v, pointer), func(v canonical.Value) bool {
		return matches(v, canonical.QodMock) || matches(v, canonical.JCS) || r.bundle.Generation == bundle.V01 && matches(v, canonical.PythonDefault)
	})
}

// refetch is what to do about a file that a tool rewrote.
const refetch = "fetch the bundle again with a tool that keeps its bytes (curl -o)"

// explainRewriting undoes what tools are known to rewrite, and says so if the hash
// proves it; else it names what is seen to be lost.
func (r *run) explainRewriting(c *Check, section *restorer, matches func(canonical.Value) bool) string {
	kinds, first := section.restore(matches)
	if kinds == 0 {
		if section.cutOff.pointer == "" {
			return ""
		}
		c.Pointer = section.cutOff.pointer
		return fmt.Sprintf("at %s this file has %q, as tools write what they do not write out (PowerShell's ConvertTo-Json below its -Depth): likely some of what was signed is not in this file; %s",
			section.cutOff.pointer, section.cutOff.found, refetch)
	}
	c.Pointer = first.pointer
	if c.ID == LedgerHash {
		r.report.ledgerRestored = true
	}
	same := "the values are equal and were re-serialised"
	if kinds != respelt {
		same = "a tool rewrote the values and did not change them, as the hash proves"
	}
	return fmt.Sprintf("%s: at %s the signed bytes have %s and this file has %s, %s; %s",
		same, first.pointer, clip(strings.TrimSuffix(first.signed[0], ",")), first.found, first.kind.by(), refetch)
}

func explainUpperCase(c *Check, s string) string {
	if d, err := bundle.ParseDigest(strings.ToLower(s)); err == nil && d.String() != s {
		return "the hash is spelled in upper case; the hash formula and the signature cover the lower-case characters"
	}
	return ""
}

func (r *run) explainSignature(c *Check) string {
	b := r.bundle
	if c.Code == SignatureMalformed {
		return r.explainSpelling()
	}
	if c.Code != SignatureMismatch {
		return ""
	}
	sig, err := decodeSignature(b.Entry.Signature)
	if err != nil {
		return ""
	}
	named, err := r.policy.Keys.Lookup(b.Entry.KID)
	if err != nil {
		return ""
	}
	tried := r.otherKeys()
	for _, k := range tried {
		if k.Verify([]byte(b.Entry.ThisHash), sig) {
			return fmt.Sprintf("the signature does fit this_hash under the key %q (thumbprint %s): the record's kid, which nothing protects, names the wrong key", k.KID, k.Thumbprint())
		}
	}
	switch by := fmt.Sprintf("the signature by the key %q (thumbprint %s)", named.KID, named.Thumbprint()); {
	case coversRaw(named, b.Entry.ThisHash, sig):
		return by + " covers the 32 bytes of this_hash; it must cover its 64 hexadecimal characters"
	case strings.ToLower(b.Entry.ThisHash) != b.Entry.ThisHash && named.Verify([]byte(strings.ToLower(b.Entry.ThisHash)), sig):
		return by + " does cover the lower-case characters of this_hash"
	}
	if d, err := bundle.LinkDigest(b.Entry.PrevHash, b.Proof.Value, r.formulas.profile); err == nil && d.String() != b.Entry.ThisHash {
		for _, k := range append(tried, named) {
			if k.Verify(bundle.SigningInput(d), sig) {
				return fmt.Sprintf("the signature by the key %q does fit the hash that follows from the proof: only this_hash was changed", k.KID)
			}
		}
	}
	if r.formulas.ledger != canonical.Unspecified {
		return fmt.Sprintf("the record is whole: this_hash is the right hash of this proof. The likeliest cause is that the signer's key is another one under the same kid: "+
			"the key given (thumbprint %s) may be another operator's, or of another installation; compare it with the operator. "+
			"Otherwise the signature is of another record, or the proof was not signed by this key", named.Thumbprint()) + r.untried(tried)
	}
	return ""
}

// maxKeysTried bounds how many keys beside the named one a hint is looked for
// with, so that a record costs no more for being judged with a large set.
const maxKeysTried = 8

// otherKeys returns the first few keys of the set but the one that the record
// names.
func (r *run) otherKeys() (keys []jwks.Key) {
	for k := range r.policy.Keys.All() {
		if len(keys) == maxKeysTried {
			break
		}
		if k.KID != r.bundle.Entry.KID {
			keys = append(keys, k)
		}
	}
	return keys
}

// untried tells how many keys of the set were not tried.
func (r *run) untried(tried []jwks.Key) string {
	if n := r.policy.Keys.Len() - 1 - len(tried); n > 0 {
		return fmt.Sprintf(" (other keys of the set that were not tried: %d)", n)
	}
	return ""
}

func coversRaw(k jwks.Key, thisHash string, sig []byte) bool {
	d, err := hex.DecodeString(thisHash)
	return err == nil && k.Verify(d, sig)
}

// explainSpelling tells a good signature in bad base64 from a bad one.
func (r *run) explainSpelling() string {
	b := r.bundle
	s := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(b.Entry.Signature, "="))
	sig, err := decodeSignature(s)
	if err != nil || s == b.Entry.Signature {
		return ""
	}
	keys := r.otherKeys()
	if named, err := r.policy.Keys.Lookup(b.Entry.KID); err == nil {
		keys = append(keys, named)
	}
	for _, k := range keys {
		if k.Verify([]byte(b.Entry.ThisHash), sig) {
			return fmt.Sprintf("spelled as base64url without padding it is a good signature by the key %q; one signature must have one spelling", k.KID)
		}
	}
	return ""
}

func (r *run) explainConsistency(c *Check) string {
	wrapper := c.Pointer == "/session_id" || c.Pointer == "/runtime_artifact_relpath"
	if !wrapper || !r.report.Proven() || r.report.outcome(ArtifactHash) != Pass {
		return ""
	}
	for _, other := range r.report.checks {
		if other.ID == Consistency && other.Pointer != "/session_id" && other.Pointer != "/runtime_artifact_relpath" {
			return ""
		}
	}
	return fmt.Sprintf("proof, artifact, hashes and signature are intact; only the unsigned wrapper differs. The signed proof is of session %s", r.bundle.Proof.SessionID)
}

// explainSamples tells samples that were changed beside a genuine proof from a
// signer that contradicts itself.
func (r *run) explainSamples(c *Check) string {
	if c.Code != RootMismatch || !r.report.Proven() {
		return ""
	}
	if commitment := r.commitment(); commitment != nil && commitment.Profile == canonical.QodMock && r.restoredRoot() == commitment.Root {
		return "the values are equal and were re-serialised: numbers or times of the samples are spelled otherwise than when they were hashed (100.0 became 100), as by jq and JavaScript; " + refetch
	}
	return "the proof is genuinely signed: this file does not hold the samples that it was made of, but edited ones, ones that a tool rewrote, or others"
}

// restoredRoot is the root over the samples with their numbers spelled as Python
// writes them.
func (r *run) restoredRoot() telemetry.Hash {
	var tree telemetry.Tree
	for _, v := range r.bundle.Samples.Get("samples").Elements() {
		if section := newRestorer(v, "sample"); section.kinds != 0 {
			if restored, _ := section.apply(section.kinds, 0); restored.Exists() {
				v = restored
			}
		}
		leaf, err := telemetry.Leaf(v, canonical.QodMock)
		if err != nil || tree.Add(leaf) != nil {
			return telemetry.Hash{}
		}
	}
	root, err := tree.Root()
	if err != nil {
		return telemetry.Hash{}
	}
	return root
}

// note adds what is worth knowing and decides nothing.
func (r *run) note() {
	b := r.bundle
	add := func(code Code, pointer, format string, args ...any) {
		r.report.notes = append(r.report.notes, Note{code, fmt.Sprintf(format, args...), pointer})
	}
	r.fork()
	if b.Generation != bundle.V04 {
		add(NoteOldGeneration, "", "a record of generation %s: it was made before v0.4 and can't be held to all of its checks", b.Generation)
	}
	for _, pointer := range b.Unknown {
		add(NoteUnknownMember, pointer, "the format does not know this member; it was neither read nor matched to another name")
	}
	if more := b.UnknownCount - len(b.Unknown); more > 0 {
		add(NoteUnknownMember, "", "%d more unknown members", more)
	}
	for _, section := range []struct {
		id      CheckID
		v       canonical.Value
		pointer string
	}{{LedgerHash, b.Proof.Value, "/proof"}, {ArtifactHash, b.Artifact.Value, "/runtime_artifact"}} {
		if r.report.outcome(section.id) != Pass {
			continue // the values are not known to be those that were hashed
		}
		if pointer, n := section.v.Respelled(r.formulas.profile); n.Exists() {
			written, _ := n.Canonical(r.formulas.profile)
			add(NoteNumberRespelt, section.pointer+pointer, "%s is spelled otherwise than it was hashed (%s); the values are equal and the hash can't tell",
				clip(string(n.Raw())), clip(string(written)))
		}
	}
	if key, err := r.policy.Keys.Lookup(b.Entry.KID); err == nil && key.Window.Revoked && r.report.outcome(SignatureKey) == Pass {
		add(NoteRevokedLater, b.EntryPointer("kid"), "the key was revoked at %s, after the signed time; the signed time is the signer's own claim", time.Unix(key.Window.RevokedAt, 0).UTC().Format(time.RFC3339))
	}
	if sig, err := decodeSignature(b.Entry.Signature); err == nil && r.report.outcome(Signature) == Pass && smallOrder(sig[:ed25519.SignatureSize/2]) {
		add(NoteSmallOrderR, b.EntryPointer("signature"), "the signature's R is a point of small order: valid, and made by no ordinary signer")
	}
}

// clip bounds how much of a hostile value a message repeats.
func clip(s string) string { return canonical.Clip(s, 64) }

func smallOrder(point []byte) bool {
	p, err := new(edwards25519.Point).SetBytes(point)
	return err == nil && new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1
}
