package ready

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// A reason is told when it comes and when it goes, and not each time that it is met.
func TestBoard(t *testing.T) {
	var log bytes.Buffer
	b := NewBoard(slog.New(slog.NewTextHandler(&log, nil)))
	if codes := b.Codes(); codes != nil {
		t.Errorf("a new board: %q", codes)
	}
	for range 3 {
		b.Set(DiskFull, errors.New("no space left"))
	}
	b.Set(DatabaseReplaced, errors.New("gone"))
	b.Set("other", errors.New("x"))
	if codes := b.Codes(); !slices.Equal(codes, []Code{DatabaseReplaced, DiskFull, "other"}) {
		t.Errorf("in the order of their weight: %q", codes)
	}
	if err := b.Cause(DiskFull); err == nil || err.Error() != "no space left" {
		t.Errorf("its cause: %v", err)
	}
	b.Clear(DiskFull)
	b.Clear(DiskFull)
	b.Clear(NoKey)
	if b.Cause(DiskFull) != nil || len(b.Codes()) != 2 {
		t.Errorf("after it has gone: %q", b.Codes())
	}
	for _, level := range []string{"level=ERROR", "level=INFO"} {
		if n, want := strings.Count(log.String(), level), map[string]int{"level=ERROR": 3, "level=INFO": 1}[level]; n != want {
			t.Errorf("%d lines with %s, want %d:\n%s", n, level, want, &log)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, m := range meanings {
		if m.code.Detail() == "" || m.code.RetryAfter() < 1 || m.code.RetryAfter() > 60 {
			t.Errorf("%s: %q, after %d s", m.code, m.code.Detail(), m.code.RetryAfter())
		}
	}
	if unknown := Code("x"); unknown.Detail() == "" || unknown.RetryAfter() < 1 {
		t.Error("an unknown code says nothing")
	}
	cause := errors.New("held")
	err := fmt.Errorf("writing: %w", Because(DatabaseLocked, cause))
	if CodeOf(err) != DatabaseLocked || !errors.Is(err, cause) || CodeOf(cause) != "" || CodeOf(nil) != "" {
		t.Errorf("the reason of %v: %q", err, CodeOf(err))
	}
}
