// Package judge puts inputs, keys and a policy together and returns what there is
// to report. The command line and the verifier for browsers share it, so that they
// can't differ. It does no I/O.
package judge

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// Keys is a key set with where it came from.
type Keys struct {
	Set        *jwks.KeySet // nil when there is none
	Source     string       // for people
	SameOrigin bool         // they came from the server that served the bundle
	Beside     bool         // they lay beside the bundle
	Err        error        // a set was found and could not be used
	Sought     string       // where keys were looked for, when there are none
}

// Input is one input with the ways to what belongs to it.
type Input struct {
	Name string
	Data []byte
	Err  error // why there is no Data
	// Packed is how Data was packed.
	Packed unpack.Format
	// Attach, when set, completes the bundle from elsewhere.
	Attach func(*bundle.Bundle) ([]verify.Note, error)
	// Keys finds the keys to judge it with. It is asked only for bundles.
	Keys func() Keys
}

// Batch judges the inputs of a run, each by itself and where it is another's
// predecessor. Every input is looked at first, and judged when all are known; so an
// input is held only while it is worked on. Calls for different inputs may be made at
// once.
type Batch struct {
	policy verify.Policy
	looked []uint64 // a fingerprint of the bytes that were looked at; 0 of none
	seed   maphash.Seed
	batch  *verify.Batch

	mu        sync.Mutex
	verifiers map[trusted]*verify.Verifier
}

// trusted is what tells one verifier of a run from another.
type trusted struct {
	set            *jwks.KeySet
	source, sought string
}

// NewBatch returns the batch of n inputs that are held to one policy, or an error when
// the policy means nothing.
func NewBatch(policy verify.Policy, n int) (*Batch, error) {
	if _, err := verify.New(policy); err != nil {
		return nil, err
	}
	return &Batch{policy: policy, batch: verify.NewBatch(n), looked: make([]uint64, n), seed: maphash.MakeSeed(), verifiers: map[trusted]*verify.Verifier{}}, nil
}

func (b *Batch) verifier(keys Keys) (*verify.Verifier, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := trusted{keys.Set, keys.Source, keys.Sought}
	if v := b.verifiers[by]; v != nil {
		return v, nil
	}
	policy := b.policy
	policy.Keys, policy.KeySource, policy.KeysErr, policy.KeysSought = keys.Set, keys.Source, keys.Err, keys.Sought
	v, err := verify.New(policy)
	if err == nil {
		b.verifiers[by] = v
	}
	return v, err
}

// Look looks at input i. Its error is one of the run, not of the input.
func (b *Batch) Look(i int, in Input) error {
	p, err := prepare(in)
	if err != nil || p.bundle == nil {
		return err
	}
	v, err := b.verifier(p.keys)
	if err != nil {
		return err
	}
	b.batch.Look(v, i, p.bundle)
	b.looked[i] = b.mark(in.Data)
	return nil
}

func (b *Batch) mark(data []byte) uint64 { return maphash.Bytes(b.seed, data) | 1 }

// Looked ends the first round, and returns what is known of the bundles.
func (b *Batch) Looked() *verify.Batch {
	b.batch.Looked()
	return b.batch
}

// Judge verifies input i. Its error is one of the run, not of the input.
func (b *Batch) Judge(i int, in Input) (render.Result, error) {
	p, err := prepare(in)
	if err != nil || p.bundle == nil {
		return p.Result, err
	}
	if b.looked[i] != 0 && b.looked[i] != b.mark(in.Data) {
		p.Report, p.Data, p.Bundle = verify.UnreadableReport(ErrChanged), nil, nil
		return p.Result, nil
	}
	v, err := b.verifier(p.keys)
	if err != nil {
		return p.Result, err
	}
	p.Report = b.batch.Judge(v, i, p.bundle)
	return p.Result, nil
}

// Alone verifies an input as if there were no other.
func (b *Batch) Alone(in Input) (render.Result, error) {
	p, err := prepare(in)
	if err != nil || p.bundle == nil {
		return p.Result, err
	}
	v, err := b.verifier(p.keys)
	if err == nil {
		p.Report = v.Bundle(p.bundle)
	}
	return p.Result, err
}

// Chain holds the inputs that were judged to each other.
func (b *Batch) Chain() *verify.Chain { return b.batch.Chain() }

// ErrChanged is why an input that was looked at can't be judged.
var ErrChanged = errors.New("it changed while it was read; verify it again when nothing writes to it")

// prepared is an input with all that it is judged with.
type prepared struct {
	render.Result
	bundle *bundle.Bundle // nil: Report says why
	keys   Keys
}

func prepare(in Input) (p prepared, err error) {
	p.Input = in.Name
	if in.Err != nil {
		p.Report = verify.UnreadableReport(in.Err)
		return p, nil
	}
	digest := sha256.Sum256(in.Data)
	p.Digest = fmt.Sprintf("%x", digest)
	b, err := bundle.Parse(in.Data)
	if err != nil {
		// Its bytes go no further: what is no bundle may be any file, and no report
		// shows it.
		p.Report = verify.MalformedReport(kind.Explain(err, in.Data, kind.Bundle))
		return p, nil
	}
	p.Data, p.Bundle, p.bundle = in.Data, b, b
	if in.Attach != nil {
		if p.Notes, err = in.Attach(b); err != nil {
			return p, err
		}
	}
	if in.Packed != unpack.Plain {
		p.Notes = append(p.Notes, verify.Note{Code: verify.NoteUnpacked, Message: "the input was packed with " + in.Packed.String() + ": its SHA-256 is that of what it unpacks to"})
	}
	p.keys = in.Keys()
	if p.keys.SameOrigin && p.keys.Err == nil {
		p.Notes = append(p.Notes, verify.Note{Code: verify.NoteKeysSameOrigin,
			Message: "keys and bundle came from the same server: that shows that they fit each other, and not whose they are"})
	}
	if p.keys.Beside && p.keys.Err == nil {
		p.Notes = append(p.Notes, verify.Note{Code: verify.NoteKeysBeside,
			Message: "the keys lay beside the bundle: that shows that they fit each other, and not whose they are"})
	}
	return p, nil
}

// Bundles verifies inputs that are at hand, those with the same keys together, so that
// they are also checked as a chain. The results stand in the order of the inputs.
func Bundles(policy verify.Policy, inputs []Input) ([]render.Result, error) {
	b, err := NewBatch(policy, len(inputs))
	if err != nil {
		return nil, err
	}
	for i, in := range inputs {
		if len(inputs) == 1 {
			break
		}
		if err := b.Look(i, in); err != nil {
			return nil, err
		}
	}
	b.Looked()
	results := make([]render.Result, len(inputs))
	for i, in := range inputs {
		if results[i], err = b.Judge(i, in); err != nil {
			return nil, err
		}
	}
	return results, nil
}
