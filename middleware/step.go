package middleware

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// Steps returns the steps by which the link's holders narrowed it, in order, and
// nil if nobody did. The link opens what its own claims and all of the steps
// permit. A claim that is not set in a step limits nothing there: nil Methods are
// all methods that the link permits, and no Expires is the link's expiry.
func (l *Link) Steps() []Claims {
	var steps []Claims
	for rest := l.Narrowed; rest != ""; {
		var c Claims
		var raw string
		if raw, rest = cutStep(rest); !c.readStep(raw, &Request{}) {
			// No verifier accepts it.
			c = Claims{Expires: time.Unix(0, 0), Methods: []string{}, Upload: Upload{MaxBytes: 1, Accept: []string{}}}
		}
		steps = append(steps, c)
	}
	return steps
}

// Expiry returns the first second at which the link is refused, by its own claims
// or by a step, and the zero time if it never expires.
func (l *Link) Expiry() time.Time {
	expiry := l.Expires
	for rest := l.Narrowed; rest != ""; {
		var raw string
		if raw, rest = cutStep(rest); raw == "" {
			continue
		}
		// Names are sorted, so that an expiry comes first.
		end, _ := find(raw, '&')
		if equals, width := find(raw[:end], '='); strict.UnescapesTo(raw[:equals], nameExpires, true) {
			if n, ok := number(raw[equals+width:end], strict.MaxTime); ok && (expiry.IsZero() || n < expiry.Unix()) {
				expiry = time.Unix(n, 0)
			}
		}
	}
	return expiry
}

// Allows reports whether the link is good for an HTTP method.
func (l *Link) Allows(method string) bool {
	if !l.allows(method) {
		return false
	}
	for _, step := range l.Steps() {
		if step.Methods != nil && !step.allows(method) {
			return false
		}
	}
	return true
}

