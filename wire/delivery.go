package wire

import (
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Delivery is one sending of an Event to the Workspace's callback URL; an
// addition of this server.
type Delivery struct {
	SID          string `json:"sid"`
	AccountSID   string `json:"account_sid"`
	WorkspaceSID string `json:"workspace_sid"`
	EventSID     string `json:"event_sid"`
	// Attempt counts the requests for the Event from 1; 0 was none.
	Attempt int `json:"attempt"`
	// Trigger is "automatic", or "api" for what a client asked for.
	Trigger string `json:"trigger"`
	Status  string `json:"status"`
	// CallbackURL has no user, password, query or fragment.
	CallbackURL *string `json:"callback_url"`
	// ResponseStatus is null without an answer; Error then says why.
	ResponseStatus *int    `json:"response_status"`
	Error          *string `json:"error"`
	DurationMs     *int64  `json:"duration_ms"`
	DateCreated    *string `json:"date_created"`
	DateSent       *string `json:"date_sent"`
	URL            string  `json:"url"`
}

// FromDelivery renders one sending of an Event.
func FromDelivery(a *taskrouter.DeliveryAttempt, l Links) Delivery {
	d := Delivery{
		SID: a.SID, AccountSID: a.AccountSID, WorkspaceSID: a.WorkspaceSID, EventSID: a.EventSID,
		Attempt: a.Number, Trigger: "automatic", Status: string(a.Status), CallbackURL: nullable(a.Target),
		Error: nullable(string(a.Fault)), DateCreated: instant(a.CreatedAt), DateSent: instant(a.SentAt),
		URL: l.Workspace(a.WorkspaceSID, "Events", a.EventSID, "Deliveries", a.SID),
	}
	if a.Manual {
		d.Trigger = "api"
	}
	if a.ResponseStatus != 0 {
		d.ResponseStatus = &a.ResponseStatus
	}
	if !a.SentAt.IsZero() {
		ms := a.Took.Milliseconds()
		d.DurationMs = &ms
	}
	return d
}
