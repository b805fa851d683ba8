package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/voice"
)

const (
	// maxPlacements is the first request and at most two more.
	maxPlacements = 3
	// ledgerPoll is how often the ledger is asked for a callback's CallSID.
	ledgerPoll = 100 * time.Millisecond
	// bookkeeping bounds a ledger write that must happen even though the caller
	// has given up.
	bookkeeping = 5 * time.Second
	// clockSlack allows for whole seconds in the platform's times.
	clockSlack = 2 * time.Second
)

// keyAttempt is the log field of an attempt's id.
const keyAttempt = "attempt"

// Dial places the attempt's leg without ever ringing twice for what is one
// request: an attempt is written down before it is sent, and an unknown outcome
// is looked into before anything is sent again.
func (d *Driver) Dial(ctx context.Context, req voice.DialRequest) (voice.DialResult, error) {
	if req.Attempt == "" || req.To == "" || req.From == "" || req.AnswerURL == "" {
		return voice.DialResult{}, &voice.Error{
			Class: voice.ClassAttemptFatal, Op: opOriginate.name,
			Cause: errors.New("attempt, target, caller and answer URL are required"),
		}
	}
	release, err := d.alone(ctx, req.Attempt)
	if err != nil {
		return voice.DialResult{}, &voice.Error{Class: voice.ClassRetryable, Op: opOriginate.name, Cause: err}
	}
	defer release()
	now := d.opt.Clock.Now()
	a, created, err := d.opt.Ledger.Begin(ctx, voice.Attempt{
		Backend: d.opt.Name, ID: req.Attempt, State: voice.AttemptPlacing, To: req.To, From: req.From,
		Placement: 1, StartedAt: now, SentAt: now,
	})
	switch {
	case err != nil:
		return voice.DialResult{}, &voice.Error{Class: voice.ClassRetryable, Op: opOriginate.name, Cause: err}
	case created:
		return d.place(ctx, req, a)
	case a.State == voice.AttemptPlaced:
		return voice.DialResult{CallSIDs: a.CallSIDs, Outcome: voice.OutcomeRepeated, Placement: a.Placement}, nil
	case a.State == voice.AttemptAbandoned:
		return voice.DialResult{}, &voice.Error{Class: voice.ClassGone, Op: opOriginate.name}
	case a.State == voice.AttemptFailed && a.Failure != voice.ClassRetryable:
		return voice.DialResult{}, &voice.Error{Class: a.Failure, Op: opOriginate.name, Cause: errors.New("failed before")}
	case a.State == voice.AttemptFailed:
		// Nothing was placed, so the same placement is sent again.
		a.State, a.SentAt = voice.AttemptPlacing, now
		if a, err = d.save(ctx, a); err != nil {
			return voice.DialResult{}, err
		}
		return d.place(ctx, req, a)
	default:
		return d.resume(ctx, req, a)
	}
}

