package workspace

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// What a call queue asks for when an agent is reserved and the Workflow has no
// assignment callback.
const (
	instructionDequeue = "dequeue"
	instructionNone    = "none"
)

const (
	maxPhoneNumbers = 100
	maxWrapUp       = 86400 // seconds
)

var (
	// e164 is a plus sign and up to fifteen digits (ITU-T E.164).
	e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	// sipUser is the unescaped part of a SIP URI's user (RFC 3261, 25.1)
	// without the separators that have a meaning in From and To values.
	sipUser = regexp.MustCompile(`^[A-Za-z0-9_.!~*-]{1,64}$`)
)

func parseInstruction(value string) (string, error) {
	if value == "" {
		return instructionDequeue, nil
	}
	return oneOf("Instruction", value, instructionDequeue, instructionNone)
}

// checkPhoneNumbers names the faulty entry by its place, not by its value: the
// text may end up in a log.
func checkPhoneNumbers(numbers []string) error {
	if len(numbers) == 0 {
		return taskrouter.Invalidf("PhoneNumbers: at least one number is required")
	}
	if len(numbers) > maxPhoneNumbers {
		return taskrouter.Invalidf("PhoneNumbers: at most %d numbers, got %d", maxPhoneNumbers, len(numbers))
	}
	for i, n := range numbers {
		if !e164.MatchString(n) && (strings.HasPrefix(n, "+") || !sipUser.MatchString(n)) {
			return taskrouter.Invalidf("PhoneNumbers[%d] must be an E.164 number such as +15550100 or a SIP user name", i)
		}
		if slices.Contains(numbers[:i], n) {
			return taskrouter.Invalidf("PhoneNumbers[%d] is repeated", i)
		}
	}
	return nil
}

// checkBackend resolves the name of a voice back-end.
func (s *Service) checkBackend(name string) (string, error) {
	if name == "" {
		if len(s.opts.Backends) > 0 {
			return s.opts.Backends[0], nil
		}
		return defaultBackend, nil
	}
	if len(s.opts.Backends) > 0 && !slices.Contains(s.opts.Backends, name) {
		return "", taskrouter.Invalidf("Backend must be one of %s", strings.Join(s.opts.Backends, ", "))
	}
	return name, checkText("Backend", name)
}

func (s *Service) checkMenu(menu string) error {
	if menu == "" {
		return nil
	}
	if err := checkText("Menu", menu); err != nil {
		return err
	}
	err := s.opts.ValidateMenu(menu)
	var typed *taskrouter.Error
	if err == nil || errors.As(err, &typed) {
		return err
	}
	return taskrouter.Invalidf("Menu: %v", err)
}

func checkWrapUp(seconds int64) error { return checkRange("WrapUp", seconds, 0, maxWrapUp) }

// checkNumbersFree refuses numbers another call queue of the back-end has, of
// whatever account: a call arrives at one place only. Two requests that race
// for a number are told apart by the store's unique key.
func (s *Service) checkNumbersFree(ctx context.Context, q *taskrouter.CallQueue) error {
	for i, n := range q.PhoneNumbers {
		holder, err := s.store.CallQueueByNumber(ctx, "", q.Backend, n)
		if err != nil {
			return err
		}
		if holder != nil && holder.SID != q.SID {
			return taskrouter.Invalidf("PhoneNumbers[%d] is already bound to a call queue", i)
		}
	}
	return nil
}

// checkCallQueueUpdate checks what needs no lock and puts enum values into
// their canonical form.
func (s *Service) checkCallQueueUpdate(ctx context.Context, n *CallQueueUpdate) error {
	err := firstError(
		checkSent(n.FriendlyName, checkFriendlyName),
		checkSent(n.PhoneNumbers, checkPhoneNumbers),
		checkSent(n.HoldMusicURL, func(v string) error { return checkURL("HoldMusicUrl", v) }),
		checkSent(n.Menu, s.checkMenu),
		checkSent(n.WrapUp, checkWrapUp),
	)
	if err != nil {
		return err
	}
	if n.Instruction != nil {
		v, err := parseInstruction(*n.Instruction)
		if err != nil {
			return err
		}
		n.Instruction = &v
	}
	if n.Backend != nil {
		v, err := s.checkBackend(*n.Backend)
		if err != nil {
			return err
		}
		n.Backend = &v
	}
	if n.PhoneNumbers == nil && n.Backend == nil {
		return nil
	}
	current, err := s.store.FetchCallQueue(ctx, n.AccountSID, n.WorkspaceSID, n.SID)
	if err != nil || current == nil {
		return err // an unknown one is reported under the lock
	}
	return s.checkNumbersFree(ctx, n.applied(current))
}

// applied returns a copy of a call queue with the sent fields replaced.
func (n *CallQueueUpdate) applied(current *taskrouter.CallQueue) *taskrouter.CallQueue {
	next := *current
	next.PhoneNumbers = slices.Clone(current.PhoneNumbers)
	set(&next.FriendlyName, n.FriendlyName)
	if n.PhoneNumbers != nil {
		next.PhoneNumbers = slices.Clone(*n.PhoneNumbers)
	}
	set(&next.WorkflowSID, n.WorkflowSID)
	set(&next.Menu, n.Menu)
	set(&next.HoldMusicURL, n.HoldMusicURL)
	set(&next.Instruction, n.Instruction)
	set(&next.Backend, n.Backend)
	if n.WrapUp != nil {
		next.WrapUp = time.Duration(*n.WrapUp) * time.Second
	}
	return &next
}

// sameCallQueue compares what a client can change.
func sameCallQueue(a, b *taskrouter.CallQueue) bool {
	return a.FriendlyName == b.FriendlyName && slices.Equal(a.PhoneNumbers, b.PhoneNumbers) &&
		a.WorkflowSID == b.WorkflowSID && a.Menu == b.Menu && a.HoldMusicURL == b.HoldMusicURL &&
		a.Instruction == b.Instruction && a.Backend == b.Backend && a.WrapUp == b.WrapUp
}
