// Package server is an HTTP server for files behind signed links: listener,
// timeouts, shutdown, access log, metrics and reloading, and the flags that
// configure them. What it serves is the caller's.
package server

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/justinas/alice"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/middleware"
)

// Config configures a [Server].
type Config struct {
	addr, metricsAddr string
	tlsCert, tlsKey   string
	logFormat         string
	accessLog         bool
	writeTimeout      time.Duration
	drain             time.Duration
	shutdownTimeout   time.Duration
}

// Register defines the flags.
func (c *Config) Register(fs *cli.Flags) {
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "listen on this `address`; port 0 means a free one")
	fs.StringVar(&c.tlsCert, "tls-cert", "", "serve HTTPS with the certificate chain in this `file`")
	fs.StringVar(&c.tlsKey, "tls-key", "", "the private key of the certificate, in this `file`")
	fs.StringVar(&c.logFormat, "log", "text", "the `format` of the log on the standard error: text or json")
	fs.BoolVar(&c.accessLog, "access-log", true, "log every request but the checks of the health, whose changes are logged")
	fs.StringVar(&c.metricsAddr, "metrics", "", "serve /metrics for Prometheus on this `address`, such as 127.0.0.1:9090, to everyone who can reach it")
	fs.DurationVar(&c.writeTimeout, "write-timeout", time.Minute, "cut off a client that does not accept 1 MiB of a reply in this `duration`")
	fs.DurationVar(&c.drain, "drain", 0, "when stopping, keep serving for this `duration` while /healthz says 503, so that load balancers can look away")
	fs.DurationVar(&c.shutdownTimeout, "shutdown-timeout", time.Minute, "then let transfers finish for this `duration`")
}

// Validate reports mistakes in the flags.
func (c *Config) Validate() error {
	switch {
	case c.writeTimeout == 0 || c.shutdownTimeout == 0:
		return cli.Usagef("-write-timeout and -shutdown-timeout must be positive")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return cli.Usagef("-tls-cert and -tls-key need each other")
	case c.logFormat != "text" && c.logFormat != "json":
		return cli.Usagef("-log must be text or json, not %q", c.logFormat)
	}
	return nil
}

// Secure reports whether the server speaks HTTPS.
func (c *Config) Secure() bool { return c.tlsCert != "" }

// Server serves files behind signed links. [New] makes one from what can be
// checked without a port; Listen binds the ports; Serve serves until it is
// told to stop. Close releases the rest.
type Server struct {
	// Log and Out never block and never fail, whatever their readers do.
	Log *slog.Logger
	Out io.Writer // for messages to the user at the terminal
	// Hooks may be set until Listen.
	Hooks Hooks

	log, out *sink
	config   Config
	metrics  *metrics
	recorder *recorder
	reloader *reloader
	health   health
	ready    readiness
	mounts   []mount
	http     *http.Server
	listener net.Listener
	also     []*http.Server // on addresses of their own
}

// Hooks are what a program adds to a server. The zero value adds nothing.
type Hooks struct {
	// Socket returns a listener that the process was given for a flag, or nil.
	Socket func(flag string) (net.Listener, error)
	// Observe is told of every decision.
	Observe func(r *http.Request, l middleware.Link, err error)
	// Wrap puts a handler around all that is served.
	Wrap func(http.Handler) http.Handler
	// Metrics writes more metrics, in the text format of Prometheus.
	Metrics func(w io.Writer) error
	// Notify is told of what happens to the server, in the words of
	// sd_notify(3): READY=1, RELOADING=1 and STOPPING=1.
	Notify func(state string)
}

// New returns a server that does not listen yet and logs to t.Err. The log
// hides signatures, and the values of the query parameters that secrets name.
// From now on a write to a pipe without a reader is an error, which would
// otherwise end the process.
func New(c Config, t cli.Terminal, secrets ...string) (*Server, error) {
	signal.Ignore(syscall.SIGPIPE)
	s := &Server{config: c, out: newSink(t.Out, nil)}
	s.Out = s.out
	s.Log, s.log = newLogger(t.Err, c.logFormat, secrets)
	s.metrics = newMetrics(s.log)
	s.recorder = &recorder{log: s.Log, access: c.accessLog, metrics: s.metrics, writeTimeout: c.writeTimeout}
	s.reloader = &reloader{log: s.Log, metrics: s.metrics}
	s.ready.log = s.Log
	s.http = newHTTPServer(nil, s.Log)
	if c.Secure() {
		cert := &certificate{certFile: c.tlsCert, keyFile: c.tlsKey}
		load := func() error {
			err := cert.load()
			if err == nil {
				s.WarnOfExposed(c.tlsKey)
			}
			return err
		}
		if err := load(); err != nil {
			s.Close()
			return nil, err
		}
		s.Reload("certificate", c.tlsCert, load)
		s.http.TLSConfig = cert.config()
	}
	return s, nil
}

// WarnOfUnknown warns of environment variables that look as if they set one of
// the flags: a limit that is misspelled does not hold.
func (s *Server) WarnOfUnknown(flags *cli.Flags) {
	for _, name := range flags.UnknownVariables(formats.Variable, formats.FileVariable, BindingVariable) {
		s.Log.Warn("an environment variable sets nothing; is its name wrong?", "variable", name)
	}
}

// WarnOfExposed warns of a file of secrets that every user of the machine can
// read or change.
func (s *Server) WarnOfExposed(file string) { s.warnOfExposed(file, formats.Exposed(file, true)) }

