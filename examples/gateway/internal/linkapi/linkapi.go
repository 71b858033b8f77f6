// Package linkapi signs links for applications that are not written in Go, and
// for those that are not to have a key.
package linkapi

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
)

// OpenAPI describes the interface (https://spec.openapis.org/oas/v3.0.3).
//
//go:embed openapi.json
var OpenAPI []byte

// Policy is what an API signs.
type Policy struct {
	// Prefixes are the paths below which links may lead, as clients see them.
	// Each ends in a slash.
	Prefixes []string
	// MaxLifetime is the longest life of a link.
	MaxLifetime time.Duration
	// Bound demands links that only some clients can use: those in networks, or
	// those with a value.
	Bound bool
	// Uploads permits links for PUT and POST.
	Uploads bool
	// Rate is how many links may be signed in a second.
	Rate int
}

// API signs links. It is safe for concurrent use.
type API struct {
	policy  Policy
	limiter *rate.Limiter
	log     *slog.Logger
	tokens  atomic.Pointer[[][sha256.Size]byte] // nil if certificates say who asks
	mounts  []mount                             // the longest path first
}

type mount struct {
	path  string
	links *middleware.URLBuilder
}

// New returns an API without mounts, which refuses everything until it has
// tokens, or AnyClient is called.
func New(p Policy, log *slog.Logger) *API {
	a := &API{policy: p, limiter: rate.NewLimiter(rate.Limit(p.Rate), p.Rate), log: log}
	a.tokens.Store(&[][sha256.Size]byte{})
	return a
}

// Add makes the API sign links below a base, which is a URL or a path.
func (a *API) Add(base string, links *middleware.URLBuilder) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	a.mounts = append(a.mounts, mount{u.Path, links})
	slices.SortStableFunc(a.mounts, func(a, b mount) int { return len(b.path) - len(a.path) })
	return nil
}

// minToken is how long a token must be. One from 16 random bytes, in hexadecimal,
// is.
const minToken = 32

// SetTokens sets the bearer tokens (RFC 6750), one a line. Lines that begin with
// # are comments.
func (a *API) SetTokens(text string) error {
	sums := [][sha256.Size]byte{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(line) < minToken:
			return fmt.Errorf("line %d: a token has %d characters or more; 'openssl rand -hex 32' makes one", n, minToken)
		case strings.ContainsAny(line, " \t"):
			return fmt.Errorf("line %d: a token has no space", n)
		}
		sums = append(sums, sha256.Sum256([]byte(line)))
	}
	if len(sums) == 0 {
		return errors.New("there is no token")
	}
	a.tokens.Store(&sums)
	return nil
}

// AnyClient makes the API sign for everyone who reaches it: those whose
// certificate the connection has checked.
func (a *API) AnyClient() { a.tokens.Store(nil) }

// Handler returns the handler of the API.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/links", a.serveLinks)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(OpenAPI)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "there is nothing here") })
	return mux
}

// request is what is asked for. The names of its members are in openapi.json.
type request struct {
	Path        string     `json:"path"`
	Under       string     `json:"under"`
	ExpiresIn   int64      `json:"expires_in"`
	ExpiresAt   *time.Time `json:"expires_at"`
	NotBefore   *time.Time `json:"not_before"`
	Methods     []string   `json:"methods"`
	Networks    []string   `json:"networks"`
	Host        string     `json:"host"`
	Binding     *binding   `json:"binding"`
	ID          string     `json:"id"`
	Uses        int        `json:"uses"`
	Ignore      []string   `json:"ignore"`
	Download    string     `json:"download_name"`
	Inline      bool       `json:"inline"`
	ContentType string     `json:"content_type"`
	MaxBytes    int64      `json:"max_bytes"`
	Accept      []string   `json:"accept"`
	SHA256      string     `json:"sha256"`
	Replace     bool       `json:"replace"`
}

type binding struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// reply is what is answered.
type reply struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires_at"`
	ID      string    `json:"id,omitempty"`
}

// maxBody is more than any request needs: a link has 8 KiB at most.
const maxBody = 64 << 10

func (a *API) serveLinks(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	client, ok := a.client(r)
	if !ok {
		a.log.Warn("a stranger asked for a link", "remote", r.RemoteAddr)
		w.Header().Set("WWW-Authenticate", `Bearer realm="links"`)
		refuse(w, http.StatusUnauthorized, "the bearer token is missing or wrong")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "the method is not POST")
		return
	}
	if !a.limiter.Allow() {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "too many links are asked for")
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "the Content-Type is not application/json")
		return
	}
	var req request
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body is not such an object as /v1/openapi.json describes: "+err.Error())
		return
	}
	out, status, err := a.sign(&req, time.Now())
	if err != nil {
		a.log.Warn("no link was signed", "client", client, "path", req.Path, "under", req.Under, "error", err)
		refuse(w, status, cli.Text(err))
		return
	}
	a.log.Info("a link was signed", "client", client, "path", req.Path, "under", req.Under, "id", out.ID, "expires", out.Expires)
	b, err := json.Marshal(out)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the reply cannot be written")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(b, '\n'))
}

// client says who asks, for the log.
func (a *API) client(r *http.Request) (string, bool) {
	tokens := a.tokens.Load()
	switch {
	case tokens != nil:
	case r.TLS == nil || len(r.TLS.VerifiedChains) == 0:
		return "", false
	default:
		return r.TLS.PeerCertificates[0].Subject.String(), true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return "", false
	}
	sum, found := sha256.Sum256([]byte(token)), 0
	for i := range *tokens {
		found |= (i + 1) * subtle.ConstantTimeCompare(sum[:], (*tokens)[i][:])
	}
	return fmt.Sprintf("token %d", found), found > 0
}

