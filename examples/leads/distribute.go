package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// given says who got a lead, and by which rule.
type given struct{ lead, filter, order, rep string }

// distribute brings a lead in, waits until it is offered, and plays the
// representative who takes it.
func (s *sales) distribute(ctx context.Context, l lead) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	task, err := s.CreateTask(s.SID, (&api.CreateTaskParams{}).SetWorkflowSid(s.workflow).SetTaskChannel(channel).SetAttributes(string(text)))
	if err != nil {
		return fmt.Errorf("bring in a lead: %w", err)
	}
	s.story.Say("%s: %s in the %s, score %d, budget %d → queue %s", l.Name, l.Product, l.Region, l.Score, l.Budget, *task.TaskQueueFriendlyName)
	offers, err := s.offered(ctx, *task.Sid)
	if err != nil {
		return err
	}
	// Who wins most answers first.
	taken := slices.MaxFunc(offers, func(a, b api.TaskrouterV1TaskReservation) int {
		return cmp.Compare(s.reps[*a.WorkerName].WinRate, s.reps[*b.WorkerName].WinRate)
	})
	if len(offers) > 1 {
		s.story.Say("offered to %s; %s is quickest", names(offers), *taken.WorkerName)
	}
	if err := s.take(ctx, taken); err != nil {
		return err
	}
	why, err := s.explain(ctx, taken)
	if err != nil {
		return err
	}
	s.given = append(s.given, given{l.Name, why.filter, why.order, *taken.WorkerName})
	s.story.Say("%s has it", *taken.WorkerName)
	for _, other := range why.passedOver {
		s.story.Line("            not %s", other)
	}
	if len(offers) > 1 {
		if err := s.rescinded(ctx, *task.Sid, len(offers)); err != nil {
			return err
		}
	}
	return s.counted(*taken.WorkerName)
}

// offered waits for the offers of a lead: as many as its queue makes at once.
func (s *sales) offered(ctx context.Context, task string) (offers []api.TaskrouterV1TaskReservation, err error) {
	err = setup.Await(ctx, s.giveUpAfter, "the lead is offered", func() (bool, error) {
		list, err := s.ListTaskReservation(s.SID, task, (&api.ListTaskReservationParams{}).SetReservationStatus("pending"))
		offers = list
		// All offers of a lead are made in one transaction.
		return len(list) > 0, err
	})
	return offers, err
}

// take accepts an offer. Having the lead is all there is to do, so that the
// representative is free for the next one.
func (s *sales) take(ctx context.Context, offer api.TaskrouterV1TaskReservation) error {
	_, err := s.UpdateTaskReservation(s.SID, *offer.TaskSid, *offer.Sid, (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted"))
	if err != nil {
		return fmt.Errorf("%s takes a lead: %w", *offer.WorkerName, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err = s.UpdateTask(s.SID, *offer.TaskSid, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("handed over"))
	return err
}

// rescinded prints whose offers the router took back.
func (s *sales) rescinded(ctx context.Context, task string, offers int) error {
	return setup.Await(ctx, s.giveUpAfter, "the other offers are taken back", func() (bool, error) {
		list, err := s.ListTaskReservation(s.SID, task, (&api.ListTaskReservationParams{}).SetReservationStatus("rescinded"))
		if err != nil || len(list) < offers-1 {
			return false, err
		}
		s.story.Say("taken back from %s", names(list))
		return true, nil
	})
}

func names(offers []api.TaskrouterV1TaskReservation) string {
	var out []string
	for _, o := range offers {
		out = append(out, *o.WorkerName)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
