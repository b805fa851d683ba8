package taskrouter

import "strings"

// InstructionKind is what an assignment callback or a REST client asks the
// router to do with a pending Reservation.
type InstructionKind string

// The instructions, in their canonical spelling.
const (
	InstructAccept     InstructionKind = "accept"
	InstructReject     InstructionKind = "reject"
	InstructDequeue    InstructionKind = "dequeue"
	InstructCall       InstructionKind = "call"
	InstructRedirect   InstructionKind = "redirect"
	InstructConference InstructionKind = "conference"
	InstructSupervise  InstructionKind = "supervise"
)

// CodeUnknownInstruction is the public error code of an instruction that does
// not exist.
const CodeUnknownInstruction = 55555

// ParseInstructionKind reads the name without regard to case.
func ParseInstructionKind(s string) (InstructionKind, error) {
	k := InstructionKind(strings.ToLower(s))
	switch k {
	case InstructAccept, InstructReject, InstructDequeue, InstructCall, InstructRedirect, InstructConference, InstructSupervise:
		return k, nil
	default:
		return "", InvalidCode(CodeUnknownInstruction, "Unknown instruction '%s'", s)
	}
}

// Instruction is one instruction with its parameters. Params holds the
// instruction's own keys in snake_case without the instruction's prefix (for
// example "to", "from", "url", "accept", "timeout", "post_work_activity_sid",
// "end_conference_on_exit"); values are their text form.
type Instruction struct {
	Kind   InstructionKind
	Params map[string]string
}

// Param returns a parameter, or "" when it was not given.
func (i *Instruction) Param(name string) string {
	if i == nil {
		return ""
	}
	return i.Params[name]
}

// Flag reads a boolean parameter: true, 1 and yes are true, all else false.
func (i *Instruction) Flag(name string) bool { return ParseBool(i.Param(name)) }

// ParseBool reads a boolean form value: "true", "1" and "yes" in any letter
// case are true, everything else is false.
func ParseBool(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "yes":
		return true
	default:
		return false
	}
}
