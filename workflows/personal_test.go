package workflows

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// personal are the types that must not be written into histories: they hold
// attributes, addresses, or texts of users.
var personal = map[reflect.Type]bool{
	reflect.TypeFor[taskrouter.Attributes]():  true,
	reflect.TypeFor[taskrouter.Task]():        true,
	reflect.TypeFor[taskrouter.Worker]():      true,
	reflect.TypeFor[taskrouter.Reservation](): true,
	reflect.TypeFor[taskrouter.Call]():        true,
	reflect.TypeFor[taskrouter.Leg]():         true,
	reflect.TypeFor[taskrouter.Event]():       true,
	reflect.TypeFor[map[string]any]():         true,
	reflect.TypeFor[map[string]string]():      true,
}

// allowed are the places where such a thing may stand: the answer to an
// assignment callback, when the store could not take it at once. It is encrypted
// when there are keys.
var allowed = map[string]bool{
	"AssignResult.Unsaved.Instruction.Params": true,
	"AnswerInput.Outcome.Instruction.Params":  true,
}

// TestHistoriesHoldNothingPersonal walks through the types of everything that
// runs are started with, told, and answer with, and of what activities are asked
// and return.
func TestHistoriesHoldNothingPersonal(t *testing.T) {
	types := []reflect.Type{
		reflect.TypeFor[TaskInput](), reflect.TypeFor[State](), reflect.TypeFor[View](), reflect.TypeFor[DeliveryInput](), reflect.TypeFor[wake](),
	}
	for _, set := range []any{
		&activities.Routing{}, &activities.Records{}, &activities.Callbacks{}, &activities.Calls{}, &activities.Delivery{},
	} {
		v := reflect.TypeOf(set)
		require.Positive(t, v.NumMethod())
		for i := range v.NumMethod() {
			m := v.Method(i).Type
			for j := 1; j < m.NumIn(); j++ {
				types = append(types, m.In(j))
			}
			for j := range m.NumOut() {
				types = append(types, m.Out(j))
			}
		}
	}
	seen := map[string]bool{}
	for _, typ := range types {
		if typ == reflect.TypeFor[context.Context]() || typ == reflect.TypeFor[error]() {
			continue
		}
		walk(t, typ.Name(), typ, seen)
	}
	for path := range allowed {
		require.True(t, seen[path], "%s is gone", path)
	}
	require.True(t, seen["TaskInput.View.Offers"])
}

func walk(t *testing.T, path string, typ reflect.Type, seen map[string]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if seen[path] {
		return
	}
	seen[path] = true
	if personal[typ] && !allowed[path] {
		t.Errorf("%s is a %s: it would be kept in histories", path, typ)
	}
	if typ.Kind() == reflect.Struct && typ.PkgPath() != "time" {
		for i := range typ.NumField() {
			walk(t, path+"."+typ.Field(i).Name, typ.Field(i).Type, seen)
		}
	}
}
