package server

import (
	"net/http"
	"strings"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/forwardauth"
)

// forwardAuth is the address at which proxies ask whether a request may pass.
type forwardAuth struct {
	profile forwardauth.Profile // or 0
	path    string
}

func (a *forwardAuth) register(fs *cli.Flags) {
	fs.Func("forward-auth", "tell a `proxy`, nginx, caddy, traefik or envoy, whether a request may pass that it serves itself; only those in -trusted-proxy may ask", func(s string) (err error) {
		a.profile, err = forwardauth.ParseProfile(s)
		return err
	})
	fs.StringVar(&a.path, "forward-auth-path", "/verify", "the `path` at which the proxy asks")
}

func (a *forwardAuth) validate(fs *cli.Flags, f *Files) error {
	switch {
	case a.profile == 0 && fs.Given("forward-auth-path"):
		return cli.Usagef("-forward-auth-path needs -forward-auth")
	case a.profile == 0:
	case len(f.proxies) == 0:
		return cli.Usagef("-forward-auth needs -trusted-proxy: whoever may ask is believed")
	case !strings.HasPrefix(a.path, "/") || strings.HasSuffix(a.path, "/") || strings.ContainsAny(a.path, "?#%"):
		return cli.Usagef("-forward-auth-path must be a path without a slash at its end, not %q", a.path)
	case f.Policy.Confirm:
		return cli.Usagef("-confirm does not go with -forward-auth: the proxy's questions have no page, so that such links would not pass")
	case a.path == healthPath || a.path == readyPath:
		return cli.Usagef("-forward-auth-path is where the health check is")
	}
	return nil
}

// handler returns the handler for the proxies, or nil. The paths that they ask
// about are those that clients see, and nobody holds the bodies of uploads.
func (a *forwardAuth) handler(s *Server, f *Files, format middleware.Format, opts middleware.Options) (http.Handler, error) {
	if a.profile == 0 {
		return nil, nil
	}
	opts.Prefix, opts.EnforcesUploads = "", false
	v, err := middleware.NewVerifier(format, &opts)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	o := forwardauth.Options{TrustedProxies: f.proxies, Error: func(r *http.Request, err error) {
		s.Log.Warn("a question of a proxy was not answered", "request", r, "error", err)
	}}
	if a.profile == forwardauth.Envoy {
		o.PathPrefix = a.path
	}
	h, err := forwardauth.New(v, a.profile, &o)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	return h, nil
}
