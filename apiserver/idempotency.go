package apiserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// Claims keeps the promises of clients that several requests are one. What is
// created for a claim is marked in the transaction that creates it, so that it
// is created once, whichever process dies when.
type Claims interface {
	// TakeClaim stores c, or takes a stored claim over that asks for the same,
	// has no answer and is not held any more; then it reports true. Otherwise
	// it returns the claim that stands. One made before expired counts as none.
	// KindConflict when the claim changed at this moment.
	TakeClaim(ctx context.Context, c *taskrouter.Claim, expired time.Time) (*taskrouter.Claim, bool, error)
	// ClaimDone reports whether the resource of a claim was created.
	ClaimDone(ctx context.Context, c *taskrouter.Claim) (bool, error)
	// AnswerClaim keeps the first answer.
	AnswerClaim(ctx context.Context, c *taskrouter.Claim, a taskrouter.ClaimAnswer) error
	// ReleaseClaim lets the next request take the claim over.
	ReleaseClaim(ctx context.Context, c *taskrouter.Claim) error
	// DropClaim forgets a claim for which nothing was created.
	DropClaim(ctx context.Context, c *taskrouter.Claim) error
}

// Headers of idempotent requests. Both names mean the same token.
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
const (
	headerIdempotencyKey   = "Idempotency-Key"
	headerIdempotencyToken = "I-Twilio-Idempotency-Token"
	// headerReplayed tells that an answer was given before.
	headerReplayed = "Idempotent-Replayed"
)

const (
	// ClaimLifetime is how long a token is remembered.
	ClaimLifetime = 24 * time.Hour
	// maxTokenLength bounds a token, in bytes.
	maxTokenLength = 255
	// claimGrace is added to the time a request may take before it is given
	// up for lost.
	claimGrace = 2 * time.Second
	// claimTimeout bounds what is written about a claim after the work.
	claimTimeout = 3 * time.Second
	// retryClaim is how many seconds the second of two requests is asked to wait.
	retryClaim = 1
)

// keyClaimed is kept with a request whose resource has a SID already.
const keyClaimed = "claimed-sid"

// claimedSID is the SID the created resource gets; empty for a new one.
func claimedSID(c *gin.Context) string { return c.GetString(keyClaimed) }

// creates reports whether an operation makes a resource each time it is called.
func (r route) creates() bool { return r.method == http.MethodPost && r.status == http.StatusCreated }

// createdPrefix is the kind of SID an operation creates; empty for one that
// takes no idempotency token.
func (r route) createdPrefix() taskrouter.Prefix {
	switch r.operation {
	case "CreateWorkspace":
		return taskrouter.PrefixWorkspace
	case "CreateActivity":
		return taskrouter.PrefixActivity
	case "CreateTask":
		return taskrouter.PrefixTask
	case "CreateTaskChannel":
		return taskrouter.PrefixTaskChannel
	case "CreateTaskQueue":
		return taskrouter.PrefixTaskQueue
	case "CreateWorker":
		return taskrouter.PrefixWorker
	case "CreateWorkflow":
		return taskrouter.PrefixWorkflow
	case "CreateCallQueue":
		return taskrouter.PrefixCallQueue
	default:
		return ""
	}
}

// once makes an operation that creates something do it once for all requests
// with the same idempotency token.
func (s *Server) once(r route, handle func(c *gin.Context) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, err := idempotencyToken(c)
		switch {
		case err != nil:
			s.fail(c, err)
		case token == "":
			body, err := handle(c)
			s.respond(c, r.status, body, err)
		case r.createdPrefix() == "":
			s.fail(c, taskrouter.Invalidf("%s takes no idempotency token: its answer is not kept", r.operation))
		default:
			s.carryOutOnce(c, r, token, handle)
		}
	}
}

// idempotencyToken reads the token of a request; empty when it has none.
func idempotencyToken(c *gin.Context) (string, error) {
	tokens := slices.Concat(c.Request.Header.Values(headerIdempotencyKey), c.Request.Header.Values(headerIdempotencyToken))
	if len(tokens) == 0 {
		return "", nil
	}
	token := tokens[0]
	for _, other := range tokens[1:] {
		if other != token {
			return "", taskrouter.Invalidf("The request has two idempotency tokens")
		}
	}
	odd := strings.IndexFunc(token, func(r rune) bool { return r < ' ' || r > '~' })
	if token == "" || len(token) > maxTokenLength || odd >= 0 {
		return "", taskrouter.Invalidf("An idempotency token must be 1 to %d printable ASCII characters", maxTokenLength)
	}
	return token, nil
}

// carryOutOnce answers a request with a token: by doing what it asks for, or
// with the answer that was given before.
func (s *Server) carryOutOnce(c *gin.Context, r route, token string, handle func(c *gin.Context) (any, error)) {
	wanted, err := s.claim(c, r, token)
	if err != nil {
		s.fail(c, err)
		return
	}
	claim, taken, err := s.opts.Claims.TakeClaim(c.Request.Context(), wanted, wanted.CreatedAt.Add(-ClaimLifetime))
	switch {
	case taskrouter.KindOf(err) == taskrouter.KindConflict && err != nil:
		s.busy(c)
	case err != nil:
		s.fail(c, err)
	case claim.Fingerprint != wanted.Fingerprint:
		s.fail(c, refusal{wire.TokenReused()})
	case claim.Answer != nil:
		c.Header(headerReplayed, "true")
		write(c, *claim.Answer)
	case !taken:
		s.busy(c)
	case claim.Done: // by a request that did not live to answer
		s.conclude(c, r, claim)
	default:
		c.Set(keyClaimed, claim.ResourceSID)
		body, err := handle(c)
		s.settle(c, r, claim, body, err)
	}
}

