package devserver

import (
	"fmt"
	"net"
)

// ports are where the services of one server listen.
type ports struct {
	frontend, history, matching, worker, ui int
}

// choosePorts fills in free ports and checks that the asked-for ones are free,
// because the servers end the process when they cannot listen.
func choosePorts(o Options) (ports, error) {
	p := ports{frontend: o.FrontendPort, ui: o.UIPort}
	var free []*int
	if p.frontend == 0 {
		free = append(free, &p.frontend)
	} else if err := checkFree(p.frontend); err != nil {
		return p, fmt.Errorf("temporal port: %w", err)
	}
	switch {
	case p.ui == 0:
		free = append(free, &p.ui)
	case p.ui > 0:
		if err := checkFree(p.ui); err != nil {
			return p, fmt.Errorf("temporal UI port: %w", err)
		}
	}
	free = append(free, &p.history, &p.matching, &p.worker)
	return p, fillFree(free)
}

func checkFree(port int) error {
	l, err := net.Listen("tcp", hostPort(port))
	if err != nil {
		return err
	}
	return l.Close()
}

// fillFree writes distinct free ports to targets. The listeners stay open
// until all are chosen, so that no port is given twice. A connection closed
// from the listening side leaves the port in TIME_WAIT: the kernel then does
// not hand it to somebody else who asks for any port, while an explicit bind
// still succeeds.
func fillFree(targets []*int) error {
	for _, target := range targets {
		l, err := net.Listen("tcp", hostPort(0))
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		if err := park(l); err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		*target = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}

func park(l net.Listener) error {
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		return err
	}
	return in.Close()
}
