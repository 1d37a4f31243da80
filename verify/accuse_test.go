package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// forgedAfter are lines that anybody can write: hashes and links hold, and each is of a
// session of its own. Their signatures are what sign makes of them.
func forgedAfter(prev string, n int, sign func([]byte) []byte) (lines [][]byte) {
	g := ledgergen.New(4711)
	for range n {
		r := g.Next()
		r.Seal(prev, ledgergen.NewKey("default", "somebody else"))
		prev = r.This
		lines = append(lines, sign(r.Bundle()))
	}
	return lines
}

// member takes the place of a member of a line.
func member(line []byte, name, value string) []byte {
	at := bytes.Index(line, []byte(`"`+name+`":"`)) + len(name) + 4
	end := at + bytes.IndexByte(line[at:], '"')
	return slices.Concat(line[:at], []byte(value), line[end:])
}

func withoutSignature(line []byte) []byte {
	return bytes.Replace(line, []byte(`"signature":`), []byte(`"other":`), 1)
}

// Whoever passes a ledger on may cut it and write into it what he likes. That accuses
// the signer of nothing: neither of a fork, nor of a second past.
func TestHoldersAccuseNobody(t *testing.T) {
	records, set := chainOf(20)
	v := ledgerVerifier(t, set)
	honest := data(records...)
	c := v.Ledger(raws(honest[:10]...), verify.LedgerOptions{}).Checkpoint()
	forged := func(at, n int) [][]byte { return forgedAfter(records[at-1].This, n, withoutSignature) }
	changed := func(i int, line []byte) [][]byte {
		out := slices.Clone(honest)
		out[i] = line
		return out
	}
	for _, x := range []struct {
		name  string
		lines [][]byte
		alone verify.Verdict // of the worst record
	}{
		{"cut, and gone on from", slices.Concat(honest[:7], forged(7, 8)), verify.Inconclusive},
		{"cut at the head, and gone on from", slices.Concat(honest[:9], forged(9, 1)), verify.Inconclusive},
		{"a longer branch behind", slices.Concat(honest[:10], forged(6, 12)), verify.Inconclusive},
		{"a longer branch before", slices.Concat(honest[:6], forged(6, 12), honest[6:10]), verify.Inconclusive},
		{"a branch, and the end gone", slices.Concat(honest[:6], forged(6, 3), honest[6:9]), verify.Inconclusive},
		{"a second beginning", slices.Concat(honest[:10], forgedAfter(bundle.Genesis, 30, withoutSignature)), verify.Inconclusive},
		{"signed by somebody else", slices.Concat(honest[:7], forgedAfter(records[6].This, 8, slices.Clone[[]byte])), verify.Failed},
		{"hash of an old record", changed(4, member(honest[4], "this_hash", records[0].This)), verify.Failed},
		{"hash of the head", changed(9, member(honest[9], "this_hash", records[0].This)), verify.Failed},
		{"kid of an old record", changed(4, member(honest[4], "kid", "default2")), verify.Inconclusive},
		{"signature of an old record", changed(4, member(honest[4], "signature", records[5].Signature)), verify.Failed},
		{"no signature of an old record", changed(4, withoutSignature(honest[4])), verify.Inconclusive},
		{"no signature of the head", changed(9, withoutSignature(honest[9])), verify.Inconclusive},
	} {
		for _, mode := range []verify.SignatureMode{verify.SignaturesAll, verify.SignaturesHead} {
			for _, whole := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, whole %t", x.name, mode, whole), func(t *testing.T) {
					r := v.Ledger(raws(x.lines...), verify.LedgerOptions{Since: c, Signatures: mode, Whole: whole})
					if r.Contradiction != nil {
						t.Errorf("evidence: %s", codes(r))
					}
					for code, status := range r.Statuses {
						if status == verify.Fail && slices.Contains([]verify.Code{verify.LedgerFork, verify.GenesisRepeated, verify.SessionDuplicate, verify.ArtifactReused,
							verify.HistoryForked, verify.HistoryRewritten, verify.RecordReplaced}, code) {
							t.Errorf("accused of %s", code)
						}
					}
					// What was verified before, and is another signature now, counts no more.
					if mode == verify.SignaturesAll && (r.Verdict() == verify.Verified || whole && r.Verdict() != x.alone) {
						t.Errorf("%s %s, want %s", r.Verdict(), codes(r), x.alone)
					}
					if r.Verdict() != verify.Verified && r.Counts[verify.PastSealsChanged] > 0 && r.Checkpoint() != nil {
						t.Error("the state would be replaced")
					}
				})
			}
		}
	}
}

