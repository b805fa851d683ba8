package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// Worker is the JSON of a Worker.
type Worker struct {
	SID               string             `json:"sid"`
	AccountSID        string             `json:"account_sid"`
	WorkspaceSID      string             `json:"workspace_sid"`
	FriendlyName      string             `json:"friendly_name"`
	ActivitySID       string             `json:"activity_sid"`
	ActivityName      string             `json:"activity_name"`
	Available         bool               `json:"available"`
	Attributes        string             `json:"attributes"`
	DateStatusChanged *string            `json:"date_status_changed"`
	DateCreated       *string            `json:"date_created"`
	DateUpdated       *string            `json:"date_updated"`
	URL               string             `json:"url"`
	Links             map[string]*string `json:"links"`
}

// FromWorker renders a Worker in the Activity of the given name.
func FromWorker(w *taskrouter.Worker, activityName string, l Links) Worker {
	self, all := l.Workspace(w.WorkspaceSID, "Workers", w.SID), l.Workspace(w.WorkspaceSID, "Workers")
	links := map[string]*string{
		"channels": link(self + "/Channels"), "worker_channels": link(self + "/Channels"),
		"activity":          link(l.Workspace(w.WorkspaceSID, "Activities", w.ActivitySID)),
		"workspace":         link(l.Workspace(w.WorkspaceSID)),
		"worker_statistics": link(self + "/Statistics"), "reservations": link(self + "/Reservations"),
	}
	statistics(links, all)
	return Worker{
		SID: w.SID, AccountSID: w.AccountSID, WorkspaceSID: w.WorkspaceSID, FriendlyName: w.FriendlyName,
		ActivitySID: w.ActivitySID, ActivityName: activityName, Available: w.Available,
		Attributes:        document(w.Attributes),
		DateStatusChanged: instant(w.DateStatusChanged),
		DateCreated:       instant(w.CreatedAt), DateUpdated: instant(w.UpdatedAt),
		URL: self, Links: links,
	}
}

// document is the text of an attributes document, never empty.
func document(a taskrouter.Attributes) string {
	if a == "" {
		a = taskrouter.NoAttributes
	}
	return string(a)
}
