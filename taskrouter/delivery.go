package taskrouter

import (
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

// DeliveryStatus says what became of an event on its way to the callback URL.
type DeliveryStatus string

// What may become of an event.
const (
	// DeliveryDelivered: the receiver answered 2xx.
	DeliveryDelivered DeliveryStatus = "delivered"
	// DeliveryFailed: the receiver refused it, or the last retry failed too.
	DeliveryFailed DeliveryStatus = "failed"
	// DeliverySkipped: the filter does not let its type through.
	DeliverySkipped DeliveryStatus = "skipped"
)

// DeliveryRecord is the line about one event.
type DeliveryRecord struct {
	Seq      int64
	EventSID string
	Status   DeliveryStatus
	// Attempts counts the requests that were made.
	Attempts int
	// LastStatus is the HTTP status of the last answer; 0 when there was none.
	LastStatus int
	At         time.Time
}
