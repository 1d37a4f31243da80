package importer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

var (
	pingReply = pattern.Lazy(`\b(?:icmp_)?seq[= ](\d+)\b.*\btime([=<]) ?(\d+(?:[.,]\d*)?) ?ms`)
	// In other languages the number is followed by a unit, and that ends the line
	// but for remarks in parentheses.
	pingForeign    = pattern.Lazy(`\b(?:icmp_)?seq[= ](\d+)\b.*([=<]) ?(\d+(?:[.,]\d+)?) ?[^\s\d=.,:()<>]+(?: \([^()]*\))*$`)
	pingUntimed    = pattern.Lazy(`\b(?:icmp_)?seq[= ]\d+.*\b(?i:ttl|hlim) ?=\d+( \([^()]*\))?$`)
	pingStamp      = pattern.Lazy(`\[(\d+\.\d+)\] `)
	pingTotal      = pattern.Lazy(`(\d+) packets transmitted, (\d+) (?:packets )?received`)
	pingTook       = pattern.Lazy(`, time (\d{1,12}) ?ms$`)
	pingHead       = pattern.Lazy(`(?:^|\s)(?:PING6?\b|Ping \S+ \(\S+\).*: \d+\(\d+\) bytes)|\(\S+\).* \d+\(\d+\) `)
	pingLinux      = pattern.Lazy(`\s\d+\(\d+\)\s`)
	pingFromZero   = pattern.Lazy(`\): |^PING6\(|^PING \S+: `)
	pingWaited     = pattern.Lazy(`(?:timeout|no answer yet) for icmp_seq[= ](\d+)`)
	pingFlood      = pattern.Lazy("^[.E\b ]*[.E\b][.E\b ]*$")
	pingMark       = pattern.Lazy(` \([^()]*!\)$`)
	pingJSON       = pattern.Lazy(`^\s*(?:\[\s*)?{`)
	pingTooLate    = pattern.Lazy(`, (\d+) packets out of wait time`)
	pingWindows    = pattern.Lazy(`[=<] ?\d+ ?ms TTL=\d+|^Pinging \S+ .*with \d+ bytes of data|= ?\d+, .*= ?\d+, .*= ?\d+`)
	pingRule       = pattern.Lazy(`(?:^|\s)---.*---$`)
	pingPowerShell = pattern.Lazy(`^(?:Ping )?Source +(?:Address|Destination) +`)
	// What says nothing of single round trips: errors by the number of their probe,
	// the line of minimum, mean and maximum, and BSD's dump of a header.
	pingKnown = pattern.Lazy(`^$|icmp_seq[= ]\d+ [^=]*(?:\([^()]*\))?$|= ?[\d.,]+/[\d.,]+/|^pipe \d+$|\d+ bytes from [^=]*$|^ping6?: |^ai->ai_|Vr HL TOS +Len|^ +\d+ +\d+ +[0-9a-f]{2} [0-9a-f]{4} `)
	pingWord  = pattern.Lazy(`(?:PING6?|Ping)[ (]`)
)

// pingRun is what was read of a run so far.
type pingRun struct {
	probes
	unread
	head, prefix     string
	sent, received   int64 // -1 until known
	took             time.Duration
	late             int64          // answers after the time that -W gives, which have no line
	marked           map[int64]bool // answers with a remark that may say that ping does not count them
	number           int64          // that of the last answer, beyond 16 bits
	counted          bool
	timedOut         map[int64]bool
	untimed          int64
	truncated        int64
	flood, windows   bool
	powerShell       bool
	stopped, foreign bool
}

// ping reads the output of ping and ping6 of Linux (iputils, inetutils), BSD, macOS,
// BusyBox and Android, in any language in which the numbers are enough.
func ping(data []byte, _ string) (*Measurement, error) {
	r := &pingRun{probes: probes{delays: map[int64]int64{}}, sent: -1, timedOut: map[int64]bool{}, marked: map[int64]bool{}}
	for i, line := range lines(data) {
		if err := r.line(i+1, line); err != nil {
			return nil, err
		}
	}
	if pingJSON().Match(data) {
		return nil, errors.New("this is JSON, and not ping's text: if it is that of ping -j, run ping without")
	}
	r.settle()
	if err := r.refused(); err != nil {
		return nil, err
	}
	return r.measured()
}

