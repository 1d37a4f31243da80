package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

// The bar is one line that fits, drawn over itself and taken away at the end;
// without a terminal there are lines, and none too often.
func TestProgress(t *testing.T) {
	ledger := source.NewLedger("x", "", 1000)
	ledger.Done.Store(250)
	start := time.Now().Add(-10 * time.Second)
	for _, c := range []struct {
		name     string
		terminal bool
		want     string
	}{
		{"terminal", true, "\r\x1b[K[######..................]  25%  5000 records, 500/s, 2 findings, 30s left\r\x1b[K"},
		{"lines", false, "qodverify audit:  25%  5000 records, 500/s, 2 findings, 30s left\n"},
	} {
		var out bytes.Buffer
		p := &progress{w: &out, command: "audit", terminal: c.terminal, width: 80, every: time.Hour, start: start}
		p.audited(verify.Progress{Records: 5000, Findings: 2}, ledger)
		p.audited(verify.Progress{Records: 5001, Findings: 2}, ledger) // too soon
		p.end()
		if got := out.String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if !strings.Contains(p.auditText(verify.Progress{Records: 5000, Linking: true}, ledger, time.Now()), "putting the chain in order") {
			t.Errorf("%s: linking is not told", c.name)
		}
	}
	narrow := &progress{w: &bytes.Buffer{}, terminal: true, width: 20, start: start}
	narrow.audited(verify.Progress{Records: 5000}, ledger)
	if got := narrow.w.(*bytes.Buffer).String(); len(got) != len("\r\x1b[K")+19 {
		t.Errorf("a line of %d on a terminal of 20", len(got)-4)
	}
	ledger.Size.Store(0) // as of stdin
	if got := narrow.auditText(verify.Progress{Records: 5000}, ledger, start.Add(10*time.Second)); got != "5000 records, 500/s, 0 findings" {
		t.Errorf("of unknown size: %q", got)
	}
}
