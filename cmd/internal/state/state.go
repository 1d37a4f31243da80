// Package state keeps what an auditor remembers between two audits of a ledger,
// and writes down what shows that a ledger was changed between them.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
	"github.com/qodverify/qodverify/verify"
)

// SchemaID names the format of state files.
const SchemaID = "qodverify/state/v1"

// maxBytes bounds a state or evidence file: the head's record, two of them in
// evidence, and 10,000 findings.
const maxBytes = 48 << 20

// Tool identifies the program that wrote a file.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// File is a state file.
type File struct {
	Schema    string `json:"schema"`
	Tool      Tool   `json:"tool"`
	Ledger    string `json:"ledger"`     // its [PublicName]
	AuditedAt string `json:"audited_at"` // RFC 3339, by the auditor's clock
	Origin    string `json:"origin"`     // this_hash of the first record
	Count     int64  `json:"count"`
	Head      string `json:"head"`
	SessionID string `json:"session_id"`
	SignedAt  string `json:"signed_at"`
	Record    string `json:"record"` // the head's record as it was read
	Marks     []Mark `json:"marks"`
	// Part: positions count from origin, which is not the ledger's first record.
	Part bool `json:"part,omitempty"`
	// Trust is what the audit trusted; files of older versions have none.
	Trust    *Trust           `json:"trust,omitempty"`
	Seals    string           `json:"seals,omitempty"` // digest over the records' kids and signatures
	Mode     string           `json:"signatures"`
	Statuses map[string]int64 `json:"statuses"`
	Findings []Finding        `json:"findings"`
	SHA256   string           `json:"sha256"` // of this document with an empty sha256
}

// Trust is the keys that the records named, and the pins.
type Trust struct {
	Keys []Key    `json:"keys"`
	Pins []string `json:"pins"`
}

// Key is what was known of one kid.
type Key struct {
	KID        string `json:"kid"`
	Thumbprint string `json:"thumbprint"` // "" when there was no usable key
	Window     string `json:"window"`
}

// Mark is the hash at a chain position.
type Mark struct {
	Position int64  `json:"position"`
	ThisHash string `json:"this_hash"`
}

// Finding is a finding of an audit, by its digest.
type Finding struct {
	Digest string `json:"digest"`
	Code   string `json:"code"`
	Status string `json:"status"`
}

// statuses that a finding may have, by name.
var statuses = map[string]verify.Status{"fail": verify.Fail, "warn": verify.Warn, "not_run": verify.NotRun}

// New returns the file for a checkpoint.
func New(tool Tool, ledger string, now time.Time, c *verify.Checkpoint) *File {
	f := &File{
		Schema: SchemaID, Tool: tool, Ledger: PublicName(ledger), AuditedAt: now.UTC().Format(time.RFC3339),
		Origin: c.Origin, Count: c.Count, Head: c.Head, SessionID: c.SessionID, Record: string(c.Record),
		Marks: []Mark{}, Mode: string(c.Signatures), Statuses: map[string]int64{}, Findings: []Finding{}, Part: c.Part, Seals: c.Seals,
	}
	if len(c.Trust.Keys) > 0 {
		f.Trust = &Trust{Keys: []Key{}, Pins: append([]string{}, c.Trust.Pins...)}
		for _, k := range c.Trust.Keys {
			f.Trust.Keys = append(f.Trust.Keys, Key(k))
		}
	}
	if !c.SignedAt.IsZero() {
		f.SignedAt = c.SignedAt.Format(time.RFC3339Nano)
	}
	for _, m := range c.Marks {
		f.Marks = append(f.Marks, Mark(m))
	}
	for _, k := range c.Findings {
		f.Findings = append(f.Findings, Finding{k.Digest, string(k.Code), k.Status.String()})
	}
	for s, n := range c.Statuses {
		f.Statuses[s.String()] = n
	}
	return f
}

