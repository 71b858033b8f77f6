package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/signedurl/examples/gateway/internal/engines"
	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/server"
)

const serveHelp = `
Serve serves files to requests that carry a signed link. With -forward-auth it
tells a proxy what it would serve, for which it needs no -files. At the start it
checks what it depends on. /healthz tells everyone that it lives, and /readyz
what it reaches of what it depends on.

A file, -config, has a flag a line, without the dash. What follows a line [mount]
is for files of their own, with their own base, keys and policy, and what stands
before the first such line is for all of them:

  addr 127.0.0.1:8080
  uses redis://redis.internal

  [mount]
  base-url /cards/
  files s3://cards?region=eu-central-1
  key-file /etc/signedurl/cards.txt

  [mount]
  base-url /films/
  files file:///srv/films
  key-file /etc/signedurl/films.txt
  playlists

With -api-addr, applications that send a token, or have a certificate, get links
within a policy:

  curl -H "Authorization: Bearer $(cat token)" -H 'Content-Type: application/json' \
      -d '{"path": "/files/kyc/card.jpg", "expires_in": 60}' http://127.0.0.1:8081/v1/links

SIGTERM and SIGINT stop it; transfers may finish first, unless the signal comes
twice. SIGHUP makes it reload the keys, the revocations in files, the
tokens and the certificate, and open directories again; what cannot be read stays as it was. The
configuration itself is read at the start alone.`

// defaultPrefix begins the keys in Redis.
const defaultPrefix = "signedurl:"

// mount is what one mount is configured with.
type mount struct {
	server.Files
	from        string // URL of the files
	uses        string
	revocations string
	maxStale    time.Duration
	prefix      string
}

func (m *mount) register(fs *cli.Flags) {
	fs.StringVar(&m.from, "files", "", "serve the files at this `URL`: "+engines.FilesHelp)
	fs.StringVar(&m.uses, "uses", "off", "count limited uses at this `URL`: "+engines.RedisHelp+"; memory counts in this process alone, and off refuses such links")
	fs.StringVar(&m.revocations, "revocations", "", "refuse what was revoked at this `URL`, see '"+name+" revoke -h'")
	fs.DurationVar(&m.maxStale, "max-stale", 5*time.Second, "refuse links that have an id if -revocations was not heard of for this `duration`")
	fs.StringVar(&m.prefix, "redis-prefix", defaultPrefix, "the `prefix` of all keys in Redis; mounts with the same one share the counts and revocations of an id")
	fs.Secret("files", "uses", "revocations")
	m.Files.Register(fs)
}

func (m *mount) validate(fs *cli.Flags) error {
	directory := strings.HasPrefix(m.from, "file:")
	switch {
	case m.from == "" && !m.ForwardsAuth():
		return cli.Usagef("-files is missing: the files are at %s", engines.FilesHelp)
	case m.from == "" && m.Policy.Uploads:
		return cli.Usagef("-uploads needs -files")
	case m.Offload.XAccel != "" && !directory:
		return cli.Usagef("-x-accel is for files in a directory, which nginx can read: file:///DIRECTORY")
	case m.uses == "off" && (fs.Given("use-window") || fs.Given("confirm")):
		return cli.Usagef("-use-window and -confirm need -uses")
	case m.revocations != "" && fs.Given("revoked"):
		return cli.Usagef("-revoked and -revocations exclude each other")
	case m.revocations == "" && fs.Given("max-stale"):
		return cli.Usagef("-max-stale needs -revocations")
	case m.maxStale < time.Second:
		return cli.Usagef("-max-stale must be a second or more")
	}
	return m.Validate(fs)
}

// serving is the configuration of serve.
type serving struct {
	server server.Config
	otlp   string
	config string
	api    linkAPI
	mounts []*mount
}

func (c *serving) register(fs *cli.Flags) {
	fs.StringVar(&c.config, "config", "", "read flags from this `file`")
	fs.StringVar(&c.otlp, "otlp", "", "send metrics and traces to the collector at this `URL`, by OTLP over HTTP")
	c.server.Register(fs)
	c.api.register(fs)
}

