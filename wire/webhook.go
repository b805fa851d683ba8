package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"
)

// The headers of https://www.standardwebhooks.com.
const (
	WebhookIDHeader        = "Webhook-Id"
	WebhookTimestampHeader = "Webhook-Timestamp"
	WebhookSignatureHeader = "Webhook-Signature"
)

// SignWebhook computes the value of webhook-signature for a body, version 1 of
// https://www.standardwebhooks.com: HMAC-SHA256 over id, time in whole seconds
// and body. The key is the bytes of the account's token; a receiver's library
// takes it as "whsec_" with the token in base64.
func SignWebhook(id string, at time.Time, body []byte, token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
