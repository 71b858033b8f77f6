package commands

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

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

const checkHelp = `
Check tells whether a server with the same keys and policy would accept a link:
it lists the checks up to the first that fails. It needs no server, and takes no
use of the link. It asks no store, Redis neither: a link that it accepts may have
no uses left, and is not known to be revoked but by -revoked. The exit code is 0
if the link is accepted, and 1 if it is refused. If LINK is -, it is read from
the standard input.

The explanation is for the operator: it tells what no client should know.`

// Check is the command check.
func Check(program string) cli.Command {
	return cli.Command{Name: "check", Summary: "explain why a link is accepted or refused", Run: func(_ context.Context, args []string, t cli.Terminal) error {
		return check(program, args, t)
	}}
}

func check(program string, args []string, t cli.Terminal) error {
	var keys formats.Source
	var policy server.Policy
	bound := map[string]string{}
	flags := cli.NewFlags(program, "check", "LINK", checkHelp+formats.Help())
	keys.Register(flags)
	policy.Register(flags)
	method := flags.String("method", http.MethodGet, "assume this `method` of the request")
	host := flags.String("host", "", "assume this `host[:port]` of the request, instead of the link's own")
	addr := flags.String("addr", "", "assume this `address` of the client")
	flags.PairsVar(bound, "bind", "assume this value of a binding, as `name=value`; may be repeated")
	header := http.Header{}
	flags.Repeat("header", "assume this header field of the request, as `'Name: value'`, for example a Cookie; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok || name == "" {
			return errors.New("it must be 'Name: value'")
		}
		header.Add(name, strings.TrimSpace(value))
		return nil
	})
	if err := flags.ParseArgs(args, 1, 1, t.Out); err != nil {
		return err
	}
	if err := keys.Validate(flags); err != nil {
		return err
	}
	format, err := keys.Load()
	if err != nil {
		return err
	}
	opts, _, err := policy.Options()
	if err != nil {
		return err
	}
	opts.Uses = memstore.NewUses(nil) // required, never asked
	opts.Binding = func(_ *http.Request, name string) (string, error) {
		if value, ok := bound[name]; ok {
			return value, nil
		}
		return "", errors.New("set it with -bind")
	}
	text, err := readLink(flags.Arg(0), t.In)
	if err != nil {
		return err
	}
	if strings.HasPrefix(text, "/") {
		text = keys.Origin() + text
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
			return cli.Usagef("-addr: %q is not an address", *addr)
		}
		r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
	}
	v, err := middleware.NewVerifier(format, &opts)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	e := v.Explain(r)
	if _, err := fmt.Fprint(t.Out, e); err != nil {
		return err
	}
	if e.Err != nil {
		return cli.ErrFailed
	}
	var unknown []string
	if e.Link.ID != "" && opts.Revocations == nil {
		unknown = append(unknown, "whether the id is revoked")
	}
	if e.Link.Uses > 0 {
		unknown = append(unknown, "whether uses are left")
	}
	if unknown != nil {
		_, err = fmt.Fprintf(t.Out, "but not asked: %s\n", strings.Join(unknown, ", and "))
	}
	return err
}

// requestFor returns the request that a client sends for a link.
func requestFor(link, method string) (*http.Request, error) {
	u, err := parseLink(link)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, link, nil)
	if err != nil {
		return nil, cli.UsageError{Err: errors.New(middleware.Redact(err.Error()))}
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	r.URL.Scheme, r.URL.Host, r.URL.Fragment, r.URL.RawFragment = "", "", "", ""
	return r, nil
}

// parseLink parses a link, with an origin or without one.
func parseLink(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		var fault *url.Error
		if errors.As(err, &fault) {
			err = fault.Err // without the link and its signature
		}
		return nil, cli.Usagef("the link is not a URL: %s", middleware.Redact(err.Error()))
	}
	switch {
	case u.Opaque != "" || u.User != nil || !strings.HasPrefix(u.Path, "/"),
		(u.Scheme == "") != (u.Host == ""),
		u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		return nil, cli.Usagef("the link must begin with http://, https:// or a slash")
	}
	return u, nil
}

// maxLine is more than any link can have.
const maxLine = 64 << 10

// readLink returns a link from the command line, or from the standard input if
// it is a dash there.
func readLink(arg string, in io.Reader) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || err == io.EOF {
			err = cli.Usagef("the standard input is empty")
		}
		return "", err
	}
	return line, nil
}
