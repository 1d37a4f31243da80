package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Only regular files are opened, by whatever link, and none outside a root.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(string) error{
		"file":   func(name string) error { return os.WriteFile(name, []byte("x"), 0o600) },
		"folder": func(name string) error { return os.Mkdir(name, 0o700) },
		"pipe":   makePipe,
		"link":   func(name string) error { return os.Symlink("file", name) },
		"away":   func(name string) error { return os.Symlink(os.TempDir(), name) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Skipf("%s: %v", name, err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, sound := range map[string]bool{"file": true, "link": true, "folder": false, "pipe": false, "away": false, "none": false} {
		for how, open := range map[string]func() (*os.File, error){
			"by name": func() (*os.File, error) { return Open(filepath.Join(dir, name)) },
			"in root": func() (*os.File, error) { return OpenIn(root, name) },
		} {
			f, err := open()
			if err == nil {
				f.Close()
			}
			if (err == nil) != sound || name == "pipe" && !errors.Is(err, ErrNotRegular) {
				t.Errorf("%s %s: %v", name, how, err)
			}
		}
	}
}
