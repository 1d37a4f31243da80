package server

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	t.Chdir(t.TempDir())
	env := map[string]string{}
	place := func(s Settings) [3]string {
		s.Env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		s.place()
		return [3]string{filepath.ToSlash(s.Data), filepath.ToSlash(s.Database), filepath.ToSlash(s.Artifacts)}
	}
	check := func(what string, got, want [3]string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("nothing said", place(Settings{}), [3]string{"qod-data", "qod-data/qod_mock.sqlite3", "qod-data/artifacts"})
	check("--data", place(Settings{Data: "d"}), [3]string{"d", "d/qod_mock.sqlite3", "d/artifacts"})
	check("--db", place(Settings{Database: "x/l.db"}), [3]string{"x", "x/l.db", "x/artifacts"})
	check("--db --data --artifacts", place(Settings{Database: "x/l.db", Data: "d", Artifacts: "a"}), [3]string{"d", "x/l.db", "a"})
	if err := os.Mkdir("backend", 0o755); err != nil {
		t.Fatal(err)
	}
	check("a checkout of the original", place(Settings{}), [3]string{"backend", "backend/qod_mock.sqlite3", "artifacts"})
	check("--data there", place(Settings{Data: "d"}), [3]string{"d", "d/qod_mock.sqlite3", "d/artifacts"})
	env["QOD_DB_PATH"] = "env/l.db"
	check("QOD_DB_PATH", place(Settings{}), [3]string{"env", "env/l.db", "artifacts"})
	env["QOD_ARTIFACTS_DIR"] = "env/art"
	check("both", place(Settings{}), [3]string{"env", "env/l.db", "env/art"})
	check("--db over the environment", place(Settings{Database: "x/l.db"}), [3]string{"x", "x/l.db", "env/art"})
}
