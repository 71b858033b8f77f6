package middleware

import "net/http"

// AuthenticateBound is Authenticate with a value for the binding "session", as
// a Verifier would give it.
func AuthenticateBound(f Format, r Request, value string) (Link, error) {
	r.binding = func(_ *http.Request, name string) (string, error) {
		if name != "session" {
			return "", http.ErrNoCookie
		}
		return value, nil
	}
	return f.Authenticate(r)
}
