package events

import (
	"bytes"
	"errors"
	"mime"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// answer is what one URL said. One that is not usable sends the request to the
// fallback; one that is, without an instruction, leaves the offer to the agent.
type answer struct {
	usable      bool
	instruction *taskrouter.Instruction
	code        int
}

// readAnswer understands the body of a 2xx answer.
func readAnswer(contentType string, body []byte) answer {
	if len(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))) == 0 {
		return answer{usable: true}
	}
	if !isJSON(contentType) {
		return answer{code: CodeNotJSON}
	}
	in, err := wire.ParseInstruction(body)
	got := answer{usable: true, instruction: in, code: codeOf(err)}
	if got.code == CodeUnreadable {
		got.usable = false
	}
	return got
}

// codeOf is the public code of a fault in an answer; zero for none.
func codeOf(err error) int {
	var fault *taskrouter.Error
	if errors.As(err, &fault) {
		return fault.Code
	}
	return 0
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		media = strings.TrimSpace(media)
	}
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}
