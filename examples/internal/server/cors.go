package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"example.com/signedurl/examples/internal/cli"
)

// cors lets scripts and players on the pages of some origins read the files, by
// the CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol). It is
// for browsers alone and permits nothing that a link does not: the verifier
// behind it decides about every request but preflights, which no client signs.
type cors struct {
	origins []string
	// credentials lets the pages send cookies.
	credentials bool
	// uploads permits the methods and header fields of uploads.
	uploads bool
}

// handler puts next behind the protocol.
func (c *cors) handler(next http.Handler) http.Handler {
	if len(c.origins) == 0 {
		return next
	}
	// What browsers do not always permit or show. The Content-Length is for old
	// ones.
	methods := "GET, HEAD"
	send := "Range, If-Range"
	read := "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag"
	if c.uploads {
		methods += ", PUT, POST"
		send += ", Content-Type, If-Match, If-None-Match, If-Unmodified-Since"
		read += ", Allow, Location, Repr-Digest, Retry-After"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin") // also without one: a cache may give the reply to a page
		origin := r.Header.Values("Origin")
		if len(origin) != 1 || !slices.Contains(c.origins, origin[0]) {
			next.ServeHTTP(w, r)
			return
		}
		// Never "*": with cookies, browsers do not accept it.
		h.Set("Access-Control-Allow-Origin", origin[0])
		if c.credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", send)
			h.Set("Access-Control-Max-Age", "7200") // seconds, the most that Chromium takes
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", read)
		next.ServeHTTP(w, r)
	})
}

// originSyntax is an origin as browsers write it.
var originSyntax = regexp.MustCompile(`^(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$`)

// register defines the flag. An origin must be written as browsers do, since the
// bytes are compared.
func (c *cors) register(fs *cli.Flags) {
	fs.Repeat("cors-origin", "let scripts on the pages of these `origins` read the files, a comma-separated list such as https://app.example; "+
		"with cookies, if links come in them or are bound to them", func(s string) error {
		for origin := range strings.SplitSeq(s, ",") {
			if err := checkOrigin(origin); err != nil {
				return err
			}
			c.origins = append(c.origins, origin)
		}
		return nil
	})
}

func checkOrigin(origin string) error {
	if origin == "*" || origin == "null" {
		return fmt.Errorf("%q stands for pages that nobody knows; name the origins", origin)
	}
	part := originSyntax.FindStringSubmatch(origin)
	if part == nil {
		return fmt.Errorf("%q is not an origin, such as https://app.example or http://localhost:3000, in lower case and without a path", origin)
	}
	if scheme, port := part[1], part[3]; scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return fmt.Errorf("%q has the port of its scheme, which browsers leave out", origin)
	}
	return nil
}

// validate reports origins that may not have cookies. Whoever is on the way
// to a page without TLS can put a script into it.
func (c *cors) validate() error {
	for _, origin := range c.origins {
		part := originSyntax.FindStringSubmatch(origin)
		if c.credentials && part[1] == "http" && !loopback(part[2]) {
			return errors.New("-cors-origin " + origin + ": pages that may send cookies must have https")
		}
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
