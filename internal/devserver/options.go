package devserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.uber.org/zap"

	enumspb "go.temporal.io/api/enums/v1"
)

// host is the only interface the servers listen on: there is no
// authentication in front of them.
const host = "127.0.0.1"

const (
	defaultNamespace = "default"
	defaultRetention = 72 * time.Hour
	readyTimeout     = 60 * time.Second
)

// Options says what Start starts. The zero value is an in-memory server with
// a UI on free ports.
type Options struct {
	// DataDir is the folder that keeps the state, created when missing; empty
	// keeps it in memory, where it ends with the process.
	DataDir string
	// FrontendPort is the port of Temporal's API; zero picks a free one.
	FrontendPort int
	// UIPort is the port of the web UI; zero picks a free one, a negative
	// number starts no UI.
	UIPort int
	// CodecEndpoint is the URL at which the UI has payloads decoded; empty
	// for none.
	CodecEndpoint string
	// Namespace is created when missing; empty means default.
	Namespace string
	// Namespaces are created beside it, with the same retention and search
	// attributes, for several systems that share the server.
	Namespaces []string
	// Retention is how long closed Temporal workflows stay readable; zero
	// means three days. It applies when the namespace is created.
	Retention time.Duration
	// SearchAttributes are registered before Start returns, by name.
	SearchAttributes map[string]enumspb.IndexedValueType
	// Logger receives the server's errors; nil discards them.
	Logger *zap.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
	}
	if o.Retention == 0 {
		o.Retention = defaultRetention
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.FrontendPort < 0 || o.FrontendPort > 65535 {
		return o, fmt.Errorf("temporal port %d is out of range", o.FrontendPort)
	}
	if o.UIPort > 65535 {
		return o, fmt.Errorf("temporal UI port %d is out of range", o.UIPort)
	}
	if o.Retention < time.Hour {
		return o, errors.New("retention is shorter than an hour")
	}
	return o, nil
}

func hostPort(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
