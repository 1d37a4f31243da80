package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/testdata/ledgergen"
)

// An audit of a service has a status that tells what it did, whatever the service
// answers.
func TestAuditOnline(t *testing.T) {
	var ledger bytes.Buffer
	keys, err := ledgergen.Write(&ledger, 1500, 7)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(ledger.String(), "\n"), "\n")
	part := func(w io.Writer, from, count int) {
		for i := from - 1; i < min(from-1+count, len(lines)); i++ {
			io.WriteString(w, strings.TrimSuffix(lines[i], "\n")+"\n")
		}
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, from int)
		exit   exitCode
		want   string // on either stream
	}{
		"sound": {func(w http.ResponseWriter, from int) {
			w.Header().Set("X-Ledger-Size", "1500")
			part(w, from, 1000)
		}, exitVerified, "records      1500: 1500 verified"},
		"grows": {func(w http.ResponseWriter, from int) {
			w.Header().Set("X-Ledger-Size", fmt.Sprint(1200+from/10))
			part(w, from, 1000)
		}, exitVerified, "records      1200: 1200 verified"},
		"does not heed from": {func(w http.ResponseWriter, _ int) { part(w, 1, 12) }, exitInconclusive, "does not heed from=13"},
		"login page": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<p>log in")
		}, exitMalformed, "a login page before one?"},
		"empty":         {func(w http.ResponseWriter, _ int) { w.Header().Set("X-Ledger-Size", "0") }, exitMalformed, "the service has no record yet"},
		"gives nothing": {func(w http.ResponseWriter, _ int) { w.Header().Set("X-Ledger-Size", "5") }, exitMalformed, "says that it has 5 records"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/.well-known/jwks.json" {
					w.Write(keys)
					return
				}
				from, _ := strconv.Atoi(r.URL.Query().Get("from"))
				w.Header().Set("Content-Type", "application/jsonl")
				c.answer(w, from)
			}))
			defer s.Close()
			var stdout, stderr bytes.Buffer
			exit := run([]string{"audit", s.URL}, nil, &stdout, &stderr)
			if exit != c.exit || !strings.Contains(stdout.String()+stderr.String(), c.want) {
				t.Errorf("status %d\n%s%s", exit, &stdout, &stderr)
			}
		})
	}
}

// --max-records ends a ledger that goes on, and does not call it verified.
func TestMaxRecords(t *testing.T) {
	var ledger bytes.Buffer
	_, err := ledgergen.Write(&ledger, 30, 7)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	exit := run([]string{"audit", "--max-records", "20", "-"}, bytes.NewReader(ledger.Bytes()), &stdout, &stderr)
	if exit != exitInconclusive || !strings.Contains(stdout.String(), "more than 20 records") {
		t.Errorf("status %d\n%s%s", exit, &stdout, &stderr)
	}
}
