package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// ReservationView is the tree of URLs a Reservation is looked at through.
type ReservationView int

// The two views of a Reservation.
const (
	TaskView ReservationView = iota
	WorkerView
)

// Reservation is the JSON of a Reservation.
type Reservation struct {
	SID               string             `json:"sid"`
	AccountSID        string             `json:"account_sid"`
	WorkspaceSID      string             `json:"workspace_sid"`
	TaskSID           string             `json:"task_sid"`
	WorkerSID         string             `json:"worker_sid"`
	WorkerName        string             `json:"worker_name"`
	ReservationStatus string             `json:"reservation_status"`
	DateCreated       *string            `json:"date_created"`
	DateUpdated       *string            `json:"date_updated"`
	URL               string             `json:"url"`
	Links             map[string]*string `json:"links"`
}

// FromReservation renders a Reservation; its URL is in the tree it was asked
// for through.
func FromReservation(r *taskrouter.Reservation, view ReservationView, l Links) Reservation {
	self := l.Workspace(r.WorkspaceSID, "Tasks", r.TaskSID, "Reservations", r.SID)
	if view == WorkerView {
		self = l.Workspace(r.WorkspaceSID, "Workers", r.WorkerSID, "Reservations", r.SID)
	}
	return Reservation{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		TaskSID: r.TaskSID, WorkerSID: r.WorkerSID, WorkerName: r.WorkerName,
		ReservationStatus: string(r.Status),
		DateCreated:       instant(r.CreatedAt), DateUpdated: instant(r.UpdatedAt),
		URL: self,
		Links: map[string]*string{
			"task":      link(l.Workspace(r.WorkspaceSID, "Tasks", r.TaskSID)),
			"worker":    link(l.Workspace(r.WorkspaceSID, "Workers", r.WorkerSID)),
			"workspace": link(l.Workspace(r.WorkspaceSID)),
		},
	}
}
