package events

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// DeliveryTimeout bounds one request of an event callback, from its start to
// the last byte of the answer.
const DeliveryTimeout = 15 * time.Second

// Token returns the token an account's webhooks are signed with.
type Token func(ctx context.Context, accountSID string) (string, error)

// Receipt is what became of one request.
type Receipt struct {
	// Delivered: the receiver answered 2xx.
	Delivered bool
	// Retry: the receiver did not get the event, or could not take it now.
	// What it refused is never sent again.
	Retry bool
	// Status is the HTTP status of the answer; 0 when there was none, for the
	// reason of Fault.
	Status int
	Fault  taskrouter.DeliveryFault
	// Took is how long the request took.
	Took time.Duration
}

// Deliverer sends events to callback URLs
// (https://www.twilio.com/docs/taskrouter/api/event/reference#event-callbacks).
// It is safe for concurrent use.
type Deliverer struct {
	client *http.Client
	token  Token
	log    *zap.Logger
	now    func() time.Time
	limit  time.Duration
}

// NewDeliverer makes a Deliverer. The client's transport says which addresses
// may be reached; redirects are never followed.
func NewDeliverer(client *http.Client, token Token, log *zap.Logger) *Deliverer {
	return &Deliverer{client: plain(client), token: token, log: log.Named("delivery"), now: time.Now, limit: DeliveryTimeout}
}

// Deliver makes one request. An error means that nothing was sent, for a
// reason on our side that may pass; it says nothing about the receiver.
func (d *Deliverer) Deliver(ctx context.Context, target string, e *taskrouter.Event) (Receipt, error) {
	token, err := d.token(ctx, e.AccountSID)
	if err != nil {
		if taskrouter.KindOf(err) == taskrouter.KindUnavailable || ctx.Err() != nil {
			return Receipt{}, err
		}
		d.log.Error("event callback cannot be signed", logging.EventSID(e.SID), logging.AccountSID(e.AccountSID), logging.Err(err))
		return Receipt{Fault: taskrouter.FaultSignature}, nil
	}
	started := d.now()
	r, err := d.post(ctx, target, e, token, started)
	if ctx.Err() != nil {
		// Given up from here, not by the receiver.
		return Receipt{}, ctx.Err()
	}
	r.Took = d.now().Sub(started)
	fields := []zap.Field{
		logging.EventSID(e.SID), logging.EventType(e.Type), logging.WorkspaceSID(e.WorkspaceSID), logging.URLHost(target),
		logging.Status(r.Status), logging.Duration(r.Took),
	}
	switch {
	case r.Delivered:
		d.log.Debug("event callback delivered", fields...)
	case err != nil:
		d.log.Warn("event callback failed", append(fields, logging.Err(withoutURL(err)))...)
	default:
		d.log.Warn("event callback refused", fields...)
	}
	return r, nil
}

func (d *Deliverer) post(ctx context.Context, target string, e *taskrouter.Event, token string, at time.Time) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	form := eventForm(e, at)
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return Receipt{Fault: taskrouter.FaultURL}, err // such a URL will never work
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set(wire.SignatureHeader, wire.Sign(target, form, token))
	req.Header.Set(wire.WebhookIDHeader, e.SID)
	req.Header.Set(wire.WebhookTimestampHeader, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(wire.WebhookSignatureHeader, wire.SignWebhook(e.SID, at, []byte(body), token))
	res, err := d.client.Do(req)
	if err != nil {
		return Receipt{Retry: true, Fault: faultOf(err)}, err
	}
	defer res.Body.Close()
	// The answer says nothing; reading it keeps the connection for the next.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return Receipt{
		Delivered: res.StatusCode >= 200 && res.StatusCode <= 299, Retry: res.StatusCode >= 500, Status: res.StatusCode,
	}, nil
}

// eventForm is an event as its receiver gets it: what all events have, and the
// data of its type under the names of the public API.
func eventForm(e *taskrouter.Event, at time.Time) url.Values {
	form := url.Values{}
	for key, value := range e.Data {
		form.Set(parameter(key), value)
	}
	for name, value := range map[string]string{
		"Sid": e.SID, "EventType": string(e.Type), "EventDescription": e.Description,
		"AccountSid": e.AccountSID, "WorkspaceSid": e.WorkspaceSID,
		"ResourceType": e.ResourceType, "ResourceSid": e.ResourceSID,
		"Timestamp":   strconv.FormatInt(at.Unix(), 10),
		"TimestampMs": strconv.FormatInt(at.UnixMilli(), 10),
	} {
		form.Set(name, value)
	}
	return form
}

// parameter is the name of a callback parameter: worker_sid is WorkerSid.
func parameter(key string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(key, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
