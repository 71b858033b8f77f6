package s3_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

// vector is a case of testdata/vectors.json: a link that the Go SDK made, links
// for the same request that other SDKs made, and what versitygw, an S3 server,
// said to them.
type vector struct {
	Case   string
	Secret string `json:"secret_or_key"`
	Input  struct {
		Bucket, Key, Method, AccessKey, Token, Region, Endpoint string

		VersionID string
	}
	IssuedAt  int64 `json:"issued_at"`
	Expires   int64
	Signed    string
	Canonical string
	ValidAt   []int64   `json:"valid_at"`
	InvalidAt []int64   `json:"invalid_at"`
	Mutations []variant // refused
	Accepted  []variant `json:"accepted_variants"`
	Others    map[string]struct {
		URL     string
		Verdict int
	} `json:"other_implementations"`
}

type variant struct{ Name, Signed string }

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

func (v vector) format(t testing.TB) *s3.Format {
	t.Helper()
	key, err := s3.NewKey(v.Input.AccessKey, v.Secret)
	if v.Input.Token != "" {
		key, err = s3.NewTemporaryKey(v.Input.AccessKey, v.Secret, v.Input.Token)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := s3.New(key, v.Input.Region, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// unsigned is the URL that the SDK signed, with the parameter that it adds.
func (v vector) unsigned(t testing.TB) *url.URL {
	t.Helper()
	u := &url.URL{Scheme: "https", Host: v.Input.Bucket + ".s3." + v.Input.Region + ".amazonaws.com", Path: "/" + v.Input.Key}
	if v.Input.Endpoint != "" {
		endpoint, err := url.Parse(v.Input.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		u = endpoint.JoinPath()
		u.Path = "/" + v.Input.Bucket + "/" + v.Input.Key
	}
	u.RawQuery = "x-id=" + map[string]string{"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[v.Input.Method]
	if v.Input.VersionID != "" {
		u.RawQuery += "&versionId=" + url.QueryEscape(v.Input.VersionID)
	}
	return u
}

// claims are those that make the SDK's link. The SDK's expiry is the last
// second in which the link is good, as the server that verified it has it.
func (v vector) claims() middleware.Claims {
	return middleware.Claims{
		NotBefore: time.Unix(v.IssuedAt, 0),
		Expires:   time.Unix(v.Expires+1, 0),
		Methods:   []string{v.Input.Method},
	}
}

// request is what a server gets when a client asks for a URL, target and host
// being sent as they are.
func request(t testing.TB, method, link string) *http.Request {
	t.Helper()
	link, _, _ = strings.Cut(link, "#")
	scheme, rest, _ := strings.Cut(link, "://")
	i := strings.IndexByte(rest, '/')
	u, err := url.ParseRequestURI(rest[i:])
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, Host: rest[:i], URL: u, RequestURI: rest[i:], Header: http.Header{}, RemoteAddr: "192.0.2.1:1"}
	if scheme == "https" {
		r.TLS = new(tls.ConnectionState)
	}
	return r
}

// verifyAt asks a verifier at each of the times, in order.
func verifyAt(t testing.TB, f middleware.Format, r *http.Request, times []int64) map[int64]error {
	verdicts := make(map[int64]error)
	for _, at := range slices.Sorted(slices.Values(times)) {
		time.Sleep(time.Until(time.Unix(at, 0)))
		_, verdicts[at] = newVerifier(t, f, nil).Verify(r)
	}
	return verdicts
}

func TestSignMakesTheLinksOfTheGoSDK(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			got, err := v.format(t).Sign(v.unsigned(t), v.claims())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Signed, got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Other SDKs add parameters of their own and write them in another order: the
// JavaScript SDK sorts the signature with them, botocore writes the own
// parameters first and the session token after the signed headers.
func TestSignMakesTheLinksOfOtherSDKsButForTheOrder(t *testing.T) {
	signature := []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}
	for _, v := range vectors(t) {
		for name, other := range v.Others {
			t.Run(v.Case+"/"+name, func(t *testing.T) {
				u, err := url.Parse(other.URL)
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Split(u.RawQuery, "&")
				u.RawQuery = strings.Join(slices.DeleteFunc(slices.Clone(want), func(part string) bool {
					name, _, _ := strings.Cut(part, "=")
					return slices.Contains(signature, name)
				}), "&")
				got, err := v.format(t).Sign(u, v.claims())
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(want)
				if diff := cmp.Diff(want, slices.Sorted(slices.Values(strings.Split(got.RawQuery, "&")))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSignedTextIsThatOfTheSDK(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			hash := sha256.Sum256([]byte(v.Canonical))
			date := time.Unix(v.IssuedAt, 0).UTC().Format("20060102T150405Z")
			want := "AWS4-HMAC-SHA256\n" + date + "\n" + date[:8] + "/" + v.Input.Region + "/s3/aws4_request\n" +
				hex.EncodeToString(hash[:]) + "\n\n" + v.Canonical
			if v.Input.Token != "" {
				want = strings.Replace(want, "%2F%2F%2F%2F%2F%2F%2B%3D%3D", "", 1)
				want = strings.Replace(want, "FwoGZXIvTESTTOKEN", "[not shown]", 1)
			}
			got := newVerifier(t, v.format(t), nil).Explain(request(t, v.Input.Method, v.Signed)).Signed
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerifyAgreesWithTheServerAboutTime(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			valid, invalid := v.ValidAt, v.InvalidAt
			if len(valid) == 0 {
				// The server does not know versions, and does not know the
				// session token: it refused these at all times.
				valid, invalid = []int64{v.IssuedAt, v.Expires}, []int64{v.Expires + 1}
			}
			links := map[string]string{"the Go SDK": v.Signed}
			for name, other := range v.Others {
				links[name] = other.URL
			}
			for name, link := range links {
				synctest.Test(t, func(t *testing.T) {
					verdicts := verifyAt(t, v.format(t), request(t, v.Input.Method, link), slices.Concat(valid, invalid))
					for _, at := range valid {
						if verdicts[at] != nil {
							t.Errorf("%s, at %d: %v", name, at, verdicts[at])
						}
					}
					for _, at := range invalid {
						if !errors.Is(verdicts[at], middleware.ErrExpired) {
							t.Errorf("%s, at %d: %v, want ErrExpired", name, at, verdicts[at])
						}
					}
				})
			}
		})
	}
}

// A server without the key's token did not know the link's: nor does a key
// without one.
func TestSessionTokenOfAnotherKeyIsRefused(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Input.Token == "" {
			continue
		}
		v.Input.Token = ""
		_, err := newVerifier(t, v.format(t), nil).Verify(request(t, v.Input.Method, v.Signed))
		if !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
}

func TestMutationsAreRefused(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Unix(v.IssuedAt, 0)))
			for _, m := range v.Mutations {
				n++
				c, err := newVerifier(t, v.format(t), nil).Verify(request(t, v.Input.Method, m.Signed))
				if !errors.Is(err, middleware.ErrInvalid) {
					t.Errorf("%s, %s: %v, want ErrInvalid", v.Case, m.Name, err)
				}
				if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
					t.Errorf("%s, %s: claims (-want +got):\n%s", v.Case, m.Name, diff)
				}
			}
		})
	}
	if n == 0 {
		t.Error("there are no mutations")
	}
}

// stricter are the variants that versitygw takes and this package refuses on
// purpose, see the package documentation.
var stricter = map[string]string{
	"sig-name-percent-encoded":     "spelled with escapes",
	"sig-duplicated-good-then-bad": "twice",
	"trailing-ampersand":           "empty parameter",
	"double-ampersand":             "empty parameter",
	"leading-ampersand":            "empty parameter",
}

func TestVariantsAreAcceptedUnlessTheyAreAmbiguous(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Unix(v.IssuedAt, 0)))
			for _, a := range v.Accepted {
				n++
				_, err := newVerifier(t, v.format(t), nil).Verify(request(t, v.Input.Method, a.Signed))
				why, refused := stricter[a.Name]
				switch {
				case !refused && err != nil:
					t.Errorf("%s, %s: %v", v.Case, a.Name, err)
				case refused && (!errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), why)):
					t.Errorf("%s, %s: %v, want %q", v.Case, a.Name, err, why)
				}
			}
		})
	}
	if n == 0 {
		t.Error("there are no variants")
	}
}

