package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
)

// bindings find the values that links are bound to, by name, in a request.
type bindings map[string]func(r *http.Request) string

func (b bindings) register(fs *flag.FlagSet) {
	fs.Func("binding", "accept links that are bound to a value of this name, and find the value in a cookie or a header; repeat it for more (`name=cookie:NAME` or name=header:NAME); "+
		"only a header that the proxy in front sets or removes can be trusted", func(s string) error {
		name, source, _ := strings.Cut(s, "=")
		kind, field, _ := strings.Cut(source, ":")
		switch {
		case name == "" || field == "":
			return errors.New("it must be name=cookie:NAME or name=header:NAME")
		case b[name] != nil:
			return fmt.Errorf("%s is there twice", name)
		case kind == "cookie":
			b[name] = func(r *http.Request) string { return onlyCookie(r, field) }
		case kind == "header":
			b[name] = func(r *http.Request) string { return onlyHeader(r, field) }
		default:
			return errors.New("the value is in a cookie or in a header")
		}
		return nil
	})
}

var errUnknownBinding = errors.New("there is no -binding of that name")

// find is the verifier's Options.Binding.
func (b bindings) find(r *http.Request, name string) (string, error) {
	if find := b[name]; find != nil {
		return find(r), nil
	}
	return "", errUnknownBinding
}

// onlyCookie returns the value of a cookie, and nothing if there are two: one
// of them may have been planted from a sibling domain.
func onlyCookie(r *http.Request, name string) string {
	if c := r.CookiesNamed(name); len(c) == 1 {
		return c[0].Value
	}
	return ""
}

// onlyHeader returns the value of a header field, and nothing if it comes
// twice: one of them is the client's own.
func onlyHeader(r *http.Request, name string) string {
	if v := r.Header.Values(name); len(v) == 1 {
		return v[0]
	}
	return ""
}
