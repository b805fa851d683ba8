package twilioexpr

import (
	"fmt"
	"strconv"
)

// SyntaxError says where a text stops being an expression.
type SyntaxError struct {
	// Position is the offending character, counted from one.
	Position int
	// Token is the offending piece of text; empty at the end of the text and
	// beyond a limit.
	Token string
	// Message is what is wrong, without the position.
	Message string
	// Limit says that the text may be an expression, but beyond a limit.
	Limit bool
}

// Error returns the message and the position.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s at character %d", e.Message, e.Position)
}

func beyond(position int, format string, args ...any) *SyntaxError {
	return &SyntaxError{Position: position, Message: fmt.Sprintf(format, args...), Limit: true}
}

func unexpected(t token, want string) *SyntaxError {
	if t.kind == tokenEnd {
		return &SyntaxError{Position: t.position, Message: "unexpected end of expression, expected " + want}
	}
	return &SyntaxError{
		Position: t.position, Token: t.text,
		Message: "unexpected token " + strconv.Quote(clip(t.text)) + ", expected " + want,
	}
}

// clip keeps an error readable when the token is a page of text.
func clip(s string) string {
	const most = 40
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
