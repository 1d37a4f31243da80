package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
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
from --artifacts-dir; a record whose artifact is missing has null in its place.

The commands below export one bundle.`,
		Example: `  qodverify export --out ledger.jsonl qod-data/qod_mock.sqlite3
  qodverify export qod-data/qod_mock.sqlite3 | gzip > ledger.jsonl.gz`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.export(args[0], artifacts, out) },
	}
	cmd.Flags().StringVar(&out, "out", "-", "`FILE` to write, which must not exist; - is stdout")
	cmd.AddCommand(a.exportOpenSSLCommand(), a.exportDSSECommand(), a.exportJWSCommand())
	cmd.Flags().StringVar(&artifacts, "artifacts-dir", "", "`DIR` of the runtime artifacts")
	return cmd
}

func (a *app) export(database, artifacts, out string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := openDatabase(ctx, database, artifacts)
	if err != nil {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", database, err)}
	}
	defer l.Close()
	var w io.Writer = a.stdout
	if out != "-" {
		f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return &problemError{"output", exitMalformed, err}
		}
		defer func() {
			if closeErr := f.Close(); err == nil && closeErr != nil {
				err = &problemError{"output", exitMalformed, closeErr}
			}
		}()
		w = f
	}
	b := bufio.NewWriterSize(w, 256<<10)
	n := 0
	for line, readErr := range l.Lines(ctx) {
		if readErr != nil {
			return &problemError{"input", exitMalformed, fmt.Errorf("%s, after %d records: %w", database, n, readErr)}
		}
		n++
		if _, err := b.Write(append(line, '\n')); err != nil {
			return &problemError{"output", exitMalformed, fmt.Errorf("writing record %d: %w", n, err)}
		}
	}
	if err := errors.Join(b.Flush()); err != nil {
		return &problemError{"output", exitMalformed, err}
	}
	if !a.quiet {
		fmt.Fprintf(a.stderr, "qodverify export: %d records of %s\n", n, render.Printable(database))
	}
	return nil
}
