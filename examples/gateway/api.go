package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"strings"
	"time"

	"example.com/signedurl/examples/gateway/internal/linkapi"
	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware"
)

// linkAPI is the address at which applications ask for links.
type linkAPI struct {
	addr, tokens, clientCA string
	policy                 linkapi.Policy

	api *linkapi.API // or nil
}

func (a *linkAPI) register(fs *cli.Flags) {
	fs.StringVar(&a.addr, "api-addr", "", "sign links for applications at this `address`, by POST /v1/links; /v1/openapi.json describes it; without -tls-cert, it must be one of this machine alone, such as 127.0.0.1:8081")
	fs.StringVar(&a.tokens, "api-token-file", "", "let applications ask that send a bearer token of this `file`, which has one a line")
	fs.StringVar(&a.clientCA, "api-client-ca", "", "let applications ask that have a certificate of the authorities in this `file`, instead of a token")
	fs.ListVar(&a.policy.Prefixes, "api-prefix", "sign only links that lead below these `paths`, a comma-separated list such as /files/kyc/")
	fs.DurationVar(&a.policy.MaxLifetime, "api-max-lifetime", time.Hour, "sign only links that live for at most this `duration`")
	fs.BoolVar(&a.policy.Bound, "api-bound", false, "sign only links that are bound to a value or to networks")
	fs.BoolVar(&a.policy.Uploads, "api-uploads", false, "sign links for uploads too")
	fs.IntVar(&a.policy.Rate, "api-rate", 100, "sign at most this `number` of links a second")
}

func (a *linkAPI) validate(fs *cli.Flags, c *server.Config) error {
	if a.addr == "" {
		for _, flag := range []string{"token-file", "client-ca", "prefix", "max-lifetime", "bound", "uploads", "rate"} {
			if fs.Given("api-" + flag) {
				return cli.Usagef("-api-%s needs -api-addr", flag)
			}
		}
		return nil
	}
	switch {
	case (a.tokens == "") == (a.clientCA == ""):
		return cli.Usagef("-api-addr needs one of -api-token-file and -api-client-ca: whoever may ask has every file")
	case a.clientCA != "" && !c.Secure():
		return cli.Usagef("-api-client-ca needs -tls-cert")
	case !c.Secure() && !loopback(a.addr):
		return cli.Usagef("-api-addr is for other machines, so that it needs -tls-cert: tokens and links must not be read on the way")
	case a.policy.MaxLifetime < time.Second:
		return cli.Usagef("-api-max-lifetime must be a second or more")
	case a.policy.Rate <= 0:
		return cli.Usagef("-api-rate must be positive")
	}
	for _, p := range a.policy.Prefixes {
		if !strings.HasPrefix(p, "/") || !strings.HasSuffix(p, "/") || p != "/" && path.Clean(p)+"/" != p {
			return cli.Usagef("-api-prefix: %q must be a path that begins and ends in a slash, as clients see it", p)
		}
	}
	if len(a.policy.Prefixes) == 0 {
		a.policy.Prefixes = []string{"/"}
	}
	return nil
}

// loopback reports whether only this machine reaches an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// prepare makes the API, if there is to be one.
func (a *linkAPI) prepare(srv *server.Server) error {
	if a.addr == "" {
		return nil
	}
	a.api = linkapi.New(a.policy, srv.Log)
	if a.clientCA != "" {
		a.api.AnyClient()
		return nil
	}
	load := func() error {
		text, err := os.ReadFile(a.tokens)
		if err != nil {
			return fmt.Errorf("cannot read the tokens: %w", err)
		}
		if err := a.api.SetTokens(string(text)); err != nil {
			return fmt.Errorf("cannot read the tokens in %s: %w", a.tokens, err)
		}
		srv.WarnOfExposed(a.tokens)
		return nil
	}
	srv.Reload("tokens", a.tokens, load)
	return load()
}

// add makes the API sign links below a base.
func (a *linkAPI) add(base string, links *middleware.URLBuilder) error {
	if a.api == nil {
		return nil
	}
	return a.api.Add(base, links)
}

// serve begins to serve the API.
func (a *linkAPI) serve(srv *server.Server) error {
	if a.api == nil {
		return nil
	}
	config := srv.TLS()
	if a.clientCA != "" {
		pem, err := os.ReadFile(a.clientCA)
		if err != nil {
			return fmt.Errorf("cannot read -api-client-ca: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("there is no certificate in %s, of -api-client-ca", a.clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	ln, err := srv.ListenOn("api-addr", a.addr)
	if err != nil {
		return err
	}
	srv.ServeAlso(ln, a.api.Handler(), config)
	srv.Log.Info("signing links", "address", ln.Addr().String())
	return nil
}
