package events

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ErrForbiddenAddress is what a transport fails with when a host's address is
// none that webhooks may be sent to.
var ErrForbiddenAddress = errors.New("address is not allowed for webhooks")

// faultOf says why a request had no answer.
func faultOf(err error) taskrouter.DeliveryFault {
	var (
		timeout net.Error
		name    *net.DNSError
		alert   tls.AlertError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, ErrForbiddenAddress):
		return taskrouter.FaultForbidden
	case errors.As(err, &name):
		return taskrouter.FaultName
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return taskrouter.FaultTimeout
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &cert), errors.As(err, &alert), errors.As(err, &record):
		return taskrouter.FaultTLS
	default:
		return taskrouter.FaultConnection
	}
}
