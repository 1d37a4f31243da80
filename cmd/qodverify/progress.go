package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

// progress tells how far an audit is, on stderr: a bar that is drawn anew on a
// terminal, a line now and then elsewhere. Nothing is told of an audit that is
// over before the first is due.
type progress struct {
	w        io.Writer
	ledger   *source.Ledger
	terminal bool
	width    int
	every    time.Duration
	start    time.Time
	next     time.Time
	drawn    bool
}

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 24
)

// newProgress returns a progress that says nothing when the user wants quiet.
func (r *auditRun) newProgress() *progress {
	p := &progress{w: r.stderr, ledger: r.ledger, start: time.Now(), every: lineEvery}
	if r.quiet {
		p.w = io.Discard
	} else if isTerminal(r.stderr) && os.Getenv("TERM") != "dumb" {
		p.terminal, p.every, p.width = true, barEvery, 80
		if f, ok := r.stderr.(*os.File); ok {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				p.width = w
			}
		}
	}
	p.next = p.start.Add(p.every)
	return p
}

// update is called after every batch.
func (p *progress) update(v verify.Progress) {
	now := time.Now()
	if now.Before(p.next) && !(v.Linking && p.drawn) {
		return
	}
	p.next = now.Add(p.every)
	text := p.text(v, now)
	if !p.terminal {
		fmt.Fprintln(p.w, "qodverify audit:", text)
		return
	}
	p.drawn = true
	if len(text) >= p.width {
		text = text[:p.width-1] // one line, so that it can be drawn over
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
}

// text is what both forms say. It is ASCII.
func (p *progress) text(v verify.Progress, now time.Time) string {
	elapsed := now.Sub(p.start)
	rate := float64(v.Records) / elapsed.Seconds()
	s := fmt.Sprintf("%d records, %.0f/s, %d findings", v.Records, rate, v.Findings)
	if v.Linking {
		return s + ", putting the chain in order"
	}
	size, done := p.ledger.Size.Load(), p.ledger.Done.Load()
	if size <= 0 || done <= 0 {
		return s
	}
	if done > size {
		return s // more than was told: nobody knows how much
	}
	part := float64(done) / float64(size)
	left := time.Duration(float64(elapsed) * (1 - part) / part).Round(time.Second)
	s = fmt.Sprintf("%3d%%  %s, %s left", min(int(100*part), 99), s, left) // 100 is for what is over
	if p.terminal {
		full := int(part * barWidth)
		s = "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + s
	}
	return s
}

// end clears the bar.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
