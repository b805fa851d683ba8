package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Bounds of questions about statistics.
const (
	defaultStatisticsWindow = 15 * time.Minute
	// StatisticsRetention is how far back a window may begin.
	StatisticsRetention = 30 * 24 * time.Hour
	// retentionSlack forgives a client that computed the earliest start some
	// moments before the request arrived.
	retentionSlack = time.Minute
	// maxThresholds bounds SplitByWaitTime.
	maxThresholds = 50
	// MaxBulkQueues is how many TaskQueues a bulk request may name.
	MaxBulkQueues = 50
)

// StatisticsQuery is the query of statistics. TaskChannel is a SID or unique
// name that is not resolved yet; operations use what they know of the rest.
type StatisticsQuery struct {
	Window      taskrouter.Window
	TaskChannel string
	// Thresholds are the seconds waits are split at, without duplicates.
	Thresholds []int64
	// Filters of Worker and TaskQueue statistics.
	FriendlyName, TaskQueueName, TaskQueueSID string
}

// ParseStatistics reads the query of statistics at an instant. The window is
// either a number of minutes that end now, or lies between dates; both ends are
// whole seconds and belong to it. See
// https://www.twilio.com/docs/taskrouter/api/workspace-statistics.
func ParseStatistics(query url.Values, now time.Time) (StatisticsQuery, error) {
	return parseStatistics(bind(query), now)
}

func parseStatistics(b *binder, now time.Time) (StatisticsQuery, error) {
	in := parseNow(b)
	in.Thresholds = b.thresholds("SplitByWaitTime")
	in.Window = b.window(now)
	return in, b.fault()
}

// ParseRealTimeStatistics reads the query of statistics that have no window.
func ParseRealTimeStatistics(query url.Values) (StatisticsQuery, error) {
	return parseRealTimeStatistics(bind(query))
}

func parseRealTimeStatistics(b *binder) (StatisticsQuery, error) {
	in := parseNow(b)
	return in, b.fault()
}

func parseNow(b *binder) StatisticsQuery {
	return StatisticsQuery{
		TaskChannel:   deref(b.channel("TaskChannel")),
		FriendlyName:  deref(b.text("FriendlyName")),
		TaskQueueName: deref(b.text("TaskQueueName")),
		TaskQueueSID:  deref(b.sid("TaskQueueSid", taskrouter.PrefixTaskQueue)),
	}
}

// window reads the parameters that say which span of time is meant.
func (b *binder) window(now time.Time) taskrouter.Window {
	now = now.UTC()
	start, _ := b.instant("StartDate")
	end, step := b.instant("EndDate")
	minutes := b.integer("Minutes", 1, 0)
	if minutes != nil && (start != nil || end != nil) {
		b.fail(0, "Minutes cannot be combined with StartDate or EndDate")
	}
	if b.err != nil {
		return taskrouter.Window{}
	}
	w := taskrouter.Window{End: now}
	if end != nil {
		// An end written as a whole day or minute includes all of it.
		w.End = end.Add(max(step, time.Second) - time.Second)
	}
	switch {
	case start != nil:
		w.Start = *start
	case minutes != nil:
		// Bounded first: so many minutes would not fit a duration.
		w.Start = now.Add(-time.Duration(min(*minutes, int64(2*StatisticsRetention/time.Minute))) * time.Minute)
	default:
		w.Start = w.End.Add(-defaultStatisticsWindow)
	}
	switch {
	case w.Start.After(w.End):
		b.fail(0, "StartDate must not be after EndDate")
	case w.Start.Before(now.Add(-StatisticsRetention - retentionSlack)):
		b.fail(CodeWindowTooOld, "Statistics are kept for 30 days: the window must not begin before that")
	}
	// Nothing has happened yet after this moment.
	if w.End.After(now) {
		w.End = now
	}
	if w.Start.After(w.End) {
		w.Start = w.End
	}
	w.Start, w.End = w.Start.Truncate(time.Second), w.End.Truncate(time.Second)
	return w
}

// thresholds are whole numbers of seconds, separated by commas.
func (b *binder) thresholds(name string) []int64 {
	b.note(Parameter{Name: name, Kind: KindInteger, Many: true, Max: taskrouter.MaxWait})
	var out []int64
	for _, part := range b.split(name) {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 0 || n > taskrouter.MaxWait {
			b.fail(0, "%s must be whole numbers of seconds, separated by commas", name)
			return nil
		}
		out = append(out, n)
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > maxThresholds {
		b.fail(0, "%s must be at most %d numbers", name, maxThresholds)
	}
	return out
}

// ParseBulkQueues reads the body of a request for the statistics of several
// TaskQueues: {"QueueSids": ["WQ…", …]}. The SIDs are returned in their order,
// each once.
func ParseBulkQueues(body []byte) ([]string, error) {
	var in struct {
		QueueSIDs []string `json:"QueueSids"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil {
		return nil, taskrouter.Invalidf(`The request body must be JSON: {"QueueSids": ["WQ..."]}`)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, taskrouter.Invalidf("The request body must be one JSON object")
	}
	var out []string
	seen := map[string]bool{}
	for _, sid := range in.QueueSIDs {
		if sid = strings.TrimSpace(sid); !taskrouter.IsSID(taskrouter.PrefixTaskQueue, sid) {
			return nil, taskrouter.Invalidf("QueueSids must be SIDs of TaskQueues")
		}
		if !seen[sid] {
			out = append(out, sid)
		}
		seen[sid] = true
	}
	if len(in.QueueSIDs) == 0 || len(in.QueueSIDs) > MaxBulkQueues {
		return nil, taskrouter.Invalidf("QueueSids must be 1 to %d SIDs", MaxBulkQueues)
	}
	return out, nil
}