func (r *pingRun) line(number int, line string) error {
	line, stopped := strings.CutPrefix(line, "^C")
	r.stopped = r.stopped || stopped
	if len(line) > longLine {
		r.unread.line(number, line)
		return nil
	}
	switch {
	case pingRule().MatchString(line):
		return nil
	case pingHead().MatchString(line) && !strings.Contains(line, "seq="):
		return r.begins(line)
	}
	if n := pingWaited().FindStringSubmatch(line); n != nil {
		if n, err := strconv.ParseInt(n[1], 10, 32); err == nil {
			r.timedOut[n] = true
		}
		return nil
	}
	reply := pingReply().FindStringSubmatch(line)
	if reply == nil {
		reply = pingForeign().FindStringSubmatch(line)
	}
	switch {
	case reply != nil:
		return r.reply(number, line, reply)
	case pingUntimed().MatchString(line):
		r.untimed++
		if strings.HasSuffix(line, ")") {
			r.truncated++
		}
		return nil
	case pingWindows().MatchString(line):
		r.windows = true
		return nil
	case pingPowerShell().MatchString(line):
		r.powerShell = true
		return nil
	case pingFlood().MatchString(line):
		r.flood = true
		return nil
	}
	return r.other(number, line)
}

// begins takes the first line of a run. What stands before it, as ts writes, stands
// before each line.
func (r *pingRun) begins(line string) error {
	if r.head != "" {
		return errors.New("the file holds more than one run of ping")
	}
	r.head = line
	if at := pingWord().FindStringIndex(line); at != nil {
		r.prefix, r.head = line[:at[0]], line[at[0]:]
	}
	return nil
}

func (r *pingRun) other(number int, line string) error {
	sent, received, took, is := pingSums(line)
	switch {
	case is && r.sent >= 0:
		return errors.New("the file holds more than one run of ping")
	case is:
		r.sent, r.received, r.took = sent, received, took
		if late := pingTooLate().FindStringSubmatch(line); late != nil {
			r.late, _ = strconv.ParseInt(late[1], 10, 32)
		}
	case pingKnown().MatchString(line), len(line) < len(r.prefix):
	case strings.Contains(line, "%") && r.sent < 0:
		r.foreign = true
		r.unread.line(number, line)
	default:
		r.unread.line(number, line)
	}
	return nil
}

func (r *pingRun) reply(number int, line string, reply []string) error {
	if strings.Contains(line, "(BAD CHECKSUM!)") {
		return nil // ping does not count it as an answer
	}
	n, err := strconv.ParseInt(reply[1], 10, 32)
	if err != nil || reply[2] == "<" {
		return fmt.Errorf("line %d: ping did not tell the delay, only a bound for it: %.80q", number, line)
	}
	ns, err := nanoseconds(reply[3])
	if err != nil {
		return fmt.Errorf("line %d: %w", number, err)
	}
	if strings.Contains(line, "(DUP!)") {
		r.duplicates++
		return nil
	}
	// icmp_seq has 16 bits: of the numbers that it may stand for the one nearest to
	// that of the last answer, which answers that overtake each other need.
	switch {
	case !r.counted || n > 0xffff:
		r.number, r.counted = n, true
	default:
		r.number += int64(int16(uint16(n) - uint16(r.number)))
	}
	if _, there := r.delays[r.number]; !there && pingMark().MatchString(line) {
		r.marked[r.number] = true
	}
	r.answer(r.number, ns)
	if stamp := pingStamp().FindStringSubmatch(line); stamp != nil {
		at, _ := strconv.ParseFloat(stamp[1], 64)
		r.stamp(at)
	}
	return nil
}

const notEnglish = "the words are not English, and the numbers alone do not tell how many probes were sent and answered: run it with LC_ALL=C"

// settle brings the answers and their number together where ping itself tells the
// difference: what has a wrong checksum it prints and does not count, and what came
// after the time-out it counts and does not print.
func (r *pingRun) settle() {
	got := int64(len(r.delays))
	switch {
	case len(r.marked) > 0 && got-int64(len(r.marked)) == r.received:
		for n := range r.marked {
			delete(r.delays, n)
		}
		r.order = slices.DeleteFunc(r.order, func(n int64) bool { return r.marked[n] })
	case r.late > 0 && got+r.late == r.received:
		r.received = got
	default:
		r.late = 0
	}
}

