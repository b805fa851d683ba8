package callqueue_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// twoSteps is the menu most tests use.
const twoSteps = `{
  "language": "en-US",
  "start": "department",
  "steps": {
    "department": {
      "say": "Press 1 for Support, 2 for Sales",
      "timeout": 5, "tries": 3,
      "invalid": "That is not one of the choices.",
      "choices": {
        "1": {"set": {"department": "support"}, "next": "language"},
        "2": {"set": {"department": "sales"}, "next": "language"}
      },
      "default": {"set": {"department": "sales"}, "next": "language"}
    },
    "language": {
      "play": "https://media.example.com/language.wav", "say": "1 for English, 2 for Japanese", "language": "en-GB",
      "tries": 2,
      "choices": {"1": {"set": {"language": "english"}}, "2": {"set": {"language": "japanese"}}},
      "default": "Please call again. Goodbye."
    }
  },
  "goodbye": "Thank you for calling.",
  "waiting": {"say": "Please hold"},
  "attributes": {"line": "main", "weight": 3},
  "priority": 7
}`

func TestParseMenu(t *testing.T) {
	m, err := callqueue.ParseMenu(twoSteps)
	require.NoError(t, err)
	require.Equal(t, "department", m.Start)
	require.Equal(t, int64(7), m.Priority)
	require.Equal(t, "en-US", m.Goodbye.Language, "inherited")
	require.Equal(t, "Please hold", m.Waiting.Say)
	department, language := m.Steps["department"], m.Steps["language"]
	require.Equal(t, "en-US", department.Language)
	require.Equal(t, "en-GB", language.Language)
	require.Equal(t, 3, department.Tries)
	require.Equal(t, 5, language.Timeout, "the default")
	require.Equal(t, callqueue.Choice{Set: map[string]string{"department": "support"}, Next: "language"}, department.Choices["1"])
	require.Equal(t, &callqueue.Choice{Set: map[string]string{"department": "sales"}, Next: "language"}, department.Default)
	require.Nil(t, language.Default)
	require.Equal(t, "Please call again. Goodbye.", language.Sorry)
	require.Equal(t, "main", m.Attributes["line"])
}

func TestParseMenuWithoutSteps(t *testing.T) {
	for _, text := range []string{"", "  \n", "{}", `{"priority": 1, "attributes": {"a": [1, {"b": null}]}}`, `{"steps": {}}`} {
		m, err := callqueue.ParseMenu(text)
		require.NoError(t, err, text)
		require.Empty(t, m.Start, text)
		require.Empty(t, m.Steps, text)
	}
}

func TestParseMenuStartsAtTheOnlyStep(t *testing.T) {
	m, err := callqueue.ParseMenu(`{"steps": {"only": {"say": "x", "choices": {"*": {}}}}}`)
	require.NoError(t, err)
	require.Equal(t, "only", m.Start)
}

