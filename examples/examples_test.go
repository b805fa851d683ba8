package examples

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// TestExamples runs the programs side by side on one system, each twice: what
// the first run has set up the second one finds.
func TestExamples(t *testing.T) {
	s := startSystem(t)
	for name, f := range map[string]func(*testing.T, *system){
		"supportdesk": supportDesk, "ticketqueue": ticketQueue, "leads": leads,
		"interrupted": interrupted, "without credentials": withoutCredentials,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

func supportDesk(t *testing.T, s *system) {
	const name = "Support desk (example)"
	args := []string{"-talk", "1s", "-wrap-up", "1"}
	sameAsReadme(t, "supportdesk", s.run(t, "supportdesk", args...))
	ws := s.workspace(t, name)
	sameAsReadme(t, "supportdesk", s.run(t, "supportdesk", args...))
	require.Equal(t, ws, s.workspace(t, name))
	s.hasNames(t, ws, []string{"Everybody", "sales-en", "sales-ja", "support-en", "support-ja"}, []string{"Alice", "Bob", "Chiyo", "Daichi"})
	require.Equal(t, map[string]int{"Chiyo": 4}, s.accepted(t, ws))
	for _, task := range s.tasks(t, ws) {
		require.Equal(t, "completed", *task.AssignmentStatus)
		require.Equal(t, "voice", *task.TaskChannelUniqueName)
	}
}

func ticketQueue(t *testing.T, s *system) {
	const name = "Ticket queue (example)"
	p := s.start(t, "ticketqueue", "-promise", "2")
	p.prints(t, "Ana comes to work")
	ws := s.workspace(t, name)
	s.refusesForgeries(t, ws)
	out := p.ends(t)
	sameAsReadme(t, "ticketqueue", out)
	inOrder(t, out, "Ana is offered “Cannot log in” and accepts", "Ana is offered “Invoice is wrong” and accepts", "Ana is offered “Printer is slow” and accepts")
	inOrder(t, out, "Ben is offered “I want my money back”, refuses", "Ana is offered “I want my money back” and accepts")
	inOrder(t, out, "“How do I change my photo?” (20), “Exports are empty” (10)", "“Exports are empty” (40), “How do I change my photo?” (20)",
		"Mona is offered “Exports are empty” and accepts", "enters Database experts with priority 50", "enters Managers with priority 100")
	require.Equal(t, map[string]int{"Ana": 5, "Mona": 2}, s.accepted(t, ws))

	sameAsReadme(t, "ticketqueue", s.run(t, "ticketqueue", "-promise", "2"))
	require.Equal(t, ws, s.workspace(t, name))
	s.hasNames(t, ws, []string{"Database experts", "First line", "Managers"}, []string{"Ana", "Ben", "Eve", "Mona"})
	require.Equal(t, map[string]int{"Ana": 10, "Mona": 4}, s.accepted(t, ws))
}

func leads(t *testing.T, s *system) {
	const name = "Leads (example)"
	sameAsReadme(t, "leads", s.run(t, "leads"))
	ws := s.workspace(t, name)
	sameAsReadme(t, "leads", s.run(t, "leads"))
	require.Equal(t, ws, s.workspace(t, name))
	s.hasNames(t, ws, []string{"Closers", "Everybody", "Solar"}, []string{"Rosa", "Sam", "Tia", "Uma"})
	require.Equal(t, map[string]int{"Rosa": 6, "Sam": 4, "Tia": 6, "Uma": 6}, s.accepted(t, ws))
}

// interrupted: a program that is stopped leaves no work behind, and the next
// run goes through.
func interrupted(t *testing.T, s *system) {
	const name = "Interrupted"
	p := s.start(t, "ticketqueue", "-workspace", name, "-promise", "2", "-work", "1m")
	p.prints(t, "Ana is offered")
	require.Contains(t, p.interrupted(t), "interrupted")
	ws := s.workspace(t, name)
	require.Empty(t, s.tasks(t, ws))
	sameAsReadme(t, "ticketqueue", s.run(t, "ticketqueue", "-workspace", name, "-promise", "2"))
}

func withoutCredentials(t *testing.T, s *system) {
	for _, name := range []string{"supportdesk", "ticketqueue", "leads"} {
		out, errs, err := s.programs.run(t, nil, name)
		require.Error(t, err)
		require.Empty(t, out)
		require.Contains(t, errs, "must be set")
		help, errs, err := s.programs.run(t, nil, name, "-h")
		require.NoError(t, err)
		require.Empty(t, errs)
		require.Contains(t, help, "Flags of "+name)
		require.Contains(t, help, "TASKROUTER_AUTH_TOKEN")
	}
}

// refusesForgeries: the agents' program answers nobody but the router.
func (s *system) refusesForgeries(t *testing.T, ws string) {
	t.Helper()
	list, err := s.rest.ListWorkflow(ws, &api.ListWorkflowParams{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	target := *list[0].AssignmentCallbackUrl
	form := url.Values{"TaskSid": {"WT1"}, "TaskAttributes": {`{}`}, "WorkerAttributes": {`{}`}}
	validator := client.NewRequestValidator(s.AuthToken)
	for _, signature := range []string{"", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		require.False(t, validator.ValidateBody(target, []byte(form.Encode()), signature))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature)
		resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	}
}
