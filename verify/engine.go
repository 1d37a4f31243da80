package verify

import (
	"crypto/fips140"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/qodverify/qodverify/verify/internal/fixedkey"
)

// Engine names what verifies signatures.
type Engine string

// The engines. Both accept exactly the same signatures.
const (
	// EngineStdlib is crypto/ed25519 alone.
	EngineStdlib Engine = "crypto/ed25519"
	// EngineFixedKey looks up multiples of the key where one has signed very many
	// records, and leaves every reject and a random 1/256 of the accepts to
	// crypto/ed25519 as well.
	EngineFixedKey Engine = "fixed-key tables, held to crypto/ed25519"
)

const (
	// tableAfter is the number of records of one key from which on its table pays:
	// it costs as much as some 40 verifications, and the first one twice that.
	tableAfter = 100
	// maxTables bounds memory: half a mebibyte each. A ledger of more keys than
	// that is verified by crypto/ed25519 from there on.
	maxTables = 16
	// recheckOneIn accepted signatures is judged again. Nobody knows which.
	recheckOneIn = 256
)

// engine is the state of one key that all workers share.
type engine struct {
	seen  atomic.Int64
	build sync.Once
	table atomic.Pointer[fixedkey.Key]
}

// errEngine: the two engines differ. Nothing that the audit said can be relied
// on, so it stops.
var errEngine = errors.New("internal error: two implementations of Ed25519 judge one signature differently")

// group is the signatures of one key that wait to be verified together.
type group struct {
	records        []*record
	messages, sigs [][]byte
	ok             [fixedkey.Group]bool
}

// sign queues a record's signature.
func (w *worker) queue(r *record) {
	g := w.groups[r.key]
	if g == nil {
		g = &group{}
		w.groups[r.key] = g
	}
	g.records = append(g.records, r)
	g.messages = append(g.messages, r.hashed[:])
	g.sigs = append(g.sigs, r.signature[:])
	if len(g.records) == fixedkey.Group {
		w.flush(r.key, g)
	}
}

// flush verifies a group and notes each record's outcome.
func (w *worker) flush(t *trusted, g *group) {
	if len(g.records) == 0 {
		return
	}
	ok := g.ok[:len(g.records)]
	if table := w.table(t, len(g.records)); table != nil {
		w.verifier.Verify(table, g.messages, g.sigs, ok)
		for i := range ok {
			if ok[i] && rand.Uint32N(recheckOneIn) != 0 {
				continue
			}
			if t.key.Verify(g.messages[i], g.sigs[i]) != ok[i] {
				w.audit.stop(errEngine)
			}
		}
	} else {
		for i := range ok {
			ok[i] = t.key.Verify(g.messages[i], g.sigs[i])
		}
	}
	for i, r := range g.records {
		r.settled, r.holds = true, ok[i]
	}
	g.records, g.messages, g.sigs = g.records[:0], g.messages[:0], g.sigs[:0]
}

// table returns the key's table once it pays.
func (w *worker) table(t *trusted, n int) *fixedkey.Key {
	e := t.engine
	if e.seen.Add(int64(n)) <= tableAfter || w.options.Stdlib || fips140.Enabled() {
		return nil
	}
	e.build.Do(func() {
		if w.tables.Add(1) > maxTables {
			return
		}
		k, err := fixedkey.New(t.key.Public[:])
		if err != nil {
			return // the key set holds no such key; crypto/ed25519 then says so
		}
		e.table.Store(k)
	})
	return e.table.Load()
}
