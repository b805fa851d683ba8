package setup

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Run runs a program until it is done or interrupted, and returns the status
// the process ends with. An interrupted program gets the chance to clean up.
func Run(program func(ctx context.Context, args []string, out io.Writer) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := program(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted")
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	return 1
}

// Flags are the flags of a program. Its help begins with a text that says what
// the program shows.
func Flags(name, about string, out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprintf(out, "%s\n\nFlags of %s:\n", about, name)
		f.PrintDefaults()
		fmt.Fprintf(out, "\nThe environment says where the router is and who asks:\n%s", environmentHelp)
	}
	return f
}

// interval is how often Await looks. Programs that must not wait that long take
// event callbacks instead.
const interval = 50 * time.Millisecond

// Await looks again and again until it sees what it waits for. It fails when
// looking fails, when the context ends, or after the limit.
func Await(ctx context.Context, limit time.Duration, what string, look func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		seen, err := look()
		if err != nil || seen {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}

// Pause lets time pass: people talk, or work.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
