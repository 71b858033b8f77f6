// Package commands are the commands that need no server, and that every server has.
package commands

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

const linkHelp = `
Link signs a link to the file NAME and prints it. NAME is as it is on disk, below
the directory that is served. The first key must be able to sign.

With -under, the link's signature opens everything below a directory. With
-cookie, it is printed as a cookie:

  PROGRAM link -key-file keys.txt -under kyc/42 kyc/42/card.jpg
  curl --cookie "$(PROGRAM link -key-file keys.txt -under kyc/42 -cookie files)" ...

Without NAME, that is a link to the directory itself.

A link that permits PUT stores a file under NAME, and one that permits POST to a
directory, whose name ends in a slash, takes a form with a file:

  curl -T card.jpg "$(PROGRAM link -key-file keys.txt -method PUT -max-bytes 10MiB kyc/42/card.jpg)"
  curl -F file=@card.jpg "$(PROGRAM link -key-file keys.txt -method POST -accept 'image/*' kyc/42/)"

The value to which a link is bound can be a secret, such as the id of a session.
With -bind NAME and no value, it is read from the environment variable
` + server.BindingVariable + `.`

// defaultBase is the base of the files that serve serves by default.
const defaultBase = "http://127.0.0.1:8080/files/"

// linkFlags is the command line of link.
type linkFlags struct {
	keys     formats.Source
	base     string
	claims   middleware.Claims
	lifetime time.Duration
	round    time.Duration
	bind     string
	under    string
	cookie   string
	digest   string
}

func (l *linkFlags) register(fs *cli.Flags) {
	c := &l.claims
	l.keys.Register(fs)
	fs.StringVar(&l.base, "base-url", defaultBase, "the `URL` or path under which clients reach the files; with -origin, the default is /files/ below it")
	fs.DurationVar(&l.lifetime, "lifetime", 15*time.Minute, "accept the link for this `duration`, such as 90s, 15m or 7d")
	fs.DeadlineVar(&c.Expires, "expires", "refuse the link from this `time` on, such as 2026-01-02T15:04:05Z, instead of -lifetime; a date such as 2026-01-02 means the end of that day in UTC, and a duration counts from now")
	fs.DurationVar(&l.round, "round", 0, "round the expiry up to a multiple of this `duration`, so that links made in quick succession are equal and can be cached")
	fs.BoolVar(&c.Permanent, "permanent", false, "make a link that never expires, for servers that accept it")
	fs.TimeVar(&c.NotBefore, "from", "refuse the link before this `time`; a date means the beginning of that day in UTC, and a duration counts from now")
	fs.StringVar(&l.under, "under", "", "open everything below this `directory`; / means all files")
	fs.StringVar(&l.under, "subtree", "", "another name for -under")
	fs.StringVar(&l.cookie, "cookie", "", "print a cookie of this `name` for -under instead of a link")
	fs.ListVar(&c.Methods, "methods", "accept the link with these `methods`, a comma-separated list; the default is GET and HEAD")
	fs.ListVar(&c.Methods, "method", "another name for -methods")
	fs.SizeVar(&c.Upload.MaxBytes, "max-bytes", 0, "accept uploads of up to this `size`, such as 5000000, 5MB or 10MiB")
	fs.ListVar(&c.Upload.Accept, "accept", "accept uploads of these media `types`, a comma-separated list, such as image/*,application/pdf")
	fs.StringVar(&l.digest, "sha256", "", "accept only the upload with this SHA-256 `digest`, in hexadecimal")
	fs.BoolVar(&c.Upload.Replace, "replace", false, "let an upload replace the file that has its name")
	fs.StringVar(&c.Host, "host", "", "accept the link only with this `host[:port]`")
	fs.NetworksVar(&c.Networks, "network", "accept the link only from these `networks`, a comma-separated list of addresses and CIDR blocks")
	fs.StringVar(&l.bind, "bind", "", "bind the link to a value that it does not show, as `name=value`, see above")
	fs.StringVar(&c.ID, "id", "", "name the link or a group of links with this `id`, for revocation, counting and audit")
	fs.IntVar(&c.Uses, "uses", 0, "accept all links of the id this `number` of times in total; without -id, the link gets a random one")
	fs.ListVar(&c.Ignore, "ignore", "allow query parameters of these `names` to be added later, a comma-separated list; utm_* means all that begin with utm_")
	fs.StringVar(&c.DownloadName, "as", "", "make the reply a download of this `name`")
	fs.BoolVar(&c.Inline, "inline", false, "with -as: show the reply in the browser, which saves it under that name")
	fs.StringVar(&c.ContentType, "type", "", "give the reply this media `type`")
}

