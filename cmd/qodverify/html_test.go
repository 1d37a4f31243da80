package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/cmd/internal/browser"
	"github.com/qodverify/qodverify/cmd/internal/server"
	"github.com/qodverify/qodverify/testdata"
)

// contrast is the lowest contrast (WCAG 2.2, 1.4.3) of any visible text in the
// page with the background behind it.
const contrast = `(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3) };
	const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
	let worst = 21, where = "";
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length || e.closest("title,desc")) continue;
		let b = e, back = null;
		while (b && !(back = parse(getComputedStyle(b).backgroundColor))) b = b.parentElement;
		const s = getComputedStyle(e), fore = parse(e.namespaceURI.includes("svg") ? s.fill : s.color);
		const [x, y] = [light(fore), light(back || [255, 255, 255])].sort((p, q) => q - p);
		const ratio = (x + .05) / (y + .05);
		if (ratio < worst) { worst = ratio; where = e.tagName + "." + e.getAttribute("class") + " " + e.textContent.slice(0, 40) }
	}
	return worst < 4.5 ? where + " " + worst : "";
})()`

// accessible holds what a screen reader needs: one first heading, headings that
// skip no level, a name for every chart, and a language.
const accessible = `(() => {
	const faults = [];
	let last = 1;
	for (const h of document.querySelectorAll("h1,h2,h3,h4")) { const n = +h.tagName[1]; if (n > last + 1) faults.push("skips to " + h.outerHTML); last = n }
	if (!document.querySelector("h1")) faults.push("no h1");
	if (!document.documentElement.lang) faults.push("no lang");
	for (const s of document.querySelectorAll("svg")) { const ids = (s.getAttribute("aria-labelledby") || "").split(" "); if (s.getAttribute("role") !== "img" || ids.length < 2 || !ids.every((id) => document.getElementById(id)?.textContent)) faults.push("a chart without words") }
	for (const t of document.querySelectorAll("th")) if (!t.scope) faults.push("th without scope");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	if (new Set(ids).size !== ids.length) faults.push("an id twice");
	if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the window: " + document.documentElement.scrollWidth);
	return faults.join("; ");
})()`

// TestReportPage opens reports in a browser: they ask for nothing, break no
// policy, can be read on a phone, in the dark and on paper, and their commands
// give what the page says.
func TestReportPage(t *testing.T) {
	tab := browser.Open(t)
	fx, tel := filepath.Join(testdata.Root(), "testdata", "qod-mock-v0.4"), filepath.Join(testdata.Root(), "testdata", "telemetry")
	hostile := hostileFiles(t)
	for name, c := range map[string]struct {
		args    []string
		verdict string
		steps   bool
	}{
		"plain":        {[]string{"--jwks", fx + "/jwks.json", fx + "/good/01.bundle.json"}, "VERIFIED", true},
		"distribution": {[]string{"--jwks", tel + "/jwks.json", tel + "/honest/hidden-peak.json"}, "VERIFIED", true},
		"policy":       {[]string{"--jwks", tel + "/jwks.json", "--policy", tel + "/policy-all.yaml", "--at", "2026-11-25T00:00:00Z", tel + "/honest/camara.json"}, "VERIFIED", true},
		"one way":      {[]string{"--jwks", tel + "/jwks.json", tel + "/honest/one-way.json"}, "VERIFIED", true},
		"failed":       {[]string{"--jwks", fx + "/jwks.json", fx + "/tampered/artifact-value.json"}, "FAILED", false},
		"inconclusive": {[]string{fx + "/good/01.bundle.json", "--jwks", tel + "/jwks.json"}, "INCONCLUSIVE", false},
		"malformed":    {[]string{"--jwks", fx + "/jwks.json", fx + "/tampered/dup-key.json"}, "MALFORMED", false},
		"several":      {[]string{"--jwks", fx + "/jwks.json", fx + "/good"}, "VERIFIED", false},
		"nothing":      {[]string{"--jwks", "none.json", fx + "/good"}, "NOTHING WAS VERIFIED", false},
		"hostile":      {[]string{"--jwks", hostile.keys, hostile.bundle}, "FAILED", false},
		"audit":        {[]string{"audit", "--jwks", fx + "/jwks.json", fx + "/good"}, "VERIFIED", false},
		"audit-failed": {[]string{"audit", "--jwks", fx + "/jwks.json", fx + "/tampered"}, "FAILED", false},
		"audit-old":    {[]string{"audit", testdata.Root() + "/testdata/qod-mock-v0.1/ledger-8cfcc1b.jsonl"}, "INCONCLUSIVE", false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.html")
			if err := os.WriteFile(file, []byte(allFormats(t, c.args...).in["html"]), 0o644); err != nil {
				t.Fatal(err)
			}
			tab.Requests()
			tab.Errors()
			tab.Size(1100, 900, false, false)
			tab.Go("file://" + file)
			if got := tab.Text(`document.querySelector(".banner .word").textContent`); !strings.HasSuffix(got, " "+c.verdict) {
				t.Errorf("the banner says %q", got)
			}
			for _, view := range []struct {
				name   string
				width  int
				phone  bool
				darker bool
			}{{"desktop", 1100, false, false}, {"dark", 1100, false, true}, {"phone", 390, true, false}} {
				tab.Size(view.width, 900, view.phone, view.darker)
				if fault := tab.Text(contrast); fault != "" {
					t.Errorf("%s: low contrast: %s", view.name, fault)
				}
				if fault := tab.Text(accessible); fault != "" {
					t.Errorf("%s: %s", view.name, fault)
				}
				tab.Screenshot(name + "-" + view.name)
			}
			pdf := tab.PDF()
			if !strings.HasPrefix(string(pdf), "%PDF") || len(pdf) < 10_000 {
				t.Errorf("a PDF of %d bytes", len(pdf))
			}
			if dir := os.Getenv("QODVERIFY_SCREENSHOTS"); dir != "" {
				os.WriteFile(filepath.Join(dir, name+".pdf"), pdf, 0o644)
			}
			for _, r := range tab.Requests() {
				if r != "file://"+file {
					t.Errorf("it asked for %s", r)
				}
			}
			if errs := tab.Errors(); len(errs) > 0 {
				t.Errorf("the browser complains: %q", errs)
			}
			var n int
			tab.Eval(`document.querySelectorAll("script, img, iframe, object, embed, form, link, base, [onerror], [onload], [style]").length`, &n)
			if n != 0 {
				t.Errorf("%d elements that may act", n)
			}
			holdCommands(t, tab, c.steps)
		})
	}
}

