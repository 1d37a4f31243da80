package render

import (
	"strings"
	"testing"

	"github.com/qodverify/qodverify/verify"
)

// Whatever a report may say is explained, once by each of its kinds.
func TestWords(t *testing.T) {
	want := map[string]string{"0": "exit status", "1": "exit status", "2": "exit status", "3": "exit status", "4": "exit status"}
	for _, id := range verify.Checks() {
		want[string(id)] = "check"
	}
	for v := verify.Inconclusive; v <= verify.Unreadable; v++ {
		want[v.String()] = "verdict"
	}
	for _, s := range []verify.Status{verify.NotRun, verify.Pass, verify.Fail, verify.Warn, verify.Skip} {
		want[s.String()] = "status"
	}
	for word, kind := range want {
		found := 0
		for _, w := range WordsFor(word) {
			if w.Kind == kind {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s %s is explained %d times", kind, word, found)
		}
	}
	for _, w := range others {
		if want[string(w.Code)] != w.Kind {
			t.Errorf("there is no %s %s", w.Kind, w.Code)
		}
		for _, s := range []string{w.Means, w.Why, w.Do} {
			if s == "" || strings.Contains(s, "  ") {
				t.Errorf("%s %s: %q", w.Kind, w.Code, s)
			}
		}
	}
	if WordsFor("x") != nil {
		t.Error("x means something")
	}
}
