package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

const linkHelp = `
Link signs a link to the file NAME, which is as it is on disk, below the
directory that is served, and prints it. The first key must be able to sign.

With -under, the link's signature opens everything below a directory, and with
-cookie it is printed as a cookie:

  fileserver link -key-file keys.txt -under kyc/42 kyc/42/card.jpg
  curl --cookie "$(fileserver link -key-file keys.txt -under kyc/42 -cookie files)" ...

A value that a link is bound to can be a secret, such as the id of a session.
With -bind NAME and no value, it is read from the environment variable
` + bindingVariable + `.`

// bindingVariable is the environment variable that can hold the value of a
// binding.
const bindingVariable = "SIGNEDURL_BINDING"

// defaultBase is where the files are that serve serves by default.
const defaultBase = "http://127.0.0.1:8080/files/"

// linkFlags is the command line of link.
type linkFlags struct {
	keys     keySource
	base     string
	claims   middleware.Claims
	lifetime time.Duration
	round    time.Duration
	bind     string
	under    string
	cookie   string
}

func (l *linkFlags) register(fs *flag.FlagSet) {
	c := &l.claims
	l.keys.register(fs)
	fs.StringVar(&l.base, "base-url", defaultBase, "the `URL` or path under which clients reach the files; with -origin, it is /files/ there by default")
	fs.DurationVar(&l.lifetime, "lifetime", 15*time.Minute, "let the link work for this `duration`")
	timeFlag(fs, &c.Expires, "expires", "refuse the link from this `time` on, such as 2026-01-02T15:04:05Z, instead of -lifetime")
	fs.DurationVar(&l.round, "round", 0, "round the expiry up to a multiple of this `duration`, so that links made one after the other are equal and can be cached")
	fs.BoolVar(&c.Permanent, "permanent", false, "make a link that never expires, for servers that allow it")
	timeFlag(fs, &c.NotBefore, "from", "refuse the link before this `time`; a duration counts from now")
	fs.StringVar(&l.under, "under", "", "open everything below this `directory`; / is all files")
	fs.StringVar(&l.under, "subtree", "", "another name for -under")
	fs.StringVar(&l.cookie, "cookie", "", "print a cookie of this `name` for -under, instead of a link")
	listFlag(fs, &c.Methods, "methods", "let the link be used with these `methods`, a comma-separated list; without it, GET and HEAD")
	fs.StringVar(&c.Host, "host", "", "let the link be used only with this `host[:port]`")
	networksFlag(fs, &c.Networks, "network", "let the link be used only from these `networks`, a comma-separated list of addresses and CIDR blocks")
	fs.StringVar(&l.bind, "bind", "", "bind the link to a value that it does not show, as `name=value`, see above")
	fs.StringVar(&c.ID, "id", "", "name the link or a group of links with this `id`, for revocation, counting and audit")
	fs.IntVar(&c.Uses, "uses", 0, "let all links of the id be used this `number` of times together; without -id, the link gets a random one")
	listFlag(fs, &c.Ignore, "ignore", "let query parameters of these `names` be added later, a comma-separated list; utm_* is all that begin with utm_")
	fs.StringVar(&c.DownloadName, "as", "", "make the reply a download of this `name`")
	fs.StringVar(&c.ContentType, "type", "", "give the reply this media `type`")
}

// complete fills in what the claims take from more than one flag.
func (l *linkFlags) complete(fs *flag.FlagSet) error {
	c := &l.claims
	switch {
	case !l.asCookie() && fs.NArg() == 0:
		return badUsage("the name of a file is missing")
	case l.asCookie() && fs.NArg() > 0:
		return badUsage("a cookie takes no name of a file")
	case l.asCookie() && l.under == "":
		return badUsage("a cookie needs -under")
	case c.Permanent && (wasSet(fs, "lifetime") || wasSet(fs, "expires")):
		return badUsage("a permanent link has no lifetime")
	case wasSet(fs, "lifetime") && wasSet(fs, "expires"):
		return badUsage("-lifetime and -expires exclude each other")
	case l.lifetime <= 0 || l.round < 0:
		return badUsage("-lifetime must be positive, and -round must not be negative")
	case c.Uses <= 0 && wasSet(fs, "uses"):
		return badUsage("-uses must be positive")
	}
	if !c.Permanent {
		if err := l.expire(fs, time.Now()); err != nil {
			return err
		}
	}
	if c.Uses > 0 && c.ID == "" {
		c.ID = rand.Text()
	}
	if l.bind != "" {
		name, value, given := strings.Cut(l.bind, "=")
		if !given {
			value = os.Getenv(bindingVariable)
		}
		if name == "" || value == "" {
			return badUsage("-bind has no name or no value: write name=value, or set %s", bindingVariable)
		}
		c.Binding = middleware.Binding{Name: name, Value: value}
	}
	if origin := l.keys.flags.origin; origin != "" && !wasSet(fs, "base-url") {
		l.base = strings.TrimSuffix(origin, "/") + "/files/"
	}
	_, err := checkBase(l.base)
	return err
}

// expire sets the expiry. A format in which every link has a longest life
// would date one that lives longer ahead, so that it would not work yet.
func (l *linkFlags) expire(fs *flag.FlagSet, now time.Time) error {
	c, longest := &l.claims, l.keys.longest()
	if longest > 0 && !wasSet(fs, "lifetime") {
		l.lifetime = min(l.lifetime, longest)
	}
	if c.Expires.IsZero() {
		c.Expires = now.Add(l.lifetime)
	}
	c.Expires = middleware.RoundUp(c.Expires, l.round)
	if longest > 0 && c.NotBefore.IsZero() && c.Expires.After(now.Add(longest)) {
		return badUsage("such links live for %v at most", longest)
	}
	return nil
}

// asCookie reports whether a cookie is asked for.
func (l *linkFlags) asCookie() bool { return l.cookie != "" || l.keys.flags.cookies }

func link(_ context.Context, args []string, t terminal) error {
	var l linkFlags
	fs := newFlags("link", "NAME", linkHelp+formatsHelp())
	l.register(fs)
	if err := parse(fs, args, 0, 1, t.out); err != nil {
		return err
	}
	if err := l.keys.validate(fs); err != nil {
		return err
	}
	if err := l.complete(fs); err != nil {
		return err
	}
	format, err := l.keys.load()
	if err != nil {
		return err
	}
	links, err := middleware.NewURLBuilder(l.base, format)
	if err != nil {
		return errors.New(inFlags(err))
	}
	text, err := l.sign(links, fs.Arg(0))
	if errors.Is(err, errors.ErrUnsupported) {
		return badUsage("%s", inFlags(err)) // a flag asks for what the format has no place for
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, text)
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
	if dir != "" {
		rest, below := strings.CutPrefix(name, dir+"/")
		if !below {
			return "", badUsage("%s does not lie below %s, the directory of -under", name, dir)
		}
		name = rest
	}
	u, err := subtree.URL(name)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