// By a key that may be a thief's, nobody forked his ledger.
func TestThievesAccuseNobody(t *testing.T) {
	records, _ := chainOf(12)
	fork := rewrite(records, 8)[7:]
	for _, x := range []struct {
		name, more string
		verdict    verify.Verdict
	}{
		{"sound", "", verify.Failed},
		{"superseded later", `,"revoked":{"revoked_at":4000000000,"reason":"superseded"}`, verify.Failed},
		{"compromised", `,"revoked":{"revoked_at":4000000000,"reason":"keyCompromise"}`, verify.Inconclusive},
	} {
		t.Run(x.name, func(t *testing.T) {
			keys, err := jwks.Parse(ledgergen.JWKS(ledgergen.NewKey("default", "perf").JWK(x.more)))
			if err != nil {
				t.Fatal(err)
			}
			r := verifier(t, verify.Policy{Keys: keys}).Ledger(raws(data(slices.Concat(records, fork)...)...), verify.LedgerOptions{})
			if r.Verdict() != x.verdict || r.Counts[verify.LedgerFork] != 1 || (r.Statuses[verify.LedgerFork] == verify.Fail) != (x.verdict == verify.Failed) {
				t.Errorf("%s %s", r.Verdict(), codes(r))
			}
		})
	}
}

// brittle is a scratch file on a disk that fails from some operation on.
type brittle struct {
	data          []byte
	writes, reads int // that succeed; negative: all
	short         bool
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.writes == 0 {
		return 0, errors.New("no space left on device")
	}
	b.writes--
	b.data = append(b.data, p...)
	return len(p), nil
}

func (b *brittle) ReadAt(p []byte, offset int64) (int, error) {
	if b.reads == 0 && b.short {
		return copy(p, b.data[offset:])/2 - 1, nil
	}
	if b.reads == 0 {
		return 0, errors.New("input/output error")
	}
	b.reads--
	return copy(p, b.data[offset:]), nil
}

// A disk that is full, or can't be read, is the auditor's: it accuses nobody, makes no
// evidence, and verifies nothing, whenever it fails.
func TestFailingDisks(t *testing.T) {
	records, set := chainOf(500)
	v := ledgerVerifier(t, set)
	lines := data(records...)
	c := v.Ledger(raws(lines[:300]...), verify.LedgerOptions{}).Checkpoint()
	shuffled := slices.Clone(lines)
	for i := range shuffled { // in a fixed disorder
		k := (i * 7919) % len(shuffled)
		shuffled[i], shuffled[k] = shuffled[k], shuffled[i]
	}
	gap := slices.Concat(lines[:200], lines[201:])
	for name, input := range map[string][][]byte{"in order": lines, "shuffled": shuffled, "with a gap": gap, "cut": lines[:250]} {
		for since, o := range map[string]verify.LedgerOptions{
			"": {}, " after another": {Since: c}, " whole": {Since: c, Whole: true}, " by its head": {Signatures: verify.SignaturesHead},
		} {
			t.Run(name+since, func(t *testing.T) {
				sound := v.Ledger(raws(input...), o)
				failed := 0
				for tape := range 2 {
					for _, fail := range []int{0, 1, 2, 5, 40} {
						for _, kind := range []string{"write", "read", "short"} {
							b := &brittle{writes: -1, reads: -1, short: kind == "short"}
							if kind == "write" {
								b.writes = fail
							} else {
								b.reads = fail
							}
							o.Scratch = []verify.Scratch{nil, nil, nil}
							o.Scratch[tape] = b
							r := v.Ledger(raws(input...), o)
							if r.Complete() {
								if r.Verdict() != sound.Verdict() || codes(r) != codes(sound) {
									t.Fatalf("tape %d, %s %d: %s %s without an error", tape, kind, fail, r.Verdict(), codes(r))
								}
								continue
							}
							failed++
							if r.Verdict() != verify.Inconclusive || r.Contradiction != nil || r.Checkpoint() != nil || r.Head.Verified {
								t.Fatalf("tape %d, %s %d: %s %s", tape, kind, fail, r.Verdict(), codes(r))
							}
						}
					}
				}
				if failed == 0 {
					t.Error("no disk failed")
				}
			})
		}
	}
}

