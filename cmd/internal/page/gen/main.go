// Command gen builds the verifier for browsers and puts it where package page
// embeds it, with the loader of the Go release that built it.
//
//	go generate ./cmd/internal/page
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
	"path/filepath"

	"github.com/qodverify/qodverify/cmd/internal/page/build"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "qodverify-wasm-*")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "verifier.wasm")
	check(build.WASM(file))
	program, err := os.ReadFile(file)
	check(err)
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	check(err)
	_, err = z.Write(program)
	check(err)
	check(z.Close())
	check(os.WriteFile("verifier.wasm.gz", b.Bytes(), 0o644))
	loader, err := build.Loader()
	check(err)
	check(os.WriteFile("wasm_exec.js", loader, 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
