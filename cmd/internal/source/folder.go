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
	"sync"
)

// Skipped is what stands in a folder and was not judged.
type Skipped struct {
	Name   string
	Reason string // what follows ": " is of this file alone
	// Evidence: it looks like a proof or could not be looked at, so what stands in
	// the folder is not known to be sound as long as it is not judged.
	Evidence bool
	// Ignored: the user asked for it to be left out.
	Ignored bool
}

// Bounds of a folder: its depth, and how many entries are looked at.
const (
	maxFolderDepth = 32
	maxEntries     = 2_000_000
)

var maxFolderEntries = maxEntries

// openFolder is a test's to replace: who runs it may be allowed to read everything.
var openFolder = os.Open

// found is a file of a folder.
type found struct {
	name  string // as the user would name it
	place string // what the name resolves to, where a link leads there; see folder.place
}

// folder reads the names of a folder to the bottom.
type folder struct {
	dir     string   // as it was named
	root    string   // resolved
	only    *pattern // nil: everything
	ignore  *Ignore
	files   []found // bundles
	lines   []found // records one a line, packed or not: an audit reads them
	skipped []Skipped
	entries int
	full    bool              // maxFolderEntries was reached
	seen    map[string]string // resolved paths of links' targets, with the link's name
	places  map[string]string // resolved paths of what was skipped for its name

	once      sync.Once
	bySession map[string][]string // see sessions
}

// walk lists the files of a folder that may be proofs, sorted by name, and what it
// left out; with a pattern, those that the pattern takes. Nothing outside the folder is
// looked at: no link leads out of it.
func walk(dir string, only *pattern, ignore *Ignore) (*folder, error) {
	root, err := resolved(dir)
	if err != nil {
		return nil, plain(err)
	}
	f := &folder{dir: dir, root: root, only: only, ignore: ignore, seen: map[string]string{}, places: map[string]string{}}
	if err := f.read(dir, root, 0, only == nil); err != nil {
		return nil, plain(err)
	}
	// What a link names *.json is read by the link, whatever its own name is.
	for i, s := range f.skipped {
		if link, ok := f.seen[f.places[s.Name]]; ok && !s.Ignored {
			f.skipped[i] = Skipped{Name: s.Name, Reason: "read by the link to it: " + link}
		}
	}
	for _, list := range [][]found{f.files, f.lines} {
		slices.SortFunc(list, func(a, b found) int { return strings.Compare(a.name, b.name) })
	}
	return f, nil
}

// resolved is the one path of a file or folder.
func resolved(name string) (string, error) {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(name)
}

// byLink is 1 for a file that a link on its way leads to, and 0 for others.
func (f *folder) byLink(file found) int {
	if file.place == "" {
		return 0
	}
	return 1
}

// forget lets go of the files' names, but for those in which a copy's original is looked
// for.
func (f *folder) forget() {
	f.files = slices.Clip(slices.DeleteFunc(f.files, func(file found) bool { return snapshotSession(filepath.Base(file.name)) == "" }))
	f.lines, f.skipped, f.seen, f.places = nil, nil, nil, nil
}

// empty reports whether nothing was found, neither to be judged nor left out.
func (f *folder) empty() bool { return len(f.files)+len(f.lines)+len(f.skipped) == 0 }

// left is what a reader of bundles leaves out: files of several records as well.
func (f *folder) left() []Skipped {
	list := slices.Clone(f.skipped)
	for _, l := range f.lines {
		s := Skipped{Name: l.name, Reason: "looks like a ledger: qodverify audit reads it", Evidence: true}
		if what := notRecords(l.name); what != "" {
			s = Skipped{Name: l.name, Reason: what}
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Skipped) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (f *folder) skip(name string, evidence bool, format string, args ...any) {
	f.skipped = append(f.skipped, Skipped{Name: name, Reason: fmt.Sprintf(format, args...), Evidence: evidence})
}

// read reads one folder by its name and by its place, which is what its name resolves
// to. Of a folder that is taken whole, everything counts. Only the first one's error is
// the caller's.
func (f *folder) read(dir, place string, depth int, whole bool) error {
	d, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if f.entries++; f.entries > maxFolderEntries {
				if !f.full {
					f.full = true
					f.skip(dir, true, "the folder that was named has more than %d entries: not all were looked at", maxFolderEntries)
				}
				return nil
			}
			f.entry(dir, place, e, depth, whole)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && depth == 0 && f.entries == 0:
			return err
		case err != nil:
			f.skip(dir, true, "could not be read to its end: %v", plain(err))
			return nil
		}
	}
}

// within is a name's path in the folder that was named.
func (f *folder) within(name string) string {
	within, err := filepath.Rel(f.dir, name)
	if err != nil {
		return name
	}
	return within
}

func (f *folder) entry(dir, place string, e fs.DirEntry, depth int, whole bool) {
	name := filepath.Join(dir, e.Name())
	within := f.within(name)
	taken := whole || f.only.takes(within)
	dotted := strings.HasPrefix(e.Name(), ".")
	switch below := e.IsDir() || e.Type()&fs.ModeSymlink != 0; {
	case !taken && !(below && f.only.below(within)):
		return // the pattern asks for others
	case dotted && (whole || !f.only.hidden()):
		f.skip(name, false, "hidden")
		return
	}
	if by := f.ignore.match(name, within); by != "" && !dotted {
		f.ignored(name, place, e, depth, by)
		return
	}
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		f.link(name, depth, taken, whole)
	case e.IsDir():
		f.folder(name, filepath.Join(place, e.Name()), depth+1, taken)
	case !e.Type().IsRegular():
		// A FIFO or a device would hang or never end, and nobody named it.
		// What the system does not name may be a folder (a junction of Windows).
		f.skip(name, evidenceName(e.Name()) || e.Type()&fs.ModeIrregular != 0, "not a regular file")
	default:
		f.file(name, filepath.Join(place, e.Name()), whole)
	}
}

