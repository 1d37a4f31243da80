package main

import (
	"strings"
	"testing"
	"time"
)

func TestTimeOf(t *testing.T) {
	want := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	for _, text := range []string{
		"2026-11-25T09:00:00Z", "2026-11-25T10:00:00+01:00", "2026-11-25T03:30:00-05:30", "2026-11-25T09:00:00-00:00",
		"2026-11-25T09:00:00.000Z", "2026-11-25t09:00:00z", "2026-11-25 10:00:00+01:00", "2026-11-25T10:00:00,000000+01:00", " 2026-11-25T09:00:00Z\n",
	} {
		if got, err := timeOf("--at", text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"2026-11-25T09:00:00": "its zone is missing", "2026-11-25 09:00": "its zone is missing", "2026-11-25": "2026-11-25T00:00:00Z",
		"1795597200": "seconds since 1970 are not taken", "now": "want RFC 3339", "": "want RFC 3339", "2026-02-30T00:00:00Z": "want RFC 3339",
		"2026-11-25T10:00:00+0100": "want RFC 3339", "25.11.2026 10:00": "want RFC 3339",
	} {
		if got, err := timeOf("--at", text); err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "--at ") {
			t.Errorf("%q: %v, %v; want %q", text, got, err, why)
		}
	}
}
