package server

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/store"
	"github.com/qodverify/qodverify/jwks"
)

// signedBy reports whether a signature is the key's of a this_hash.
func signedBy(key jwks.Key, thisHash, signature string) bool {
	hash, err := bundle.ParseDigest(thisHash)
	if err != nil {
		return false
	}
	data, err := jwks.DecodeBase64URL(signature, 64)
	return err == nil && key.Verify(bundle.SigningInput(hash), data)
}

// holds reports whether a record is one that its key signed.
func (k *Keyring) holds(r store.Record) bool {
	key, published := k.lookup(r.KID)
	return published && signedBy(key, r.ThisHash, r.Signature)
}

// past is what a start must know of a ledger before anything is chained to it.
type past struct {
	store *store.SQLite
	ring  *Keyring
}

// checkKeys refuses a key that is published under the kid of another: each earlier
// proof would become a signature_mismatch. One record that holds is enough; the
// others may have been edited.
func (p past) checkKeys(ctx context.Context, kids []string) error {
	for _, kid := range kids {
		records, err := p.store.LastOf(ctx, kid, 16)
		if err != nil {
			return err
		}
		right := false
		for _, r := range records {
			if _, fromCopy := p.signedHash(r); p.ring.holds(r) || fromCopy {
				right = true
				break
			}
		}
		if !right && len(records) > 0 {
			return refused("the public key that would be published as %q is not the one that signed the ledger's records of that kid (the last is of session %s): give the right one, or the new key another kid", kid, records[0].SessionID)
		}
	}
	return nil
}

// head makes the ledger go on from what was signed. Where the last record's row
// was edited, that is in the signed copy beside its artifact; without one nothing
// can be chained to it.
func (p past) head(ctx context.Context) (told string, err error) {
	r, err := p.store.Before(ctx, math.MaxInt64)
	switch {
	case errors.Is(err, store.ErrNoRecord):
		return "", nil
	case err != nil:
		return "", err
	case r.KID == "" || p.ring.holds(r): // the first versions signed nothing
		p.store.Remember(store.Head{Position: r.Position, ThisHash: r.ThisHash, CreatedAt: r.CreatedAt})
		return "", nil
	}
	signed, found := p.signedHash(r)
	if !found {
		return "", refused("the last record of the ledger, of session %s, was edited: its signature is not of its this_hash, and no signed copy of it is in the artifacts folder. A proof that is signed now would stand on a forged one: restore the database from a backup", r.SessionID)
	}
	p.store.Remember(store.Head{Position: r.Position, ThisHash: signed, CreatedAt: r.CreatedAt})
	return fmt.Sprintf("the last record of the ledger, of session %s, was edited: its this_hash is not the one that was signed. The chain goes on from the signed one; /verify and audit call that record signature_mismatch", r.SessionID), nil
}

// signedHash returns the this_hash that the signed copy of a record has.
func (p past) signedHash(r store.Record) (string, bool) {
	data, err := p.store.Copy(r.SessionID)
	if err != nil {
		return "", false
	}
	doc, err := canonical.Parse(data, canonical.Options{MaxBytes: store.MaxArtifact, AllowBOM: true})
	if err != nil {
		return "", false
	}
	record := doc.Root().At("/outputs/proof_record")
	text := func(at string) string {
		s, _ := record.At(at).Text()
		return s
	}
	key, published := p.ring.lookup(text("/kid"))
	hash, err := bundle.LinkDigest(text("/prev_hash"), record.At("/proof"), canonical.QodMock)
	if err != nil || !published || text("/proof/session_id") != r.SessionID || hash.String() != text("/this_hash") || text("/kid") != r.KID {
		return "", false
	}
	return hash.String(), signedBy(key, hash.String(), text("/signature"))
}
