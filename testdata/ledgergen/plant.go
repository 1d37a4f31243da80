package ledgergen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Line is one record of a planted ledger, in the order of the input.
type Line struct {
	Data   []byte
	Record Record // what Data says; zero for a line that is no record
	Number int64  // in the input, from 1
}

// Expected is a finding that an audit must make.
type Expected struct {
	Code   string
	Fault  string // what was planted
	Line   *Line
	Others []*Line // the other records that it must name
	Hash   string  // the hash that it must name, if any
}

// Planted is a ledger with one fault of every kind at random places.
type Planted struct {
	Lines    []*Line
	Expected []Expected
	JWKS     []byte
	// Unordered: some record stands before the one that it follows.
	Unordered bool
	Sessions  int64
}

// PlantOptions leaves out what a form of ledger can't hold.
type PlantOptions struct {
	NoMalformed bool // no line that is no JSON
}

// planter builds the chain from its start, and plants while it goes.
type planter struct {
	*Generator
	Planted
	key, expired, stranger Key
	prev                   string
	last                   *Line
}

// Plant makes a ledger of about n records, n at least 400.
func Plant(n int, seed uint64, o PlantOptions) *Planted {
	p := &planter{
		Generator: New(seed), prev: "GENESIS",
		key: NewKey("default", "perf"), expired: NewKey("2025", "expired"), stranger: NewKey("nobody", "stranger"),
	}
	p.JWKS = JWKS(p.key.JWK(""), p.expired.JWK(fmt.Sprintf(`,"exp":%d`, p.now.Unix()-86400)))
	faults := []func(){
		p.badSignature, p.changedProof, p.changedArtifact, p.unknownKey, p.brokenLink, p.dropped, p.forked, p.secondGenesis,
		p.duplicateSession, p.reusedArtifact, p.keyExpired, p.signedTimeBack, p.ledgerTimeBack, p.swapped, p.editedHash, p.v01, p.v03,
	}
	if !o.NoMalformed {
		faults = append(faults, p.malformed)
	}
	var duplicated, replaced *Line
	faults = append(faults, func() { duplicated = p.next() }, func() {
		// Replaced at the end, when its new place in the chain is known.
		replaced = p.next()
		successor := p.next()
		p.expect("record_missing", "replaced", successor, replaced.Record.This, replaced)
	})
	p.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	gap := n / (len(faults) + 1)
	for i, fault := range faults {
		for target := i*gap + 5 + p.random.IntN(gap-10); len(p.Lines) < target; {
			p.next()
		}
		fault()
	}
	for len(p.Lines) < n-2 {
		p.next()
	}
	// The original replaces the row: the new record hangs on the end, and in a
	// folder of files it keeps the old one's place.
	again := replaced.Record
	again.Time = p.Next().Time
	again.LedgerTime = seconds(again.Time)
	again.Seal(p.prev, p.key)
	replaced.set(again)
	p.Expected = append(p.Expected, Expected{"record_replaced", "replaced", replaced, nil, again.This})
	p.Unordered = true
	double := &Line{Data: duplicated.Data, Record: duplicated.Record}
	p.Lines = append(p.Lines, double)
	p.expect("record_duplicate", "duplicate record", double, "", duplicated)
	p.Sessions = int64(len(p.Lines)) - 2 // the duplicates of a record and of a session
	for i, l := range p.Lines {
		l.Number = int64(i) + 1
		if l.Record.SessionID == "" {
			p.Sessions--
		}
	}
	return &p.Planted
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()+400) / 1e6 }

func (l *Line) set(r Record) { l.Record, l.Data = r, r.Bundle() }

// seal draws the next session, lets change change it, and puts it at the end of
// the chain.
func (p *planter) seal(key Key, change func(*Record)) *Line {
	r := p.Next()
	if change != nil {
		change(&r)
	}
	r.Seal(p.prev, key)
	return p.append(r)
}

func (p *planter) append(r Record) *Line {
	l := &Line{}
	l.set(r)
	p.Lines = append(p.Lines, l)
	p.prev, p.last = r.This, l
	return l
}

func (p *planter) next() *Line { return p.seal(p.key, nil) }

func (p *planter) expect(code, fault string, at *Line, hash string, others ...*Line) {
	p.Expected = append(p.Expected, Expected{code, fault, at, others, hash})
}

// edit changes a line's record without hashing or signing it anew.
func (l *Line) edit(change func(*Record)) {
	r := l.Record
	change(&r)
	l.set(r)
}

func (p *planter) badSignature() {
	l := p.next()
	l.edit(func(r *Record) {
		c := byte('A')
		if r.Signature[10] == c {
			c = 'B'
		}
		r.Signature = r.Signature[:10] + string(c) + r.Signature[11:]
	})
	p.expect("signature_mismatch", "changed signature", l, "")
}

func (p *planter) changedProof() {
	l := p.next()
	l.edit(func(r *Record) { r.Proof = strings.Replace(r.Proof, `"flow_label":"flow-`, `"flow_label":"FLOW-`, 1) })
	p.expect("ledger_hash_mismatch", "changed proof", l, l.Record.This)
}

func (p *planter) changedArtifact() {
	l := p.next()
	l.edit(func(r *Record) { r.Artifact = strings.Replace(r.Artifact, `"country":""`, `"country":"XX"`, 1) })
	p.expect("runtime_hash_mismatch", "changed artifact", l, l.Record.Checksum)
}

