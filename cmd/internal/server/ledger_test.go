package server

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// ledgerPage asks for one page.
func (v *service) ledgerPage(query string) (lines []string, size, next int64, header http.Header) {
	v.t.Helper()
	reply, err := http.Get(v.URL + "/ledger" + query)
	if err != nil {
		v.t.Fatal(err)
	}
	defer reply.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(reply.Body); err != nil || reply.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %d %v %s", query, reply.StatusCode, err, body.String())
	}
	for line := range strings.Lines(body.String()) {
		if !strings.HasSuffix(line, "\n") {
			v.t.Errorf("the last line of %s has no end", query)
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	size, _ = strconv.ParseInt(reply.Header.Get(ledgerSizeHeader), 10, 64)
	next, _ = strconv.ParseInt(reply.Header.Get(ledgerNextHeader), 10, 64)
	return lines, size, next, reply.Header
}

// The pages are the bundles in chain order, whatever their size, and an empty one
// is the end.
func TestLedgerPages(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	if lines, size, next, _ := v.ledgerPage(""); len(lines) != 0 || size != 0 || next != 1 {
		t.Errorf("an empty ledger: %q, size %d, next %d", lines, size, next)
	}
	var want []string
	for range 7 {
		want = append(want, v.must("GET", "/proof/"+v.finalized()+"/bundle?telemetry=none", ""))
	}
	all, size, next, header := v.ledgerPage("")
	if size != 7 || next != 8 || header.Get("Link") != "" || header.Get("Content-Type") != "application/jsonl" {
		t.Errorf("size %d, next %d, %v", size, next, header)
	}
	if got := strings.Join(all, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the ledger is not its bundles:\n%s\n%s", got, strings.Join(want, "\n"))
	}
	for _, limit := range []int{1, 2, 3, 7, 10_000} {
		var got []string
		for from := int64(1); ; {
			lines, _, next, _ := v.ledgerPage(fmt.Sprintf("?from=%d&limit=%d", from, limit))
			if len(lines) == 0 {
				break
			}
			if got = append(got, lines...); next != from+int64(len(lines)) || len(lines) > limit {
				t.Fatalf("limit %d: %d lines from %d on, next %d", limit, len(lines), from, next)
			}
			from = next
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("pages of %d are another ledger", limit)
		}
	}
	if _, _, _, header := v.ledgerPage("?from=2&limit=2"); header.Get("Link") != `</ledger?from=4&limit=1000>; rel="next"` {
		t.Errorf("link %q", header.Get("Link"))
	}
	for _, query := range []string{"?from=0", "?from=-1", "?from=x", "?limit=0", "?limit=10001", "?from=99999999999999999999"} {
		if status, answer := v.call("GET", "/ledger"+query, ""); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, status, answer)
		}
	}
}

func TestLedgerNeedsToken(t *testing.T) {
	v := start(t, t.TempDir(), func(c *Config) { c.Token, c.AllowAnonymous = "secret", false })
	if status, _ := v.call("GET", "/ledger", "", "Authorization", "Bearer wrong"); status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: %d", status)
	}
	if status, _ := v.call("GET", "/ledger", "", "Authorization", "Bearer secret"); status != http.StatusOK {
		t.Errorf("with the token: %d", status)
	}
}

// Who reads pages while records are written gets one sound chain each time.
func TestLedgerWhileWriting(t *testing.T) {
	v := start(t, t.TempDir(), nil)
	keys, err := jwks.Parse([]byte(v.must("GET", "/.well-known/jwks.json", "")))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	v.finalized()
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 15 {
				v.finalized()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	last := int64(0)
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		var text strings.Builder
		for from := int64(1); ; {
			lines, _, next, _ := v.ledgerPage(fmt.Sprintf("?from=%d&limit=3", from))
			if len(lines) == 0 {
				break
			}
			text.WriteString(strings.Join(lines, "\n") + "\n")
			from = next
		}
		r := verifier.Ledger(bundle.Entries(strings.NewReader(text.String()), bundle.Limits{}), verify.LedgerOptions{})
		if r.Err() != nil || r.Records < last || r.Head.Position != r.Records {
			t.Fatalf("%v, %d records after %d", r.Err(), r.Records, last)
		}
		last = r.Records
	}
	if last != 61 {
		t.Errorf("%d records, want 61", last)
	}
}
