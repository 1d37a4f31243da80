package source

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func page(w io.Writer, from, to int64) {
	for i := from; i <= to; i++ {
		fmt.Fprintf(w, `{"n":%d}`+"\n", i)
	}
}

func sized(w http.ResponseWriter, size int64) { w.Header().Set("X-Ledger-Size", fmt.Sprint(size)) }

// services are proof services, honest and not.
var services = map[string]struct {
	answer func(w http.ResponseWriter, from, request int64)
	want   int64  // records
	err    string // "" for an end
}{
	"one that grows": {func(w http.ResponseWriter, from, request int64) {
		sized(w, 1500+500*request)
		page(w, from, min(from+999, 1500+500*request))
	}, 1500, ""},
	"an old one, without sizes": {func(w http.ResponseWriter, from, _ int64) { page(w, from, min(from+999, 1500)) }, 1500, ""},
	"an empty one":              {func(w http.ResponseWriter, _, _ int64) { sized(w, 0) }, 0, ""},
	"positions without records": {func(w http.ResponseWriter, from, _ int64) {
		sized(w, 12)
		if from < 10 {
			w.Header().Set("X-Ledger-Next", "10")
			page(w, from, 4)
		} else {
			page(w, 10, 12)
		}
	}, 7, ""},
	"the same answer to all": {func(w http.ResponseWriter, _, _ int64) { page(w, 1, 12) }, 12, "does not heed from=13"},
	"the same record, broken off": {func(w http.ResponseWriter, _, _ int64) {
		page(w, 1, 1)
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
		panic(http.ErrAbortHandler)
	}, 1, "does not heed"},
	"a login page": {func(w http.ResponseWriter, _, _ int64) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!doctype html>\n<p>log in\n")
	}, 0, `"text/html" and no JSONL`},
	"a login page without a type": {func(w http.ResponseWriter, _, _ int64) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<!doctype html>\n<p>log in\n")
	}, 0, "its first line is no JSON object"},
	"an answer in JSON": {func(w http.ResponseWriter, _, _ int64) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"detail":"log in"}`)
	}, 0, "no JSONL"},
	"fresh records without end, of ten": {func(w http.ResponseWriter, from, _ int64) {
		sized(w, 10)
		page(w, from, from+999)
	}, 10, ""},
	"a page without end": {func(w http.ResponseWriter, from, _ int64) { page(w, from, from+100_000) }, 1000, "after the 1000 records that were asked for"},
	"fewer than it says": {func(w http.ResponseWriter, from, _ int64) {
		sized(w, 2000)
		page(w, from, min(from+999, 1500))
	}, 1500, "says that it has 2000 records"},
	"pages that break off after a record": {func(w http.ResponseWriter, from, _ int64) {
		sized(w, 1000)
		page(w, from, from)
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
		panic(http.ErrAbortHandler)
	}, 17, "its pages broke off 17 times"},
	"blank lines without end": {func(w http.ResponseWriter, _, _ int64) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/jsonl")
		z := gzip.NewWriter(w)
		defer z.Close()
		for range 200 {
			io.WriteString(z, strings.Repeat("\n", 1<<20))
		}
	}, 0, "64 MiB came without a record"},
	"refused": {func(w http.ResponseWriter, _, _ int64) { w.WriteHeader(http.StatusForbidden) }, 0, "asks for a token"},
}

// An audit of a service ends, whatever the service does, and takes the ledger as
// it was at the first page.
func TestServiceLedgerEnds(t *testing.T) {
	for name, c := range services {
		t.Run(name, func(t *testing.T) {
			requests := int64(0)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				from, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", "application/jsonl")
				c.answer(w, from, requests)
				requests++
			}))
			defer s.Close()
			l, err := (&Reader{pause: time.Millisecond}).Ledger(t.Context(), s.URL, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := int64(0)
			for _, readErr := range Limited(l.Records, 10_000) {
				if err = readErr; err == nil {
					got++
				}
			}
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%d records in %d requests, %v", got, requests, err)
			}
		})
	}
}

// Records that always come anew end at the bound.
func TestLimited(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/jsonl")
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		for i := range 1000 {
			fmt.Fprintf(w, `{"n":%d}`+"\n", from+i)
		}
	}))
	defer s.Close()
	l, err := (&Reader{}).Ledger(t.Context(), s.URL, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, readErr := range Limited(l.Records, 2500) {
		if err = readErr; err == nil {
			got++
		}
	}
	if got != 2500 || err == nil || !strings.Contains(err.Error(), "more than 2500 records") {
		t.Errorf("%d records, %v", got, err)
	}
}
