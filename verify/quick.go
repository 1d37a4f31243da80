package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
)

// The short way over a record of a ledger. It allocates nothing, looks at what
// genuine records look like, and can say only one thing: that every required
// check but the signature passes. Whatever it is not sure of goes to the full
// checks, whose word is the only one that accuses. So a record's verdict in an
// audit is that of the same record alone, which a test holds.

// record is what is known of one record on its way through an audit.
type record struct {
	row
	computed   [32]byte // the hash that follows from prev_hash and the proof, unless hashHolds
	generation bundle.Generation
	session    string // unless uuidSession
	input      string
	kidText    string
	key        *trusted
	verdict    Verdict
	report     *Report // unless verified
	unread     bool    // it is no record at all; nothing above report is set
	past       bool    // its signature is not verified in this run
	sound      bool    // every required check but the signature passes
	signature  [ed25519.SignatureSize]byte
	decoded    bool     // signature is set
	hashed     [64]byte // the characters that the signature covers
	settled    bool     // the signature was verified,
	holds      bool     // and holds
}

// trusted is what is known of one kid: whether its key may sign, at any time.
type trusted struct {
	kid     string
	key     jwks.Key
	usable  bool // found, and pinned where pins are given
	windows bool // may sign at certain times only
	engine  *engine
}

// read fills in what a record says about its place in the ledger.
func (w *worker) read(r *record) {
	f := &w.fields
	r.generation = f.Generation
	r.signedAt, r.recordedAt = microseconds(f.Value(bundle.FieldProofCreatedAt)), microseconds(f.Value(bundle.FieldEntryCreatedAt))
	session, _ := f.Value(bundle.FieldProofSessionID).Bytes()
	var isUUID bool
	if r.row.session, isUUID = sessionKey(session); isUUID {
		r.flags |= uuidSession
	} else {
		r.session = string(session)
	}
	prev, _ := f.Value(bundle.FieldPrevHash).Bytes()
	this, _ := f.Value(bundle.FieldThisHash).Bytes()
	if string(prev) == bundle.Genesis {
		r.flags |= genesisRow
	} else if !parseHash(&r.prev, prev) {
		r.flags |= noPrev
	}
	if !parseHash(&r.this, this) {
		r.flags |= noThis
	}
	copy(r.hashed[:], this)
	if claimed, ok := f.Value(bundle.FieldProofArtifactSHA256).Bytes(); ok && parseHash(&w.claimed, claimed) {
		r.row.artifact = [16]byte(w.claimed[:16])
		r.flags |= hasArtifact
	}
	kid, _ := f.Value(bundle.FieldKID).Bytes()
	r.key = w.trusted(kid)
	r.kidText = r.key.kid
	if sig, ok := f.Value(bundle.FieldSignature).Bytes(); ok && len(sig) == 86 {
		// Decode skips line breaks, so only the full length shows that none was
		// there.
		n, err := strictBase64URL.Decode(r.signature[:], sig)
		r.decoded = err == nil && n == len(r.signature)
	}
}

var strictBase64URL = base64.RawURLEncoding.Strict()

// trusted looks a kid up once.
func (w *worker) trusted(kid []byte) *trusted {
	if t, ok := w.keys[string(kid)]; ok {
		return t
	}
	t := w.audit.lookup(string(kid))
	if len(w.keys) < maxKIDs {
		w.keys[t.kid] = t
	}
	return t
}

// quick reports whether every required check but the signature passes, as far as
// the short way can tell.
func (w *worker) quick(r *record) bool {
	f := &w.fields
	artifact := f.Value(bundle.FieldArtifact)
	if f.Generation != bundle.V04 || artifact.Kind() != canonical.Object || r.flags&(noPrev|noThis) != 0 || r.flags&hasArtifact == 0 {
		return false
	}
	return w.hashes(r, artifact) && w.consistent(r) && w.committed()
}

// committed holds the telemetry of proofs that commit to it, by the same function
// as the full checks.
func (w *worker) committed() bool {
	f := &w.fields
	if !f.Value(bundle.FieldTelemetry).Exists() && !f.Value(bundle.FieldSession).Exists() {
		return true
	}
	b := f.Bundle()
	for _, c := range append(judgeCommitment(b, w.profile), judgeSamples(b)...) {
		if c.Status != Pass && c.Status != Skip {
			return false
		}
	}
	return true
}

// hashes recomputes both hashes under the first profile that fits the record's.
func (w *worker) hashes(r *record, artifact canonical.Value) bool {
	f := &w.fields
	prev, _ := f.Value(bundle.FieldPrevHash).Bytes()
	for _, profile := range w.profiles {
		proof, err := f.Value(bundle.FieldProof).CanonicalBuffer(w.proof, profile)
		if err != nil {
			continue
		}
		w.proof = keep(w.proof, proof)
		w.text = append(append(append(w.text[:0], prev...), '|'), proof...)
		sum := sha256.Sum256(w.text)
		if sum != r.this {
			continue
		}
		r.flags |= hashHolds
		w.profile = profile
		b, err := artifact.CanonicalBuffer(w.artifact, profile)
		if err != nil {
			return false
		}
		w.artifact = keep(w.artifact, b)
		return sha256.Sum256(b) == w.claimed
	}
	return false
}

