package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// examineRuns demands that each open Task has a durable run, or a notice that
// starts one. The store and Temporal cannot be seen at one moment, so a Task
// without a run gets a second look before it is reported.
func examineRuns(ctx context.Context, st *store.Store, o *Options, r *Report, w *taskrouter.Workspace) error {
	var last *store.StoredTask
	for {
		var page []*store.StoredTask
		var notices map[string]store.StoredNotice
		err := st.AtOneMoment(ctx, w.SID, func(ctx context.Context, m *store.Moment) error {
			var err error
			if page, err = m.Tasks(ctx, last, pageSize); err != nil {
				return err
			}
			notices, err = m.Notices(ctx, openOf(page))
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range page {
			last = t
			n, noticed := notices[t.SID]
			if t.Status.Ended() {
				continue
			}
			now := o.Now()
			if noticed && now.Sub(n.DueAt) <= o.Lag || now.Sub(t.CreatedAt) <= o.Lag {
				continue
			}
			text, err := unconducted(ctx, st, o, r, t)
			if err != nil {
				return err
			}
			if text != "" {
				r.add(Finding{
					Kind: Unfinished, AccountSID: w.AccountSID, WorkspaceSID: w.SID, Subjects: []string{t.SID}, Text: text,
				})
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

func openOf(page []*store.StoredTask) []string {
	var out []string
	for _, t := range page {
		if !t.Status.Ended() {
			out = append(out, t.SID)
		}
	}
	return out
}

// unconducted says what is wrong with the run of a Task; empty when nothing is.
func unconducted(ctx context.Context, st *store.Store, o *Options, r *Report, t *store.StoredTask) (text string, err error) {
	r.Totals.Runs++
	for range 2 { // the run of a Task that was about to end has ended too
		running, err := o.Runs.Running(ctx, t.SID)
		if err != nil {
			return "", fmt.Errorf("ask Temporal: %w", err)
		}
		if running {
			return "", nil
		}
		var again *store.StoredTask
		var notices map[string]store.StoredNotice
		err = st.AtOneMoment(ctx, t.WorkspaceSID, func(ctx context.Context, m *store.Moment) error {
			var err error
			if again, err = m.Task(ctx, t.SID); err != nil {
				return err
			}
			notices, err = m.Notices(ctx, []string{t.SID})
			return err
		})
		if err != nil {
			return "", err
		}
		n, noticed := notices[t.SID]
		switch {
		case again == nil || again.Status.Ended() || again.Revision != t.Revision:
			return "", nil
		case noticed && o.Now().Sub(n.DueAt) <= o.Lag:
			return "", nil
		case noticed:
			text = fmt.Sprintf("task %s is %s without a run; the notice for one is unsent since %s", t.SID, t.Status, n.DueAt.UTC().Format(time.RFC3339))
		default:
			text = fmt.Sprintf("task %s is %s without a run, and nothing will start one but the reconciler", t.SID, t.Status)
		}
	}
	return text, nil
}
