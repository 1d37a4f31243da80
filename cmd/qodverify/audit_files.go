package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/cmd/internal/state"
	"github.com/qodverify/qodverify/verify"
)

// This file has what an audit keeps on the disk: its state, evidence, findings
// and scratch.

// remembered loads the state. One that can't be read is no reason to start anew:
// somebody may want just that.
func (r *auditRun) remembered() error {
	if r.flags.state == "" {
		return nil
	}
	before, err := state.Load(r.flags.state)
	switch {
	case errors.Is(err, fs.ErrNotExist) && files.Writable(r.flags.state, state.Options) != nil:
		return nil // which is told
	case errors.Is(err, fs.ErrNotExist):
		r.say("no state yet: %s is written when this audit is complete", r.flags.state)
		return nil
	case other(err):
		return &problemError{"state", exitMalformed, fmt.Errorf("--state %s: %w; nothing was audited", r.flags.state, err)}
	case err != nil:
		return &problemError{"state", exitMalformed, fmt.Errorf("--state %s: %w; nothing was audited. Mend it from a backup, or remove it to start anew", r.flags.state, err)}
	}
	r.before, r.options.Since = before, before.Checkpoint()
	if r.options.Since.Signatures == verify.SignaturesHead && r.options.Signatures == verify.SignaturesAll {
		r.say("the state is of --signatures head; verifying all signatures from the start")
		r.options.Whole = true
	}
	return nil
}

// other reports whether an error says that a file is something else: one that must not
// be removed to start anew.
func other(err error) bool {
	var k *kind.Error
	return errors.As(err, &k) && !slices.Contains([]string{"empty", "blank", "zeros"}, k.Kind.ID)
}

// writesApart refuses to write over what is read.
func (f *auditFlags) writesApart(ledger string) error {
	for name, file := range map[string]string{"findings": f.findings, "evidence": f.evidence, "state": f.state} {
		for _, read := range append([]string{ledger}, f.jwks...) {
			if sameFile(file, read) {
				return fmt.Errorf("--%s %s would be written over what is read", name, file)
			}
		}
	}
	return nil
}

// tryFiles tells which files could not be written at the end, before hours of work.
// The audit is done all the same: its findings are worth more than the file.
func (r *auditRun) tryFiles() {
	r.tryReports()
	for _, v := range []struct {
		flag, name string
		options    files.Options
	}{{"--state", r.flags.state, state.Options}, {"--evidence", r.flags.evidence, state.Options}, {"--findings", r.flags.findings, files.Options{}}} {
		if v.name == "" {
			continue
		}
		if err := files.Writable(v.name, v.options); err != nil {
			r.tell("%s: %v; the audit is done without it", v.flag, err)
		}
	}
}

// lost tells what could not be written. It costs the status, and nothing else.
func (r *auditRun) lost(format string, args ...any) {
	r.tell(format, args...)
	r.unsaved = joined(r.unsaved, exitMalformed)
	if r.output == "github" {
		render.AnnotateProblem(r.stdout, render.Problem{Code: "output", Message: fmt.Sprintf(format, args...)})
	}
}

// remember writes the state, or the evidence against the ledger.
func (r *auditRun) remember(report *verify.LedgerReport, result *render.Audit) {
	if r.flags.state == "" {
		return
	}
	tool := state.Tool{Name: tool().Name, Version: tool().Version}
	if c := report.Contradiction; c != nil {
		name := r.flags.evidence
		if name == "" {
			name = r.flags.state + ".evidence.json"
		}
		if c.Record == nil && r.ledger.Again {
			r.fetchFound(c)
		}
		if err := state.NewEvidence(tool, r.before, r.ledger.Name, r.start, c).Save(name); err != nil {
			r.lost("the evidence for %s: %v", c.Code, err)
			return
		}
		result.Evidence = name
		return
	}
	c := report.Checkpoint()
	if c == nil {
		return
	}
	if err := state.New(tool, r.ledger.Name, r.start, c).Save(r.flags.state); err != nil {
		r.lost("--state: %v; the next audit begins where this one did", err)
		return
	}
	result.StateNew = true
}

// fetchFound gets the record that a contradiction is about, where the audit did
// not keep it. Of a service that has nothing at the remembered position, the last
// record is what there is.
func (r *auditRun) fetchFound(c *verify.Contradiction) {
	if c.Position > 0 {
		c.Record = r.recordAt(c.Found.Record)
		return
	}
	size := r.ledger.Size.Load()
	if !source.IsURL(r.ledger.Name) || size < 1 || size >= c.Before.Count {
		return
	}
	last, err := r.reader.Ledger(r.ctx, r.ledger.Name, size)
	if err != nil {
		return
	}
	for raw, err := range last.Records {
		if b, parseErr := bundle.Parse(raw.Data); err == nil && parseErr == nil {
			c.Position, c.Record = size, slices.Clone(raw.Data)
			c.Found = verify.Place{Record: 1, Input: raw.Input, ThisHash: b.Entry.ThisHash, SessionID: b.Proof.SessionID, KID: b.Entry.KID}
		}
		return
	}
}

// recordAt reads a ledger again for one record, by its number in the input.
func (r *auditRun) recordAt(number int64) []byte {
	for raw, err := range r.ledger.Records {
		if number--; err != nil {
			return nil
		} else if number == 0 {
			return slices.Clone(raw.Data)
		}
	}
	return nil
}

// scratch is the temporary files of an audit.
type scratch struct{ files [3]*os.File }

func newScratch() (*scratch, error) {
	s := &scratch{}
	for i := range s.files {
		f, err := os.CreateTemp("", "qodverify-audit-*")
		if err != nil {
			s.close()
			return nil, files.Unwritten(filepath.Join(os.TempDir(), "qodverify-audit"), err)
		}
		// Without a name it goes when the program does, however that ends. Where an
		// open file keeps its name (Windows), close removes it.
		os.Remove(f.Name())
		s.files[i] = f
	}
	return s, nil
}

func (s *scratch) close() {
	for _, f := range s.files {
		if f != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}
}

// findingsFile takes all findings.
type findingsFile struct {
	f   *files.Writer
	w   *bufio.Writer
	err error
}

// createFindings begins the file of all findings, where one is asked for.
func (r *auditRun) createFindings() *findingsFile {
	if r.flags.findings == "" {
		return nil
	}
	f, err := files.Create(r.flags.findings, files.Options{})
	if err != nil {
		r.lost("--findings: %v", err)
		r.flags.findings = "" // a second pass can't write it either
		return nil
	}
	return &findingsFile{f: f, w: bufio.NewWriterSize(f, 64<<10)}
}

func (f *findingsFile) write(v verify.Finding) {
	if f.err != nil {
		return
	}
	var line []byte
	if line, f.err = render.FindingLine(v); f.err == nil {
		_, f.err = f.w.Write(line)
	}
}

func (f *findingsFile) commit() error {
	if f.err == nil {
		f.err = f.w.Flush()
	}
	if f.err != nil {
		return f.err
	}
	return f.f.Commit()
}

func (f *findingsFile) abort() { f.f.Abort() }
