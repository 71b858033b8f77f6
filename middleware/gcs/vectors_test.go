package gcs_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

// vector is a case of testdata/vectors.json: a link that the Go library made,
// the one that the Node.js library made for the same request, and Google's own
// conformance cases.
type vector struct {
	Case   string
	Secret string `json:"secret_or_key"`
	Public string `json:"public_key"`
	Input  struct {
		Bucket, Object, Method, Style, Hostname string

		Email       string            `json:"client_email"`
		AccessID    string            `json:"access_id"`
		Query       url.Values        // of the libraries
		Headers     json.RawMessage   // a list of name:value, or an object
		ContentType string            `json:"content_type"`
		ContentMD5  string            `json:"content_md5"`
		Parameters  map[string]string `json:"queryParameters"` // of the conformance cases
	}
	IssuedAt     int64 `json:"issued_at"`
	Expires      int64
	Algorithm    string
	Signed       string
	Canonical    string
	StringToSign string  `json:"string_to_sign"`
	ValidAt      []int64 `json:"valid_at"`
	InvalidAt    []int64 `json:"invalid_at"`
	Mutations    []struct {
		Name, Signed string
		Verifies     bool `json:"signature_verifies"`
	} `json:"crypto_mutations"`
	Others map[string]string `json:"other_implementations"`
}

// conformance tells Google's cases, whose private key is not among the vectors.
func (v vector) conformance() bool { return strings.HasPrefix(v.Case, "conformance: ") }

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(text, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) == 0 {
		t.Fatal("there are no vectors")
	}
	return vs
}