// warnOfExposed warns of a file of keys with which every user can do something,
// if they can.
func (s *Server) warnOfExposed(file, can string) {
	if can != "" {
		s.Log.Warn("every user of this machine can "+can+" the secrets; run chmod o= on the file", "file", file)
	}
}

// Reload calls load whenever the server is told to reload. If load fails, it
// must leave the old state in use. What and file are for the log.
func (s *Server) Reload(what, file string, load func() error) {
	s.reloader.items = append(s.reloader.items, reloadable{what, file, load})
}

// Listen binds the ports. Everything else that can fail should have been tried
// before: once the port is bound, clients and balancers take the server for
// one that works.
func (s *Server) Listen() error {
	var err error
	if s.listener, err = s.ListenOn("addr", s.config.addr); err != nil {
		return err
	}
	if s.config.metricsAddr == "" {
		return nil
	}
	ln, err := s.ListenOn("metrics", s.config.metricsAddr)
	if err != nil {
		return err
	}
	s.metrics.more = s.Hooks.Metrics
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.metrics)
	s.ServeAlso(ln, mux, nil)
	s.Log.Info("serving metrics", "address", "http://"+clientAddr(s.config.metricsAddr, ln.Addr())+"/metrics")
	return nil
}

// ListenOn listens on the address of a flag, or takes the socket that the
// process was given for it. Errors say what to do.
func (s *Server) ListenOn(flag, addr string) (net.Listener, error) {
	if s.Hooks.Socket != nil {
		if ln, err := s.Hooks.Socket(flag); ln != nil || err != nil {
			return ln, err
		}
	}
	return listen("-"+flag, addr)
}

// ServeAlso serves a handler on an address of its own until Close, with TLS if
// it has a configuration.
func (s *Server) ServeAlso(ln net.Listener, h http.Handler, config *tls.Config) {
	also := newHTTPServer(boundBody(h), s.Log)
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	go also.Serve(ln)
	s.also = append(s.also, also)
}

// TLS returns a copy of the server's configuration of TLS, or nil if it has none.
func (s *Server) TLS() *tls.Config {
	return s.http.TLSConfig.Clone()
}

// Origin returns the scheme, host and port by which a client on this machine
// reaches the server, once it listens.
func (s *Server) Origin() string {
	scheme := "http://"
	if s.config.Secure() {
		scheme = "https://"
	}
	return scheme + clientAddr(s.config.addr, s.listener.Addr())
}

// Serve serves what is mounted, the checks of its health, and pages everywhere
// else, until ctx is done or the process gets SIGINT or SIGTERM. Downloads may
// then finish, unless a second signal comes, which ends the process.
func (s *Server) Serve(ctx context.Context, pages *http.ServeMux) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	pages.Handle("GET "+healthPath, &s.health)
	pages.Handle("GET "+readyPath, &s.ready)
	s.ready.health = &s.health
	listening := []any{"address", s.listener.Addr().String()}
	for _, m := range s.mounts {
		listening = append(listening, m.what, m.path)
	}
	served := alice.New(s.recorder.record, boundBody)
	if s.Hooks.Wrap != nil {
		served = served.Append(s.Hooks.Wrap)
	}
	s.http.Handler = served.Then(&routes{s.mounts, pages})
	if len(s.reloader.items) > 0 { // otherwise SIGHUP ends the program, as a closed terminal should
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		go s.reloader.run(ctx, hangup, s.notify)
	}
	s.Log.Info("listening", listening...)
	s.notify("READY=1")
	return s.serveUntil(ctx)
}

// untilSignal returns a context that SIGINT or SIGTERM cancels. The second
// signal ends the process at once, whatever it is waiting for.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	go func() {
		select {
		case <-signals:
			cancel()
		case <-over:
			return
		}
		select {
		case <-signals:
			os.Exit(cli.ExitFailed)
		case <-over:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel()
	}
}

// serveUntil serves until ctx is done, and then lets the requests in flight
// finish.
func (s *Server) serveUntil(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			failed <- s.http.ServeTLS(s.listener, "", "")
		} else {
			failed <- s.http.Serve(s.listener)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.notify("STOPPING=1")
	s.health.stopping.Store(true)
	if s.config.drain > 0 {
		s.Log.Info("draining: /healthz says that the server is stopping", "for", s.config.drain)
		select {
		case err := <-failed:
			return err
		case <-time.After(s.config.drain):
		}
	}
	s.Log.Info("stopping: no new requests; those in flight may finish", "within", s.config.shutdownTimeout)
	over, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(over); err != nil {
		s.recorder.closing.Store(true)
		err := s.http.Close()
		s.recorder.wait(closeTimeout)
		s.Log.Warn("stopped, with requests cut off")
		return err
	}
	s.Log.Info("stopped")
	return nil
}

// closeTimeout is for what is still to be written after the server has stopped.
const closeTimeout = 3 * time.Second

// Close releases the ports and writes the rest of the log. The metrics go
// last: the downloads that finish still count.
func (s *Server) Close() {
	if s.listener != nil {
		s.listener.Close()
	}
	for _, also := range s.also {
		also.Close()
	}
	s.out.close(closeTimeout)
	s.log.close(closeTimeout)
	signal.Reset(syscall.SIGPIPE)
}

// observe is the verifier's Options.Observe.
func (s *Server) observe(r *http.Request, l middleware.Link, err error) {
	s.recorder.observe(r, l, err)
	if s.Hooks.Observe != nil {
		s.Hooks.Observe(r, l, err)
	}
}

func (s *Server) notify(state string) {
	if s.Hooks.Notify != nil {
		s.Hooks.Notify(state)
	}
}