func TestMenuErrorsNameThePath(t *testing.T) {
	step := func(rest string) string { return `{"steps": {"a": {"say": "x", ` + rest + `}}}` }
	long := strings.Repeat("x", 1001)
	for name, c := range map[string]struct{ menu, want string }{
		"no JSON":                {`{`, "Menu: must be a JSON object"},
		"an array":               {`[]`, "Menu: must be a JSON object"},
		"null":                   {`null`, "Menu: must be a JSON object"},
		"trailing text":          {`{} x`, "Menu: must be a JSON object"},
		"too long":               {`{"start": "` + strings.Repeat("x", callqueue.MaxMenuSize) + `"}`, "Menu: must be at most 16384 bytes, got 16397"},
		"not UTF-8":              {"{\"goodbye\": \"\xff\"}", "Menu: must be valid UTF-8"},
		"unknown member":         {`{"step": {}}`, "Menu step: unknown member; known are language, voice, start, steps, goodbye, waiting, attributes, priority"},
		"start without steps":    {`{"start": "a"}`, `Menu start: there is no step "a"`},
		"start missing":          {`{"steps": {"a": {"say": "x", "choices": {"1": {}}}, "b": {"say": "x", "choices": {"1": {}}}}}`, "Menu start: is needed when there is more than one step"},
		"start unknown":          {`{"start": "b", "steps": {"a": {"say": "x", "choices": {"1": {}}}}}`, `Menu start: there is no step "b"`},
		"steps no object":        {`{"steps": 3}`, "Menu steps: must be a JSON object"},
		"step name":              {`{"steps": {"a b": {}}}`, `Menu steps: "a b" is not a step name: use up to 64 letters, digits, - and _`},
		"step null":              {`{"steps": {"a": null}}`, "Menu steps.a: must be a JSON object"},
		"no prompt":              {`{"steps": {"a": {"choices": {"1": {}}}}}`, "Menu steps.a: needs say or play"},
		"say no text":            {`{"steps": {"a": {"say": 1}}}`, "Menu steps.a.say: must be a string"},
		"say too long":           {`{"steps": {"a": {"say": "` + long + `"}}}`, "Menu steps.a.say: must be at most 1000 characters, got 1001"},
		"play no URL":            {`{"steps": {"a": {"play": "music.wav"}}}`, "Menu steps.a.play: must be an absolute http or https URL"},
		"play other scheme":      {`{"steps": {"a": {"play": "file:///etc/passwd"}}}`, "Menu steps.a.play: must be an absolute http or https URL"},
		"language":               {step(`"language": "en US"`), `Menu steps.a.language: "en US" is not a language tag such as en-US`},
		"no choices":             {`{"steps": {"a": {"say": "x"}}}`, "Menu steps.a.choices: needs at least one choice"},
		"choices empty":          {step(`"choices": {}`), "Menu steps.a.choices: needs at least one choice"},
		"key of two":             {step(`"choices": {"12": {}}`), `Menu steps.a.choices: "12" is not a key: use one of 0-9, * and #`},
		"key a letter":           {step(`"choices": {"A": {}}`), `Menu steps.a.choices: "A" is not a key: use one of 0-9, * and #`},
		"key empty":              {step(`"choices": {"": {}}`), `Menu steps.a.choices: "" is not a key: use one of 0-9, * and #`},
		"choice unknown member":  {step(`"choices": {"1": {"goto": "b"}}`), "Menu steps.a.choices.1.goto: unknown member; known are set, next"},
		"choice null":            {step(`"choices": {"1": null}`), "Menu steps.a.choices.1: must be a JSON object"},
		"next unknown":           {step(`"choices": {"1": {"next": "b"}}`), `Menu steps.a.choices.1.next: there is no step "b"`},
		"next itself":            {step(`"choices": {"1": {"next": "a"}}`), `Menu steps.a.choices.1.next: leads back to step "a": a menu must come to an end`},
		"default unknown":        {step(`"choices": {"1": {}}, "default": {"next": "b"}`), `Menu steps.a.default.next: there is no step "b"`},
		"default a number":       {step(`"choices": {"1": {}}, "default": 4`), "Menu steps.a.default: must be a JSON object"},
		"set no text":            {step(`"choices": {"1": {"set": {"n": 1}}}`), "Menu steps.a.choices.1.set.n: must be a string"},
		"set too long":           {step(`"choices": {"1": {"set": {"n": "` + long[:257] + `"}}}`), "Menu steps.a.choices.1.set.n: must be at most 256 characters, got 257"},
		"set without name":       {step(`"choices": {"1": {"set": {"": "x"}}}`), "Menu steps.a.choices.1.set: attribute names have 1 to 64 characters, got 0"},
		"set a fact":             {step(`"choices": {"1": {"set": {"from": "x"}}}`), "Menu steps.a.choices.1.set.from: is set by the router"},
		"timeout zero":           {step(`"timeout": 0`), "Menu steps.a.timeout: must be a whole number from 1 to 60"},
		"timeout fraction":       {step(`"timeout": 1.5`), "Menu steps.a.timeout: must be a whole number from 1 to 60"},
		"tries text":             {step(`"tries": "3"`), "Menu steps.a.tries: must be a whole number from 1 to 10"},
		"tries null":             {step(`"tries": null`), "Menu steps.a.tries: must be a whole number from 1 to 10"},
		"unreachable":            {`{"start": "a", "steps": {"a": {"say": "x", "choices": {"1": {}}}, "b": {"say": "x", "choices": {"1": {}}}}}`, "Menu steps.b: no choice leads here"},
		"long way round":         {`{"start": "a", "steps": {"a": {"say": "x", "choices": {"1": {"next": "b"}}}, "b": {"say": "x", "choices": {"1": {}}, "default": {"next": "a"}}}}`, `Menu steps.b.default.next: leads back to step "a": a menu must come to an end`},
		"too deep":               {chain(17), "Menu steps: the longest way through has 17 steps, at most 16 are allowed"},
		"goodbye unknown member": {`{"goodbye": {"text": "x"}}`, "Menu goodbye.text: unknown member; known are say, play, language, voice"},
		"waiting a number":       {`{"waiting": 1}`, "Menu waiting: must be a JSON object"},
		"attributes a fact":      {`{"attributes": {"call_sid": "x"}}`, "Menu attributes.call_sid: is set by the router"},
		"attributes a list":      {`{"attributes": []}`, "Menu attributes: must be a JSON object"},
		"attributes too large":   {`{"attributes": {"a": "` + strings.Repeat("y", 2100) + `"}}`, "Menu: the attributes a caller can collect take 2108 bytes, at most 2048 are allowed"},
		"priority negative":      {`{"priority": -1}`, "Menu priority: must be a whole number from 0 to 2147483647"},
		"priority too large":     {`{"priority": 2147483648}`, "Menu priority: must be a whole number from 0 to 2147483647"},
	} {
		t.Run(name, func(t *testing.T) {
			err := callqueue.ValidateMenu(c.menu)
			require.Error(t, err)
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			require.Equal(t, c.want, err.Error())
		})
	}
}

// chain is a menu whose n steps follow each other.
func chain(n int) string {
	var b strings.Builder
	b.WriteString(`{"start": "s01", "steps": {`)
	for i := 1; i <= n; i++ {
		next := ""
		if i < n {
			next = `"next": "` + stepName(i+1) + `"`
		}
		if i > 1 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + stepName(i) + `": {"say": "x", "choices": {"1": {` + next + `}}}`)
	}
	return b.String() + "}}"
}

func stepName(i int) string { return "s" + string(rune('0'+i/10)) + string(rune('0'+i%10)) }

func TestMenuDepthLimit(t *testing.T) { require.NoError(t, callqueue.ValidateMenu(chain(16))) }

// A menu that is accepted comes to an end whatever the caller presses.
func FuzzParseMenu(f *testing.F) {
	f.Add(twoSteps)
	f.Add("")
	f.Add(`{"steps": {"a": {"say": "x", "choices": {"1": {"next": "a"}}}}}`)
	f.Add(chain(3))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := callqueue.ParseMenu(text)
		if err != nil {
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			return
		}
		var walk func(step string, depth int)
		walk = func(step string, depth int) {
			require.LessOrEqual(t, depth, callqueue.MaxMenuDepth)
			s := m.Steps[step]
			require.NotNil(t, s)
			require.NotEmpty(t, s.Choices)
			for _, c := range s.Choices {
				if c.Next != "" {
					walk(c.Next, depth+1)
				}
			}
		}
		if m.Start != "" && len(m.Steps) < 6 {
			walk(m.Start, 1)
		}
	})
}
