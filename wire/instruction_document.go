package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ParseInstruction reads the JSON document an assignment callback answers
// with (https://www.twilio.com/docs/taskrouter/handle-assignment-callbacks).
//
// An empty document and an empty object ask for nothing: both results are nil.
// A fault is a KindInvalid error whose Code is the public one for the log:
// 40001 for text that is no JSON, 40005 for an object without an instruction,
// 55555 for an unknown instruction, and one of the parameter. A rejection with
// an invalid Activity gives both: the instruction without the Activity, to be
// carried out, and the error to be logged.
func ParseInstruction(document []byte) (*taskrouter.Instruction, error) {
	document = bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")) // some editors put it in front
	if len(bytes.TrimSpace(document)) == 0 {
		return nil, nil
	}
	fields, err := decodeObject(document)
	if err != nil {
		return nil, taskrouter.InvalidCode(CodeNotJSON, "The callback's answer is not a JSON object")
	}
	if len(fields) == 0 {
		return nil, nil
	}
	name, err := scalars(fields["instruction"])
	if err != nil || len(name) != 1 || strings.TrimSpace(name[0]) == "" {
		return nil, taskrouter.InvalidCode(CodeNoInstruction, "The callback's answer has no instruction")
	}
	kind, err := taskrouter.ParseInstructionKind(strings.TrimSpace(name[0]))
	if err != nil {
		return nil, err
	}
	if kind == taskrouter.InstructSupervise {
		return nil, taskrouter.InvalidCode(taskrouter.CodeUnknownInstruction, "The supervise instruction is not allowed in a callback's answer")
	}
	in, err := collectInstruction(kind, required, func(p *instructionParam) string { return p.key },
		func(names []string) ([]string, error) {
			for _, n := range names {
				values, err := scalars(fields[n])
				if err != nil || len(values) > 0 {
					return values, err
				}
			}
			return nil, nil
		})
	if err != nil && kind != taskrouter.InstructReject {
		in = nil
	}
	return in, err
}

func decodeObject(document []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the object")
	}
	if fields == nil {
		return nil, errors.New("null")
	}
	return fields, nil
}

// scalars is the text form of a JSON scalar or of a list of them.
func scalars(value any) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case json.Number:
		return []string{v.String()}, nil
	case bool:
		if v {
			return []string{"true"}, nil
		}
		return []string{"false"}, nil
	case []any:
		var out []string
		for _, item := range v {
			if _, nested := item.([]any); nested {
				return nil, errors.New("must not be a nested list")
			}
			s, err := scalars(item)
			if err != nil {
				return nil, err
			}
			out = append(out, s...)
		}
		return out, nil
	default:
		return nil, errors.New("must not be an object")
	}
}
