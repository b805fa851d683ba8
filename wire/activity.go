package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// Activity is the JSON of an Activity.
type Activity struct {
	SID          string             `json:"sid"`
	AccountSID   string             `json:"account_sid"`
	WorkspaceSID string             `json:"workspace_sid"`
	FriendlyName string             `json:"friendly_name"`
	Available    bool               `json:"available"`
	DateCreated  *string            `json:"date_created"`
	DateUpdated  *string            `json:"date_updated"`
	URL          string             `json:"url"`
	Links        map[string]*string `json:"links"`
}

// FromActivity renders an Activity.
func FromActivity(a *taskrouter.Activity, l Links) Activity {
	return Activity{
		SID: a.SID, AccountSID: a.AccountSID, WorkspaceSID: a.WorkspaceSID,
		FriendlyName: a.FriendlyName, Available: a.Available,
		DateCreated: instant(a.CreatedAt), DateUpdated: instant(a.UpdatedAt),
		URL:   l.Workspace(a.WorkspaceSID, "Activities", a.SID),
		Links: map[string]*string{"workspace": link(l.Workspace(a.WorkspaceSID))},
	}
}
