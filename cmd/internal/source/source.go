// Package source brings bytes to the verifier: from files, directories, stdin
// and URLs, each within bounds. It is the only room of the program that dials
// out, and it does so only to a URL that the user typed: nothing inside a
// bundle, a key set or a reply is ever followed.
package source

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
	"github.com/qodverify/qodverify/jwks"
)

// MaxBytes bounds one input, from wherever it comes.
const MaxBytes = canonical.MaxBytes

// KeysFile is the name under which a key set is found beside a bundle. In a
// directory it is no input.
const KeysFile = "jwks.json"

// errNoProof is the error of a folder that was named and has nothing to verify.
var errNoProof = errors.New("there is no *.json file with a proof in it")

// errNoMatch is the error of a pattern that names no file.
var errNoMatch = errors.New("no file matches the pattern")

// ErrUsage marks an error that the user mends on the command line.
var ErrUsage = errors.New("usage")

// Input is one input's bytes, or why there are none.
type Input struct {
	Name   string   // as the user would name it: a path, "-" or a URL
	Data   []byte   // nil when Err is set
	Err    error    // the input could not be read
	Dir    string   // the folder that holds it; "" unless it is a file
	Root   string   // the folder that was named and has it; "" unless one was
	Origin *url.URL // where it was fetched; nil unless it is a URL
	// Packed is how Data was packed.
	Packed unpack.Format
}

// Reader reads inputs under one set of options. The zero Reader reads local
// files and https URLs.
type Reader struct {
	Stdin     io.Reader
	Offline   bool   // refuse every URL
	AllowHTTP bool   // http beyond loopback
	Token     string // bearer token for the origins of the inputs, and for no other
	Session   string // session to ask a server's base URL, or to find in an artifacts folder

	Ignore []string // patterns of what is left out of folders; see [Ignore]

	// Skipped is what stood in folders and was not judged, as far as it is known before
	// the files are read, after [Reader.Places]; all of it after [Reader.Inputs].
	Skipped []Skipped

	ignore    *Ignore
	arguments []*argument
	stdin     bool // something takes it

	timeout time.Duration // of one exchange; 0 means ten seconds
	pause   time.Duration // before the next try of a ledger's page; 0 means half a second
}

// IsURL reports whether an argument is a URL rather than a path.
func IsURL(arg string) bool {
	scheme, _, ok := strings.Cut(arg, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// takeStdin refuses to read stdin for two things.
func (r *Reader) takeStdin() error {
	if r.stdin {
		return fmt.Errorf("%w: stdin (-) can be read only once", ErrUsage)
	}
	r.stdin = true
	return nil
}

// isSession keeps a session id from changing a URL's path or a file pattern.
func isSession(s string) bool {
	return len(s) <= 128 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// isSnapshot reports whether a file proof_{sid}_{time}.json is of a session, in
// whichever spelling either names it.
func isSnapshot(name, session string) bool {
	id := snapshotSession(name)
	return id != "" && id == bundle.NormalSessionID(session)
}

// snapshotSession returns the session that a file proof_{sid}_{time}.json is named after,
// in its normal spelling; "" for a file of another name.
func snapshotSession(name string) string {
	rest, ok := strings.CutPrefix(name, "proof_")
	id, _, timed := strings.Cut(rest, "_")
	if !ok || !timed {
		return ""
	}
	return bundle.NormalSessionID(id)
}

// sessions returns the proof files of a folder by session.
func (f *folder) sessions() map[string][]string {
	f.once.Do(func() {
		f.bySession = map[string][]string{}
		for _, file := range f.files {
			if id := snapshotSession(filepath.Base(file.name)); id != "" {
				f.bySession[id] = append(f.bySession[id], file.name)
			}
		}
	})
	return f.bySession
}

// FolderInput reads a file of a folder that the user named.
func FolderInput(name, root string) Input {
	in := Input{Name: name, Dir: filepath.Dir(name), Root: root}
	in.read(files.Open(name))
	return in
}

// read reads the input from its file, if that could be opened.
func (in *Input) read(f io.ReadCloser, err error) {
	if err != nil {
		in.Err = plain(err)
		return
	}
	defer f.Close()
	data, err := unpack.ReadPacked(f, MaxBytes)
	if err == nil {
		in.Packed = unpack.Of(data)
		data, err = unpack.Bytes(data, MaxBytes)
	}
	if err != nil {
		in.Err = unread(err)
		return
	}
	in.Data = data
}

// ReadFile reads at most limit bytes of a file, unpacked, and fails when there are more.
func ReadFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	return readBounded(f, limit)
}

// ReadRegular is ReadFile for a file that nobody named: a pipe or a device at its
// place is an error, and is not waited for.
func ReadRegular(name string, limit int) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	return readBounded(f, limit)
}

// ReadAll reads at most limit bytes and fails when there are more.
func ReadAll(r io.Reader, limit int) ([]byte, error) { return readBounded(r, limit) }

// readBounded reads all of r, unpacked if it is gzip or Zstandard.
func readBounded(r io.Reader, limit int) ([]byte, error) {
	data, err := unpack.ReadAll(r, limit)
	if err != nil {
		return nil, unread(err)
	}
	return data, nil
}

// unread says why something could not be read whole, and of what is too large where it
// may belong.
func unread(err error) error {
	var large *unpack.LimitError
	if !errors.As(err, &large) {
		return plain(err)
	}
	do := map[int]string{
		MaxBytes:      "A bundle has some KiB: look at what this is. A ledger of many bundles is read by qodverify audit.",
		jwks.MaxBytes: "A key set or a policy has some KiB: look at what this is.",
	}[large.Limit]
	return cause.New(err, do, "%v", err)
}

// plain says an error in plain words, without the path, which the caller names anyway.
func plain(err error) error { return cause.Of(err) }

// Artifact reads a runtime artifact at the path that a proof names, inside dir
// and nowhere else: the path is untrusted, so os.Root refuses one that leaves
// the folder by "..", by a root, or by a symbolic link.
func Artifact(dir, path string) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(path)) || strings.ContainsAny(path, "\\:\x00") {
		return nil, errors.New("the proof names a path outside the artifacts folder; it was not opened")
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, plain(err)
	} else if !info.IsDir() {
		return nil, errors.New("the artifacts folder is no folder") // a pipe would be waited for
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, plain(err)
	}
	defer root.Close()
	f, err := files.OpenIn(root, filepath.FromSlash(path))
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	return readBounded(f, MaxBytes)
}
