package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/verify"
)

func (a *app) exportCommand() *cobra.Command {
	var out, artifacts string
	cmd := &cobra.Command{
		Use:   "export [flags] DATABASE",
		Short: "Write a ledger as JSONL, or a bundle and its verdict for openssl, in-toto and JOSE",
		Long: `export writes every record of a service's SQLite database (the original's or this
program's) as the bundle that the service would answer, one a line, in the order of the
ledger: what GET /ledger answers, and what audit reads. The database is only read, and
nothing is verified. Artifacts come from the folder artifacts beside the database, or
from --artifacts-dir; a record whose artifact is missing stands without runtime_artifact.

The commands below export one bundle.`,
		Example: `  qodverify export --out ledger.jsonl qod-data/qod_mock.sqlite3
  qodverify export qod-data/qod_mock.sqlite3 | gzip > ledger.jsonl.gz`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return a.export(args[0], artifacts, out) },
	}
	cmd.Flags().StringVar(&out, "out", "-", "`FILE` to write, which must not exist; - is stdout")
	cmd.AddCommand(a.exportOpenSSLCommand(), a.exportDSSECommand(), a.exportJWSCommand())
	cmd.Flags().StringVar(&artifacts, "artifacts-dir", "", "`DIR` of the runtime artifacts")
	return cmd
}

func (a *app) export(database, artifacts, out string) (err error) {
	ctx, interruption := untilInterrupted()
	defer interruption.noticed()
	l, err := openDatabase(ctx, database, artifacts)
	if err != nil && ctx.Err() != nil {
		err = verify.ErrInterrupted
	}
	if err != nil {
		return &problemError{"input", exitMalformed, noDatabase(database, cause.Of(err))}
	}
	defer l.Close()
	n, err := a.exportTo(ctx, l, database, out)
	if err != nil {
		return err
	}
	for _, note := range l.Notes() {
		a.exportSay("note: %s", note)
	}
	if !l.HasArtifacts() {
		a.exportSay("note: no artifacts folder was found, so the records stand without runtime_artifact: give --artifacts-dir DIR")
	}
	a.exportSay("%d records of %s", n, database)
	return nil
}

// noDatabase says why a file can't be exported as a database, and, where it is JSON,
// what exports that.
func noDatabase(name string, err error) error {
	if data, readErr := source.ReadRegular(name, source.MaxBytes); readErr == nil {
		if k, known := kind.Of(data, kind.Database); known && k.ID != "bundle" && k.ID != "record" {
			return fmt.Errorf("%s: %w", name, kind.New(k))
		}
	}
	head := make([]byte, 64)
	if f, openErr := files.Open(name); openErr == nil && !store.IsDatabase(name) {
		n, _ := f.Read(head)
		f.Close()
		if bytes.HasPrefix(bytes.TrimLeft(head[:n], "\ufeff \t\r\n"), []byte("{")) {
			return &hintedError{name + " is JSON, and no SQLite database", "Of a bundle there are: qodverify export openssl, export dsse and export jws."}
		}
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (a *app) exportSay(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintln(a.stderr, "qodverify export:", render.Printable(fmt.Sprintf(format, args...)))
	}
}

// exportTo writes all lines.
func (a *app) exportTo(ctx context.Context, l *store.Ledger, database, out string) (n int, err error) {
	if out == "-" {
		n, err = a.exportLines(ctx, l, database, a.stdout)
		return n, err
	}
	f, err := files.Create(out, files.Options{Fresh: true, Durable: true})
	if err != nil {
		return 0, a.unwritten(err)
	}
	defer f.Abort()
	if n, err = a.exportLines(ctx, l, database, f); err != nil {
		return n, err
	}
	if err = f.Commit(); err != nil {
		return n, a.unwritten(err)
	}
	return n, nil
}

func (a *app) exportLines(ctx context.Context, l *store.Ledger, database string, w io.Writer) (n int, err error) {
	b := bufio.NewWriterSize(w, 256<<10)
	for e, readErr := range l.Lines(ctx) {
		if ctx.Err() != nil {
			readErr = verify.ErrInterrupted
		}
		if readErr != nil {
			return n, &problemError{"input", exitMalformed, fmt.Errorf("%s, after %d records: %w", database, n, readErr)}
		}
		if _, err := b.Write(append(e.Line(), '\n')); err != nil {
			return n, a.unwritten(fmt.Errorf("record %d: %w", n+1, outOr(w, err)))
		}
		n++
	}
	if err := b.Flush(); err != nil {
		return n, a.unwritten(outOr(w, err))
	}
	return n, nil
}

// outOr names stdout in an error of writing to it; a file's names the file.
func outOr(w io.Writer, err error) error {
	if _, ok := w.(*files.Writer); ok {
		return err
	}
	return fmt.Errorf("stdout can't be written: %s", files.Reason(err))
}
