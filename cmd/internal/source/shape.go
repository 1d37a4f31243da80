package source

import (
	"bufio"
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/unpack"
)

// What is in a file is told by its name first: a folder may hold far more than proofs,
// and only what is named as one, or looks like one, is read whole.

var (
	proofNames   = []string{".json", ".jsonl", ".ndjson"}
	packedNames  = []string{".gz", ".zst"}
	archiveNames = []string{".bz2", ".xz", ".lz4", ".br", ".z", ".zip", ".tar", ".tgz", ".txz", ".tbz2", ".7z", ".rar"}
	storeNames   = []string{".sqlite3", ".sqlite", ".db"}
)

// evidenceName reports whether a file's name is one under which proofs are kept: by
// themselves, packed, or in a database.
func evidenceName(name string) bool {
	lower := strings.ToLower(filepath.Base(name))
	return lower != KeysFile && slices.Contains(slices.Concat(proofNames, packedNames, archiveNames, storeNames), filepath.Ext(lower))
}

// unpacked is a name without what says that the file is packed in a way that is read.
func unpacked(name string) string {
	lower := strings.ToLower(filepath.Base(name))
	if isPacked(lower) {
		return strings.TrimSuffix(lower, filepath.Ext(lower))
	}
	return lower
}

func isPacked(name string) bool {
	return slices.Contains(packedNames, filepath.Ext(strings.ToLower(name)))
}

// isBundleName reports whether a file's name is that of one bundle.
func isBundleName(name string) bool { return filepath.Ext(unpacked(name)) == ".json" }

// isLines reports whether a file's name is one of records, one a line.
func isLines(name string) bool {
	return slices.Contains([]string{".jsonl", ".ndjson"}, filepath.Ext(unpacked(name)))
}

// isArchive reports whether a file's name is that of an archive, or of something packed
// in a way that is not read.
func isArchive(name string) bool {
	return slices.Contains(archiveNames, filepath.Ext(unpacked(name)))
}

// isDatabase reports whether a file is a SQLite database, or has the name of one and
// content that can't be told.
func isDatabase(name string) bool {
	f, err := files.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	named := slices.Contains([]string{".sqlite3", ".sqlite"}, strings.ToLower(filepath.Ext(name)))
	return string(head[:n]) == "SQLite format 3\x00" || named && n > 0 && !beginsLikeJSON(head[:n]) && (err == nil || err == io.ErrUnexpectedEOF)
}

// MayBeProof reports whether a file of a folder is one that is judged, or that may be a
// proof all the same.
func MayBeProof(name string) bool {
	switch lower := strings.ToLower(filepath.Base(name)); {
	case isBundleName(lower):
		data, err := ReadRegular(name, MaxBytes)
		return err != nil || notEvidence(data, nil) == ""
	case isLines(lower):
		return notRecords(name) == ""
	}
	return isDatabase(name) || isArchive(name) || holdsProof(name)
}

// holdsProof reports whether a file that is not named as one looks like JSON with a
// proof in it. Only what begins like JSON is read.
func holdsProof(name string) bool {
	f, err := files.Open(name)
	if err != nil {
		return true // what can't be looked at is not known to be none
	}
	defer f.Close()
	var r io.Reader = f
	if isPacked(name) {
		z, _, err := unpack.NewReader(f)
		if err != nil {
			return true
		}
		defer z.Close()
		r = z
	}
	b := bufio.NewReaderSize(r, 4096)
	head, err := b.Peek(512)
	if err != nil && err != io.EOF {
		return true
	}
	if bytes.HasPrefix(head, []byte("SQLite format 3\x00")) {
		return true
	}
	if !beginsLikeJSON(head) {
		return false
	}
	data, err := io.ReadAll(io.LimitReader(b, MaxBytes+1))
	if err != nil || len(data) > MaxBytes {
		return true
	}
	return holdsRecord(data)
}

func beginsLikeJSON(head []byte) bool {
	for _, mark := range [][]byte{{0xef, 0xbb, 0xbf}, {0xff, 0xfe}, {0xfe, 0xff}} {
		head = bytes.TrimPrefix(head, mark)
	}
	head = bytes.TrimLeft(head, " \t\r\n\x00")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// holdsRecord reports whether there is a proof or a record in some JSON, at whatever
// depth. What can't be parsed is told by its words.
func holdsRecord(data []byte) bool {
	data = bytes.ReplaceAll(data, []byte{0}, nil) // UTF-16, as PowerShell writes it
	if lower := bytes.ToLower(data); !bytes.Contains(lower, []byte(`proof`)) && !bytes.Contains(lower, []byte(`\u`)) {
		return false
	}
	doc, err := canonical.Parse(data, canonical.Options{AllowBOM: true})
	if err != nil {
		return bytes.Contains(data, []byte(`"this_hash"`)) && bytes.Contains(data, []byte(`"proof`))
	}
	return recordIn(doc.Root())
}

// recordIn reports whether a value is a proof or a record, or has one in it. Its depth
// is the parser's.
func recordIn(v canonical.Value) bool {
	switch v.Kind() {
	case canonical.Object:
		if isRecord(v) {
			return true
		}
		for _, member := range v.Members() {
			if recordIn(member) {
				return true
			}
		}
	case canonical.Array:
		for _, element := range v.Elements() {
			if recordIn(element) {
				return true
			}
		}
	}
	return false
}

// isRecord reports whether an object has members that no other document has together,
// however they are spelled: a proof whose members were renamed is one that does not hold.
func isRecord(v canonical.Value) bool {
	has := spelled(v)
	return has["thishash"] && (has["proof"] || has["proofjson"]) || has["proof"] && has["ledger"]
}

// recordNames are the members of a proof by which it is told, without case and dashes.
var recordNames = []string{"proof", "proofjson", "ledger", "thishash", "prevhash"}

// spelled tells which of them an object has.
func spelled(v canonical.Value) map[string]bool {
	has := map[string]bool{}
	for name := range v.Members() {
		if len(name) > 16 {
			continue
		}
		name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
		if slices.Contains(recordNames, name) {
			has[name] = true
		}
	}
	return has
}

// maxLinesLooked bounds how much of a file of lines is read to tell that no record is
// in it. What is longer is taken for a ledger.
const maxLinesLooked = 64 << 20

// notRecords says what a file of lines is that holds no record of a ledger: this
// program's own report, or something else. It is "" for all others, which are a ledger.
func notRecords(name string) string {
	f, err := files.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	z, err := decompress(f)
	if err != nil {
		return ""
	}
	defer z.Close()
	bounded := &io.LimitedReader{R: z, N: maxLinesLooked}
	own, lines := true, 0
	for raw, err := range bundle.Entries(bounded, bundle.Limits{}) {
		if err != nil || raw.Err != nil {
			return ""
		}
		doc, err := canonical.Parse(raw.Data, canonical.Options{AllowBOM: true})
		if err != nil || doc.Root().Kind() != canonical.Object || recordIn(doc.Root()) {
			return ""
		}
		lines++
		own = own && ownLine(doc.Root())
	}
	switch {
	case bounded.N <= 0:
		return ""
	case lines == 0:
		return "an empty file"
	case own:
		return "qodverify's own report"
	}
	return "JSON Lines without a record of a ledger"
}
