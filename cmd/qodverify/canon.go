package main

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

func (a *app) canonCommand() *cobra.Command {
	var profileName, pointer string
	var hashOnly bool
	cmd := &cobra.Command{
		Use:   "canon [flags] FILE",
		Short: "Print the canonical bytes and the hash of a JSON file",
		Long: `canon prints the canonical bytes of a JSON file ("-" for stdin) to stdout, with no
newline after them, and their SHA-256 to stderr. On a terminal, characters that
are not plainly visible are shown as \u escapes, which stand for the same value.

This redoes by hand what the checks do. The hash that a proof claims for its
runtime artifact, and this_hash itself:

  qodverify canon --pointer /runtime_artifact --hash bundle.json
  (printf '%s|' "$PREV_HASH"; qodverify canon --pointer /proof bundle.json) | sha256sum`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			profile, err := canonical.ParseProfile(profileName)
			if err != nil {
				return fmt.Errorf("--profile: %w", err)
			}
			return a.canon(args[0], profile, pointer, hashOnly)
		},
	}
	cmd.Flags().StringVar(&profileName, "profile", "qod-mock", "canonical form: qod-mock or jcs")
	cmd.Flags().StringVar(&pointer, "pointer", "", "only the value at this RFC 6901 JSON `POINTER`")
	cmd.Flags().BoolVar(&hashOnly, "hash", false, "print only the hash, to stdout")
	return cmd
}

func (a *app) canon(name string, profile canonical.Profile, pointer string, hashOnly bool) error {
	if source.IsURL(name) {
		return errors.New("canon reads a file or stdin, not a URL")
	}
	malformed := func(err error) error {
		return &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", name, err)}
	}
	inputs, err := (&source.Reader{Stdin: a.stdin}).Inputs([]string{name})
	if err != nil {
		return err
	}
	if len(inputs) != 1 || inputs[0].Name != name {
		return fmt.Errorf("%s is a folder; canon reads one file", name)
	}
	if inputs[0].Err != nil {
		return malformed(inputs[0].Err)
	}
	doc, err := canonical.Parse(inputs[0].Data, canonical.Options{AllowBOM: true})
	if err != nil {
		return malformed(kind.Explain(err, inputs[0].Data, kind.JSON))
	}
	value := doc.Root().At(pointer)
	if !value.Exists() {
		return malformed(fmt.Errorf("the JSON pointer %q leads nowhere", pointer))
	}
	out, err := value.Canonical(profile)
	if err != nil {
		return malformed(err)
	}
	sum, size := sha256.Sum256(out), len(out)
	switch {
	case a.output == "json":
		return a.written(render.WriteJSON(a.stdout, struct {
			Profile   string `json:"profile"`
			Pointer   string `json:"pointer"`
			SHA256    string `json:"sha256"`
			Canonical string `json:"canonical"`
		}{profile.String(), pointer, fmt.Sprintf("%x", sum), string(out)}))
	case hashOnly:
		_, err := fmt.Fprintf(a.stdout, "%x\n", sum)
		return a.written(err)
	case a.onTerminal():
		out = append(render.PrintableJSON(out), '\n')
	}
	if _, err := a.stdout.Write(out); err != nil {
		return a.written(err)
	}
	if !a.quiet {
		fmt.Fprintf(a.stderr, "sha256 %x (%s, %d bytes)\n", sum, profile, size)
	}
	return nil
}
