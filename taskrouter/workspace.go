package taskrouter

import "time"

// QueueOrder is the order in which waiting Tasks are taken.
type QueueOrder string

// The two orders.
const (
	FIFO QueueOrder = "FIFO"
	LIFO QueueOrder = "LIFO"
)

// MaxFriendlyNameLength is the longest friendly name, in characters.
const MaxFriendlyNameLength = 64

// Account owns Workspaces and authenticates requests.
type Account struct {
	SID, FriendlyName string
	// AuthTokenSealed is the token encrypted with the installation's key: it
	// must be read back to sign webhooks.
	AuthTokenSealed []byte
	// SecondaryTokenSealed is valid as well while a token is being rotated.
	SecondaryTokenSealed []byte
	// VerifyVoiceSignature asks for signed inbound voice webhooks.
	VerifyVoiceSignature bool
	CreatedAt, UpdatedAt time.Time
}

// Workspace contains Workers, TaskQueues, Workflows, Activities and Tasks.
type Workspace struct {
	SID, AccountSID, FriendlyName string

	DefaultActivitySID, TimeoutActivitySID string
	EventCallbackURL, EventsFilter         string
	MultiTaskEnabled                       bool
	PrioritizeQueueOrder                   QueueOrder
	// Deleting is set while a bulk job removes the children.
	Deleting bool

	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// Activity is a named state of Workers with an immutable availability.
type Activity struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName                  string
	Available                     bool
	CreatedAt, UpdatedAt          time.Time
}

// TaskChannel is a kind of work with its own capacity accounting.
type TaskChannel struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName, UniqueName      string
	// OptimizedRouting computes the longest-idle order on this channel alone.
	OptimizedRouting     bool
	CreatedAt, UpdatedAt time.Time
}

// Names of the TaskChannels every Workspace starts with.
const (
	ChannelDefault = "default"
	ChannelVoice   = "voice"
)

// TaskQueue is a set of Workers described by an expression, and a waiting line.
type TaskQueue struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName                  string
	// TargetWorkers is the membership expression; empty matches nobody.
	TargetWorkers      string
	MaxReservedWorkers int
	TaskOrder          QueueOrder
	// ReservationActivitySID and AssignmentActivitySID apply in
	// single-tasking Workspaces only.
	ReservationActivitySID, AssignmentActivitySID string
	// ExpressionVersion grows when TargetWorkers changes; membership rows are
	// complete up to MembershipVersion.
	ExpressionVersion    int64
	CreatedAt, UpdatedAt time.Time
}

// DefaultTargetWorkers is the expression every Worker satisfies.
const DefaultTargetWorkers = "1==1"

// Workflow is a routing configuration.
type Workflow struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName                  string
	Configuration                 string
	ConfigVersion                 int64
	AssignmentCallbackURL         string
	FallbackAssignmentCallbackURL string
	TaskReservationTimeout        time.Duration
	CreatedAt, UpdatedAt          time.Time
}

// MaxConfigurationSize is the largest Workflow configuration, in bytes.
const MaxConfigurationSize = 1038576

// CallQueue binds phone numbers to a Workflow and a menu.
type CallQueue struct {
	SID, AccountSID, WorkspaceSID string
	FriendlyName                  string
	PhoneNumbers                  []string
	WorkflowSID                   string
	// Menu is the menu's JSON text as supplied.
	Menu string
	// HoldMusicURL is played to the waiting caller; empty uses the default.
	HoldMusicURL string
	// Instruction is what happens when an agent is reserved and the Workflow
	// has no assignment callback: dequeue (the default) or none.
	Instruction string
	// Backend names the voice back-end that owns the numbers.
	Backend string
	// WrapUp is how long an agent's after-call work lasts; zero means until
	// the agent completes the Task.
	WrapUp               time.Duration
	CreatedAt, UpdatedAt time.Time
}
