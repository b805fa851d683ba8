package platform

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// Options configure a Server.
type Options struct {
	// Network is the telephone network behind the API; one is made when nil.
	Network *fake.Network
	// Flavour, AccountSID and Sign are those of the network made here; they are
	// ignored when Network is given.
	Flavour    voice.Flavour
	AccountSID string
	Sign       func(url string, form url.Values) string
	// Token is the account's token; made up when empty.
	Token string
}

// Request is one REST request the platform received.
type Request struct {
	Op     string     `json:"op"`
	Method string     `json:"method"`
	Path   string     `json:"path"`
	Form   url.Values `json:"form"`
}

// Server is the platform. It is an http.Handler.
type Server struct {
	net   *fake.Network
	token string
	mux   *http.ServeMux
	// restcomm tells the dialect.
	restcomm bool

	mu       sync.Mutex
	faults   []Fault
	requests []Request
}

// New makes a platform. Close it.
func New(o Options) *Server {
	if o.Network == nil {
		o.Network = fake.NewNetwork(fake.Options{Emulate: o.Flavour, AccountSID: o.AccountSID, Sign: o.Sign})
	}
	if o.Token == "" {
		o.Token = taskrouter.NewSID("")
	}
	s := &Server{net: o.Network, token: o.Token, mux: http.NewServeMux()}
	s.restcomm = o.Network.Emulates() == voice.FlavourRestcomm
	s.mux.HandleFunc("/", s.serveREST)
	s.control()
	return s
}

// Network is the telephone network behind the API.
func (s *Server) Network() *fake.Network { return s.net }

// Token is the account's token.
func (s *Server) Token() string { return s.token }

// BasePath is what a driver's base URL has behind the host.
func (s *Server) BasePath() string {
	if s.restcomm {
		return "/restcomm"
	}
	return ""
}

// Close ends every call and returns when nothing runs any more.
func (s *Server) Close() { s.net.Close() }

// ServeHTTP serves the REST API and /control.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Requests lists the REST requests received with this operation, or all when it
// is empty, oldest first.
func (s *Server) Requests(op string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.requests), func(r Request) bool { return op != "" && r.Op != op })
}

// answer is a reply being prepared.
type answer struct {
	status int
	// value is sent as JSON; text, when set, as plain text instead.
	value any
	text  string
	// header is added to the reply.
	header map[string]string
}

// call is a REST request taken apart.
type call struct {
	op    string
	parts []string // path behind the account, suffixes removed
	form  url.Values
	post  bool
	raw   *http.Request
}

func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	account, parts, ok := s.split(r.URL.Path)
	if !ok {
		s.write(w, s.refuse(http.StatusNotFound, 20404, "no such resource"))
		return
	}
	if !s.authentic(r, account) {
		s.write(w, s.refuse(http.StatusUnauthorized, 20003, "Authenticate"))
		return
	}
	c := call{parts: parts, form: r.Form, post: r.Method == http.MethodPost, raw: r}
	c.op = operationOf(r.Method, parts)
	s.mu.Lock()
	s.requests = append(s.requests, Request{Op: c.op, Method: r.Method, Path: r.URL.Path, Form: r.Form})
	s.mu.Unlock()
	fault, faulty := s.takeFault(c.op)
	if faulty {
		s.misbehave(w, c, fault)
		return
	}
	s.write(w, s.serve(c))
}

// split takes a path apart: prefix, version, "Accounts", SID and the rest. The
// suffix ".json" may stand behind any part.
func (s *Server) split(path string) (account string, parts []string, ok bool) {
	path, ok = strings.CutPrefix(path, s.BasePath()+"/"+s.version()+"/Accounts/")
	if !ok {
		return "", nil, false
	}
	parts = strings.Split(strings.Trim(path, "/"), "/")
	for i := range parts {
		parts[i] = strings.TrimSuffix(parts[i], ".json")
	}
	return parts[0], parts[1:], len(parts) > 1
}

func (s *Server) version() string {
	if s.restcomm {
		return "2012-04-24"
	}
	return "2010-04-01"
}

func (s *Server) authentic(r *http.Request, account string) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == s.net.AccountSID() && account == s.net.AccountSID() &&
		subtle.ConstantTimeCompare([]byte(password), []byte(s.token)) == 1
}

// The operations, as named in Fault and Request.
const (
	OpOriginate    = "originate"
	OpUpdate       = "update"
	OpRead         = "read"
	OpList         = "list"
	OpRooms        = "rooms"
	OpRoom         = "room"
	OpParticipants = "participants"
	OpParticipant  = "participant"
	OpNumbers      = "numbers"
	OpNumber       = "number"
	opUnknown      = "unknown"
)

func operationOf(method string, parts []string) string {
	post := method == http.MethodPost
	switch {
	case parts[0] == "Calls" && len(parts) == 1 && post:
		return OpOriginate
	case parts[0] == "Calls" && len(parts) == 1:
		return OpList
	case parts[0] == "Calls" && len(parts) == 2 && post:
		return OpUpdate
	case parts[0] == "Calls" && len(parts) == 2:
		return OpRead
	case parts[0] == "Conferences" && len(parts) == 1:
		return OpRooms
	case parts[0] == "Conferences" && len(parts) == 2:
		return OpRoom
	case parts[0] == "Conferences" && len(parts) == 3 && parts[2] == "Participants":
		return OpParticipants
	case parts[0] == "Conferences" && len(parts) == 4 && parts[2] == "Participants":
		return OpParticipant
	case parts[0] == "IncomingPhoneNumbers" && len(parts) == 1:
		return OpNumbers
	case parts[0] == "IncomingPhoneNumbers" && len(parts) == 2:
		return OpNumber
	}
	return opUnknown
}

func (s *Server) serve(c call) answer {
	switch c.op {
	case OpOriginate:
		return s.originate(c)
	case OpList:
		return s.listCalls(c)
	case OpUpdate:
		return s.updateCall(c)
	case OpRead:
		return s.readCall(c)
	case OpRooms:
		return s.listRooms(c)
	case OpRoom:
		return s.updateRoom(c)
	case OpParticipants:
		return s.listParticipants(c)
	case OpParticipant:
		return s.participant(c)
	case OpNumbers:
		return s.listNumbers(c)
	case OpNumber:
		return s.updateNumber(c)
	default:
		return s.refuse(http.StatusNotFound, 20404, "no such resource")
	}
}

// refuse makes an error reply: JSON with a number, or plain text on Restcomm.
func (s *Server) refuse(status, code int, message string) answer {
	if s.restcomm {
		return answer{status: status, text: message}
	}
	return answer{status: status, value: map[string]any{
		"code": code, "message": message, "status": status,
		"more_info": "https://www.twilio.com/docs/errors",
	}}
}

func (s *Server) write(w http.ResponseWriter, a answer) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.value == nil {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.text))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.value)
}
