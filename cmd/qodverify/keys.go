package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

func (a *app) keysCommand() *cobra.Command {
	reader := &source.Reader{Stdin: a.stdin}
	cmd := &cobra.Command{
		Use:   "keys [flags] FILE|URL…",
		Short: "List the keys of a JWK Set with thumbprints and faults",
		Long: `keys lists every key of a JWK Set: its kid, its RFC 7638 thumbprint (for --pin), the
time in which it may sign, and for a key that may not verify, why not. Its exit
status is 0 when every Ed25519 key is usable, 1 when one is refused, 4 when there is
none, and 3 when a set can't be read.`,
		Args: takes(1, -1),
		RunE: func(_ *cobra.Command, args []string) error {
			var sets []render.KeyList
			for _, name := range args {
				list, err := reader.KeySet(name)
				if errors.Is(err, source.ErrUsage) {
					return err
				}
				code := exitVerified
				switch {
				case err != nil:
					code = exitMalformed
				case render.Faulty(list):
					code = exitFailed
				case list.Len() == 0:
					code = exitInconclusive
				}
				a.exit = joined(a.exit, code)
				sets = append(sets, render.KeyList{Source: name, Set: list, Err: err, Unread: unread(err)})
			}
			if a.output == "json" {
				return a.written(render.KeysJSON(a.stdout, tool(), sets))
			}
			return a.written(render.KeysText(a.stdout, sets, render.TextOptions{Color: a.color()}))
		},
	}
	cmd.Flags().BoolVar(&reader.Offline, "offline", false, "refuse every URL")
	cmd.Flags().BoolVar(&reader.AllowHTTP, "allow-http", false, "allow plain http beyond this machine")
	cmd.AddCommand(a.generateCommand())
	return cmd
}

// unread says why a key set could not be read, "" where it was.
func unread(err error) string {
	var why *cause.Error
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "not found"
	case errors.As(err, &why):
		return "unreadable"
	}
	return ""
}

func (a *app) generateCommand() *cobra.Command {
	var out, kid string
	cmd := &cobra.Command{
		Use:   "generate --out FILE --kid ID",
		Short: "Make a signing key and print its public JWK Set entry",
		Long: `generate makes an Ed25519 key, writes it to FILE as a private JWK (RFC 8037), readable
by its owner alone, and prints the public key as a JWK Set to publish. It never
overwrites a file.`,
		Args: takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if out == "" || kid == "" {
				return errors.New("keys generate needs --out FILE and --kid ID")
			}
			return a.generate(out, kid)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` for the private key; must not exist")
	cmd.Flags().StringVar(&kid, "kid", "", "key `ID` by which records name the key")
	return cmd
}

func (a *app) generate(out, kid string) error {
	signer, err := mint.GenerateSigner(kid)
	if err != nil {
		return err
	}
	if err := signer.WriteFile(out); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		return a.unwritten(err)
	}
	fmt.Fprintf(a.stderr, "private key in %s; thumbprint %s\n", render.Printable(out), signer.Public().Thumbprint())
	set := pyjson.Object{{Name: "keys", Value: []any{signer.JWK()}}}
	_, err = a.stdout.Write(append(render.PrintableJSON(pyjson.Indent(set)), '\n'))
	return a.written(err)
}
