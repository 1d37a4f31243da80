package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// zoneless is a time that RFC 3339 has but for its zone, and dayOnly one without clock.
var (
	zoneless = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?$`)
	dayOnly  = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
)

// timeOf reads the value of a flag as RFC 3339 has times, with Z or any offset, and as
// date(1) writes them: with a space for T, and a comma before the fraction.
func timeOf(flag, text string) (time.Time, error) {
	s := strings.ToUpper(strings.TrimSpace(text))
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	s = strings.Replace(s, ",", ".", 1)
	// Seconds since 1970, which proofs may have, are not meant.
	if t, ok := bundle.ParseTime(s); ok && strings.Contains(s, "T") {
		return t.UTC(), nil
	}
	why := "want RFC 3339, as 2026-11-24T12:00:00Z or 2026-11-24T13:00:00+01:00"
	switch {
	case zoneless.MatchString(s):
		why = "its zone is missing: add Z for UTC, or an offset such as +01:00"
	case dayOnly.MatchString(s):
		why = "the time of day is missing: add it with its zone, as " + s + "T00:00:00Z"
	case strings.Trim(s, "0123456789.") == "":
		why = "seconds since 1970 are not taken: " + why
	}
	return time.Time{}, fmt.Errorf("%s %q is not a time: %s", flag, canonical.Clip(text, 64), why)
}
