package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/server"
)

// serveFlags are the flags of the serve command.
type serveFlags struct {
	server.Settings
	host, port, envFile string
	demo                bool
	demoDir             string
	release             bool
	logFormat           string
	notices             []string // what to tell of the settings
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Run the reference proof service",
		Long: `serve runs a proof service with the HTTP contract of qod-mock v0.4: sessions,
telemetry, and signed proofs in an append-only ledger. GET /docs describes it. In a
browser, / lists sessions and proofs with their reports, and /verify is the verifier as
a page.

Everything is kept in the data folder: the ledger qod_mock.sqlite3 (one of the
original is opened and continued), artifacts/, the private key signing-key.json,
which the first start makes, and jwks.json with every public key so far. To change
the key, give another one with --key; the old public key stays published. In a
checkout of the original, with its folder backend, the original's places are used.

The way back: stop the service, and run serve --release with the same flags. It takes
the triggers, indexes and WAL mode of this program out of the database, which is then
the original's as it was, with all records since. Keep the original from running on a
database that was not released: its parallel writes fail there.

While the service runs the newest records are in qod_mock.sqlite3-wal. Copy the database
with sqlite3 FILE ".backup COPY", or after the service has ended; a copy by cp lacks
them, and serve, audit and export say so.

The original's environment is read, .env included (the nearest one, from the folder
backend or this one up, by python-dotenv's rules): QOD_API_TOKEN, QOD_AUTH_REQUIRED,
QOD_DB_PATH, QOD_ARTIFACTS_DIR, QOD_ACTIVE_SIGNING_KID, QOD_SIGNING_PRIVATE_KEY_B64URL
(set and empty: no key, nothing is signed), QOD_SIGNING_PUBLIC_KEY_B64URL,
QOD_PUBLIC_KEYS, MAX_BODY_BYTES. Flags win over it.

The log goes to stderr; --log-format json makes each record a line of JSON, a request
with event, method, path, status, duration_ms, client and request_id. The artifacts
folder has the original's run.log of requests, and summaries of finalizes that failed.

SIGINT and SIGTERM end the service after the requests in flight. --demo does not
stay: it starts a service, measures this machine's loopback, makes a proof, verifies it, and says how to check it again.`,
		Example: `  qodverify serve --demo
  QOD_API_TOKEN=secret qodverify serve
  qodverify serve --no-auth --listen 127.0.0.1:9000 --data /var/lib/qod`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.settle(cmd); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends it at once
			switch {
			case f.demo:
				return a.demo(ctx, f.demoDir)
			case f.release:
				return a.release(ctx, f)
			}
			return a.serve(ctx, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Listen, "listen", "", "`HOST:PORT` to listen on (default 127.0.0.1:8000)")
	flags.StringVar(&f.host, "host", "", "the `HOST` of --listen, as uvicorn has it")
	flags.StringVar(&f.port, "port", "", "the `PORT` of --listen, as uvicorn has it")
	flags.StringVar(&f.Data, "data", "", "`DIR` for ledger, artifacts and keys (default qod-data)")
	flags.StringVar(&f.Database, "db", "", "the ledger's SQLite `FILE`, if not in --data")
	flags.StringVar(&f.Artifacts, "artifacts", "", "`DIR` of the artifacts, if not in --data")
	flags.StringVar(&f.Key, "key", "", "`FILE` with the private JWK to sign with, as keys generate writes it")
	flags.StringArrayVar(&f.JWKS, "jwks", nil, "`FILE` of a JWK Set with more public keys to publish (repeatable)")
	flags.StringVar(&f.TokenFile, "token-file", "", "`FILE` with the bearer token that clients must send")
	flags.BoolVar(&f.NoAuth, "no-auth", false, "ask for no token; on this machine's own address alone")
	flags.BoolVar(&f.NoAuthOnNetwork, "no-auth-on-network", false, "let --no-auth hold on any address: everyone who reaches it can write")
	flags.BoolVar(&f.Debug, "debug-endpoints", false, "serve /_debug/env and /_debug/protected")
	flags.BoolVar(&f.AsOriginal, "as-original", false, "what the original's tests and demos need: its places (backend, artifacts) and --debug-endpoints")
	flags.StringVar(&f.Issuer, "issuer", "", "`NAME` to sign into proofs as who makes them ($QOD_ISSUER)")
	flags.BoolVar(&f.PlainProofs, "plain-proofs", false, "make the original's proofs to the byte, which commit to no sample")
	flags.StringArrayVar(&f.Origins, "cors-origin", nil, "`ORIGIN` whose pages may call (repeatable; default http://127.0.0.1:5173, http://localhost:5173)")
	flags.BoolVar(&f.release, "release", false, "give the ledger back to the original: take out what keeps it from forking, and end")
	flags.StringVar(&f.logFormat, "log-format", "text", "`FORMAT` of the log: text, or json with a line for each record")
	flags.StringVar(&f.envFile, "env-file", "", "`FILE` of variables that the environment lacks (default the nearest .env, from here up)")
	flags.BoolVar(&f.demo, "demo", false, "show it all once, and end")
	flags.StringVar(&f.demoDir, "demo-dir", "qod-demo", "`DIR` for what --demo leaves")
	return cmd
}

