package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// command is one change waiting for its turn in a Workspace.
type command struct {
	ctx  context.Context
	fn   func(ctx context.Context, u *Unit) error
	done chan error
	// task is the one it begins with; empty when there is none.
	task string
	// since is when it began to wait.
	since time.Time
}

// executor runs the commands of one Workspace one after the other, several in
// one transaction while they queue up: the commit, which waits for the disk,
// is shared (group commit).
type executor struct {
	waiting waitingLine
}

// submit queues a command and waits for its outcome. The first command of an
// idle Workspace starts a goroutine that lives until the queue is empty.
func (e *executors) submit(ctx context.Context, d *Dispatcher, p place, fn func(ctx context.Context, u *Unit) error) (err error) {
	if o := d.opts.Observer; o != nil {
		defer func(since time.Time) { o.CommandDone(time.Since(since), err) }(time.Now())
	}
	if err := ctx.Err(); err != nil {
		return taskrouter.Unavailable(err, "The request was given up")
	}
	ctx, followed := d.follow(ctx, p.workspace)
	if followed != nil {
		defer func() { followed(err) }()
	}
	c := &command{ctx: ctx, fn: fn, task: p.task, done: make(chan error, 1), since: d.opts.Now()}
	e.mu.Lock()
	x, busy := e.running[p.workspace]
	if !busy {
		x = &executor{}
		e.running[p.workspace] = x
	}
	err = x.waiting.add(p.lane, c, d.opts.MaxQueueWait)
	e.mu.Unlock()
	if err != nil { // it was busy: an empty line refuses nobody
		return err
	}
	if !busy {
		go e.drain(d, p.workspace, x)
	}
	// The outcome is awaited even when the caller gives up: a command that
	// may have committed must not be reported as failed.
	return <-c.done
}

func (e *executors) drain(d *Dispatcher, ws string, x *executor) {
	for {
		e.mu.Lock()
		batch, stale := x.waiting.take(d.opts.BatchSize, d.opts.Now(), d.opts.MaxQueueWait)
		if len(batch)+len(stale) == 0 {
			delete(e.running, ws)
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		for _, c := range stale {
			c.done <- ErrOverloaded
		}
		d.execute(ws, batch)
	}
}

// errAborted ends a transaction in which a command failed after writing.
var errAborted = errors.New("command failed after its first write")

// execute runs a batch in one transaction. When a command fails after it
// wrote, or the commit fails, each command is tried again on its own; not when
// it may have been committed, because then everything would be done twice.
func (d *Dispatcher) execute(ws string, batch []*command) {
	live := batch[:0:0]
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.done <- taskrouter.Unavailable(err, "The request was given up")
			continue
		}
		live = append(live, c)
	}
	if len(live) == 0 {
		return
	}
	if len(live) > 1 {
		outcomes, err := d.transact(ws, live)
		if err == nil || errors.Is(err, ErrInDoubt) {
			for i, c := range live {
				if err != nil {
					c.done <- err
					continue
				}
				c.done <- outcomes[i]
			}
			return
		}
	}
	for _, c := range live {
		outcomes, err := d.transact(ws, []*command{c})
		if err == nil {
			err = outcomes[0]
		}
		c.done <- err
	}
}

// commandTimeout bounds one transaction: a Workspace must not hang because one
// caller's deadline is far away.
const commandTimeout = 15 * time.Second

// transact runs commands in one transaction. Outcomes are the commands' own
// errors; err is set when nothing was committed. An overdue Task that breaks
// the transaction is put aside and the commands run again without it.
func (d *Dispatcher) transact(ws string, cmds []*command) ([]error, error) {
	aside := map[string]bool{}
	for {
		outcomes, err := d.attempt(ws, cmds, aside)
		var stuck *stuckTask
		if !errors.As(err, &stuck) || aside[stuck.sid] {
			return outcomes, err
		}
		aside[stuck.sid] = true
	}
}

// attempt is one transaction.
func (d *Dispatcher) attempt(ws string, cmds []*command, aside map[string]bool) (outcomes []error, err error) {
	// The transaction serves several callers: none of them may cancel it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmds[0].ctx), commandTimeout)
	defer cancel()
	b := &batch{d: d, workspaceSID: ws, aside: aside}
	if d.opts.Observer != nil || d.opts.Tracer != nil {
		b.watch = newWatch(d, ws, cmds)
		defer func() { b.watch.report(err) }()
	}
	var own error
	var first []string
	if len(cmds) == 1 && cmds[0].task != "" { // what one command reads, another may have changed
		first = append(first, cmds[0].task)
	}
	err = d.store.InWorkspace(ctx, ws, func(ctx context.Context, tx Tx) error {
		b.begin(tx)
		outcomes = outcomes[:0]
		if err := b.expire(ctx); err != nil {
			return err
		}
		for i, c := range cmds {
			if i > 0 {
				// Who came first is first in the waiting line, in one transaction too.
				b.now = b.now.Add(time.Microsecond)
			}
			u := b.unit()
			u.origin, u.last = d.origin(c), i == len(cmds)-1
			cerr := u.carryOut(ctx, c.fn)
			// What a failed command has collected is in the counters and the
			// configuration that the commands after it would build on.
			if cerr != nil && (u.wrote || u.pending) && !b.concluded {
				own = cerr
				return errAborted
			}
			outcomes = append(outcomes, cerr)
		}
		if err := b.finish(ctx); err != nil {
			return err
		}
		b.watch.decided()
		return nil
	}, first...)
	if err != nil {
		// What was compiled from uncommitted configuration must not survive.
		d.configs.drop(ws)
	}
	if errors.Is(err, errAborted) {
		return nil, own
	}
	if err != nil {
		return nil, err
	}
	b.committed()
	return outcomes, nil
}

// carryOut runs a change and writes what it collected. A panic becomes an
// error: one bad command must not end the process that routes everybody else's
// calls.
func (u *Unit) carryOut(ctx context.Context, fn func(ctx context.Context, u *Unit) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			u.d.log.Error("command panicked", logging.WorkspaceSID(u.b.workspaceSID), logging.Err(fmt.Errorf("panic: %v", r)))
			u.pending = true // whatever it left behind must not be committed
			err = &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "Internal error", Cause: fmt.Errorf("panic: %v", r)}
		}
	}()
	if err := fn(ctx, u); err != nil {
		return err
	}
	if err := u.calm(ctx); err != nil {
		return err
	}
	return u.conclude(ctx)
}
