package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/mint"
	"github.com/qodverify/qodverify/cmd/internal/pyjson"
	"github.com/qodverify/qodverify/jwks"
)

// Keyring is what the service signs with and what it publishes. The two differ:
// a key that signs no more stays published as long as its proofs are checked.
type Keyring struct {
	Active    *mint.Signer // nil: nothing can be signed
	published []jwks.Key   // by kid
}

// Publish adds a public key. A kid with two different keys is an error, since
// no verifier could tell whose signature it reads. A key that can't be trusted
// (of small order, say) is one as well.
func (k *Keyring) Publish(key jwks.Key) error {
	if err := jwks.CheckPublicKey(key.Public[:]); err != nil {
		return fmt.Errorf("the public key %q can't be published: %w", key.KID, err)
	}
	i, found := slices.BinarySearchFunc(k.published, key.KID, func(a jwks.Key, kid string) int { return strings.Compare(a.KID, kid) })
	if found && k.published[i].Public != key.Public {
		return fmt.Errorf("the kid %q stands for two different public keys", key.KID)
	}
	if !found {
		k.published = slices.Insert(k.published, i, key)
	}
	return nil
}

// Sign makes a signer the active one and publishes its key.
func (k *Keyring) Sign(s *mint.Signer) error {
	k.Active = s
	return k.Publish(s.Public())
}

// Covers returns an error when a kid of the ledger has no published key: its
// proofs could not be checked by anyone.
func (k *Keyring) Covers(kids []string) error {
	var missing []string
	for _, kid := range kids {
		if _, ok := k.lookup(kid); !ok {
			missing = append(missing, fmt.Sprintf("%q", kid))
		}
	}
	if missing != nil {
		return fmt.Errorf("the ledger has records of kid %s, and no public key of that name would be published: nobody could check them; add it with --jwks FILE or QOD_PUBLIC_KEYS", strings.Join(missing, ", "))
	}
	return nil
}

func (k *Keyring) lookup(kid string) (jwks.Key, bool) {
	i, found := slices.BinarySearchFunc(k.published, kid, func(a jwks.Key, kid string) int { return strings.Compare(a.KID, kid) })
	if !found {
		return jwks.Key{}, false
	}
	return k.published[i], true
}

// JWKS returns the published JWK Set (RFC 7517).
func (k *Keyring) JWKS() pyjson.Object {
	keys := make([]any, len(k.published))
	for i, key := range k.published {
		keys[i] = mint.PublicJWK(key)
	}
	return pyjson.Object{{Name: "keys", Value: keys}}
}

// document is an answer that does not change while the service runs.
type document struct {
	body []byte
	etag string
}

func newDocument(v any) document {
	body := pyjson.Compact(v)
	sum := sha256.Sum256(body)
	return document{body, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

func (k *Keyring) documents() (set, plain document) {
	list := make([]any, len(k.published))
	for i, key := range k.published {
		list[i] = pyjson.Object{{Name: "kid", Value: key.KID}, {Name: "alg", Value: "ed25519"}, {Name: "public_key_b64url", Value: mint.X(key)}}
	}
	return newDocument(k.JWKS()), newDocument(pyjson.Object{{Name: "keys", Value: list}})
}

// keyMaxAge is how long a verifier may keep the JWKS, in seconds. A new key must
// be published for that long before it signs.
const keyMaxAge = "300"

const jwkSetType = "application/jwk-set+json" // RFC 7517, 8.5

func (s *Server) getJWKS(r *request) reply {
	v := cached(r, s.jwks).with("Vary", "Accept")
	if v.body != nil && strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")), jwkSetType) {
		v.contentType = jwkSetType
	}
	return v
}

func (s *Server) getPublicKeys(r *request) reply { return cached(r, s.public) }

// cached answers with a document, or with 304 to a client that has it (RFC 9110,
// 13.1.2).
func cached(r *request, d document) reply {
	v := reply{status: http.StatusOK, body: d.body}
	for _, tag := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == d.etag || tag == "*" {
			v = reply{status: http.StatusNotModified}
		}
	}
	return v.with("Cache-Control", "public, max-age="+keyMaxAge).with("ETag", d.etag)
}
