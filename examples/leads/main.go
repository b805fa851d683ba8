// Command leads distributes sales leads with rules in CEL: hot leads are
// offered to several representatives at once, customers come back to the
// representative they know, others are shared fairly, and whoever is idle
// longest gets what nobody needs skills for.
//
// It prints who got which lead, and why.
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

const about = `Distribute sales leads among representatives with rules written in CEL.`

func main() { os.Exit(setup.Run(run)) }

// options are what the flags say.
type options struct {
	workspace   string
	giveUpAfter time.Duration
}

func (o *options) register(f *flag.FlagSet) {
	f.StringVar(&o.workspace, "workspace", "Leads (example)", "name of the workspace; it is made when there is none")
	f.DurationVar(&o.giveUpAfter, "patience", 30*time.Second, "how long to wait for anything before giving up")
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	f := setup.Flags("leads", about, out)
	o.register(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	router, err := setup.Connect()
	if err != nil {
		return err
	}
	s, err := open(router, o, setup.NewStory(out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Clear()) }()
	for _, chapter := range chapters {
		s.story.Chapter(chapter.title)
		if chapter.away != "" {
			if err := s.Becomes(s.reps[chapter.away].sid, setup.Offline); err != nil {
				return err
			}
		}
		for _, l := range chapter.leads {
			if err := s.distribute(ctx, l); err != nil {
				return err
			}
		}
	}
	return s.table()
}

// chapters are the leads that come in, in their order.
var chapters = []struct {
	title string
	// away is who goes home before.
	away  string
	leads []lead
}{
	{title: "A hot lead is offered to all who close deals, the first to answer has it", leads: []lead{
		{Name: "Adler", Product: "heatpump", Region: "south", Score: 95, Budget: 60_000},
	}},
	{title: "Solar leads in the north are shared fairly", leads: []lead{
		{Name: "Berg", Product: "solar", Region: "north", Score: 40, Budget: 12_000},
		{Name: "Conte", Product: "solar", Region: "north", Score: 35, Budget: 15_000},
		{Name: "Dubois", Product: "solar", Region: "north", Score: 50, Budget: 18_000},
		{Name: "Evans", Product: "solar", Region: "north", Score: 45, Budget: 45_000},
	}},
	{title: "A customer comes back to the representative they know", leads: []lead{
		{Name: "Fischer", Product: "solar", Region: "north", Score: 30, Budget: 9_000, Rep: "Tia"},
	}},
	{title: "Whoever is idle longest gets what needs no skill", leads: []lead{
		{Name: "Gruber", Product: "brochure", Region: "west", Score: 5},
		{Name: "Haas", Product: "brochure", Region: "west", Score: 5},
		{Name: "Ito", Product: "brochure", Region: "west", Score: 5},
		{Name: "Jansen", Product: "brochure", Region: "west", Score: 5},
	}},
	{title: "Tia has gone home, and her customer comes back", away: "Tia", leads: []lead{
		{Name: "Keller", Product: "solar", Region: "south", Score: 30, Budget: 9_000, Rep: "Tia"},
	}},
}
