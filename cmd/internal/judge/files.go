package judge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// File is a file that somebody handed over without saying what it is.
type File struct {
	Name string
	Data []byte
}

// role is what a file is for, by its content.
type role uint8

const (
	oneBundle role = iota // also anything else: verifying it says what is wrong
	keySet
	ledgerFile
)

// maxUnpacked bounds the content of a packed file in bytes.
const maxUnpacked = 1 << 30

// Files judges files with the keys of other files. A file of several records, one
// a line, is a ledger, which is reported on by itself; all others are bundles. Keys
// are what was handed over as keys and nothing else: a JWK Set among the evidence
// may come from whoever made the evidence, so it is refused by its name. pins are
// RFC 7638 thumbprints.
func Files(tool render.Tool, files, keyFiles []File, pins []string) (render.Report, error) {
	var policy verify.Policy
	for _, text := range pins {
		pin, err := jwks.ParseThumbprint(text)
		if err != nil {
			return nil, fmt.Errorf("the pin %q: %w", text, err)
		}
		policy.Pins = append(policy.Pins, pin)
	}
	keys, err := keysOf(keyFiles)
	if err != nil {
		return nil, err
	}
	var bundles []Input
	var ledgers []File
	for _, f := range files {
		data, what, err := classify(f.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		switch what {
		case keySet:
			return nil, fmt.Errorf("%s is a JWK Set, and stands among the evidence: if the operator gave it to you, choose it under public keys; else leave it out", f.Name)
		case ledgerFile:
			ledgers = append(ledgers, File{f.Name, data})
		default:
			bundles = append(bundles, Input{Name: f.Name, Data: data, Keys: func() Keys { return keys }})
		}
	}
	switch {
	case len(ledgers) > 1 || len(ledgers) == 1 && len(bundles) > 0:
		return nil, errors.New("a ledger is verified by itself: give one ledger and the keys, or bundles and the keys")
	case len(ledgers) == 1:
		policy.Keys, policy.KeySource = keys.Set, keys.Source
		v, err := verify.New(policy)
		if err != nil {
			return nil, err
		}
		report := v.Ledger(records(ledgers[0]), verify.LedgerOptions{Explain: func(err error, data []byte) error { return kind.Explain(err, data, kind.Ledger) }})
		return render.Audit{Tool: tool, Ledger: ledgers[0].Name, Keys: keys.Source, Pinned: len(policy.Pins) > 0, Report: report}, nil
	case len(bundles) == 0:
		return nil, errors.New("there is no bundle and no ledger among the files")
	}
	results, err := Bundles(policy, bundles)
	if err != nil {
		return nil, err
	}
	return render.NewRun(tool, results), nil
}

// keysOf reads the key sets. Each key keeps the name of the file that it stood in.
func keysOf(files []File) (Keys, error) {
	var sets []*jwks.KeySet
	var names []string
	for _, f := range files {
		data, err := unpack.Bytes(f.Data, jwks.MaxBytes)
		if err != nil {
			return Keys{}, fmt.Errorf("keys from %s: %w", f.Name, err)
		}
		set, err := jwks.Parse(data)
		if err != nil {
			return Keys{}, fmt.Errorf("keys from %s: %w", f.Name, kind.Explain(err, data, kind.Keys))
		}
		if k, other := kind.Of(data, kind.Keys); other && set.Len() == 0 {
			return Keys{}, fmt.Errorf("keys from %s: %w", f.Name, kind.New(k))
		}
		sets, names = append(sets, set.From(f.Name)), append(names, f.Name)
	}
	if len(sets) == 0 {
		return Keys{}, nil
	}
	set, err := jwks.Merge(sets...)
	if err != nil {
		return Keys{}, fmt.Errorf("keys from %s: %w", strings.Join(names, ", "), err)
	}
	return Keys{Set: set, Source: strings.Join(names, ", ")}, nil
}

// records are a ledger's, each with the name of its file.
func records(f File) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		for raw, err := range bundle.Entries(bytes.NewReader(f.Data), bundle.Limits{}) {
			raw.Input = f.Name
			if !yield(raw, err) {
				return
			}
		}
	}
}

// classify says what a file is, and unpacks it.
func classify(data []byte) ([]byte, role, error) {
	switch {
	case bytes.HasPrefix(data, []byte("SQLite format 3\x00")):
		return nil, 0, errors.New("this is a SQLite database: qodverify export DATABASE writes its ledger as bundles, one a line, or qodverify audit reads it")
	}
	if unpack.Of(data) != unpack.Plain {
		z, _, err := unpack.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, 0, err
		}
		defer z.Close()
		if data, err = io.ReadAll(io.LimitReader(z, maxUnpacked+1)); err != nil {
			return nil, 0, err
		}
		if len(data) > maxUnpacked {
			return nil, 0, fmt.Errorf("it unpacks to more than %d bytes", maxUnpacked)
		}
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err == nil {
		root := doc.Root()
		if root.Get("keys").Kind() == canonical.Array && !root.Get("proof").Exists() && !root.Get("ledger").Exists() {
			return data, keySet, nil
		}
		return data, oneBundle, nil
	}
	// Several records, one a line: the first one is an object by itself.
	if first, rest, ok := bytes.Cut(data, []byte("\n")); ok && len(bytes.TrimSpace(rest)) > 0 {
		if doc, err := canonical.Parse(first, canonical.Options{AllowBOM: true}); err == nil && doc.Root().Kind() == canonical.Object {
			return data, ledgerFile, nil
		}
	}
	return data, oneBundle, nil
}
