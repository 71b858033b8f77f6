package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/demo"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
)

const serveHelp = `
Serve serves the files of a directory to requests that carry a signed link, and
/healthz to everyone. Without -dir it serves a demonstration, with a key that it
generates unless it is given one. With -forward-auth it tells a proxy what it
would serve, for which it needs no -dir.

SIGTERM and SIGINT stop it; transfers may finish first, unless the signal comes
twice. SIGHUP makes it reload the keys, the revocations and the certificate, and
open the directory again; what cannot be read stays as it was. Replace the files
by renaming, so that no half-written file is read.`

// serving is the command line of serve.
type serving struct {
	server   server.Config
	files    server.Files
	dir      string
	lifetime time.Duration
	uses     string
	sendfile bool
}

func (c *serving) register(fs *cli.Flags) {
	fs.StringVar(&c.dir, "dir", "", "serve the files of this `directory`; without it, a demonstration")
	fs.DurationVar(&c.lifetime, "lifetime", 15*time.Second, "the `duration` for which the links on the demonstration's page work")
	fs.StringVar(&c.uses, "uses", "memory", "count limited uses in this `store`: memory, which a restart clears, or off, which refuses such links")
	fs.BoolVar(&c.sendfile, "x-sendfile", false, "let Apache or lighttpd send the files, which find them in the same directory")
	c.server.Register(fs)
	c.files.Register(fs)
}

func (c *serving) validate(fs *cli.Flags) error {
	switch {
	case c.lifetime < time.Second:
		return cli.Usagef("-lifetime must be a second or more")
	case !c.demo() && fs.Given("lifetime"):
		return cli.Usagef("-lifetime is for the demonstration; links to the files of -dir bring their own")
	case c.uses != "memory" && c.uses != "off":
		return cli.Usagef("-uses must be memory or off, not %q", c.uses)
	case c.uses == "off" && (fs.Given("use-window") || fs.Given("confirm")):
		return cli.Usagef("-use-window and -confirm need -uses")
	case c.dir == "" && (c.sendfile || c.files.Offload.XAccel != ""):
		return cli.Usagef("-x-accel and -x-sendfile are for the files of -dir")
	case c.dir == "" && c.files.Policy.Uploads:
		return cli.Usagef("-uploads is for the files of -dir; the demonstration has uploads of its own")
	case c.demo() && c.files.Keys.Format() != formats.Own:
		return cli.Usagef("the demonstration uses only the format %s: set -dir for another one", formats.Own)
	}
	if err := c.server.Validate(); err != nil {
		return err
	}
	return c.files.Validate(fs)
}

func (c *serving) demo() bool { return c.dir == "" && !c.files.ForwardsAuth() }

func serve(ctx context.Context, args []string, t cli.Terminal) error {
	var c serving
	flags := cli.NewFlags(name, "serve", "", serveHelp+formats.Help())
	c.register(flags)
	flags.Environment()
	if err := flags.ParseArgs(args, 0, 0, t.Out); err != nil {
		return err
	}
	if err := c.validate(flags); err != nil {
		return err
	}
	srv, err := server.New(c.server, t, c.files.Keys.Parameter())
	if err != nil {
		return err
	}
	defer srv.Close()
	srv.WarnOfUnknown(flags)
	switch {
	case c.dir != "":
		return c.serveDir(ctx, srv)
	case c.demo():
		return c.serveDemo(ctx, srv)
	}
	if err := c.files.MountCheck(srv, c.state()); err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	fmt.Fprintf(srv.Out, "Answering proxies at %s\n", srv.Origin())
	return srv.Serve(ctx, http.NewServeMux())
}

func (c *serving) serveDir(ctx context.Context, srv *server.Server) error {
	dir, err := signedfs.OpenDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot serve %s: there is no such directory", c.dir)
	}
	if err != nil {
		return fmt.Errorf("cannot serve the directory: %w", err)
	}
	defer dir.Close()
	if c.sendfile {
		if c.files.Offload.XSendfile, err = filepath.Abs(c.dir); err != nil {
			return err
		}
	}
	// A deployment may replace the directory, or point a symbolic link to it
	// elsewhere.
	srv.Reload("directory", c.dir, dir.Reopen)
	if _, _, err := c.files.Mount(srv, dir, c.state()); err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	fmt.Fprintf(srv.Out, "Serving %s at %s\n", c.dir, c.files.Base(srv.Origin()))
	return srv.Serve(ctx, http.NewServeMux())
}

func (c *serving) serveDemo(ctx context.Context, srv *server.Server) error {
	c.files.Keys.Ephemeral = true
	if c.files.Policy.Cookie == "" {
		c.files.Policy.Cookie = demo.Cookie
	}
	if c.files.Bindings[demo.Binding] != nil {
		return cli.Usagef("-binding: the demonstration has a binding of the name %s", demo.Binding)
	}
	c.files.Bindings[demo.Binding] = demo.Session
	store, err := demo.Files()
	if err != nil {
		return err
	}
	c.files.Policy.Uploads, c.files.Uploads = true, demo.Uploads()
	c.files.Playlists = true
	files, explain, err := c.files.Mount(srv, store, c.state())
	if err != nil {
		return err
	}
	if files.Prefix() == "/" {
		return cli.Usagef("the demonstration's files must lie below its page: set -base-url to a path such as /files/")
	}
	d, err := demo.New(store, files, demo.Options{
		Cookie: c.files.Policy.Cookie, Secure: c.server.Secure(), Lifetime: c.lifetime,
		Explain: explain, Log: srv.Log,
	})
	if err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	pages := http.NewServeMux()
	d.Handle(pages, srv.Origin())
	if err := d.Announce(srv.Out); err != nil {
		return err
	}
	return srv.Serve(ctx, pages)
}

// state returns where limited uses are counted, if they are.
func (c *serving) state() server.State {
	if c.uses == "off" {
		return server.State{}
	}
	return server.State{Uses: memstore.NewUses(nil)}
}
