package verify_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/testdata/ledgergen"
	"github.com/qodverify/qodverify/verify"
)

// everyFixture is all genuine and tampered bundles and records.
func everyFixture(t *testing.T) (data [][]byte) {
	t.Helper()
	err := fs.WalkDir(testdata.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".json" && strings.HasPrefix(name, "qod-mock-v0.4/") {
			data = append(data, testdata.Read(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")) {
		data = append(data, line)
	}
	return data
}

// A record's verdict in an audit is that of the record alone, under every policy:
// the short way says "verified" of nothing that the full checks do not.
func TestParity(t *testing.T) {
	plant := ledgergen.Plant(600, 3, ledgergen.PlantOptions{})
	genuine, made := keys(t, "jwks.json"), mustParse(t, plant.JWKS)
	fixtures, lines := everyFixture(t), linesOf(plant)
	for name, c := range map[string]struct {
		policy   verify.Policy
		bundles  [][]byte
		verified int64
	}{
		"fixtures": {verify.Policy{Keys: genuine}, fixtures, 25}, "fixtures, no keys": {verify.Policy{}, fixtures, 0},
		"fixtures, pinned": {verify.Policy{Keys: genuine, Pins: []jwks.Thumbprint{genuineThumbprint(t, "2026-q2")}}, fixtures, 10},
		"fixtures, jcs":    {verify.Policy{Keys: genuine, Profile: canonical.JCS}, fixtures, 0},
		"fixtures, more":   {verify.Policy{Keys: genuine, Require: []verify.CheckID{verify.ClaimsConstants}}, fixtures, 0},
		"planted":          {verify.Policy{Keys: made}, lines, 580}, "planted, wrong keys": {verify.Policy{Keys: genuine}, lines, 0},
		"planted, jcs": {verify.Policy{Keys: made, Profile: canonical.JCS}, lines, 0},
	} {
		v := verifier(t, c.policy)
		want := map[verify.Verdict]int64{}
		for i, data := range c.bundles {
			var single *verify.Report
			if b, err := bundle.Parse(data); err != nil {
				single = verify.MalformedReport(err)
			} else {
				single = v.Bundle(b)
			}
			want[single.Verdict()]++
			r := v.Ledger(aloneFiles(data), verify.LedgerOptions{Workers: 1})
			if r.ByVerdict[single.Verdict()] != 1 {
				t.Errorf("%s, bundle %d: alone %s (%s), in an audit %v", name, i, single.Verdict(), single.Reason(), r.ByVerdict)
			}
			if r.Verdict() == verify.Verified && single.Verdict() != verify.Verified {
				t.Errorf("%s, bundle %d: a ledger of one record that is %s is verified", name, i, single.Verdict())
			}
		}
		together := v.Ledger(aloneFiles(c.bundles...), verify.LedgerOptions{})
		for verdict, n := range want {
			if together.ByVerdict[verdict] != n {
				t.Errorf("%s, all together: %v, want %v", name, together.ByVerdict, want)
			}
		}
		if want[verify.Verified] < c.verified {
			t.Errorf("%s: only %d verified", name, want[verify.Verified])
		}
	}
}

// aloneFiles yields records as files of their own, which may start with a byte order
// mark.
func aloneFiles(data ...[]byte) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		for raw := range raws(data...) {
			if raw.Line = 0; !yield(raw, nil) {
				return
			}
		}
	}
}

func mustParse(t *testing.T, data []byte) *jwks.KeySet {
	t.Helper()
	set, err := jwks.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// chainOf returns n chained records.
func chainOf(n int) (records []ledgergen.Record, set []byte) {
	g, key, prev := ledgergen.New(11), ledgergen.NewKey("default", "perf"), bundle.Genesis
	for range n {
		r := g.Next()
		r.Seal(prev, key)
		prev = r.This
		records = append(records, r)
	}
	return records, ledgergen.JWKS(key.JWK(""))
}

func data(records ...ledgergen.Record) (lines [][]byte) {
	for _, r := range records {
		lines = append(lines, r.Bundle())
	}
	return lines
}

func codes(r *verify.LedgerReport) string {
	var list []string
	for c := range r.Counts {
		list = append(list, string(c))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestLedgerVerdicts(t *testing.T) {
	records, set := chainOf(40)
	v := ledgerVerifier(t, set)
	all := data(records...)
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	failing := func(lines [][]byte, err error) iter.Seq2[bundle.Raw, error] {
		return func(yield func(bundle.Raw, error) bool) {
			for raw := range raws(lines...) {
				if !yield(raw, nil) {
					return
				}
			}
			yield(bundle.Raw{}, err)
		}
	}
	for _, c := range []struct {
		name    string
		records iter.Seq2[bundle.Raw, error]
		options verify.LedgerOptions
		verdict verify.Verdict
		codes   string
		head    int64
	}{
		{"whole", raws(all...), verify.LedgerOptions{}, verify.Verified, "", 40},
		{"one record", raws(all[0]), verify.LedgerOptions{}, verify.Verified, "", 1},
		{"head alone", raws(all...), verify.LedgerOptions{Signatures: verify.SignaturesHead}, verify.Verified, "", 40},
		{"last first", raws(reversed...), verify.LedgerOptions{}, verify.Verified, "", 40},
		{"nothing", raws(), verify.LedgerOptions{}, verify.Malformed, "ledger_empty", 0},
		{"no record", raws([]byte("{}")), verify.LedgerOptions{}, verify.Malformed, "not_a_bundle", 0},
		{"first gone", raws(all[1:]...), verify.LedgerOptions{}, verify.Inconclusive, "genesis_missing", 39},
		{"interrupted", failing(all[:20], verify.ErrInterrupted), verify.LedgerOptions{}, verify.Inconclusive, "interrupted", 20},
		{"interrupted at once", failing(nil, verify.ErrInterrupted), verify.LedgerOptions{}, verify.Inconclusive, "interrupted", 0},
		{"read error", failing(all, io.ErrUnexpectedEOF), verify.LedgerOptions{}, verify.Inconclusive, "unreadable", 40},
		{"a part, then read error", failing(all[1:], io.ErrUnexpectedEOF), verify.LedgerOptions{}, verify.Inconclusive, "genesis_missing unreadable", 39},
		{"unreadable record", func(yield func(bundle.Raw, error) bool) {
			_ = yield(bundle.Raw{Data: all[0]}, nil) && yield(bundle.Raw{Err: errors.New("no permission")}, nil) && yield(bundle.Raw{Data: all[2]}, nil)
		}, verify.LedgerOptions{}, verify.Unreadable, "record_missing unreadable", 2},
	} {
		r := v.Ledger(c.records, c.options)
		if r.Verdict() != c.verdict || codes(r) != c.codes || r.Head.Position != c.head || (r.Err() == nil) != (c.verdict == verify.Verified) {
			t.Errorf("%s: %s, %q, head %d; want %s, %q, %d", c.name, r.Verdict(), codes(r), r.Head.Position, c.verdict, c.codes, c.head)
		}
		if r.Unordered != (c.name == "last first") {
			t.Errorf("%s: unordered is %t", c.name, r.Unordered)
		}
		if complete := r.Complete(); complete == (c.verdict == verify.Inconclusive && c.name != "first gone") {
			t.Errorf("%s: complete is %t", c.name, complete)
		}
	}
	if r := (&verify.LedgerReport{}); r.Verdict() != verify.Inconclusive || r.Err() == nil || r.Checkpoint() != nil {
		t.Errorf("the zero report is %s", r.Verdict())
	}
	part, err := verify.New(verify.Policy{Keys: mustParse(t, set), Previous: records[9].This})
	if err != nil {
		t.Fatal(err)
	}
	if r := part.Ledger(raws(all[10:]...), verify.LedgerOptions{}); r.Verdict() != verify.Verified {
		t.Errorf("a part behind the record that was given: %s %s", r.Verdict(), codes(r))
	}
	if r := part.Ledger(raws(all[11:]...), verify.LedgerOptions{}); r.Verdict() != verify.Failed {
		t.Errorf("a part behind another record than was given: %s", r.Verdict())
	}
}

// In mode head, signatures in the middle are not looked at, and the head's is.
func TestSignaturesHead(t *testing.T) {
	records, set := chainOf(300)
	v := ledgerVerifier(t, set)
	stranger := ledgergen.NewKey("default", "somebody else")
	head := verify.LedgerOptions{Signatures: verify.SignaturesHead}
	middle := slices.Clone(records)
	middle[100].Sign(stranger)
	if r := v.Ledger(raws(data(middle...)...), head); r.Verdict() != verify.Verified || r.Verifieds != 1 {
		t.Errorf("a bad signature in the middle: %s %s, %d signatures", r.Verdict(), codes(r), r.Verifieds)
	}
	if r := v.Ledger(raws(data(middle...)...), verify.LedgerOptions{}); r.Verdict() != verify.Failed || codes(r) != "signature_mismatch" {
		t.Errorf("with all signatures: %s %s", r.Verdict(), codes(r))
	}
	last := slices.Clone(records)
	last[299].Sign(stranger)
	if r := v.Ledger(raws(data(last...)...), head); r.Verdict() != verify.Failed || codes(r) != "head_not_verified" {
		t.Errorf("a bad signature at the head: %s %s", r.Verdict(), codes(r))
	}
	last[299].KID = "unknown"
	if r := v.Ledger(raws(data(last...)...), head); r.Verdict() != verify.Inconclusive || codes(r) != "head_not_verified" {
		t.Errorf("an unknown key at the head: %s %s", r.Verdict(), codes(r))
	}
	changed := data(records...)
	changed[100] = bytes.Replace(changed[100], []byte(`"country":""`), []byte(`"country":"XX"`), 1)
	if r := v.Ledger(raws(changed...), head); r.Verdict() != verify.Failed || codes(r) != "runtime_hash_mismatch" {
		t.Errorf("a changed artifact: %s %s", r.Verdict(), codes(r))
	}
}

// The original forked its chain under parallel finalizes, from the first record
// on. No ledger of it is at hand, so one of that shape is made: 24 records of two
// workers that read the head too early.
func TestRaced(t *testing.T) {
	g, key := ledgergen.New(5), ledgergen.NewKey("default", "perf")
	var records []ledgergen.Record
	prevs := []string{bundle.Genesis}
	for len(records) < 24 {
		for range 2 { // both read the same head
			r := g.Next()
			r.Seal(prevs[len(prevs)-1], key)
			records = append(records, r)
		}
		prevs = append(prevs, records[len(records)-1].This)
	}
	r := ledgerVerifier(t, ledgergen.JWKS(key.JWK(""))).Ledger(raws(data(records...)...), verify.LedgerOptions{})
	if r.Verdict() != verify.Failed || r.Counts[verify.GenesisRepeated] != 1 || r.Counts[verify.LedgerFork] != 11 || r.Total() != 12 {
		t.Errorf("%s, %v", r.Verdict(), r.Counts)
	}
	if r.Ends != 13 || r.Head.Position != 12 || r.ByVerdict[verify.Verified] != 24 {
		t.Errorf("%d ends, head at %d, %v", r.Ends, r.Head.Position, r.ByVerdict)
	}
	for _, f := range r.Listed {
		if len(f.Others) != 1 || f.Others[0].Record != f.Place.Record-1 {
			t.Errorf("%s: record %d and %v", f.Code, f.Place.Record, f.Others)
		}
	}
}

// The real ledgers.
func TestRealLedgers(t *testing.T) {
	v := verifier(t, verify.Policy{Keys: keys(t, "jwks.json")})
	var good, replaced [][]byte
	for _, name := range []string{"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"} {
		good = append(good, testdata.Read(fixtures+"good/"+name+".bundle.json"))
		replaced = append(replaced, testdata.Read(fixtures+"refinalized/"+name+".bundle.json"))
	}
	if r := v.Ledger(raws(good...), verify.LedgerOptions{}); r.Verdict() != verify.Verified || len(r.Keys) != 2 || r.Keys[1].First != 7 || r.Keys[1].Last != 12 || r.Head.Position != 12 {
		t.Errorf("good: %s %s %+v", r.Verdict(), codes(r), r.Keys)
	}
	r := v.Ledger(raws(replaced...), verify.LedgerOptions{})
	if r.Verdict() != verify.Inconclusive || codes(r) != "record_missing record_replaced" || !r.Unordered || r.ByVerdict[verify.Verified] != 12 {
		t.Errorf("refinalized: %s %s", r.Verdict(), codes(r))
	}
	for _, f := range r.Listed {
		want := map[verify.Code]int64{verify.RecordReplaced: 3, verify.RecordMissing: 4}[f.Code] // 02 and 03, counted from 1
		if f.Place.Record != want || f.Expected != "11be5e47b35c37f4a5216f9a32a7c40825e2949aa19d2ec79054ae88f21206e4" {
			t.Errorf("%s at record %d, %s", f.Code, f.Place.Record, f.Expected)
		}
	}
	if r.Head.Place.Record != 3 {
		t.Errorf("the head is record %d; 02 stands at the end", r.Head.Place.Record)
	}
	old := slices.Collect(bytes.Lines(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")))
	r = v.Ledger(raws(old...), verify.LedgerOptions{})
	if c := r.Generations[bundle.V01]; r.Verdict() != verify.Inconclusive || codes(r) != "genesis_missing older_generation" || c.Records != 21 || c.Hashed != 21 {
		t.Errorf("v0.1: %s %s %+v", r.Verdict(), codes(r), c)
	}
	for _, f := range r.Listed {
		if f.Code == verify.GenesisMissing && f.Expected != "23258f6e07b72784dd624dc2520627f557f6839ed8d953294393f67241340973" {
			t.Errorf("the missing predecessor is said to be %s", f.Expected)
		}
		if f.Code == verify.OlderGeneration && !(strings.Contains(f.Message, "matches the formula of v0.1") && strings.Contains(f.Message, "not signed")) {
			t.Error(f.Message)
		}
	}
}

// Of a ledger in any order, from which one record was taken, just that is told: an
// order that is no order accuses nobody of anything else.
func TestShuffledGap(t *testing.T) {
	records, set := chainOf(30)
	v := ledgerVerifier(t, set)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 600 {
		gone := 1 + random.IntN(28)
		lines := data(slices.Delete(slices.Clone(records), gone, gone+1)...)
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		r := v.Ledger(raws(lines...), verify.LedgerOptions{Workers: 1})
		if codes(r) != "record_missing" || r.Total() != 1 || r.Listed[0].Expected != records[gone].This || r.Listed[0].Place.ThisHash != records[gone+1].This || r.Ends != 2 {
			t.Fatalf("round %d, without record %d: %s, %d findings, %d ends", round, gone, codes(r), r.Total(), r.Ends)
		}
	}
}

// Claimed hashes can form a circle, and segments can hang on each other in any
// order; the audit ends, and nothing of it is verified.
func TestCircle(t *testing.T) {
	records, set := chainOf(6)
	records[0].Prev = records[5].This
	records[3].Prev = records[2].This
	for range 6 {
		records = append(records[1:], records[0])
		r := ledgerVerifier(t, set).Ledger(raws(data(records...)...), verify.LedgerOptions{})
		if r.Verdict() != verify.Failed || r.Records != 6 || r.Head.Position == 0 {
			t.Errorf("%s %s", r.Verdict(), codes(r))
		}
	}
}

// A scratch file that fails is a verdict that was not reached.
func TestScratchFails(t *testing.T) {
	records, set := chainOf(600)
	for i := range 3 {
		o := verify.LedgerOptions{Scratch: []verify.Scratch{nil, nil, nil}}
		o.Scratch[i] = full{}
		r := ledgerVerifier(t, set).Ledger(raws(data(records[1:]...)...), o)
		if i < 2 && (r.Verdict() == verify.Verified || r.Complete() || r.Counts[verify.InternalError] != 1) {
			t.Errorf("scratch %d: %s %s", i, r.Verdict(), codes(r))
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error)         { return 0, errors.New("no space left") }
func (full) ReadAt([]byte, int64) (int, error) { return 0, errors.New("nothing there") }

// Lines come whole however the reader cuts them; long ones are refused and the
// next follow.
func TestEntries(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	text := "\xef\xbb\xbf{\"a\":1}\n\n  {\"b\":2}\r\n" + long + "\n{\"c\":3}"
	want := []string{"\xef\xbb\xbf{\"a\":1}", "  {\"b\":2}", "", "{\"c\":3}"}
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text))} {
		var got []string
		var lines []int64
		for raw, err := range bundle.Entries(r, bundle.Limits{MaxBytes: 1000}) {
			if err != nil {
				t.Fatal(err)
			}
			if (raw.Err != nil) != (raw.Line == 4) {
				t.Errorf("%s: line %d: %v", name, raw.Line, raw.Err)
			}
			got, lines = append(got, string(raw.Data)), append(lines, raw.Line)
		}
		if !slices.Equal(got, want) || !slices.Equal(lines, []int64{1, 3, 4, 5}) {
			t.Errorf("%s: %.60q on lines %v", name, got, lines)
		}
	}
	n := 0
	for _, err := range bundle.Entries(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}\n{}"))), bundle.Limits{}) {
		if n++; !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("a read error was swallowed: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d items", n)
	}
}

// FuzzLedger: any lines at all end in a report, and a ledger is verified only if
// each of its records is, alone.
func FuzzLedger(f *testing.F) {
	records, set := chainOf(3)
	all := data(records...)
	f.Add(bytes.Join(all, []byte("\n")))
	f.Add(bytes.Join([][]byte{all[1], all[0], all[1]}, []byte("\n")))
	f.Add(testdata.Read("qod-mock-v0.1/ledger-8cfcc1b.jsonl")[:2000])
	f.Add([]byte("{}\n\n[]\n\"\""))
	keys, err := jwks.Parse(set)
	if err != nil {
		f.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, mode := range []verify.SignatureMode{verify.SignaturesAll, verify.SignaturesHead} {
			r := v.Ledger(bundle.Entries(bytes.NewReader(text), bundle.Limits{}), verify.LedgerOptions{Signatures: mode, Workers: 2})
			if r.Counts[verify.InternalError] > 0 {
				t.Fatalf("internal error: %v", r.Listed)
			}
			if r.Verdict() != verify.Verified || mode == verify.SignaturesHead {
				continue
			}
			for raw := range bundle.Entries(bytes.NewReader(text), bundle.Limits{}) {
				if b, err := bundle.Parse(raw.Data); err != nil || v.Bundle(b).Err() != nil {
					t.Fatalf("verified, and line %d is not", raw.Line)
				}
			}
		}
	})
}

// FuzzParity seals whatever proof and artifact, so that hashes and signature hold,
// and only what the parts say decides: an audit says of the record what the full
// checks say. "@" in the proof stands for the artifact's hash.
func FuzzParity(f *testing.F) {
	key := ledgergen.NewKey("default", "perf")
	g := ledgergen.New(2)
	for range 6 {
		r := g.Next()
		r.Seal(bundle.Genesis, key)
		f.Add([]byte(strings.Replace(r.Proof, r.Checksum, "@", 1)), []byte(r.Artifact), r.SessionID, r.SessionID+"/artifact.json")
	}
	keys, err := jwks.Parse(ledgergen.JWKS(key.JWK("")))
	if err != nil {
		f.Fatal(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, proof, artifact []byte, session, path string) {
		doc, err := canonical.Parse(artifact, canonical.Options{})
		if err != nil {
			return
		}
		digest, err := bundle.ArtifactDigest(doc.Root(), canonical.QodMock)
		if err != nil {
			return
		}
		r := ledgergen.Record{SessionID: "s", Artifact: string(artifact), Proof: strings.Replace(string(proof), "@", digest.String(), 1)}
		if doc, err = canonical.Parse([]byte(r.Proof), canonical.Options{}); err != nil {
			return
		}
		link, err := bundle.LinkDigest(bundle.Genesis, doc.Root(), canonical.QodMock)
		if err != nil {
			return
		}
		r.Prev, r.This, r.KID = bundle.Genesis, link.String(), "default"
		r.Sign(key)
		line := bytes.Replace(r.Bundle(), []byte(`"session_id":"s"`), []byte(`"session_id":`+ledgergen.Quote(session)), 1)
		line = bytes.Replace(line, []byte(`"runtime_artifact_relpath":"s/artifact.json"`), []byte(`"runtime_artifact_relpath":`+ledgergen.Quote(path)), 1)
		want := verify.Malformed
		if b, err := bundle.Parse(line); err == nil {
			want = v.Bundle(b).Verdict()
		}
		if got := v.Ledger(raws(line), verify.LedgerOptions{Workers: 1}); got.ByVerdict[want] != 1 || got.Counts[verify.InternalError] > 0 {
			t.Errorf("alone %s, in an audit %v %s\n%s", want, got.ByVerdict, codes(got), line)
		}
	})
}
