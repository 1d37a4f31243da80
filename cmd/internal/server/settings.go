package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/cmd/internal/ready"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/jwks"
)

// Settings says how a service is set up, before anything is opened. An empty
// member takes the environment's value under the original's name, else the
// default.
type Settings struct {
	Listen    string // host:port; "" means 127.0.0.1:8000
	Data      string // folder for all that follows; see [Settings.place]
	Database  string // file; $QOD_DB_PATH
	Artifacts string // folder; $QOD_ARTIFACTS_DIR
	Key       string // file of a private JWK; $QOD_SIGNING_PRIVATE_KEY_B64URL
	JWKS      []string
	TokenFile string // $QOD_API_TOKEN
	// NoAuth switches the token off ($QOD_AUTH_REQUIRED=0); on a network address
	// only together with NoAuthOnNetwork.
	NoAuth, NoAuthOnNetwork bool
	Debug                   bool
	// AsOriginal turns on what the original's own tests and demos need of it: its
	// places, and the endpoints of Debug.
	AsOriginal  bool
	Origins     []string
	Version     string // of the program, for pages and reports
	Issuer      string // signed into proofs; $QOD_ISSUER
	PlainProofs bool   // see [Config]
	// Env looks up a variable of the environment.
	Env func(name string) (string, bool)
	Log *slog.Logger
}

// ErrSettings marks settings that make no sense or that would be unsafe.
var ErrSettings = errors.New("settings")

// refused is a reason not to start.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrSettings, fmt.Errorf(format, args...))
}

// Instance is an opened service.
type Instance struct {
	Server  *Server
	Listen  string
	Notices []string // what to tell whoever started it
	store   *store.SQLite
	runs    *Runs
}

// Close ends the instance after what it has begun.
func (i *Instance) Close() error { return errors.Join(i.store.Close(), i.runs.Close()) }

func (s *Settings) env(name string) string {
	v, _ := s.Env(name)
	return strings.TrimSpace(v)
}

// The default data folder, and the original's places in a checkout of it.
const (
	dataFolder        = "qod-data"
	databaseName      = "qod_mock.sqlite3"
	originalFolder    = "backend"
	originalArtifacts = "artifacts"
	keyName           = "signing-key.json"
	keysName          = "jwks.json"
)

// place settles where things lie: by flag, by environment, else under the data
// folder. That is the database's folder when only the database is named, and in
// a checkout of the original where the original keeps it. The original's
// environment comes with the original's artifacts folder.
func (s *Settings) place() {
	database := first(s.Database, s.env("QOD_DB_PATH"))
	artifacts := ""
	if s.Data == "" {
		switch {
		case database != "":
			s.Data = filepath.Dir(database)
		case s.AsOriginal || SourceFolder() == originalFolder:
			s.Data = originalFolder
		default:
			s.Data = dataFolder
		}
		if s.Data != dataFolder && s.Database == "" {
			artifacts = originalArtifacts
		}
	}
	s.Database = first(database, filepath.Join(s.Data, databaseName))
	s.Artifacts = first(s.Artifacts, s.env("QOD_ARTIFACTS_DIR"), artifacts, filepath.Join(s.Data, "artifacts"))
}

// spelling refuses places that the original would take for others: it cuts no
// blanks off, and takes an empty name of the artifacts folder for the current one.
func (s *Settings) spelling() error {
	for name, given := range map[string]string{"QOD_DB_PATH": s.Database, "QOD_ARTIFACTS_DIR": s.Artifacts} {
		text, there := s.Env(name)
		switch {
		case given != "" || !there:
		case text != strings.TrimSpace(text):
			return refused("%s=%q begins or ends with blanks, which the original takes for a part of the name", name, text)
		case text == "" && name == "QOD_ARTIFACTS_DIR":
			return refused("%s is empty, by which the original means the current folder: say . or unset it", name)
		}
	}
	return nil
}

// SourceFolder is where the original's program lies in a checkout of it, else the
// current folder.
func SourceFolder() string {
	if info, err := os.Stat(originalFolder); err == nil && info.IsDir() {
		return originalFolder
	}
	return "."
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// Open checks the settings and opens the store and the keys. It refuses what
// would make proofs that nobody can check, or a service that anybody can write
// to. Its error is ErrSettings for those, else one of the files.
func Open(ctx context.Context, s Settings) (_ *Instance, err error) {
	if err := s.spelling(); err != nil {
		return nil, err
	}
	s.place()
	i := &Instance{Listen: first(s.Listen, "127.0.0.1:8000")}
	config := Config{Debug: s.Debug || s.AsOriginal, PlainProofs: s.PlainProofs, Issuer: cmp.Or(s.Issuer, s.env("QOD_ISSUER")), Version: s.Version, Origins: s.Origins, Log: s.Log, Keys: &Keyring{},
		GitSHA: first(s.env("GIT_SHA"), s.env("QOD_GIT_SHA"), "unknown"), ImageTag: first(s.env("IMAGE_TAG"), s.env("QOD_IMAGE_TAG"), "unknown")}
	if s.AsOriginal {
		i.Notices = append(i.Notices, "as the original: /_debug/env tells anyone whether a token is set and how long it is; not for the open network")
	}
	if err := s.access(i, &config); err != nil {
		return nil, err
	}
	config.Board = ready.NewBoard(s.Log)
	if i.store, err = store.OpenSQLite(ctx, store.Options{Database: s.Database, Artifacts: s.Artifacts, Log: s.Log, Board: config.Board}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.store.Close())
		}
	}()
	if err := s.keys(ctx, i, config.Keys); err != nil {
		return nil, err
	}
	if text := i.store.Unlogged(); text != "" {
		i.Notices = append(i.Notices, text)
	}
	config.Store = i.store
	if i.runs, err = OpenRuns(s.Artifacts, s.Log); err != nil {
		return nil, fmt.Errorf("the artifacts folder: %w", err)
	}
	config.Runs = i.runs
	i.Server = New(config)
	i.Notices = append([]string{"ledger " + s.Database + ", artifacts " + s.Artifacts}, i.Notices...)
	return i, nil
}