// MaxBytes returns the size of the largest body, in bytes, that a client may
// upload with the link, and 0 if the link does not limit it.
func (l *Link) MaxBytes() int64 {
	most := l.Upload.MaxBytes
	for _, step := range l.Steps() {
		if n := step.Upload.MaxBytes; n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most
}

// Accepts reports whether a client may upload a body of a media type, which is
// in lower case and without parameters. A link without a list accepts every
// type. A wildcard such as image/* stands for all types of the kind except
// those whose name ends in +xml: SVG images can hold scripts, so a link must
// name image/svg+xml to accept them.
func (l *Link) Accepts(mediaType string) bool {
	if !l.Upload.accepts(mediaType) {
		return false
	}
	for _, step := range l.Steps() {
		if !step.Upload.accepts(mediaType) {
			return false
		}
	}
	return true
}

// cutStep cuts the first step from parameters as [Link].Narrowed has them.
func cutStep(narrowed string) (raw, rest string) {
	pair, rest, _ := strings.Cut(narrowed, "&")
	_, raw, _ = strings.Cut(pair, "=")
	return raw, rest
}

// stepParam returns the parameter that a name stands for in a step, or -1.
func stepParam(name string) param {
	switch name {
	case nameExpires:
		return paramExpires
	case limits[paramOnly].name:
		return paramOnly
	}
	if id := paramIndex(name); id >= 0 && limits[id].narrows {
		return id
	}
	return -1
}

// readStep reads a step as it was sent: a query in canonical form, in which every
// byte but the unreserved is escaped once more. Nothing is allocated for a path that
// the request's path begins with, for numbers, and for a host without a port, which
// are pieces of what was sent; a list costs what it costs in a link.
func (c *Claims) readStep(raw string, r *Request) bool {
	if len(raw)-2*strings.Count(raw, "%") > maxStep {
		return false
	}
	for previous := ""; ; {
		// A name is unreserved, and so is spelled as it is, most likely.
		equals, width, ok := strict.Run(raw), len("%3D"), true
		name := raw[:equals]
		if !strings.HasPrefix(raw[equals:], "%3D") {
			equals, width = find(raw, '=')
			name, ok = strict.Unescape(raw[:equals], true)
		}
		if width == 0 || !ok || name <= previous {
			return false
		}
		// A raw "&" would have ended the step.
		value, rest, more := strings.Cut(raw[equals+width:], "%26")
		if value == "" || !c.readStepParam(stepParam(name), value, r) {
			return false
		}
		if !more {
			return true
		}
		previous, raw = name, rest
	}
}

// readStepParam reads one parameter of a step from its value as it was sent.
func (c *Claims) readStepParam(id param, raw string, r *Request) bool {
	switch id {
	case -1:
		return false
	case paramOnly:
		if path, ok := cutTwice(raw, r.Path); ok && len(path) == len(r.Path) {
			c.Only = path
			return r.canonical || strict.CanonicalPath(path)
		}
	case paramUnder:
		if path, ok := cutTwice(raw, r.Path); ok && path[len(path)-1] == '/' {
			c.Under = path
			return r.canonical || strict.CanonicalDir(path)
		}
	}
	value := raw
	if strict.Run(raw) < len(raw) {
		var ok bool
		if value, ok = strict.Unescape(raw, true); !ok || !canonicalValue(value) {
			return false
		}
	}
	switch id {
	case paramExpires:
		return c.readExpires(value) && !c.Permanent
	case paramOnly:
		c.Only, _ = strict.Unescape(value, true)
		return strict.CanonicalPath(c.Only)
	case paramUnder:
		c.Under, _ = strict.Unescape(value, true)
		return strict.CanonicalDir(c.Under)
	}
	// A holder may make steps, and each is read before anything is held against it.
	return strings.Count(value, "%2C") < maxListed && c.readOne(id, value)
}

// canonicalValue reports whether a value is spelled as the canonical form of a query
// spells it.
func canonicalValue(value string) bool {
	for i := 0; i < len(value); {
		c, width := strict.Next(value, i)
		if width == 0 || strict.Unreserved(c) != (width == 1) || width == 3 && (value[i+1] >= 'a' || value[i+2] >= 'a') {
			return false
		}
		i += width
	}
	return true
}

// cutTwice returns the beginning of a path that a piece of a step spells: its bytes
// escaped as a value, and that once more.
func cutTwice(raw, path string) (string, bool) {
	i, n := 0, 0
	for i < len(raw) && n < len(path) {
		switch b := path[n]; {
		case b == raw[i] && strict.Unreserved(b):
			i, n = i+1, n+1
			continue
		case b == '/' && strings.HasPrefix(raw[i:], "%252F"):
			i, n = i+len("%252F"), n+1
			continue
		}
		var room [3]byte
		for _, b := range strict.AppendByte(room[:0], path[n]) {
			if i == len(raw) {
				return "", false
			}
			c, width := strict.Next(raw, i)
			if c != b || width == 0 {
				return "", false
			}
			i += width
		}
		n++
	}
	return path[:n], n > 0 && i == len(raw)
}

// The faults of the steps of a link, by their number.
var errBadStep, errStepPath = func() (bad, path [maxSteps]error) {
	for i := range bad {
		bad[i] = invalid(fmt.Sprintf("step %d is not a query in canonical form of what can be narrowed", i+1))
		path[i] = invalid(fmt.Sprintf("step %d is for another path", i+1))
	}
	return bad, path
}()

// stepsPool saves making room for the claims of four steps for each request.
var stepsPool = sync.Pool{New: func() any { return new(readSteps) }}

// room returns room for the steps of a link, which releaseSteps gives back.
func (r *Request) room() *readSteps {
	if r.steps == nil {
		r.steps = stepsPool.Get().(*readSteps)
	}
	return r.steps
}

// readSteps reads the steps of a link, of which raw are the values, into the request.
func (r *Request) readSteps(narrowed string, raw []string) error {
	s := r.room()
	s.clear()
	for _, step := range raw {
		if s.n++; !s.claims[s.n-1].readStep(step, r) {
			return errBadStep[s.n-1]
		}
	}
	s.narrowed = narrowed
	return nil
}

// clear makes s as if it had read nothing.
func (s *readSteps) clear() {
	clear(s.claims[:s.n])
	s.narrowed, s.n = "", 0
}

// releaseSteps gives back what readSteps took.
func (r *Request) releaseSteps() {
	if r.steps != nil {
		r.steps.clear()
		r.steps.raw = [maxSteps]string{}
		stepsPool.Put(r.steps)
		r.steps = nil
	}
}

// openSteps reads the steps of an authentic link, and checks as much of them as is
// checked of a link together with its signature: the form, and the path.
func (l *Link) openSteps(r *Request, raw []string) error {
	if err := r.readSteps(l.Narrowed, raw); err != nil {
		return err
	}
	for i := range r.steps.n {
		if !r.steps.claims[i].opens(r) {
			return errStepPath[i]
		}
	}
	return nil
}

// opens reports whether the path of a request is one that a step leaves.
func (c *Claims) opens(r *Request) bool {
	if c.Under != "" && !inSubtree(r.Path, c.Under) {
		return false
	}
	return c.Only == "" || c.Only == r.Path || !r.canonical && c.Only == string(strict.AppendPath(nil, r.Path))
}

// stepRefusal is the refusal by a step of a link whose own claims permit the request.
type stepRefusal struct {
	step int
	err  error
}

func (e *stepRefusal) Error() string { return fmt.Sprintf("%v (step %d of the link)", e.err, e.step) }
func (e *stepRefusal) Unwrap() error { return e.err }

// holdSteps holds the steps of a link against a request, as hold does its claims.
// The path was held against them when the link was found authentic.
func (l *Link) holdSteps(o *occasion) error {
	if o.steps == nil || o.steps.narrowed != l.Narrowed { // a link that another format found
		var raw []string
		for rest := l.Narrowed; rest != ""; {
			if len(raw) == maxSteps {
				return errBadStep[maxSteps-1]
			}
			var step string
			step, rest = cutStep(rest)
			raw = append(raw, step)
		}
		if err := o.readSteps(l.Narrowed, raw); err != nil {
			return err
		}
	}
	for i := range o.steps.n {
		o.step = i + 1
		if err := o.steps.claims[i].holdStep(o); err != nil {
			return &stepRefusal{o.step, err}
		}
	}
	return nil
}

// holdStep holds a step against a request. It notes that a step without an expiry
// has none.
func (c *Claims) holdStep(o *occasion) error {
	if o.trace != nil && c.Under+c.Only != "" {
		o.Trace("path", c.Under+c.Only)
	}
	c.Permanent = c.Expires.IsZero()
	if !c.Permanent || !c.NotBefore.IsZero() {
		if err := c.holdTime(o); err != nil {
			return err
		}
	}
	if c.Methods != nil {
		if err := c.holdMethods(o); err != nil {
			return err
		}
	}
	if err := c.holdHost(o); err != nil {
		return err
	}
	if err := c.holdNetworks(o); err != nil {
		return err
	}
	if c.Upload.MaxBytes == 0 && c.Upload.Accept == nil {
		return nil
	}
	return c.holdUpload(o)
}
