package admission

import (
	"context"
	"time"
)

// Kind is what a request does; each kind has a gate of its own, so that none
// keeps another one out.
type Kind int

// The kinds.
const (
	// Write changes something; it waits for its turn in a Workspace.
	Write Kind = iota
	// Read reads something.
	Read
	// Explain looks at a whole Workspace: only few fit at a time.
	Explain
	// Authenticate finds out who asks, mostly from memory.
	Authenticate
	// Query is what a Read or an Explain does with the database, once it was
	// let in; what comes before and after, such as sending the answer to a slow
	// client, needs no connection.
	Query
)

// Defaults of Options.
const (
	DefaultWrites          = 160
	DefaultReads           = 80
	DefaultAuthentications = 40
	DefaultQueries         = 10
	// DefaultExplanations are those that are made and those that are next.
	DefaultExplanations = 4
	DefaultPatience     = time.Second
	// roomPerSlot is how many requests may wait for each that is in work.
	roomPerSlot = 4
)

// Options are the limits of a Door; zero values mean the defaults.
type Options struct {
	// Writes, Reads, Explanations and Authentications are how many are in work
	// at a time. Four times as many may wait.
	Writes, Reads, Explanations, Authentications int
	// Queries is how many of the reads and explanations in work read from the
	// database at a time; the others wait.
	Queries int
	// Patience is how long a request may wait to be let in.
	Patience time.Duration
	// Everybody are the limits of each account that is not among Accounts.
	Everybody Limits
	Accounts  map[string]Limits
	// CountWaiting is needed where Tasks that wait are limited; nil does not
	// limit them.
	CountWaiting CountWaiting
	// Now is the clock of the accounts' limits; nil is time.Now.
	Now func() time.Time
}

// Door is where requests enter a process. It is safe for concurrent use.
type Door struct {
	gates    map[Kind]*gate
	accounts *accounts
}

// New makes a Door.
func New(o Options) *Door {
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Door{gates: map[Kind]*gate{}, accounts: &accounts{
		everybody: o.Everybody, special: o.Accounts, count: o.CountWaiting, now: o.Now, known: map[string]*account{},
	}}
	for kind, g := range map[Kind]struct {
		reason        Reason
		limit, normal int
	}{
		Write:        {BusyWrites, o.Writes, DefaultWrites},
		Read:         {BusyReads, o.Reads, DefaultReads},
		Explain:      {BusyExplanations, o.Explanations, DefaultExplanations},
		Authenticate: {BusyAuthentications, o.Authentications, DefaultAuthentications},
		Query:        {BusyDatabase, o.Queries, DefaultQueries},
	} {
		if g.limit <= 0 {
			g.limit = g.normal
		}
		d.gates[kind] = newGate(g.reason, g.limit, roomPerSlot*g.limit, o.Patience)
	}
	// Whoever holds the places of new work, however long, agents get rid of theirs.
	d.gates[Write].kept = d.gates[Write].limit / 4
	// There is room for all who were let in.
	d.gates[Query].room = d.gates[Read].limit + d.gates[Explain].limit
	return d
}

// Enter waits until a request is let in; leave must then be called when it
// ends. The error is a Refusal.
func (d *Door) Enter(ctx context.Context, k Kind, c Class) (leave func(), err error) {
	g := d.gates[k]
	if err := g.enter(ctx, c); err != nil {
		return nil, err
	}
	return g.leave, nil
}

// Account holds a request to the limits of its account; done must be called
// when it ends. The error is a Refusal.
func (d *Door) Account(accountSID string) (done func(), err error) {
	return d.accounts.enter(accountSID)
}

// Create holds the creation of a Task to the account's limit of waiting ones;
// done must be called with whether it was created. The error is a Refusal.
func (d *Door) Create(ctx context.Context, accountSID string) (done func(created bool), err error) {
	return d.accounts.create(ctx, accountSID)
}

// Load is how many requests of a kind are in work, and how many wait to be.
func (d *Door) Load(k Kind) (inside, waiting int) { return d.gates[k].load() }
