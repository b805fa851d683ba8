package callqueue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ValidateMenu checks the text of a menu. The error is of KindInvalid and names
// the path of what is wrong.
func ValidateMenu(text string) error {
	_, err := ParseMenu(text)
	return err
}

// ParseMenu reads the text of a menu; see Menu for the grammar. The error is of
// KindInvalid and names the path of what is wrong.
func ParseMenu(text string) (*Menu, error) {
	if len(text) > MaxMenuSize {
		return nil, invalid("", "must be at most %d bytes, got %d", MaxMenuSize, len(text))
	}
	if strings.TrimSpace(text) == "" {
		return &Menu{}, nil
	}
	if !utf8.ValidString(text) {
		return nil, invalid("", "must be valid UTF-8")
	}
	p := menuParser{menu: &Menu{Steps: map[string]*Step{}}}
	if err := p.top(json.RawMessage(text)); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.menu, nil
}

func invalid(path, format string, args ...any) error {
	where := "Menu"
	if path != "" {
		where += " " + path
	}
	return taskrouter.Invalidf("%s: %s", where, fmt.Sprintf(format, args...))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// menuParser reads one menu.
type menuParser struct {
	menu            *Menu
	language, voice string
}

func (p *menuParser) top(raw json.RawMessage) error {
	members, err := object(raw, "", "language", "voice", "start", "steps", "goodbye", "waiting", "attributes", "priority")
	if err != nil {
		return err
	}
	if p.language, err = language(members["language"], "language"); err != nil {
		return err
	}
	if p.voice, err = text(members["voice"], "voice", maxNameLength); err != nil {
		return err
	}
	if p.menu.Goodbye, err = p.prompt(members["goodbye"], "goodbye"); err != nil {
		return err
	}
	if p.menu.Waiting, err = p.prompt(members["waiting"], "waiting"); err != nil {
		return err
	}
	if p.menu.Attributes, err = staticAttributes(members["attributes"]); err != nil {
		return err
	}
	if err = integer(members["priority"], "priority", 0, 1<<31-1, &p.menu.Priority); err != nil {
		return err
	}
	if p.menu.Start, err = text(members["start"], "start", maxNameLength); err != nil {
		return err
	}
	return p.steps(members["steps"])
}

func (p *menuParser) steps(raw json.RawMessage) error {
	steps, err := object(raw, "steps")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(steps)) {
		path := join("steps", name)
		if !isStepName(name) {
			return invalid("steps", "%q is not a step name: use up to %d letters, digits, - and _", name, maxNameLength)
		}
		if p.menu.Steps[name], err = p.step(steps[name], path); err != nil {
			return err
		}
	}
	return nil
}

func (p *menuParser) step(raw json.RawMessage, path string) (*Step, error) {
	members, err := object(raw, path, "say", "play", "language", "voice", "timeout", "tries", "invalid", "choices", "default")
	if err != nil {
		return nil, err
	}
	s := &Step{Choices: map[string]Choice{}}
	if s.Prompt, err = p.promptMembers(members, path); err != nil {
		return nil, err
	}
	if s.Say == "" && s.Play == "" {
		return nil, invalid(path, "needs say or play")
	}
	if s.Invalid, err = text(members["invalid"], join(path, "invalid"), maxPromptLength); err != nil {
		return nil, err
	}
	timeout, tries := int64(defaultTimeout), int64(defaultTries)
	if err = integer(members["timeout"], join(path, "timeout"), 1, maxTimeout, &timeout); err != nil {
		return nil, err
	}
	if err = integer(members["tries"], join(path, "tries"), 1, maxTries, &tries); err != nil {
		return nil, err
	}
	s.Timeout, s.Tries = int(timeout), int(tries)
	if err := p.choices(members["choices"], join(path, "choices"), s); err != nil {
		return nil, err
	}
	return s, p.fallback(members["default"], join(path, "default"), s)
}

func (p *menuParser) choices(raw json.RawMessage, path string, s *Step) error {
	members, err := object(raw, path)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return invalid(path, "needs at least one choice")
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if len(key) != 1 || !strings.Contains("0123456789*#", key) {
			return invalid(path, "%q is not a key: use one of 0-9, * and #", key)
		}
		if s.Choices[key], err = choice(members[key], join(path, key)); err != nil {
			return err
		}
	}
	return nil
}

// fallback reads default: a choice, or a text that is said before hanging up.
func (p *menuParser) fallback(raw json.RawMessage, path string, s *Step) error {
	if absent(raw) {
		return nil
	}
	var err error
	if isText(raw) {
		s.Sorry, err = text(raw, path, maxPromptLength)
		return err
	}
	c, err := choice(raw, path)
	s.Default = &c
	return err
}

