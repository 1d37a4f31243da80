package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// folder reads the names of a folder to the bottom.
type folder struct {
	root    string   // resolved
	files   []string // as the user would name them
	lines   []string // records one a line, or compressed: an audit reads them
	skipped []Skipped
	entries int
	seen    map[string]string // resolved paths of links' targets, with the link's name
	places  map[string]string // resolved paths of what was skipped for its name
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
	f := &folder{root: root, seen: map[string]string{}, places: map[string]string{}}
	if err := f.read(dir, root, 0); err != nil {
		return nil, plain(err)
	}
	// What a link names *.json is read by the link, whatever its own name is.
	for i, s := range f.skipped {
		if link, ok := f.seen[f.places[s.Name]]; ok {
			f.skipped[i] = Skipped{s.Name, "read by the link " + link, false}
		}
	}
	for _, list := range [][]string{f.files, f.lines} {
		slices.Sort(list)
	}
	return f, nil
}

// left is what a reader of bundles leaves out: files of several records as well.
func (f *folder) left() []Skipped {
	list := slices.Clone(f.skipped)
	for _, name := range f.lines {
		list = append(list, Skipped{name, "looks like a ledger or is compressed: qodverify audit reads it", true})
	}
	slices.SortFunc(list, func(a, b Skipped) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (f *folder) skip(name string, evidence bool, format string, args ...any) {
	f.skipped = append(f.skipped, Skipped{name, fmt.Sprintf(format, args...), evidence})
}

// read reads one folder by its name and by its place, which is what its name resolves
// to. Only the first one's error is the caller's.
func (f *folder) read(dir, place string, depth int) error {
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
			f.entry(dir, place, e, depth)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (f *folder) entry(dir, place string, e fs.DirEntry, depth int) {
	name := filepath.Join(dir, e.Name())
	switch {
	case strings.HasPrefix(e.Name(), "."):
		f.skip(name, false, "hidden")
	case e.Type()&fs.ModeSymlink != 0:
		f.link(name, depth)
	case e.IsDir():
		f.folder(name, filepath.Join(place, e.Name()), depth+1)
	case !e.Type().IsRegular():
		// A FIFO or a device would hang or never end, and nobody named it.
		f.skip(name, evidenceName(e.Name()), "not a regular file")
	default:
		f.file(name, filepath.Join(place, e.Name()))
	}
}

func (f *folder) folder(name, place string, depth int) {
	if depth > maxFolderDepth {
		f.skip(name, true, "deeper than %d folders", maxFolderDepth)
	} else if err := f.read(name, place, depth); err != nil {
		f.skip(name, true, "could not be read: %v", plain(err))
	}
}

// link follows a link inside the folder, as those by which a mounted volume shows
// its files and folders, and no other: what it leads to elsewhere is not the folder's.
func (f *folder) link(name string, depth int) {
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
	first, again := f.seen[target]
	switch {
	case err != nil || !filepath.IsLocal(inside):
		f.skip(name, evidenceName(name) || statErr == nil && info.IsDir(), "a link that leads out of the folder")
	case statErr != nil:
		f.skip(name, evidenceName(name), "could not be read: %v", plain(statErr))
	case !hidden(inside) && (info.IsDir() || evidenceName(target)):
		f.skip(name, false, "a link to %s, which is read itself", inside)
	case again:
		f.skip(name, false, "another link to %s, as %s is", inside, first)
	case info.IsDir():
		f.seen[target] = name
		f.folder(name, target, depth+1)
	case !info.Mode().IsRegular():
		f.skip(name, evidenceName(name), "not a regular file")
	default:
		if evidenceName(name) {
			f.seen[target] = name
		}
		f.file(name, target)
	}
}

// hidden reports whether a path passes a hidden folder or file.
func hidden(path string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(s string) bool { return strings.HasPrefix(s, ".") && s != "." && s != ".." })
}

// file takes a file for what its name says, and where the name says that it is no
// proof, looks whether it is one all the same.
func (f *folder) file(name, place string) {
	lower := strings.ToLower(filepath.Base(name))
	switch {
	case lower == KeysFile && !holdsProof(name):
		f.skip(name, false, "a key set")
	case strings.HasSuffix(lower, ".json"):
		f.files = append(f.files, name)
	case isLines(lower):
		f.lines = append(f.lines, name)
	case evidenceName(lower):
		f.skip(name, true, "looks like a database or an archive: what is in it was not read")
	case holdsProof(name):
		f.skip(name, true, "looks like a proof, and is not named *.json")
		f.places[name] = place
	default:
		f.skip(name, false, "not a *.json file")
		f.places[name] = place
	}
}