// busy asks the second of two requests to come back for the answer to the first.
func (s *Server) busy(c *gin.Context) {
	c.Header("Retry-After", strconv.Itoa(retryClaim))
	s.fail(c, taskrouter.Errorf(taskrouter.KindConflict, "A request with this idempotency token is being carried out"))
}

// claim describes a request. The token itself is not kept, and neither is what
// was asked for: only digests.
func (s *Server) claim(c *gin.Context, r route, token string) (*taskrouter.Claim, error) {
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	asked := string(body)
	// Encoders differ in the order of parameters from one try to the next.
	if form, err := url.ParseQuery(asked); err == nil {
		asked = form.Encode()
	}
	now := s.opts.Now().UTC().Truncate(time.Microsecond)
	return &taskrouter.Claim{
		AccountSID: account(c), Key: hashed(c.Request.Method, c.Request.URL.Path, token), Fingerprint: hashed(asked),
		ResourceSID: taskrouter.NewSID(r.createdPrefix()), CreatedAt: now, HeldUntil: now.Add(s.opts.Timeout + claimGrace),
	}, nil
}

func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// settle answers the request that did the work. A refusal changed nothing, and
// its token may be used again; an error of ours leaves open what happened, and
// the next request with the token finds out.
func (s *Server) settle(c *gin.Context, r route, claim *taskrouter.Claim, body any, err error) {
	if err == nil {
		s.keep(c, r, claim, body)
		return
	}
	ctx, cancel := afterwards(c)
	defer cancel()
	// The commit may have been made although its answer was lost, or by
	// another request with the token that was faster.
	done, unknown := s.opts.Claims.ClaimDone(ctx, claim)
	switch status := s.errorBody(c, err).Status; {
	case unknown == nil && done:
		s.conclude(c, r, claim)
		return
	case unknown == nil && status < http.StatusInternalServerError && status != http.StatusConflict:
		unknown = s.opts.Claims.DropClaim(ctx, claim)
	default:
		unknown = s.opts.Claims.ReleaseClaim(ctx, claim)
	}
	s.unsettled(c, unknown)
	s.fail(c, err)
}

// conclude answers for a request that created the resource and did not live to
// answer: with the resource as it is now.
func (s *Server) conclude(c *gin.Context, r route, claim *taskrouter.Claim) {
	body, err := s.created(c, r, claim.ResourceSID)
	if err == nil {
		c.Header(headerReplayed, "true")
		s.keep(c, r, claim, body)
		return
	}
	// Nothing is being carried out any more: the next request need not wait.
	ctx, cancel := afterwards(c)
	defer cancel()
	s.unsettled(c, s.opts.Claims.ReleaseClaim(ctx, claim))
	if taskrouter.KindOf(err) == taskrouter.KindNotFound {
		err = taskrouter.Errorf(taskrouter.KindGone, "The resource was created and has been removed since")
	}
	s.fail(c, err)
}

// created renders a resource with the operation that fetches it.
func (s *Server) created(c *gin.Context, r route, sid string) (any, error) {
	fetch := r.fetcher()
	c.Params = append(c.Params, gin.Param{Key: fetch.path[len(r.path)+len("/:"):], Value: sid})
	if err := s.readConfiguration(c); err != nil {
		return nil, err
	}
	return fetch.handle(s, c)
}

// fetcher is the operation that fetches what r creates; one without a handler
// when there is none.
func (r route) fetcher() route {
	for _, f := range routes() {
		rest, below := strings.CutPrefix(f.path, r.path+"/:")
		if f.method == http.MethodGet && below && !strings.Contains(rest, "/") {
			return f
		}
	}
	return route{}
}

// keep answers with a created resource and remembers the answer. When it cannot
// be remembered, a repeated request gets the resource as it is by then.
func (s *Server) keep(c *gin.Context, r route, claim *taskrouter.Claim, body any) {
	text, err := encoded(body)
	if err != nil {
		s.fail(c, err)
		return
	}
	answer := taskrouter.ClaimAnswer{Status: r.status, ETag: c.Writer.Header().Get("ETag"), Body: text}
	ctx, cancel := afterwards(c)
	defer cancel()
	s.unsettled(c, s.opts.Claims.AnswerClaim(ctx, claim, answer))
	write(c, answer)
}

func (s *Server) unsettled(c *gin.Context, err error) {
	if err != nil {
		s.log.Warn("claim not settled", zapErr(err), logging.RequestID(c.GetString(keyRequestID)), logging.Route(c.FullPath()))
	}
}

// afterwards is a context for what is written after the work, whether the
// client still waits or not.
func afterwards(c *gin.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request.Context()), claimTimeout)
}

// encoded is the text of a body as it is sent.
func encoded(body any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(body)
	return b.String(), err
}

func write(c *gin.Context, a taskrouter.ClaimAnswer) {
	if a.ETag != "" {
		c.Header("ETag", a.ETag)
	}
	c.Data(a.Status, "application/json; charset=utf-8", []byte(a.Body))
}
