package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/taskrouter/taskrouter/internal/devserver"
	"github.com/taskrouter/taskrouter/workflows"
)

// Tests mostly wait for timers and telephones, so many of them fit on few
// processors.
const parallelTests = "12"

// systems is how many systems may run on the shared Temporal server in the
// life of the test binary.
const systems = 8

// temporalServer is the one Temporal server of the test binary. Each system on
// it gets a namespace of its own: two systems in one namespace would be handed
// each other's durable runs.
type temporalServer struct {
	once   sync.Once
	server *devserver.Server
	err    error
	given  atomic.Int64
}

var conductor temporalServer

func TestMain(m *testing.M) {
	flag.Parse()
	if !flagGiven("test.parallel") {
		if err := flag.Set("test.parallel", parallelTests); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if conductor.server != nil {
		if err := conductor.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop Temporal:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func flagGiven(name string) bool {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// namespace starts the server when it is first needed, and returns its address
// and a namespace nobody else has.
func (s *temporalServer) namespace(t *testing.T) (address, namespace string) {
	t.Helper()
	s.once.Do(func() {
		var names []string
		for i := range systems {
			names = append(names, namespaceName(i))
		}
		s.server, s.err = devserver.Start(context.Background(), devserver.Options{
			UIPort: -1, Namespaces: names, SearchAttributes: workflows.SearchAttributes(),
		})
	})
	if s.err != nil {
		t.Fatalf("start Temporal: %v", s.err)
	}
	n := int(s.given.Add(1)) - 1
	if n >= systems {
		t.Fatalf("more than %d systems: raise the number", systems)
	}
	return s.server.HostPort(), namespaceName(n)
}

func namespaceName(n int) string { return fmt.Sprintf("e2e-%d", n+1) }