// parse reads the whole configuration.
func (c *serving) parse(args []string, t cli.Terminal) (*cli.Flags, error) {
	flags := cli.NewFlags(name, "serve", "", serveHelp+formats.Help())
	c.register(flags)
	only := new(mount)
	only.register(flags)
	flags.Environment()
	if err := flags.ParseArgs(args, 0, 0, t.Out); err != nil {
		return nil, err
	}
	var parts []cli.Part
	if c.config != "" {
		var whole cli.Part
		var err error
		if whole, parts, err = cli.ReadConfig(c.config, "mount"); err != nil {
			return nil, err
		}
		if err := flags.Apply(whole); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(c.server.Validate(), c.api.validate(flags, &c.server)); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		c.mounts = []*mount{only}
		return flags, only.validate(flags)
	}
	for _, part := range parts {
		m, own := new(mount), cli.NewFlags(name, "serve", "", "")
		m.register(own)
		if err := own.Apply(part); err != nil {
			return nil, err
		}
		if err := own.Inherit(flags); err != nil {
			return nil, fmt.Errorf("the mount of %s: %w", part.At, err)
		}
		if err := m.validate(own); err != nil {
			return nil, fmt.Errorf("the mount of %s: %w", part.At, err)
		}
		c.mounts = append(c.mounts, m)
	}
	return flags, nil
}

func serve(ctx context.Context, args []string, t cli.Terminal) (err error) {
	var c serving
	flags, err := c.parse(args, t)
	if err != nil {
		return err
	}
	seen, err := observe(ctx, c.otlp)
	if err != nil {
		return err
	}
	var secrets []string
	for _, m := range c.mounts {
		secrets = append(secrets, m.Keys.Parameter())
	}
	srv, err := server.New(c.server, t, secrets...)
	if err != nil {
		return err
	}
	defer srv.Close()
	defer func() {
		if err := seen.close(); err != nil {
			srv.Log.Warn("telemetry", "error", err)
		}
	}()
	seen.hook(&srv.Hooks, srv.Log.Warn)
	if err := underSystemd(&srv.Hooks); err != nil {
		return err
	}
	srv.WarnOfUnknown(flags)
	if err := c.api.prepare(srv); err != nil {
		return err
	}
	var state engines.State
	defer state.Close()
	for _, m := range c.mounts {
		files, err := m.mount(ctx, srv, &state, seen, &c.api)
		if err != nil {
			return err
		}
		if files != nil {
			defer files.Close()
		}
	}
	if err := checkAll(ctx, srv, c.mounts, &state); err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	if err := c.api.serve(srv); err != nil {
		return err
	}
	for _, m := range c.mounts {
		if m.from != "" {
			fmt.Fprintf(srv.Out, "Serving %s at %s\n", public(m.from), m.Base(srv.Origin()))
		} else {
			fmt.Fprintf(srv.Out, "Answering proxies at %s\n", srv.Origin())
		}
	}
	return srv.Serve(ctx, http.NewServeMux())
}

// public returns a URL without what could be secret in it.
func public(rawURL string) string {
	rawURL, _, _ = strings.Cut(rawURL, "?")
	return rawURL
}

// mount makes the server serve a mount, and returns its files, if it has any.
func (m *mount) mount(ctx context.Context, srv *server.Server, state *engines.State, seen *observation, api *linkAPI) (*engines.Files, error) {
	var shared server.State
	uses, check, err := state.Uses(m.uses, m.prefix)
	if err != nil {
		return nil, err
	}
	if uses != nil {
		shared.Uses = seen.Uses(uses)
	}
	if check != nil {
		srv.Needs("uses of "+m.Base(""), check)
	}
	if m.revocations != "" {
		mirror, err := state.Revocations(m.revocations, m.prefix, m.maxStale)
		if err != nil {
			return nil, err
		}
		shared.Revocations = seen.Revocations(mirror)
		srv.Needs("revocations of "+m.Base(""), mirror.Check)
	}
	if m.from == "" {
		return nil, m.MountCheck(srv, shared)
	}
	files, err := engines.OpenFiles(ctx, m.from, srv.Log)
	if err != nil {
		return nil, err
	}
	if files.Check != nil {
		srv.Needs("files of "+m.Base(""), files.Check)
	}
	if files.Reopen != nil {
		srv.Reload("directory", files.Dir, files.Reopen)
	}
	m.Uploads.OnStored = seen.OnStored
	h, _, err := m.Mount(srv, files.FileSystem, shared)
	if err == nil {
		err = api.add(m.Base(""), h.Links())
	}
	if err != nil {
		files.Close()
		return nil, err
	}
	return files, nil
}

// startTimeout is how long the gateway waits at its start for a Redis that
// starts at the same time.
const startTimeout = 5 * time.Second

// checkAll checks what the gateway depends on. A gateway that starts without it
// would refuse good links, and nobody would look.
func checkAll(ctx context.Context, srv *server.Server, mounts []*mount, state *engines.State) error {
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, m := range mounts {
		if m.revocations == "" {
			continue
		}
		mirror, err := state.Revocations(m.revocations, m.prefix, m.maxStale)
		if err != nil {
			return err
		}
		mirror.Wait(waiting)
	}
	if errs := srv.Check(ctx); len(errs) > 0 {
		return fmt.Errorf("what the gateway needs is not reached: %w", errors.Join(errs...))
	}
	return nil
}
