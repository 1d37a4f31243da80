//go:build !js

package cause

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	doService     = "Look at whether the service runs, and at host and port."
	doCertificate = "Ask who runs the service; or fetch it by a way that you trust, and give the file."
)

// network explains what net, net/http and TLS say.
func network(err error) *Error {
	switch e := err.(type) {
	case *url.Error:
		if e.Op == "parse" {
			return &Error{Text: "it is not a URL", Do: doSpelling}
		}
		if errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) {
			return &Error{Text: "the service broke the connection off without an answer", Do: doAgain}
		}
		if inner := known(e.Err, false); inner != nil {
			return inner
		}
		if inner := explained(e.Err, false); inner != nil {
			return inner
		}
		return &Error{Text: e.Err.Error()} // without method and URL
	case *net.OpError:
		return operation(e)
	case *net.DNSError:
		return name(e)
	case *net.AddrError, net.InvalidAddrError, net.UnknownNetworkError, *net.ParseError:
		return &Error{Text: "it is no address of the form HOST:PORT", Do: doSpelling}
	case *http.MaxBytesError:
		return &Error{Text: fmt.Sprintf("it is larger than %d bytes, the most that is read", e.Limit)}
	}
	if e := secure(err); e != nil {
		return e
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "net/http: ") {
		return known(inner, false)
	}
	if timed, ok := err.(interface{ Timeout() bool }); ok && timed.Timeout() {
		if _, errno := err.(syscall.Errno); !errno {
			return &Error{Text: "there was no whole answer in the time for one", Do: doAgain}
		}
	}
	return worded(err)
}

// operation explains a failed dial, read or listen.
func operation(e *net.OpError) *Error {
	at := "the other side"
	if e.Addr != nil {
		at = e.Addr.String()
	}
	var resolved *net.DNSError
	switch {
	case errors.As(e, &resolved):
		return name(resolved)
	case errors.Is(e, syscall.ECONNREFUSED) && e.Op == "dial":
		return &Error{Text: "nothing listens at " + at, Do: doService}
	case errors.Is(e, syscall.EADDRINUSE):
		return &Error{Text: at + " is in use by another program", Do: "Stop that program, or listen at another port.", Write: true}
	case errors.Is(e, syscall.EADDRNOTAVAIL):
		return &Error{Text: at + " is no address of this machine", Do: "Listen at one that it has, or at 127.0.0.1.", Write: true}
	case errors.Is(e, syscall.EACCES) && e.Op == "listen":
		return &Error{Text: "this user may not listen at " + at, Do: "Listen at a port from 1024 on.", Write: true}
	case errors.Is(e, syscall.ENETUNREACH), errors.Is(e, syscall.EHOSTUNREACH):
		return &Error{Text: "there is no way through the network to " + at, Do: "Look at the connection of this machine, and at the host."}
	case errors.Is(e, syscall.ECONNRESET), errors.Is(e, syscall.EPIPE), errors.Is(e, io.EOF):
		return &Error{Text: at + " broke the connection off", Do: doAgain}
	case e.Timeout():
		return &Error{Text: at + " does not answer", Do: doService}
	}
	if inner := known(e.Err, false); inner != nil {
		return inner
	}
	return &Error{Text: fmt.Sprintf("the connection to %s failed (%v)", at, e.Err), Do: doService}
}

func name(e *net.DNSError) *Error {
	switch {
	case e.IsNotFound:
		return &Error{Text: fmt.Sprintf("there is no host %q", e.Name), Do: "Look at the spelling of the host, and at the connection of this machine."}
	case e.IsTimeout:
		return &Error{Text: fmt.Sprintf("no name server answers for the host %q", e.Name), Do: "Look at the connection of this machine."}
	}
	return &Error{Text: fmt.Sprintf("the host %q was not found: the name server gave an error", e.Name), Do: "Look at the spelling of the host, and at the connection of this machine."}
}

// secure explains what TLS and certificates say.
func secure(err error) *Error {
	switch e := err.(type) {
	case *tls.CertificateVerificationError:
		if inner := secure(e.Err); inner != nil {
			return inner
		}
		return &Error{Text: "the server's certificate does not hold", Do: doCertificate}
	case x509.UnknownAuthorityError:
		return &Error{Text: "the server's certificate is signed by nobody whom this machine trusts", Do: "If the authority is your own, name its certificate in $SSL_CERT_FILE; else ask who runs the service."}
	case x509.HostnameError:
		return &Error{Text: fmt.Sprintf("the server's certificate is not of the host %q", e.Host), Do: "Give the host by the name that its certificate has."}
	case x509.CertificateInvalidError:
		if e.Reason == x509.Expired && e.Cert != nil {
			return &Error{Text: fmt.Sprintf("the server's certificate is valid from %s to %s, and not now", e.Cert.NotBefore.UTC().Format(time.RFC3339), e.Cert.NotAfter.UTC().Format(time.RFC3339)), Do: "Look at the clock of this machine; else ask who runs the service."}
		}
		return &Error{Text: "the server's certificate does not hold", Do: doCertificate}
	case x509.SystemRootsError:
		return &Error{Text: "this machine has no list of the authorities that it trusts", Do: "Install its CA certificates (ca-certificates), or name a file of them in $SSL_CERT_FILE."}
	case tls.RecordHeaderError:
		return &Error{Text: "what answers there does not speak TLS", Do: "Look at the port, and at whether the URL is one of http://."}
	case tls.AlertError:
		return &Error{Text: "the server refused to speak TLS with this program", Do: "Ask who runs the service whether it wants a client's certificate, or speaks TLS 1.2 or later."}
	}
	return nil
}

// worded explains errors of net/http that have no type of their own.
func worded(err error) *Error {
	text := err.Error()
	for _, w := range []struct{ has, text, do string }{
		{"server gave HTTP response to HTTPS client", "what answers there speaks plain http, and the URL is one of https://", "Give the URL with http://, and --allow-http beyond this machine."},
		{"malformed HTTP", "what answers there is no web service", doService},
		// net/http's own slip, where the other side speaks and hangs up before it is asked.
		{"readLoopPeekFailLocked", "what answers there is no web service", doService},
		{"server closed idle connection", "the server broke the connection off", doAgain},
		{"connection reset by peer", "the server broke the connection off", doAgain},
		{"server sent GOAWAY", "the server broke the connection off", doAgain},
		{"stream error", "the server broke the answer off", doAgain},
		{"unsupported protocol scheme", "it is no URL of http or https", doSpelling},
		{"invalid URL port", "its port is no number", doSpelling},
		{"server replied with more than declared", "the answer is longer than the server said", doAgain},
		{"response headers exceeded", "the head of the answer is larger than 1 MiB", doService},
		{"first record does not look like a TLS handshake", "what answers there does not speak TLS", doService},
		{"proxyconnect", "the proxy does not let it through", "Look at $HTTPS_PROXY, or give the file."},
	} {
		if strings.Contains(text, w.has) && errors.Unwrap(err) == nil {
			return &Error{Text: w.text, Do: w.do}
		}
	}
	return nil
}