// meaning is what net/http makes of a target, with the values of each name
// sorted as they are when they are signed, and without the signature.
func meaning(path, query string) (string, url.Values, bool) {
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.Contains(strings.ToLower(path), "%2f") {
		return "", nil, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, false
	}
	values.Del("X-Amz-Signature")
	for _, v := range values {
		slices.Sort(v)
	}
	return decoded, values, true
}

// What is accepted means the same path and query as a link of an SDK.
func FuzzAuthenticate(f *testing.F) {
	type target struct{ host, path, query string }
	var format *s3.Format
	var seeds []target
	for _, v := range vectors(f) {
		if v.Input.Method != "GET" || v.Input.Token != "" || v.Input.Region != "us-east-1" {
			continue
		}
		format = v.format(f)
		links := []string{v.Signed}
		for _, o := range v.Others {
			links = append(links, o.URL)
		}
		for _, link := range links {
			r := request(f, "GET", link)
			seeds = append(seeds, target{r.Host, r.URL.EscapedPath(), r.URL.RawQuery})
		}
		for _, m := range slices.Concat(v.Mutations, v.Accepted) {
			r := request(f, "GET", m.Signed)
			f.Add(r.Host, r.URL.EscapedPath(), r.URL.RawQuery)
		}
	}
	if len(seeds) == 0 {
		f.Fatal("there are no seeds")
	}
	for _, s := range seeds {
		f.Add(s.host, s.path, s.query)
	}
	f.Fuzz(func(t *testing.T, host, path, query string) {
		_, err := format.Authenticate(middleware.Request{Method: "GET", Host: host, Path: path, RawQuery: query})
		if err != nil {
			if errors.Is(err, middleware.ErrInvalid) == errors.Is(err, middleware.ErrUnsigned) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		gotPath, gotQuery, ok := meaning(path, query)
		if !ok {
			t.Fatalf("accepted what net/http takes otherwise: %q %q", path, query)
		}
		if !slices.ContainsFunc(seeds, func(s target) bool {
			wantPath, wantQuery, _ := meaning(s.path, s.query)
			return (host == s.host || host == s.host+":443" || host == s.host+":80") && gotPath == wantPath && cmp.Equal(gotQuery, wantQuery)
		}) {
			t.Fatalf("accepted what nobody signed: %q %q %q", host, path, query)
		}
	})
}
