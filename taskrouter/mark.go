package taskrouter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// markSeparator stands between the parts of a mark. It needs no escaping in
// URLs and is in neither a SID nor a number.
const markSeparator = "."

// Mark says where an item stands in an ordered list: its SID, and the numbers
// the list was ordered by when the item was read. With the numbers a reader
// goes on at the same place although the item was removed or changed
// meanwhile; a mark of the SID alone needs the item to be there still.
func Mark(sid string, at ...int64) string {
	var b strings.Builder
	b.WriteString(sid)
	for _, n := range at {
		b.WriteString(markSeparator)
		b.WriteString(strconv.FormatInt(n, 36))
	}
	return b.String()
}

// MarkAt is Mark for a list that is ordered by one instant.
func MarkAt(sid string, at time.Time) string { return Mark(sid, Micros(at)) }

// ParseMark reverses Mark; ok is false when the numbers are not numbers.
func ParseMark(mark string) (sid string, at []int64, ok bool) {
	sid, rest, more := strings.Cut(mark, markSeparator)
	for more {
		var part string
		part, rest, more = strings.Cut(rest, markSeparator)
		n, err := strconv.ParseInt(part, 36, 64)
		if err != nil {
			return sid, nil, false
		}
		at = append(at, n)
	}
	return sid, at, true
}

// CompareMarks orders two marks of a list that ascends by its numbers and then
// by SID.
func CompareMarks(a, b string) int {
	sidA, atA, _ := ParseMark(a)
	sidB, atB, _ := ParseMark(b)
	return cmp.Or(slices.Compare(atA, atB), strings.Compare(sidA, sidB))
}

// Micros is an instant as it is ordered by: in microseconds since 1970, zero
// for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Mark says where a Task stands in a list with this filter's order.
func (f TaskFilter) Mark(t *Task) string {
	var at []int64
	created := false
	for _, o := range f.Order {
		switch o.Field {
		case OrderByPriority:
			at = append(at, t.Priority)
		case OrderByVirtualStartTime:
			at = append(at, Micros(t.VirtualStartTime))
		case OrderByDateCreated:
			at = append(at, Micros(t.CreatedAt))
			created = true
		}
	}
	if !created {
		at = append(at, Micros(t.CreatedAt))
	}
	return Mark(t.SID, at...)
}

// Mark says where a Worker stands in a list with this filter's order.
func (f WorkerFilter) Mark(w *Worker) string {
	if f.ByDateStatusChanged != "" {
		return MarkAt(w.SID, w.DateStatusChanged)
	}
	return MarkAt(w.SID, w.CreatedAt)
}

// Mark says where a TaskQueue stands in a list with this filter's order.
func (f QueueFilter) Mark(q *TaskQueue) string {
	if f.ByDateUpdated != "" {
		return MarkAt(q.SID, q.UpdatedAt)
	}
	return MarkAt(q.SID, q.CreatedAt)
}
