package taskrouter

import (
	"net/url"
	"strings"
	"time"
)

// Delivery is how far the events of a Workspace have been sent to its callback
// URL. It outlives the Workspace until the last event was sent.
type Delivery struct {
	WorkspaceSID, AccountSID string
	// CallbackURL and EventsFilter repeat the Workspace's settings.
	CallbackURL, EventsFilter string
	// Active is unset while there is no callback URL.
	Active bool
	// Cursor is the low-water mark: every event up to this number is settled.
	Cursor int64
	// Epoch counts the owners. Who holds an older one may not move the cursor.
	Epoch int64
}

// Wants reports whether the filter lets an event type through: a list of types
// separated by commas, of which an empty one lets all through. A name that is
// no event type matches nothing.
// https://www.twilio.com/docs/taskrouter/api/workspace
func (d *Delivery) Wants(typ EventType) bool {
	empty := true
	for name := range strings.SplitSeq(d.EventsFilter, ",") {
		name = strings.TrimSpace(name)
		if name == string(typ) {
			return true
		}
		empty = empty && name == ""
	}
	return empty
}

// Target is the callback URL as it may be shown and stored in a log: without
// user name, password, query and fragment. One that cannot be read is empty.
func (d *Delivery) Target() string {
	u, err := url.Parse(d.CallbackURL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// DeliveryStatus says what became of an event on its way to the callback URL.
type DeliveryStatus string

// What may become of an event.
const (
	// DeliveryQueued: it was asked for, and is still to be sent.
	DeliveryQueued DeliveryStatus = "queued"
	// DeliveryDelivered: the receiver answered 2xx.
	DeliveryDelivered DeliveryStatus = "delivered"
	// DeliveryFailed: the receiver refused it or could not be reached.
	DeliveryFailed DeliveryStatus = "failed"
	// DeliveryFiltered: the filter does not let its type through.
	DeliveryFiltered DeliveryStatus = "filtered"
)

// DeliveryFault says why there was no answer to a request.
type DeliveryFault string

// The faults of a request. A receiver that answered has none, whatever it
// answered.
const (
	// FaultTimeout: no answer in time.
	FaultTimeout DeliveryFault = "timeout"
	// FaultName: the name of the host could not be resolved.
	FaultName DeliveryFault = "name"
	// FaultTLS: no secure connection, for example because of the certificate.
	FaultTLS DeliveryFault = "tls"
	// FaultConnection: refused, reset or cut off.
	FaultConnection DeliveryFault = "connection"
	// FaultForbidden: events must not be sent to the address of the host.
	FaultForbidden DeliveryFault = "forbidden_address"
	// FaultURL: the URL is none that a request can be made of, or was removed.
	FaultURL DeliveryFault = "url"
	// FaultSignature: the request could not be signed.
	FaultSignature DeliveryFault = "signature"
)

// DeliveryAttempt is one request that sent an event to the callback URL, one
// that is still to be made, or the note that the filter did not want it.
type DeliveryAttempt struct {
	SID, AccountSID, WorkspaceSID string
	EventSID                      string
	// Seq is the number of the Event.
	Seq int64
	// Number counts the requests for one Event from 1; what the filter left
	// out has 0.
	Number int
	// Manual: a client asked for it.
	Manual bool
	Status DeliveryStatus
	// Target is where it was sent, as Delivery.Target shows it.
	Target string
	// ResponseStatus is the HTTP status of the answer; 0 when there was none.
	ResponseStatus int
	// Fault is empty when there was an answer.
	Fault DeliveryFault
	// CreatedAt is when it was asked for; SentAt when the request began, zero
	// before.
	CreatedAt, SentAt time.Time
	// Took is how long the request took.
	Took time.Duration
}
