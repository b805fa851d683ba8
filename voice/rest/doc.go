// Package rest drives Twilio, its clones and Restcomm through their REST API.
//
// The two dialects differ in paths, field names and status codes; [dialect]
// holds the differences as data. Neither has an idempotency key for calls, so
// Dial follows a recipe: write down the attempt, send, and when the answer is
// lost find out by callback or by listing calls whether the phone is ringing
// before sending again.
//
// The package never logs or returns phone numbers, credentials or addresses of
// requests.
package rest
