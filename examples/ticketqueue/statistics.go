package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// statistics asks the router how the promise was kept, since the beginning of
// the story.
func (d *desk) statistics() error {
	promise := strconv.Itoa(d.promise)
	s, err := d.FetchWorkflowCumulativeStatistics(d.SID, d.workflow, (&api.FetchWorkflowCumulativeStatisticsParams{}).
		SetStartDate(d.story.Began().UTC().Truncate(time.Second)).SetSplitByWaitTime(promise))
	if err != nil {
		return fmt.Errorf("read the statistics: %w", err)
	}
	var split map[string]struct {
		Above, Below struct {
			Accepted int `json:"reservations_accepted"`
		}
	}
	var wait struct{ Avg, Max int }
	if err := convert(s.SplitByWaitTime, &split); err != nil {
		return err
	}
	if err := convert(s.WaitDurationUntilAccepted, &wait); err != nil {
		return err
	}
	d.story.Chapter("How well was the promise kept?")
	d.story.Line("  tickets                  %d", s.TasksEntered)
	d.story.Line("  done                     %d", s.TasksCompleted)
	d.story.Line("  offers                   %d, of which %d refused", s.ReservationsCreated, s.ReservationsRejected)
	d.story.Line("  taken within %s s         %d", promise, split[promise].Below.Accepted)
	d.story.Line("  taken later              %d", split[promise].Above.Accepted)
	d.story.Line("  wait until taken         %d s on average, %d s at most", wait.Avg, wait.Max)
	d.story.Line("  moved to another queue   %d", s.TasksMoved)
	return nil
}

// convert makes something typed of what the library leaves untyped.
func convert(from *any, into any) error {
	if from == nil {
		return nil
	}
	text, err := json.Marshal(*from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
