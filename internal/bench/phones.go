package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// errNoPhones is a router that does not offer its telephone network.
var errNoPhones = errors.New("the router has no telephones in memory, which calls need: " +
	"run taskrouter dev, listening on a loopback address, without --voice-platform")

// errHungUp is a call that ended when it should have gone on.
var errHungUp = errors.New("the call ended")

// phones are the generator's ears and fingers on the router's telephone network.
// The network tells what happens, line by line, on one connection; nothing is
// ever asked for.
type phones struct {
	client *client
	// mine tells the generator's calls from others'.
	mine func(call) bool
	// rings is told of each ringing phone, once.
	rings func(leg call, at time.Time)
	stop  context.CancelFunc
	over  chan struct{} // closed when the connection is

	mu    sync.Mutex
	lines map[string]*line
}

// call is what the network tells of one call.
type call struct {
	SID       string   `json:"call_sid"`
	Direction string   `json:"direction"`
	To        string   `json:"to"`
	State     string   `json:"state"`
	Listening bool     `json:"listening"`
	Bridged   bool     `json:"bridged"`
	Peers     []string `json:"peers"`
}

// States and directions of calls.
const (
	callRinging = "ringing"
	callEnded   = "ended"
	callInbound = "inbound"
)

// line is a call and when it was last heard of.
type line struct {
	last    call
	at      time.Time
	rung    bool
	changed chan struct{}
}

// listen connects to the network. It ends with close.
func listen(ctx context.Context, c *client, mine func(call) bool, rings func(call, time.Time)) (*phones, error) {
	ctx, stop := context.WithCancel(ctx)
	p := &phones{client: c, mine: mine, rings: rings, stop: stop, over: make(chan struct{}), lines: map[string]*line{}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.root+"/dev/calls/changes", http.NoBody)
	if err != nil {
		stop()
		return nil, err
	}
	stream := &http.Client{Transport: c.http.Transport} // the answer has no end
	resp, err := stream.Do(req)                         //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		stop()
		return nil, fmt.Errorf("listen to the telephones: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		stop()
		resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnauthorized {
			return nil, errNoPhones
		}
		return nil, fmt.Errorf("listen to the telephones: status %d", resp.StatusCode)
	}
	go func() {
		defer close(p.over)
		defer resp.Body.Close()
		for changes := json.NewDecoder(resp.Body); ; {
			var c call
			if changes.Decode(&c) != nil {
				return
			}
			p.take(c, time.Now())
		}
	}()
	return p, nil
}

func (p *phones) close() {
	p.stop()
	<-p.over
}

// take notes what has become of a call.
func (p *phones) take(c call, at time.Time) {
	if !p.mine(c) {
		return
	}
	p.mu.Lock()
	l := p.lineOf(c.SID)
	l.last, l.at = c, at
	close(l.changed)
	l.changed = make(chan struct{})
	rings := !l.rung && c.Direction != callInbound && c.State == callRinging
	l.rung = l.rung || rings
	p.mu.Unlock()
	if rings {
		p.rings(c, at)
	}
}

// lineOf finds or makes a line; the caller holds the lock.
func (p *phones) lineOf(sid string) *line {
	l := p.lines[sid]
	if l == nil {
		l = &line{changed: make(chan struct{})}
		p.lines[sid] = l
	}
	return l
}

// forget drops a call of which nothing more is expected.
func (p *phones) forget(sid string) {
	p.mu.Lock()
	delete(p.lines, sid)
	p.mu.Unlock()
}

// await returns when a call is as wanted, and since when. It fails when the call
// ends otherwise, and when nothing is heard of it in time.
func (p *phones) await(ctx context.Context, sid, what string, holds func(call) bool) (call, time.Time, error) {
	for {
		p.mu.Lock()
		l := p.lineOf(sid)
		c, at, changed := l.last, l.at, l.changed
		p.mu.Unlock()
		switch {
		case c.SID != "" && holds(c):
			return c, at, nil
		case c.State == callEnded:
			return c, at, fmt.Errorf("waiting until %s: %w", what, errHungUp)
		}
		select {
		case <-changed:
		case <-p.over:
			return c, at, fmt.Errorf("waiting until %s: the connection to the telephones broke", what)
		case <-ctx.Done():
			return c, at, fmt.Errorf("waiting until %s: %w", what, errLost)
		}
	}
}

// dial makes a caller call a number.
func (p *phones) dial(ctx context.Context, from, to string) (string, error) {
	var c call
	body, err := p.client.do(ctx, http.MethodPost, p.client.root+"/dev/calls", formOf([]string{"From", from, "To", to}))
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil {
		return "", fmt.Errorf("place a call: %w", err)
	}
	return c.SID, nil
}

// do is what a party does: press, answer, hangup.
func (p *phones) do(ctx context.Context, sid, what string, pairs ...string) error {
	if _, err := p.client.do(ctx, http.MethodPost, p.client.root+"/dev/calls/"+sid+"/"+what, formOf(pairs)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// manual makes phones wait for the generator, whatever others do by themselves.
func (p *phones) manual(ctx context.Context, pattern string) error {
	_, err := p.client.do(ctx, http.MethodPost, p.client.root+"/dev/phones", formOf([]string{"Pattern", pattern, "Do", "manual"}))
	return err
}

// mineOnly admits calls to phones with the prefix, and to the numbers.
func mineOnly(prefix string, numbers []string) func(call) bool {
	return func(c call) bool { return strings.HasPrefix(c.To, prefix) || slices.Contains(numbers, c.To) }
}
