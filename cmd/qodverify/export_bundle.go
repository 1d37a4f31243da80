package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/attest"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

// one verifies a single input, and remembers its verdict as the exit status. What
// an export says about a bundle it must have looked at.
func (a *app) one(f *verifyFlags, arg string) (render.Result, verify.Policy, error) {
	r, policy, _, _, err := a.looked(f, arg)
	return r, policy, err
}

// looked is one, with what is needed to judge the input again.
func (a *app) looked(f *verifyFlags, arg string) (r render.Result, policy verify.Policy, keyring *source.Keyring, input source.Input, err error) {
	if policy, err = f.policy(); err != nil {
		return
	}
	var reader *source.Reader
	if reader, keyring, err = a.trust(f); err != nil {
		return
	}
	var inputs []source.Input
	if inputs, err = reader.Inputs([]string{arg}); err != nil {
		return
	}
	if len(inputs) != 1 {
		err = &problemError{"input", exitMalformed, fmt.Errorf("%s is not one bundle", arg)}
		return
	}
	for _, s := range reader.Skipped {
		if s.Evidence { // what is signed must be all that was given
			err = &problemError{"input", exitInconclusive, fmt.Errorf("%s is not known to be one bundle: %s was not read (%s)", arg, s.Name, s.Reason)}
			return
		}
	}
	for _, line := range leftOut(reader.Skipped, reader.Unused()).Lines() {
		a.exportSay("%s", line)
	}
	if input = inputs[0]; input.Err != nil {
		err = &problemError{"input", exitMalformed, fmt.Errorf("%s: %w", arg, input.Err)}
		return
	}
	if loadErr := keyring.Load(nil); errors.Is(loadErr, source.ErrUsage) {
		err = loadErr
		return
	} else if loadErr != nil {
		err = &problemError{"keys", exitMalformed, loadErr}
		return
	}
	if policy.Previous, err = resolvePrevious(f.previous, keyring); err != nil {
		return
	}
	results, err := f.judge(policy, keyring, inputs)
	if err != nil {
		return
	}
	r = results[0]
	a.exit = exitFor(r.Report.Verdict())
	if !a.quiet {
		reason := ""
		if r.Report.Verdict() != verify.Verified {
			reason = " (" + string(r.Report.Reason()) + ")"
		}
		fmt.Fprintf(a.stderr, "qodverify: %s: %s%s\n", render.Printable(r.Input), strings.ToUpper(r.Report.Verdict().String()), render.Printable(reason))
	}
	if r.Bundle == nil {
		c := r.Report.Checks()[0]
		err = &problemError{"input", exitMalformed, &hintedError{c.Message, c.Hint}}
	}
	return
}

func (a *app) exportOpenSSLCommand() *cobra.Command {
	f := &verifyFlags{}
	out := ""
	cmd := &cobra.Command{
		Use:   "openssl [flags] --out DIR BUNDLE",
		Short: "Write a bundle as files that sha256sum and openssl check",
		Long: `openssl writes a folder with which anyone checks a bundle without this program: the
canonical bytes, the signature, the key, and a README with the two commands

  ` + strings.Join(attest.Commands, "\n  ") + `

They need OpenSSL 3.0 or newer: "unknown option -rawin" comes from an older one or from
the LibreSSL of macOS (there: brew install openssl@3), and says nothing about the proof.
Where there is no sha256sum, as on macOS, shasum -a 256 -c does the same.

A bundle that does not verify is written too, and the commands then fail where its
hashes or its signature do. The exit status is qodverify's own verdict, which is told
on stderr.

` + exitHelp,
		Example: `  qodverify export openssl --jwks keys.json --out proof bundle.json && cd proof && cat README.txt`,
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("--out DIR is missing")
			}
			r, _, err := a.one(f, args[0])
			if err != nil {
				return err
			}
			if !r.Report.Key().Found {
				return &problemError{"keys", exitInconclusive, fmt.Errorf("there is no usable key of the record's kid, so openssl could check nothing (%s)", r.Report.Reason())}
			}
			redo, err := render.RecomputeOf(r.Bundle, r.Report.Subject().Profile, r.Report.Key().Public)
			if err != nil {
				return &problemError{"input", exitMalformed, fmt.Errorf("%s can't be put into files: %w", args[0], err)}
			}
			if err := attest.WriteFiles(out, redo); err != nil {
				return a.unwritten(err)
			}
			if strings.HasSuffix(out, "\n") {
				out += "/."
			}
			_, err = fmt.Fprintf(a.stdout, "cd %s\n%s\n# OpenSSL 3.0 or newer; where there is no sha256sum (macOS): shasum -a 256 -c. README.txt has more\n", render.ShellQuoted(out), strings.Join(attest.Commands, "\n"))
			return a.written(err)
		},
	}
	f.registerTrust(cmd.Flags())
	f.registerIgnore(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "the new `DIR` to write")
	complete(cmd)
	return cmd
}

