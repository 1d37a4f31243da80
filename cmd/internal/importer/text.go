package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// Text returns a tool's output in UTF-8, without a byte order mark. PowerShell's >
// writes UTF-16.
func Text(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:], nil
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order, data = binary.LittleEndian, data[2:]
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order, data = binary.BigEndian, data[2:]
	default:
		if order = unmarked(data); order == nil {
			return data, nil
		}
	}
	if len(data)%2 != 0 {
		return nil, errors.New("this is UTF-16, and ends within a character: the file was cut off")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

// unmarked tells the byte order of UTF-16 without a mark: every other byte of its ASCII
// is 0, which other text has nowhere. It is nil for other text.
func unmarked(data []byte) binary.ByteOrder {
	head := data[:min(len(data), 4096)]
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case zeros[1] > len(head)/8 && zeros[1] > 4*zeros[0]:
		return binary.LittleEndian
	case zeros[0] > len(head)/8 && zeros[0] > 4*zeros[1]:
		return binary.BigEndian
	}
	return nil
}

// unread counts the lines that a reader does not know.
type unread struct {
	count, number int
	first         string
}

func (u *unread) line(number int, text string) {
	if u.count++; u.count == 1 {
		u.number, u.first = number, text
	}
}

// String says how many there are and shows the first; "" without any.
func (u *unread) String() string {
	switch u.count {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 line was not understood: line %d, %.120q", u.number, u.first)
	}
	return fmt.Sprintf("%d lines were not understood, the first is line %d, %.120q", u.count, u.number, u.first)
}

// because adds the lines that were not understood to what does not fit without them.
func (u *unread) because(err error) error {
	if err == nil || u.count == 0 {
		return err
	}
	return fmt.Errorf("%w; %s", err, u)
}

// marks are what tools are known by.
var marks = []struct{ format, name, mark string }{
	{"fping", "fping", " : xmt/rcv/%"},
	{"fping", "fping", " : [0], "},
	{"fping", "fping --json", `{"resp": {"host"`},
	{"fping", "fping --json", `{"vSum": {"host"`},
	{"ping", "ping", " ping statistics ---"},
	{"irtt", "irtt", `"round_trips"`},
	{"iperf3", "iperf3", `"cookie"`},
	{"iperf3", "iperf3", "[ ID] Interval"},
	{"ndt7", "ndt7", `"TCPInfo"`},
	{"ndt7", "ndt7-client", `"ServerFQDN"`},
	{"atlas", "RIPE Atlas", `"prb_id"`},
	{"atlas", "RIPE Atlas", `"dst_addr"`},
}

// elsewhere says with a refusal whose output it looks like, if not that of the tool
// that was named.
func elsewhere(format string, data []byte, err error) error {
	var found *struct{ format, name, mark string }
	for i, m := range marks {
		if !bytes.Contains(data, []byte(m.mark)) {
			continue
		}
		if m.format == format {
			return err
		}
		if found == nil {
			found = &marks[i]
		}
	}
	if found == nil {
		return err
	}
	return fmt.Errorf("it looks like the output of %s (--from %s): %w", found.name, found.format, err)
}

// longLine is longer than any line of a single probe.
const longLine = 1 << 12

// colours are what a terminal was sent beside the text, as script and grc keep it.
var colours = pattern.Lazy(`\x1b\[[0-9;?]*[A-Za-z]`)

// lines returns the lines of a text without their ends.
func lines(data []byte) []string {
	if bytes.IndexByte(data, 0x1b) >= 0 {
		data = colours().ReplaceAll(data, nil)
	}
	list := strings.Split(string(data), "\n")
	for i, line := range list {
		list[i] = strings.TrimRight(line, "\r ")
	}
	return list
}
