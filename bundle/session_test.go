package bundle_test

import (
	"testing"

	"github.com/qodverify/qodverify/bundle"
)

// All spellings of a UUID have one form, and nothing else is folded.
func TestNormalSessionID(t *testing.T) {
	const normal = "54d6df8f-df97-40f6-a30e-20c424ec1e2a"
	for id, want := range map[string]string{
		normal:                                          normal,
		"54D6DF8F-DF97-40F6-A30E-20C424EC1E2A":          normal,
		"54d6df8f-DF97-40f6-a30e-20c424ec1E2a":          normal,
		"54d6df8fdf9740f6a30e20c424ec1e2a":              normal,
		"54D6DF8FDF9740F6A30E20C424EC1E2A":              normal,
		"{54d6df8f-df97-40f6-a30e-20c424ec1e2a}":        normal,
		"{54D6df8fdf9740f6a30e20c424ec1e2a}":            normal,
		"urn:uuid:54d6df8f-df97-40f6-a30e-20c424ec1e2a": normal,
		"URN:UUID:54d6df8f-df97-40f6-a30e-20c424ec1e2A": normal,
		"00000000-0000-0000-0000-000000000000":          "00000000-0000-0000-0000-000000000000",

		"":                                      "",
		"-":                                     "-",
		"{}":                                    "{}",
		"1-23":                                  "1-23",
		"12-3":                                  "12-3",
		"ABC":                                   "ABC",
		"abc":                                   "abc",
		"urn:uuid:":                             "urn:uuid:",
		"54D6DF8F-DF97-40F6-A30E-20C424EC1E2G":  "54D6DF8F-DF97-40F6-A30E-20C424EC1E2G",
		"54D6DF8FD-F97-40F6-A30E-20C424EC1E2A":  "54D6DF8FD-F97-40F6-A30E-20C424EC1E2A",
		"54D6DF8F-DF97-40F6-A30E-20C424EC1E2A0": "54D6DF8F-DF97-40F6-A30E-20C424EC1E2A0",
		"54D6DF8F-DF97-40F6-A30E-20C424EC1E2":   "54D6DF8F-DF97-40F6-A30E-20C424EC1E2",
		"54D6DF8FDF9740F6A30E20C424EC1E2":       "54D6DF8FDF9740F6A30E20C424EC1E2",
		"54D6DF8FDF97-40F6-A30E-20C424EC1E2A":   "54D6DF8FDF97-40F6-A30E-20C424EC1E2A",
		" 54D6DF8F-DF97-40F6-A30E-20C424EC1E2A": " 54D6DF8F-DF97-40F6-A30E-20C424EC1E2A",
		"{54D6DF8F-DF97-40F6-A30E-20C424EC1E2A": "{54D6DF8F-DF97-40F6-A30E-20C424EC1E2A",
		"{urn:uuid:54D6DF8F-DF97-40F6-A30E-20C424EC1E2A}": "{urn:uuid:54D6DF8F-DF97-40F6-A30E-20C424EC1E2A}",
		"54D6DF8F‐DF97‐40F6‐A30E‐20C424EC1E2A":            "54D6DF8F‐DF97‐40F6‐A30E‐20C424EC1E2A", // U+2010
	} {
		t.Run(id, func(t *testing.T) {
			got := bundle.NormalSessionID(id)
			if got != want {
				t.Errorf("%q", got)
			}
			if again := bundle.NormalSessionID(got); again != got {
				t.Errorf("%q has the form %q", got, again)
			}
			fromText, okText := bundle.SessionUUID(id)
			fromBytes, okBytes := bundle.SessionUUID([]byte(id))
			if fromText != fromBytes || okText != okBytes || okText != (want == normal || want == "00000000-0000-0000-0000-000000000000") {
				t.Errorf("%x %t and %x %t", fromText, okText, fromBytes, okBytes)
			}
		})
	}
}
