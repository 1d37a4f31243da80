package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/qodverify/qodverify/bundle"
)

const (
	ledgerPage = 1000
	// ledgerTries is how often a page is asked for before the ledger is given up.
	ledgerTries = 4
	// ledgerTimeout is for one page, its body included.
	ledgerTimeout = 2 * time.Minute
	// ledgerBreaks and one for each breaksEvery records is how often pages may break
	// off in all: one that always does so after a record would never end.
	ledgerBreaks, breaksEvery = 16, 10_000
	// ledgerRate is how many records a second come at the least, over all, after
	// ledgerTimeout.
	ledgerRate = 5
	// ledgerSilence is how many bytes may come without a record.
	ledgerSilence = 64 << 20
	// pipeSilence is the same of a pipe, where a line that is too long has its place
	// in the report.
	pipeSilence = 1 << 30
)

// finalError is one that asking again does not mend.
type finalError struct{ text string }

func (e *finalError) Error() string { return e.text }

func finalf(format string, args ...any) error { return &finalError{fmt.Sprintf(format, args...)} }

// serviceLedger reads GET /ledger page by page, up to the size that the first page
// names: the ledger as it was then, however it grows. After a page broke off it
// goes on behind the last whole record. What a service does to keep it going ends
// it: the same records again, more than asked for, or hardly any.
func (r *Reader) serviceLedger(ctx context.Context, arg string, from int64) (*Ledger, error) {
	base, err := r.ServiceURL(arg)
	if err != nil {
		return nil, err
	}
	l := &Ledger{Name: base.String(), Origin: origin(base), Again: true}
	l.Records = func(yield func(bundle.Raw, error) bool) {
		l.Done.Store(0)
		p := &pages{reader: r, ledger: l, base: base, at: max(from, 1), end: -1, start: time.Now(), seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
		if err := p.read(ctx, yield); err != nil {
			if p.given > 0 {
				err = fmt.Errorf("from record %d on: %w", p.at, err)
			}
			yield(bundle.Raw{}, fmt.Errorf("%s: %w", base, plain(err)))
		}
	}
	return l, nil
}

// pages is one reading of a service's ledger.
type pages struct {
	reader *Reader
	ledger *Ledger
	base   *url.URL
	at     int64 // position of the next record
	end    int64 // position of the last one; -1 while unknown
	start  time.Time
	given  int64
	last   uint64 // fingerprint of the record before
	seed   maphash.Seed
	seen   map[uint64]bool // of the first records of pages
}

func (p *pages) read(ctx context.Context, yield func(bundle.Raw, error) bool) error {
	for failures, breaks := 0, int64(0); ; {
		before := p.at
		ended, stopped, err := p.page(ctx, yield)
		if stopped || ended && err == nil {
			return nil
		}
		if p.at > before {
			failures = 0
		}
		if err == nil {
			continue
		}
		var status *statusCodeError
		var final *finalError
		failures, breaks = failures+1, breaks+1
		switch {
		case errors.As(err, &final), errors.As(err, &status) && status.code < 500, ctx.Err() != nil, failures == ledgerTries:
			return err
		case breaks > ledgerBreaks+p.given/breaksEvery:
			return fmt.Errorf("its pages broke off %d times, and this is given up: %w", breaks, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(failures) * cmp.Or(p.reader.pause, 500*time.Millisecond)):
		}
	}
}

// page yields one page and moves at behind its last record.
func (p *pages) page(ctx context.Context, yield func(bundle.Raw, error) bool) (ended, stopped bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	u := p.base.JoinPath("ledger")
	u.RawQuery = url.Values{"from": {strconv.FormatInt(p.at, 10)}, "limit": {strconv.Itoa(ledgerPage)}}.Encode()
	reply, err := p.reader.get(ctx, u, p.reader.Token, "application/jsonl")
	if err != nil {
		return false, false, err
	}
	defer reply.Body.Close()
	if err := p.header(reply.Header); err != nil {
		return false, false, err
	}
	from, count := p.at, int64(0)
	body := &silence{Reader: reply.Body, most: ledgerSilence}
	for raw, err := range bundle.Entries(body, bundle.Limits{}) {
		if err == nil && p.end >= 0 && p.at > p.end {
			return true, false, nil
		}
		if err == nil {
			err = p.expected(raw, count)
		}
		if err != nil {
			return false, false, err
		}
		body.since = 0
		count++
		raw.Input, raw.Line = p.ledger.Name, p.at // the position is what finds it again
		p.at++
		p.given++
		p.ledger.Done.Add(1)
		if !yield(raw, nil) {
			return false, true, nil
		}
		if p.at > p.end && p.end >= 0 {
			return true, false, nil // without waiting for the body's end
		}
	}
	if count == 0 && p.at <= p.end {
		return false, false, finalf("the service says that it has %d records, and gives none here", p.end)
	}
	// Positions without a record are passed over by the service, which says where it
	// goes on.
	if next, err := strconv.ParseInt(reply.Header.Get("X-Ledger-Next"), 10, 64); err == nil && next > p.at && next <= max(p.end, from)+1 {
		p.at = next
	}
	return count == 0 || p.end >= 0 && p.at > p.end, false, nil
}

// header takes the ledger's size from the first page, and refuses what is no page
// of a ledger: the login page of a proxy comes with status 200.
func (p *pages) header(h http.Header) error {
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil && !slices.Contains([]string{
		"application/jsonl", "application/x-jsonl", "application/jsonlines", "application/x-jsonlines", "application/json-lines",
		"application/ndjson", "application/x-ndjson", "application/octet-stream", "text/plain",
	}, kind) {
		return finalf("the answer is %q and no JSONL: is this a proof service, or a login page before one?", kind)
	}
	if size, err := strconv.ParseInt(h.Get("X-Ledger-Size"), 10, 64); err == nil && size >= 0 && p.end < 0 {
		p.end = size
		p.ledger.Size.Store(size)
	}
	return nil
}

// expected refuses a record that shows that the service does not answer what it
// was asked.
func (p *pages) expected(raw bundle.Raw, count int64) error {
	now := maphash.Bytes(p.seed, raw.Data)
	switch {
	case count == ledgerPage:
		return finalf("the page goes on after the %d records that were asked for", ledgerPage)
	case count == 0 && raw.Err == nil && !bytes.HasPrefix(bytes.TrimLeft(raw.Data, " \t\ufeff"), []byte("{")):
		return finalf("the answer is no JSONL: its first line is no JSON object")
	case count == 0 && p.given > 0 && raw.Err == nil && (now == p.last || p.seen[now]):
		return finalf("the page starts with a record that was there before: the service does not heed from=%d", p.at)
	}
	if time.Since(p.start) > ledgerTimeout+time.Duration(p.given)*time.Second/ledgerRate {
		return finalf("the service gave %d records in %s, and it would never end", p.given, time.Since(p.start).Round(time.Second))
	}
	if p.last = now; count == 0 {
		p.seen[now] = true
	}
	return nil
}

// silence ends a body that goes on without a record: blank lines, or one line.
type silence struct {
	io.Reader
	since, most int64
}

func (s *silence) Read(b []byte) (int, error) {
	if s.since > s.most {
		return 0, finalf("%d MiB came without a record", s.most>>20)
	}
	n, err := s.Reader.Read(b)
	s.since += int64(n)
	return n, err
}

// Limited ends records with an error when there are more than max.
func Limited(records iter.Seq2[bundle.Raw, error], most int64) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		n := int64(0)
		for raw, err := range records {
			if n++; err == nil && n > most {
				yield(bundle.Raw{}, fmt.Errorf("more than %d records: give --max-records for more", most))
				return
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}