// settle joins flags and environment.
func (f *serveFlags) settle(cmd *cobra.Command) error {
	if f.host != "" || f.port != "" {
		if f.Listen != "" {
			return errors.New("--listen and --host or --port say the same thing: give one of them")
		}
		host, port := "127.0.0.1", "8000"
		if f.host != "" {
			host = f.host
		}
		if f.port != "" {
			port = f.port
		}
		f.Listen = net.JoinHostPort(host, port)
	}
	if f.logFormat != "text" && f.logFormat != "json" {
		return fmt.Errorf("--log-format %q is neither text nor json", f.logFormat)
	}
	return f.environment(cmd)
}

// logger writes to stderr, as the other commands' messages do.
func (a *app) logger(asJSON bool) *slog.Logger {
	options := &slog.HandlerOptions{}
	if a.quiet {
		options.Level = slog.LevelWarn
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

func (a *app) serve(ctx context.Context, f *serveFlags) error {
	asJSON := f.logFormat == "json" || a.output == "json"
	f.Log, f.Version = a.logger(asJSON), toolVersion()
	for _, notice := range f.notices {
		a.notice(f.Log, asJSON, notice)
	}
	opened := endWith(ctx)
	instance, err := server.Open(ctx, f.Settings)
	opened()
	if err != nil {
		if errors.Is(err, server.ErrSettings) {
			return errors.New(trimSettings(err))
		}
		return &problemError{"serve", exitMalformed, err}
	}
	defer func() {
		if err := instance.Close(); err != nil {
			f.Log.Error("closing", "error", err)
		}
	}()
	l, err := net.Listen("tcp", instance.Listen)
	if err != nil {
		return &problemError{"serve", exitMalformed, err}
	}
	for _, notice := range append(instance.Notices, "listening on http://"+l.Addr().String()) {
		a.notice(f.Log, asJSON, notice)
	}
	if err := server.Serve(ctx, l, instance.Server, f.Log); err != nil {
		return &problemError{"serve", exitMalformed, err}
	}
	return nil
}

// notice tells whoever started the service something: a plain line, or a record
// where the log is JSON.
func (a *app) notice(log *slog.Logger, asJSON bool, text string) {
	if asJSON {
		log.Info(text)
		return
	}
	fmt.Fprintln(a.stderr, "qodverify serve:", render.Printable(text))
}

// trimSettings leaves out the word by which the error is known to the program.
func trimSettings(err error) string {
	return strings.TrimPrefix(err.Error(), server.ErrSettings.Error()+": ")
}
