package sigv4

import (
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

var (
	errNoKeys          = strict.NewInvalid("there is no key")
	errNoAlgorithm     = strict.NewInvalid("there is no algorithm")
	errNoCredential    = strict.NewInvalid("there is no credential")
	errNoDate          = strict.NewInvalid("there is no date")
	errNoExpires       = strict.NewInvalid("there is no lifetime")
	errNoSignedHeaders = strict.NewInvalid("there is no list of signed headers")
	errNoSignature     = strict.NewInvalid("there is no signature")
	errDate            = strict.NewInvalid("the date is not YYYYMMDDTHHMMSSZ")
	errExpires         = strict.NewInvalid("the lifetime is not a canonical number of seconds from 1 to 604800")
	errScope           = strict.NewInvalid("the credential is not one of this date, region and service")
	errUnknownKey      = strict.NewInvalid("no key has the link's access id and algorithm")
	errToken           = strict.NewInvalid("the session token is not the one that belongs to the key")
	errSignature       = strict.NewInvalid("the signature does not match what was requested")
)

var missing = [...]error{
	paramAlgorithm:     errNoAlgorithm,
	paramCredential:    errNoCredential,
	paramDate:          errNoDate,
	paramExpires:       errNoExpires,
	paramSignedHeaders: errNoSignedHeaders,
	paramSignature:     errNoSignature,
}

// Authenticate checks the signature of a link, see [middleware.Format].
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	if f == nil {
		return middleware.Link{}, errNoKeys
	}
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	st := newState()
	defer st.release()
	return f.authenticate(st, &r)
}

func (f *Format) authenticate(st *state, r *middleware.Request) (l middleware.Link, err error) {
	if fault := st.read(&f.d, r.RawQuery); fault != nil {
		return l, strict.Invalid{Fault: fault}
	}
	if !st.any {
		return l, middleware.ErrUnsigned
	}
	for id, err := range missing {
		if st.values[id] == "" {
			return l, err
		}
	}
	date := st.values[paramDate]
	issued, ok := parseDate(date)
	if !ok {
		return l, errDate
	}
	lifetime, ok := parseLifetime(st.values[paramExpires])
	if !ok {
		return l, errExpires
	}
	r.Trace("shape", "path, query and parameters are unambiguous")

	id, ok := f.d.accessID(st.values[paramCredential], date[:dayLen])
	if !ok {
		return l, errScope
	}
	algorithm := st.values[paramAlgorithm]
	keys := f.keys[lookup{algorithm, id}]
	if len(keys) == 0 {
		return l, errUnknownKey
	}
	r.Trace("key", keys[0].id)

	host := f.host
	if host == "" {
		host = f.d.host(r.Host)
	}
	fault := st.build(&f.d, request{
		method: r.Method,
		host:   host,
		path:   r.Path,
		header: r.Header,
		signed: unescape(st.values[paramSignedHeaders]),
	}, algorithm, date)
	if fault != nil {
		return l, strict.Invalid{Fault: fault}
	}
	if r.Tracing() {
		r.Trace("signed", st.shown(&f.d))
	}
	// While keys are rotated a service account has several, and a link does not
	// say which one signed it.
	var key *boundKey
	for _, k := range keys {
		if k.Verify(date[:dayLen], st.msg, st.values[paramSignature]) {
			key = k
			break
		}
	}
	if key == nil {
		return l, errSignature
	}
	r.Trace("signature", key.algorithm)

	// The token is not a secret of the verifier's: anyone who has the key could
	// have signed any token. It is compared nevertheless, since key and token
	// are issued together, and a link with another token was not intended.
	token := ""
	if key.token != nil {
		token = key.token()
	}
	if unescape(st.values[paramToken]) != token {
		return l, errToken
	}
	if err := st.response(&l.Claims, r.Path); err != nil {
		return middleware.Link{}, err
	}
	l.NotBefore = time.Unix(issued, 0)
	l.Expires = time.Unix(issued+lifetime+f.d.inclusive, 0)
	l.Methods = []string{r.Method}
	l.KeyID = key.id
	return l, nil
}

// accessID returns the access id, still escaped, of a credential
// id/day/region/service/terminator. Its other parts must be exactly those that
// this verifier expects.
func (d *Dialect) accessID(credential, day string) (string, bool) {
	rest, ok1 := strings.CutSuffix(credential, d.escapedScope)
	rest, ok2 := strings.CutSuffix(rest, day)
	id, ok3 := strings.CutSuffix(rest, "%2F")
	return id, ok1 && ok2 && ok3
}

// shown returns the signed text for the operator: the string to sign, and the
// canonical request whose hash is its last line. It omits the values of header
// fields other than the host, which may be secrets (an encryption key, a
// cookie), and the session token, which is a part of a credential.
func (st *state) shown(d *Dialect) string {
	var b strings.Builder
	b.Write(st.msg)
	b.WriteString("\n\n")
	headers := false
	for i, line := range strings.Split(string(st.text), "\n") {
		switch name, _, _ := strings.Cut(line, ":"); {
		case i == 2:
			if token := st.values[paramToken]; token != "" {
				line = strings.ReplaceAll(line, d.params[paramToken]+"="+token, d.params[paramToken]+"=[not shown]")
			}
			headers = true
		case headers && line == "":
			headers = false
		case headers && name != "host":
			line = name + ":[not shown]"
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return b.String()
}
