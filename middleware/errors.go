package middleware

import (
	"errors"
	"net/http"

	"example.com/signedurl/middleware/internal/strict"
)

// The reasons for refusing a request. Every error of
// [Verifier.Verify], and every error of a [Format]'s Authenticate, wraps
// exactly one of them: compare with [errors.Is]. The text after the sentinel's
// is for the operator. It never holds a signature, a secret or the value of a
// binding, but none of it belongs in a reply, see [Refuse].
var (
	// ErrUnsigned: the request carries none of the format's parameters. 403.
	ErrUnsigned = errors.New("signedurl: not signed")
	// ErrInvalid: the link is malformed, was altered, was signed with an
	// unknown key, or is not for this path. 403.
	ErrInvalid = strict.ErrInvalid
	// ErrNotAllowed: the link is authentic, but not for this method, host or
	// address, or it lives longer than the verifier accepts. 403.
	ErrNotAllowed = errors.New("signedurl: not allowed by the link")
	// ErrExpired: the link is authentic and its time is over. 404, or 410 by
	// [Options.ExpiredStatus].
	ErrExpired = errors.New("signedurl: link expired")
	// ErrNotYet: the link is authentic and its time has not come. 404.
	ErrNotYet = errors.New("signedurl: link not valid yet")
	// ErrRevoked: the link is authentic and its id was revoked. 404.
	ErrRevoked = errors.New("signedurl: link revoked")
	// ErrUsedUp: the link is authentic and has no use left. 404.
	ErrUsedUp = errors.New("signedurl: link used up")
	// ErrUnconfirmed: the link is authentic and has limited uses, and a person is to
	// confirm that one is to be taken, see [Options.Confirm]. [Verifier.Verify]
	// never returns it, and a Handler replies with a page, and not with
	// [Options.Deny]. 403 where there is no page.
	ErrUnconfirmed = errors.New("signedurl: not confirmed")
	// ErrUnavailable: a store that must be asked before the link may be
	// honoured did not answer, or is full. 503: the verifier fails closed.
	ErrUnavailable = errors.New("signedurl: store unavailable")
)

// reasons is the one table of what each sentinel means to a client and to a
// metric. An error that is none of them is treated as ErrInvalid.
var reasons = []struct {
	err    error
	word   string
	status int
}{
	{ErrUnsigned, "unsigned", http.StatusForbidden},
	{ErrInvalid, "invalid", http.StatusForbidden},
	{ErrNotAllowed, "not_allowed", http.StatusForbidden},
	{ErrExpired, "expired", http.StatusNotFound},
	{ErrNotYet, "not_yet", http.StatusNotFound},
	{ErrRevoked, "revoked", http.StatusNotFound},
	{ErrUsedUp, "used_up", http.StatusNotFound},
	{ErrUnconfirmed, "unconfirmed", http.StatusForbidden},
	{ErrUnavailable, "unavailable", http.StatusServiceUnavailable},
}

// Reason returns one short word for an error of [Verifier.Verify], fit for the
// label of a metric: "ok" for nil, and otherwise one of unsigned, invalid,
// not_allowed, expired, not_yet, revoked, used_up, unconfirmed and unavailable. An error
// that wraps none of the package's sentinels is "invalid". The set of words is
// fixed, so that a request cannot create new labels.
func Reason(err error) string {
	if err == nil {
		return "ok"
	}
	for i := range reasons {
		if errors.Is(err, reasons[i].err) {
			return reasons[i].word
		}
	}
	return "invalid"
}

// status returns the HTTP status with which err is refused: 403 for an error
// that is not in the table, so that a foreign error never opens or explains
// anything.
func status(err error) int {
	for i := range reasons {
		if errors.Is(err, reasons[i].err) {
			return reasons[i].status
		}
	}
	return http.StatusForbidden
}

// Refuse is the default reply to a refused request, for use in [Options.Deny]:
// the status that the error's sentinel stands for (403, 404 or 503), a short
// fixed text, Cache-Control: no-store, and nothing of the request or of the
// reason. An unsigned and an altered link get the same bytes.
func Refuse(w http.ResponseWriter, r *http.Request, err error) { reply(w, status(err)) }

// reply writes a refusal. It depends on nothing but the status.
func reply(w http.ResponseWriter, code int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(code), code)
}

// detailed is a sentinel with a text for the operator. The values that a
// request can cause are made once, at start-up, so that refusing a forged link
// allocates nothing.
type detailed struct {
	sentinel error
	detail   string
}

func (e *detailed) Error() string { return e.sentinel.Error() + ": " + e.detail }
func (e *detailed) Unwrap() error { return e.sentinel }

func invalid(detail string) error    { return strict.NewInvalid(detail) }
func notAllowed(detail string) error { return &detailed{ErrNotAllowed, detail} }
