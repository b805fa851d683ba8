package events

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// CallbackTimeout bounds one request of an assignment callback, from its start
// to the last byte of the answer.
const CallbackTimeout = 5 * time.Second

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 64 << 10

// Public codes of faults in an answer.
const (
	// CodeNotJSON: the answer has a body that is not declared as JSON.
	CodeNotJSON = 40000
	// CodeUnreadable: the answer is not a JSON object.
	CodeUnreadable = 40001
	// CodeNoInstruction: the answer has no instruction.
	CodeNoInstruction = 40005
)

// Sign makes the value of X-Twilio-Signature for a form POST on behalf of an
// account (https://www.twilio.com/docs/usage/webhooks/webhooks-security). The
// URL is the one configured, byte for byte.
type Sign func(ctx context.Context, accountSID, url string, form url.Values) (string, error)

// CallbackOrder is what an assignment callback is made of. Task, Worker and
// Reservation are never nil.
type CallbackOrder struct {
	// URL and FallbackURL are as configured; FallbackURL may be empty.
	URL, FallbackURL string
	Task             *taskrouter.Task
	Worker           *taskrouter.Worker
	Reservation      *taskrouter.Reservation
	// ChannelName is the unique name of the Task's channel.
	ChannelName string
	// FromDefault is the number the caller dialled; it stands in for a missing
	// "from" of a dequeue.
	FromDefault string
}

// CallbackOutcome is what an assignment callback answered.
type CallbackOutcome struct {
	// Failed: no URL gave an answer that can be used; the offer is withdrawn.
	Failed bool
	// Instruction is nil for manual handling: the offer stays open.
	Instruction *taskrouter.Instruction
	// LogCode is the public code of the last fault in an answer; zero for none.
	LogCode int
}

// Assigner makes assignment callbacks
// (https://www.twilio.com/docs/taskrouter/handle-assignment-callbacks). It is
// safe for concurrent use.
type Assigner struct {
	client *http.Client
	sign   Sign
	log    *zap.Logger
	now    func() time.Time
	limit  time.Duration
}

// NewAssigner makes an Assigner. The client's transport says which addresses
// may be reached; its redirect policy is replaced by none, its timeout by
// CallbackTimeout for each request.
func NewAssigner(client *http.Client, sign Sign, log *zap.Logger) *Assigner {
	return &Assigner{client: plain(client), sign: sign, log: log.Named("callback"), now: time.Now, limit: CallbackTimeout}
}

// plain is a client that follows nobody elsewhere, keeps no cookies and leaves
// time limits to each request.
func plain(client *http.Client) *http.Client {
	own := *client
	own.Timeout = 0
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// userAgent is how requests introduce themselves.
const userAgent = "TaskRouter/1"

// Assign asks the receiver what to do with a Reservation: first its URL and,
// when that gave nothing usable, the fallback, each once. It never returns an
// error: an outcome that failed is an outcome.
func (a *Assigner) Assign(ctx context.Context, order CallbackOrder) CallbackOutcome {
	form := callbackForm(order, a.now())
	code := 0
	for _, target := range []string{order.URL, order.FallbackURL} {
		if target == "" {
			continue
		}
		got := a.ask(ctx, order, target, form)
		if got.code != 0 {
			code = got.code
		}
		if got.usable {
			return CallbackOutcome{Instruction: completed(got.instruction, order), LogCode: code}
		}
	}
	return CallbackOutcome{Failed: true, LogCode: code}
}

// ask makes one request and writes the line about it.
func (a *Assigner) ask(ctx context.Context, order CallbackOrder, target string, form url.Values) answer {
	started := a.now()
	got, status, err := a.post(ctx, order, target, form)
	fields := []zap.Field{
		logging.ReservationSID(order.Reservation.SID), logging.TaskSID(order.Task.SID), logging.URLHost(target),
		logging.Status(status), logging.Code(got.code), logging.Duration(a.now().Sub(started)),
	}
	switch {
	case err != nil:
		a.log.Warn("assignment callback failed", append(fields, logging.Err(withoutURL(err)))...)
	case !got.usable || got.code != 0:
		a.log.Warn("assignment callback answer not understood", fields...)
	default:
		a.log.Debug("assignment callback answered", fields...)
	}
	return got
}

func (a *Assigner) post(ctx context.Context, order CallbackOrder, target string, form url.Values) (answer, int, error) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	signature, err := a.sign(ctx, order.Task.AccountSID, target, form)
	if err != nil {
		return answer{}, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("X-Twilio-Signature", signature)
	res, err := a.client.Do(req)
	if err != nil {
		return answer{}, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return answer{}, res.StatusCode, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return answer{}, res.StatusCode, err
	}
	if len(body) > maxAnswer {
		return answer{code: CodeUnreadable}, res.StatusCode, nil
	}
	return readAnswer(res.Header.Get("Content-Type"), body), res.StatusCode, nil
}

// withoutURL takes the URL out of an error of net/http: its path and query may
// hold secrets, and a log needs the host only.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// callbackForm is the form both URLs get.
func callbackForm(o CallbackOrder, now time.Time) url.Values {
	t, w, r := o.Task, o.Worker, o.Reservation
	return url.Values{
		"Timestamp":             {strconv.FormatInt(r.CreatedAt.Unix(), 10)},
		"AccountSid":            {t.AccountSID},
		"WorkspaceSid":          {t.WorkspaceSID},
		"WorkflowSid":           {t.WorkflowSID},
		"TaskQueueSid":          {t.QueueSID},
		"TaskSid":               {t.SID},
		"TaskAttributes":        {string(t.Attributes)},
		"TaskAge":               {strconv.FormatInt(int64(max(t.Age(now), 0)/time.Second), 10)},
		"TaskPriority":          {strconv.FormatInt(t.Priority, 10)},
		"TaskChannelUniqueName": {o.ChannelName},
		"WorkerSid":             {w.SID},
		"WorkerName":            {w.FriendlyName},
		"WorkerAttributes":      {string(w.Attributes)},
		"ReservationSid":        {r.SID},
	}
}

// completed fills in what an instruction may leave out: a dequeue without
// "from" shows the agent the number the caller dialled.
func completed(i *taskrouter.Instruction, o CallbackOrder) *taskrouter.Instruction {
	if i != nil && i.Kind == taskrouter.InstructDequeue && i.Params["from"] == "" && o.FromDefault != "" {
		i.Params["from"] = o.FromDefault
	}
	return i
}