func parsePEM(t testing.TB, text string) any {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ownKey signs the conformance cases in place of Google's key.
var ownKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// signer returns a format that signs the vector; a conformance case is signed
// with a key of the tests, so that only its signature differs.
func (v vector) signer(t testing.TB, opts *gcs.Options) *gcs.Format {
	t.Helper()
	var key gcs.Key
	var err error
	switch {
	case v.conformance():
		key, err = gcs.NewServiceAccountKey(v.Input.Email, ownKey())
	case v.Public != "":
		key, err = gcs.NewServiceAccountKey(v.Input.Email, parsePEM(t, v.Secret).(*rsa.PrivateKey))
	default:
		key, err = gcs.NewHMACKey(v.Input.AccessID, v.Secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := gcs.New(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// verifier returns a format that knows no more than is needed to verify.
func (v vector) verifier(t testing.TB) *gcs.Format {
	t.Helper()
	if v.Public == "" {
		return v.signer(t, nil)
	}
	key, err := gcs.NewServiceAccountPublicKey(v.Input.Email, parsePEM(t, v.Public).(*rsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gcs.New(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// header returns the header fields that the link signs besides the host. Like
// the libraries, it keeps names that are none of HTTP: one case has a slash.
func (v vector) header(t testing.TB) http.Header {
	t.Helper()
	h := http.Header{}
	var list []string
	var object map[string]string
	if json.Unmarshal(v.Input.Headers, &list) == nil {
		for _, field := range list {
			name, value, _ := strings.Cut(field, ":")
			h.Add(name, value)
		}
	} else if json.Unmarshal(v.Input.Headers, &object) == nil {
		for name, value := range object {
			h.Set(name, value)
		}
	}
	if v.Input.ContentType != "" {
		h.Set("Content-Type", v.Input.ContentType)
	}
	if v.Input.ContentMD5 != "" {
		h.Set("Content-MD5", v.Input.ContentMD5)
	}
	return h
}

// unsigned is the URL that was signed. Scheme and host are those of the link:
// which endpoint a library takes when several are set is not this package's.
func (v vector) unsigned(t testing.TB) *url.URL {
	t.Helper()
	signed, err := url.Parse(v.Signed)
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Scheme: signed.Scheme, Host: signed.Host, Path: "/" + v.Input.Bucket + "/" + v.Input.Object}
	if !strings.HasPrefix(signed.Path, "/"+v.Input.Bucket) { // virtual-hosted, or bound
		u.Path = "/" + v.Input.Object
	}
	if v.Input.Object == "" {
		u.Path = "/" + v.Input.Bucket
	}
	q := url.Values{}
	for name, values := range v.Input.Query {
		q[name] = values
	}
	for name, value := range v.Input.Parameters {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u
}

func (v vector) claims() middleware.Claims {
	return middleware.Claims{
		NotBefore: time.Unix(v.IssuedAt, 0),
		Expires:   time.Unix(v.Expires, 0),
		Methods:   []string{v.Input.Method},
	}
}

// request is what a server gets when a client asks for a URL, target and host
// being sent as they are.
func request(t testing.TB, method, link string, header http.Header) *http.Request {
	t.Helper()
	link, _, _ = strings.Cut(link, "#")
	scheme, rest, _ := strings.Cut(link, "://")
	i := strings.IndexByte(rest, '/')
	u, err := url.ParseRequestURI(rest[i:])
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, Host: rest[:i], URL: u, RequestURI: rest[i:], Header: header, RemoteAddr: "192.0.2.1:1"}
	if scheme == "https" {
		r.TLS = new(tls.ConnectionState)
	}
	return r
}

// asked is what a verifier makes of a request.
func asked(r *http.Request) middleware.Request {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	return middleware.Request{Method: r.Method, Host: r.Host, Path: path, RawQuery: query, Header: r.Header}
}

var signature = regexp.MustCompile(`&X-Goog-Signature=([0-9a-f]+)`)

// The Go library sorts the signature with the other parameters and writes "+"
// for a space. Google's conformance cases have it as Sign does.
func TestSignMakesTheLinksOfTheLibraryAndOfTheConformanceCases(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			u, err := v.signer(t, &gcs.Options{Header: v.header(t)}).Sign(v.unsigned(t), v.claims())
			if strings.Contains(v.Signed, "%0A") {
				if err == nil {
					t.Errorf("signed: %v, which no Verifier accepts", u)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, got := v.Signed, u.String()
			if v.conformance() {
				want, got = signature.ReplaceAllString(want, ""), signature.ReplaceAllString(got, "")
			} else {
				want = strings.ReplaceAll(signature.ReplaceAllString(want, ""), "+", "%20") + signature.FindString(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignedTextIsThatOfTheLibraries(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			if hash := sha256.Sum256([]byte(v.Canonical)); !strings.HasSuffix(v.StringToSign, hex.EncodeToString(hash[:])) {
				// The case "Universe domain with virtual hosted style" is
				// published with the canonical request of another URL style.
				v.Canonical = strings.Replace(v.Canonical, "/test-bucket/", "/", 1)
			}
			want := v.StringToSign + "\n\n" + hideHeaders(v.Canonical)
			r := request(t, v.Input.Method, v.Signed, v.header(t))
			e := newVerifier(t, v.verifier(t), nil).Explain(r)
			if strings.Contains(r.URL.Path, "\n") {
				if e.Err == nil {
					t.Error("a control character in the path was accepted")
				}
				return
			}
			if diff := cmp.Diff(want, e.Signed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// hideHeaders takes the values of header fields from a canonical request, as
// an explanation has them.
func hideHeaders(canonical string) string {
	lines := strings.Split(canonical, "\n")
	for i := 3; lines[i] != ""; i++ {
		if name, _, _ := strings.Cut(lines[i], ":"); name != "host" {
			lines[i] = name + ":[not shown]"
		}
	}
	return strings.Join(lines, "\n")
}

func TestAuthenticateAcceptsTheLinksOfTheLibrariesAndOfTheConformanceCases(t *testing.T) {
	for _, v := range vectors(t) {
		links := map[string]string{"": v.Signed}
		for name, link := range v.Others {
			if strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://") {
				links[name] = link
			} // or else the library could not make one
		}
		for name, link := range links {
			t.Run(v.Case+"/"+name, func(t *testing.T) {
				got, err := v.verifier(t).Authenticate(asked(request(t, v.Input.Method, link, v.header(t))))
				if err != nil {
					t.Fatal(err)
				}
				want := middleware.Link{Claims: v.claims(), KeyID: v.Input.Email + v.Input.AccessID}
				if strings.Contains(v.Canonical, "response-content-disposition") {
					want.DownloadName = "é x.pdf"
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestVerifyAgreesAboutTime(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			r := request(t, v.Input.Method, v.Signed, v.header(t))
			synctest.Test(t, func(t *testing.T) {
				for _, at := range slices.Sorted(slices.Values(slices.Concat(v.ValidAt, v.InvalidAt, []int64{v.Expires}))) {
					time.Sleep(time.Until(time.Unix(at, 0)))
					_, err := newVerifier(t, v.verifier(t), nil).Verify(r)
					want := "expired" // also in the second of the expiry, about which nobody knows
					if slices.Contains(v.ValidAt, at) {
						want = "ok"
					}
					if strings.Contains(r.URL.Path, "\n") {
						want = "invalid" // in the eyes of a Verifier
					}
					if got := middleware.Reason(err); got != want {
						t.Errorf("at %d: %s (%v), want %s", at, got, err, want)
					}
				}
			})
		})
	}
}

// stricter are the variants whose signature is right and which are refused on
// purpose, see the package documentation.
var stricter = map[string]string{
	"sig-uppercased":               "signature does not match",
	"sig-trailing-percent20":       "signature does not match",
	"sig-name-percent-encoded":     "spelled with escapes",
	"sig-duplicated-bad-then-good": "twice",
}

func TestMutations(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		for _, m := range v.Mutations {
			n++
			_, err := v.verifier(t).Authenticate(asked(request(t, v.Input.Method, m.Signed, v.header(t))))
			why, refused := stricter[m.Name]
			switch {
			case m.Verifies && !refused && err != nil:
				t.Errorf("%s, %s: %v", v.Case, m.Name, err)
			case m.Verifies && refused && (!errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), why)):
				t.Errorf("%s, %s: %v, want %q", v.Case, m.Name, err, why)
			case !m.Verifies && !errors.Is(err, middleware.ErrInvalid):
				t.Errorf("%s, %s: %v, want ErrInvalid", v.Case, m.Name, err)
			}
		}
	}
	if n == 0 {
		t.Error("there are no mutations")
	}
}

// meaning is what net/http makes of a target, without the signature.
func meaning(path, query string) (string, url.Values, bool) {
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.Contains(strings.ToLower(path), "%2f") {
		return "", nil, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, false
	}
	values.Del("X-Goog-Signature")
	return decoded, values, true
}

// What is accepted means the same path and query as a link of a library, for
// the algorithms of both kinds of keys.
func FuzzAuthenticate(f *testing.F) {
	type target struct{ host, path, query string }
	var formats []*gcs.Format
	var seeds []target
	for _, v := range vectors(f) {
		if len(v.Mutations) == 0 {
			continue
		}
		formats = append(formats, v.verifier(f))
		links := []string{v.Signed}
		for _, link := range v.Others {
			links = append(links, link)
		}
		for _, link := range links {
			r := asked(request(f, "GET", link, nil))
			seeds = append(seeds, target{r.Host, r.Path, r.RawQuery})
		}
		for _, m := range v.Mutations {
			r := asked(request(f, "GET", m.Signed, nil))
			f.Add(r.Host, r.Path, r.RawQuery)
		}
	}
	if len(seeds) == 0 {
		f.Fatal("there are no seeds")
	}
	for _, s := range seeds {
		f.Add(s.host, s.path, s.query)
	}
	f.Fuzz(func(t *testing.T, host, path, query string) {
		for _, format := range formats {
			_, err := format.Authenticate(middleware.Request{Method: "GET", Host: host, Path: path, RawQuery: query})
			if err != nil {
				if errors.Is(err, middleware.ErrInvalid) == errors.Is(err, middleware.ErrUnsigned) {
					t.Fatalf("the error is %v", err)
				}
				continue
			}
			gotPath, gotQuery, ok := meaning(path, query)
			if !ok {
				t.Fatalf("accepted what net/http takes otherwise: %q %q", path, query)
			}
			if !slices.ContainsFunc(seeds, func(s target) bool {
				wantPath, wantQuery, _ := meaning(s.path, s.query)
				return (host == s.host || strings.HasPrefix(host, s.host+":")) && gotPath == wantPath && cmp.Equal(gotQuery, wantQuery)
			}) {
				t.Fatalf("accepted what nobody signed: %q %q %q", host, path, query)
			}
		}
	})
}