// denied is what the policy does not permit.
type denied struct{ error }

// sign returns the link that is asked for, or an error and the status for it.
func (a *API) sign(req *request, now time.Time) (*reply, int, error) {
	out, err := a.link(req, now)
	switch {
	case err == nil:
		return out, http.StatusOK, nil
	case errors.As(err, new(denied)):
		return nil, http.StatusForbidden, err
	}
	return nil, http.StatusUnprocessableEntity, err
}

func (a *API) link(req *request, now time.Time) (*reply, error) {
	claims, err := a.claims(req, now)
	if err != nil {
		return nil, err
	}
	scope := req.Under
	if scope == "" {
		scope = req.Path
	} else if !strings.HasSuffix(scope, "/") {
		return nil, errors.New("under must end in a slash")
	} else if req.Path != "" && !strings.HasPrefix(req.Path, scope) {
		return nil, errors.New("path must be below under")
	}
	for _, p := range []string{scope, req.Path} {
		if p != "" && (p[0] != '/' || path.Clean(p) != strings.TrimSuffix(p, "/") && p != "/") {
			return nil, fmt.Errorf("%q must begin with a slash, and have neither an empty segment nor one of dots alone", p)
		}
	}
	if scope == "" {
		return nil, errors.New("path or under is missing")
	}
	if !slices.ContainsFunc(a.policy.Prefixes, func(p string) bool { return strings.HasPrefix(scope, p) }) {
		return nil, denied{fmt.Errorf("%q is not below a prefix that this server signs for", scope)}
	}
	for _, m := range a.mounts {
		below, ok := strings.CutPrefix(scope, m.path)
		if !ok {
			continue
		}
		u, err := link(m.links, below, strings.TrimPrefix(req.Path, scope), req.Under != "", claims)
		if err != nil {
			return nil, err
		}
		return &reply{u.String(), claims.Expires.UTC(), claims.ID}, nil
	}
	return nil, denied{fmt.Errorf("there are no files at %q", scope)}
}

func link(links *middleware.URLBuilder, scope, rest string, under bool, claims middleware.Claims) (*url.URL, error) {
	if !under {
		return links.URL(scope, claims)
	}
	if scope = strings.TrimSuffix(scope, "/"); scope == "" {
		scope = "/"
	}
	subtree, err := links.Subtree(scope, claims)
	if err != nil {
		return nil, err
	}
	return subtree.URL(rest)
}

// claims returns the claims of a request, if the policy permits them.
func (a *API) claims(req *request, now time.Time) (middleware.Claims, error) {
	c := middleware.Claims{
		Methods: req.Methods, Host: req.Host, ID: req.ID, Uses: req.Uses, Ignore: req.Ignore,
		DownloadName: req.Download, Inline: req.Inline, ContentType: req.ContentType,
		Upload: middleware.Upload{MaxBytes: req.MaxBytes, Accept: req.Accept, Replace: req.Replace},
	}
	switch {
	case (req.ExpiresIn != 0) == (req.ExpiresAt != nil):
		return c, errors.New("one of expires_in and expires_at is needed")
	case req.ExpiresAt != nil:
		c.Expires = *req.ExpiresAt
	case req.ExpiresIn < 0 || req.ExpiresIn > int64(a.policy.MaxLifetime/time.Second):
		return c, a.tooLong()
	default:
		c.Expires = now.Add(time.Duration(req.ExpiresIn) * time.Second)
	}
	c.Expires = c.Expires.Truncate(time.Second) // as links have it
	switch {
	case !c.Expires.After(now):
		return c, errors.New("the link would have expired already")
	case c.Expires.After(now.Add(a.policy.MaxLifetime)):
		return c, a.tooLong()
	case req.Uses < 0 || req.MaxBytes < 0:
		return c, errors.New("uses and max_bytes must not be negative")
	}
	if req.NotBefore != nil {
		c.NotBefore = *req.NotBefore
	}
	for _, m := range c.Methods {
		if m != http.MethodGet && m != http.MethodHead && !(a.policy.Uploads && (m == http.MethodPut || m == http.MethodPost)) {
			return c, denied{fmt.Errorf("this server signs no links for the method %q", m)}
		}
	}
	for _, text := range req.Networks {
		network, err := cli.ParseNetwork(text)
		if err != nil {
			return c, err
		}
		c.Networks = append(c.Networks, network)
	}
	if req.Binding != nil {
		if req.Binding.Name == "" || req.Binding.Value == "" {
			return c, errors.New("a binding has a name and a value")
		}
		c.Binding = middleware.Binding{Name: req.Binding.Name, Value: req.Binding.Value}
	}
	if a.policy.Bound && req.Binding == nil && len(c.Networks) == 0 {
		return c, denied{errors.New("this server signs only links that have a binding or networks")}
	}
	if c.Uses > 0 && c.ID == "" {
		c.ID = rand.Text()
	}
	if req.SHA256 != "" {
		sum, err := hex.DecodeString(req.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return c, errors.New("sha256 must be 64 hexadecimal digits")
		}
		c.Upload.SHA256 = [sha256.Size]byte(sum)
	}
	return c, nil
}

func (a *API) tooLong() error {
	return denied{fmt.Errorf("this server signs links that live for %v at most, and for a second at least", a.policy.MaxLifetime)}
}

// refuse replies with problem details (RFC 9457).
func refuse(w http.ResponseWriter, status int, detail string) {
	b, err := json.Marshal(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail})
	if err != nil {
		b = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
