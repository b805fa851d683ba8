package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stub is a router that decides nothing and stores nothing: it answers each
// request at once and offers each Task at once. What a measurement against it
// uses is the generator's own share, and that of an HTTP server.
type stub struct {
	server   *http.Server
	url      string
	client   *http.Client
	callback atomic.Pointer[string]
	number   atomic.Int64
	offers   sync.WaitGroup
}

func startStub() (*stub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &stub{
		url:    "http://" + l.Addr().String(),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: maxIdle}},
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *stub) close() {
	_ = s.server.Close()
	s.offers.Wait()
	s.client.CloseIdleConnections()
}

// ServeHTTP answers in the shape of the API.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if u := r.PostForm.Get("AssignmentCallbackUrl"); u != "" {
		s.callback.Store(&u)
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.Method {
	case http.MethodGet:
		_, _ = w.Write([]byte(`{"activities":[{"sid":"WA1","available":true}]}`))
		return
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	sid := fmt.Sprint("XX", s.number.Add(1))
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(resource{SID: sid})
	if parts := strings.Split(r.URL.Path, "/"); parts[len(parts)-1] == "Tasks" {
		s.offers.Go(func() { s.offer(parts[3], sid) })
	}
}

func (s *stub) offer(workspace, task string) {
	form := url.Values{"TaskSid": {task}, "ReservationSid": {"WR" + task}, "WorkspaceSid": {workspace}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, *s.callback.Load(), strings.NewReader(form.Encode()))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := s.client.Do(req); err == nil {
		resp.Body.Close()
	}
}
