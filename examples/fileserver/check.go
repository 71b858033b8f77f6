package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

const checkHelp = `
Check tells whether a server with the same keys and policy would honour a link,
check by check, and the first that fails. It needs no server, and takes no use
of the link. The exit code is 0 if the link is good, and 1 if it is refused.
With - as LINK, it is read from the standard input.

The explanation is for the operator: it tells what no client should know.`

func check(_ context.Context, args []string, t terminal) error {
	var keys keySource
	var policy policy
	bound := map[string]string{}
	flags := newFlags("check", "LINK", checkHelp+formatsHelp())
	keys.register(flags)
	policy.register(flags)
	method := flags.String("method", http.MethodGet, "as if it were requested with this `method`")
	host := flags.String("host", "", "as if it were requested from this `host[:port]`, instead of the link's own")
	addr := flags.String("addr", "", "as if the client had this `address`")
	pairFlag(flags, bound, "bind", "as if the value of this name were this, as `name=value`")
	header := http.Header{}
	flags.Func("header", "as if the request had this field, as `'Name: value'`, for example a Cookie", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok || name == "" {
			return errors.New("it must be 'Name: value'")
		}
		header.Add(name, strings.TrimSpace(value))
		return nil
	})
	if err := parse(flags, args, 1, 1, t.out); err != nil {
		return err
	}
	if err := keys.validate(flags); err != nil {
		return err
	}
	format, err := keys.load()
	if err != nil {
		return err
	}
	opts, _, err := policy.options(format)
	if err != nil {
		return err
	}
	opts.Uses = memstore.NewUses(nil) // asked for, never used
	opts.Binding = func(_ *http.Request, name string) (string, error) {
		if value, ok := bound[name]; ok {
			return value, nil
		}
		return "", errors.New("give it with -bind")
	}
	text := flags.Arg(0)
	if text == "-" {
		if text, err = readLine(t.in); err != nil {
			return err
		}
	}
	if strings.HasPrefix(text, "/") {
		text = strings.TrimSuffix(keys.flags.origin, "/") + text
	}
	r, err := requestFor(text, *method)
	if err != nil {
		return err
	}
	r.Header = header
	if *host != "" {
		r.Host = *host
	}
	if *addr != "" {
		ip, err := netip.ParseAddr(*addr)
		if err != nil {
			return badUsage("-addr: %q is no address", *addr)
		}
		r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
	}
	v, err := middleware.NewVerifier(format, &opts)
	if err != nil {
		return err
	}
	e := v.Explain(r)
	if _, err := fmt.Fprint(t.out, e); err != nil {
		return err
	}
	if e.Err != nil {
		return errRefused
	}
	return nil
}

// requestFor returns the request that a client makes for a link.
func requestFor(link, method string) (*http.Request, error) {
	u, err := url.Parse(link)
	if err != nil {
		var fault *url.Error
		if errors.As(err, &fault) {
			err = fault.Err // without the link, and the signature in it
		}
		return nil, badUsage("the link is no URL: %s", middleware.Redact(err.Error()))
	}
	switch {
	case u.Opaque != "" || u.User != nil || !strings.HasPrefix(u.Path, "/"),
		(u.Scheme == "") != (u.Host == ""),
		u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		return nil, badUsage("the link must begin with http://, https:// or a slash")
	}
	r, err := http.NewRequest(method, link, nil)
	if err != nil {
		return nil, usageError{errors.New(middleware.Redact(err.Error()))}
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	r.URL.Scheme, r.URL.Host, r.URL.Fragment, r.URL.RawFragment = "", "", "", ""
	return r, nil
}

// maxLine is more than any link can have.
const maxLine = 64 << 10

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || err == io.EOF {
			err = badUsage("the standard input is empty")
		}
		return "", err
	}
	return line, nil
}
