package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// content is what a name leads to, or why it leads to nothing.
func content(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return "(" + cause(err).Error() + ")"
	}
	return string(data)
}

// What bears the name is what was there, or all that was written; nothing else is left.
func TestWriter(t *testing.T) {
	for name, c := range map[string]struct {
		options   Options
		before    string
		abort     bool
		want      string
		exists    bool
		mode, was fs.FileMode
	}{
		"new":               {want: "ab", mode: 0o644},
		"replaced":          {before: "old", want: "ab", mode: 0o644},
		"few may read it":   {before: "old", was: 0o600, want: "ab", mode: 0o600},
		"aborted":           {before: "old", abort: true, want: "old", mode: 0o644},
		"private":           {options: Options{Private: true, Durable: true}, want: "ab", mode: 0o600},
		"fresh":             {options: Options{Fresh: true, Private: true}, want: "ab", mode: 0o600},
		"fresh, and it is ": {options: Options{Fresh: true}, before: "old", want: "old", exists: true, mode: 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			if c.before != "" {
				if c.was == 0 {
					c.was = 0o644
				}
				if err := os.WriteFile(file, []byte(c.before), c.was); err != nil {
					t.Fatal(err)
				}
			}
			w, err := Create(file, c.options)
			if c.exists != errors.Is(err, fs.ErrExist) {
				t.Fatal(err)
			}
			if err == nil {
				w.Write([]byte("a"))
				w.Write([]byte("b"))
				if got := content(file); c.before != "" && got != c.before {
					t.Errorf("before its end it is %q", got)
				}
				if c.abort {
					w.Abort()
				} else if err := w.Commit(); err != nil {
					t.Error(err)
				}
				w.Abort()
			}
			if got := content(file); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if info, err := os.Stat(file); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != c.mode) {
				t.Errorf("%v %v", info.Mode(), err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A link stays one, and what has come to bear the name meanwhile is not overwritten.
func TestWriterNames(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("target"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", in("link")); err == nil {
		if err := Write(in("link"), []byte("new"), Options{}); err != nil || content(in("target")) != "new" {
			t.Errorf("%v, %s", err, content(in("target")))
		}
		if _, err := os.Readlink(in("link")); err != nil {
			t.Error(err)
		}
	}
	w, err := Create(in("fresh"), Options{Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("ours"))
	if err := os.WriteFile(in("fresh"), []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); !errors.Is(err, fs.ErrExist) || content(in("fresh")) != "theirs" {
		t.Errorf("%v, %s", err, content(in("fresh")))
	}
	if hidden, _ := filepath.Glob(in(".*")); len(hidden) > 0 {
		t.Errorf("left: %v", hidden)
	}
}

// Folder writes all files or none.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := Folder(in("a")+string(filepath.Separator), map[string][]byte{"x": []byte("1"), "y": []byte("2")}); err != nil || content(in("a/x"))+content(in("a/y")) != "12" {
		t.Errorf("%v", err)
	}
	if err := Folder(in("a"), map[string][]byte{"x": []byte("3")}); !errors.Is(err, fs.ErrExist) || content(in("a/x")) != "1" {
		t.Errorf("%v", err)
	}
	if err := Folder(in("b"), map[string][]byte{"x": nil, "no/y": nil}); err == nil {
		t.Error("it was written in part")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// Every error names the file that was asked for, and no other.
func TestWriteError(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "no", "r"): "there is no folder " + filepath.Join(dir, "no"),
		dir:                           "it is a folder",
		filepath.Join(file, "r"):      file + " is not a folder",
		filepath.Join(dir, strings.Repeat("long", 100)): "its name is too long",
	} {
		if runtime.GOOS == "windows" && want != "it is a folder" {
			continue // it has other words for the same
		}
		for how, err := range map[string]error{"Write": Write(name, nil, Options{}), "Writable": Writable(name, Options{})} {
			if err == nil || err.Error() != name+" can't be written: "+want {
				t.Errorf("%s: %v, want %s", how, err, want)
			}
		}
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := Write("/dev/full", []byte("x"), Options{}); err == nil || err.Error() != "/dev/full can't be written: the disk is full" {
			t.Error(err)
		}
		if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
			t.Errorf("%v %v", info, err)
		}
	}
	if Unwritten("x", nil) != nil {
		t.Error("an error for none")
	}
}
