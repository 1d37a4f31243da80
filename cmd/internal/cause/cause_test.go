package cause

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// raw are words by which a library is recognised. They mean nothing to who runs a
// program.
var raw = regexp.MustCompile(`unexpected EOF|^EOF$|no such file or directory|dial tcp|lookup |context deadline|deadline exceeded|invalid character|strconv\.|json: (cannot|invalid|unsupported)|yaml: |x509:|tls:|http: |net/http|gzip:|flate:|base64|parsing time|connect: |i/o timeout|encoding/|parse "|is a directory|not a directory|permission denied .*open|asn1`)

func TestLibraryErrors(t *testing.T) {
	dir := t.TempDir()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/broken":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("x"))
		case "/hang up":
			panic(http.ErrAbortHandler)
		}
	}))
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	used := free.Addr().String()
	defer free.Close()

	get := func(client *http.Client, url string) error {
		reply, err := client.Get(url)
		if err == nil {
			_, err = io.ReadAll(reply.Body)
			reply.Body.Close()
		}
		return err
	}
	open := func(name string) error { _, err := os.ReadFile(name); return err }
	unmarshal := func(s string) error { var v struct{ N int }; return json.Unmarshal([]byte(s), &v) }
	for name, c := range map[string]struct {
		err  error
		want string
		do   bool
	}{
		"no file":                {open(filepath.Join(dir, "none.json")), "there is no such file or folder", true},
		"a folder":               {open(dir), "it is a folder", true},
		"through a file":         {open(filepath.Join(os.Args[0], "x")), "a part of its path is a file", true},
		"a NUL in the name":      {open("a\x00b"), "the system does not take this name", true},
		"a long name":            {open(strings.Repeat("n", 5000)), "its name is longer", true},
		"wrapped":                {fmt.Errorf("keys from x: %w; nothing was done", open("none")), "keys from x: none: there is no such file or folder; nothing was done", true},
		"wrapped by name":        {fmt.Errorf("keys from none: %w", open("none")), "keys from none: there is no such file or folder", true},
		"a temporary file":       {fmt.Errorf("%s: %w", filepath.Join(dir, "none", "r.html"), open(filepath.Join(dir, "none", "tmp123"))), filepath.Join(dir, "none", "r.html") + ": there is no such", true},
		"wrapped by its letters": {fmt.Errorf("the folder: %w", &fs.PathError{Op: "mkdir", Path: "d", Err: syscall.EACCES}), "the folder: d: permission denied", true},
		"by one letter":          {&fs.PathError{Op: "mkdir", Path: "d", Err: syscall.EACCES}, "d: permission denied", true},
		"joined":                 {errors.Join(errors.New("first"), open("none")), "first\nnone: there is no such file", true},
		"no right":               {&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "permission denied", true},
		"a full disk":            {&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "the disk is full", true},
		"other words":            {&fs.PathError{Op: "open", Path: "x", Err: errors.New("not a regular file")}, "not a regular file", false},
		"cut off":                {io.ErrUnexpectedEOF, "it ends too early", true},
		"nothing":                {io.EOF, "it ended before anything came", true},
		"late":                   {context.DeadlineExceeded, "no whole answer in the time", true},

		"nobody listens":      {get(http.DefaultClient, "http://127.0.0.1:1/x"), "nothing listens at 127.0.0.1:1", true},
		"no host":             {get(http.DefaultClient, "http://nowhere.invalid/"), `host "nowhere.invalid"`, true},
		"no answer":           {get(&http.Client{Timeout: 30 * time.Millisecond}, plain.URL+"/slow"), "no whole answer in the time", true},
		"half an answer":      {get(http.DefaultClient, plain.URL+"/broken"), "it ends too early", true},
		"hung up":             {get(http.DefaultClient, plain.URL+"/hang%20up"), "broke the connection off", true},
		"TLS on a plain port": {get(http.DefaultClient, strings.Replace(plain.URL, "http", "https", 1)), "speaks plain http", true},
		"a foreign authority": {get(http.DefaultClient, secure.URL), "signed by nobody whom this machine trusts", true},
		"another host":        {get(secure.Client(), strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)), "is not of the host", true},
		"speaks unasked":      {&url.Error{Op: "Get", URL: plain.URL, Err: errors.New("readLoopPeekFailLocked: %!w(<nil>)")}, "what answers there is no web service", true},
		"expired":             {x509.CertificateInvalidError{Cert: &x509.Certificate{NotAfter: time.Unix(0, 0)}, Reason: x509.Expired}, "is valid from", true},
		"no URL":              {func(text string) error { _, err := url.Parse(text); return err }("http://[::1"), "it is not a URL", true},
		"a port in use":       {func() error { _, err := net.Listen("tcp", used); return err }(), used + " is in use", true},
		"no port":             {func() error { _, _, err := net.SplitHostPort("host"); return err }(), "HOST:PORT", true},

		"no JSON":        {unmarshal(`{"N": x}`), "it is not JSON from byte 7 on", false},
		"half of JSON":   {unmarshal(`{"N": `), "the JSON ends too early", true},
		"another type":   {unmarshal(`{"N": "x"}`), `the member "N" is a JSON string`, false},
		"no number":      {func() error { _, err := strconv.Atoi("x"); return err }(), `"x" is not a number`, false},
		"a large number": {func() error { _, err := strconv.ParseInt("99999999999999999999", 10, 64); return err }(), "larger than a number may be", false},
		"no time":        {func() error { _, err := time.Parse(time.RFC3339, "now"); return err }(), `"now" is not a time`, false},
		"no gzip":        {gzip.ErrHeader, "begins as gzip", true},
		"a flipped bit":  {gzip.ErrChecksum, "is damaged", true},
		"no base64":      {func() error { _, err := base64.StdEncoding.DecodeString("a b!"); return err }(), "it is not base", false},
		"no hexadecimal": {func() error { _, err := hex.DecodeString("xx"); return err }(), "it is not hexadecimal", false},
		"odd":            {hex.ErrLength, "odd number", false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.err == nil {
				t.Fatal("it did not fail")
			}
			got := Full(c.err)
			if !strings.Contains(got.Error(), c.want) || raw.MatchString(strings.ReplaceAll(got.Error(), "it is not base64", "")) {
				t.Errorf("%v\nof %v\nwant %q", got, c.err, c.want)
			}
			if !errors.Is(got, c.err) {
				t.Error("the error itself is lost")
			}
			var e *Error
			if errors.As(got, &e); c.do != (e != nil && e.Do != "") {
				t.Errorf("what to do: %+v", e)
			}
			if again := Full(got); again.Error() != got.Error() {
				t.Errorf("explained twice: %v, then %v", got, again)
			}
		})
	}
}

// What is said in our own words stays as it is, and so does nothing at all.
func TestOwnWords(t *testing.T) {
	own := errors.New("more than 3 redirects")
	for _, err := range []error{own, fmt.Errorf("%w: not this", own), errors.Join(own, own)} {
		if Of(err).Error() != err.Error() || !errors.Is(Of(err), own) {
			t.Errorf("%v became %v", err, Of(err))
		}
	}
	if Of(nil) != nil || Full(nil) != nil {
		t.Error("no error became one")
	}
	if got := Of(&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}); got.Error() != "there is no such file or folder" || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("%v", got)
	}
}
