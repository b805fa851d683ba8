package callqueue

import (
	"context"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/voice"
)

// signatureHeader carries the signature of a request, see
// https://www.twilio.com/docs/usage/security#validating-requests
const signatureHeader = "X-Twilio-Signature"

// genuine checks that a request comes from the platform it seems to come from.
// It must pass before anything is changed. accountSID is the account whose data
// the request is about, empty when it is about nobody's.
func (h *Handler) genuine(ctx context.Context, in *inbound, accountSID string) error {
	p := in.platform
	signs := p.Flavour != voice.FlavourRestcomm
	if !signs && p.Secret != "" {
		return nil // the path proved it
	}
	tokens := p.AuthTokens
	if !signs || len(tokens) == 0 {
		if accountSID == "" {
			return nil
		}
		required, err := h.opt.Accounts.RequireSignature(ctx, accountSID)
		if err != nil || !required {
			return err
		}
		if tokens, err = h.opt.Accounts.SigningTokens(ctx, accountSID); err != nil {
			return err
		}
	}
	if h.signed(in, tokens) {
		return nil
	}
	h.log.Warn("voice webhook refused", logging.Backend(p.Name), logging.Reason("signature"), accountField(accountSID))
	return errForbidden
}

func accountField(sid string) zap.Field {
	if sid == "" {
		return zap.Skip()
	}
	return logging.AccountSID(sid)
}

// signed reports whether the signature fits any token. The URL that was signed
// is built from the configured public URL: proxies change Host and scheme.
func (h *Handler) signed(in *inbound, tokens []string) bool {
	given := in.http.Header.Get(signatureHeader)
	if given == "" || h.opt.Validate == nil || h.public == "" {
		return false
	}
	full, ok := h.public+in.http.URL.RequestURI(), false
	for _, token := range tokens {
		// Every token is tried, so that the time taken does not tell which fits.
		fits := h.opt.Validate(full, in.body, token, given)
		ok = ok || (fits && token != "")
	}
	return ok
}