func choice(raw json.RawMessage, path string) (Choice, error) {
	members, err := object(raw, path, "set", "next")
	if err != nil {
		return Choice{}, err
	}
	var c Choice
	if c.Next, err = text(members["next"], join(path, "next"), maxNameLength); err != nil {
		return Choice{}, err
	}
	set, err := object(members["set"], join(path, "set"))
	if err != nil {
		return Choice{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := attributeName(name, join(path, "set")); err != nil {
			return Choice{}, err
		}
		value, err := text(set[name], join(join(path, "set"), name), maxSetValue)
		if err != nil {
			return Choice{}, err
		}
		if c.Set == nil {
			c.Set = map[string]string{}
		}
		c.Set[name] = value
	}
	return c, nil
}

// prompt reads a text or an object.
func (p *menuParser) prompt(raw json.RawMessage, path string) (Prompt, error) {
	if isText(raw) {
		say, err := text(raw, path, maxPromptLength)
		return Prompt{Say: say, Language: p.language, Voice: p.voice}, err
	}
	members, err := object(raw, path, "say", "play", "language", "voice")
	if err != nil {
		return Prompt{}, err
	}
	return p.promptMembers(members, path)
}

func (p *menuParser) promptMembers(members map[string]json.RawMessage, path string) (Prompt, error) {
	var out Prompt
	var err error
	if out.Say, err = text(members["say"], join(path, "say"), maxPromptLength); err != nil {
		return Prompt{}, err
	}
	if out.Play, err = text(members["play"], join(path, "play"), maxURLLength); err != nil {
		return Prompt{}, err
	}
	if out.Play != "" && !isWebURL(out.Play) {
		return Prompt{}, invalid(join(path, "play"), "must be an absolute http or https URL")
	}
	if out.Language, err = language(members["language"], join(path, "language")); err != nil {
		return Prompt{}, err
	}
	if out.Voice, err = text(members["voice"], join(path, "voice"), maxNameLength); err != nil {
		return Prompt{}, err
	}
	if out.Language == "" {
		out.Language = p.language
	}
	if out.Voice == "" {
		out.Voice = p.voice
	}
	return out, nil
}

func staticAttributes(raw json.RawMessage) (map[string]any, error) {
	members, err := object(raw, "attributes")
	if err != nil || len(members) == 0 {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := attributeName(name, "attributes"); err != nil {
			return nil, err
		}
	}
	out := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // a number reaches the Task as it was written
	if err := dec.Decode(&out); err != nil {
		return nil, invalid("attributes", "must be a JSON object")
	}
	return out, nil
}

func attributeName(name, path string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxNameLength {
		return invalid(path, "attribute names have 1 to %d characters, got %d", maxNameLength, n)
	}
	if reservedAttributes[name] {
		return invalid(join(path, name), "is set by the router")
	}
	return nil
}

// object reads an object whose members, if any names are given, must be among
// them. An absent value is an empty object.
func object(raw json.RawMessage, path string, names ...string) (map[string]json.RawMessage, error) {
	if absent(raw) {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, invalid(path, "must be a JSON object")
	}
	if len(names) == 0 {
		return members, nil
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(names, name) {
			return nil, invalid(join(path, name), "unknown member; known are %s", strings.Join(names, ", "))
		}
	}
	return members, nil
}

func text(raw json.RawMessage, path string, longest int) (string, error) {
	if absent(raw) {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", invalid(path, "must be a string")
	}
	if n := utf8.RuneCountInString(*s); n > longest {
		return "", invalid(path, "must be at most %d characters, got %d", longest, n)
	}
	return *s, nil
}

func language(raw json.RawMessage, path string) (string, error) {
	s, err := text(raw, path, 20)
	if err != nil || s == "" || isLanguage(s) {
		return s, err
	}
	return "", invalid(path, "%q is not a language tag such as en-US", s)
}

// integer reads a whole number between low and high into n, which keeps its
// value when the member is absent.
func integer(raw json.RawMessage, path string, low, high int64, n *int64) error {
	if absent(raw) {
		return nil
	}
	var v *int64
	if err := json.Unmarshal(raw, &v); err != nil || v == nil || *v < low || *v > high {
		return invalid(path, "must be a whole number from %d to %d", low, high)
	}
	*n = *v
	return nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 }

func isText(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte(`"`))
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isStepName(s string) bool {
	return s != "" && len(s) <= maxNameLength && !strings.ContainsFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	})
}

func isLanguage(s string) bool {
	for _, part := range strings.Split(s, "-") {
		if part == "" || len(part) > 8 || strings.ContainsFunc(part, func(r rune) bool { return !isAlphanumeric(r) }) {
			return false
		}
	}
	return true
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
