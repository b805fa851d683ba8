// Package logging owns how this program writes its log: the zap set-up, the
// keys of the fields, the redaction of personal data and the adapters that put
// zap behind other people's logger interfaces.
//
// Messages are constant and lower-case, details are fields, and the name of a
// field is always one of the Key constants here, so that one query finds every
// line about one Task. Attributes, telephone numbers, tokens and signatures
// never reach a sink readable: keys known to carry them are replaced, and
// values that look like them are masked by the redacting core that New
// installs.
//
// The package must not import the Temporal server; the adapter for the
// server's logger lives in internal/devserver.
package logging