// whole refuses to sign for a record whose artifact was read from a file of its own:
// the bytes that would be signed do not hold what was judged.
func whole(r render.Result) error {
	b, err := bundle.Parse(r.Data)
	if err != nil || b.Artifact.Exists() || !r.Bundle.Artifact.Exists() {
		return nil
	}
	return &problemError{"input", exitInconclusive, errors.New("the runtime artifact was read from a file of its own, and is not in the bytes that would be signed: give a bundle that has it")}
}

// localFiles are the local files and folders that the flags and the environment name.
func (f *verifyFlags) localFiles() []string {
	list := append([]string{f.previous, f.artifact, f.artifactsDir, f.policyFile, os.Getenv("QODVERIFY_JWKS")}, f.jwks...)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" || source.IsURL(s) })
}

// auditor is the key by which an export is signed.
type auditor struct{ key, public, out string }

func (k *auditor) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.key, "key", "", "`FILE` with the auditor's private JWK, as keys generate writes it")
	cmd.Flags().StringVar(&k.public, "public-out", "", "`FILE` to write the auditor's public key to, as PEM")
	cmd.Flags().StringVar(&k.out, "out", "-", "`FILE` to write, which must not exist; - is stdout")
}

func (k *auditor) signer() (attest.Signer, error) {
	if k.key == "" {
		return attest.Signer{}, errors.New("--key FILE is missing: the auditor's own key (qodverify keys generate)")
	}
	s, err := mint.ReadSigner(k.key)
	if err != nil {
		return attest.Signer{}, &problemError{"keys", exitMalformed, fmt.Errorf("--key %s: %w", k.key, err)}
	}
	return attest.Signer{KID: s.KID, Key: s.Private()}, nil
}

// apart refuses names that would write over what is read, before anything is done.
func (k *auditor) apart(read ...string) error {
	for flag, name := range map[string]string{"--public-out": k.public, "--out": k.out} {
		for _, other := range append(read, k.key) {
			if name != "" && name != "-" && sameFile(name, other) {
				return fmt.Errorf("%s %s would be written over what is read", flag, name)
			}
		}
	}
	if k.public != "" && k.out != "-" && resolved(k.public) == resolved(k.out) {
		return errors.New("--out and --public-out name one file")
	}
	return nil
}

// write writes what was signed, and the public key. One that can't be written keeps
// the other from nothing.
func (k *auditor) write(a *app, s attest.Signer, data []byte) error {
	var public, signed error
	if k.public != "" {
		public = files.Write(k.public, attest.PEM(render.SPKI([32]byte(s.Key[32:]))), files.Options{})
	}
	if k.out == "-" {
		if _, err := a.stdout.Write(data); err != nil {
			signed = fmt.Errorf("stdout can't be written: %s", files.Reason(err))
		}
	} else {
		signed = files.Write(k.out, data, files.Options{Fresh: true})
	}
	if public != nil && signed != nil {
		public = fmt.Errorf("%w; %w", public, signed)
	} else if signed != nil {
		public = signed
	}
	if public != nil {
		return a.unwritten(public)
	}
	return nil
}

