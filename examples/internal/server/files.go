package server

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// Files configures the handler of the files: which links open them, and under
// which URL.
type Files struct {
	Keys     formats.Source
	Policy   Policy
	Bindings Bindings
	// Uploads says how uploads are stored, if the policy has them.
	Uploads signedfs.Uploads
	// Playlists hands links on to the references in playlists.
	Playlists bool
	// Offload says where a proxy finds the files, if it sends them.
	Offload signedfs.Offload

	base, prefix string
	listing      bool
	proxies      []netip.Prefix
	useWindow    time.Duration
	expired      int
	pages        bool
	help         string
	cors         cors
	forward      forwardAuth
	reportOnly   bool
}

// Register defines the flags.
func (f *Files) Register(fs *cli.Flags) {
	if f.Bindings == nil {
		f.Bindings = Bindings{}
	}
	fs.StringVar(&f.base, "base-url", "/files/", "the `URL` or path under which clients reach the files")
	fs.StringVar(&f.prefix, "prefix", "", "the `path` that a proxy in front strips from the base before it passes a request on")
	fs.BoolVar(&f.listing, "listing", false, "let links to directories list them")
	fs.BoolVar(&f.Playlists, "playlists", false, "hand links to directories on to the references in playlists of HLS and DASH")
	f.Keys.Register(fs)
	f.Policy.Register(fs)
	fs.NetworksVar(&f.proxies, "trusted-proxy", "believe the X-Forwarded-For of proxies in these `networks`, a comma-separated list; name no network in which clients are: what comes from there without the header has no client's address, and links bound to networks are refused with 403")
	f.Bindings.register(fs)
	fs.DurationVar(&f.useWindow, "use-window", 0, "count a client's requests within this `duration` as one use, for players that fetch ranges; all clients behind one address are one")
	fs.BoolVar(&f.pages, "pages", false, "show people a page where a link does not open a file, and send problem details to clients that ask for JSON")
	fs.StringVar(&f.help, "pages-help", "", "say this `sentence` on the pages, about how to get a new link")
	fs.IntVar(&f.expired, "expired-status", http.StatusNotFound, "reply to expired links with this `status`: 404 or 410")
	fs.SizeVar(&f.Uploads.MaxBytes, "upload-max", 100<<20, "refuse uploads that are larger than this `size`, also with links that permit more")
	fs.IntVar(&f.Uploads.MaxUploads, "upload-slots", 64, "refuse an upload while this `number` of them is under way, of which one client may have 8")
	fs.BoolVar(&f.Uploads.MakeDirs, "upload-dirs", false, "make the directories that the path of an upload names")
	f.cors.register(fs)
	fs.StringVar(&f.Offload.XAccel, "x-accel", "", "let nginx send the files, from the internal location of this `path`, such as /protected/")
	f.forward.register(fs)
	fs.BoolVar(&f.reportOnly, "insecure-report-only", false, "serve what would be refused, and only log and count it")
}

// Validate reports mistakes in the flags, which it finds without the keys.
func (f *Files) Validate(fs *cli.Flags) error {
	if err := f.Keys.Validate(fs); err != nil {
		return err
	}
	if f.Keys.NeverExpires() && !f.Policy.allowPermanent {
		return cli.Usagef("without -max-age a token never expires: set -max-age, or -allow-permanent if that is intended")
	}
	for _, name := range [...]string{"upload-max", "upload-slots", "upload-dirs"} {
		if fs.Given(name) && !f.Policy.Uploads {
			return cli.Usagef("-%s needs -uploads", name)
		}
	}
	if f.help != "" {
		f.pages = true
	}
	if f.Uploads.MaxUploads <= 0 {
		return cli.Usagef("-upload-slots must be positive")
	}
	return f.forward.validate(fs, f)
}

// ForwardsAuth reports whether proxies may ask about requests that they serve
// themselves.
func (f *Files) ForwardsAuth() bool { return f.forward.profile != 0 }

// Base is the base of the files with an origin: that of -base-url, of signed
// links, or of the listener. The host that a request names is never used,
// since the sender of the request could then choose where links lead.
func (f *Files) Base(listener string) string {
	switch signed := f.Keys.Origin(); {
	case !strings.HasPrefix(f.base, "/"):
		return f.base
	case signed != "":
		return signed + f.base
	}
	return listener + f.base
}

