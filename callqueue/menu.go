package callqueue

// Limits of a menu.
const (
	// MaxMenuSize is the longest menu text, in bytes.
	MaxMenuSize = 16 << 10
	// MaxMenuDepth is how many steps a caller may have to pass at most.
	MaxMenuDepth = 16
	// MaxCollected is the most a menu may add to a Task's attributes, in bytes
	// of JSON: the rest of the document is for what the platform says.
	MaxCollected = 2048

	maxPromptLength = 1000
	maxSetValue     = 256
	maxNameLength   = 64
	maxURLLength    = 2048

	defaultTimeout = 5
	maxTimeout     = 60
	defaultTries   = 3
	maxTries       = 10
)

// Menu is what a caller hears before a Task exists. Its text is JSON:
//
//	{
//	  "language": "en-US",                      language of every prompt that names none
//	  "voice": "alice",                         voice of every prompt that names none
//	  "start": "department",                    first step; may be left out when there is one step
//	  "steps": {
//	    "department": {
//	      "say": "Press 1 for Support.",        text, or
//	      "play": "https://…/department.wav",   a recording; both: the recording first
//	      "language": "en-US", "voice": "…",
//	      "timeout": 5,                         seconds to wait for a key, 1 to 60
//	      "tries": 3,                           failures allowed, 1 to 10
//	      "invalid": "Sorry, that key …",       said before the prompt after a failure
//	      "choices": {                          at least one; keys 0-9, * and #
//	        "1": {"set": {"department": "support"}, "next": "language"}
//	      },
//	      "default": {"set": {…}, "next": "…"}  taken after the last try, or
//	                                            a text that is said before hanging up
//	    }
//	  },
//	  "goodbye": "Thank you for calling.",      said after the conversation
//	  "waiting": {"say": "Please hold."},       said to the waiting caller, between the music
//	  "attributes": {"line": "main"},           added to the Task as they are
//	  "priority": 5                             of the Task
//	}
//
// A choice without next is the end of the menu: the Task is created. goodbye
// and waiting are a text or an object with say, play, language and voice. Steps
// must not lead back to an earlier one. A menu without steps makes the Task at
// once; so does an empty text.
type Menu struct {
	// Start is the first step; empty when there are no steps.
	Start string
	Steps map[string]*Step
	// Goodbye ends a conversation, Waiting is heard while no agent is found.
	Goodbye, Waiting Prompt
	// Attributes are added to the Task as they are.
	Attributes map[string]any
	Priority   int64
}

// Prompt is a text to speak, a recording to play, or both.
type Prompt struct {
	Say, Play       string
	Language, Voice string
}

// Step is one question.
type Step struct {
	Prompt
	// Invalid is said before the prompt after a failed try.
	Invalid string
	// Timeout is how long a key is awaited, in seconds.
	Timeout int
	// Tries is how many failures are allowed.
	Tries   int
	Choices map[string]Choice
	// Default is taken after the last failure. When nil, Sorry is said and the
	// call is ended.
	Default *Choice
	Sorry   string
}

// Choice is what a key means.
type Choice struct {
	// Set are attributes of the Task.
	Set map[string]string
	// Next is the step that follows; empty ends the menu.
	Next string
}

// reservedAttributes are what the router itself says about a call; a menu may
// not pretend otherwise.
var reservedAttributes = map[string]bool{
	"call_sid": true, "account_sid": true, "from": true, "to": true, "caller": true, "called": true,
	"direction": true, "api_version": true, "call_status": true, "caller_name": true, "forwarded_from": true,
	"from_city": true, "from_state": true, "from_zip": true, "from_country": true,
	"to_city": true, "to_state": true, "to_zip": true, "to_country": true,
	"voice_backend": true, "worker_call_sid": true, "conference": true,
}
