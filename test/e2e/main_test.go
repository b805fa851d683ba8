package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/taskrouter/taskrouter/internal/devserver"
	"github.com/taskrouter/taskrouter/workflows"
)

// Tests mostly wait for timers and telephones, so many of them fit on few
// processors.
const parallelTests = "12"

// systems is how many systems may run on the shared Temporal server at a time.
const systems = 8

// temporalServer is the one Temporal server of the test binary. Each system on
// it has a namespace to itself while it runs: two systems in one namespace would
// be handed each other's durable runs.
type temporalServer struct {
	once   sync.Once
	server *devserver.Server
	err    error
	free   chan string
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
	if err := programs.close(); err != nil {
		fmt.Fprintln(os.Stderr, "remove the programs:", err)
	}
	os.Exit(code)
}

func flagGiven(name string) bool {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// namespace starts the server when it is first needed, and returns its address
// and a namespace that is the test's alone until it ends.
func (s *temporalServer) namespace(t *testing.T) (address, namespace string) {
	t.Helper()
	s.once.Do(s.start)
	if s.err != nil {
		t.Fatalf("start Temporal: %v", s.err)
	}
	select {
	case namespace = <-s.free:
	case <-t.Context().Done():
		t.Fatal("no namespace is free")
	}
	t.Cleanup(func() { s.free <- namespace })
	return s.server.HostPort(), namespace
}

func (s *temporalServer) start() {
	s.free = make(chan string, systems)
	var names []string
	for i := range systems {
		names = append(names, fmt.Sprintf("e2e-%d", i+1))
		s.free <- names[i]
	}
	s.server, s.err = devserver.Start(context.Background(), devserver.Options{
		UIPort: -1, Namespaces: names, SearchAttributes: workflows.SearchAttributes(),
	})
}
