package config

import (
	"fmt"
	"regexp"
	"time"
)

// verifyAdmission checks what is let in at a time, and what of one account.
func (c *Config) verifyAdmission(ps *Problems) {
	l := c.Limits
	atLeast(ps, "limits.writes", l.Writes, 0)
	atLeast(ps, "limits.reads", l.Reads, 0)
	duration(ps, "limits.admission_wait", l.AdmissionWait, time.Millisecond)
	duration(ps, "limits.queue_wait", l.QueueWait, 100*time.Millisecond)
	atLeast(ps, "limits.account.requests_per_second", l.Account.RequestsPerSecond, 0)
	atLeast(ps, "limits.account.concurrent_requests", l.Account.ConcurrentRequests, 0)
	atLeast(ps, "limits.account.waiting_tasks", l.Account.WaitingTasks, 0)
	seen := map[string]bool{}
	for i, a := range l.Accounts {
		path := fmt.Sprintf("limits.accounts[%d]", i)
		switch {
		case !accountPattern.MatchString(a.AccountSID):
			ps.addf(path+".account_sid", "", "%q must be an account SID: AC and 32 hexadecimal digits", a.AccountSID)
		case seen[a.AccountSID]:
			ps.addf(path+".account_sid", "", "%q is listed twice", a.AccountSID)
		}
		seen[a.AccountSID] = true
		atLeast(ps, path+".requests_per_second", a.RequestsPerSecond, NoLimit)
		atLeast(ps, path+".concurrent_requests", a.ConcurrentRequests, NoLimit)
		atLeast(ps, path+".waiting_tasks", a.WaitingTasks, NoLimit)
	}
}

var accountPattern = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
