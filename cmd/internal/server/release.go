package server

import (
	"context"
	"fmt"

	"github.com/qodverify/qodverify/cmd/internal/store"
)

// Release gives the ledger of a service back to the original, and returns what to
// tell of it.
func Release(ctx context.Context, s Settings) ([]string, error) {
	if err := s.spelling(); err != nil {
		return nil, err
	}
	s.place()
	r, err := store.Release(ctx, store.Options{Database: s.Database, Artifacts: s.Artifacts})
	if err != nil {
		return nil, fmt.Errorf("the ledger database %s: %w", s.Database, err)
	}
	told := []string{fmt.Sprintf("%s is the original's again: %d records, no trigger, no index and no write-ahead log of ours; its artifacts are in %s", s.Database, r.Records, s.Artifacts)}
	if r.Kept {
		told = append(told, "the column position stays, since the records' order is not that of their times; the original does not mind it")
	}
	if r.Missing > 0 {
		told = append(told, fmt.Sprintf("%d records have no artifact.json there: the original will call them runtime_hash_mismatch", r.Missing))
	}
	return append(told, "give the original the key as QOD_SIGNING_PRIVATE_KEY_B64URL (member d of the key file), its kid as QOD_ACTIVE_SIGNING_KID, and all public keys as QOD_PUBLIC_KEYS; a later serve takes the ledger again"), nil
}
