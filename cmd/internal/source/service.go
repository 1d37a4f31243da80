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
	"strings"
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

// Refusal is an answer other than 200.
type Refusal struct {
	Code   int    // the HTTP status
	Status string // the same in words
	Detail string // what the service says for itself, shortened
	// Faults are the places in the body that it does not take, as FastAPI names
	// them: the kind of fault by the member's name.
	Faults map[string]string
}

// Error returns status and detail.
func (e *Refusal) Error() string {
	return fmt.Sprintf("the service answered %s: %s", e.Status, e.Detail)
}

// Call sends a JSON body (nil: none) to a path below the base and returns the
// answer's body. An answer other than 200 is a [*Refusal] with the service's own
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
		detail, faults := detailOf(data)
		return nil, &Refusal{reply.StatusCode, status(reply.StatusCode), cmp.Or(detail, "no detail"), faults}
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

// detailOf returns what a refusal says for itself, shortened, "" if nothing, and of
// FastAPI's list of faults which members they are in. The inputs that it repeats are
// left out.
func detailOf(data []byte) (detail string, faults map[string]string) {
	var answer struct{ Detail json.RawMessage }
	if json.Unmarshal(data, &answer) != nil || answer.Detail == nil {
		return "", nil
	}
	var words string
	if json.Unmarshal(answer.Detail, &words) == nil {
		return canonical.Clip(words, 500), nil
	}
	var list []struct {
		Type, Msg string
		Loc       []any
	}
	if json.Unmarshal(answer.Detail, &list) != nil || len(list) == 0 {
		return canonical.Clip(string(answer.Detail), 500), nil
	}
	faults = map[string]string{}
	var told []string
	for _, f := range list {
		place := make([]string, len(f.Loc))
		for i, step := range f.Loc {
			place[i] = fmt.Sprint(step)
		}
		if len(place) > 1 {
			faults[place[1]] = f.Type
		}
		if len(told) < 8 {
			told = append(told, strings.Join(place, ".")+": "+f.Msg)
		}
	}
	return canonical.Clip(strings.Join(told, "; "), 500), faults
}
