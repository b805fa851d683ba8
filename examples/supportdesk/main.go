// Command supportdesk sets up a telephone support desk and plays two customers
// through it: the menu, the agent whose phone rings, the conversation, and the
// after-call work that keeps the agent from the next customer.
//
// The people are played over the telephone network in memory of taskrouter dev.
// With a real telephone platform everything but phones.go stays as it is.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

const about = `Set up a support desk with a phone menu and play two customers through it.`

func main() { os.Exit(setup.Run(run)) }

// options are what the flags say.
type options struct {
	workspace, number string
	wrapUp            int
	talk, patience    time.Duration
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	f := setup.Flags("supportdesk", about, out)
	f.StringVar(&o.workspace, "workspace", "Support desk (example)", "name of the workspace; it is made when there is none")
	f.StringVar(&o.number, "number", "+15550123", "phone number of the desk")
	f.IntVar(&o.wrapUp, "wrap-up", 3, "seconds of after-call work")
	f.DurationVar(&o.talk, "talk", 2*time.Second, "how long customers and agents talk")
	f.DurationVar(&o.patience, "patience", 30*time.Second, "how long to wait for anything before giving up")
	if err := f.Parse(args); err != nil {
		return err
	}
	router, err := setup.Connect()
	if err != nil {
		return err
	}
	d, err := open(ctx, router, o, setup.NewStory(out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return d.play(ctx)
}

// play tells the story of two customers who want the same agent.
func (d *desk) play(ctx context.Context) error {
	d.story.Chapter("Hana calls and wants support in Japanese")
	hana, err := d.caller(ctx, "Hana", "+15557001")
	if err != nil {
		return err
	}
	chiyo, err := d.rings(ctx, "Chiyo")
	if err != nil {
		return err
	}
	if err := d.answer(ctx, hana, "Chiyo", chiyo); err != nil {
		return err
	}

	d.story.Chapter("Kenji wants the same, but only Chiyo can help and she is talking")
	kenji, err := d.caller(ctx, "Kenji", "+15557002")
	if err != nil {
		return err
	}
	if err := setup.Pause(ctx, d.talk); err != nil {
		return err
	}
	if err := d.phones.do(ctx, hana.call, "hangup"); err != nil {
		return err
	}
	d.story.Say("Hana hangs up")
	if err := d.becomes(ctx, hana.task, "wrapping"); err != nil {
		return err
	}
	d.story.Say("Chiyo writes her notes: %d s of after-call work, and Kenji still waits", d.wrapUp)
	if chiyo, err = d.rings(ctx, "Chiyo"); err != nil {
		return err
	}
	if err := d.becomes(ctx, hana.task, "completed"); err != nil {
		return err
	}
	if err := d.answer(ctx, kenji, "Chiyo", chiyo); err != nil {
		return err
	}
	if err := setup.Pause(ctx, d.talk); err != nil {
		return err
	}
	if err := d.phones.do(ctx, chiyo, "hangup"); err != nil {
		return err
	}
	d.story.Say("Chiyo says goodbye")
	if err := d.becomes(ctx, kenji.task, "completed"); err != nil {
		return err
	}
	return d.account(hana)
}

// account prints what the router wrote down about a customer's Task.
func (d *desk) account(c customer) error {
	events, err := d.ListEvent(d.SID, (&api.ListEventParams{}).SetTaskSid(c.task))
	if err != nil {
		return err
	}
	d.story.Chapter("What the router wrote down about " + c.name + "'s task")
	for i := len(events) - 1; i >= 0; i-- { // the newest comes first
		e := events[i]
		began := *events[len(events)-1].EventDateMs
		d.story.Line("%6.1f s  %s", float64(*e.EventDateMs-began)/1000, *e.EventType)
	}
	return nil
}
