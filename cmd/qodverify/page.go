package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/page"
	"github.com/qodverify/qodverify/cmd/internal/render"
)

func (a *app) pageCommand() *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:   "page --out DIR",
		Short: "Write the verifier for browsers: one HTML file that needs no server and no network",
		Long: `page writes index.html: the verifier, compiled to WebAssembly, within one page. Bundles,
ledgers and keys are dropped on it and checked in the browser; its Content-Security-Policy
lets it send nothing anywhere. It can be opened from a disk, mailed, or put on any web
server; qodverify serve has it at /verify. An index.html that is there is replaced.`,
		Example: `  qodverify page --out site && xdg-open site/index.html`,
		Args:    takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return errors.New("--out DIR is missing")
			}
			return a.writeInto(out, "index.html", page.HTML(toolVersion()))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`DIR` to write into")
	return cmd
}

// writeInto writes one file into a folder, and says where it is.
func (a *app) writeInto(dir, name string, data []byte) error {
	file := filepath.Join(dir, name)
	if err := intoFolder(dir, name, data); err != nil {
		return a.unwritten(err)
	}
	if a.quiet {
		return nil
	}
	_, err := fmt.Fprintln(a.stdout, render.Printable(file))
	return a.written(err)
}

// intoFolder writes one file into a folder, which is made where it is not there.
func intoFolder(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return files.Unwritten(dir, err)
	}
	return files.Write(filepath.Join(dir, name), data, files.Options{})
}

func (a *app) manCommand() *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:     "man --out DIR",
		Short:   "Write the manual pages",
		Long:    `man writes a manual page for each command, section 1, as --help has it.`,
		Example: `  qodverify man --out man1 && man ./man1/qodverify-audit.1`,
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return errors.New("--out DIR is missing")
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same pages from the same program, on any day
			if err := writePages(root, out); err != nil {
				return a.unwritten(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`DIR` to write into")
	return cmd
}

// writePages writes the manual page of a command and of those below it.
func writePages(cmd *cobra.Command, dir string) error {
	var b bytes.Buffer
	header := &doc.GenManHeader{Section: "1", Source: "qodverify " + toolVersion(), Manual: "qodverify"}
	if err := doc.GenMan(cmd, header, &b); err != nil {
		return err
	}
	if err := intoFolder(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1", b.Bytes()); err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writePages(c, dir); err != nil {
			return err
		}
	}
	return nil
}
