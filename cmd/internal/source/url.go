package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

const (
	defaultTimeout = 10 * time.Second // for one whole exchange, body included
	maxRedirects   = 3
	jwksPath       = "/.well-known/jwks.json"
)

// bundleURL checks a URL argument and completes a base URL by the session.
func (r *Reader) bundleURL(arg string) (*url.URL, error) {
	u, err := r.check(arg)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Session != "":
		u = u.JoinPath("proof", r.Session, "bundle")
	case strings.Trim(u.Path, "/") == "":
		return nil, fmt.Errorf("%w: %s is a server's base URL: give --session ID, or the URL of a bundle", ErrUsage, u)
	}
	return u, nil
}

// check refuses URLs that must not be asked: anything when offline, credentials
// in the URL, plain http beyond this machine.
func (r *Reader) check(arg string) (*url.URL, error) {
	if r.Offline {
		return nil, fmt.Errorf("%w: --offline refuses the URL %q", ErrUsage, arg)
	}
	u, err := url.Parse(arg)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not a URL", ErrUsage, arg)
	}
	switch {
	case u.Hostname() == "":
		return nil, fmt.Errorf("%w: the URL %q names no host", ErrUsage, arg)
	case u.User != nil:
		return nil, fmt.Errorf("%w: a URL with a user name or password is refused; a service's token goes into $QODVERIFY_TOKEN", ErrUsage)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()) && !r.AllowHTTP:
		return nil, fmt.Errorf("%w: %s is plain http, where anyone on the way can swap keys and bundle; use https, or --allow-http", ErrUsage, u)
	}
	u.Fragment = ""
	return u, nil
}

// IsLoopback reports whether a host is this machine by its name or address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// mayCarryToken reports whether nobody on the way to u can read a token.
func mayCarryToken(u *url.URL) bool { return u.Scheme == "https" || IsLoopback(u.Hostname()) }

// origin returns scheme, host and port alone (RFC 6454), the scheme's own port
// left out.
func origin(u *url.URL) *url.URL {
	o := &url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host)}
	if port := u.Port(); o.Scheme == "https" && port == "443" || o.Scheme == "http" && port == "80" {
		o.Host = strings.TrimSuffix(o.Host, ":"+port)
	}
	return o
}

func sameOrigin(a, b *url.URL) bool { return *origin(a) == *origin(b) }

// fetch gets one document within the time for one exchange.
func (r *Reader) fetch(u *url.URL, limit int, token string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(r.timeout, defaultTimeout))
	defer cancel()
	reply, err := r.get(ctx, u, token, "application/json, application/jwk-set+json")
	if err != nil {
		return nil, late(ctx, err, cmp.Or(r.timeout, defaultTimeout))
	}
	defer reply.Body.Close()
	data, err := readBounded(reply.Body, limit)
	return data, late(ctx, err, cmp.Or(r.timeout, defaultTimeout))
}

// late names the time that an exchange had, where that is what ended it, and tells an
// answer that broke off from a file that was cut.
func late(ctx context.Context, err error, had time.Duration) error {
	if packed := (*unpack.Error)(nil); errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &packed) {
		return cause.New(err, "Try again; if it stays so, get it by another way (curl -o FILE URL) and give the file.", "the service broke its answer off")
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return cause.New(err, "Try again; if it stays so, get it by another way (curl -o FILE URL) and give the file.", "there was no whole answer within %s", had)
	}
	return plain(err)
}

// get asks for one document and returns an answer of status 200, whose body the
// caller closes. The token goes only to u's own origin, which is also the only one
// to which a redirect may lead, and never over plain http beyond this machine.
func (r *Reader) get(ctx context.Context, u *url.URL, token, accept string) (*http.Response, error) {
	client := &http.Client{
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if !sameOrigin(next.URL, u) {
				return fmt.Errorf("the redirect leaves the origin, to %s", origin(next.URL))
			}
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", "qodverify")
	sendToken := token != "" && mayCarryToken(u)
	if sendToken {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, plain(err) // without the URL, which the caller names
	}
	if reply.StatusCode != http.StatusOK {
		defer reply.Body.Close()
		return nil, statusError(u, reply, token, sendToken)
	}
	return reply, nil
}

// statusError says what a service answered, in its own words where it has some, but
// for the token.
func statusError(u *url.URL, reply *http.Response, token string, sentToken bool) error {
	hint, said := "", ""
	if data, err := readBounded(reply.Body, maxAnswer); err == nil {
		if said, _ = detailOf(data); said != "" {
			if said = ": " + said; token != "" {
				said = strings.ReplaceAll(said, token, "(the token)")
			}
		}
	}
	switch reply.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		hint = "; the service asks for a token: set $QODVERIFY_TOKEN"
		if sentToken {
			hint = "; the token in $QODVERIFY_TOKEN was refused"
		}
	case http.StatusNotFound:
		hint = notFoundHint(u, said != "")
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		hint = "; try again later"
	}
	return &statusCodeError{reply.StatusCode, fmt.Sprintf("the service answered %s%s%s", status(reply.StatusCode), said, hint)}
}

// maxAnswer bounds what is read of a refusal.
const maxAnswer = 64 << 10

// status spells a status code with its name, which the code's sender may not choose.
func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}
