package render

import "testing"

func TestDate(t *testing.T) {
	for in, want := range map[string]string{
		"1772439808.9526348":          "2026-03-02T08:23:28.952634Z",
		"1772439808":                  "2026-03-02T08:23:28Z",
		"2026-11-23T19:54:36.049150Z": "2026-11-23T19:54:36.049150Z",
		"yesterday":                   "yesterday",
		"":                            "",
	} {
		if got := date(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
