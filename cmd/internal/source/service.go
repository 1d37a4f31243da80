package source

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/cause"
)

// ServiceURL checks the base URL of a proof service, by the rules for every URL
// that the user types.
func (r *Reader) ServiceURL(arg string) (*url.URL, error) {
	if !IsURL(arg) {
		return nil, fmt.Errorf("%w: %q is not the http or https URL of a service", ErrUsage, arg)
	}
	u, err := r.check(arg)
	if err != nil {
		return nil, err
	}
	u.RawQuery = ""
	return u, nil
}

// Service is a proof service to write to.
type Service struct {
	Base  *url.URL // as ServiceURL returns it
	Token string   // bearer token, or ""; never sent over plain http beyond this machine
}

// serviceTimeout is for one call: a service may wait for its disk.
const serviceTimeout = 30 * time.Second

// Call sends a JSON body (nil: none) to a path below the base and returns the
// answer's body. An answer other than 200 is an error with the service's own
// words. Redirects are not followed: the token is for this service alone.
func (s *Service) Call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.Base.JoinPath(path).String(), content)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "qodverify")
	if s.Token != "" && mayCarryToken(s.Base) {
		r.Header.Set("Authorization", "Bearer "+s.Token)
	}
	client := &http.Client{
		Timeout:       serviceTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	reply, err := client.Do(r)
	if err != nil {
		return nil, s.late(err)
	}
	defer reply.Body.Close()
	data, err := readBounded(reply.Body, MaxBytes)
	if err != nil {
		return nil, s.late(err)
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service answered %s: %s", status(reply.StatusCode), answerDetail(data))
	}
	return data, nil
}

// late names the time that a call had, where that is what ended it.
func (s *Service) late(err error) error {
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return cause.New(err, "Try again; the service may wait for its disk.", "there was no whole answer within %s", serviceTimeout)
	}
	return plain(err)
}

// answerDetail returns what a refusal says for itself, shortened.
func answerDetail(data []byte) string {
	return cmp.Or(detailOf(data), "no detail")
}

// detailOf returns the member detail of an answer, shortened, "" without one.
func detailOf(data []byte) string {
	var answer struct{ Detail any }
	if json.Unmarshal(data, &answer) != nil || answer.Detail == nil {
		return ""
	}
	return canonical.Clip(fmt.Sprint(answer.Detail), 500)
}
