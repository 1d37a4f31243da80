package server

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/qodverify/qodverify/cmd/internal/store"
)

// Bounds of a page of GET /ledger.
const (
	defaultLedgerPage = 1000
	maxLedgerPage     = 10_000
	// maxLedgerBytes ends a page after the record that reaches it: a page is held
	// in memory, and artifacts may be large.
	maxLedgerBytes = 8 << 20
	// ledgerBlock is how many records are read at a time.
	ledgerBlock = 250
)

// The header fields of a page of the ledger.
const (
	ledgerSizeHeader = "X-Ledger-Size" // records in the ledger when the page was made
	ledgerNextHeader = "X-Ledger-Next" // where the next page starts
)

// getLedger answers the records from a position on as JSONL, each line what GET
// /proof/{session_id}/bundle answers, but for an artifact that is not there: the
// line has no runtime_artifact, where the bundle has null. The ledger is append-only, so pages fit
// together while it grows; an empty page is its end.
func (s *Server) getLedger(r *request) reply {
	from, refusedFrom := queryInt(r, "from", 1, math.MaxInt64/2, 1)
	limit, refusedLimit := queryInt(r, "limit", 1, maxLedgerPage, defaultLedgerPage)
	if refused := append(refusedFrom, refusedLimit...); refused != nil {
		return invalid(refused)
	}
	size := int64(0)
	last, err := s.Store.Before(r.Context(), math.MaxInt64)
	switch {
	case err == nil:
		size = last.Position
	case !errors.Is(err, store.ErrNoRecord):
		return s.failure(r, err)
	}
	body := []byte{} // not nil: an empty page is an answer too
	next := from
	for limit > 0 && len(body) < maxLedgerBytes {
		records, err := s.Store.Records(r.Context(), next, int(min(limit, ledgerBlock)))
		if err != nil {
			return s.failure(r, err)
		}
		if len(records) == 0 {
			break
		}
		for _, record := range records {
			artifact, err := s.Store.Artifact(r.Context(), record.SessionID)
			if err != nil {
				if refused := s.unlessMissing(r, err); refused != nil {
					return *refused
				}
			}
			body = append(append(body, record.Stored().Line(artifact)...), '\n')
			next = record.Position + 1
			if limit--; len(body) >= maxLedgerBytes {
				break
			}
		}
	}
	page := reply{status: 200, contentType: "application/jsonl", body: body}.
		with(ledgerSizeHeader, strconv.FormatInt(size, 10)).with(ledgerNextHeader, strconv.FormatInt(next, 10))
	if next <= size {
		page = page.with("Link", fmt.Sprintf(`</ledger?from=%d&limit=%d>; rel="next"`, next, defaultLedgerPage))
	}
	return page
}
