package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

func TestRedact(t *testing.T) {
	const long = "Q2Xk-_aQ2Xk-_aQ2Xk-_aQ2Xk-_aQ2Xk-_aQ2Xk-_aA"
	for name, test := range map[string]struct{ in, want string }{
		"a link":                      {"/x?expires_at=1&signed_by=k&signature=Q2Xk-_a", "/x?expires_at=1&signed_by=k&signature=REDACTED"},
		"a parameter behind":          {"/x?signature=Q2Xk&w=100", "/x?signature=REDACTED&w=100"},
		"a line of a log":             {`GET /x?signature=Q2Xk HTTP/1.1" 200 "http://r/?signature=abc"`, `GET /x?signature=REDACTED HTTP/1.1" 200 "http://r/?signature=REDACTED"`},
		"a fragment":                  {"/x?signature=Q2Xk#page=2", "/x?signature=REDACTED#page=2"},
		"a link within a URL":         {"/login?next=%2Fx%3Fexpires_at%3D1%26signature%3DQ2Xk", "/login?next=%2Fx%3Fexpires_at%3D1%26signature%3DREDACTED"},
		"a link within a URL twice":   {"/a?b=c%253Fsignature%253DQ2Xk", "/a?b=c%253Fsignature%253DREDACTED"},
		"JSON":                        {`{"u":"/x?a=1\u0026signature=Q2Xk\u0026b=1"}`, `{"u":"/x?a=1\u0026signature=REDACTED\u0026b=1"}`},
		"HTML":                        {`<img src="/x?a=1&amp;signature=Q2Xk">`, `<img src="/x?a=1&amp;signature=REDACTED">`},
		"a cookie":                    {"Cookie: a=b; signed=expires_at=1&signature=Q2Xk; c=d", "Cookie: a=b; signed=expires_at=1&signature=REDACTED; c=d"},
		"CloudFront":                  {"/x?Expires=1&Signature=ab~c-d_&Key-Pair-Id=K", "/x?Expires=1&Signature=REDACTED&Key-Pair-Id=K"},
		"S3":                          {"/x?X-Amz-Security-Token=abc%2Fd&X-Amz-Signature=0f0f", "/x?X-Amz-Security-Token=REDACTED&X-Amz-Signature=REDACTED"},
		"Google Cloud Storage":        {"/x?X-Goog-Signature=0f0f", "/x?X-Goog-Signature=REDACTED"},
		"Django":                      {"/media/x.pdf?token=/media/x.pdf:1r31eq:Q2Xk", "/media/x.pdf?token=REDACTED"},
		"a word that is no parameter": {"the signature does not match", "the signature does not match"},
		"nothing":                     {"", ""},
		"JSON of the values":          {`{"signature":"` + long + `","w":"1"}`, `{"signature":"REDACTED","w":"1"}`},
		"JSON in JSON":                {`{\"signature\":\"` + long + `\"}`, `{\"signature\":\"REDACTED\"}`},
		"an attribute":                {`signature="abc" w='1'`, `signature="REDACTED" w='1'`},
		"a header":                    {"X-Signature: " + long, "X-Signature: REDACTED"},
		"a map":                       {"map[expires_at:[1] signature:[" + long + "]]", "map[expires_at:[1] signature:[REDACTED]]"},
		"a map in Go syntax":          {`url.Values{"signature":[]string{"` + long + `"}}`, `url.Values{"signature":[]string{"REDACTED"}}`},
		"an equals sign in HTML":      {"?signature&#61;abc&amp;w&#61;1", "?signature&#61;REDACTED&amp;w&#61;1"},
		"a sentence":                  {"invalid signature: the key is unknown, no token (yet)", "invalid signature: the key is unknown, no token (yet)"},
		"an empty value":              {"/x?signature=&a=b", "/x?signature=&a=b"},
		"a name at the end":           {"/x?signature", "/x?signature"},
		"a name at the end, escaped":  {"/x?signature%", "/x?signature%"},
		"several":                     {"signature=a signature=b", "signature=REDACTED signature=REDACTED"},
		"what was redacted":           {"/x?signature=REDACTED", "/x?signature=REDACTED"},
	} {
		if got := middleware.Redact(test.in); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}

type stringer struct{ u *url.URL }

func (s stringer) String() string { return s.u.String() }

type valuer struct{ u *url.URL }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.Any("url", v.u)) }

