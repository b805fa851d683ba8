package taskrouter

import (
	"slices"
	"strings"
)

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

// RecordsLeg reports whether the agent's leg is to be recorded from its answer.
func (i *Instruction) RecordsLeg() bool { return records(i.Param("record")) }

// RecordsRoom reports whether the conference is to be recorded from its start.
func (i *Instruction) RecordsRoom() bool { return records(i.Param("conference_record")) }

// records reads a recording mode: a boolean, or words such as
// record-from-answer.
func records(mode string) bool {
	return ParseBool(mode) || strings.HasPrefix(strings.ToLower(strings.TrimSpace(mode)), "record-from-")
}

// Asks reports whether a list parameter, words separated by commas, holds a
// word. A list that was not given holds the words of otherwise.
func (i *Instruction) Asks(name, word string, otherwise ...string) bool {
	list := otherwise
	if v := i.Param(name); v != "" {
		list = strings.Split(v, ",")
	}
	return slices.Contains(list, word)
}

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
