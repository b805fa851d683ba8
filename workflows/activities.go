package workflows

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/activities"
)

// The activities, named by method through nil pointers: nothing is called on
// them here.
var (
	routes    *activities.Routing
	records   *activities.Records
	callbacks *activities.Callbacks
	calls     *activities.Calls
	delivery  *activities.Delivery
)

// nothingDone reports whether an activity failed for want of the store, before
// anything was done in the world.
func nothingDone(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.TypeStore
}

// neverStarted reports whether no worker process took an activity in time.
func neverStarted(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
}
