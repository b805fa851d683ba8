package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	calls    *stubCalls // nil: there are no telephones
}

func startStub() (*stub, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &stub{
		url:    "http://" + l.Addr().String(),
		calls:  newStubCalls(),
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
	if strings.HasPrefix(r.URL.Path, "/dev/") {
		s.dev(w, r)
		return
	}
	// /v1/Workspaces/{sid}/{kind}/{sid}/{kind}
	parts := append(strings.Split(r.URL.Path, "/"), "", "", "", "", "")
	workspace, kind, item := parts[3], parts[4], parts[5]
	w.Header().Set("Content-Type", "application/json")
	switch r.Method {
	case http.MethodGet:
		if s.calls != nil && parts[6] == "Reservations" {
			_, _ = io.WriteString(w, s.calls.reservations(item))
			return
		}
		_, _ = io.WriteString(w, `{"activities":[{"sid":"WA1","available":true}]}`)
		return
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	sid := fmt.Sprint("XX", s.number.Add(1))
	switch {
	case s.calls == nil:
	case kind == "Workers":
		s.calls.seat(workspace, sid, r.PostForm.Get("Attributes"))
	case kind == "CallQueues":
		s.calls.line(workspace, r.PostForm.Get("PhoneNumbers"))
	case kind == "Tasks" && item != "":
		s.calls.completed(item)
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(resource{SID: sid})
	if kind == "Tasks" && item == "" {
		s.offers.Go(func() { s.offer(workspace, sid) })
	}
}

// dev serves the telephones, if there are any.
func (s *stub) dev(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.calls == nil:
		http.NotFound(w, r)
	case r.Method == http.MethodGet:
		s.calls.stream(w, r)
	default:
		s.calls.serve(w, r)
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
