package config

import "net/url"

// minToken is the shortest token that cannot be guessed when it is random.
const minToken = 16

// verifyCodec checks the keys that encrypt what Temporal stores, and who may
// have it decrypted.
func (c *Config) verifyCodec(ps *Problems) {
	keys, err := c.Temporal.EncryptionKeys.Keys()
	switch {
	case err != nil:
		ps.addf("temporal.encryption_keys", "", "%v", err)
	case len(keys) == 0 && !c.Temporal.EncryptionKeys.IsZero():
		ps.addf("temporal.encryption_keys", "", "holds no key")
	case len(keys) == 0 && !c.Codec.Token.IsZero():
		ps.addf("codec.token", "", "needs temporal.encryption_keys: there is nothing to decrypt")
	}
	if n := len(c.Codec.Token.Reveal()); n > 0 && n < minToken {
		ps.addf("codec.token", "", "is too short, must have at least %d characters (make one with: openssl rand -hex 24)", minToken)
	}
	if c.Codec.UIOrigin == "" {
		return
	}
	if c.Codec.Token.IsZero() {
		ps.addf("codec.ui_origin", "", "needs codec.token")
	}
	u, err := url.Parse(c.Codec.UIOrigin)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Scheme+"://"+u.Host != c.Codec.UIOrigin {
		ps.addf("codec.ui_origin", "", "must be scheme, host and perhaps port, such as https://temporal.example.com")
	}
}
