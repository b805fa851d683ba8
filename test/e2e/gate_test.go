package e2e

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is an address that can be closed: what stands behind it is then down for
// those who go through it.
type gate struct {
	address, target string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// newGate makes a closed gate to a target.
func newGate(t *testing.T, target string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: l.Addr().String(), target: target, conns: map[net.Conn]bool{}}
	require.NoError(t, l.Close())
	t.Cleanup(g.close)
	return g
}

// open lets connections through.
func (g *gate) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", g.address)
	require.NoError(t, err)
	g.mu.Lock()
	g.listener = l
	g.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(c)
		}
	}()
}

// close cuts what is connected and refuses what comes.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		return
	}
	_ = g.listener.Close()
	g.listener = nil
	for c := range g.conns {
		_ = c.Close()
	}
	clear(g.conns)
}

func (g *gate) pass(c net.Conn) {
	d, err := net.Dial("tcp", g.target)
	if err != nil {
		_ = c.Close()
		return
	}
	g.mu.Lock()
	up := g.listener != nil
	if up {
		g.conns[c], g.conns[d] = true, true
	}
	g.mu.Unlock()
	if up {
		go func() {
			_, _ = io.Copy(d, c)
			_ = d.Close()
		}()
		_, _ = io.Copy(c, d)
	}
	_ = c.Close()
	_ = d.Close()
}