// maxKept bounds the scratch memory that a worker keeps for the next record.
const maxKept = 1 << 20

// keep returns the larger of two buffers for the next record. What a profile did
// not have to write is the input's own memory and must not be written to.
func keep(buffer, used []byte) []byte {
	if cap(used) > cap(buffer) && cap(used) <= maxKept && len(used) < cap(used) {
		return used[:0]
	}
	return buffer
}

// consistent is the check consistency where everything stands as the original
// writes it.
func (w *worker) consistent(r *record) bool {
	f := &w.fields
	if !f.Faultless() {
		return false
	}
	session, _ := f.Value(bundle.FieldProofSessionID).Bytes()
	same := func(x bundle.Field, want []byte) bool {
		b, ok := f.Value(x).Bytes()
		return ok && bytes.Equal(b, want)
	}
	if !same(bundle.FieldArtifactSessionID, session) {
		return false
	}
	w.text = append(append(w.text[:0], session...), "/artifact.json"...)
	if !same(bundle.FieldProofArtifactPath, w.text) {
		return false
	}
	if f.Form == bundle.FormBundle && !(same(bundle.FieldSessionID, session) && same(bundle.FieldArtifactPath, w.text)) {
		return false
	}
	if f.Within != "" {
		return false // a copy: what is around the record counts, too
	}
	if f.Form != bundle.FormBundle && f.Value(bundle.FieldSessionID).Exists() && !same(bundle.FieldSessionID, session) {
		return false
	}
	p50, okP50 := f.Value(bundle.FieldAvgP50).Float()
	p95, okP95 := f.Value(bundle.FieldAvgP95).Float()
	samples, okSamples := f.Value(bundle.FieldSamplesCount).Int()
	target, okTarget := f.Value(bundle.FieldTargetP95).Int()
	limit, okLimit := f.Value(bundle.FieldMaxLatency).Int()
	if !(okP50 && okP95 && okSamples && okTarget && okLimit) || p50 > p95 || samples < 1 || limit != min(max(1, target), clampMS) {
		return false
	}
	profile, runtime := profileFor(target)
	if !w.isText(bundle.FieldQoSProfile, profile) || !w.isText(bundle.FieldArtifactQoSProfile, runtime) {
		return false
	}
	return w.decided(p95, limit)
}

func (w *worker) isText(x bundle.Field, want string) bool {
	b, ok := w.fields.Value(x).Bytes()
	return ok && string(b) == want
}

// decided holds measured values, result and reasons to each other, all in the
// spelling that the original gives them.
func (w *worker) decided(p95 float64, limit int64) bool {
	f := &w.fields
	spelled := func(x, y bundle.Field) ([]byte, bool) {
		v, w := f.Value(x), f.Value(y)
		return v.Raw(), v.Kind() == canonical.Number && !v.IsInteger() && v.Spelled(canonical.QodMock) && bytes.Equal(v.Raw(), w.Raw())
	}
	latency, ok := spelled(bundle.FieldAvgP95, bundle.FieldLatency)
	if !ok {
		return false
	}
	jitter, ok := spelled(bundle.FieldAvgJitter, bundle.FieldJitter)
	if !ok {
		return false
	}
	result, relation := "pass", "ms <= target max_latency_ms "
	if p95 > float64(limit) {
		result, relation = "fail", "ms > target max_latency_ms "
	}
	reasons := f.Value(bundle.FieldReasons)
	if !w.isText(bundle.FieldResult, result) || reasons.Kind() != canonical.Array || reasons.Len() != 2 {
		return false
	}
	for i, v := range reasons.Elements() {
		w.text = w.text[:0]
		if i == 0 {
			w.text = append(append(append(w.text, "latency "...), latency...), relation...)
			w.text = append(strconv.AppendInt(w.text, limit, 10), "ms"...)
		} else {
			w.text = append(append(append(w.text, "jitter observed "...), jitter...), "ms (informational)"...)
		}
		if b, ok := v.Bytes(); !ok || !bytes.Equal(b, w.text) {
			return false
		}
	}
	return true
}

// maySign reports whether the record's key may have signed it, short of the
// signature itself.
func (r *record) maySign() bool { return r.decoded && r.mayHaveSigned() }

// mayHaveSigned reports whether the key that the record names may sign at its time.
func (r *record) mayHaveSigned() bool {
	switch {
	case !r.key.usable:
		return false
	case !r.key.windows:
		return true
	case r.signedAt == noTime:
		return false
	}
	return r.key.key.ValidAt(time.UnixMicro(r.signedAt)) == nil
}

// microseconds reads a time as [bundle.Proof.Time] does.
func microseconds(v canonical.Value) int64 {
	if t, ok := bundle.Microseconds(v); ok {
		return t
	}
	return noTime
}