// PublicName is what documents that are given away call an input: a URL without what
// may be secret in it, of a file or folder the last part alone.
func PublicName(name string) string {
	if u, err := url.Parse(name); err == nil && u.Host != "" {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	return filepath.Base(name)
}

// Checkpoint returns what the library goes on from.
func (f *File) Checkpoint() *verify.Checkpoint {
	c := &verify.Checkpoint{
		Origin: f.Origin, Count: f.Count, Head: f.Head, SessionID: f.SessionID, Record: []byte(f.Record),
		Signatures: verify.SignatureMode(f.Mode), Statuses: map[verify.Status]int64{}, Part: f.Part, Seals: f.Seals,
	}
	if f.Trust != nil {
		c.Trust.Pins = f.Trust.Pins
		for _, k := range f.Trust.Keys {
			c.Trust.Keys = append(c.Trust.Keys, verify.KeyTrust(k))
		}
	}
	c.SignedAt, _ = time.Parse(time.RFC3339Nano, f.SignedAt)
	for _, m := range f.Marks {
		c.Marks = append(c.Marks, verify.Mark(m))
	}
	for _, k := range f.Findings {
		c.Findings = append(c.Findings, verify.KnownFinding{Digest: k.Digest, Code: verify.Code(k.Code), Status: statuses[k.Status]})
	}
	for name, n := range f.Statuses {
		c.Statuses[statuses[name]] = n
	}
	return c
}

// sum returns the checksum of a document whose own checksum is empty. It finds
// damage, not malice: who can write the file can write the sum.
func sum(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:]), nil
}

// Load reads a state file. A file that does not exist is [fs.ErrNotExist]; every
// other error means that there is one, and that it can't be relied on.
func Load(name string) (*File, error) {
	f := &File{}
	// It is written anew at the end, so it can't be a pipe, which would be waited for.
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir(), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return nil, fs.ErrNotExist // nor can there be one
	case err == nil && !info.Mode().IsRegular():
		return nil, files.ErrNotRegular
	}
	if err := read(name, f, kind.State); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return f, nil
}

func read(name string, into any, want kind.Want) error {
	r, err := os.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fs.ErrNotExist
		}
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxBytes:
		return fmt.Errorf("it is larger than %d bytes", maxBytes)
	}
	if want == kind.Evidence {
		if data, err = unpack.Bytes(data, maxBytes); err != nil {
			return err
		}
	}
	if k, other := kind.Of(data, want); other {
		if k.ID == "empty" || k.ID == "zeros" || k.ID == "blank" {
			return fmt.Errorf("it is damaged: %w", kind.New(k))
		}
		return kind.New(k)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	if d.More() {
		return errors.New("it is damaged: data after its end")
	}
	return nil
}

func (f *File) check() error {
	if f.Schema != SchemaID {
		return fmt.Errorf("its schema is %q, not %s", f.Schema, SchemaID)
	}
	unsigned := *f
	unsigned.SHA256 = ""
	if want, err := sum(&unsigned); err != nil || f.SHA256 != want {
		return errors.New("its checksum does not fit")
	}
	for _, h := range []string{f.Origin, f.Head} {
		if _, err := bundle.ParseDigest(h); err != nil {
			return fmt.Errorf("a hash in it: %w", err)
		}
	}
	if f.Count < 1 {
		return fmt.Errorf("its count is %d", f.Count)
	}
	for _, k := range f.Findings {
		if _, ok := statuses[k.Status]; !ok {
			return fmt.Errorf("a finding has the status %q", k.Status)
		}
	}
	return nil
}

// Save writes the file in one step: a reader, or a machine that loses power,
// sees the old state or the new one.
func (f *File) Save(name string) error {
	f.SHA256 = ""
	var err error
	if f.SHA256, err = sum(f); err != nil {
		return err
	}
	return write(name, f)
}

// Options are how state and evidence are written.
var Options = files.Options{Private: true, Durable: true}

func write(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(name, append(data, '\n'), Options)
}