// access settles the token and the bounds.
func (s *Settings) access(i *Instance, c *Config) error {
	off := map[string]bool{"0": true, "false": true, "no": true, "off": true}
	c.AllowAnonymous = s.NoAuth || off[strings.ToLower(s.env("QOD_AUTH_REQUIRED"))]
	c.Token = s.env("QOD_API_TOKEN")
	if s.TokenFile != "" {
		data, err := source.ReadFile(s.TokenFile, 4096)
		if err != nil {
			return fmt.Errorf("the token file %s: %w", s.TokenFile, err)
		}
		if c.Token = strings.TrimSpace(string(data)); c.Token == "" {
			return refused("the token file %s is empty", s.TokenFile)
		}
	}
	host, _, err := net.SplitHostPort(i.Listen)
	if err != nil {
		return refused("%q is not HOST:PORT", i.Listen)
	}
	switch {
	case c.AllowAnonymous && !source.IsLoopback(host) && !s.NoAuthOnNetwork:
		return refused("without a token the service listens on this machine alone (127.0.0.1), not on %q: anyone on the network could write telemetry; set QOD_API_TOKEN, or say --no-auth-on-network", i.Listen)
	case c.AllowAnonymous:
		i.Notices = append(i.Notices, "no token is asked for")
	case c.Token == "":
		i.Notices = append(i.Notices, "no token is set: protected calls answer 500 until QOD_API_TOKEN or --token-file gives one, or --no-auth switches it off")
	}
	if text := s.env("MAX_BODY_BYTES"); text != "" {
		var n int64
		digits, err := text, error(nil)
		if grouped(digits) { // as Python's int takes it
			digits = strings.ReplaceAll(digits, "_", "")
		}
		n, err = strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 1 || n > 1<<30 {
			return refused("MAX_BODY_BYTES=%q is not a number of bytes from 1 to %d", text, 1<<30)
		}
		c.MaxBody = n
	}
	return nil
}

// keys fills the keyring: the active key, and every public one to publish.
func (s *Settings) keys(ctx context.Context, i *Instance, ring *Keyring) error {
	used, err := i.store.KIDs(ctx)
	if err != nil {
		return err
	}
	kept := filepath.Join(s.Data, keysName)
	_, byEnv := s.Env("QOD_SIGNING_PRIVATE_KEY_B64URL")
	byEnv = byEnv && s.Key == ""
	if !byEnv {
		// The keys of earlier starts: a key that was exchanged stays published.
		if _, err := os.Stat(kept); err == nil {
			if err := publishFile(ring, kept); err != nil {
				return err
			}
		}
	}
	for _, name := range s.JWKS {
		if err := publishFile(ring, name); err != nil {
			return err
		}
	}
	if err := s.publishEnv(i, ring); err != nil {
		return err
	}
	signer, err := s.signer(i, byEnv)
	if err != nil {
		return err
	}
	if signer != nil {
		if err := ring.Sign(signer); err != nil {
			return refused("%w", err)
		}
		if published, _ := ring.lookup(signer.KID); published.ValidAt(time.Now()) != nil {
			return refused("the key %q may not sign now: %w", signer.KID, published.ValidAt(time.Now()))
		}
		i.Notices = append(i.Notices, fmt.Sprintf("signing with kid %q, thumbprint %s", signer.KID, signer.Public().Thumbprint()))
	}
	if err := ring.Covers(used); err != nil {
		return refused("%w", err)
	}
	before := past{i.store, ring}
	if err := before.checkKeys(ctx, used); err != nil {
		return err
	}
	told, err := before.head(ctx)
	if err != nil {
		return err
	}
	if told != "" {
		i.Notices = append(i.Notices, told)
	}
	if byEnv {
		return nil
	}
	return writeKept(kept, pyjson.Indent(ring.JWKS()))
}

// writeKept writes the published keys for the next start.
func writeKept(name string, data []byte) error {
	if err := files.Write(name, append(data, '\n'), files.Options{}); err != nil {
		return fmt.Errorf("keeping the public keys: %w", err)
	}
	return nil
}