func TestNoSignatureIsLogged(t *testing.T) {
	link := sign(t, testRing(t), "/files/card.jpg", middleware.Claims{Expires: time.Unix(epoch, 0)})
	_, signature, _ := strings.Cut(link, "signature=")
	u, _ := url.Parse(link)
	r := request(t, "GET", link, "Referer: https://example.com"+link)
	parsed := request(t, "GET", link)
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, logger := range []*slog.Logger{
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: middleware.RedactAttr})),
		slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: middleware.RedactAttr})),
	} {
		for _, v := range []any{
			link, u, *u, r, r.Header, errors.New("bad " + link), fmt.Errorf("wrapped: %w", errors.New(link)), stringer{u}, valuer{u}, []string{link}, []*url.URL{u},
			map[string]string{"a": link}, struct{ URL string }{link}, &struct{ URL string }{link}, &struct{ P *string }{&link}, slog.GroupValue(slog.String("a", link)), []byte(link),
			u.Query(), map[string]string{"signature": signature}, *parsed, slog.GroupValue(slog.String("signature", signature)), fmt.Sprintf("%#v", u.Query()), fmt.Sprintf("%v", u.Query()),
			(*url.URL)(nil), (*http.Request)(nil), &http.Request{}, nil,
		} {
			out.Reset()
			logger.Info("asked for "+link, "v", v, slog.Group("g", "v", v))
			logger.With("v", v, "signature", signature, "X-Auth-Token", signature).WithGroup("h").Warn("x", "link", link)
			if text := out.String(); strings.Contains(text, signature) {
				t.Errorf("%T: %s", v, text)
			} else if !strings.Contains(text, "/files/card.jpg") || !strings.Contains(text, "1767225600") {
				t.Errorf("%T: path and expiry are gone: %s", v, text)
			}
		}
	}
	out.Reset()
	slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: middleware.RedactAttr})).Info("served", "n", 42, "d", time.Second, "ok", true, "list", []int{1, 2}, "r", r)
	for _, want := range []string{`"n":42`, `"ok":true`, `"list":[1,2]`, `"r":"GET files.example.com /files/card.jpg?expires_at=1767225600`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, out.String())
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("/x?expires_at=1&signature=", "&w=1")
	f.Add("{\"u\":\"", "\"}")
	signature := strings.Repeat("Q2Xk-_a", 6) + "A"
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + "signature=" + signature + after
		got := middleware.Redact(text)
		if strings.Contains(got, signature) {
			t.Errorf("%q", got)
		}
		if again := middleware.Redact(got); again != got {
			t.Errorf("redacted twice: %q, then %q", got, again)
		}
	})
}

func TestAnExplanationObeysNoTerminal(t *testing.T) {
	e := &middleware.Explanation{Signed: "a\x1b[2J\nb\"c\u202e", Checks: []middleware.Check{{Name: "x", Detail: "token \x1b]0;x\a é"}}, Err: middleware.ErrInvalid}
	if want := "FAIL x          token \\x1b]0;x\\a é\nsigned text:\n     a\\x1b[2J\n     b\\\"c\\u202e\nrefused with 403\n"; e.String() != want {
		t.Errorf("got  %q\nwant %q", e.String(), want)
	}
}

func TestExplain(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, &middleware.Options{Uses: uses(func(middleware.Use) (bool, error) {
		t.Error("explaining took a use")
		return true, nil
	})})
	c := in(time.Hour)
	c.Methods, c.Host, c.ID, c.Uses = []string{"GET"}, "files.example.com", "once", 1
	link := sign(t, ring, "/files/a.jpg?w=1", c)
	names := func(e *middleware.Explanation) (list string) {
		for _, c := range e.Checks {
			list += c.Name + " "
		}
		return list
	}
	e := v.Explain(request(t, "GET", link))
	if e.Err != nil || names(e) != "shape key signature time method host uses " || e.Link.ID != "once" || e.Path != "/files/a.jpg" {
		t.Errorf("%+v\n%s", e, e)
	}
	want, _ := oracle("/files/a.jpg", "w=1&expires_at=1&signed_by=2026a")
	if !strings.HasPrefix(e.Signed, want[:30]) {
		t.Errorf("signed text %q", e.Signed)
	}
	altered := v.Explain(request(t, "GET", strings.Replace(link, "w=1", "w=2", 1)))
	if !errors.Is(altered.Err, middleware.ErrInvalid) || names(altered) != "shape key invalid " || !strings.Contains(altered.Signed, "w=2") {
		t.Errorf("%+v", altered)
	}
	// The account of an altered link does not hold the signature that it lacks.
	if text := fmt.Sprintf("%+v %s", altered, altered); strings.Contains(text, macText(altered.Signed)) {
		t.Errorf("the right signature is shown: %s", text)
	}
	if e := v.Explain(request(t, "GET", "/x")); !errors.Is(e.Err, middleware.ErrUnsigned) || names(e) != "shape unsigned " {
		t.Errorf("%+v", e)
	}
	if e := v.Explain(request(t, "POST", link)); !errors.Is(e.Err, middleware.ErrNotAllowed) || names(e) != "shape key signature time not_allowed " || !strings.Contains(e.String(), "refused with 403") {
		t.Errorf("%+v\n%s", e, e)
	}
}
