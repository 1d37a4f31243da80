package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/mint"
)

// each runs a test on both implementations: they keep one contract.
func each(t *testing.T, test func(t *testing.T, s Store)) {
	t.Run("memory", func(t *testing.T) { test(t, NewMemory()) })
	t.Run("sqlite", func(t *testing.T) { test(t, openTemp(t)) })
}

func openTemp(t testing.TB) *SQLite {
	t.Helper()
	dir := t.TempDir()
	s, err := OpenSQLite(t.Context(), Options{Database: filepath.Join(dir, "sub", "ledger.sqlite3"), Artifacts: filepath.Join(dir, "artifacts")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// link is a stand-in for a proof: a chain of hashes.
func link(id string) Prepare {
	return func(session Session, samples iter.Seq2[Sample, error]) (Link, error) {
		n := 0
		for _, err := range samples {
			if err != nil {
				return nil, err
			}
			n++
		}
		if n == 0 {
			return nil, mint.ErrNoSamples
		}
		if session.ID != id {
			return nil, fmt.Errorf("preparing %s got session %s", id, session.ID)
		}
		return func(head Head) (*Draft, error) {
			sum := sha256.Sum256([]byte(head.ThisHash + "|" + id))
			return &Draft{
				Record: Record{CreatedAt: 1.8e9, ProofJSON: fmt.Sprintf(`{"n": %d}`, n), PrevHash: head.ThisHash, ThisHash: hex.EncodeToString(sum[:]), KID: "k"},
				Sign:   func(r *Record) { r.Signature = "signed " + r.ThisHash },
				Files: func() []mint.File {
					return []mint.File{{Name: mint.ArtifactPath(id), Data: []byte(id)}, {Name: "proof_" + id + ".json", Data: []byte("{}")}}
				},
			}, nil
		}, nil
	}
}

func session(id string) Session {
	return Session{ID: id, CreatedAt: 1, IntentJSON: "{}", Profile: "p", Status: "s", Note: "n"}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prove makes a session with one sample and finalizes it.
func prove(s Store, id string) (Record, error) {
	ctx := context.Background()
	err := s.CreateSession(ctx, session(id))
	if err == nil {
		err = s.AddSample(ctx, Sample{id, 1, "{}"})
	}
	if err != nil {
		return Record{}, err
	}
	r, _, err := s.Finalize(ctx, id, link(id))
	return r, err
}

// chain returns the ledger from its last record back to GENESIS.
func chain(t testing.TB, s Store, last int64) []Record {
	t.Helper()
	var list []Record
	for position := last + 1; ; position = list[len(list)-1].Position {
		r, err := s.Before(context.Background(), position)
		if errors.Is(err, ErrNoRecord) {
			break
		}
		must(t, err)
		if n := len(list); n > 0 && list[n-1].PrevHash != r.ThisHash {
			t.Fatalf("position %d does not link to %d", list[n-1].Position, r.Position)
		}
		list = append(list, r)
	}
	if n := len(list); n > 0 && list[n-1].PrevHash != bundle.Genesis {
		t.Fatalf("the first record's prev_hash is %q", list[n-1].PrevHash)
	}
	return list
}

func TestContract(t *testing.T) {
	each(t, func(t *testing.T, s Store) {
		ctx := t.Context()
		if _, err := s.Session(ctx, "a"); err != ErrUnknownSession {
			t.Errorf("unknown session: %v", err)
		}
		if err := s.AddSample(ctx, Sample{"a", 1, "{}"}); err != ErrUnknownSession {
			t.Errorf("sample of an unknown session: %v", err)
		}
		if _, _, err := s.Finalize(ctx, "a", link("a")); err != ErrUnknownSession {
			t.Errorf("finalizing an unknown session: %v", err)
		}
		for _, id := range []string{"a", "b", "c"} {
			must(t, s.CreateSession(ctx, session(id)))
		}
		if _, _, err := s.Finalize(ctx, "a", link("a")); err != mint.ErrNoSamples {
			t.Errorf("finalizing without samples: %v", err)
		}
		must(t, s.AddSample(ctx, Sample{"a", 1, `{"x":1}`}))
		must(t, s.AddSample(ctx, Sample{"b", 1, `{}`}))
		first, existed, err := s.Finalize(ctx, "a", link("a"))
		if err != nil || existed || first.Position != 1 || first.PrevHash != bundle.Genesis || first.SessionID != "a" || first.Signature != "signed "+first.ThisHash {
			t.Fatalf("first record %+v, existed %t, %v", first, existed, err)
		}
		if err := s.AddSample(ctx, Sample{"a", 2, `{}`}); err != ErrFinalized {
			t.Errorf("sample after finalize: %v", err)
		}
		again, existed, err := s.Finalize(ctx, "a", func(Session, iter.Seq2[Sample, error]) (Link, error) {
			t.Error("a finalized session was prepared again")
			return nil, errors.New("prepared twice")
		})
		if err != nil || !existed || again != first {
			t.Errorf("finalizing again: %+v, existed %t, %v", again, existed, err)
		}
		second, _, err := s.Finalize(ctx, "b", link("b"))
		if err != nil || second.Position != 2 || second.PrevHash != first.ThisHash {
			t.Errorf("second record %+v, %v", second, err)
		}
		if second.CreatedAt <= first.CreatedAt {
			t.Errorf("the clock stood still and so did the order: %v then %v", first.CreatedAt, second.CreatedAt)
		}
		if got := chain(t, s, 2); len(got) != 2 || got[1] != first || got[0] != second {
			t.Errorf("chain %+v", got)
		}
		for from, want := range map[int64][]Record{0: {first, second}, 1: {first, second}, 2: {second}, 3: nil, 1 << 60: nil} {
			if got, err := s.Records(ctx, from, 10); err != nil || !slices.Equal(got, want) {
				t.Errorf("records from %d on: %+v, %v", from, got, err)
			}
		}
		if got, err := s.Records(ctx, 1, 1); err != nil || !slices.Equal(got, []Record{first}) {
			t.Errorf("one record: %+v, %v", got, err)
		}
		if _, err := s.Record(ctx, "c"); err != ErrNoRecord {
			t.Errorf("record of an unfinalized session: %v", err)
		}
		if data, err := s.Artifact(ctx, "a"); err != nil || string(data) != "a" {
			t.Errorf("artifact %q, %v", data, err)
		}
		if _, err := s.Artifact(ctx, "c"); !errors.Is(err, ErrNoArtifact) {
			t.Errorf("missing artifact: %v", err)
		}
		if kids, err := s.KIDs(ctx); err != nil || len(kids) != 1 || kids[0] != "k" {
			t.Errorf("kids %q, %v", kids, err)
		}
		list, err := s.Sessions(ctx, 2, 1)
		if err != nil || len(list) != 2 || list[0].ID != "b" || list[0].Samples != 1 || list[0].Position != 2 || list[1].ID != "a" {
			t.Errorf("sessions %+v, %v", list, err)
		}
		must(t, s.Ready(ctx))
		must(t, s.Close())
		if err := s.CreateSession(ctx, session("d")); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestNoFork finalizes from many goroutines at once; one chain comes out.
func TestNoFork(t *testing.T) {
	const clients, total = 32, 1000
	each(t, func(t *testing.T, s Store) {
		var wait sync.WaitGroup
		for c := range clients {
			wait.Go(func() {
				for i := c; i < total; i += clients {
					id := fmt.Sprintf("s%04d", i)
					if _, err := prove(s, id); err != nil {
						t.Errorf("%s: %v", id, err)
					}
				}
			})
		}
		wait.Wait()
		if n := len(chain(t, s, total)); n != total {
			t.Errorf("the chain has %d records, want %d", n, total)
		}
	})
}

// Requests for one session that fall into one transaction see each other: the
// second finalize gets the first one's record, and later telemetry is refused.
func TestOneBatch(t *testing.T) {
	s := openTemp(t)
	ctx := t.Context()
	must(t, s.CreateSession(ctx, session("a")))
	must(t, s.AddSample(ctx, Sample{"a", 1, "{}"}))
	started, release := make(chan struct{}), make(chan struct{})
	unblock := sync.OnceFunc(func() { close(release) })
	defer unblock()
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.submit(ctx, func(*transaction) error {
			close(started)
			<-release
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-started
	queued := func(n int) {
		for end := time.Now().Add(10 * time.Second); len(s.queue) != n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d operations are queued, want %d", len(s.queue), n)
			}
		}
	}
	var records [2]Record
	var existed [2]bool
	errs := make([]error, 4)
	steps := []func(){
		func() { errs[0] = s.AddSample(ctx, Sample{"a", 2, "{}"}) },
		func() { records[0], existed[0], errs[1] = s.Finalize(ctx, "a", link("a")) },
		func() { records[1], existed[1], errs[2] = s.Finalize(ctx, "a", link("a")) },
		func() { errs[3] = s.AddSample(ctx, Sample{"a", 3, "{}"}) },
	}
	for i, step := range steps {
		wait.Go(step)
		queued(i + 1)
	}
	unblock()
	wait.Wait()
	if errs[0] != nil || errs[1] != nil || errs[2] != nil || errs[3] != ErrFinalized {
		t.Errorf("errors %v", errs)
	}
	if records[0] != records[1] || existed != [2]bool{false, true} || records[0].Signature == "" || records[0].ProofJSON != `{"n": 2}` {
		t.Errorf("records %+v, existed %v", records, existed)
	}
	if v, err := s.Session(ctx, "a"); err != nil || v.Samples != 2 || v.Position != 1 {
		t.Errorf("the session: %+v, %v", v, err)
	}
}

// A mint that fails or panics fails its own request, and the chain goes on.
func TestMintFails(t *testing.T) {
	s := openTemp(t)
	ctx := t.Context()
	for _, id := range []string{"a", "b"} {
		must(t, s.CreateSession(ctx, session(id)))
		must(t, s.AddSample(ctx, Sample{id, 1, "{}"}))
	}
	for _, bad := range []Prepare{
		func(Session, iter.Seq2[Sample, error]) (Link, error) { return nil, errors.New("no key") },
		func(Session, iter.Seq2[Sample, error]) (Link, error) {
			return func(Head) (*Draft, error) { return nil, errors.New("no key") }, nil
		},
		func(Session, iter.Seq2[Sample, error]) (Link, error) {
			return func(Head) (*Draft, error) { panic("broken") }, nil
		},
	} {
		if _, _, err := s.Finalize(ctx, "a", bad); err == nil {
			t.Error("a failing mint made a record")
		}
	}
	r, _, err := s.Finalize(ctx, "b", link("b"))
	if err != nil || r.Position != 1 {
		t.Errorf("after a failure: %+v, %v", r, err)
	}
}

// Whatever keeps a record from being stored, the answer is an UnavailableError,
// no row is there, the others of the batch are stored, and the chain goes on
// when the cause is gone.
func TestUnavailable(t *testing.T) {
	cases := map[string]struct {
		breakIt, mend func(t *testing.T, s *SQLite, dir string)
	}{
		"artifacts folder in the way": {
			func(t *testing.T, s *SQLite, dir string) {
				must(t, os.WriteFile(filepath.Join(dir, "bad"), nil, 0o644))
			},
			func(t *testing.T, s *SQLite, dir string) { must(t, os.Remove(filepath.Join(dir, "bad"))) },
		},
		"database full": {
			func(t *testing.T, s *SQLite, dir string) { limitPages(t, s, "1") },
			func(t *testing.T, s *SQLite, dir string) { limitPages(t, s, "1000000") },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := openTemp(t)
			for _, id := range []string{"good", "bad", "after"} {
				must(t, s.CreateSession(ctx, session(id)))
				must(t, s.AddSample(ctx, Sample{id, 1, "{}"}))
			}
			big := func(id string) Prepare {
				return func(v Session, samples iter.Seq2[Sample, error]) (Link, error) {
					next, err := link(id)(v, samples)
					return func(h Head) (*Draft, error) {
						d, err := next(h)
						if err == nil && id == "bad" {
							d.ProofJSON = strings.Repeat("x", 1<<20) // more than the full database has left
						}
						return d, err
					}, err
				}
			}
			c.breakIt(t, s, s.folder.root.Name())
			var wait sync.WaitGroup
			var goodErr, badErr error
			wait.Go(func() { _, _, goodErr = s.Finalize(ctx, "good", big("good")) })
			wait.Go(func() { _, _, badErr = s.Finalize(ctx, "bad", big("bad")) })
			wait.Wait()
			unavailable := (*UnavailableError)(nil)
			if !errors.As(badErr, &unavailable) {
				t.Errorf("got %v, want an UnavailableError", badErr)
			}
			if _, err := s.Record(ctx, "bad"); err != ErrNoRecord {
				t.Errorf("a record that was refused is there: %v", err)
			}
			c.mend(t, s, s.folder.root.Name())
			for _, id := range []string{"good", "bad", "after"} {
				if _, _, err := s.Finalize(ctx, id, link(id)); err != nil {
					t.Errorf("after mending, %s: %v", id, err)
				}
			}
			if n := len(chain(t, s, 3)); n != 3 || goodErr != nil && !errors.As(goodErr, &unavailable) {
				t.Errorf("%d records, %v", n, goodErr)
			}
		})
	}
}

// limitPages makes the database full, as a full disk does.
func limitPages(t *testing.T, s *SQLite, pages string) {
	t.Helper()
	if err := s.submit(t.Context(), func(x *transaction) error { return x.control("PRAGMA max_page_count = " + pages) }); err != nil {
		t.Fatal(err)
	}
}

func TestArtifactsStayInside(t *testing.T) {
	s := openTemp(t)
	dir := s.folder.root.Name()
	must(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "artifact.json"), []byte("outside"), 0o644))
	for _, id := range []string{"..", "../..", "/etc", "a/../.."} {
		if data, err := s.Artifact(t.Context(), id); err == nil {
			t.Errorf("%q reached %q", id, data)
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "link"), 0o755))
	if err := os.Symlink(filepath.Join(filepath.Dir(dir), "artifact.json"), filepath.Join(dir, "link", "artifact.json")); err != nil {
		t.Skip("skipped: no symbolic links here")
	}
	if data, err := s.Artifact(t.Context(), "link"); err == nil {
		t.Errorf("a symbolic link reached %q", data)
	}
	must(t, os.Mkdir(filepath.Join(dir, "big"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "big", "artifact.json"), make([]byte, MaxArtifact+1), 0o644))
	if _, err := s.Artifact(t.Context(), "big"); !errors.Is(err, ErrNoArtifact) {
		t.Errorf("an artifact of more than MaxArtifact: %v", err)
	}
}

// What a crash leaves (a folder without a row, half a temporary file, an old
// artifact) is no obstacle, and the record's own files replace it.
func TestOrphans(t *testing.T) {
	s := openTemp(t)
	dir := filepath.Join(s.folder.root.Name(), "a")
	must(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"artifact.json", ".artifact.json.tmp"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(`{"half`), 0o644))
	}
	add(t, s, "a")
	if data, err := s.Artifact(t.Context(), "a"); err != nil || string(data) != "a" {
		t.Errorf("artifact %q, %v", data, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
