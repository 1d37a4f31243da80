package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

// progress tells how far a command is, on stderr: a bar that is drawn anew on a
// terminal, a line now and then elsewhere. Nothing is told of one that is over before
// the first is due.
type progress struct {
	w        io.Writer
	command  string
	terminal bool
	width    int
	every    time.Duration
	start    time.Time
	next     time.Time
	drawn    bool
	mu       sync.Mutex
}

const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 24
)

// newProgress returns a progress that says nothing when the user wants quiet.
func (a *app) newProgress(command string) *progress {
	p := &progress{w: a.stderr, command: command, start: time.Now(), every: lineEvery}
	if a.quiet {
		p.w = io.Discard
	} else if isTerminal(a.stderr) && os.Getenv("TERM") != "dumb" {
		p.terminal, p.every, p.width = true, barEvery, 80
		if f, ok := a.stderr.(*os.File); ok {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				p.width = w
			}
		}
	}
	p.next = p.start.Add(p.every)
	return p
}

// due reports whether something is to be told now.
func (p *progress) due(now time.Time) bool {
	if now.Before(p.next) {
		return false
	}
	p.next = now.Add(p.every)
	return true
}

// draw tells how far the command is.
func (p *progress) draw(text string) {
	if !p.terminal {
		fmt.Fprintln(p.w, "qodverify "+p.command+":", text)
		return
	}
	p.drawn = true
	if len(text) >= p.width {
		text = text[:p.width-1] // one line, so that it can be drawn over
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
}

// bar puts before a text how much is done, and after it how long the rest takes if it
// goes on as it went. It is ASCII.
func (p *progress) bar(text string, part float64, now time.Time) string {
	elapsed := now.Sub(p.start)
	left := time.Duration(float64(elapsed) * (1 - part) / part).Round(time.Second)
	text = fmt.Sprintf("%3d%%  %s, %s left", min(int(100*part), 99), text, left) // 100 is for what is over
	if p.terminal {
		full := int(part * barWidth)
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + text
	}
	return text
}

// audited is called after every batch of an audit.
func (p *progress) audited(v verify.Progress, l *source.Ledger) {
	now := time.Now()
	if p.due(now) || v.Linking && p.drawn {
		p.draw(p.auditText(v, l, now))
	}
}

func (p *progress) auditText(v verify.Progress, l *source.Ledger, now time.Time) string {
	rate := float64(v.Records) / now.Sub(p.start).Seconds()
	s := fmt.Sprintf("%d records, %.0f/s, %d findings", v.Records, rate, v.Findings)
	if v.Linking {
		return s + ", putting the chain in order"
	}
	size, done := l.Size.Load(), l.Done.Load()
	if size <= 0 || done <= 0 || done > size { // more than was told: nobody knows how much
		return s
	}
	return p.bar(s, float64(done)/float64(size), now)
}

// looked is called after every input of a run, of which there are two rounds.
func (p *progress) looked(round, done, of int) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.due(now) || done == 0 {
		return
	}
	text := fmt.Sprintf("%d of %d inputs read", done, of)
	if round == 2 {
		text = fmt.Sprintf("%d of %d inputs judged", done, of)
	}
	p.draw(p.bar(text, (float64(round-1)+float64(done)/float64(of))/2, now))
}

// end clears the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		p.drawn = false
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
