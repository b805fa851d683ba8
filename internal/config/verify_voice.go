package config

import (
	"fmt"
	"net/url"
)

func (c *Config) verifyVoice(ps *Problems) {
	names := map[string]bool{}
	for i, b := range c.Voice.Backends {
		path := fmt.Sprintf("voice.backends[%d]", i)
		switch {
		case !namePattern.MatchString(b.Name):
			ps.addf(path+".name", "", "%q must be lower-case letters, digits and dashes, and start with a letter", b.Name)
		case names[b.Name]:
			ps.addf(path+".name", "", "%q is used twice", b.Name)
		}
		names[b.Name] = true
		c.verifyBackend(ps, path, b)
	}
}

func (c *Config) verifyBackend(ps *Problems, path string, b VoiceBackend) {
	switch b.Flavour {
	case FlavourFake:
		// An in-memory network of telephones: it has no account and cannot be
		// reached from outside.
	case FlavourTwilio, FlavourRestcomm:
		c.verifyPlatform(ps, path, b)
	default:
		ps.addf(path+".flavour", "", "%q must be twilio, restcomm or fake", string(b.Flavour))
	}
	for _, n := range b.Numbers {
		if !numberPattern.MatchString(n) {
			ps.addf(path+".numbers", "", "each must be in E.164 form, such as +14155550100")
			break
		}
	}
}

func (c *Config) verifyPlatform(ps *Problems, path string, b VoiceBackend) {
	required(ps, path+".account_sid", b.AccountSID)
	if b.AuthToken.IsZero() {
		ps.addf(path+".auth_token", "", "is required")
	}
	if c.PublicURL == "" {
		ps.addf("public_url", "", "is required for voice back-end %s: the platform must know where to reach this router", b.Name)
	}
	switch {
	case b.BaseURL != "":
		verifyURL(ps, path+".base_url", b.BaseURL)
		if u, err := url.Parse(b.BaseURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) && !c.Voice.Insecure {
			ps.addf(path+".base_url", "", "would send the account's token over plain http; use https, or set voice.insecure")
		}
	case b.Flavour == FlavourRestcomm:
		ps.addf(path+".base_url", "", "is required, such as https://restcomm.example.com/restcomm")
	}
	if b.Flavour == FlavourRestcomm && b.WebhookSecret.IsZero() && !c.Voice.Insecure {
		ps.addf(path, "", "this platform does not sign its webhooks: set webhook_secret, or voice.insecure")
	}
}