// alone waits until no other goroutine places the attempt.
func (d *Driver) alone(ctx context.Context, attempt string) (release func(), err error) {
	for {
		d.mu.Lock()
		busy, ok := d.dialling[attempt]
		if !ok {
			done := make(chan struct{})
			d.dialling[attempt] = done
			d.mu.Unlock()
			return func() {
				d.mu.Lock()
				delete(d.dialling, attempt)
				d.mu.Unlock()
				close(done)
			}, nil
		}
		d.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// place sends a placement that was written down, and further ones while the
// outcome stays unknown and no leg can be found.
func (d *Driver) place(ctx context.Context, req voice.DialRequest, a voice.Attempt) (voice.DialResult, error) {
	sids, err := d.originate(ctx, req, a.Placement)
	switch class := voice.Verdict(err); class {
	case voice.ClassNone:
		return d.placed(ctx, a, sids, voice.OutcomePlaced)
	case voice.ClassUnknownOutcome:
		d.opt.Logger.Warn("call placement has an unknown outcome", zap.String(keyAttempt, req.Attempt), zap.Error(err))
		a.State = voice.AttemptUnknown
		stored, saveErr := d.save(ctx, a)
		if saveErr != nil {
			return voice.DialResult{}, err
		}
		if ctx.Err() != nil {
			return voice.DialResult{}, err
		}
		return d.resume(ctx, req, stored)
	case voice.ClassAttemptFatal:
		if res, found := d.placedAfterAll(ctx, a, err); found {
			return res, nil
		}
		return voice.DialResult{}, d.failed(ctx, a, class, err)
	default:
		return voice.DialResult{}, d.failed(ctx, a, class, err)
	}
}

// placedAfterAll looks whether a refusal with status 500 left a leg behind, as
// it does when the platform failed after it had begun to ring.
func (d *Driver) placedAfterAll(ctx context.Context, a voice.Attempt, err error) (voice.DialResult, bool) {
	var e *voice.Error
	if !errors.As(err, &e) || e.Status < 500 {
		return voice.DialResult{}, false
	}
	sids, err := d.find(ctx, a)
	if err != nil || len(sids) == 0 {
		return voice.DialResult{}, false
	}
	res, err := d.placed(ctx, a, sids, voice.OutcomeAdopted)
	return res, err == nil
}

// resume finds out what became of the last placement and goes on from there.
func (d *Driver) resume(ctx context.Context, req voice.DialRequest, a voice.Attempt) (voice.DialResult, error) {
	sids, err := d.awaitCallback(ctx, a)
	if err == nil && len(sids) == 0 {
		sids, err = d.find(ctx, a)
	}
	if err == nil && len(sids) == 0 {
		// The callback may have come while the list was being read.
		sids, err = d.revealed(ctx, a)
	}
	switch {
	case voice.Verdict(err) == voice.ClassGone:
		return voice.DialResult{}, err
	case err != nil:
		return voice.DialResult{}, &voice.Error{Class: voice.ClassUnknownOutcome, Op: opOriginate.name, Cause: err}
	case len(sids) > 0:
		return d.placed(ctx, a, sids, voice.OutcomeAdopted)
	case a.Placement >= maxPlacements:
		lost := &voice.Error{Class: voice.ClassUnknownOutcome, Op: opOriginate.name, Cause: errors.New("placed too often")}
		return voice.DialResult{}, d.failed(ctx, a, voice.ClassAttemptFatal, lost)
	}
	a.State, a.Placement, a.SentAt = voice.AttemptPlacing, a.Placement+1, d.opt.Clock.Now()
	if a, err = d.save(ctx, a); err != nil {
		return voice.DialResult{}, err
	}
	if a.State == voice.AttemptAbandoned {
		return voice.DialResult{}, &voice.Error{Class: voice.ClassGone, Op: opOriginate.name}
	}
	return d.place(ctx, req, a)
}

// awaitCallback gives a callback that carries the attempt time to name the leg.
func (d *Driver) awaitCallback(ctx context.Context, a voice.Attempt) ([]string, error) {
	until := a.SentAt.Add(d.opt.CallbackWait)
	for {
		sids, err := d.revealed(ctx, a)
		if err != nil || len(sids) > 0 {
			return sids, err
		}
		left := until.Sub(d.opt.Clock.Now())
		if left <= 0 {
			return nil, nil
		}
		if err := voice.Pause(ctx, d.opt.Clock, min(left, ledgerPoll)); err != nil {
			return nil, err
		}
	}
}

// revealed reads the legs callbacks have named so far.
func (d *Driver) revealed(ctx context.Context, a voice.Attempt) ([]string, error) {
	stored, found, err := d.opt.Ledger.Attempt(ctx, d.opt.Name, a.ID)
	switch {
	case err != nil || !found:
		return nil, err
	case stored.State == voice.AttemptAbandoned:
		return nil, &voice.Error{Class: voice.ClassGone, Op: opOriginate.name}
	}
	return stored.CallSIDs, nil
}

// find looks for the attempt's legs in the list of calls.
func (d *Driver) find(ctx context.Context, a voice.Attempt) ([]string, error) {
	to, _, _ := strings.Cut(a.To, "?")
	var sids []string
	var failed error
	consider := func(l voice.Leg, skew time.Duration) {
		if failed != nil || !d.matches(l, a, skew) {
			return
		}
		owner, err := d.opt.Ledger.Owner(ctx, d.opt.Name, l.CallSID)
		if err != nil {
			failed = err
		} else if owner == "" || owner == a.ID {
			sids = append(sids, l.CallSID)
		}
	}
	filter := url.Values{"To": {to}, "From": {a.From}}
	err := d.list(ctx, opList, d.dialect.collection("Calls"), filter, func(p page, r reply) bool {
		skew := clockSkew(r)
		recent := false
		for _, c := range p.Calls {
			l := c.leg()
			consider(l, skew)
			recent = recent || l.CreatedAt.IsZero() || l.CreatedAt.After(a.StartedAt.Add(skew-time.Hour))
		}
		// Twilio lists the newest first; a page without a recent call ends the search.
		return recent || !d.dialect.nextPageURI
	})
	if err == nil && failed == nil && len(sids) == 0 && d.dialect.looseTargets {
		var live []voice.Leg
		live, err = d.Live(ctx)
		for _, l := range live {
			consider(l, 0)
		}
	}
	return sids, errors.Join(err, failed)
}

// matches tells whether a call in the list can be the attempt's leg.
func (d *Driver) matches(l voice.Leg, a voice.Attempt, skew time.Duration) bool {
	if l.CallSID == "" || (l.Direction != voice.OutboundAPI && l.Direction != "") {
		return false
	}
	same := func(got, want string) bool { return got == want }
	if d.dialect.looseTargets {
		same = func(got, want string) bool { return userPart(got) == userPart(want) }
	}
	to, _, _ := strings.Cut(a.To, "?")
	gotTo, _, _ := strings.Cut(l.To, "?")
	if !same(gotTo, to) || !same(l.From, a.From) {
		return false
	}
	if l.CreatedAt.IsZero() {
		return l.State != voice.Ended
	}
	return !l.CreatedAt.Before(a.StartedAt.Add(skew - clockSlack))
}

// userPart is what remains of a target on a platform that keeps only the user.
func userPart(s string) string {
	s, _, _ = strings.Cut(s, "?")
	for _, prefix := range []string{"client:", "sip:", "sips:"} {
		s = strings.TrimPrefix(s, prefix)
	}
	s, _, _ = strings.Cut(s, "@")
	return strings.TrimPrefix(s, "+")
}

// clockSkew is how far the platform's clock is ahead of ours.
func clockSkew(r reply) time.Duration {
	t, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		return 0
	}
	skew := t.Sub(r.at)
	if skew > -clockSlack && skew < clockSlack {
		return 0
	}
	return skew
}

// placed writes the legs down. An attempt that was given up meanwhile is undone.
func (d *Driver) placed(ctx context.Context, a voice.Attempt, sids []string, o voice.Outcome) (voice.DialResult, error) {
	a.State, a.CallSIDs, a.Failure = voice.AttemptPlaced, sids, voice.ClassNone
	stored, err := d.save(ctx, a)
	if err != nil {
		// The phone rings. A repeat will find it by callback or in the list.
		return voice.DialResult{}, err
	}
	if stored.State == voice.AttemptAbandoned {
		gone := &voice.Error{Class: voice.ClassGone, Op: opOriginate.name}
		if err := d.hangupAll(ctx, stored.CallSIDs); err != nil {
			gone.Cause = err
		}
		return voice.DialResult{}, gone
	}
	return voice.DialResult{CallSIDs: stored.CallSIDs, Outcome: o, Placement: stored.Placement}, nil
}

// failed writes the end of an attempt down and returns its error.
func (d *Driver) failed(ctx context.Context, a voice.Attempt, class voice.Class, err error) error {
	a.State, a.Failure = voice.AttemptFailed, class
	if _, saveErr := d.save(ctx, a); saveErr != nil {
		d.opt.Logger.Warn("attempt not recorded as failed", zap.String(keyAttempt, a.ID), zap.Error(saveErr))
	}
	return err
}

// save writes an attempt even when the caller has given up waiting, because what
// happened must not be forgotten.
func (d *Driver) save(ctx context.Context, a voice.Attempt) (voice.Attempt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookkeeping)
	defer cancel()
	stored, err := d.opt.Ledger.Save(ctx, a)
	if err != nil {
		return a, &voice.Error{Class: voice.ClassUnknownOutcome, Op: opOriginate.name, Cause: err}
	}
	return stored, nil
}

