package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/justinas/alice"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
)

const serveHelp = `
Serve serves the files of a directory to requests that carry a signed link, and
/healthz to everybody. Without -dir it serves a demonstration, with a key that it
makes for itself unless it is given one.

SIGTERM and SIGINT stop it: downloads may finish first. SIGHUP makes it read the
keys, the revocations and the certificate again; a file that cannot be read
leaves the old ones in use. Replace the files by renaming, so that no half of a
file is read.`

func serve(ctx context.Context, args []string, t terminal) error {
	c := serving{bindings: bindings{}}
	flags := newFlags("serve", "", serveHelp+formatsHelp())
	c.register(flags)
	if err := parse(flags, args, 0, 0, t.out); err != nil {
		return err
	}
	if err := c.validate(flags); err != nil {
		return err
	}
	log, err := newLogger(t.err, c.logFormat, c.keys.flags.parameter)
	if err != nil {
		return err
	}
	root, err := c.open()
	if err != nil {
		return err
	}
	if dir, ok := root.(io.Closer); ok {
		defer dir.Close()
	}
	ln, err := listen("-addr", c.addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	m := newMetrics()
	rec := &recorder{log: log, access: c.accessLog, metrics: m, writeTimeout: c.writeTimeout}
	reload := &reloader{log: log, metrics: m}
	srv := newServer(nil, log)
	origin := "http://" + clientAddr(c.addr, ln.Addr())
	if c.tlsCert != "" {
		cert := &certificate{certFile: c.tlsCert, keyFile: c.tlsKey}
		if err := cert.load(); err != nil {
			return err
		}
		reload.add("certificate", c.tlsCert, cert.load)
		srv.TLSConfig = cert.config()
		origin = "https://" + clientAddr(c.addr, ln.Addr())
	}
	files, err := c.files(root, origin, rec, reload)
	if err != nil {
		return err
	}
	if c.metricsAddr != "" {
		metricsLn, err := listen("-metrics", c.metricsAddr)
		if err != nil {
			return err
		}
		stop := serveMetrics(metricsLn, m, log)
		defer stop() // last: the downloads that finish still count
		log.Info("serving metrics", "address", "http://"+clientAddr(c.metricsAddr, metricsLn.Addr())+"/metrics")
	}

	pages := http.NewServeMux()
	pages.HandleFunc("GET /healthz", health)
	if c.dir == "" {
		d := &demo{files: files, origin: origin, cookie: c.policy.cookie, secure: c.tlsCert != "", lifetime: c.lifetime, log: log}
		err = d.serveOn(pages, t.out)
	} else {
		_, err = fmt.Fprintf(t.out, "Serving %s at %s\n", c.dir, c.publicBase(origin))
	}
	if err != nil {
		return err
	}
	routes, err := newRoutes(files, pages)
	if err != nil {
		return err
	}
	srv.Handler = alice.New(rec.record, boundBody).Then(routes)

	if len(reload.items) > 0 { // otherwise SIGHUP ends the program, as a terminal that closes expects
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		go reload.run(ctx, hangup)
	}
	if c.reportOnly {
		log.Warn("report only: every file is served to everybody, whatever the link")
	}
	log.Info("listening", "address", ln.Addr().String(), "files", c.base)
	return serveUntil(ctx, srv, ln, c.grace, log)
}

// publicBase is the base with an origin: that of signed links or of the
// listener, if it has none itself. The host that a request names is never used: whoever sends the
// request could choose to where links lead.
func (c *serving) publicBase(origin string) string {
	switch signed := c.keys.flags.origin; {
	case !strings.HasPrefix(c.base, "/"):
		return c.base
	case signed != "":
		return strings.TrimSuffix(signed, "/") + c.base
	}
	return origin + c.base
}

// files returns the handler of the files, with keys that can be read again.
func (c *serving) files(root http.FileSystem, origin string, rec *recorder, reload *reloader) (*signedfs.Handler, error) {
	loaded, err := c.loadKeys(reload.log)
	if err != nil {
		return nil, err
	}
	opts, err := c.options(loaded, rec, reload)
	if err != nil {
		return nil, err
	}
	format := middleware.NewFormatVar(loaded)
	if c.keys.file != "" {
		reload.add("keys", c.keys.file, func() error {
			f, err := c.keys.load()
			if err == nil {
				format.Set(f)
			}
			return err
		})
	}
	files, err := signedfs.New(c.publicBase(origin), root, format, &signedfs.Options{
		Verify:  opts,
		Listing: c.listing,
		Error: func(r *http.Request, err error) {
			reload.log.Error("a file cannot be served", "request", r, "error", err)
		},
	})
	if err != nil {
		return nil, usageError{err}
	}
	return files, nil
}

// loadKeys returns the format with its keys.
func (c *serving) loadKeys(log *slog.Logger) (middleware.Format, error) {
	if c.dir == "" && !c.keys.given() {
		return generated()
	}
	f, err := c.keys.load()
	if err == nil && c.keys.exposed() {
		log.Warn("every user of this machine can read or change the keys; run chmod o= on the file", "file", c.keys.file)
	}
	return f, err
}

// options returns what the verifier is to hold links against.
func (c *serving) options(f middleware.Format, rec *recorder, reload *reloader) (middleware.Options, error) {
	if c.dir == "" {
		if c.policy.cookie == "" {
			c.policy.cookie = demoCookie
		}
		c.bindings[demoBinding] = func(r *http.Request) string { return onlyCookie(r, demoSession) }
	}
	o, revoked, err := c.policy.options(f)
	if err != nil {
		return o, err
	}
	if revoked != nil {
		reload.add("revocations", c.policy.revoked, func() error { return revoked.Load(c.policy.revoked) })
	}
	o.Prefix = c.prefix
	o.TrustedProxies = c.proxies
	o.Binding = c.bindings.find
	if c.uses == "memory" {
		o.Uses = memstore.NewUses(nil)
	}
	o.UseWindow = c.useWindow
	o.ExpiredStatus = c.expired
	o.Observe = rec.observe
	o.InsecureReportOnly = c.reportOnly
	return o, nil
}

// open opens the directory, or the demonstration's files.
func (c *serving) open() (http.FileSystem, error) {
	if c.dir == "" {
		return demoFiles()
	}
	dir, err := signedfs.OpenDir(c.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot serve %s: there is no such directory", c.dir)
	case err != nil:
		return nil, fmt.Errorf("cannot serve the directory: %w", err)
	}
	return dir, nil
}

// clientAddr returns host and port by which a client on this machine reaches a
// listener.
func clientAddr(asked string, got net.Addr) string {
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(got.String())
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