// complete fills in the claims that depend on more than one flag.
func (l *linkFlags) complete(fs *cli.Flags) error {
	c := &l.claims
	switch {
	case !l.asCookie() && fs.NArg() == 0 && l.under == "":
		return cli.Usagef("the name of a file is missing")
	case l.asCookie() && fs.NArg() > 0:
		return cli.Usagef("a cookie takes no name of a file")
	case l.asCookie() && l.under == "":
		return cli.Usagef("a cookie needs -under")
	case c.Permanent && (fs.Given("lifetime") || fs.Given("expires")):
		return cli.Usagef("a permanent link has no lifetime")
	case fs.Given("lifetime") && fs.Given("expires"):
		return cli.Usagef("-lifetime and -expires exclude each other")
	case l.lifetime < time.Second:
		return cli.Usagef("-lifetime must be a second or more")
	case fs.Given("under") && fs.Given("subtree"):
		return cli.Usagef("-subtree is another name for -under; use one of them")
	case fs.Given("method") && fs.Given("methods"):
		return cli.Usagef("-method is another name for -methods; use one of them")
	case (c.Upload.MaxBytes > 0 || c.Upload.Accept != nil || c.Upload.Replace || l.digest != "") && !slices.ContainsFunc(c.Methods, uploads):
		return cli.Usagef("-max-bytes, -accept, -sha256 and -replace are for uploads: add -method PUT or -method POST")
	case c.Uses <= 0 && fs.Given("uses"):
		return cli.Usagef("-uses must be positive")
	}
	if !c.Permanent {
		if err := l.expire(fs, time.Now()); err != nil {
			return err
		}
	}
	if c.Uses > 0 && c.ID == "" {
		c.ID = rand.Text()
	}
	if l.digest != "" {
		sum, err := hex.DecodeString(l.digest)
		if err != nil || len(sum) != sha256.Size {
			return cli.Usagef("-sha256 must be 64 hexadecimal digits, as sha256sum prints them")
		}
		c.Upload.SHA256 = [sha256.Size]byte(sum)
	}
	if l.bind != "" {
		name, value, given := strings.Cut(l.bind, "=")
		if !given {
			value = os.Getenv(server.BindingVariable)
		}
		if name == "" || value == "" {
			return cli.Usagef("-bind has no name or no value: write name=value, or set %s", server.BindingVariable)
		}
		c.Binding = middleware.Binding{Name: name, Value: value}
	}
	if origin := l.keys.Origin(); origin != "" && !fs.Given("base-url") {
		l.base = origin + "/files/"
	}
	return nil
}

// uploads reports whether a method stores a file.
func uploads(method string) bool { return method == http.MethodPut || method == http.MethodPost }

// expire sets the expiry. A format that limits the life of a link would move
// the beginning of one that lives longer into the future.
func (l *linkFlags) expire(fs *cli.Flags, now time.Time) error {
	c, longest := &l.claims, l.keys.Longest()
	if longest > 0 && !fs.Given("lifetime") {
		l.lifetime = min(l.lifetime, longest)
	}
	if c.Expires.IsZero() {
		c.Expires = now.Add(l.lifetime)
	}
	c.Expires = middleware.RoundUp(c.Expires, l.round)
	if longest > 0 && c.NotBefore.IsZero() && c.Expires.After(now.Add(longest)) {
		return cli.Usagef("such links live for at most %v", longest)
	}
	// Links count in whole seconds, and drop the rest: a link for one second
	// would be dead on arrival.
	if whole := middleware.RoundUp(c.Expires, time.Second); longest == 0 || !whole.After(now.Add(longest)) {
		c.Expires = whole
	}
	return nil
}

// asCookie reports whether a cookie is to be printed.
func (l *linkFlags) asCookie() bool { return l.cookie != "" || l.keys.Cookies() }

// Link is the command link.
func Link(program string) cli.Command {
	return cli.Command{Name: "link", Summary: "sign a link to a file", Run: func(_ context.Context, args []string, t cli.Terminal) error {
		return link(program, args, t)
	}}
}

func link(program string, args []string, t cli.Terminal) error {
	var l linkFlags
	fs := cli.NewFlags(program, "link", "[NAME]", strings.ReplaceAll(linkHelp, "PROGRAM", program)+formats.Help())
	l.register(fs)
	if err := fs.ParseArgs(args, 0, 1, t.Out); err != nil {
		return err
	}
	if err := l.keys.Validate(fs); err != nil {
		return err
	}
	if err := l.complete(fs); err != nil {
		return err
	}
	format, err := l.keys.Load()
	if err != nil {
		return err
	}
	// The links are those of a handler, so that none is made that it would
	// never serve. Its files are not looked at.
	files, err := signedfs.New(l.base, http.Dir("."), format, &signedfs.Options{Listing: true})
	if err != nil {
		return cli.Usagef("-base-url: %s", cli.Text(err))
	}
	text, err := l.sign(files.Links(), fs.Arg(0))
	if errors.Is(err, errors.ErrUnsupported) {
		return l.keys.Mistake(err) // a flag asks for a claim that the format cannot carry
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, text)
	return err
}

// sign returns the link to a file, or the cookie.
func (l *linkFlags) sign(links *middleware.URLBuilder, name string) (string, error) {
	if l.under == "" {
		u, err := links.URL(name, l.claims)
		if err != nil {
			return "", err
		}
		return u.String(), nil
	}
	dir := strings.Trim(l.under, "/")
	subtree, err := links.Subtree(cmp.Or(dir, "/"), l.claims)
	if err != nil {
		return "", err
	}
	if l.asCookie() {
		cookies, err := subtree.Cookies(l.cookie)
		if err != nil {
			return "", err
		}
		var pairs []string
		for _, c := range cookies {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		return strings.Join(pairs, "; "), nil
	}
	if dir != "" && name != "" {
		rest, below := strings.CutPrefix(name, dir+"/")
		if !below {
			return "", cli.Usagef("%q is not below %q, the directory of -under", name, dir)
		}
		name = rest
	}
	u, err := subtree.URL(name)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