func publishFile(ring *Keyring, name string) error {
	data, err := source.ReadFile(name, jwks.MaxBytes)
	if err != nil {
		return fmt.Errorf("public keys in %s: %w", name, err)
	}
	set, err := source.ParseKeys(data)
	if err != nil {
		return refused("public keys in %s: %w", name, err)
	}
	for _, bad := range set.Refused() {
		return refused("public keys in %s: %w", name, &bad)
	}
	for key := range set.All() {
		if err := ring.Publish(key); err != nil {
			return refused("public keys in %s: %w", name, err)
		}
	}
	return nil
}

// publishEnv reads QOD_PUBLIC_KEYS: kid:key or kid=key, separated by semicolons,
// commas or line ends. The original drops a bad entry without a word; here it is
// told, and dropped, so that what started before still starts.
func (s *Settings) publishEnv(i *Instance, ring *Keyring) error {
	entries := strings.FieldsFunc(s.env("QOD_PUBLIC_KEYS"), func(r rune) bool { return strings.ContainsRune(";,\r\n", r) })
	for n, entry := range entries {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		at := strings.Index(entry, ":")
		if at < 0 {
			at = strings.Index(entry, "=")
		}
		var public []byte
		err := errors.New("want kid:key")
		if at > 0 {
			public, err = mint.DecodeKey(entry[at+1:])
		}
		if err == nil {
			err = jwks.CheckPublicKey(public)
		}
		if err != nil {
			i.Notices = append(i.Notices, fmt.Sprintf("QOD_PUBLIC_KEYS: entry %d is left out: %v", n+1, err))
			continue
		}
		if err := ring.Publish(jwks.Key{KID: strings.TrimSpace(entry[:at]), Public: [32]byte(public)}); err != nil {
			return refused("QOD_PUBLIC_KEYS: %w", err)
		}
	}
	// Without a private one it is a key to check with.
	kid, text := first(s.env("QOD_ACTIVE_SIGNING_KID"), "default"), s.env("QOD_SIGNING_PUBLIC_KEY_B64URL")
	if _, there := ring.lookup(kid); there || text == "" || s.env("QOD_SIGNING_PRIVATE_KEY_B64URL") != "" {
		return nil
	}
	public, err := mint.DecodeKey(text)
	if err == nil {
		err = ring.Publish(jwks.Key{KID: kid, Public: [32]byte(public)})
	}
	if err != nil {
		return refused("QOD_SIGNING_PUBLIC_KEY_B64URL: %w", err)
	}
	return nil
}

// signer finds the active key: a file, the environment, the data folder, or a
// new one. It is nil when the environment says that there is none.
func (s *Settings) signer(i *Instance, byEnv bool) (*mint.Signer, error) {
	if byEnv {
		return s.envSigner()
	}
	name := first(s.Key, filepath.Join(s.Data, keyName))
	signer, err := mint.ReadSigner(name)
	switch {
	case err == nil && s.Key == "" && s.env("QOD_ACTIVE_SIGNING_KID") != "" && s.env("QOD_ACTIVE_SIGNING_KID") != signer.KID:
		return nil, refused("QOD_ACTIVE_SIGNING_KID is %q, and the key in %s is %q: unset it, or give its key", s.env("QOD_ACTIVE_SIGNING_KID"), name, signer.KID)
	case err == nil:
		return signer, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, refused("the signing key: %w", err)
	case s.Key != "":
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	// The kid is of the key itself, so that a new key never takes the name of
	// one that was lost.
	if signer, err = mint.GenerateSigner(s.env("QOD_ACTIVE_SIGNING_KID")); err != nil {
		return nil, err
	}
	if signer.KID == "" {
		thumbprint := signer.Public().Thumbprint()
		signer.KID = fmt.Sprintf("qod-%x", thumbprint[:4])
	}
	if err := os.MkdirAll(s.Data, 0o755); err != nil {
		return nil, err
	}
	if err := signer.WriteFile(name); err != nil {
		return nil, err
	}
	i.Notices = append(i.Notices, "there was no signing key; a new one is in "+name+" (keep it secret, and keep a copy)")
	return signer, nil
}

func (s *Settings) envSigner() (*mint.Signer, error) {
	text := s.env("QOD_SIGNING_PRIVATE_KEY_B64URL")
	if text == "" {
		return nil, nil
	}
	seed, err := mint.DecodeKey(text)
	if err != nil {
		return nil, refused("QOD_SIGNING_PRIVATE_KEY_B64URL is not 32 bytes of base64: %w", err)
	}
	signer, err := mint.NewSigner(first(s.env("QOD_ACTIVE_SIGNING_KID"), "default"), seed)
	if err != nil {
		return nil, err
	}
	if text := s.env("QOD_SIGNING_PUBLIC_KEY_B64URL"); text != "" {
		public, err := mint.DecodeKey(text)
		if err != nil || [32]byte(public) != signer.Public().Public {
			return nil, refused("QOD_SIGNING_PUBLIC_KEY_B64URL does not belong to QOD_SIGNING_PRIVATE_KEY_B64URL: nobody could check what would be signed")
		}
	}
	return signer, nil
}
