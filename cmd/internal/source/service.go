package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
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
		return nil, err
	}
	defer reply.Body.Close()
	data, err := readBounded(reply.Body, MaxBytes)
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service answered %s: %s", reply.Status, answerDetail(data))
	}
	return data, nil
}

// answerDetail returns what a refusal says for itself, shortened.
func answerDetail(data []byte) string {
	var answer struct{ Detail any }
	if json.Unmarshal(data, &answer) != nil || answer.Detail == nil {
		return "no detail"
	}
	return fmt.Sprintf("%.500s", fmt.Sprint(answer.Detail))
}
