package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Skipped is what stands in a folder and was not judged.
type Skipped struct {
	Name, Reason string
	// Evidence: it looks like a proof or could not be looked at, so what stands in
	// the folder is not known to be sound as long as it is not judged.
	Evidence bool
}

// Bounds of a folder: its depth, and how many entries are looked at.
const (
	maxFolderDepth   = 32
	maxFolderEntries = 2_000_000
)

// entry is a file of a folder that is read.
type entry struct {
	name string // as the user would name it
	dir  string // the folder that holds it
}

// folder reads the names of a folder to the bottom.
type folder struct {
	root    string // resolved
	files   []entry
	skipped []Skipped
	entries int
	seen    map[string]bool // resolved paths of links' targets
}

// walk lists the files of a folder that may be proofs, sorted by name, and what it
// left out. Nothing outside the folder is looked at: no link leads out of it.
func walk(dir string) (*folder, error) {
	root, err := filepath.EvalSymlinks(dir)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return nil, plain(err)
	}
	f := &folder{root: root, seen: map[string]bool{}}
	if err := f.read(dir, 0); err != nil {
		return nil, plain(err)
	}
	slices.SortFunc(f.files, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return f, nil
}

func (f *folder) skip(name string, evidence bool, format string, args ...any) {
	f.skipped = append(f.skipped, Skipped{name, fmt.Sprintf(format, args...), evidence})
}

// read reads one folder. Only the first one's error is the caller's.
func (f *folder) read(dir string, depth int) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if f.entries++; f.entries > maxFolderEntries {
				return fmt.Errorf("more than %d entries", maxFolderEntries)
			}
			f.entry(dir, e, depth)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (f *folder) entry(dir string, e fs.DirEntry, depth int) {
	name := filepath.Join(dir, e.Name())
	switch {
	case strings.HasPrefix(e.Name(), "."):
		f.skip(name, false, "hidden")
	case e.Type()&fs.ModeSymlink != 0:
		f.link(dir, name)
	case e.IsDir() && depth == maxFolderDepth:
		f.skip(name, true, "deeper than %d folders", maxFolderDepth)
	case e.IsDir():
		if err := f.read(name, depth+1); err != nil {
			f.skip(name, true, "could not be read: %v", plain(err))
		}
	case !e.Type().IsRegular():
		// A FIFO or a device would hang or never end, and nobody named it.
		f.skip(name, evidenceName(e.Name()), "not a regular file")
	default:
		f.file(dir, name)
	}
}

// link follows a link inside the folder, as those by which a mounted volume shows
// its files, and no other: what it leads to elsewhere is not the folder's.
func (f *folder) link(dir, name string) {
	target, err := filepath.EvalSymlinks(name)
	if err == nil {
		target, err = filepath.Abs(target)
	}
	if err != nil {
		f.skip(name, evidenceName(name), "a link that leads nowhere")
		return
	}
	inside, err := filepath.Rel(f.root, target)
	info, statErr := os.Stat(target)
	switch {
	case err != nil || !filepath.IsLocal(inside):
		f.skip(name, evidenceName(name) || statErr == nil && info.IsDir(), "a link that leads out of the folder")
	case statErr != nil:
		f.skip(name, evidenceName(name), "could not be read: %v", plain(statErr))
	case !hidden(inside):
		f.skip(name, false, "a link to %s, which is read itself", inside)
	case info.IsDir():
		f.skip(name, false, "a link to a hidden folder")
	case !info.Mode().IsRegular():
		f.skip(name, evidenceName(name), "not a regular file")
	case f.seen[target]:
		f.skip(name, false, "another link to %s", inside)
	default:
		f.seen[target] = true
		f.file(dir, name)
	}
}

// hidden reports whether a path passes a hidden folder or file.
func hidden(path string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(s string) bool { return strings.HasPrefix(s, ".") && s != "." && s != ".." })
}

func (f *folder) file(dir, name string) {
	switch lower := strings.ToLower(filepath.Base(name)); {
	case lower == KeysFile:
		f.skip(name, false, "a key set")
	case strings.HasSuffix(lower, ".json"):
		f.files = append(f.files, entry{name, dir})
	case evidenceName(lower):
		f.skip(name, true, "looks like a ledger or is compressed: qodverify audit reads it")
	default:
		f.skip(name, false, "not a *.json file")
	}
}

// evidenceName reports whether a file's name is one under which proofs are kept.
func evidenceName(name string) bool {
	lower := strings.ToLower(filepath.Base(name))
	if lower == KeysFile {
		return false
	}
	for _, packed := range []string{".gz", ".zst"} {
		lower = strings.TrimSuffix(lower, packed)
	}
	return slices.Contains([]string{".json", ".jsonl", ".ndjson", ".sqlite3", ".sqlite", ".db"}, filepath.Ext(lower))
}

// notEvidence says what a file of a folder is that is JSON and no proof: one of those
// that lie beside proofs by right. It is "" for all others, which are judged.
func notEvidence(data []byte) string {
	contains := func(name string) bool { return bytes.Contains(data, []byte(`"`+name+`"`)) }
	if contains("this_hash") && contains("proof") && !contains("schema") && !contains("task") {
		return "" // a proof, or for the parser to tell; nothing is read twice
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil || doc.Root().Kind() != canonical.Object {
		return ""
	}
	root := doc.Root()
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !root.Get(n).Exists() })
	}
	if has("proof") || has("ledger") || has("this_hash") {
		return ""
	}
	schema, _ := root.Get("schema").Text()
	switch {
	case root.Get("keys").Kind() == canonical.Array:
		return "a JWK Set"
	case strings.HasPrefix(schema, "qodverify/"):
		return "qodverify's own " + strings.Split(schema, "/")[1]
	case has("schema_version", "measured", "decision", "session_id"):
		return "a runtime artifact, which is read with the proof that names it"
	case has("task", "outputs"):
		return "the service's copy of a record that lies beside it as proof_*.json"
	case has("build", "env", "ids"):
		return "a run summary of the service"
	case has("verified", "reason", "session_id"):
		return "an answer of a service to /verify"
	}
	return ""
}
