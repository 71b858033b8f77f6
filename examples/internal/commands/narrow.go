package commands

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
)

const narrowHelp = `
Narrow makes a link that opens less than LINK does, and prints it. It needs no
key and no server, so that whoever holds a link can pass on a part of it:

  folder=$(PROGRAM link -key-file keys.txt -lifetime 1h -under kyc/42)
  PROGRAM narrow -lifetime 1m -only kyc/42/card.jpg "$folder"

The new link keeps the limits of LINK, and whoever gets it cannot widen it. -only and
-under take a path as it is in the link, which begins with a slash, or a name as link
takes it, below the path of -base-url. The new link leads to the file of -only, or
to the directory of -under if LINK does not lead into it.

A link can be narrowed four times. Links that are signed with Ed25519 and those of
other systems cannot be narrowed. If LINK is -, it is read from the standard input.`

// narrowFlags is the command line of narrow.
type narrowFlags struct {
	claims   middleware.Claims
	lifetime time.Duration
	base     string
}

func (n *narrowFlags) register(fs *cli.Flags) {
	c := &n.claims
	fs.DurationVar(&n.lifetime, "lifetime", 0, "accept the new link for this `duration` from now, such as 90s, 15m or 7d")
	fs.DeadlineVar(&c.Expires, "expires", "refuse the new link from this `time` on, such as 2026-01-02T15:04:05Z, instead of -lifetime; a date such as 2026-01-02 means the end of that day in UTC, and a duration counts from now")
	fs.TimeVar(&c.NotBefore, "from", "refuse the new link before this `time`; a date means the beginning of that day in UTC, and a duration counts from now")
	fs.StringVar(&c.Only, "only", "", "open only this `file`")
	fs.StringVar(&c.Under, "under", "", "open only what is below this `directory`")
	fs.StringVar(&n.base, "base-url", defaultBase, "the `URL` or path under which clients reach the files, for names in -only and -under")
	fs.ListVar(&c.Methods, "methods", "accept the new link only with these `methods`, a comma-separated list")
	fs.ListVar(&c.Methods, "method", "another name for -methods")
	fs.StringVar(&c.Host, "host", "", "accept the new link only with this `host[:port]`")
	fs.NetworksVar(&c.Networks, "network", "accept the new link only from these `networks`, a comma-separated list of addresses and CIDR blocks")
	fs.NetworksVar(&c.Networks, "ip", "another name for -network")
	fs.SizeVar(&c.Upload.MaxBytes, "max-bytes", 0, "accept uploads of up to this `size`, such as 5000000, 5MB or 10MiB")
	fs.ListVar(&c.Upload.Accept, "accept", "accept uploads of these media `types`, a comma-separated list, such as image/*,application/pdf")
}

// complete fills in the claims that depend on more than one flag.
func (n *narrowFlags) complete(fs *cli.Flags) error {
	c := &n.claims
	switch {
	case fs.NFlag() == 0 || fs.NFlag() == 1 && fs.Given("base-url"):
		return cli.Usagef("there is nothing to narrow the link to: set -lifetime, -only or another flag")
	case fs.Given("lifetime") && fs.Given("expires"):
		return cli.Usagef("-lifetime and -expires exclude each other")
	case fs.Given("lifetime") && n.lifetime < time.Second:
		return cli.Usagef("-lifetime must be a second or more")
	case c.Only != "" && c.Under != "":
		return cli.Usagef("-only and -under exclude each other")
	case fs.Given("method") && fs.Given("methods"):
		return cli.Usagef("-method is another name for -methods; use one of them")
	case fs.Given("ip") && fs.Given("network"):
		return cli.Usagef("-ip is another name for -network; use one of them")
	}
	if fs.Given("lifetime") {
		c.Expires = time.Now().Add(n.lifetime)
	}
	if !c.Expires.IsZero() { // a fraction of a second would be dropped
		c.Expires = middleware.RoundUp(c.Expires, time.Second)
	}
	base, err := url.Parse(n.base)
	if err != nil || !strings.HasPrefix(base.Path, "/") || !strings.HasSuffix(base.Path, "/") {
		return cli.Usagef("-base-url: %q is not a URL or path that ends in a slash", n.base)
	}
	if c.Only != "" {
		c.Only = pathOf(base, c.Only)
	}
	if c.Under != "" {
		if c.Under = pathOf(base, c.Under); !strings.HasSuffix(c.Under, "/") {
			c.Under += "/"
		}
	}
	return nil
}

// pathOf returns the path of a file below a base, as a link has it. What begins
// with a slash is such a path already.
func pathOf(base *url.URL, name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	// QueryEscape escapes all but the unreserved characters, as links do.
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(base.Path + name))
}

// Narrow is the command narrow.
func Narrow(program string) cli.Command {
	return cli.Command{Name: "narrow", Summary: "make a link that opens less than one at hand, without a key", Run: func(_ context.Context, args []string, t cli.Terminal) error {
		return narrow(program, args, t)
	}}
}

func narrow(program string, args []string, t cli.Terminal) error {
	var n narrowFlags
	fs := cli.NewFlags(program, "narrow", "LINK", strings.ReplaceAll(narrowHelp, "PROGRAM", program))
	n.register(fs)
	if len(args) > 1 && !strings.HasPrefix(args[0], "-") {
		args = append(slices.Clone(args[1:]), args[0]) // what is narrowed may come first
	}
	if err := fs.ParseArgs(args, 1, 1, t.Out); err != nil {
		return err
	}
	if err := n.complete(fs); err != nil {
		return err
	}
	text, err := readLink(fs.Arg(0), t.In)
	if err != nil {
		return err
	}
	u, err := parseLink(text)
	if err != nil {
		return err
	}
	if err := n.lead(u); err != nil {
		return err
	}
	if u, err = middleware.Narrow(u, n.claims); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, u)
	return err
}

// lead makes the link of a subtree lead to what the new link opens. Any other link
// opens the path that it has: with another one, it would be dead.
func (n *narrowFlags) lead(u *url.URL) (err error) {
	if !u.Query().Has("signed_under") {
		return nil
	}
	flag, to := "only", n.claims.Only
	if under := n.claims.Under; under != "" && !strings.HasPrefix(u.EscapedPath(), under) {
		flag, to = "under", under
	}
	if to == "" {
		return nil
	}
	u.RawPath = to
	if u.Path, err = url.PathUnescape(to); err != nil {
		return cli.Usagef("-%s: %q is not a path as links have it", flag, to)
	}
	return nil
}