// So many sessions that they don't fit the memory for them.
func TestFailingDisksOfSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: 33,000 records")
	}
	records, set := chainOf(33_000)
	v := ledgerVerifier(t, set)
	lines := data(records...)
	for _, b := range []*brittle{{writes: 0, reads: -1}, {writes: 2, reads: -1}, {writes: -1}, {writes: -1, reads: 3}, {writes: -1, reads: 1, short: true}} {
		r := v.Ledger(raws(lines...), verify.LedgerOptions{Scratch: []verify.Scratch{nil, nil, b}})
		if r.Verdict() != verify.Inconclusive || r.Complete() || codes(r) != "internal_error" {
			t.Errorf("%d writes, %d reads left: %s %s", b.writes, b.reads, r.Verdict(), codes(r))
		}
	}
}

// counted counts what is read from a scratch file.
type counted struct {
	brittle
	calls, bytes int
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	c.calls++
	c.bytes += len(p)
	return copy(p, c.data[offset:]), nil
}

// Hashes are only claimed, so whoever writes a ledger chooses them: such that all begin
// alike, all name one record, or form whatever order. What is read of the scratch files
// for that grows with the ledger, and not with its square.
func TestChosenHashes(t *testing.T) {
	template, own := withoutSignature(ledgergenBundle()), []byte(ledgergen.New(1).Next().SessionID)
	const far = "ab"
	for name, link := range map[string]func(i, n int) (this, prev string){
		"reversed chain, one prefix": func(i, n int) (string, string) { return fmt.Sprintf("%064x", n-i), fmt.Sprintf("%064x", n-i-1) },
		"all after one":              func(i, n int) (string, string) { return fmt.Sprintf("%064x", i), fmt.Sprintf("%064s", far) },
		"each after a missing one":   func(i, n int) (string, string) { return fmt.Sprintf("%064x", i), fmt.Sprintf("%064x", i+n) },
		"one hash":                   func(i, n int) (string, string) { return fmt.Sprintf("%064s", far), fmt.Sprintf("%064s", far) },
		"all the first":              func(i, n int) (string, string) { return fmt.Sprintf("%064x", i), bundle.Genesis },
		"two chains in turns":        func(i, n int) (string, string) { return fmt.Sprintf("%064x", i+1), fmt.Sprintf("%064x", i-1) },
		"a circle":                   func(i, n int) (string, string) { return fmt.Sprintf("%064x", i), fmt.Sprintf("%064x", (i+2)%n) },
	} {
		t.Run(name, func(t *testing.T) {
			read := func(n int) (calls, size int) {
				lines := make([][]byte, n)
				for i := range lines {
					this, prev := link(i, n)
					session := fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
					lines[i] = member(member(template, "this_hash", this), "prev_hash", prev)
					lines[i] = bytes.ReplaceAll(lines[i], own, []byte(session))
				}
				tapes := [3]counted{}
				var o verify.LedgerOptions
				for i := range tapes {
					tapes[i].brittle.writes = -1
					o.Scratch = append(o.Scratch, &tapes[i])
				}
				o.Elsewhere = func(string) bundle.Raw { return bundle.Raw{} }
				if r := ledgerVerifier(t, []byte(`{"keys":[]}`)).Ledger(raws(lines...), o); r.Verdict() == verify.Verified || !r.Complete() || r.Records != int64(n) || r.ByVerdict[verify.Malformed] > 0 {
					t.Fatalf("%s %s", r.Verdict(), codes(r))
				}
				for i := range tapes {
					calls, size = calls+tapes[i].calls, size+tapes[i].bytes
				}
				return calls, size
			}
			calls, size := read(1000)
			if calls4, size4 := read(4000); calls4 > 6*calls+1000 || size4 > 6*size+1<<20 {
				t.Errorf("%d reads of %d bytes for 1,000 records, %d of %d for 4,000", calls, size, calls4, size4)
			}
		})
	}
}

func ledgergenBundle() []byte {
	r := ledgergen.New(1).Next()
	r.Seal(bundle.Genesis, ledgergen.NewKey("default", "perf"))
	return r.Bundle()
}
