package rules_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func document(t testing.TB, text string) rules.Document {
	t.Helper()
	d, err := rules.ParseDocument(taskrouter.Attributes(text))
	require.NoError(t, err)
	return d
}

func voiceAndChat(voice, chat rules.ChannelFacts) map[string]rules.ChannelFacts {
	return map[string]rules.ChannelFacts{"voice": voice, "chat": chat}
}

// TestFamiliarSyntax holds the documented and the derived examples of
// TaskRouter's expression syntax. An empty place means that the values are
// tried both as Task attributes of a filter and as agent attributes of a
// queue.
func TestFamiliarSyntax(t *testing.T) {
	t.Parallel()
	const (
		both   = -1
		filter = rules.PlaceTaskFilter
		queue  = rules.PlaceQueueWorkers
		target = rules.PlaceTargetExpression
		list   = rules.PlaceWorkerList
		skip   = rules.PlaceSkipIf
	)
	type channel = rules.ChannelFacts
	rows := []struct {
		number     int
		place      rules.Place
		values     string // Task attributes, agent attributes when the place is about agents
		worker     string // agent attributes in a target
		facts      rules.WorkerFacts
		workers    rules.QueueFacts
		expression string
		want       bool
		invalid    string
	}{
		{number: 1, place: both, expression: `1 == 1`, want: true},
		{number: 2, place: both, expression: `0 != 1`, want: true},
		{number: 3, place: both, expression: `"apple" != "orange"`, want: true},
		{number: 4, place: both, values: `{"key": 2}`, expression: `key > 1`, want: true},
		{number: 5, place: both, values: `{"key": 1}`, expression: `key > 1`},
		{number: 6, place: both, values: `{"object": {"param": "pear"}}`, expression: `object.param != "apple"`, want: true},
		{number: 7, place: both, values: `{"language": "es"}`, expression: `language IN ["en", "es"]`, want: true},
		{number: 8, place: both, values: `{"language": "de"}`, expression: `language IN ["en", "es"]`},
		{number: 9, place: both, values: `{"condition_a": true, "condition_b": false}`, expression: `(condition_a == true) OR (condition_b == true)`, want: true},
		{number: 10, place: both, values: `{"language": "fr", "skill_rating": 5.1}`, expression: `(language == "en" OR language == "fr") AND skill_rating >= 5.1`, want: true},
		{number: 11, place: both, values: `{"language": "fr", "skill_rating": 5}`, expression: `(language == "en" OR language == "fr") AND skill_rating >= 5.1`},
		{number: 12, place: both, values: `{"object": {"array": ["a", "b", "c"]}}`, expression: `object.array[2] == "c"`, want: true},
		{number: 13, place: both, values: `{"object": {"array": ["a", "b", "c"]}}`, expression: `object.array[3] == "d"`},
		{number: 14, place: both, values: `{"object": {"attr": "bar"}}`, expression: `object.attr == 'bar'`, want: true},
		{number: 15, place: both, values: `{"skills": ["support", "sales"], "languages": ["english"]}`, expression: `(skills HAS "support") AND (languages HAS "english")`, want: true},
		{number: 16, place: both, values: `{"skills": ["sales"], "languages": ["spanish", "english"]}`, expression: `(skills HAS "support") AND (languages HAS "english")`},
		{number: 17, place: both, values: `{"skills": ["sales"], "languages": ["spanish", "english"]}`, expression: `languages HAS "spanish"`, want: true},
		{number: 18, place: both, values: `{"languages": ["english"]}`, expression: `languages HAS "spanish"`},
		{number: 19, place: both, values: `{"tech_support_skill": 3}`, expression: `tech_support_skill < 5`, want: true},
		{number: 20, place: both, values: `{"tech_support_skill": "6"}`, expression: `tech_support_skill > 5`, want: true},
		{number: 21, place: both, values: `{"tech_support_skill": 5}`, expression: `tech_support_skill > 5`},
		{number: 22, place: both, values: `{"languages": ["english"]}`, expression: `languages >- "english"`, want: true},
		{number: 23, place: both, values: `{"language": "en"}`, expression: `language <- ["en", "es"]`, want: true},
		{number: 24, place: both, values: `{"language": "en"}`, expression: `language = "en"`, want: true},
		{number: 25, place: both, values: `{"type": "ticket", "customer_value": "Silver"}`, expression: `type == 'ticket' AND customer_value IN ['Silver', 'Bronze']`, want: true},
		{number: 26, place: both, values: `{"type": "ticket", "customer_value": "Gold"}`, expression: `type == 'ticket' AND customer_value IN ['Silver', 'Bronze']`},
		{number: 27, place: both, values: `{"type": "ticket", "customer_value": "Gold"}`, expression: `type == 'ticket' AND customer_value == 'Gold'`, want: true},
		{number: 28, place: both, values: `{"type": "ticket"}`, expression: `type=='lead'`},
		{number: 29, place: both, values: `{}`, expression: `type == "Sales"`},
		{number: 30, place: both, values: `{"preferred_agents": ["agent01"]}`, expression: `preferred_agents != null`, want: true},
		{number: 31, place: both, values: `{}`, expression: `preferred_agents != null`},
		{number: 32, place: both, values: `{}`, expression: `preferred_agents == null`, want: true},
		{number: 33, place: both, values: `{"languages": ["english"]}`, expression: `languages == "english"`},
		{number: 34, place: both, values: `{"languages": ["english"]}`, expression: `languages != "english"`},
		{number: 35, place: both, values: `{"level": 3}`, expression: `level HAS "support"`},
		{number: 36, place: both, values: `{"language": "en"}`, expression: `language IN "en"`},
		{number: 37, place: both, values: `{"status": "std"}`, expression: `status NOT IN ["vip"]`, want: true},
		{number: 38, place: both, values: `{"status": "vip"}`, expression: `status NOT IN ["vip"]`},
		{number: 39, place: both, values: `{"status": "std"}`, expression: `status NOT IN "vip"`},
		{number: 40, place: both, values: `{"name": "Anna Smith"}`, expression: `name CONTAINS "Smith"`, want: true},
		{number: 41, place: both, values: `{"name": "Anna Smith"}`, expression: `name CONTAINS "smith"`},
		{number: 42, place: list, facts: rules.WorkerFacts{ActivityName: "Team MNO"}, expression: `activity_name contains 'MNO'`, want: true},
		{number: 43, place: list, facts: rules.WorkerFacts{ActivityName: "ABC"}, expression: `activity_name in ['ABC', 'XYZ']`, want: true},
		{number: 44, place: target, facts: rules.WorkerFacts{ActivityName: "Lunch"}, expression: `worker.activity_name in ['Generally Available', 'High Value Tasks']`},
		{number: 45, place: target, facts: rules.WorkerFacts{ActivitySID: "WA01"}, expression: `worker.activity_sid == 'WA01'`, want: true},
		{number: 46, place: target, values: `{"preferred_agents": ["agent01", "agent04"]}`, worker: `{"id": "agent04"}`, expression: `worker.id IN task.preferred_agents`, want: true},
		{number: 47, place: target, values: `{"preferred_agents": ["agent01", "agent04"]}`, worker: `{"id": "agent09"}`, expression: `worker.id IN task.preferred_agents`},
		{number: 48, place: target, values: `{}`, worker: `{"id": "agent04"}`, expression: `worker.id IN task.preferred_agents`},
		{number: 49, place: target, values: `{"requested_agent": "a7"}`, worker: `{"agent_id": "a7"}`, expression: `task.requested_agent==worker.agent_id`, want: true},
		{number: 50, place: target, values: `{"required_language": "es"}`, worker: `{"spoken_languages": ["en", "es"]}`, expression: `task.required_language IN worker.spoken_languages`, want: true},
		{number: 51, place: target, values: `{"worker_sid": "WK07"}`, facts: rules.WorkerFacts{SID: "WK07"}, expression: `task.worker_sid = worker.sid`, want: true},
		{number: 52, place: both, values: `{"manual": 1, "channel": "chat"}`, expression: `manual == 1 AND channel == "chat"`, want: true},
		{number: 53, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{ConfiguredCapacity: 1, Used: 1}, channel{})}, expression: `worker.channel.voice.available_capacity_percentage == 100`},
		{number: 54, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{}, channel{ConfiguredCapacity: 3})}, expression: `worker.channel.chat.available_capacity_percentage == 100`, want: true},
		{number: 55, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{ConfiguredCapacity: 1}, channel{})}, expression: `worker.channel.voice.assigned_tasks == 0`, want: true},
		{number: 56, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{}, channel{ConfiguredCapacity: 3, AssignedTasks: 2, Used: 2})}, expression: `worker.channel.chat.assigned_tasks <= 1`},
		{number: 57, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{}, channel{ConfiguredCapacity: 4, Used: 2})}, expression: `worker.channel.chat.available_capacity_percentage <= 50`, want: true},
		{number: 58, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{}, channel{ConfiguredCapacity: 3, Used: 2})}, expression: `worker.channel.chat.available_capacity_percentage <= 50`, want: true},
		{number: 59, place: target, facts: rules.WorkerFacts{Channels: voiceAndChat(channel{}, channel{ConfiguredCapacity: 3, Used: 1})}, expression: `worker.channel.chat.available_capacity_percentage == 66`, want: true},
		{number: 60, place: skip, workers: rules.QueueFacts{Unavailable: 2}, expression: `workers.available == 0`, want: true},
		{number: 61, place: skip, workers: rules.QueueFacts{ByActivity: map[string]int{"WAx": 1, "WAy": 5}}, expression: `workers.WAx < 2 OR workers.WAy < 2`, want: true},
		{number: 62, place: skip, expression: `1==1`, want: true},
		{number: 63, place: both, values: `{"skill-level": 5}`, expression: `skill-level > 3`, invalid: `unexpected token "-"`},
		{number: 64, place: both, values: `{"waiting": false}`, expression: `waiting != true`, want: true},
		{number: 65, place: both, values: `{}`, expression: `waiting != true`, want: true},
		{number: 66, place: both, values: `{}`, expression: `level > 3`},
		{number: 67, place: both, values: `{}`, expression: `level < 3`},
		{number: 68, place: both, values: `{}`, expression: `skills HAS "x"`},
		{number: 69, place: both, values: `{}`, expression: `status NOT IN ["vip"]`, want: true},
		{number: 70, place: both, values: `{"flag": true}`, expression: `flag == "true"`},
		{number: 71, place: both, values: `{"flag": "true"}`, expression: `flag == "true"`, want: true},
		{number: 72, place: both, values: `{"n": 5}`, expression: `n == 5.0`, want: true},
		{number: 73, place: both, values: `{"n": "5"}`, expression: `n == 5`, want: true},
		{number: 74, place: both, values: `{"Lang": "EN"}`, expression: `lang == "EN"`},
		{number: 75, place: both, values: `{"lang": "EN"}`, expression: `lang == "en"`},
		{number: 76, place: both, values: `{"a": 1, "b": 0, "c": 0}`, expression: `a == 1 OR b == 1 AND c == 1`, want: true},
		{number: 77, place: both, values: `{"a": 1, "b": 0, "c": 0}`, expression: `(a == 1 OR b == 1) AND c == 1`},
		{number: 78, place: both, values: `{"o": {"p": 1}}`, expression: `o == 1`},
		{number: 79, place: both, values: `{"tags": [1, 2]}`, expression: `tags HAS 2`, want: true},
		{number: 80, place: both, values: `{"q": "it's"}`, expression: `q == "it's"`, want: true},
	}
	engine := rules.New(rules.Options{})
	for i, row := range rows {
		require.Equal(t, i+1, row.number)
		places := []rules.Place{row.place}
		if row.place == both {
			places = []rules.Place{filter, queue}
			if row.number == 52 { // `channel` is a built-in value of an agent
				places = []rules.Place{filter}
			}
		}
		for _, place := range places {
			program, err := engine.Compile(place, row.expression)
			if row.invalid != "" {
				require.ErrorContains(t, err, row.invalid, "row %d", row.number)
				require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
				continue
			}
			require.NoError(t, err, "row %d", row.number)
			require.False(t, program.Native())
			task, worker := document(t, row.values), row.facts
			worker.Attributes = document(t, row.worker)
			if place == queue {
				worker.Attributes, task = task, rules.Document{}
			}
			got, err := program.Eval(context.Background(), rules.Input{Task: &task, Worker: &worker, Workers: &row.workers})
			require.NoError(t, err)
			require.Equal(t, row.want, got, "row %d in %v: %s", row.number, place, row.expression)
		}
	}
}

