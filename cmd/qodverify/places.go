package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

// rootVariables name the checkout in which a pipeline's host runs a job: GitHub, GitLab,
// Jenkins, Azure, Bitbucket.
var rootVariables = []string{"GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE", "BUILD_SOURCESDIRECTORY", "BITBUCKET_CLONE_DIR"}

// inRepository returns how a pipeline's host names a file: relative to the checkout,
// wherever in it the command runs. A file outside has its absolute path, and what is
// there and no file, a pipe say, none.
func inRepository() func(string) string {
	here, err := os.Getwd()
	if err != nil {
		return func(name string) string { return name }
	}
	root := checkoutRoot(here)
	resolved := root
	if r, err := filepath.EvalSymlinks(root); err == nil {
		resolved = r
	}
	return func(name string) string {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return ""
		}
		absolute := name
		if !filepath.IsAbs(name) {
			absolute = filepath.Join(here, name)
		}
		for _, from := range []string{root, resolved} {
			if relative, err := filepath.Rel(from, absolute); err == nil && filepath.IsLocal(relative) {
				return relative
			}
		}
		return filepath.Clean(absolute)
	}
}

// checkoutRoot is the root of the checkout that a folder is in, as the host or else git
// knows it; without either it is the folder.
func checkoutRoot(here string) string {
	for _, name := range rootVariables {
		if root := os.Getenv(name); filepath.IsAbs(root) {
			return filepath.Clean(root)
		}
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return here
		}
	}
}

// opaque returns what tells a file whose lines nobody can be shown: a folder, a database,
// or what is compressed. What can't be read any more is taken for text.
func opaque() func(string) bool {
	last, is := "", false // findings of one file come together
	return func(name string) bool {
		if name != last {
			last, is = name, opaqueFile(name)
		}
		return is
	}
}

func opaqueFile(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return err == nil && info.IsDir()
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head)
	return unpack.Of(head[:n]) != unpack.Plain || bytes.HasPrefix(head[:n], []byte("SQLite format 3\x00"))
}
