package importer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

var (
	fpingEach  = pattern.Lazy(`^(?:\[([^\]]+)\] )?(\S.*?) +: \[(\d+)\], (?:\d+ bytes, ([0-9.e+]+) ms|timed out)`)
	fpingTotal = pattern.Lazy(`^(\S.*?) +: xmt/rcv/%(?:loss|return) = (\d+)/(\d+)/`)
	fpingList  = pattern.Lazy(`^(\S.*?) +:((?: (?:[0-9.e+]+|-))+)$`)
	fpingTwice = pattern.Lazy(`^(\S.*?) +: duplicate for \[\d+\], `)
	fpingAlive = pattern.Lazy(`^\S.* is (?:alive|unreachable)\b`)
	// The sums over all targets (-s), the errors that a lost probe came with, and the
	// time at which -Q summed up.
	fpingKnown = pattern.Lazy(`^$|^\^C|^ +\d+ (?:targets|alive|unreachable|unknown addresses|timeouts|ICMP Echos sent|ICMP Echo Replies received|other ICMP received)\b|^ *[0-9.e+]+ (?:ms|sec) \(|^ICMP .* from .* for ICMP Echo sent to |^\[\d\d:\d\d:\d\d\]$`)
)

// fpingRun is one target of fping.
type fpingRun struct {
	probes
	sent, received int64 // -1 until known
	twice          int   // lines "duplicate for"
	lines          map[int64]string
	list           []string // what -C lists at the end
	timedOut       map[int64]bool
}

// fpingRuns are the targets of a file.
type fpingRuns struct {
	unread
	byName map[string]*fpingRun
	order  []string
	alive  bool
}

func (f *fpingRuns) run(name string) *fpingRun {
	if f.byName[name] == nil {
		f.byName[name] = &fpingRun{
			probes: probes{delays: map[int64]int64{}}, sent: -1, received: -1,
			lines: map[int64]string{}, timedOut: map[int64]bool{},
		}
		f.order = append(f.order, name)
	}
	return f.byName[name]
}

