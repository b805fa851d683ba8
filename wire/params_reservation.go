package wire

import (
	"net/url"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ReservationUpdate is the form of a change to a Reservation. An instruction
// wins over a status when both are sent.
type ReservationUpdate struct {
	Status            *taskrouter.ReservationStatus
	Instruction       *taskrouter.Instruction
	WorkerActivitySID string
}

// ParseReservationUpdate reads the form of a change to a Reservation made
// through a view; supervising is possible through the Task's only.
func ParseReservationUpdate(form url.Values, view ReservationView) (ReservationUpdate, error) {
	return parseReservationUpdate(bind(form), view)
}

func parseReservationUpdate(b *binder, view ReservationView) (ReservationUpdate, error) {
	b.noteInstructions(view)
	if name := b.text("Instruction"); name != nil && *name != "" {
		in, err := parseInstructionForm(*name, b.values, view)
		if err != nil {
			return ReservationUpdate{}, err
		}
		return ReservationUpdate{Instruction: in, WorkerActivitySID: in.Params["activity_sid"]}, b.fault()
	}
	in := ReservationUpdate{
		Status:            oneOf(b, "ReservationStatus", taskrouter.ReservationStatuses()...),
		WorkerActivitySID: deref(b.sidCode(codeRejectActivity, "WorkerActivitySid", taskrouter.PrefixActivity)),
	}
	return in, b.fault()
}

func parseInstructionForm(name string, form url.Values, view ReservationView) (*taskrouter.Instruction, error) {
	kind, err := taskrouter.ParseInstructionKind(name)
	if err != nil {
		return nil, err
	}
	if kind == taskrouter.InstructSupervise && view == WorkerView {
		return nil, taskrouter.Invalidf("The supervise instruction is available through the Task's Reservations only")
	}
	in, err := collectInstruction(kind, requiredInForm, func(p *instructionParam) string { return p.form },
		func(names []string) ([]string, error) {
			for _, n := range names {
				if values := form[n]; len(values) > 0 {
					return values, nil
				}
			}
			return nil, nil
		})
	if err != nil {
		return nil, err
	}
	if _, given := in.Params["supervisor_mode"]; kind == taskrouter.InstructSupervise && !given {
		in.Params["supervisor_mode"] = "monitor"
	}
	return in, nil
}

// noteInstructions notes the parameters of all instructions a view has.
func (b *binder) noteInstructions(view ReservationView) {
	if b.noted == nil {
		return
	}
	kinds := []taskrouter.InstructionKind{
		taskrouter.InstructAccept, taskrouter.InstructReject, taskrouter.InstructDequeue, taskrouter.InstructCall,
		taskrouter.InstructRedirect, taskrouter.InstructConference,
	}
	if view == TaskView {
		kinds = append(kinds, taskrouter.InstructSupervise)
	}
	b.note(Parameter{Name: "Instruction", Words: texts(kinds)})
	for _, kind := range kinds {
		for _, row := range instructionParams[kind] {
			p := row.check.Parameter
			p.Name, p.Only = row.form, []taskrouter.InstructionKind{kind}
			if p.MaxLength == 0 && p.Kind == "" {
				p.MaxLength = maxInstructionTextLength
			}
			b.note(p)
		}
	}
}

// ReservationList is the query of a list of Reservations.
type ReservationList struct {
	Status    taskrouter.ReservationStatus
	WorkerSID string
}

// ParseReservationList reads the query of a list of Reservations; only the
// Task's list can be narrowed to a Worker.
func ParseReservationList(query url.Values, view ReservationView) (ReservationList, error) {
	return parseReservationList(bind(query), view)
}

func parseReservationList(b *binder, view ReservationView) (ReservationList, error) {
	in := ReservationList{Status: deref(oneOf(b, "ReservationStatus", taskrouter.ReservationStatuses()...))}
	if view == TaskView {
		in.WorkerSID = deref(b.sid("WorkerSid", taskrouter.PrefixWorker))
	}
	return in, b.fault()
}
