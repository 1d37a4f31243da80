// Package testdata is the evidence that qodverify holds, in a form that other
// implementers can import or read: what the original service really served,
// tampered variants with their expected verdicts, and golden output of CPython.
// README.md beside this file says where each file comes from.
package testdata

import (
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// FS holds every file of this folder that a test needs.
//
//go:embed qod-mock-v0.1 qod-mock-v0.4 generations pycanon jwks-abuse telemetry gen
var FS embed.FS

// Read returns one file of [FS], unpacked when its name ends in .gz. It panics
// on an unknown name, since a test that names a missing file is wrong.
func Read(name string) []byte {
	data, err := fs.ReadFile(FS, name)
	if err != nil {
		panic(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return data
	}
	f, err := FS.Open(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		panic(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		panic(err)
	}
	return data
}

// Root returns the folder of the module's source.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Shared returns the path of a file or folder of other projects' conformance
// data, and whether it is there. That data lies beside the checkout (or where
// $QODVERIFY_SHARED says) and is not part of the repository, so a test that
// wants it skips, and says so, when it is absent.
func Shared(name string) (path string, ok bool) {
	root := os.Getenv("QODVERIFY_SHARED")
	if root == "" {
		root = filepath.Join(Root(), "..", "shared")
	}
	path = filepath.Join(root, filepath.FromSlash(name))
	_, err := os.Stat(path)
	return path, err == nil
}
