// Package judge puts inputs, keys and a policy together and returns what there is
// to report. The command line and the verifier for browsers share it, so that they
// can't differ. It does no I/O.
package judge

import (
	"crypto/sha256"
	"fmt"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/render"
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
}

// Input is one input with the ways to what belongs to it.
type Input struct {
	Name string
	Data []byte
	Err  error // why there is no Data
	// Attach, when set, completes the bundle from elsewhere.
	Attach func(*bundle.Bundle) ([]verify.Note, error)
	// Keys finds the keys to judge it with. It is asked only for bundles.
	Keys func() Keys
}

// Bundles verifies the inputs, those with the same keys together, so that they are
// also checked as a chain. The results stand in the order of the inputs.
func Bundles(policy verify.Policy, inputs []Input) ([]render.Result, error) {
	type group struct {
		keys    Keys
		bundles []*bundle.Bundle
		index   []int
	}
	results := make([]render.Result, len(inputs))
	var groups []*group
	for i, in := range inputs {
		results[i].Input = in.Name
		if in.Err != nil {
			results[i].Report = verify.UnreadableReport(in.Err)
			continue
		}
		results[i].Digest = fmt.Sprintf("%x", sha256.Sum256(in.Data))
		b, err := bundle.Parse(in.Data)
		if err != nil {
			// Its bytes go no further: what is no bundle may be any file, and no report
			// shows it.
			results[i].Report = verify.MalformedReport(err)
			continue
		}
		results[i].Data, results[i].Bundle = in.Data, b
		if in.Attach != nil {
			if results[i].Notes, err = in.Attach(b); err != nil {
				return nil, err
			}
		}
		keys := in.Keys()
		if keys.SameOrigin && keys.Err == nil {
			results[i].Notes = append(results[i].Notes, verify.Note{Code: verify.NoteKeysSameOrigin,
				Message: "keys and bundle came from the same server: that shows that they fit each other, and not whose they are"})
		}
		if keys.Beside && keys.Err == nil {
			results[i].Notes = append(results[i].Notes, verify.Note{Code: verify.NoteKeysBeside,
				Message: "the keys lay beside the bundle: that shows that they fit each other, and not whose they are"})
		}
		g := (*group)(nil)
		for _, have := range groups {
			if have.keys.Set == keys.Set && have.keys.Source == keys.Source {
				g = have
			}
		}
		if g == nil {
			g = &group{keys: keys}
			groups = append(groups, g)
		}
		g.bundles = append(g.bundles, b)
		g.index = append(g.index, i)
	}
	for _, g := range groups {
		policy.Keys, policy.KeySource, policy.KeysErr = g.keys.Set, g.keys.Source, g.keys.Err
		v, err := verify.New(policy)
		if err != nil {
			return nil, err
		}
		for i, report := range v.Bundles(g.bundles) {
			results[g.index[i]].Report = report
		}
	}
	return results, nil
}
