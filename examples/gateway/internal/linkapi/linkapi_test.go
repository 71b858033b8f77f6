package linkapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

const token = "0123456789abcdef0123456789abcdef"

// newAPI returns an API for /files/ and, with another key, /files/films/ of a
// host.
func newAPI(t *testing.T, p Policy) (*API, map[string]*signedfs.Handler) {
	t.Helper()
	a := New(p, slog.New(slog.DiscardHandler))
	if err := a.SetTokens("# comment\n\n" + strings.ToUpper(token) + "\n" + token); err != nil {
		t.Fatal(err)
	}
	handlers := map[string]*signedfs.Handler{}
	for _, base := range []string{"/files/", "https://films.example/files/films/"} {
		text, err := middleware.GenerateHMACKey("k1")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := middleware.ParseKeyring(text)
		if err != nil {
			t.Fatal(err)
		}
		h, err := signedfs.New(base, http.Dir(t.TempDir()), keys, &signedfs.Options{Listing: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(base, h.Links()); err != nil {
			t.Fatal(err)
		}
		handlers[base] = h
	}
	return a, handlers
}

func open() Policy {
	return Policy{Prefixes: []string{"/"}, MaxLifetime: time.Hour, Rate: 1000, Uploads: true}
}

// router finds the operation of a request in the description.
func router(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// post asks for a link, and holds the request and the reply against the
// description. A request that is not described must be refused.
func post(t *testing.T, a *API, rt routers.Router, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/links", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	route, params, err := rt.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil && w.Code < 400 {
		t.Errorf("%s is not described, and answered with %d: %v", body, w.Code, err)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options}
	out.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("the reply to %s is not described: %v", body, err)
	}
	return w
}

func TestLinksAreSigned(t *testing.T) {
	a, handlers := newAPI(t, open())
	rt := router(t)
	const films = "https://films.example/files/films/"
	for _, test := range []struct {
		name, body, base, begins string
		has                      []string
	}{
		{"a file", `{"path": "/files/kyc/card.jpg", "expires_in": 60}`, "/files/", "/files/kyc/card.jpg?", nil},
		{"a name that needs escapes", `{"path": "/files/a b?c%/é.txt", "expires_in": 60}`, "/files/", "/files/a%20b%3Fc%25/", nil},
		{"a file of another mount", `{"path": "/files/films/a.mp4", "expires_in": 3600}`, films, films + "a.mp4?", nil},
		{"a directory", `{"under": "/files/kyc/", "expires_in": 60}`, "/files/", "/files/kyc/?", []string{"signed_under"}},
		{"a file below a directory", `{"under": "/files/kyc/", "path": "/files/kyc/42/a.jpg", "expires_in": 60}`, "/files/", "/files/kyc/42/a.jpg?", []string{"signed_under"}},
		{"all files of a mount", `{"under": "/files/", "expires_in": 60}`, "/files/", "/files/?", []string{"signed_under"}},
		{"a time", `{"path": "/files/a", "expires_at": "` + time.Now().Add(time.Minute).Format(time.RFC3339Nano) + `"}`, "/files/", "/files/a?", nil},
		{"every limit", `{"path": "/files/a", "expires_in": 60, "not_before": "2026-01-02T03:04:05Z", "methods": ["GET", "PUT"], "networks": ["192.0.2.1", "2001:db8::/32"],
			"host": "files.example", "binding": {"name": "user", "value": "u1"}, "id": "order-1", "uses": 3, "ignore": ["utm_*"], "download_name": "ä.pdf", "inline": true, "content_type": "application/pdf",
			"max_bytes": 1000, "accept": ["image/*"], "sha256": "` + strings.Repeat("0a", 32) + `", "replace": true}`, "/files/", "/files/a?",
			[]string{"signed_from", "signed_methods", "signed_host", "signed_for", "signed_id", "signed_uses", "signed_ignore", "signed_max", "signed_accept", "signed_as", "signed_ip"}},
	} {
		w := post(t, a, rt, test.body)
		var got reply
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || !strings.HasPrefix(got.URL, test.begins) {
			t.Errorf("%s: %d %s, want a link that begins with %s", test.name, w.Code, w.Body, test.begins)
			continue
		}
		u, err := url.Parse(got.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range test.has {
			if !u.Query().Has(name) {
				t.Errorf("%s: %s is not in %s", test.name, name, got.URL)
			}
		}
		if len(test.has) > 1 {
			continue // no request holds all of its limits
		}
		r := httptest.NewRequest(http.MethodGet, u.RequestURI(), nil)
		h := httptest.NewRecorder()
		if handlers[test.base].ServeHTTP(h, r); h.Code == 403 { // there is no such file
			t.Errorf("%s: the handler says %d", test.name, h.Code)
		}
	}
}

func TestWhatThePolicyDoesNotPermitIsRefused(t *testing.T) {
	rt := router(t)
	strict := Policy{Prefixes: []string{"/files/kyc/", "/files/films/"}, MaxLifetime: time.Minute, Rate: 1000, Bound: true}
	const bound = `, "networks": ["192.0.2.1"]}`
	for _, test := range []struct {
		name, body string
		policy     Policy
		want       int
		says       string
	}{
		{"what it permits", `{"path": "/files/kyc/a", "expires_in": 60` + bound, strict, 200, ""},
		{"another directory", `{"path": "/files/cards/a", "expires_in": 60` + bound, strict, 403, "not below a prefix"},
		{"a sibling", `{"path": "/files/kyc2/a", "expires_in": 60` + bound, strict, 403, "not below a prefix"},
		{"the directory above", `{"under": "/files/", "path": "/files/kyc/a", "expires_in": 60` + bound, strict, 403, "not below a prefix"},
		{"dots", `{"path": "/files/kyc/../cards/a", "expires_in": 60` + bound, strict, 422, "empty segment"},
		{"dots at the end", `{"under": "/files/kyc/../", "expires_in": 60` + bound, strict, 422, "empty segment"},
		{"dots below a directory", `{"under": "/files/kyc/", "path": "/files/kyc/../cards/a", "expires_in": 60` + bound, strict, 422, "empty segment"},
		{"an empty segment", `{"path": "/files//kyc/a", "expires_in": 60` + bound, strict, 422, "empty segment"},
		{"no slash before", `{"path": "files/kyc/a", "expires_in": 60` + bound, strict, 422, "begin with a slash"},
		{"a backslash", `{"path": "/files/kyc/..\\cards\\a", "expires_in": 60` + bound, strict, 0, ""},
		{"a path elsewhere", `{"under": "/files/kyc/", "path": "/files/cards/a", "expires_in": 60` + bound, strict, 422, "must be below under"},
		{"too long", `{"path": "/files/kyc/a", "expires_in": 61` + bound, strict, 403, "1m0s at most"},
		{"far too long", `{"path": "/files/kyc/a", "expires_in": 9223372036854775807` + bound, strict, 403, "1m0s at most"},
		{"until far too late", `{"path": "/files/kyc/a", "expires_at": "2126-01-01T00:00:00Z"` + bound, strict, 403, "1m0s at most"},
		{"over", `{"path": "/files/kyc/a", "expires_at": "2026-01-01T00:00:00Z"` + bound, strict, 422, "expired already"},
		{"negative", `{"path": "/files/kyc/a", "expires_in": -1` + bound, strict, 403, "a second at least"},
		{"no end", `{"path": "/files/kyc/a"` + bound, strict, 422, "one of expires_in and expires_at"},
		{"two ends", `{"path": "/files/kyc/a", "expires_in": 6, "expires_at": "2126-01-01T00:00:00Z"` + bound, strict, 422, "one of expires_in and expires_at"},
		{"not bound", `{"path": "/files/kyc/a", "expires_in": 60}`, strict, 403, "have a binding or networks"},
		{"bound to nothing", `{"path": "/files/kyc/a", "expires_in": 60, "networks": []}`, strict, 403, "have a binding or networks"},
		{"half a binding", `{"path": "/files/kyc/a", "expires_in": 60, "binding": {"name": "user", "value": ""}}`, strict, 422, "a name and a value"},
		{"an upload", `{"path": "/files/kyc/a", "expires_in": 60, "methods": ["PUT"], "max_bytes": 1` + bound, strict, 403, "for the method \"PUT\""},
		{"a method that nothing serves", `{"path": "/files/kyc/a", "expires_in": 60, "methods": ["DELETE"]}`, open(), 403, "for the method \"DELETE\""},
		{"no mount", `{"path": "/other/a", "expires_in": 60}`, open(), 403, "no files at"},
		{"nothing", `{"expires_in": 60}`, open(), 422, "path or under is missing"},
		{"the directory without a slash", `{"under": "/files/kyc", "expires_in": 60}`, open(), 422, "must end in a slash"},
		{"an id that is none", `{"path": "/files/a", "expires_in": 60, "id": "a b"}`, open(), 422, "an ID is"},
		{"a network that is none", `{"path": "/files/a", "expires_in": 60, "networks": ["a"]}`, open(), 422, "neither an address nor a network"},
		{"negative uses", `{"path": "/files/a", "expires_in": 60, "uses": -1}`, open(), 422, "must not be negative"},
		{"a digest that is none", `{"path": "/files/a", "expires_in": 60, "sha256": "00"}`, open(), 422, "64 hexadecimal digits"},
		{"a limit that nobody knows", `{"path": "/files/a", "expires_in": 60, "permanent": true}`, open(), 400, "permanent"},
		{"two objects", `{"path": "/files/a", "expires_in": 60}{}`, open(), 400, "follows the object"},
		{"no object", `[]`, open(), 400, ""},
		{"nothing at all", ``, open(), 400, ""},
		{"too much", `{"path": "/files/` + strings.Repeat("a", maxBody) + `"}`, open(), 400, "too large"},
		{"a fraction", `{"path": "/files/a", "expires_in": 0.5}`, open(), 400, ""},
	} {
		a, _ := newAPI(t, test.policy)
		w := post(t, a, rt, test.body)
		if test.want == 0 {
			if w.Code == 200 && strings.Contains(w.Body.String(), "../") {
				t.Errorf("%s: %s", test.name, w.Body)
			}
			continue
		}
		if w.Code != test.want || !strings.Contains(strings.ReplaceAll(w.Body.String(), `\"`, `"`), test.says) {
			t.Errorf("%s: %d %s, want %d and %q", test.name, w.Code, w.Body, test.want, test.says)
		}
	}
}

func TestStrangersGetNothing(t *testing.T) {
	rt := router(t)
	a, _ := newAPI(t, open())
	const body = `{"path": "/files/a", "expires_in": 60}`
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer " + token[1:], "Bearer " + token + "x", "Basic " + token, token, "Bearer # comment"} {
		if w := post(t, a, rt, body, "Authorization", header); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
	for _, header := range []string{"bearer " + token, "Bearer " + strings.ToUpper(token)} {
		if w := post(t, a, rt, body, "Authorization", header); w.Code != 200 {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
	if w := post(t, a, rt, body, "Content-Type", "text/plain"); w.Code != 415 {
		t.Errorf("a text: %d", w.Code)
	}
	if w := post(t, New(open(), slog.New(slog.DiscardHandler)), rt, body); w.Code != 401 {
		t.Errorf("without tokens: %d", w.Code)
	}
	a.AnyClient() // and the connection has checked no certificate
	if w := post(t, a, rt, body); w.Code != 401 {
		t.Errorf("without a certificate: %d", w.Code)
	}
}

func TestTheRateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open()
		p.Rate = 10
		a, _ := newAPI(t, p)
		signed := func() (n int) {
			for range 100 {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodPost, "/v1/links", strings.NewReader(`{"path": "/files/a", "expires_in": 60}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+token)
				a.Handler().ServeHTTP(w, r)
				if w.Code == 200 {
					n++
				} else if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
					t.Errorf("%d %v", w.Code, w.Header())
				}
			}
			return n
		}
		if n := signed(); n != 10 {
			t.Errorf("%d links in a moment, want 10", n)
		}
		time.Sleep(500 * time.Millisecond)
		if n := signed(); n != 5 {
			t.Errorf("%d links in half a second, want 5", n)
		}
	})
}

// Every member is described, and everything that is described is a member.
func TestTheDescriptionNamesEveryMember(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"Request": request{}, "Link": reply{}} {
		schema := doc.Components.Schemas[name].Value
		kind := reflect.TypeOf(v)
		for i := range kind.NumField() {
			member, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if schema.Properties[member] == nil {
				t.Errorf("%s of %s is not described", member, name)
			}
		}
		if got, want := len(schema.Properties), kind.NumField(); got != want {
			t.Errorf("%s has %d members, and %d are described", name, want, got)
		}
	}
	w := httptest.NewRecorder()
	a, _ := newAPI(t, open())
	a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	if !bytes.Equal(w.Body.Bytes(), OpenAPI) {
		t.Errorf("the description is served as %s", w.Body)
	}
	for target, want := range map[string]int{"/": 404, "/v1/links/": 404} {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, nil))
		if w.Code != want {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}
