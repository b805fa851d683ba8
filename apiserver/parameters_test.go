package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/wire"
)

// faulty lists values of a parameter that its description forbids.
func faulty(p wire.Parameter) []string {
	var out []string
	switch p.Kind {
	case wire.KindInteger:
		out = append(out, "x", "1.5", fmt.Sprint(p.Min-1))
		if p.Max != 0 {
			out = append(out, fmt.Sprint(p.Max+1))
		}
	case wire.KindSID:
		out = append(out, "x", "ZZ"+strings.Repeat("0", 32))
	case wire.KindAddress:
		out = append(out, "nowhere", "ftp://a.example/")
	case wire.KindInstant:
		out = append(out, "soon")
	case wire.KindObject:
		out = append(out, "{")
	case wire.KindDialled:
		out = append(out, "nobody at all")
	case wire.KindText, wire.KindBoolean:
	}
	if p.Words != nil {
		out = append(out, "none-of-them")
	}
	if p.Pattern != "" {
		out = append(out, "1 2")
	}
	if p.MaxLength > 0 && p.Kind == wire.KindText {
		out = append(out, strings.Repeat("x", p.MaxLength+1))
	}
	return out
}

// TestDefaultsAreTaken creates resources with what is demanded only and finds
// the described defaults in them.
func TestDefaultsAreTaken(t *testing.T) {
	f, d := furnished(t), describe(t)
	compared := 0
	for _, o := range apiserver.Operations() {
		if o.Method != http.MethodPost || o.Status != 201 || !strings.HasPrefix(o.Path, "/v1/") {
			continue
		}
		values := url.Values{}
		for _, p := range wire.ParametersOf(o.ID) {
			if p.Required {
				values.Set(p.Name, needed(f)[p.Name])
			}
		}
		made := decoded(t, f.Do(f.Account, "POST", f.path(o.Path), values), 201)
		for name, s := range d.parameters(d.operations[o.ID], "form") {
			member := snake(name)
			if name == "TaskChannel" {
				member = "task_channel_unique_name"
			}
			if name == "Template" { // shows in what else is made
				continue
			}
			if _, rendered := made[member]; !rendered || s["default"] == nil {
				require.Nil(t, s["default"], "%s.%s: a default nobody can see", o.ID, name)
				continue
			}
			require.Equal(t, s["default"], made[member], "%s.%s", o.ID, name)
			compared++
		}
	}
	require.Greater(t, compared, 10)
}

// snake is the name of a parameter as bodies write it.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// needed are values of the parameters that operations demand.
func needed(f *fixture) map[string]string {
	return map[string]string{
		"FriendlyName": "Somebody new", "UniqueName": "something_new", "WorkflowSid": sidOf(f.workflow), "PhoneNumbers": "+15550177",
		"Configuration": `{"task_routing":{"filters":[]}}`,
		"DequeueFrom":   "+15550100", "CallFrom": "+15550100", "CallUrl": "https://a.example/", "RedirectCallSid": "CA" + strings.Repeat("0", 32),
		"RedirectUrl": "https://a.example/", "Supervisor": "client:sue",
	}
}

// TestParametersAreRead sends each operation each of its parameters with values
// its description forbids, and without those it demands: the operation itself
// refuses them and names the parameter.
func TestParametersAreRead(t *testing.T) {
	f := furnished(t)
	needed := needed(f)
	for _, o := range apiserver.Operations() {
		parameters := wire.ParametersOf(o.ID)
		path := f.path(o.Path)
		for _, p := range parameters {
			send := func(value *string) string {
				values := url.Values{}
				for _, other := range parameters {
					if other.Required {
						values.Set(other.Name, needed[other.Name])
					}
				}
				if len(p.Only) > 0 {
					values.Set("Instruction", string(p.Only[0]))
					for name, v := range needed {
						if strings.HasPrefix(name, "Dequeue") || strings.HasPrefix(name, "Call") || strings.HasPrefix(name, "Redirect") || name == "Supervisor" {
							values.Set(name, v)
						}
					}
				}
				values.Del(p.Name)
				if value != nil {
					values.Set(p.Name, *value)
				}
				a := f.Do(f.Account, o.Method, path, values)
				var body wire.Error
				require.NoError(t, json.Unmarshal(a.Body, &body))
				require.Equal(t, 400, a.Status, "%s=%v: %s", p.Name, values[p.Name], a.Body)
				return body.Message
			}
			t.Run(o.ID+"."+p.Name, func(t *testing.T) {
				for _, v := range faulty(p) {
					require.Contains(t, strings.ToLower(send(&v)), strings.ToLower(p.Name), v)
				}
				if p.Required {
					require.Contains(t, send(nil), p.Name)
				}
			})
		}
	}
}
