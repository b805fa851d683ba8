package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// reason is why a representative was offered a lead.
type reason struct {
	filter, order string
	// passedOver are the others, each with what kept them from it.
	passedOver []string
}

// explain asks the router why an offer was made. Explanations are an addition to
// the TaskRouter API, so that the library does not know them.
func (s *sales) explain(ctx context.Context, offer api.TaskrouterV1TaskReservation) (reason, error) {
	var x struct {
		Route struct {
			Filter string `json:"filter_friendly_name"`
		} `json:"route"`
		Reservations []struct {
			SID      string `json:"sid"`
			Decision struct {
				Order      string `json:"order"`
				Considered []struct {
					SID        string `json:"sid"`
					PassedOver string `json:"passed_over"`
				} `json:"considered"`
			} `json:"decision"`
		} `json:"reservations"`
	}
	if err := s.Get(ctx, s.Path("Tasks/"+*offer.TaskSid+"/Explain"), &x); err != nil {
		return reason{}, fmt.Errorf("ask why: %w", err)
	}
	out := reason{filter: cmp.Or(x.Route.Filter, "default")}
	for _, r := range x.Reservations {
		if r.SID != *offer.Sid {
			continue
		}
		out.order = r.Decision.Order
		for _, c := range r.Decision.Considered {
			if c.PassedOver != "" {
				out.passedOver = append(out.passedOver, s.nameOf(c.SID)+": "+c.PassedOver)
			}
		}
	}
	slices.Sort(out.passedOver)
	return out, nil
}

// nameOf is the name of a representative.
func (s *sales) nameOf(sid string) string {
	for name, r := range s.reps {
		if r.sid == sid {
			return name
		}
	}
	return sid
}