// TestFamiliarCoercion walks the rules about types and missing values.
func TestFamiliarCoercion(t *testing.T) {
	t.Parallel()
	const values = `{
		"n": 5, "d": 5.5, "big": 9007199254740993, "numeric": "10", "word": "abc", "yes": true, "nothing": null,
		"list": ["a", 1, true, null, ["nested"], {"k": 1}], "empty": [], "numbers": [1, "2", 3.0], "object": {"x": {"y": [10, 20]}},
		"and": 1, "quote": "say \"hi\"", "back": "a\\b", "in": "kw", "größe": 3, "$id": 7, "task": "t"
	}`
	rows := []struct {
		expression string
		want       bool
	}{
		// Missing values.
		{`gone == null`, true},
		{`nothing == null`, true},
		{`null == null`, true},
		{`null != null`, false},
		{`null == n`, false},
		{`null != n`, true},
		{`list == null`, false},
		{`list != null`, true},
		{`object != null`, true},
		{`empty != null`, true},
		{`gone == gone2`, true},
		{`gone != gone2`, false},
		{`gone == 1`, false},
		{`gone != 1`, true},
		{`gone >= null`, false},
		{`gone <= gone2`, false},
		{`gone CONTAINS ""`, false},
		{`word CONTAINS gone`, false},
		{`gone IN ["a"]`, false},
		{`gone IN ["a", null]`, true},
		{`gone NOT IN ["a", null]`, false},
		{`list HAS null`, true},
		{`empty HAS null`, false},
		{`object.x.z == null`, true},
		{`n.x.y == null`, true},
		{`word[0] == null`, true},
		{`object[0] == null`, true},
		{`list[99] == null`, true},
		// Arrays and objects under scalar operators.
		{`list != 1`, false},
		{`list > 1`, false},
		{`list == gone`, false},
		{`list != gone`, false},
		{`object == object`, false},
		{`object != 1`, false},
		{`object != gone`, false},
		{`list CONTAINS "a"`, false},
		{`["a"] == "a"`, false},
		{`object.x.y[1] == 20`, true},
		// Array operators.
		{`"a" IN list`, true},
		{`1 IN list`, true},
		{`"1" IN list`, true},
		{`true IN list`, true},
		{`"true" IN list`, false},
		{`"nested" IN list`, false},
		{`empty IN list`, false},
		{`empty NOT IN list`, true},
		{`2 IN numbers`, true},
		{`"3" IN numbers`, true},
		{`4 NOT IN numbers`, true},
		{`word HAS "a"`, false},
		{`n NOT IN n`, false},
		{`n NOT IN gone`, false},
		{`["abc", "x"] HAS word`, true},
		{`word IN []`, false},
		{`word NOT IN []`, true},
		{`n IN [4, 5.0]`, true},
		// Numbers and text.
		{`numeric == 10`, true},
		{`numeric == 10.0`, true},
		{`10 == numeric`, true},
		{`numeric > 9`, true},
		{`numeric < "9"`, true},
		{`9 < numeric`, true},
		{`word == 5`, false},
		{`word != 5`, true},
		{`word > 5`, false},
		{`word < 5`, false},
		{`word > "abb"`, true},
		{`"Z" < "a"`, true},
		{`"1e1" == 10`, true},
		{`"0x10" == 16`, false},
		{`"NaN" == 1`, false},
		{`"Infinity" > 1`, false},
		{`" 5" == 5`, false},
		{`"" == 0`, false},
		{`"-5" == -5`, true},
		{`n > -5`, true},
		{`n>-5`, true},
		{`-5<n`, true},
		{`n<-5`, false},
		{`big == 9007199254740993`, true},
		{`big == 9007199254740992`, false},
		{`big > 9007199254740992.0`, true},
		{`d > n`, true},
		{`d > 5.4`, true},
		{`n < d`, true},
		{`n == 99999999999999999999999`, false},
		{`n < 99999999999999999999999`, true},
		// Booleans.
		{`yes == true`, true},
		{`yes == TRUE`, true},
		{`yes != false`, true},
		{`yes > false`, false},
		{`yes == 1`, false},
		{`yes != 1`, true},
		{`yes != "true"`, true},
		// CONTAINS.
		{`n CONTAINS 5`, true},
		{`big CONTAINS "740"`, true},
		{`d CONTAINS "5.5"`, true},
		{`5.0 CONTAINS "."`, false},
		{`yes CONTAINS "ru"`, true},
		{`word CONTAINS ""`, true},
		// Words, quotes, blanks.
		{`not n == 6`, true},
		{`NOT (n == 5 or n == 6)`, false},
		{`NOT NOT n == 5`, true},
		{`n==5AND d==5.5`, true},
		{"n\t==\n5", true},
		{`n <> 6`, true},
		{`quote == "say \"hi\""`, true},
		{`quote == 'say "hi"'`, true},
		{`back == "a\\b"`, true},
		{`back == "a\b"`, true},
		{`größe == 3`, true},
		{`$id == 7`, true},
		{`object . x . y [ 0 ] == 10`, true},
		{`task.in == "kw"`, true},
		{`task.n == 5`, true},
		{`task == "t"`, true},
		{`n == 5 AND (d == 1 OR (word == "abc" AND yes == true))`, true},
	}
	engine := rules.New(rules.Options{})
	task := document(t, values)
	for _, row := range rows {
		program, err := engine.Compile(rules.PlaceTaskFilter, row.expression)
		require.NoError(t, err, row.expression)
		require.False(t, program.Native(), row.expression)
		got, err := program.Eval(context.Background(), rules.Input{Task: &task})
		require.NoError(t, err)
		require.Equal(t, row.want, got, "%s\n%s", row.expression, program.CEL())
	}
}