// refused says why a run can't be read.
func (r *pingRun) refused() error {
	got := int64(len(r.delays))
	switch {
	case r.windows && got == 0:
		return errors.New("this is ping of Windows: it prints whole milliseconds, <1ms as a bound, and no numbers by which a probe is known: measure with irtt, or with ping or fping in WSL")
	case r.powerShell && got == 0:
		return errors.New("this is PowerShell's Test-Connection: it prints whole milliseconds, and of a lost probe no more than a word: measure with irtt, or with ping or fping in WSL")
	case r.head == "":
		return r.because(errors.New(`no line "PING …": this is not ping's output, or its beginning is missing`))
	case r.sent < 0 && r.foreign:
		return r.because(errors.New(notEnglish))
	case r.sent < 0:
		return r.because(errors.New("no line with ping's statistics: the run was cut off, so nobody knows how many probes were sent and lost"))
	case r.sent == 0:
		return errors.New("ping sent nothing")
	case r.truncated > 0:
		return fmt.Errorf("%s no time, as %s back shorter than sent, (truncated): measure with smaller packets (-s)",
			counted(r.truncated, "answer")+verb(r.truncated, " has", " have"), verb(r.truncated, "it came", "they came"))
	case r.untimed > 0:
		return fmt.Errorf("%s no time: ping measures none with packets of under 16 bytes (-s)", counted(r.untimed, "answer")+verb(r.untimed, " has", " have"))
	case got == 0 && r.received > 0 && r.flood:
		return errors.New("ping -f prints no single round trips, and minimum, mean and maximum are no percentiles: give an interval (-i)")
	case got == 0 && r.received > 0 && r.count == 0:
		return errors.New("there are ping's statistics and no single round trips (ping -q): minimum, mean and maximum are no percentiles")
	case got == 0 && r.received > 0:
		return r.because(errors.New("no line of a single round trip can be read: if the words are not English, run it with LC_ALL=C"))
	case got != r.received && r.received > r.sent:
		return fmt.Errorf("ping counted more answers than probes, %d to %d, and %d can be read: several answered, or something repeats packets", r.received, r.sent, got)
	case got != r.received:
		return r.because(fmt.Errorf("ping says that %d answers came, and %d can be read: the output was changed, or is of an unknown ping", r.received, got))
	}
	return nil
}

// base is the number of the first probe: Linux and Android count from 1, the others
// from 0. What was answered overrules the first line.
func (r *pingRun) base() int64 {
	base := int64(1)
	if pingFromZero().MatchString(r.head) && !pingLinux().MatchString(r.head) {
		base = 0
	}
	if _, zero := r.delays[0]; zero {
		return 0
	}
	if _, last := r.delays[r.sent]; last {
		return 1
	}
	return base
}

func (r *pingRun) measured() (*Measurement, error) {
	if err := tooMany(r.sent); err != nil {
		return nil, err
	}
	base := r.base()
	flying := r.flying(base)
	sent := r.sent
	if r.stopped {
		sent -= flying
	}
	m, err := r.measurement("ping", between(r.head), base, sent)
	if err != nil {
		return nil, r.because(err)
	}
	m.Took = r.took
	if r.stopped {
		m.InFlight = int(flying)
	} else if flying > 0 {
		m.note("%s at the end %s no answer, and %s counted as lost: if the run was stopped by hand (^C), %s may still have been under way",
			counted(flying, "probe"), verb(flying, "has", "have"), verb(flying, "is", "are"), verb(flying, "it", "they"))
	}
	if r.late > 0 {
		m.note("%s came after the time-out (-W) and %s no time: the probes count as lost", counted(r.late, "answer"), verb(r.late, "has", "have"))
	}
	if zero := r.zeros(); zero > 0 {
		m.note("%s took 0 ms: this ping counts whole milliseconds, and that is less than one", counted(zero, "probe"))
	}
	if text := r.unread.String(); text != "" {
		m.note("%s", text)
	}
	return m, nil
}

// zeros counts the round trips of 0 ms.
func (r *pingRun) zeros() (n int64) {
	for _, ns := range r.delays {
		if ns == 0 {
			n++
		}
	}
	return n
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// flying counts the probes at the end that may have been under way when the run was
// stopped: unanswered, sent less than the longest round trip before the last was
// sent, and of none did ping say that it had waited in vain. It takes ping's interval
// of a second where the output does not tell another.
func (r *pingRun) flying(base int64) (n int64) {
	interval := time.Second
	if r.took > 0 && r.sent > 1 {
		interval = r.took / time.Duration(r.sent-1)
	}
	longest, tail := time.Duration(r.longest()), r.tail(base, r.sent)
	for n < tail && time.Duration(n)*interval < longest && !r.timedOut[(base+r.sent-1-n)&0xffff] {
		n++
	}
	return n
}

// between returns what ping says that it asked, in the words of its first line.
func between(head string) string {
	fields := strings.Fields(head)
	if len(fields) < 2 {
		return ""
	}
	if strings.HasPrefix(head, "PING6(") {
		return fields[len(fields)-1]
	}
	target, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "(")
	return target
}
