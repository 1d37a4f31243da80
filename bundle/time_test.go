package bundle_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
)

// Only RFC 3339 and plain decimal seconds are times.
func TestParseTime(t *testing.T) {
	for s, want := range map[string]int64{ // microseconds, -1: no time
		"2026-11-23T19:54:36.049151Z":      1795463676049151,
		"2026-11-23T19:54:36Z":             1795463676000000,
		"2026-11-23T19:54:36.5Z":           1795463676500000,
		"2026-11-23T19:54:36.1234567891Z":  1795463676123456,
		"2026-11-23T21:54:36+02:00":        1795463676000000,
		"2026-11-23T14:24:36.049151-05:30": 1795463676049151,
		"2026-11-23T19:54:36-00:00":        1795463676000000,
		"1970-01-01T00:00:00Z":             0,
		"2024-02-29T00:00:00Z":             1709164800000000,
		"9999-12-31T23:59:59.999999Z":      253402300799999999,
		"1772439808.9526348":               1772439808952634,
		"1795463676.07":                    1795463676070000,
		"1772439808":                       1772439808000000,
		"0":                                0,
		"253402300799.999999":              253402300799999999,

		"": -1, "yesterday": -1, "NaN": -1, "Infinity": -1, "inf": -1, "0x6b03f3bcp0": -1, "+1e9": -1, "1e9": -1, "1E9": -1,
		"1e308": -1, "1_000": -1, "-1": -1, "-0": -1, "+1795463676": -1, ".5": -1, "5.": -1, "1.2.3": -1, "1,5": -1,
		"253402300800": -1, "9999999999999": -1, "99999999999999999999999": -1, " 1795463676": -1, "1795463676\n": -1, "１７９５": -1,
		"2026-11-23T9:54:36Z": -1, "2026-11-23 19:54:36Z": -1, "2026-11-23t19:54:36z": -1, "2026-11-23T19:54:36": -1,
		"2026-11-23T19:54Z": -1, "2026-11-23": -1, "20261123T195436Z": -1, "2026-11-23T19:54:36,5Z": -1, "2026-11-23T19:54:36.Z": -1,
		"2026-11-23T19:54:36+2:00": -1, "2026-11-23T19:54:36+0200": -1, "2026-11-23T19:54:36+02": -1, "2026-11-23T19:54:36+24:00": -1,
		"2026-11-23T19:54:36 Z": -1, " 2026-11-23T19:54:36Z": -1, "2026-11-23T19:54:36Z ": -1, "2026-11-23T19:54:36ZZ": -1,
		"2026-02-29T00:00:00Z": -1, "2026-13-01T00:00:00Z": -1, "2026-00-01T00:00:00Z": -1, "2026-04-31T00:00:00Z": -1,
		"2026-11-23T24:00:00Z": -1, "2026-11-23T23:60:00Z": -1, "2026-11-23T23:59:60Z": -1, "+026-11-23T19:54:36Z": -1,
		"02026-11-23T19:54:36Z": -1, "2026-11-23T-1:54:36Z": -1, "x026-01-01T00:00:00Z": -1, "2026-1１-23T19:54:36Z": -1,
	} {
		got, ok := bundle.ParseTime(s)
		if ok != (want >= 0) || ok && (got.UnixMicro() != want || got.Location() != time.UTC) {
			t.Errorf("%q: %v, %t; want %d", s, got, ok, want)
		}
	}
	for day := range 366 * 130 { // every day of 130 years, leap years that are none among them
		at := time.Unix(int64(day)*86400, 0).UTC()
		if got, ok := bundle.ParseTime(at.Format(time.RFC3339)); !ok || !got.Equal(at) {
			t.Fatalf("%s: %s, %t", at, got, ok)
		}
	}
	for _, year := range []int{0, 1, 399, 400, 1600, 1899, 1969, 2400, 9999} {
		at := time.Date(year, 3, 1, 1, 2, 3, 4000, time.UTC)
		if got, ok := bundle.ParseTime(at.Format(time.RFC3339Nano)); !ok || !got.Equal(at) {
			t.Errorf("%s: %s, %t", at, got, ok)
		}
	}
}

// A member is read by its JSON type: seconds in a string are no time.
func TestMicroseconds(t *testing.T) {
	for text, want := range map[string]bool{
		`"2026-11-23T19:54:36Z"`: true, `1772439808.9526348`: true, `1772439808`: true,
		`"1772439808.9526348"`: false, `"1772439808"`: false, `1.7e9`: false, `-1.5`: false, `-0.0`: false, `null`: false, `true`: false, `[]`: false,
	} {
		doc, err := canonical.Parse([]byte(text), canonical.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := bundle.Microseconds(doc.Root()); ok != want {
			t.Errorf("%s: %t", text, ok)
		}
	}
	if _, ok := bundle.Microseconds(canonical.Value{}); ok {
		t.Error("nothing is a time")
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2026-11-23T19:54:36.049151Z")
	f.Add("2026-11-23T21:54:36+02:00")
	f.Add("1772439808.9526348")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := bundle.ParseTime(s)
		if !ok {
			return
		}
		if want, err := time.Parse(time.RFC3339Nano, s); err == nil && want.UnixMicro() == got.UnixMicro() {
			return
		}
		if x, err := strconv.ParseFloat(s, 64); err != nil || x < 0 || x > 253402300800 {
			t.Errorf("%q is read as %s", s, got)
		}
	})
}
