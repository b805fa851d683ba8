package wire

import (
	"net/url"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxExplained is the most agents an explanation lists.
const maxExplained = 100

// ExplanationQuery is the query of an explanation.
type ExplanationQuery struct {
	// Limit is how many agents are listed.
	Limit int
}

// ParseExplanation reads the query of an explanation.
func ParseExplanation(query url.Values) (ExplanationQuery, error) {
	return parseExplanation(bind(query))
}

func parseExplanation(b *binder) (ExplanationQuery, error) {
	return ExplanationQuery{Limit: b.limit(maxExplained)}, b.fault()
}

// limit reads how much is listed.
func (b *binder) limit(def int) int {
	if n := b.integer("Limit", 1, maxExplained); n != nil {
		return int(*n)
	}
	return def
}

// EvaluationForm is the form of a dry run.
type EvaluationForm struct {
	Attributes    taskrouter.Attributes
	Configuration *string
	Priority      int64
	TaskChannel   string
	// Limit is how many agents are listed for each target.
	Limit int
}

// ParseEvaluation reads the form of a dry run. Attributes that were not sent
// are empty.
func ParseEvaluation(form url.Values) (EvaluationForm, error) { return parseEvaluation(bind(form)) }

func parseEvaluation(b *binder) (EvaluationForm, error) {
	in := EvaluationForm{
		Attributes:    taskrouter.NoAttributes,
		Configuration: b.text("Configuration"),
		Priority:      deref(b.integer("Priority", 0, taskrouter.MaxPriority)),
		TaskChannel:   deref(b.channel("TaskChannel")),
		Limit:         b.limit(10),
	}
	if a := b.attributes("TaskAttributes"); a != nil {
		in.Attributes = *a
	}
	return in, b.fault()
}
