package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// listen runs Serve and returns the address, and a function that ends it.
func listen(t *testing.T, handler http.HandlerFunc) (addr string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, handler, slog.New(slog.DiscardHandler)) }()
	return l.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

// A request in flight is answered before the service ends.
func TestGracefulEnd(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	addr, end := listen(t, func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-release
		fmt.Fprint(w, "answered")
	})
	answer := make(chan string, 1)
	go func() {
		reply, err := http.Get("http://" + addr)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer reply.Body.Close()
		data, _ := io.ReadAll(reply.Body)
		answer <- string(data)
	}()
	<-started
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("new connections are taken while the service ends")
		}
	}
	letGo()
	if got := <-answer; got != "answered" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A client that sends too large a header is refused, and one that does not
// finish its header is cut off.
func TestHeaderBounds(t *testing.T) {
	t.Parallel()
	addr, end := listen(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	defer end()
	send := func(text string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn, bufio.NewReader(conn)
	}
	conn, r := send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n")
	defer conn.Close()
	if reply, err := http.ReadResponse(r, nil); err != nil || reply.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes: %v, %v", 2*maxHeader, reply, err)
	}
	start := time.Now()
	conn, r = send("GET / HTTP/1.1\r\nHost: x\r\n")
	defer conn.Close()
	if err := conn.SetReadDeadline(start.Add(4 * headerTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("a client that does not finish its header still has its connection after %v: %v", time.Since(start), err)
	}
}
