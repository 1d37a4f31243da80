package server

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/store"
)

const (
	benchClients = 32
	noFiles      = "none"
)

// bench is a service with sessions that wait to be finalized.
type bench struct {
	store    *store.SQLite
	server   *http.Server
	addr     string
	sessions []string
}

// rowsOnly keeps records and no files, which is what the gates were measured on.
type rowsOnly struct{ store.Store }

func (s rowsOnly) Finalize(ctx context.Context, id string, prepare store.Prepare) (store.Record, bool, error) {
	return s.Store.Finalize(ctx, id, func(v store.Session, samples iter.Seq2[store.Sample, error]) (store.Link, error) {
		link, err := prepare(v, samples)
		return func(head store.Head) (*store.Draft, error) {
			draft, err := link(head)
			if err != nil {
				return nil, err
			}
			draft.Files = func() []mint.File { return nil }
			return draft, nil
		}, err
	})
}

func newBench(tb testing.TB, dir, artifacts string, batch, sessions int) *bench {
	tb.Helper()
	place := artifacts
	if artifacts == noFiles {
		place = filepath.Join(dir, "artifacts")
	}
	s, err := store.OpenSQLite(context.Background(), store.Options{
		Database: filepath.Join(dir, "ledger.sqlite3"), Artifacts: place, Batch: batch,
	})
	if err != nil {
		tb.Fatal(err)
	}
	ring := &Keyring{}
	if err := ring.Sign(testSigner(tb, "bench", 7)); err != nil {
		tb.Fatal(err)
	}
	config := Config{Store: s, Keys: ring, AllowAnonymous: true}
	if artifacts == noFiles {
		config.Store = rowsOnly{s}
	}
	handler := New(config)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	b := &bench{store: s, server: &http.Server{Handler: handler}, addr: l.Addr().String()}
	go b.server.Serve(l)
	b.sessions = make([]string, sessions)
	b.fill(tb, filepath.Join(dir, "ledger.sqlite3"))
	return b
}

// fill adds the sessions beside the service, in one transaction.
func (b *bench) fill(tb testing.TB, file string) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		tb.Fatal(err)
	}
	for i := range b.sessions {
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i)
		b.sessions[i] = id
		_, err := tx.Exec(`INSERT INTO sessions VALUES (?, 1.0, '{"text": "bench", "target_p95_latency_ms": 100, "target_jitter_ms": 20, "duration_s": 30, "flow_label": "demo-flow"}', 'QOS_BALANCED', 'REQUESTED', 'n')`, id)
		for n := 0; n < 3 && err == nil; n++ {
			_, err = tx.Exec(`INSERT INTO telemetry (session_id, created_at, sample_json) VALUES (?, 2.0, ?)`, id,
				`{"session_id": "`+id+`", "n": 100, "p50_ms": 40.0, "p95_ms": 90.5, "jitter_ms": 10.0, "notes": ""}`)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

func (b *bench) close(tb testing.TB) {
	b.server.Close()
	if err := b.store.Close(); err != nil {
		tb.Error(err)
	}
}

// finalizeAll finalizes every session from 32 clients, each on a connection of
// its own that it keeps, and returns how long that took. The client is lean,
// because it shares the machine with the service.
func (b *bench) finalizeAll(tb testing.TB) time.Duration {
	var wait sync.WaitGroup
	start := time.Now()
	for c := range benchClients {
		wait.Go(func() {
			conn, err := net.Dial("tcp", b.addr)
			if err != nil {
				tb.Error(err)
				return
			}
			defer conn.Close()
			r := bufio.NewReader(conn)
			for i := c; i < len(b.sessions); i += benchClients {
				if err := finalize(conn, r, b.sessions[i]); err != nil {
					tb.Errorf("session %d: %v", i, err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(start)
}

func finalize(conn net.Conn, r *bufio.Reader, session string) error {
	if _, err := fmt.Fprintf(conn, "POST /proof/%s/finalize HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n", session); err != nil {
		return err
	}
	reply, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if _, err := io.Copy(io.Discard, reply.Body); err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", reply.StatusCode)
	}
	return nil
}

// forks counts records whose predecessor has another successor.
func (b *bench) forks(tb testing.TB) int {
	seen, forks := map[string]bool{}, 0
	for position := int64(len(b.sessions)) + 1; ; {
		r, err := b.store.Before(context.Background(), position)
		if err != nil {
			break
		}
		if seen[r.PrevHash] {
			forks++
		}
		seen[r.PrevHash] = true
		position = r.Position
	}
	if len(seen) != len(b.sessions) || !seen[bundle.Genesis] {
		tb.Errorf("%d records, want %d", len(seen), len(b.sessions))
	}
	return forks
}

// BenchmarkFinalize measures durable finalizes over HTTP from 32 clients on the
// same machine: group commit against a commit for each request (gate B13: 3
// times), interleaved, medians of rounds. The rate is compared with the
// original's recorded 230 a second (gate B14: 25 times). The gates were measured
// on ledger rows alone; the four files of a record are added on a file system in
// memory, to see what they cost, and on the disk, which is what a service has.
func BenchmarkFinalize(b *testing.B) {
	places := []struct{ name, artifacts string }{{"rows-only", noFiles}}
	if memory, err := os.MkdirTemp("/dev/shm", "qodverify-bench"); err == nil {
		defer os.RemoveAll(memory)
		places = append(places, struct{ name, artifacts string }{"files-in-memory", memory})
	}
	places = append(places, struct{ name, artifacts string }{"files-on-disk", ""})
	for _, place := range places {
		b.Run(place.name, func(b *testing.B) {
			rates, forks := map[int][]float64{}, 0
			for b.Loop() {
				for _, batch := range []int{1, 0} {
					rate, forked := benchRound(b, place.artifacts, batch)
					rates[batch] = append(rates[batch], rate)
					forks += forked
				}
			}
			b.ReportMetric(median(rates[0]), "group/s")
			b.ReportMetric(median(rates[1]), "single/s")
			b.ReportMetric(median(rates[0])/median(rates[1]), "group÷single")
			b.ReportMetric(median(rates[0])/230, "group÷original")
			b.ReportMetric(float64(forks), "forks")
		})
	}
}

// benchRound finalizes 2,000 sessions and returns the rate a second and the
// number of forks.
func benchRound(b *testing.B, artifacts string, batch int) (rate float64, forks int) {
	dir := b.TempDir()
	switch artifacts {
	case noFiles:
	case "":
		artifacts = filepath.Join(dir, "artifacts")
	default:
		artifacts = filepath.Join(artifacts, filepath.Base(dir))
		defer os.RemoveAll(artifacts)
	}
	x := newBench(b, dir, artifacts, batch, 2000)
	defer x.close(b)
	took := x.finalizeAll(b)
	return float64(len(x.sessions)) / took.Seconds(), x.forks(b)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
