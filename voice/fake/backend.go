package fake

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/taskrouter/taskrouter/voice"
)

// Backend offers a Network through the verbs of voice.Backend. The control
// surface is that of the embedded Network.
type Backend struct {
	*Network

	mu       sync.Mutex
	attempts map[string][]string // attempt → CallSIDs; nil when abandoned
}

var (
	_ voice.Backend          = (*Backend)(nil)
	_ voice.NumberConfigurer = (*Backend)(nil)
)

// New makes a network and its back-end. Close it.
func New(o Options) *Backend {
	return &Backend{Network: NewNetwork(o), attempts: map[string][]string{}}
}

// Name is the configured name.
func (b *Backend) Name() string { return b.opt.Name }

// Flavour is always FlavourFake.
func (b *Backend) Flavour() voice.Flavour { return voice.FlavourFake }

// Dial places the attempt's legs once. Nothing can be lost on the way, so there
// is only ever one placement.
func (b *Backend) Dial(ctx context.Context, req voice.DialRequest) (voice.DialResult, error) {
	if err := ctx.Err(); err != nil {
		return voice.DialResult{}, &voice.Error{Class: voice.ClassRetryable, Op: "originate", Cause: err}
	}
	if req.Attempt == "" || req.To == "" || req.AnswerURL == "" {
		return voice.DialResult{}, &voice.Error{
			Class: voice.ClassAttemptFatal, Op: "originate",
			Cause: errors.New("attempt, target and answer URL are required"),
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if sids, ok := b.attempts[req.Attempt]; ok {
		if sids == nil {
			return voice.DialResult{}, abandoned()
		}
		return voice.DialResult{CallSIDs: sids, Outcome: voice.OutcomeRepeated, Placement: 1}, nil
	}
	a, err := b.begin(ctx, req)
	switch {
	case err != nil:
		return voice.DialResult{}, err
	case a.State == voice.AttemptPlaced:
		b.attempts[req.Attempt] = a.CallSIDs
		return voice.DialResult{CallSIDs: a.CallSIDs, Outcome: voice.OutcomeRepeated, Placement: 1}, nil
	}
	mark := func(u string) string { return strings.ReplaceAll(u, voice.PlacementMark, strconv.Itoa(1)) }
	a.CallSIDs = b.Originate(Outgoing{
		From: req.From, To: req.To, URL: mark(req.AnswerURL), FallbackURL: mark(req.FallbackURL),
		StatusURL: mark(req.StatusURL), StatusEvents: voice.StatusEvents(), Timeout: req.Timeout,
		Record: req.Record, Recording: req.Recording,
	})
	if len(a.CallSIDs) == 0 {
		return voice.DialResult{}, &voice.Error{
			Class: voice.ClassRetryable, Op: "originate",
			Cause: errors.New("the network is closed"),
		}
	}
	b.attempts[req.Attempt] = a.CallSIDs
	if err := b.placed(ctx, a); err != nil {
		return voice.DialResult{}, err
	}
	return voice.DialResult{CallSIDs: a.CallSIDs, Outcome: voice.OutcomePlaced, Placement: 1}, nil
}

func abandoned() error { return &voice.Error{Class: voice.ClassGone, Op: "originate"} }

// begin writes a new attempt into the ledger, if there is one. An attempt that
// was begun by an earlier process is placed anew: its network is gone.
func (b *Backend) begin(ctx context.Context, req voice.DialRequest) (voice.Attempt, error) {
	now := b.opt.Clock.Now()
	a := voice.Attempt{
		Backend: b.opt.Name, ID: req.Attempt, State: voice.AttemptPlacing, To: req.To, From: req.From,
		Placement: 1, StartedAt: now, SentAt: now,
	}
	if b.opt.Ledger == nil {
		return a, nil
	}
	stored, created, err := b.opt.Ledger.Begin(ctx, a)
	switch {
	case err != nil:
		return a, &voice.Error{Class: voice.ClassRetryable, Op: "originate", Cause: err}
	case !created && stored.State == voice.AttemptAbandoned:
		return a, abandoned()
	case !created && stored.State == voice.AttemptPlaced:
		return stored, nil
	}
	return a, nil
}

// placed writes the legs into the ledger. An attempt that was given up meanwhile
// is undone.
func (b *Backend) placed(ctx context.Context, a voice.Attempt) error {
	if b.opt.Ledger == nil {
		return nil
	}
	a.State = voice.AttemptPlaced
	stored, err := b.opt.Ledger.Save(context.WithoutCancel(ctx), a)
	if err != nil {
		return &voice.Error{Class: voice.ClassUnknownOutcome, Op: "originate", Cause: err}
	}
	if stored.State == voice.AttemptAbandoned {
		for _, sid := range a.CallSIDs {
			_ = b.Complete(sid)
		}
		return abandoned()
	}
	return nil
}

// Hangup ends a leg, or every leg of an attempt.
func (b *Backend) Hangup(ctx context.Context, call voice.CallRef, _ voice.HangupCause) error {
	if call.CallSID == "" && call.Attempt == "" {
		return nil // nothing is named, so nothing is live
	}
	sids := []string{call.CallSID}
	if call.CallSID == "" {
		var err error
		if sids, err = b.abandon(ctx, call.Attempt); err != nil {
			return err
		}
	}
	for _, sid := range sids {
		_ = b.Complete(sid) // over or unknown is what we want
	}
	return nil
}

// abandon makes sure that an attempt is not placed any more, and returns its legs.
func (b *Backend) abandon(ctx context.Context, attempt string) ([]string, error) {
	b.mu.Lock()
	sids := b.attempts[attempt]
	b.attempts[attempt] = nil
	b.mu.Unlock()
	if b.opt.Ledger == nil {
		return sids, nil
	}
	a := voice.Attempt{
		Backend: b.opt.Name, ID: attempt, State: voice.AttemptAbandoned, StartedAt: b.opt.Clock.Now(),
	}
	stored, created, err := b.opt.Ledger.Begin(ctx, a)
	if err == nil && !created {
		stored.State = voice.AttemptAbandoned
		stored, err = b.opt.Ledger.Save(ctx, stored)
	}
	if err != nil {
		return nil, &voice.Error{Class: voice.ClassRetryable, Op: "abandon", Cause: err}
	}
	return append(sids, stored.CallSIDs...), nil
}

// Redirect makes a live leg run the document at url.
func (b *Backend) Redirect(_ context.Context, call voice.CallRef, url string) error {
	return gone("redirect", b.Move(call.CallSID, url, ""))
}

// Inspect reads one leg.
func (b *Backend) Inspect(_ context.Context, callSID string) (voice.Leg, error) {
	l, ok := b.Leg(callSID)
	if !ok {
		return voice.Leg{CallSID: callSID, State: voice.Ended, Cause: voice.EndLost}, nil
	}
	return l, nil
}

// Live lists the legs that are not over.
func (b *Backend) Live(context.Context) ([]voice.Leg, error) {
	var live []voice.Leg
	for _, l := range b.Legs() {
		if l.State != voice.Ended {
			live = append(live, l)
		}
	}
	return live, nil
}

// Participants lists the legs in a room.
func (b *Backend) Participants(_ context.Context, room string) ([]string, error) {
	var sids []string
	for _, r := range b.Rooms(room) {
		for _, p := range r.Participants {
			sids = append(sids, p.CallSID)
		}
	}
	return sids, nil
}

// Mute silences a leg in a room, or lets it be heard again.
func (b *Backend) Mute(_ context.Context, call voice.CallRef, room string, muted bool) error {
	return gone("mute", b.SetMuted(room, call.CallSID, muted))
}

// Hold takes a leg out of a room's conversation, or back in.
func (b *Backend) Hold(_ context.Context, call voice.CallRef, room string, held bool) error {
	return gone("hold", b.SetHeld(room, call.CallSID, held))
}

// ConfigureNumber sets the URLs of a number, adding it when the account has none
// like it.
func (b *Backend) ConfigureNumber(_ context.Context, num voice.Number) (voice.Number, error) {
	for _, known := range b.Numbers() {
		if num.SID == "" && known.PhoneNumber == num.PhoneNumber {
			num.SID = known.SID
		}
		if num.PhoneNumber == "" && known.SID == num.SID {
			num.PhoneNumber = known.PhoneNumber
		}
	}
	num.SID = b.AddNumber(num)
	return num, nil
}

// gone classifies what the network refused.
func gone(op string, err error) error {
	if err == nil {
		return nil
	}
	return &voice.Error{Class: voice.ClassGone, Op: op, Cause: err}
}
