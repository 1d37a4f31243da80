// Package page is the verifier as one HTML file: the same packages as the command
// line's, compiled to WebAssembly, within a page that loads nothing and may send
// nothing. Its policy has no connect-src, so even a fault in it could not leak a
// bundle; what it runs is named by hash.
//
// verifier.wasm.gz and wasm_exec.js are made by go generate, and a test builds the
// program again and compares. That they are in the tree is what makes go install
// give a program with its page.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/render"
)

//go:generate go run ./gen

//go:embed verifier.wasm.gz
var packed []byte

//go:embed wasm_exec.js
var loader string

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

//go:embed worker.js
var workerJS string

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Policy is the page's Content-Security-Policy. The report's style sheet is named
// too: a frame within the page is held to both policies.
func Policy() string {
	return strings.Join([]string{
		"default-src 'none'", "script-src " + hash(pageJS) + " 'wasm-unsafe-eval'", "worker-src blob:",
		"style-src " + hash(pageCSS) + " " + render.StyleHash(), "base-uri 'none'", "form-action 'none'",
	}, "; ")
}

// HTML returns the page. The version is the one that its reports name.
func HTML(version string) []byte {
	return []byte(strings.NewReplacer(
		"{{policy}}", html.EscapeString(Policy()), "{{version}}", html.EscapeString(version), "{{style}}", pageCSS, "{{script}}", pageJS,
		"{{exec}}", loader, "{{worker}}", workerJS, "{{wasm}}", base64.StdEncoding.EncodeToString(packed),
	).Replace(pageHTML))
}