// fping reads fping -C, fping -c and fping -l: a line a probe, the list or the summary
// at the end, or both; and the same as JSON.
func fping(data []byte, target string) (*Measurement, error) {
	f := &fpingRuns{byName: map[string]*fpingRun{}}
	read := f.line
	if bytes.Contains(data, []byte(`{"`)) {
		read = f.json
	}
	for i, line := range lines(data) {
		if err := read(i+1, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if target == "" && len(f.order) == 1 {
		target = f.order[0]
	}
	r := f.byName[target]
	if r == nil {
		r = f.addressed(target)
	}
	switch {
	case len(f.order) == 0 && f.alive:
		return nil, errors.New("fping printed who is alive, and no round trips: run it with -C N or -c N")
	case len(f.order) == 0:
		return nil, f.because(errors.New("no line of fping -C or fping -c: this is not its output"))
	case target == "":
		return nil, fmt.Errorf("there are %d targets (%s): choose one with --target", len(f.order), strings.Join(f.order, ", "))
	case r == nil:
		return nil, fmt.Errorf("there is no target %q, only %s", target, strings.Join(f.order, ", "))
	}
	m, err := r.measured(target)
	if err != nil {
		return nil, f.because(err)
	}
	if text := f.unread.String(); text != "" {
		m.note("%s", text)
	}
	return m, nil
}

// addressed finds the one target of which the user gave the name or the address
// alone, where fping has both (-n -A).
func (f *fpingRuns) addressed(target string) (found *fpingRun) {
	for _, name := range f.order {
		before, after, both := strings.Cut(name, " (")
		if both && target != "" && (before == target || strings.TrimSuffix(after, ")") == target) {
			if found != nil {
				return nil
			}
			found = f.byName[name]
		}
	}
	return found
}

func (f *fpingRuns) line(number int, line string) error {
	if len(line) > longLine {
		if x := fpingList().FindStringSubmatch(line); x != nil {
			return f.run(x[1]).listed(strings.Fields(x[2]))
		}
		f.unread.line(number, line)
		return nil
	}
	if x := fpingEach().FindStringSubmatch(line); x != nil {
		return f.run(x[2]).each(x[1], x[3], x[4])
	}
	if x := fpingTotal().FindStringSubmatch(line); x != nil {
		return f.run(x[1]).sums(x[2], x[3])
	}
	if x := fpingTwice().FindStringSubmatch(line); x != nil {
		f.run(x[1]).twice++
		return nil
	}
	if x := fpingList().FindStringSubmatch(line); x != nil {
		return f.run(x[1]).listed(strings.Fields(x[2]))
	}
	if fpingAlive().MatchString(line) {
		f.alive = true
	} else if !fpingKnown().MatchString(line) {
		f.unread.line(number, line)
	}
	return nil
}

// json reads a line of fping --json.
func (f *fpingRuns) json(number int, line string) error {
	if !strings.HasPrefix(line, "{") {
		return f.line(number, line)
	}
	doc, err := canonical.Parse([]byte(line), canonical.Options{})
	if e := (*canonical.Error)(nil); errors.As(err, &e) {
		return fmt.Errorf("column %d: %s", e.Column, e.Detail)
	}
	if doc.Root().Len() != 1 {
		f.unread.line(number, line)
		return nil
	}
	for name, v := range doc.Root().Members() {
		host := text(v.Get("host"))
		seq, size := string(v.Get("seq").Raw()), v.Get("values")
		switch {
		case name == "resp" && host != "":
			return f.run(host).each(text(v.Get("timestamp")), seq, string(v.Get("rtt").Raw()))
		case name == "timeout" && host != "":
			return f.run(host).each(text(v.Get("timestamp")), seq, "")
		case name == "summary" && host != "":
			return f.run(host).sums(string(v.Get("xmt").Raw()), string(v.Get("rcv").Raw()))
		case name == "vSum" && host != "" && size.Kind() == canonical.Array:
			var words []string
			for _, value := range size.Elements() {
				if word := string(value.Raw()); word != "null" {
					words = append(words, word)
				} else {
					words = append(words, "-")
				}
			}
			return f.run(host).listed(words)
		case name == "intSum", name == "stats":
		default:
			f.unread.line(number, line)
		}
	}
	return nil
}

// each takes the line of one probe; ms is "" when it timed out.
func (r *fpingRun) each(stamp, number, ms string) error {
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return err
	}
	if r.sent >= 0 && r.list == nil || n < 0 {
		return errors.New("a probe after the summary: the file holds more than one run of fping")
	}
	if ms == "" {
		r.timedOut[n] = true
		return nil
	}
	ns, err := nanoseconds(ms)
	if err != nil {
		return err
	}
	if _, there := r.lines[n]; !there {
		r.lines[n] = ms
	}
	r.answer(n, ns)
	if at := fpingTime(stamp); !at.IsZero() {
		r.stamp(float64(at.UnixMicro()) / 1e6)
	}
	return nil
}

// fpingTime reads a stamp of -D: seconds since 1970, or a date with its zone. Others
// (ctime, rfc3339 as fping has it) do not tell their zone, and so no time.
func fpingTime(stamp string) time.Time {
	if s, err := strconv.ParseFloat(stamp, 64); err == nil && s > 0 && s < 1e11 {
		return seconds(s)
	}
	at, err := time.Parse("2006-01-02T15:04:05Z0700", stamp)
	if err != nil {
		return time.Time{}
	}
	return at
}

func (r *fpingRun) sums(sent, received string) (err error) {
	if r.sent >= 0 {
		return errors.New("a second summary of the target: the file holds more than one run of fping")
	}
	if r.sent, err = strconv.ParseInt(sent, 10, 64); err != nil {
		return err
	}
	r.received, err = strconv.ParseInt(received, 10, 64)
	return err
}

func (r *fpingRun) listed(words []string) error {
	if r.list != nil {
		return errors.New("the target is there twice: the file holds more than one run of fping")
	}
	r.list, r.sent = words, int64(len(words))
	return nil
}

// measured puts the views of one run together.
func (r *fpingRun) measured(target string) (*Measurement, error) {
	each := len(r.lines)+len(r.timedOut) > 0
	if err := tooMany(r.sent); err != nil {
		return nil, err
	}
	switch {
	case r.sent < 0 && r.twice+len(r.lines)+len(r.timedOut) > 0:
		return nil, errors.New("there is a line a probe, and the summary is not there: it went to stderr (add 2>&1, as in fping -c 100 HOST > FILE 2>&1), unless fping was killed before it wrote one. Without it nobody knows how many probes were sent and lost")
	case r.sent == 0:
		return nil, errors.New("fping sent nothing")
	case r.list == nil && !each:
		return nil, errors.New("there is fping's summary and no single round trips: these went to stdout (add > FILE 2>&1), or -q left them out: fping -C N -q lists them")
	}
	if r.list != nil {
		if err := r.compare(each); err != nil {
			return nil, err
		}
	} else if got := int64(len(r.delays)); got > r.received || got < r.received && got+int64(r.twice) < r.received && r.received <= r.sent {
		return nil, fmt.Errorf("fping says that %d answers came, and %d can be read: the output was changed", r.received, got)
	}
	flying := r.flying(each)
	m, err := r.measurement("fping", target, 0, r.sent-flying)
	if err != nil {
		return nil, err
	}
	m.InFlight = int(flying)
	m.Duplicates = max(m.Duplicates, r.twice)
	if over := int(r.received) - len(r.delays); over > m.Duplicates && r.received > r.sent {
		m.Duplicates = over // more answers than probes
	}
	return m, nil
}

// compare holds the list to the lines, and takes the delays of the list, which has
// more digits. The list is in the order of sending, which is that of arrival: fping
// waits for an answer no longer than to the next probe, unless told to.
func (r *fpingRun) compare(each bool) error {
	for i, word := range r.list {
		n := int64(i)
		line, answered := r.lines[n]
		if word == "-" {
			if answered {
				return fmt.Errorf("the list has no answer to probe %d, and its line has one: they are not of one run", n)
			}
			continue
		}
		ns, err := nanoseconds(word)
		if err != nil {
			return err
		}
		if each {
			if !answered {
				return fmt.Errorf("the list has an answer to probe %d, and its line has none: they are not of one run", n)
			}
			off := r.delays[n] - ns
			if most := max(lastPlace(word), lastPlace(line)); max(off, -off) > most {
				return fmt.Errorf("the list has %s ms for probe %d, and its line %s ms: they are not of one run", word, n, line)
			}
			r.delays[n] = ns
			continue
		}
		r.answer(n, ns)
	}
	return nil
}

// flying counts the probes at the end that fping neither had an answer to nor gave up:
// they were under way when it was stopped. It has to have given up each that was lost
// before them, or its output does not tell.
func (r *fpingRun) flying(each bool) (n int64) {
	if !each || len(r.delays) == 0 {
		return 0
	}
	tail := r.tail(0, r.sent)
	for i := range r.sent - tail {
		if _, answered := r.delays[i]; !answered && !r.timedOut[i] {
			return 0
		}
	}
	for n < tail && !r.timedOut[r.sent-1-n] {
		n++
	}
	return n
}
