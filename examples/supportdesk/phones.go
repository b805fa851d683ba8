package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// phones are the telephones of taskrouter dev: a network in memory in which
// nothing happens by itself.
type phones struct{ router *setup.Router }

// call is one side of a conversation.
type call struct {
	SID       string   `json:"call_sid"`
	To        string   `json:"to"`
	State     string   `json:"state"`
	Prompt    string   `json:"prompt"`
	Listening bool     `json:"listening"`
	Bridged   bool     `json:"bridged"`
	Peers     []string `json:"peers"`
}

// dial makes somebody call a number.
func (p phones) dial(ctx context.Context, from, to string) (string, error) {
	var c call
	err := p.router.Post(ctx, "/dev/calls", url.Values{"From": {from}, "To": {to}}, &c)
	if errors.Is(err, setup.ErrNotFound) {
		return "", errors.New("the router has no telephones in memory: run it with taskrouter dev")
	}
	return c.SID, err
}

// calls are all there are.
func (p phones) calls(ctx context.Context) ([]call, error) {
	var list struct{ Calls []call }
	err := p.router.Get(ctx, "/dev/calls", &list)
	return list.Calls, err
}

// call is how a call stands.
func (p phones) call(ctx context.Context, sid string) (c call, err error) {
	err = p.router.Get(ctx, "/dev/calls/"+sid, &c)
	return c, err
}

// press waits until the menu listens, presses a key, and returns what the menu
// had said. It returns when the menu has gone on.
func (p phones) press(ctx context.Context, limit time.Duration, sid, key string) (prompt string, err error) {
	err = setup.Await(ctx, limit, "the menu listens", func() (bool, error) {
		c, err := p.call(ctx, sid)
		prompt = c.Prompt
		return c.Listening, err
	})
	if err != nil {
		return "", err
	}
	if err := p.router.Post(ctx, "/dev/calls/"+sid+"/press", url.Values{"Digits": {key}}, nil); err != nil {
		return "", err
	}
	return prompt, setup.Await(ctx, limit, "the menu goes on", func() (bool, error) {
		c, err := p.call(ctx, sid)
		return c.Prompt != prompt, err
	})
}

// do is what somebody does with a call: answer, hangup, reject, busy.
func (p phones) do(ctx context.Context, sid, what string) error {
	return p.router.Post(ctx, "/dev/calls/"+sid+"/"+what, nil, nil)
}