// State is what is known of links that have been used or revoked. What is nil
// is not known: a link with limited uses is then refused.
type State struct {
	Uses        middleware.UseStore
	Revocations middleware.Revocations
}

// Mount makes s serve the files of root, and answer the proxies that ask about
// them, with keys and revocations that s reloads. The function explains what the
// handler would decide about a request with the path that clients see.
func (f *Files) Mount(s *Server, root http.FileSystem, state State) (*signedfs.Handler, func(*http.Request) *middleware.Explanation, error) {
	format, opts, err := f.verifying(s, state)
	if err != nil {
		return nil, nil, err
	}
	var uploads *signedfs.Uploads
	if f.Policy.Uploads {
		uploads = &f.Uploads
		// signedfs.New asks too, but the store's fault is not one of the flags.
		if w, ok := root.(signedfs.Writer); ok {
			if err := w.Check(context.Background()); err != nil {
				return nil, nil, fmt.Errorf("uploads cannot be stored: %w", err)
			}
		}
	}
	h, err := signedfs.New(f.Base(""), root, format, &signedfs.Options{
		Verify:    opts,
		Listing:   f.listing,
		Playlists: f.Playlists,
		Uploads:   uploads,
		Offload:   f.Offload,
		Error: func(r *http.Request, err error) {
			s.Log.Error("a file cannot be served or stored", "request", r, "error", err)
		},
	})
	if err != nil {
		return nil, nil, cli.UsageError{Err: err}
	}
	cors := f.cors
	cors.uploads = f.Policy.Uploads
	cors.credentials = f.Policy.Cookie != "" || f.Keys.Cookies() || len(f.Bindings) > 0
	if err := cors.validate(); err != nil {
		return nil, nil, cli.UsageError{Err: err}
	}
	below, _ := url.PathUnescape(h.Prefix()) // signedfs.New has checked the escapes
	if err := s.mount(below, "files", cors.handler(h)); err != nil {
		return nil, nil, err
	}
	opts.Prefix = ""
	v, err := middleware.NewVerifier(format, &opts)
	if err != nil {
		return nil, nil, cli.UsageError{Err: err}
	}
	return h, v.Explain, nil
}

// MountCheck makes s answer proxies, as Mount does, without files of its own.
func (f *Files) MountCheck(s *Server, state State) error {
	_, _, err := f.verifying(s, state)
	return err
}

// verifying returns what a verifier needs, and mounts the address at which
// proxies ask.
func (f *Files) verifying(s *Server, state State) (middleware.Format, middleware.Options, error) {
	loaded, err := f.load(s)
	if err != nil {
		return nil, middleware.Options{}, err
	}
	opts, err := f.options(s)
	if err != nil {
		return nil, opts, err
	}
	opts.Uses = state.Uses
	if state.Revocations != nil {
		opts.Revocations = state.Revocations
	}
	format := middleware.NewFormatVar(loaded)
	if file := f.Keys.File(); file != "" {
		s.Reload("keys", file, func() error {
			loaded, err := f.load(s)
			if err == nil {
				format.Set(loaded)
			}
			return err
		})
	}
	if f.reportOnly {
		s.Log.Warn("report only: every file is served to everyone, whatever the link")
	}
	check, err := f.forward.handler(s, f, format, opts)
	if check != nil {
		err = s.mount(f.forward.path, "check", check)
	}
	return format, opts, err
}

// load loads the keys, and warns if they are not kept as keys should be.
func (f *Files) load(s *Server) (middleware.Format, error) {
	loaded, err := f.Keys.Load()
	if err != nil {
		return nil, err
	}
	s.warnOfExposed(f.Keys.File(), f.Keys.Exposed())
	return loaded, nil
}

// options returns the options of the verifier but for the count of uses.
func (f *Files) options(s *Server) (middleware.Options, error) {
	o, revoked, err := f.Policy.Options()
	if err != nil {
		return o, err
	}
	if revoked != nil {
		s.Reload("revocations", f.Policy.revoked, func() error { return revoked.Load(f.Policy.revoked) })
	}
	o.Prefix = f.prefix
	o.TrustedProxies = f.proxies
	o.Binding = f.Bindings.find
	o.UseWindow = f.useWindow
	o.ExpiredStatus = f.expired
	if f.pages {
		o.Pages = middleware.DefaultPages(f.help)
	}
	o.Observe = s.observe
	o.InsecureReportOnly = f.reportOnly
	return o, nil
}
