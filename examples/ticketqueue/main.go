// Command ticketqueue routes support tickets: by priority, to agents who may
// refuse, with rules that make a ticket more urgent the longer it waits, and
// past those who are not there. At the end it asks the router how well the
// promise to customers was kept.
//
// The agents are a program too: it answers the router's assignment callbacks.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"time"

	"github.com/taskrouter/taskrouter/examples/setup"
)

const about = `Route support tickets by priority, with refusals, escalation and statistics.`

func main() { os.Exit(setup.Run(run)) }

// options are what the flags say.
type options struct {
	workspace         string
	listen, callback  string
	promise           int
	work, giveUpAfter time.Duration
}

func (o *options) register(f *flag.FlagSet) {
	f.StringVar(&o.workspace, "workspace", "Ticket queue (example)", "name of the workspace; it is made when there is none")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "where the agents' program listens for assignment callbacks")
	f.StringVar(&o.callback, "callback-url", "", "URL under which the router reaches it, without the path; empty is where it listens")
	f.IntVar(&o.promise, "promise", 3, "seconds in which a ticket is to be taken; then it escalates")
	f.DurationVar(&o.work, "work", 400*time.Millisecond, "how long an agent works on a ticket")
	f.DurationVar(&o.giveUpAfter, "patience", 30*time.Second, "how long to wait for anything before giving up")
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	f := setup.Flags("ticketqueue", about, out)
	o.register(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	router, err := setup.Connect()
	if err != nil {
		return err
	}
	// Statistics are asked for by the second. Beginning with a fresh one keeps
	// those of an earlier run out.
	if err := setup.Pause(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second))); err != nil {
		return err
	}
	d, err := open(router, o, setup.NewStory(out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	for _, chapter := range []func(context.Context) error{d.byPriority, d.refused, d.escalated, d.skipped, d.late} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return d.statistics()
}

// byPriority: tickets that wait are taken in the order of their priority.
func (d *desk) byPriority(ctx context.Context) error {
	d.story.Chapter("Nobody is at work yet, and tickets come in")
	var tickets []string
	for _, t := range []ticket{
		{Subject: "Printer is slow", Topic: "printer", priority: 1},
		{Subject: "Invoice is wrong", Topic: "invoice", priority: 5},
		{Subject: "Cannot log in", Topic: "login", priority: 10},
	} {
		sid, err := d.create(t)
		if err != nil {
			return err
		}
		tickets = append(tickets, sid)
	}
	d.story.Say("Ana comes to work")
	if err := d.Becomes(d.sids["Ana"], setup.Available); err != nil {
		return err
	}
	return d.finished(ctx, tickets...)
}

// refused: an agent declines, and the ticket goes to another one.
func (d *desk) refused(ctx context.Context) error {
	d.story.Chapter("Ben comes to work; he does no refunds")
	if err := d.Becomes(d.sids["Ben"], setup.Available); err != nil {
		return err
	}
	sid, err := d.create(ticket{Subject: "I want my money back", Topic: "refund", priority: 5})
	if err != nil {
		return err
	}
	return d.finished(ctx, sid)
}

// escalated: what waits too long becomes more urgent, then it goes to managers.
func (d *desk) escalated(ctx context.Context) error {
	d.story.Chapter("Ana goes to lunch, and a customer with a contract has a problem")
	if err := d.Becomes(d.sids["Ana"], setup.Unavailable); err != nil {
		return err
	}
	d.leftover = ticket{Subject: "How do I change my photo?", Topic: "profile", priority: 20}
	sid, err := d.create(d.leftover)
	if err != nil {
		return err
	}
	d.leftoverSID = sid
	if sid, err = d.create(ticket{Subject: "Exports are empty", Topic: "export", Contract: "gold"}); err != nil {
		return err
	}
	if err := d.printQueue(firstLine); err != nil {
		return err
	}
	if err := d.rises(ctx, sid); err != nil {
		return err
	}
	if err := d.printQueue(firstLine); err != nil {
		return err
	}
	if err := d.finished(ctx, sid); err != nil {
		return err
	}
	return d.printWay(sid)
}

// skipped: a queue with nobody in it is not waited in.
func (d *desk) skipped(ctx context.Context) error {
	d.story.Chapter("The database is down, and the only expert is not there")
	sid, err := d.create(ticket{Subject: "Nothing works", Topic: "database", Severity: "critical"})
	if err != nil {
		return err
	}
	if err := d.finished(ctx, sid); err != nil {
		return err
	}
	return d.printWay(sid)
}

// late: what nobody could take is taken when somebody is there again.
func (d *desk) late(ctx context.Context) error {
	d.story.Chapter("Ana is back from lunch")
	if err := d.Becomes(d.sids["Ana"], setup.Available); err != nil {
		return err
	}
	return d.finished(ctx, d.leftoverSID)
}
