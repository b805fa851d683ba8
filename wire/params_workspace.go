package wire

import (
	"net/url"
	"regexp"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// WorkspaceCreate is the form of a new Workspace. In this and all other forms
// a nil pointer means that the parameter was not sent.
type WorkspaceCreate struct {
	FriendlyName         string
	EventCallbackURL     *string
	EventsFilter         *string
	MultiTaskEnabled     *bool
	Template             string
	PrioritizeQueueOrder *string
}

// Templates of a new Workspace.
const (
	TemplateNone = "NONE"
	TemplateFIFO = "FIFO"
)

// queueOrders are the two orders of waiting Tasks.
func queueOrders() []string { return []string{string(taskrouter.FIFO), string(taskrouter.LIFO)} }

// ParseWorkspaceCreate reads the form of a new Workspace.
func ParseWorkspaceCreate(form url.Values) (WorkspaceCreate, error) {
	return parseWorkspaceCreate(bind(form))
}

func parseWorkspaceCreate(b *binder) (WorkspaceCreate, error) {
	in := WorkspaceCreate{
		FriendlyName:         b.requiredName("FriendlyName"),
		EventCallbackURL:     b.address("EventCallbackUrl"),
		EventsFilter:         b.text("EventsFilter"),
		MultiTaskEnabled:     b.flag("MultiTaskEnabled"),
		Template:             TemplateNone,
		PrioritizeQueueOrder: oneOf(b, "PrioritizeQueueOrder", queueOrders()...),
	}
	if t := oneOf(b, "Template", TemplateNone, TemplateFIFO); t != nil {
		in.Template = *t
	}
	return in, b.fault()
}

// WorkspaceUpdate is the form of a change to a Workspace.
type WorkspaceUpdate struct {
	FriendlyName         *string
	DefaultActivitySID   *string
	TimeoutActivitySID   *string
	EventCallbackURL     *string
	EventsFilter         *string
	MultiTaskEnabled     *bool
	PrioritizeQueueOrder *string
}

// ParseWorkspaceUpdate reads the form of a change to a Workspace.
func ParseWorkspaceUpdate(form url.Values) (WorkspaceUpdate, error) {
	return parseWorkspaceUpdate(bind(form))
}

func parseWorkspaceUpdate(b *binder) (WorkspaceUpdate, error) {
	return WorkspaceUpdate{
		FriendlyName:         b.name("FriendlyName"),
		DefaultActivitySID:   b.sid("DefaultActivitySid", taskrouter.PrefixActivity),
		TimeoutActivitySID:   b.sid("TimeoutActivitySid", taskrouter.PrefixActivity),
		EventCallbackURL:     b.address("EventCallbackUrl"),
		EventsFilter:         b.text("EventsFilter"),
		MultiTaskEnabled:     b.flag("MultiTaskEnabled"),
		PrioritizeQueueOrder: oneOf(b, "PrioritizeQueueOrder", queueOrders()...),
	}, b.fault()
}

// NamedList is the query of a list that can be narrowed to one exact name.
type NamedList struct{ FriendlyName string }

// ParseNamedList reads the query of such a list.
func ParseNamedList(query url.Values) (NamedList, error) { return parseNamedList(bind(query)) }

func parseNamedList(b *binder) (NamedList, error) {
	return NamedList{FriendlyName: deref(b.text("FriendlyName"))}, b.fault()
}

// ActivityCreate is the form of a new Activity.
type ActivityCreate struct {
	FriendlyName string
	Available    bool
}

// ParseActivityCreate reads the form of a new Activity.
func ParseActivityCreate(form url.Values) (ActivityCreate, error) {
	return parseActivityCreate(bind(form))
}

func parseActivityCreate(b *binder) (ActivityCreate, error) {
	return ActivityCreate{
		FriendlyName: b.requiredName("FriendlyName"),
		Available:    deref(b.flag("Available")),
	}, b.fault()
}

// ActivityUpdate is the form of a change to an Activity, whose availability
// never changes.
type ActivityUpdate struct{ FriendlyName *string }

// ParseActivityUpdate reads the form of a change to an Activity.
func ParseActivityUpdate(form url.Values) (ActivityUpdate, error) {
	return parseActivityUpdate(bind(form))
}

func parseActivityUpdate(b *binder) (ActivityUpdate, error) {
	return ActivityUpdate{FriendlyName: b.name("FriendlyName")}, b.fault()
}

// ActivityList is the query of a list of Activities.
type ActivityList struct {
	FriendlyName string
	Available    *bool
}

// ParseActivityList reads the query of a list of Activities.
func ParseActivityList(query url.Values) (ActivityList, error) { return parseActivityList(bind(query)) }

func parseActivityList(b *binder) (ActivityList, error) {
	return ActivityList{FriendlyName: deref(b.text("FriendlyName")), Available: b.flag("Available")}, b.fault()
}

// TaskChannelCreate is the form of a new TaskChannel.
type TaskChannelCreate struct {
	FriendlyName, UniqueName string
	OptimizedRouting         bool
}

// ParseTaskChannelCreate reads the form of a new TaskChannel.
func ParseTaskChannelCreate(form url.Values) (TaskChannelCreate, error) {
	return parseTaskChannelCreate(bind(form))
}

func parseTaskChannelCreate(b *binder) (TaskChannelCreate, error) {
	in := TaskChannelCreate{
		FriendlyName:     b.requiredName("FriendlyName"),
		UniqueName:       b.required("UniqueName"),
		OptimizedRouting: deref(b.flag("ChannelOptimizedRouting")),
	}
	b.note(Parameter{Name: "UniqueName", MaxLength: taskrouter.MaxFriendlyNameLength, Pattern: identifier.String()})
	if b.err == nil && !isIdentifier(in.UniqueName) {
		b.fail(0, "UniqueName must be at most %d letters, digits, _ and $, and not begin with a digit", taskrouter.MaxFriendlyNameLength)
	}
	return in, b.fault()
}

// isIdentifier reports whether expressions can name s.
func isIdentifier(s string) bool {
	return len(s) <= taskrouter.MaxFriendlyNameLength && identifier.MatchString(s)
}

// identifier is a name as expressions write it.
var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// TaskChannelUpdate is the form of a change to a TaskChannel.
type TaskChannelUpdate struct {
	FriendlyName     *string
	OptimizedRouting *bool
}

// ParseTaskChannelUpdate reads the form of a change to a TaskChannel.
func ParseTaskChannelUpdate(form url.Values) (TaskChannelUpdate, error) {
	return parseTaskChannelUpdate(bind(form))
}

func parseTaskChannelUpdate(b *binder) (TaskChannelUpdate, error) {
	return TaskChannelUpdate{
		FriendlyName:     b.name("FriendlyName"),
		OptimizedRouting: b.flag("ChannelOptimizedRouting"),
	}, b.fault()
}
