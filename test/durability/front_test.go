package durability

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// front is the load balancer: connections go to the next address that takes
// them. It knows nothing of HTTP, so that a process that dies cuts whatever
// was on its way.
type front struct {
	address string
	targets []string
	next    atomic.Uint64
}

func newFront(t *testing.T, targets ...string) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	f := &front{address: l.Addr().String(), targets: targets}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.pass(c)
		}
	}()
	return f
}

func (f *front) pass(c net.Conn) {
	defer c.Close()
	for range f.targets {
		d, err := net.Dial("tcp", f.targets[f.next.Add(1)%uint64(len(f.targets))])
		if err != nil {
			continue
		}
		defer d.Close()
		go func() {
			_, _ = io.Copy(d, c)
			_ = d.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(c, d)
		return
	}
}
