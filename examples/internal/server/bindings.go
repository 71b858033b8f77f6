package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"example.com/signedurl/examples/internal/cli"
)

// BindingVariable is the environment variable that can hold the value to which
// a link is bound, for the command that signs it.
const BindingVariable = cli.Prefix + "BIND_VALUE"

// Bindings find the values that links are bound to in a request, by name.
type Bindings map[string]func(r *http.Request) string

func (b Bindings) register(fs *cli.Flags) {
	fs.Repeat("binding", "accept links that are bound to a value of this name, and take the value from a cookie or a header (`name=cookie:NAME` or name=header:NAME); "+
		"may be repeated; a header can be trusted only if the proxy in front sets or removes it", func(s string) error {
		name, source, _ := strings.Cut(s, "=")
		kind, field, _ := strings.Cut(source, ":")
		switch {
		case name == "" || field == "":
			return errors.New("it must be name=cookie:NAME or name=header:NAME")
		case b[name] != nil:
			return fmt.Errorf("%s is given twice", name)
		case kind == "cookie":
			b[name] = func(r *http.Request) string { return OnlyCookie(r, field) }
		case kind == "header":
			b[name] = func(r *http.Request) string { return onlyHeader(r, field) }
		default:
			return errors.New("the value must come from a cookie or a header")
		}
		return nil
	})
}

var errUnknownBinding = errors.New("there is no -binding of that name")

// find is the verifier's Options.Binding.
func (b Bindings) find(r *http.Request, name string) (string, error) {
	if find := b[name]; find != nil {
		return find(r), nil
	}
	return "", errUnknownBinding
}

// OnlyCookie returns the value of a cookie, or "" if there are two of the
// name: one of them may have been planted from a sibling domain.
func OnlyCookie(r *http.Request, name string) string {
	if c := r.CookiesNamed(name); len(c) == 1 {
		return c[0].Value
	}
	return ""
}

// onlyHeader returns the value of a header field, or "" if there are two of
// the name: one of them is the client's own.
func onlyHeader(r *http.Request, name string) string {
	if v := r.Header.Values(name); len(v) == 1 {
		return v[0]
	}
	return ""
}
