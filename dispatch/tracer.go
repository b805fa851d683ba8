package dispatch

import "context"

// Tracer follows commands from whoever asked to the durable runs that hear of
// them, for traces. Its methods are called by many goroutines and must not wait.
type Tracer interface {
	// Command begins to follow a command. What comes of the command is done in
	// the context it returns; done is called with the outcome.
	Command(ctx context.Context, workspaceSID string) (followed context.Context, done func(err error))
	// TransactionDone tells of one attempt at a transaction, with the contexts of
	// the commands that shared it.
	TransactionDone(commands []context.Context, t Transaction)
}

// follow tells the tracer of a command, if there is one: done is nil without.
func (d *Dispatcher) follow(ctx context.Context, ws string) (followed context.Context, done func(error)) {
	if d.opts.Tracer == nil {
		return ctx, nil
	}
	return d.opts.Tracer.Command(ctx, ws)
}

// origin is a command's context without its end: what is sent to the durable
// runs is sent after the answer to the request. It does not reach the database,
// so what a sweeper sends later comes from nowhere.
func (d *Dispatcher) origin(c *command) context.Context {
	if d.opts.Tracer == nil {
		return nil
	}
	return context.WithoutCancel(c.ctx)
}

// context is what a notice is sent in.
func (x delivery) context() context.Context {
	if x.origin == nil {
		return context.Background()
	}
	return x.origin
}

func contexts(cmds []*command) []context.Context {
	out := make([]context.Context, len(cmds))
	for i, c := range cmds {
		out[i] = c.ctx
	}
	return out
}