func (p *planter) unknownKey() {
	p.expect("public_key_missing", "unknown key", p.seal(p.stranger, nil), "")
}

func (p *planter) keyExpired() {
	p.expect("key_expired", "key outside its window", p.seal(p.expired, nil), "")
}

func (p *planter) brokenLink() {
	l := p.next()
	other := sha("another record")
	l.edit(func(r *Record) { r.Prev = other })
	p.expect("ledger_hash_mismatch", "broken link", l, l.Record.This)
	p.expect("ledger_chain_broken", "broken link", l, other)
}

// editedHash changes this_hash alone. The successor names the genuine one, and is
// not to be accused.
func (p *planter) editedHash() {
	l := p.next()
	l.edit(func(r *Record) { r.This = sha("another hash") })
	p.expect("ledger_hash_mismatch", "changed this_hash", l, l.Record.This)
	p.expect("signature_mismatch", "changed this_hash", l, "")
	p.next()
}

func (p *planter) dropped() {
	l := p.next()
	p.Lines = p.Lines[:len(p.Lines)-1]
	before := p.Lines[len(p.Lines)-1]
	p.expect("record_missing", "dropped record", p.next(), l.Record.This, before)
}

func (p *planter) forked() {
	from := p.prev
	one := p.next()
	on, last := p.prev, p.last
	p.prev = from
	two := p.next()
	p.prev, p.last = on, last
	p.expect("ledger_fork", "fork", two, from, one)
}

func (p *planter) secondGenesis() {
	on := p.prev
	p.prev = "GENESIS"
	l := p.next()
	p.prev = on
	p.expect("genesis_repeated", "second GENESIS", l, "", p.Lines[0])
}

func (p *planter) duplicateSession() {
	first := p.next()
	p.next()
	r := first.Record // the same artifact, so that a folder of artifacts can hold both
	r.LedgerTime = p.last.Record.LedgerTime
	r.Seal(p.prev, p.key)
	again := p.append(r)
	p.expect("session_duplicate", "session twice", again, "", first)
	// Its signed time is the first one's, which the record between may be after.
	if p.Lines[len(p.Lines)-2].Record.Time.Sub(r.Time) > time.Second {
		p.expect("signed_time_back", "session twice", again, "", p.Lines[len(p.Lines)-2])
	}
}

func (p *planter) reusedArtifact() {
	first := p.next()
	l := p.seal(p.key, func(r *Record) {
		id, label := r.SessionID, r.FlowLabel
		*r = first.Record
		r.SessionID, r.FlowLabel, r.ArtifactSessionID = id, label, first.Record.SessionID
	})
	p.expect("artifact_reused", "artifact under two sessions", l, "", first)
	p.expect("session_id_mismatch", "artifact under two sessions", l, first.Record.SessionID)
}

func (p *planter) signedTimeBack() {
	before := p.last
	l := p.seal(p.key, func(r *Record) { r.Time = r.Time.Add(-time.Hour) })
	p.expect("signed_time_back", "signed time back", l, "", before)
}

func (p *planter) ledgerTimeBack() {
	before := p.last
	l := p.seal(p.key, func(r *Record) { r.LedgerTime -= 3600 })
	p.expect("ledger_time_back", "ledger time back", l, "", before)
}

func (p *planter) swapped() {
	p.next()
	p.next()
	n := len(p.Lines)
	p.Lines[n-2], p.Lines[n-1] = p.Lines[n-1], p.Lines[n-2]
	p.Unordered = true
}

func (p *planter) malformed() {
	l := p.next()
	hash := l.Record.This
	*l = Line{Data: []byte(`{"session_id": "` + l.Record.SessionID + `", "ledger": {`)}
	p.expect("json_truncated", "malformed line", l, "")
	p.expect("record_missing", "malformed line", p.next(), hash)
}

// v01 links a record by the formula of v0.1: Python's default separators, no
// signature, no artifact.
func (p *planter) v01() {
	r := p.Next()
	r.Seal(p.prev, p.key)
	spaced := fmt.Sprintf(`{"created_at": %s, "measured_outcomes": {"avg_jitter_ms": %s, "avg_p50_ms": %s, "avg_p95_ms": %s, "samples_count": %d}, "provider_observed": {"provider_note": "local-simulated-provider", "qos_status_at_finalize": "AVAILABLE"}, "requested": {"intent": {"duration_s": %d, "flow_label": "demo", "target_jitter_ms": %d, "target_p95_latency_ms": %d}, "qos_profile": "QOS_LOW_LATENCY"}, "session_id": "%s"}`,
		Float(seconds(r.Time)), Float(r.Jitter), Float(r.P50), Float(r.P95), r.Samples, r.Duration, r.TargetJitter, 50, r.SessionID)
	sum := sha256.Sum256([]byte(p.prev + "|" + spaced))
	r.Proof, r.Artifact, r.This, r.Signature, r.KID = spaced, "null", hex.EncodeToString(sum[:]), "", ""
	l := p.append(r)
	p.expect("older_generation", "record of v0.1", l, "")
}

// v03 signs a proof that binds no artifact.
func (p *planter) v03() {
	r := p.Next()
	r.Seal(p.prev, p.key)
	start := strings.Index(r.Proof, `"created_at"`)
	r.Proof, r.Artifact = "{"+r.Proof[start:], "null"
	r.Link(p.prev, p.key)
	l := p.append(r)
	p.expect("older_generation", "record of v0.3", l, "")
}
