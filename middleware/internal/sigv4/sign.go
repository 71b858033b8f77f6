package sigv4

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Sign returns a copy of u that carries the claims and the signature of the
// first key, see [middleware.Format]. Path and query are canonicalized, with the
// parameters sorted and the signature after them.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) {
	if !f.CanSign() {
		return nil, errors.New("signedurl: cannot sign: there is no key, or the first one is a public key")
	}
	if err := c.Unsupported("Expires", "NotBefore", "Methods", "Host", "DownloadName", "ContentType"); err != nil {
		return nil, err
	}
	signed, err := f.sign(u, c)
	if err != nil {
		return nil, fmt.Errorf("signedurl: cannot sign: %w", err)
	}
	return signed, nil
}

func (f *Format) sign(u *url.URL, c middleware.Claims) (*url.URL, error) {
	method := "GET"
	switch {
	case len(c.Methods) == 1:
		method = c.Methods[0]
	case c.Methods != nil:
		return nil, fmt.Errorf("a link of this format is good for exactly one method: %w", errors.ErrUnsupported)
	}
	issued, lifetime, err := f.times(&c)
	if err != nil {
		return nil, err
	}
	if u.Opaque != "" || u.User != nil {
		return nil, errors.New("the URL has an opaque part or a user")
	}
	// Browsers send a host in lower case, whatever was typed.
	out := *u
	out.Host = strings.ToLower(u.Host)
	host := f.host
	if host == "" {
		host = f.d.host(out.Host)
	}
	if host == "" {
		return nil, errors.New("the host is signed, and neither the URL nor the Options name one")
	}
	if u.Host != "" && !hostPort(out.Host) {
		return nil, errors.New("the URL's host is not host[:port] in ASCII")
	}
	if c.Host != "" && c.Host != host {
		return nil, fmt.Errorf("Claims.Host is not the host that is signed: %w", errors.ErrUnsupported)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	// A Verifier refuses such paths, and a browser resolves dot segments before
	// it sends them. The systems themselves sign empty parts.
	if fault := strict.CheckPath(path); fault != nil && fault != strict.EmptyPart {
		return nil, fault
	}
	canonical, fault := appendPath(nil, path, false)
	if fault != nil {
		return nil, fault
	}

	st := newState()
	defer st.release()
	if fault := st.read(&f.d, u.RawQuery); fault != nil {
		return nil, fault
	}
	for id, v := range st.values {
		if v != "" && id != paramPayload {
			return nil, fmt.Errorf("the URL already has the parameter %s", f.d.params[id])
		}
	}
	if err := st.setResponse(&c); err != nil {
		return nil, err
	}
	date := time.Unix(issued, 0).UTC().Format(dateLayout)
	key := f.first
	st.add(f.d.params[paramAlgorithm], key.algorithm)
	st.add(f.d.params[paramCredential], key.id+"/"+date[:dayLen]+"/"+f.d.scope)
	st.add(f.d.params[paramDate], date)
	st.add(f.d.params[paramExpires], strconv.FormatInt(lifetime, 10))
	st.add(f.d.params[paramSignedHeaders], f.signed)
	if key.token != nil {
		st.add(f.d.params[paramToken], key.token())
	}
	fault = st.build(&f.d, request{
		method: method,
		host:   host,
		path:   string(canonical),
		header: f.header,
		signed: f.signed,
	}, key.algorithm, date)
	if fault != nil {
		return nil, fault
	}
	signature, err := key.Sign(date[:dayLen], st.msg)
	if err != nil {
		return nil, err
	}
	strict.SetPath(&out, string(canonical))
	out.RawQuery = string(st.append(nil)) + "&" + f.d.params[paramSignature] + "=" + signature
	if len(st.pairs)+1 > maxPairs {
		return nil, faultPairs
	}
	if fault := strict.CheckTarget(string(canonical), out.RawQuery); fault != nil {
		return nil, fault
	}
	return &out, nil
}

// times returns the date of a link and its lifetime, in seconds.
func (f *Format) times(c *middleware.Claims) (issued, lifetime int64, err error) {
	if c.Expires.IsZero() {
		return 0, 0, errors.New("the claims have no expiry; set Expires")
	}
	last := c.Expires.Unix() - f.d.inclusive
	issued = last - f.lifetime
	if !c.NotBefore.IsZero() {
		issued = c.NotBefore.Unix()
	}
	lifetime = last - issued
	switch {
	case issued < 0 || c.Expires.Unix() > strict.MaxTime:
		return 0, 0, errors.New("date and expiry must lie in the years 1970 to 9999")
	case lifetime < 1:
		return 0, 0, errors.New("the link would expire before it becomes valid")
	case lifetime > int64(MaxLifetime/time.Second):
		return 0, 0, fmt.Errorf("a link of this format lives seven days at most: %w", errors.ErrUnsupported)
	}
	return issued, lifetime, nil
}

// setResponse adds the parameters for the claims about the reply.
func (st *state) setResponse(c *middleware.Claims) error {
	for _, p := range st.pairs {
		if (p.name == responseDisposition && c.DownloadName != "") || (p.name == responseType && c.ContentType != "") {
			return fmt.Errorf("the URL already has the parameter %s, which is to hold a claim", p.name)
		}
	}
	if c.DownloadName != "" {
		v, err := disposition(c.DownloadName)
		if err != nil {
			return err
		}
		st.add(responseDisposition, v)
	}
	if c.ContentType != "" {
		if _, _, err := mime.ParseMediaType(c.ContentType); err != nil || !strict.ValidContentType(c.ContentType) {
			return errors.New("ContentType is not a media type")
		}
		st.add(responseType, c.ContentType)
	}
	return nil
}