// TestPlaces shows which names each place knows.
func TestPlaces(t *testing.T) {
	t.Parallel()
	engine := rules.New(rules.Options{})
	task := document(t, `{"lang": "es", "worker": {"x": 1}}`)
	in := rules.Input{
		Task: &task,
		Worker: &rules.WorkerFacts{
			SID: "WK1", FriendlyName: "Ann", ActivitySID: "WA1", ActivityName: "Idle",
			Attributes: document(t, `{"sid": "mine", "channel": "mine", "lvl": 4}`),
			Channels:   voiceAndChat(rules.ChannelFacts{ConfiguredCapacity: 2, Used: 1, AssignedTasks: 1, Available: true}, rules.ChannelFacts{}),
		},
		Workers: &rules.QueueFacts{Available: 1, Unavailable: 2, ByActivity: map[string]int{"WA1": 3}},
	}
	rows := []struct {
		place      rules.Place
		expression string
		want       bool
		invalid    string
	}{
		{place: rules.PlaceTaskFilter, expression: `worker.x == 1`, want: true},
		{place: rules.PlaceTaskList, expression: `lang == "es" AND task.lang == "es"`, want: true},
		{place: rules.PlaceQueueWorkers, expression: `sid == "WK1" AND worker.sid == "WK1" AND lvl == 4`, want: true},
		{place: rules.PlaceQueueWorkers, expression: `friendly_name == "Ann" AND activity_sid == "WA1" AND activity_name == "Idle"`, want: true},
		{place: rules.PlaceQueueWorkers, expression: `channel.voice.available == true AND channel.voice.configured_capacity == 2`, want: true},
		{place: rules.PlaceQueueWorkers, expression: `channel == "mine"`, want: false},
		{place: rules.PlaceQueueWorkers, expression: `channel.fax.assigned_tasks == null`, want: true},
		{place: rules.PlaceQueueWorkers, expression: `task.lang == "es"`, want: false},
		{place: rules.PlaceWorkerList, expression: `worker.channel.voice.available_capacity_percentage == 50`, want: true},
		{place: rules.PlaceTargetExpression, expression: `task.lang == "es" AND worker.lvl > 3`, want: true},
		{place: rules.PlaceTargetExpression, expression: `lvl > 3`, invalid: `unexpected name "lvl", names here begin with task. or worker. at character 1`},
		{place: rules.PlaceTargetExpression, expression: `task.x == 1 AND workers.available == 0`, invalid: `unexpected name "workers.available"`},
		{place: rules.PlaceSkipIf, expression: `workers.available == 1 AND workers.unavailable == 2 AND workers.WA1 == 3 AND workers.WA2 == 0`, want: true},
		{place: rules.PlaceSkipIf, expression: `task.lang == "es"`, want: true},
		{place: rules.PlaceSkipIf, expression: `workers.busy == 1`, invalid: `unknown value "workers.busy"`},
		{place: rules.PlaceSkipIf, expression: `worker.sid == "WK1"`, invalid: `unexpected name "worker.sid", names here begin with workers. or task.`},
	}
	for _, row := range rows {
		program, err := engine.Compile(row.place, row.expression)
		if row.invalid != "" {
			require.ErrorContains(t, err, row.invalid)
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
			continue
		}
		require.NoError(t, err, row.expression)
		got, err := program.Eval(context.Background(), in)
		require.NoError(t, err)
		require.Equal(t, row.want, got, row.expression)
	}
	for _, place := range []rules.Place{rules.PlaceOrderBy, rules.PlaceKnownWorker, 99} {
		_, err := engine.Compile(place, "1 == 1")
		require.Equal(t, taskrouter.KindInternal, taskrouter.KindOf(err))
	}
}