// holdCommands runs what the page tells to run.
func holdCommands(t *testing.T, tab *browser.Tab, want bool) {
	t.Helper()
	var steps [][2]string
	tab.Eval(`[...document.querySelectorAll(".command")].map((e) => [e.textContent, e.parentElement.querySelector(".want").textContent])`, &steps)
	if want && len(steps) != 3 {
		t.Errorf("%d commands, want 3", len(steps))
	}
	if !want {
		return
	}
	for _, tool := range []string{"sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s on this machine", tool)
		}
	}
	if needs := tab.Text(`document.body.innerText`); !strings.Contains(needs, "OpenSSL 3.0 or newer") || !strings.Contains(needs, "-rawin") || !strings.Contains(needs, "shasum -a 256") {
		t.Error("it does not name the programs of other systems")
	}
	if _, err := exec.LookPath("shasum"); err == nil { // as on macOS
		for _, s := range steps {
			if other := strings.ReplaceAll(s[0], "sha256sum", "shasum -a 256"); other != s[0] {
				steps = append(steps, [2]string{other, s[1]})
			}
		}
	}
	for _, s := range steps {
		cmd := exec.Command("sh", "-c", s[0])
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), s[1]) {
			t.Errorf("%.300s\nprints %s, want %s (%v)", s[0], out, s[1], err)
		}
	}
}

// TestLandingPage opens the service's pages in a browser, from the list to a
// report and to the verifier.
func TestLandingPage(t *testing.T) {
	tab := browser.Open(t)
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/ledger.sqlite3"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "qod_mock.sqlite3"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	instance, err := server.Open(t.Context(), server.Settings{Data: dir, NoAuth: true, Version: "v1.2.3", JWKS: []string{filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/jwks.json")},
		Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	web := httptest.NewServer(instance.Server)
	defer web.Close()
	tab.Go(web.URL + "/")
	for _, dark := range []bool{false, true} {
		tab.Size(1100, 900, false, dark)
		if fault := tab.Text(contrast); fault != "" {
			t.Errorf("low contrast: %s", fault)
		}
	}
	tab.Screenshot("landing-dark")
	tab.Size(390, 900, true, false)
	if fault := tab.Text(accessible); fault != "" {
		t.Error(fault)
	}
	tab.Screenshot("landing-phone")
	tab.Size(1100, 900, false, false)
	var rows int
	if tab.Eval(`document.querySelectorAll("a[href$='/report']").length`, &rows); rows < 10 {
		t.Errorf("%d reports are listed", rows)
	}
	tab.Go(web.URL + tab.Text(`document.querySelector("a[href$='/report']").getAttribute("href")`))
	if got := tab.Text(`document.querySelector(".banner .word").textContent`); !regexp.MustCompile(`^(✗ FAILED|[✓!] VERIFIED|\? INCONCLUSIVE)`).MatchString(got) {
		t.Errorf("the report says %q", got)
	}
	tab.Go(web.URL + "/verify")
	tab.Until(`document.body.dataset.ready === "yes"`)
	tab.Choose("#keys", filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/jwks.json"))
	tab.Choose("#files", filepath.Join(testdata.Root(), "testdata/qod-mock-v0.4/good/01.bundle.json"))
	tab.Until(`document.body.dataset.files === "2"`)
	tab.Eval(`document.getElementById("verify").click()`, nil)
	tab.Until(`document.body.dataset.verdict === "verified"`)
	tab.Until(`document.getElementById("report").contentDocument?.querySelector(".word")`)
	if version := tab.Text(`JSON.parse(lastReport).tool.version`); version != "v1.2.3" {
		t.Errorf("the page's version is %s", version)
	}
	tab.Screenshot("verify")
	tab.Size(390, 900, true, true)
	if fault := tab.Text(contrast) + tab.Text(accessible); fault != "" {
		t.Error(fault)
	}
	tab.Screenshot("verify-phone-dark")
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, web.URL+"/") && !strings.HasPrefix(r, "blob:") && r != "about:srcdoc" {
			t.Errorf("a page asked for %s", r)
		}
	}
	if errs := tab.Errors(); len(errs) > 0 {
		t.Errorf("the browser complains: %q", errs)
	}
}
