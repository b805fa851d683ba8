package wire_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func TestEveryKindHasARow(t *testing.T) {
	want := map[taskrouter.Kind][2]int{
		taskrouter.KindInternal:     {500, 20500},
		taskrouter.KindInvalid:      {400, 20001},
		taskrouter.KindNotFound:     {404, 20404},
		taskrouter.KindConflict:     {409, 20409},
		taskrouter.KindGone:         {410, 20410},
		taskrouter.KindPrecondition: {412, 20412},
		taskrouter.KindCapacity:     {429, 20429},
		taskrouter.KindUnavailable:  {503, 20503},
		taskrouter.KindTooLarge:     {413, 20413},
		taskrouter.KindUnauthorized: {401, 20003},
		taskrouter.KindForbidden:    {403, 20006},
	}
	require.Len(t, want, len(taskrouter.Kinds()))
	for _, k := range taskrouter.Kinds() {
		row, ok := want[k]
		require.True(t, ok, "kind %d", k)
		got := wire.FromError(fmt.Errorf("commit: %w", taskrouter.Errorf(k, "public text")))
		require.Equal(t, row[0], got.Status)
		require.Equal(t, row[1], got.Code)
		require.Equal(t, fmt.Sprintf("https://www.twilio.com/docs/errors/%d", got.Code), got.MoreInfo)
		if k == taskrouter.KindInternal {
			require.NotContains(t, got.Message, "public")
		} else {
			require.Equal(t, "public text", got.Message)
		}
	}
}

func TestCausesStayInside(t *testing.T) {
	secret := errors.New("SELECT secret FROM tasks")
	for _, err := range []error{secret, taskrouter.Unavailable(secret, "The store is down"), &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "SELECT secret", Cause: secret}} {
		require.NotContains(t, wire.FromError(err).Message, "secret")
	}
}

func TestErrorsWithoutAKind(t *testing.T) {
	require.Equal(t, wire.Error{
		Code: 20404, Status: 404, Message: "The requested resource /v1/x was not found",
		MoreInfo: "https://www.twilio.com/docs/errors/20404",
	}, wire.NotFound("/v1/x"))
	require.Equal(t, 20004, wire.MethodNotAllowed("PUT").Code)
	require.Equal(t, http.StatusMethodNotAllowed, wire.MethodNotAllowed("PUT").Status)
	require.Equal(t, 20501, wire.NotImplemented("FetchX", "later").Code)
	require.Equal(t, "FetchX is not supported: later", wire.NotImplemented("FetchX", "later").Message)
	require.Equal(t, 55555, wire.FromError(taskrouter.InvalidCode(55555, "x")).Code)
	require.Equal(t, 400, wire.FromError(taskrouter.InvalidCode(55555, "x")).Status)
}

func TestIfMatch(t *testing.T) {
	version := func(n int64) *int64 { return &n }
	for header, want := range map[string]*int64{
		"": nil, "*": nil, " * ": nil, `"3"`: version(3), "3": version(3), `W/"3"`: version(3), `"0"`: version(0),
		`"x"`: version(-1), "-3": version(-1), `"3`: version(-1), `"3","4"`: version(-1), "W/": version(-1),
		"99999999999999999999": version(-1),
	} {
		require.Equal(t, want, wire.ParseIfMatch(header), "%q", header)
	}
	require.Equal(t, `"12"`, wire.ETag(12))
}
