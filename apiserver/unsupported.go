package apiserver

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/wire"
)

// unsupportedRoute is an operation of the public API that is not served. It
// answers 501 with a JSON error that tells why.
type unsupportedRoute struct {
	method, path, operation, reason string
}

// unsupported lists the operations of the public API that are not served. There
// are none now; one that is taken out of routes moves here, with its reason.
func unsupported() []unsupportedRoute { return nil }

func (u unsupportedRoute) route() route {
	refuse := func(*Server, *gin.Context) (any, error) {
		return nil, refusal{wire.NotImplemented(u.operation, u.reason)}
	}
	return route{method: u.method, path: u.path, operation: u.operation, status: http.StatusNotImplemented, handle: refuse}
}