// ignored leaves out what the user wants left out, a folder file by file: how much
// that is has to be seen.
func (f *folder) ignored(name, place string, e fs.DirEntry, depth int, by string) {
	leave := func(name string) {
		f.skipped = append(f.skipped, Skipped{Name: name, Reason: "ignored: --ignore " + by, Ignored: true})
	}
	if !e.IsDir() {
		leave(name)
		return
	}
	n := len(f.skipped)
	var list func(name string, depth int)
	list = func(name string, depth int) {
		entries, err := os.ReadDir(name)
		if err != nil || depth > maxFolderDepth {
			leave(name)
			return
		}
		for _, e := range entries {
			if f.entries++; f.entries > maxFolderEntries {
				return
			}
			if inner := filepath.Join(name, e.Name()); e.IsDir() {
				list(inner, depth+1)
			} else {
				leave(inner)
			}
		}
	}
	if list(name, depth+1); len(f.skipped) == n {
		leave(name)
	}
}

func (f *folder) folder(name, place string, depth int, whole bool) {
	if depth > maxFolderDepth {
		f.skip(name, true, "deeper than %d folders", maxFolderDepth)
	} else if err := f.read(name, place, depth, whole); err != nil {
		f.skip(name, true, "could not be read: %v", plain(err))
	}
}

// link follows a link inside the folder, as those by which a mounted volume shows
// its files and folders, and no other: what it leads to elsewhere is not the folder's.
func (f *folder) link(name string, depth int, taken, whole bool) {
	target, err := resolved(name)
	if err != nil {
		if taken {
			to, _ := os.Readlink(name)
			f.skip(name, evidenceName(name) || evidenceName(to), "a link that leads nowhere")
		}
		return
	}
	inside, err := filepath.Rel(f.root, target)
	info, statErr := os.Stat(target)
	first, again := f.seen[target]
	isDir := statErr == nil && info.IsDir()
	switch {
	case !taken && !isDir:
		return // the pattern asks for others
	case err != nil || !filepath.IsLocal(inside):
		f.skip(name, evidenceName(name) || evidenceName(target) || isDir, "a link that leads out of the folder")
	case statErr != nil:
		f.skip(name, evidenceName(name), "could not be read: %v", plain(statErr))
	case f.only == nil && !hidden(inside) && (isDir || evidenceName(target)) && !f.leavesOut(inside):
		f.skip(name, false, "a link to what is read itself: %s", inside)
	case again:
		f.skip(name, false, "another link to what is read already: %s, by %s", inside, first)
	case isDir && f.loops(target, name):
		f.skip(name, false, "a link to a folder that holds it")
	case isDir:
		f.seen[target] = name
		f.folder(name, target, depth+1, taken)
	case !info.Mode().IsRegular():
		f.skip(name, evidenceName(name), "not a regular file")
	default:
		if evidenceName(name) {
			f.seen[target] = name
		}
		f.file(name, target, whole)
	}
}

// leavesOut reports whether the user wants a path left out, or a folder on its way.
func (f *folder) leavesOut(within string) bool {
	for ; within != "."; within = filepath.Dir(within) {
		if f.ignore.match(filepath.Join(f.dir, within), within) != "" {
			return true
		}
	}
	return false
}

// loops reports whether a link leads to a folder in which it stands itself.
func (f *folder) loops(target, link string) bool {
	place, err := resolved(filepath.Dir(link))
	if err != nil {
		return true
	}
	back, err := filepath.Rel(target, place)
	return err == nil && filepath.IsLocal(back)
}

// hidden reports whether a path passes a hidden folder or file.
func hidden(path string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(s string) bool { return strings.HasPrefix(s, ".") && s != "." && s != ".." })
}

// file takes a file for what its name says, and where the name says that it is no
// proof, looks whether it is one all the same.
func (f *folder) file(name, place string, whole bool) {
	lower := strings.ToLower(filepath.Base(name))
	switch {
	case lower == KeysFile && !holdsProof(name):
		f.skip(name, false, "a key set")
	case isBundleName(lower):
		f.files = append(f.files, f.found(name, place))
	case isLines(lower):
		f.lines = append(f.lines, f.found(name, place))
	case isDatabase(name):
		f.skip(name, true, "a SQLite database: qodverify audit reads it by its name")
	case isArchive(lower):
		f.skip(name, true, "an archive, by its name: what is in it was not read; unpack it")
	case !whole && f.only != nil && f.only.named():
		f.files = append(f.files, f.found(name, place)) // asked for by its name
	default:
		f.other(name, place)
	}
}

// found is a file by its name and its place, of which only the name is kept where it
// tells the place.
func (f *folder) found(name, place string) found {
	if place == filepath.Join(f.root, f.within(name)) {
		place = ""
	}
	return found{name, place}
}

// place is what a file's name resolves to.
func (f *folder) place(file found) string {
	if file.place == "" {
		return filepath.Join(f.root, f.within(file.name))
	}
	return file.place
}

// other looks into a file whose name says nothing of proofs.
func (f *folder) other(name, place string) {
	f.places[name] = place
	switch lower := strings.ToLower(name); {
	case isPacked(lower) && holdsProof(name):
		f.lines = append(f.lines, f.found(name, place))
	case isPacked(lower):
		f.skip(name, false, "compressed, and no proof by its content")
	case holdsProof(name):
		f.skip(name, true, "looks like a proof, and is not named *.json")
	default:
		f.skip(name, false, "%s", ownFile(name))
	}
}
