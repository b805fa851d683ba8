package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// CallQueue is the JSON of a CallQueue: phone numbers, the menu their callers
// hear, and the Workflow their calls enter. It is an addition of this server,
// in the style of the other resources.
type CallQueue struct {
	SID          string             `json:"sid"`
	AccountSID   string             `json:"account_sid"`
	WorkspaceSID string             `json:"workspace_sid"`
	FriendlyName string             `json:"friendly_name"`
	PhoneNumbers []string           `json:"phone_numbers"`
	WorkflowSID  string             `json:"workflow_sid"`
	Menu         *string            `json:"menu"`
	HoldMusicURL *string            `json:"hold_music_url"`
	Instruction  string             `json:"instruction"`
	Backend      string             `json:"backend"`
	WrapUp       int64              `json:"wrap_up"`
	DateCreated  *string            `json:"date_created"`
	DateUpdated  *string            `json:"date_updated"`
	URL          string             `json:"url"`
	Links        map[string]*string `json:"links"`
}

// FromCallQueue renders a CallQueue; the menu is the text that was sent and
// the wrap-up is in seconds.
func FromCallQueue(q *taskrouter.CallQueue, l Links) CallQueue {
	numbers := q.PhoneNumbers
	if numbers == nil {
		numbers = []string{}
	}
	return CallQueue{
		SID: q.SID, AccountSID: q.AccountSID, WorkspaceSID: q.WorkspaceSID, FriendlyName: q.FriendlyName,
		PhoneNumbers: numbers, WorkflowSID: q.WorkflowSID, Menu: nullable(q.Menu),
		HoldMusicURL: nullable(q.HoldMusicURL), Instruction: q.Instruction, Backend: q.Backend,
		WrapUp:      seconds(q.WrapUp),
		DateCreated: instant(q.CreatedAt), DateUpdated: instant(q.UpdatedAt),
		URL: l.Workspace(q.WorkspaceSID, "CallQueues", q.SID),
		Links: map[string]*string{
			"workspace": link(l.Workspace(q.WorkspaceSID)),
			"workflow":  link(l.Workspace(q.WorkspaceSID, "Workflows", q.WorkflowSID)),
		},
	}
}