func (a *app) exportDSSECommand() *cobra.Command {
	f, k, any := &verifyFlags{}, &auditor{}, false
	cmd := &cobra.Command{
		Use:   "dsse [flags] --key FILE BUNDLE",
		Short: "Sign the verdict on a bundle: in-toto Statement v1 in a DSSE envelope",
		Long: `dsse verifies a bundle and signs what came of it, with the auditor's own key: an in-toto
Statement v1 whose subject is the SHA-256 of the bundle's bytes and whose predicate is a
Simple Verification Result (` + attest.PredicateType + `), in a DSSE
envelope. The properties are ` + attest.Verified + ` and, by name, what held; the report (without
coverage) stands in the predicate. cosign checks it:

  cosign verify-blob-attestation --insecure-ignore-tlog --key auditor.pem \
    --type ` + attest.PredicateType + ` --signature out.json bundle.json

A bundle that is not verified is attested with --any-verdict alone: the statement then
has no property, and programs that look at nothing but signature and subject, as cosign
does, would still say "verified". The exit status is the verdict.

` + exitHelp,
		Example: `  qodverify keys generate --out auditor.jwk --kid auditor-2026
  qodverify export dsse --jwks keys.json --key auditor.jwk --public-out auditor.pem --out out.json bundle.json`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := k.signer()
			if err == nil {
				err = k.apart(append(f.localFiles(), args...)...)
			}
			if err != nil {
				return err
			}
			r, policy, err := a.one(f, args[0])
			if err != nil {
				return err
			}
			if r.Report.Verdict() != verify.Verified && !any {
				return &problemError{string(r.Report.Reason()), a.exit, errors.New("the bundle is not verified, and so not attested: cosign would call the envelope verified whatever its verdict; --any-verdict signs it all the same")}
			}
			if err := whole(r); err != nil {
				return err
			}
			digest := ""
			if policy.Rules != nil {
				data, err := policyText(f.policyFile)
				if err != nil {
					return &problemError{"policy", exitUsage, err}
				}
				digest = fmt.Sprintf("%x", sha256.Sum256(data))
			}
			// The time is the real one: the policy's (--at) stands in the report.
			statement, err := attest.NewStatement(tool(), r, time.Now(), digest, append(f.localFiles(), args...)...)
			if err != nil {
				return &problemError{"input", exitMalformed, err}
			}
			envelope, err := s.DSSE(statement)
			if err != nil {
				return &problemError{"output", exitMalformed, err}
			}
			return k.write(a, s, envelope)
		},
	}
	cmd.Flags().BoolVar(&any, "any-verdict", false, "sign the verdict on a bundle that is not verified, too")
	f.register(cmd.Flags())
	k.register(cmd)
	complete(cmd)
	return cmd
}

func (a *app) exportJWSCommand() *cobra.Command {
	f, k := &verifyFlags{}, &auditor{}
	cmd := &cobra.Command{
		Use:   "jws [flags] --key FILE BUNDLE",
		Short: "Sign a verified bundle's bytes: a detached JWS (RFC 7515)",
		Long: `jws verifies a bundle and, if it is verified, signs exactly its bytes with the auditor's
own key: a detached JWS in compact form, header..signature, alg EdDSA. Whoever has the
bundle and the auditor's key checks it with any JOSE library. A bundle that is not
verified is not signed.

` + exitHelp,
		Example: `  qodverify export jws --jwks keys.json --key auditor.jwk --out bundle.json.jws bundle.json`,
		Args:    takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := k.signer()
			if err == nil {
				err = k.apart(append(f.localFiles(), args...)...)
			}
			if err != nil {
				return err
			}
			r, _, err := a.one(f, args[0])
			if err != nil {
				return err
			}
			if r.Report.Verdict() != verify.Verified {
				return &problemError{string(r.Report.Reason()), a.exit, errors.New("the bundle is not verified, and so not signed")}
			}
			if err := whole(r); err != nil {
				return err
			}
			signed, err := s.JWS(slices.Clip(r.Data))
			if err != nil {
				return &problemError{"output", exitMalformed, err}
			}
			return k.write(a, s, signed)
		},
	}
	f.register(cmd.Flags())
	k.register(cmd)
	complete(cmd)
	return cmd
}
