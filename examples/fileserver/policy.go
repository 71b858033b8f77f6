package main

import (
	"flag"
	"fmt"
	"net/http"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// policy is what serve and check must agree on, or else check would explain
// another server's decision. None of it can be overruled by a link.
type policy struct {
	maxLifetime    time.Duration
	leeway         time.Duration
	allowPermanent bool
	cookie         string
	revoked        string
}

func (p *policy) register(fs *flag.FlagSet) {
	fs.DurationVar(&p.maxLifetime, "max-lifetime", 0, "refuse links that still have longer to live than this `duration`; 0 sets no limit")
	fs.DurationVar(&p.leeway, "leeway", 0, "accept links for this `duration` longer, and so much earlier, for clocks that differ")
	fs.BoolVar(&p.allowPermanent, "allow-permanent", false, "accept links that never expire")
	fs.StringVar(&p.cookie, "cookie", "", "also accept links in cookies of this `name`")
	fs.StringVar(&p.revoked, "revoked", "", "refuse the links whose ids are in this `file`, see 'fileserver revoke -h'")
}

// options returns the policy as a verifier's options, having refused what
// NewVerifier would panic about. The revocations are nil if there are none.
func (p *policy) options(f middleware.Format) (middleware.Options, *memstore.Revocations, error) {
	o := middleware.Options{
		MaxLifetime:    p.maxLifetime,
		Leeway:         p.leeway,
		AllowPermanent: p.allowPermanent,
		Cookie:         p.cookie,
	}
	if p.maxLifetime < 0 || p.leeway < 0 {
		return o, nil, badUsage("-max-lifetime and -leeway cannot be negative")
	}
	if p.cookie != "" {
		if err := (&http.Cookie{Name: p.cookie}).Valid(); err != nil {
			return o, nil, badUsage("-cookie: %q is no cookie name", p.cookie)
		}
		if _, ok := f.(middleware.CookieAuthenticator); !ok {
			return o, nil, badUsage("-cookie: links of this format do not travel in cookies")
		}
	}
	if p.revoked == "" {
		return o, nil, nil
	}
	// A file that is not there is no empty list: it may be the wrong name.
	list := memstore.NewRevocations(nil)
	if err := list.Load(p.revoked); err != nil {
		return o, nil, fmt.Errorf("%w; 'fileserver revoke -file %s' makes an empty one", err, p.revoked)
	}
	o.Revocations = list
	return o, list, nil
}
