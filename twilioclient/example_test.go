package twilioclient_test

import (
	"fmt"
	"os"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/twilioclient"
)

func ExampleNew() {
	client, err := twilioclient.New(twilioclient.Options{
		BaseURL:    os.Getenv("TASKROUTER_URL"),
		AccountSID: os.Getenv("TASKROUTER_ACCOUNT_SID"),
		Secret:     os.Getenv("TASKROUTER_AUTH_TOKEN"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	task, err := client.TaskrouterV1.CreateTask(os.Getenv("TASKROUTER_WORKSPACE_SID"),
		(&api.CreateTaskParams{}).SetAttributes(`{"department":"sales","language":"en"}`))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintln(os.Stderr, *task.Sid, *task.AssignmentStatus)
}
