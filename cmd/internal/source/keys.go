package source

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/jwks"
)

// Keys is a key set with where it came from.
type Keys struct {
	Set    *jwks.KeySet // nil when there is none
	Source string       // for people
	// SameOrigin: the keys came from the server that served the bundle, so they
	// show that the two agree and not that the server is whom one thinks.
	SameOrigin bool
	// Beside: the keys lay beside the bundle, so whoever gave the one may have
	// given the other.
	Beside bool
	Err    error // a set was found and could not be used
	// Sought says where keys were looked for, when there are none.
	Sought string
}

// Keyring finds the keys for each input, and reads every source once.
type Keyring struct {
	Reader *Reader
	// Given are files and URLs that the user named. When there are any, no
	// other place is looked at.
	Given []string

	given *Keys
	mu    sync.Mutex // of the cache
	cache map[string]Keys
}

// Load reads the given sources. Its error means that what the user named can't
// be used.
func (k *Keyring) Load(inputOrigins []*url.URL) error {
	if len(k.Given) == 0 {
		return nil
	}
	var sets []*jwks.KeySet
	for _, name := range k.Given {
		set, err := k.read(name, inputOrigins)
		if errors.Is(err, ErrUsage) {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keys from %s: NOT FOUND: %w", name, err)
		}
		if err != nil {
			return fmt.Errorf("keys from %s: %w", name, err)
		}
		sets = append(sets, set.From(name))
	}
	merged, err := jwks.Merge(sets...)
	if err != nil {
		return fmt.Errorf("keys from %s: %w", strings.Join(k.Given, ", "), err)
	}
	k.given = &Keys{Set: merged, Source: strings.Join(k.Given, ", ")}
	return nil
}

func (k *Keyring) read(name string, inputOrigins []*url.URL) (*jwks.KeySet, error) {
	var data []byte
	var err error
	switch {
	case name == "-":
		if err = k.Reader.takeStdin(); err == nil {
			data, err = readBounded(k.Reader.Stdin, jwks.MaxBytes)
		}
	case IsURL(name):
		u, checkErr := k.Reader.check(name)
		if checkErr != nil {
			return nil, checkErr
		}
		token := ""
		for _, o := range inputOrigins {
			if sameOrigin(o, u) {
				token = k.Reader.Token
			}
		}
		data, err = k.Reader.fetch(u, jwks.MaxBytes, token)
	default:
		data, err = ReadFile(name, jwks.MaxBytes)
	}
	if err != nil {
		return nil, err
	}
	return ParseKeys(data)
}

// For returns the keys to judge an input with: the given ones, else those
// beside its file, else those of its server. Several goroutines may call it at once.
func (k *Keyring) For(in Input) Keys {
	switch {
	case k.given != nil:
		return *k.given
	case in.Dir != "":
		// Of a folder that was named, its own key set counts for all that is in it, and
		// only without one those that lie deeper: who added a subfolder of proofs does
		// not thereby add keys.
		for _, dir := range []string{in.Root, in.Dir} {
			name := filepath.Join(dir, KeysFile)
			// What is there and can't be read, a link that leads nowhere say, is told.
			if _, err := os.Lstat(name); dir != "" && !errors.Is(err, fs.ErrNotExist) {
				return k.cached(name, nil)
			}
		}
		where := "beside it"
		if in.Root != "" {
			where = "in the folder or beside it"
		}
		return Keys{Sought: "there is no " + KeysFile + " " + where + ", and " + notSet}
	case in.Origin != nil:
		return k.cached(in.Origin.JoinPath(jwksPath).String(), in.Origin)
	}
	return Keys{Sought: notSet}
}

// notSet: were it set, it would be among the given.
const notSet = "$QODVERIFY_JWKS is not set"

func (k *Keyring) cached(name string, inputOrigin *url.URL) Keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found, ok := k.cache[name]; ok {
		return found
	}
	found := Keys{Source: name, SameOrigin: inputOrigin != nil, Beside: inputOrigin == nil}
	var origins []*url.URL
	if inputOrigin != nil {
		origins = append(origins, inputOrigin)
	}
	if inputOrigin != nil {
		found.Set, found.Err = k.read(name, origins)
	} else if data, err := ReadRegular(name, jwks.MaxBytes); err != nil {
		found.Err = err
	} else {
		found.Set, found.Err = ParseKeys(data)
	}
	if k.cache == nil {
		k.cache = map[string]Keys{}
	}
	k.cache[name] = found
	return found
}

// ParseKeys reads a key set with our guard and then holds every usable key to
// jwx: the two must read the same 32 bytes and compute the same thumbprint. A key
// on which they differ is set aside; it says nothing of the others. The
// check lives here and not in package jwks because jwx brings an HTTP client
// along, which a program that imports the library must not pay for.
func ParseKeys(data []byte) (*jwks.KeySet, error) {
	set, err := jwks.Parse(data)
	if err != nil {
		return nil, kind.Explain(err, data, kind.Keys)
	}
	if set.Len() == 0 {
		if k, other := kind.Of(data, kind.Keys); other {
			return nil, kind.New(k) // it lists keys, in another form
		}
	}
	for k := range set.All() {
		if err := agree(k); err != nil {
			set.SetAside(k.Public, "jwx, another reader of keys, "+disagreement(err))
		}
	}
	return set, nil
}

// errOther: jwx reads the key as another one.
var errOther = errors.New("another key")

// disagreement says what jwx makes of a key. Its own words are for programmers.
func disagreement(err error) string {
	if errors.Is(err, errOther) {
		return "takes it for another key, kid or thumbprint"
	}
	return "can't read it"
}

func agree(k jwks.Key) error {
	// The members that matter, alone: jwx also refuses a key for odd certificates
	// and the like, which neither of us uses.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(k.JWK, &members); err != nil {
		return err
	}
	maps.DeleteFunc(members, func(name string, value json.RawMessage) bool {
		return !slices.Contains([]string{"kty", "crv", "x", "kid"}, name) || string(value) == "null"
	})
	plain, err := json.Marshal(members)
	if err != nil {
		return err
	}
	parsed, err := jwk.ParseKey(plain)
	if err != nil {
		return err
	}
	var public ed25519.PublicKey
	if err := parsed.Raw(&public); err != nil {
		return err
	}
	if !bytes.Equal(public, k.Public[:]) || parsed.KeyID() != k.KID {
		return errOther
	}
	thumbprint, err := parsed.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	if want := k.Thumbprint(); !bytes.Equal(thumbprint, want[:]) {
		return errOther
	}
	return nil
}

// KeySet reads one key set by name: a file, a URL, or "-" for stdin.
func (r *Reader) KeySet(name string) (*jwks.KeySet, error) {
	return (&Keyring{Reader: r}).read(name, nil)
}