// originate sends one placement.
func (d *Driver) originate(ctx context.Context, req voice.DialRequest, placement int) ([]string, error) {
	r, err := d.do(ctx, opOriginate, http.MethodPost, d.dialect.collection("Calls"), d.originateForm(req, placement))
	if err != nil {
		return nil, err
	}
	calls, err := decodeCalls(r.body)
	if err != nil {
		// The platform took it, and did not say under which id.
		return nil, &voice.Error{Class: voice.ClassUnknownOutcome, Op: opOriginate.name, Status: r.status, Cause: errNoCall}
	}
	sids := make([]string, len(calls))
	for i, c := range calls {
		sids[i] = string(c.SID)
	}
	return sids, nil
}

func (d *Driver) originateForm(req voice.DialRequest, placement int) url.Values {
	mark := func(u string) string {
		return strings.ReplaceAll(u, voice.PlacementMark, strconv.Itoa(placement))
	}
	form := url.Values{"To": {req.To}, "From": {req.From}, "Url": {mark(req.AnswerURL)}, "Method": {http.MethodPost}}
	if req.StatusURL != "" {
		form.Set("StatusCallback", mark(req.StatusURL))
		form.Set("StatusCallbackMethod", http.MethodPost)
		form["StatusCallbackEvent"] = d.dialect.flavour.FormStatusEvents(voice.StatusEvents()...)
	}
	if req.FallbackURL != "" {
		form.Set("FallbackUrl", mark(req.FallbackURL))
		form.Set("FallbackMethod", http.MethodPost)
	}
	if req.Timeout > 0 {
		form.Set("Timeout", wholeSeconds(req.Timeout))
	}
	if req.SIPUser != "" {
		form.Set(d.dialect.sipUser, req.SIPUser)
		form.Set(d.dialect.sipPassword, req.SIPPassword)
	}
	if d.dialect.extended {
		if req.Record {
			form.Set("Record", "true")
			setUnlessEmpty(form, "RecordingChannels", req.Recording.Channels)
			setUnlessEmpty(form, "RecordingStatusCallback", req.Recording.StatusURL)
			if req.Recording.StatusURL != "" {
				setUnlessEmpty(form, "RecordingStatusCallbackMethod", req.Recording.StatusMethod)
			}
		}
		if req.TimeLimit > 0 {
			form.Set("TimeLimit", wholeSeconds(req.TimeLimit))
		}
		if req.CallToken != "" {
			form.Set("CallToken", req.CallToken)
		}
	}
	return form
}

func setUnlessEmpty(form url.Values, name, value string) {
	if value != "" {
		form.Set(name, value)
	}
}

// wholeSeconds rounds up, so that a short time never becomes none.
func wholeSeconds(t time.Duration) string {
	return strconv.FormatInt(int64((t+time.Second-1)/time.Second), 10)
}
