package render

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/qodverify/qodverify/verify"
)

// maxSpooled is how much of a spool stays in memory, in bytes.
const maxSpooled = 1 << 20

// spool keeps what is written later: in memory, and what is more in a temporary file.
// Where there are none, as in a browser, all of it stays in memory.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	none   bool // there are no temporary files here
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && !s.none && s.memory.Len()+len(p) > maxSpooled {
		file, err := os.CreateTemp("", "qodverify-*")
		if err != nil {
			s.none = true
			return s.memory.Write(p)
		}
		// Without a name nothing is left behind, however the program ends. Where an open
		// file can't be removed, close does it.
		_ = os.Remove(file.Name())
		s.file = file
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	return s.memory.Write(p)
}

// copyTo writes all of it and lets go of it.
func (s *spool) copyTo(w io.Writer) error {
	_, err := s.memory.WriteTo(w)
	if s.file != nil && err == nil {
		if _, err = s.file.Seek(0, io.SeekStart); err == nil {
			_, err = io.Copy(w, s.file)
		}
	}
	return errors.Join(err, s.close())
}

func (s *spool) close() (err error) {
	if s.file != nil {
		err = s.file.Close()
		_ = os.Remove(s.file.Name())
		s.file = nil
	}
	s.memory = bytes.Buffer{}
	return err
}

// ranks are the verdicts from the worst to the best, and of the verified ones those with
// warnings first.
const ranks = 6

func rankOf(v verify.Verdict, warnings int) int {
	switch v {
	case verify.Failed:
		return 0
	case verify.Malformed:
		return 1
	case verify.Unreadable:
		return 2
	case verify.Verified:
		if warnings > 0 {
			return 4
		}
		return 5
	}
	return 3
}

// spools keep what is written later, worst first.
type spools [ranks]spool

func (s *spools) copyTo(w io.Writer) error {
	for i := range s {
		if err := s[i].copyTo(w); err != nil {
			return errors.Join(err, s.close())
		}
	}
	return nil
}

func (s *spools) close() (err error) {
	for i := range s {
		err = errors.Join(err, s[i].close())
	}
	return err
}
