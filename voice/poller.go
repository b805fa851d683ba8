package voice

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// LegBook knows the legs the router believes to be live.
type LegBook interface {
	// LiveLegs lists the legs of a back-end that have not ended, with at least
	// CallSID, Attempt, State and CreatedAt.
	LiveLegs(ctx context.Context, backend string) ([]Leg, error)
}

// How often a back-end is asked while something is open. Restcomm sends each
// notice once and never again, hence the shorter one.
const (
	RestcommPollInterval = 15 * time.Second
	DefaultPollInterval  = 30 * time.Second
)

// defaultGrace protects a leg so young that a platform's list may lag behind.
const defaultGrace = 5 * time.Second

// lostAfter is how long a leg may be neither listed nor readable before it is
// given up.
const lostAfter = 2 * time.Minute

// PollerOptions configure a Poller. Backend, Book and Sink are required.
type PollerOptions struct {
	Backend Backend
	Book    LegBook
	Sink    Sink
	Clock   Clock
	// Interval defaults to the flavour's.
	Interval time.Duration
	// Grace is the age below which absence from the list proves nothing; 5 s.
	Grace  time.Duration
	Logger *zap.Logger
}

// Poller compares one account's live calls with the router's legs and reports
// the differences, so that a lost notice delays a fact instead of losing it. It
// asks nothing of the platform while no leg is open.
type Poller struct {
	opt PollerOptions
	// unread remembers since when a leg could be neither listed nor read.
	unread map[string]time.Time
}

// NewPoller makes a Poller; Run drives it.
func NewPoller(o PollerOptions) *Poller {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Interval <= 0 {
		o.Interval = DefaultPollInterval
		if o.Backend.Flavour() == FlavourRestcomm {
			o.Interval = RestcommPollInterval
		}
	}
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return &Poller{opt: o, unread: map[string]time.Time{}}
}

// Run polls until the context is done. A failed round is logged and the next
// one tries again. The first rounds come at once and when no leg that was open
// at the start is too young to be judged any more: what the platform said while
// nobody listened is lost, so a start is the likeliest time to find a difference.
func (p *Poller) Run(ctx context.Context) {
	for round := 0; ; round++ {
		if round > 0 {
			pause := p.opt.Interval
			if round == 1 {
				pause = min(pause, p.opt.Grace+time.Second)
			}
			if err := Pause(ctx, p.opt.Clock, pause); err != nil {
				return
			}
		}
		if err := p.Poll(ctx); err != nil && ctx.Err() == nil {
			p.opt.Logger.Warn("voice poll failed", zap.Error(err))
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// Poll makes one round. It must not be called concurrently. A platform that
// cannot be listed changes nothing: its calls may well go on.
func (p *Poller) Poll(ctx context.Context) error {
	name := p.opt.Backend.Name()
	book, err := p.opt.Book.LiveLegs(ctx, name)
	if err != nil {
		return err
	}
	if len(book) == 0 {
		clear(p.unread)
		return nil
	}
	live, err := p.opt.Backend.Live(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]Leg, len(live))
	for _, l := range live {
		listed[l.CallSID] = l
	}
	p.forget(book)
	var firstErr error
	for _, known := range book {
		if known.CallSID == "" {
			continue // being placed; Dial finds out what becomes of it
		}
		if err := p.compare(ctx, known, listed); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

func (p *Poller) compare(ctx context.Context, known Leg, listed map[string]Leg) error {
	now := p.opt.Clock.Now()
	seen, found := listed[known.CallSID]
	if !found {
		if now.Sub(known.CreatedAt) < p.opt.Grace {
			return nil
		}
		var err error
		seen, err = p.opt.Backend.Inspect(ctx, known.CallSID)
		if err != nil {
			if !p.givenUp(known.CallSID, now) {
				return err
			}
			seen = Leg{State: Ended, Cause: EndLost}
		}
	}
	delete(p.unread, known.CallSID)
	if seen.State <= known.State {
		return nil
	}
	e := Event{
		Backend: p.opt.Backend.Name(), CallSID: known.CallSID, Attempt: known.Attempt,
		State: seen.State, Cause: seen.Cause, At: now, Sequence: -1, Duration: seen.Duration,
	}
	if e.State == Ended && e.Cause == "" {
		e.Cause = EndLost
	}
	return p.opt.Sink.VoiceEvent(ctx, e)
}

func (p *Poller) givenUp(sid string, now time.Time) bool {
	since, ok := p.unread[sid]
	if !ok {
		p.unread[sid] = now
		return false
	}
	return now.Sub(since) >= lostAfter
}

// forget drops what is remembered about legs no longer in the book.
func (p *Poller) forget(book []Leg) {
	if len(p.unread) == 0 {
		return
	}
	open := make(map[string]bool, len(book))
	for _, l := range book {
		open[l.CallSID] = true
	}
	for sid := range p.unread {
		if !open[sid] {
			delete(p.unread, sid)
		}
	}
}
