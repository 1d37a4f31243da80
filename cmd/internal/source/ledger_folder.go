package source

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/files"
)

// A folder as a ledger: bundles, a file each, and records, one a line, in files of
// whatever order and depth. The audit puts them in order by their links. What may be a
// proof and could not be read is told by Skipped, and what is none as well.

// part is one file of the folder.
type part struct {
	found
	lines bool
}

// folderLedger opens a folder, or what a pattern names in one.
func (r *Reader) folderLedger(name, dir string, only *pattern, ignore *Ignore) (*Ledger, error) {
	l := &Ledger{Name: name, Dir: dir, Root: dir, Again: true}
	f, err := walk(dir, only, ignore)
	if err != nil {
		return nil, err
	}
	if only != nil && f.empty() {
		return nil, errNoMatch
	}
	var parts []part
	seen := map[string]string{} // places, with the name by which they are read
	left := slices.Clone(f.skipped)
	for _, list := range []struct {
		files []found
		lines bool
	}{{f.files, false}, {f.lines, true}} {
		for _, file := range list.files {
			place := f.place(file)
			if first, again := seen[place]; again {
				left = append(left, Skipped{Name: file.name, Reason: "read once, and reached again: it is " + first})
				continue
			}
			seen[place] = file.name
			parts = append(parts, part{file, list.lines})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return strings.Compare(a.name, b.name) })
	l.Unused = ignore.Unused()
	l.Size.Store(int64(len(parts)))
	l.Skipped, l.files = left, f
	l.Records = func(yield func(bundle.Raw, error) bool) {
		l.Done.Store(0)
		l.Skipped = slices.Clone(left)
		for _, p := range parts {
			ok := l.part(p, yield)
			if l.Done.Add(1); !ok {
				break
			}
		}
		slices.SortStableFunc(l.Skipped, func(a, b Skipped) int { return strings.Compare(a.Name, b.Name) })
	}
	return l, nil
}

func (l *Ledger) leave(name string, evidence bool, format string, args ...any) {
	l.Skipped = append(l.Skipped, Skipped{Name: name, Reason: fmt.Sprintf(format, args...), Evidence: evidence})
}

// part yields the record or the records of one file. It returns false when no more is
// wanted.
func (l *Ledger) part(p part, yield func(bundle.Raw, error) bool) bool {
	if p.lines {
		if what := notRecords(p.name); what != "" {
			l.leave(p.name, false, "%s", what)
			return true
		}
		return l.lines(p.name, yield)
	}
	in := FolderInput(p.name, l.Root)
	switch why := notEvidence(in.Data, l.files); {
	case in.Err != nil:
		l.leave(p.name, true, "could not be read: %v", in.Err)
		return true
	case why != "":
		l.leave(p.name, false, "%s", why)
		return true
	case severalLines(in.Data):
		return l.lines(p.name, yield)
	}
	return yield(bundle.Raw{Input: p.name, Data: in.Data}, nil)
}

// severalLines reports whether a file named as one bundle has one in each line.
func severalLines(data []byte) bool {
	first, rest, ok := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	if !ok || !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("{")) {
		return false
	}
	_, err := bundle.Parse(bytes.TrimSpace(first))
	return err == nil
}

// lines yields the records of one file of a folder. Where it can't be read on, the
// rest of it is not to be had, and the other files are.
func (l *Ledger) lines(name string, yield func(bundle.Raw, error) bool) bool {
	f, err := files.Open(name)
	if err != nil {
		l.leave(name, true, "could not be read: %v", plain(err))
		return true
	}
	defer f.Close()
	z, err := decompress(f)
	if err != nil {
		l.leave(name, true, "could not be read: %v", err)
		return true
	}
	defer z.Close()
	n := 0
	for raw, err := range bundle.Entries(z, bundle.Limits{}) {
		if err != nil {
			l.leave(name, true, "could not be read on after %d records: %v", n, plain(err))
			return true
		}
		n++
		raw.Input = name
		if !yield(raw, nil) {
			return false
		}
	}
	return true
}
