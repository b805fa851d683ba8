package rules_test

import (
	"context"
	"fmt"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func ExampleEngine_Compile() {
	engine := rules.New(rules.Options{})
	agent := rules.WorkerFacts{SID: "WK1"}
	agent.Attributes, _ = rules.ParseDocument(`{"skills": ["support", "sales"], "level": 4}`)

	for _, text := range []string{
		`skills HAS "support" AND level > 3`,
		`"support" in worker.skills && worker.level > 3`,
	} {
		program, err := engine.Compile(rules.PlaceQueueWorkers, text)
		if err != nil {
			fmt.Println(err)
			return
		}
		fits, _ := program.Eval(context.Background(), rules.Input{Worker: &agent})
		fmt.Println(fits, program.Native())
	}
	_, err := engine.Compile(rules.PlaceQueueWorkers, `skill-level > 3`)
	fmt.Println(err)
	// Output:
	// true false
	// true true
	// Invalid expression: unexpected token "-", expected a comparison operator at character 6
}

func ExampleProgram_CEL() {
	program, err := rules.New(rules.Options{}).Compile(rules.PlaceTargetExpression, `task.language IN worker.languages`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(program.CEL())
	fmt.Println(program.TaskFields())
	// Output:
	// tr_in(tr_field(task, "language"), tr_field(worker, "languages"))
	// [language]
}

func ExampleRouting_Enter() {
	routing, err := rules.New(rules.Options{}).ParseConfiguration(`{"task_routing": {
		"filters": [{
			"filter_friendly_name": "Gold billing",
			"expression": "topic == 'billing' AND tier == 'gold'",
			"targets": [{"queue": "WQ1", "priority": 20, "timeout": 45}, {"priority": 40}]
		}],
		"default_filter": {"queue": "WQ2"}
	}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for _, attributes := range []taskrouter.Attributes{`{"topic": "billing", "tier": "gold"}`, `{"topic": "sales"}`} {
		task, _ := rules.ParseDocument(attributes)
		d := routing.Enter(ctx, 0, rules.CauseInitial, task)
		fmt.Printf("%s %v %q\n", d.Target.QueueSID, d.Target.Timeout, d.FilterName)
		d = routing.Next(ctx, d.Position, rules.CauseTimeout, task)
		fmt.Println(d.Target.QueueSID, d.Target.Timeout)
	}
	// Output:
	// WQ1 45s "Gold billing"
	// WQ1 0s
	// WQ2 0s ""
	// WQ2 0s
}

func ExampleOrder_Compare() {
	order, err := rules.New(rules.Options{}).CompileOrder(`worker.billing DESC`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var ann, bob rules.WorkerFacts
	ann.Attributes, _ = rules.ParseDocument(`{"billing": 3}`)
	bob.Attributes, _ = rules.ParseDocument(`{"billing": 5}`)
	fmt.Println(order.Compare(ann, bob), order.Compare(bob, ann))
	// Output: 1 -1
}
