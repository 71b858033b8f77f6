package main

import (
	"flag"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// serving is the configuration of serve.
type serving struct {
	addr, metricsAddr string
	dir, base, prefix string
	listing           bool
	lifetime          time.Duration

	keys       keySource
	policy     policy
	proxies    []netip.Prefix
	bindings   bindings
	uses       string
	useWindow  time.Duration
	expired    int
	reportOnly bool

	tlsCert, tlsKey string
	logFormat       string
	accessLog       bool
	writeTimeout    time.Duration
	grace           time.Duration
}

func (c *serving) register(fs *flag.FlagSet) {
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "listen on this `address`; port 0 takes a free one")
	fs.StringVar(&c.dir, "dir", "", "serve the files of this `directory`; without it, a demonstration")
	fs.StringVar(&c.base, "base-url", "/files/", "the `URL` or path under which clients reach the files")
	fs.StringVar(&c.prefix, "prefix", "", "the `path` that a proxy in front takes off the base before it passes a request on")
	fs.BoolVar(&c.listing, "listing", false, "let links to directories list them")
	fs.DurationVar(&c.lifetime, "lifetime", 15*time.Second, "for how long the links of the demonstration's page work")
	c.keys.register(fs)
	c.policy.register(fs)
	networksFlag(fs, &c.proxies, "trusted-proxy", "believe the X-Forwarded-For of proxies in these `networks`, a comma-separated list")
	c.bindings.register(fs)
	fs.StringVar(&c.uses, "uses", "memory", "count limited uses in this `store`: memory, which a restart forgets, or off, which refuses such links")
	fs.DurationVar(&c.useWindow, "use-window", 0, "let a client's further requests take no use for this `duration`, for players that fetch ranges; all behind one address are one client")
	fs.IntVar(&c.expired, "expired-status", http.StatusNotFound, "reply to expired links with this `status`: 404 or 410")
	fs.BoolVar(&c.reportOnly, "insecure-report-only", false, "serve what would be refused, and only log and count it")
	fs.StringVar(&c.tlsCert, "tls-cert", "", "serve HTTPS with the certificate chain in this `file`")
	fs.StringVar(&c.tlsKey, "tls-key", "", "the private key of the certificate, in this `file`")
	fs.StringVar(&c.logFormat, "log", "text", "write the log as text or json, to the standard error")
	fs.BoolVar(&c.accessLog, "access-log", true, "log every request")
	fs.StringVar(&c.metricsAddr, "metrics", "", "serve /metrics, in Prometheus' text format, on this `address`, for example 127.0.0.1:9090; whoever reaches it can read them")
	fs.DurationVar(&c.writeTimeout, "write-timeout", time.Minute, "cut off a client that does not take in one MiB of a reply in this `duration`")
	fs.DurationVar(&c.grace, "shutdown-timeout", time.Minute, "let downloads finish for this `duration` when stopping")
}

// validate refuses what no file and no network is needed to refuse.
func (c *serving) validate(fs *flag.FlagSet) error {
	switch {
	case c.lifetime < time.Second:
		return badUsage("-lifetime is a second or more")
	case c.writeTimeout <= 0 || c.grace <= 0 || c.useWindow < 0:
		return badUsage("-write-timeout and -shutdown-timeout must be positive, and -use-window must not be negative")
	case c.uses != "memory" && c.uses != "off":
		return badUsage("-uses is memory or off, not %q", c.uses)
	case c.uses == "off" && c.useWindow > 0:
		return badUsage("-use-window needs -uses")
	case c.expired != http.StatusNotFound && c.expired != http.StatusGone:
		return badUsage("-expired-status is 404 or 410, not %d", c.expired)
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return badUsage("-tls-cert and -tls-key go together")
	case c.dir == "" && c.keys.format != "signedurl":
		return badUsage("the demonstration speaks only the format signedurl: give -dir for another one")
	}
	if err := c.keys.validate(fs); err != nil {
		return err
	}
	if c.keys.format == "django" && c.keys.flags.maxAge == 0 && !c.policy.allowPermanent {
		return badUsage("without -max-age a token never expires: give -max-age, or -allow-permanent if that is meant")
	}
	path, err := checkBase(c.base)
	if err != nil {
		return err
	}
	if c.prefix != "" && (strings.HasSuffix(c.prefix, "/") || !strings.HasPrefix(path, c.prefix+"/")) {
		return badUsage("-prefix must be the beginning of the path of -base-url, %s, without a slash at its end", path)
	}
	if c.dir == "" && path == c.prefix+"/" {
		return badUsage("the demonstration's files must lie below its page: give -base-url a path such as /files/")
	}
	return nil
}

// checkBase returns the path of a base URL. The judge of bases is the builder
// of links, which needs a key that can sign.
func checkBase(base string) (path string, err error) {
	any, err := generated()
	if err != nil {
		return "", err
	}
	if _, err := middleware.NewURLBuilder(base, any); err != nil {
		return "", badUsage("-base-url: %s", strings.TrimPrefix(err.Error(), "signedurl: "))
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", usageError{err}
	}
	return u.EscapedPath(), nil
}
