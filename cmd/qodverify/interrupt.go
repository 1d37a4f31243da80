package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// grace is how long a command may take to notice that it was asked to end. One
// that waits in a call of the system, for a pipe to be opened, never would.
const grace = 2 * time.Second

// interruption is what SIGINT and SIGTERM do to a command that ends by itself: the
// first one ends its context, the second one the program.
type interruption struct {
	over chan struct{}
	once sync.Once
}

// untilInterrupted returns a context that the first signal ends. The program ends
// with it, unless noticed is called soon.
func untilInterrupted() (context.Context, *interruption) {
	ctx, cancel := context.WithCancel(context.Background())
	i := &interruption{over: make(chan struct{})}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer cancel()
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel()
			select {
			case <-time.After(grace):
				os.Exit(128 + signalNumber(s))
			case <-i.over:
			}
		case <-i.over:
			signal.Stop(signals)
		}
	}()
	return ctx, i
}

// endWith ends the program when ctx ends and what follows does not notice it, until
// the returned function is called.
func endWith(ctx context.Context) (noticed func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		select {
		case <-over:
		case <-time.After(grace):
			os.Exit(128 + int(syscall.SIGTERM))
		}
	}()
	return sync.OnceFunc(func() { close(over) })
}

// noticed says that the command ends by itself.
func (i *interruption) noticed() { i.once.Do(func() { close(i.over) }) }

func signalNumber(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return int(n)
	}
	return int(syscall.SIGINT)
}
