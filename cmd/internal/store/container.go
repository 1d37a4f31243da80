package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qodverify/qodverify/cmd/internal/files"
)

// container is what a database's files say of themselves.
type container struct {
	wal   bool // the header says WAL
	notes []string
}

// look reads the header (https://sqlite.org/fileformat2.html#the_database_header)
// and looks at what lies beside the file.
func look(name string) (c container, err error) {
	f, err := files.Open(name)
	if err != nil {
		return c, err
	}
	defer f.Close()
	for _, suffix := range []string{walSuffix, "-journal", "-shm"} {
		// SQLite opens these by itself, and would wait for a pipe.
		if info, err := os.Stat(name + suffix); err == nil && !info.Mode().IsRegular() {
			return c, fmt.Errorf("%s beside it is no regular file: give a copy of the database without it", filepath.Base(name)+suffix)
		}
	}
	var head [100]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return c, &DamagedError{"it ends within its header"}
	}
	page := pageSize(head[:])
	if page < 512 || page&(page-1) != 0 {
		return c, &DamagedError{fmt.Sprintf("its header says pages of %d bytes", page)}
	}
	c.wal = head[18] == 2 && head[19] == 2
	log, err := os.Stat(name + walSuffix)
	switch noLog := errors.Is(err, fs.ErrNotExist); {
	case err != nil && !noLog:
		return c, err
	case !c.wal:
		return c, nil
	case noLog:
		c.notes = append(c.notes, fmt.Sprintf("the database is in WAL mode, and no %s lies beside it: if the file was copied while its service ran, the last records are in the file that was not copied",
			filepath.Base(name)+walSuffix))
	case log.Size() > 0 && (log.Size() < 32 || (log.Size()-32)%(page+24) != 0):
		c.notes = append(c.notes, fmt.Sprintf("%s ends in the middle of a page: if it was cut, or copied while its service wrote, the last records are missing", filepath.Base(name)+walSuffix))
	}
	if hotJournal(name) {
		return c, errJournal
	}
	return c, nil
}

func pageSize(head []byte) int64 {
	if n := int64(binary.BigEndian.Uint16(head[16:])); n != 1 {
		return n
	}
	return 65536
}

// cut says by how much a damaged database is shorter than its header says, or "".
func cut(name string) string {
	f, err := files.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	var head [100]byte
	info, err := f.Stat()
	if _, readErr := io.ReadFull(f, head[:]); err != nil || readErr != nil || [4]byte(head[24:28]) != [4]byte(head[92:96]) {
		return "" // the size in pages counts where the two change counters agree
	}
	if size := int64(binary.BigEndian.Uint32(head[28:])) * pageSize(head[:]); info.Size() < size {
		return fmt.Sprintf("it was cut: %d bytes of %d are there", info.Size(), size)
	}
	return ""
}

// hotJournal reports whether a rollback journal with content lies beside a
// database.
func hotJournal(name string) bool {
	f, err := files.Open(name + "-journal")
	if err != nil {
		return false
	}
	defer f.Close()
	var first [1]byte
	_, err = io.ReadFull(f, first[:])
	return err == nil && first[0] != 0
}
