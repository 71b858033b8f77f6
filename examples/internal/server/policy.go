package server

import (
	"fmt"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// Policy is what a server and a command that explains its decisions must agree
// on. A link cannot override it.
type Policy struct {
	// Cookie is the name of the cookies that carry links, or "".
	Cookie string
	// Uploads accepts the links that limit an upload.
	Uploads bool
	// Confirm asks a person before a use is taken.
	Confirm bool

	maxLifetime    time.Duration
	leeway         time.Duration
	allowPermanent bool
	revoked        string
	program        string
}

// Register defines the flags.
func (p *Policy) Register(fs *cli.Flags) {
	p.program = fs.Program
	fs.DurationVar(&p.maxLifetime, "max-lifetime", 0, "refuse links that expire further in the future than this `duration`; 0 means no limit")
	fs.DurationVar(&p.leeway, "leeway", 0, "tolerate this `duration` of clock skew: accept links that much earlier and later")
	fs.BoolVar(&p.allowPermanent, "allow-permanent", false, "accept links that never expire")
	fs.StringVar(&p.Cookie, "cookie", "", "also accept links in cookies of this `name`")
	fs.BoolVar(&p.Uploads, "uploads", false, "store the files that are uploaded with links that permit PUT or POST")
	fs.BoolVar(&p.Confirm, "confirm", false, "ask, by a page with a button, before a link with limited uses opens a file, so that mail scanners and previews take no use")
	fs.StringVar(&p.revoked, "revoked", "", "refuse links whose ids are in this `file`, see '"+fs.Program+" revoke -h'")
}

// Options returns the policy as the options of a verifier. The revocations are
// nil if there are none.
func (p *Policy) Options() (middleware.Options, *memstore.Revocations, error) {
	o := middleware.Options{
		MaxLifetime:     p.maxLifetime,
		Leeway:          p.leeway,
		AllowPermanent:  p.allowPermanent,
		Cookie:          p.Cookie,
		EnforcesUploads: p.Uploads,
		Confirm:         p.Confirm,
	}
	if p.maxLifetime > 0 {
		o.MaxLifetime += time.Second // link rounds an expiry up to whole seconds
	}
	if p.revoked == "" {
		return o, nil, nil
	}
	// A file that does not exist is not an empty list: its name may be wrong.
	list := memstore.NewRevocations(nil)
	if err := list.Load(p.revoked); err != nil {
		return o, nil, fmt.Errorf("%w; '%s revoke -file %s' makes an empty one", err, p.program, p.revoked)
	}
	o.Revocations = list
	return o, list, nil
}
