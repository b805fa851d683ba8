package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// jsonType is the only content type of a routing configuration.
const jsonType = "application/json"

// Workflow is the JSON of a routing configuration.
type Workflow struct {
	SID                           string             `json:"sid"`
	AccountSID                    string             `json:"account_sid"`
	WorkspaceSID                  string             `json:"workspace_sid"`
	FriendlyName                  string             `json:"friendly_name"`
	Configuration                 string             `json:"configuration"`
	DocumentContentType           string             `json:"document_content_type"`
	AssignmentCallbackURL         *string            `json:"assignment_callback_url"`
	FallbackAssignmentCallbackURL *string            `json:"fallback_assignment_callback_url"`
	TaskReservationTimeout        int64              `json:"task_reservation_timeout"`
	DateCreated                   *string            `json:"date_created"`
	DateUpdated                   *string            `json:"date_updated"`
	URL                           string             `json:"url"`
	Links                         map[string]*string `json:"links"`
}

// FromWorkflow renders a Workflow; the configuration is the text that was sent.
func FromWorkflow(w *taskrouter.Workflow, l Links) Workflow {
	self := l.Workspace(w.WorkspaceSID, "Workflows", w.SID)
	links := map[string]*string{}
	statistics(links, self)
	return Workflow{
		SID: w.SID, AccountSID: w.AccountSID, WorkspaceSID: w.WorkspaceSID, FriendlyName: w.FriendlyName,
		Configuration: w.Configuration, DocumentContentType: jsonType,
		AssignmentCallbackURL:         nullable(w.AssignmentCallbackURL),
		FallbackAssignmentCallbackURL: nullable(w.FallbackAssignmentCallbackURL),
		TaskReservationTimeout:        seconds(w.TaskReservationTimeout),
		DateCreated:                   instant(w.CreatedAt), DateUpdated: instant(w.UpdatedAt),
		URL: self, Links: links,
	}
}
