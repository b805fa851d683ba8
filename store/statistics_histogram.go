package store

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Waits are counted one row a length, so that any threshold can be asked about.
// A busy day has hundreds of lengths: once an hour or a day is over, its rows
// are folded into one text, a histogram. A question about a month then reads as
// many rows after a million Tasks as after a hundred.

// foldLevel is the first length of periods that is folded: hours. Shorter ones
// are read for the ends of a window only.
const foldLevel = 2

// foldMargin is how long after its end a period is folded. Counting what ends up
// in it later is still right: it is folded by itself the next time.
const foldMargin = 10 * time.Minute

// histogramRow is the waits that ended in a period.
type histogramRow struct {
	bun.BaseModel `bun:"table:statistics_histograms,alias:statistics_histograms"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	Period         int64  `bun:"period,pk"`
	SubjectSID     string `bun:"subject_sid,pk"`
	TaskChannelSID string `bun:"task_channel_sid,pk"`
	Waits          string `bun:"waits"`
}

// Initials of the outcomes in a histogram.
const (
	initialAccepted = 'a'
	initialCanceled = 'c'
)

// appendWait adds an entry to a histogram.
func appendWait(text []byte, outcome string, wait, n int64) []byte {
	initial := byte(initialCanceled)
	if outcome == string(taskrouter.OutcomeAccepted) {
		initial = initialAccepted
	}
	text = strconv.AppendInt(append(text, initial), wait, 10)
	return append(strconv.AppendInt(append(text, ':'), n, 10), ';')
}

// eachWait reads a histogram. It is part of every question about a long window,
// hence by hand; only appendWait writes the text.
func eachWait(text string, fn func(accepted bool, wait, n int64)) {
	for i := 0; i < len(text); {
		accepted := text[i] == initialAccepted
		var wait, n int64
		for i++; i < len(text) && text[i] != ':'; i++ {
			wait = wait*10 + int64(text[i]-'0')
		}
		for i++; i < len(text) && text[i] != ';'; i++ {
			n = n*10 + int64(text[i]-'0')
		}
		i++
		fn(accepted, wait, n)
	}
}

// waitClasses counts waits between thresholds: class i holds those above i of
// them.
type waitClasses struct{ accepted, canceled []int64 }

func newWaitClasses(thresholds int) *waitClasses {
	return &waitClasses{accepted: make([]int64, thresholds+1), canceled: make([]int64, thresholds+1)}
}

// add sorts the waits of a histogram into classes; the thresholds ascend.
func (c *waitClasses) add(text string, thresholds []int64) {
	eachWait(text, func(accepted bool, wait, n int64) {
		class := 0
		for class < len(thresholds) && wait > thresholds[class] {
			class++
		}
		if accepted {
			c.accepted[class] += n
		} else {
			c.canceled[class] += n
		}
	})
}

// splits turns classes into the counts at and above each threshold.
func (c *waitClasses) splits(thresholds []int64) map[int64]taskrouter.WaitSplit {
	out := make(map[int64]taskrouter.WaitSplit, len(thresholds))
	for i, t := range thresholds {
		out[t] = taskrouter.WaitSplit{
			AcceptedBelow: total(c.accepted[:i+1]), AcceptedAbove: total(c.accepted[i+1:]),
			CanceledBelow: total(c.canceled[:i+1]), CanceledAbove: total(c.canceled[i+1:]),
		}
	}
	return out
}

func total(numbers []int64) int64 {
	var sum int64
	for _, n := range numbers {
		sum += n
	}
	return sum
}

// foldable lists periods of some that may have been folded.
func foldable(periods []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(periods), func(p int64) bool { return p>>levelShift < foldLevel })
}

// FoldStatistics folds the waits of hours and days that were over by now and
// returns how many rows it folded. A call does a bounded part of the work: it is
// to be repeated until nothing is left. Several processes may do it at a time.
// For upkeep: not scoped.
func (s *Store) FoldStatistics(ctx context.Context, now time.Time, limit int) (int, error) {
	workspaces, err := column[string](ctx, s.read, "list Workspaces", "SELECT workspace_sid FROM workspace_locks ORDER BY workspace_sid")
	if err != nil {
		return 0, err
	}
	total := 0
	for _, ws := range workspaces {
		for level := foldLevel; level < len(periodSizes); level++ {
			var found []struct {
				Period     int64  `bun:"period"`
				SubjectSID string `bun:"subject_sid"`
			}
			// Looked for without the writer's lock: most of the time there is none.
			err := s.read.NewRaw("SELECT DISTINCT period, subject_sid FROM statistics_waits WHERE workspace_sid = ?"+
				" AND period >= ? AND period < ? ORDER BY period, subject_sid LIMIT ?",
				ws, period(level, 0), period(level, now.Add(-foldMargin).Unix()), limit).Scan(ctx, &found)
			if err != nil {
				return total, classify(err, "list statistics")
			}
			for _, f := range found {
				n, err := s.fold(ctx, ws, f.Period, f.SubjectSID)
				if total += n; err != nil || total >= limit {
					return total, err
				}
			}
		}
	}
	if total > 0 && s.dialect.surveys {
		for _, table := range []string{"statistics_waits", "statistics_histograms"} {
			if _, err := s.exec(ctx, s.write, "survey statistics", "ANALYZE ?", bun.Ident(table)); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// fold moves the waits of one subject and period into histograms.
func (s *Store) fold(ctx context.Context, ws string, period int64, subject string) (int, error) {
	folded := 0
	err := s.inTransaction(ctx, func(q bun.Tx) error {
		var rows []*waitRow
		err := q.NewRaw("DELETE FROM statistics_waits WHERE workspace_sid = ? AND period = ? AND subject_sid = ?"+
			" RETURNING task_channel_sid, outcome, wait, n", ws, period, subject).Scan(ctx, &rows)
		if err != nil || len(rows) == 0 {
			return classify(err, "fold statistics")
		}
		folded = len(rows)
		texts := map[string][]byte{}
		for _, r := range rows {
			texts[r.TaskChannelSID] = appendWait(texts[r.TaskChannelSID], r.Outcome, r.Wait, r.N)
		}
		histograms := make([]*histogramRow, 0, len(texts))
		for _, channel := range slices.Sorted(maps.Keys(texts)) {
			histograms = append(histograms, &histogramRow{
				WorkspaceSID: ws, Period: period, SubjectSID: subject, TaskChannelSID: channel, Waits: string(texts[channel]),
			})
		}
		_, err = q.NewInsert().Model(&histograms).On("CONFLICT (workspace_sid, period, subject_sid, task_channel_sid) DO UPDATE").
			Set("waits = statistics_histograms.waits || EXCLUDED.waits").Exec(ctx)
		return classify(err, "fold statistics")
	})
	if err != nil {
		return 0, err
	}
	return folded, nil
}
