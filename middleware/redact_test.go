package middleware_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
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
		"a value like a word of fmt":  {`{"token":"value1 b:1abc:sig"}`, `{"token":"REDACTED"}`},
		"what was redacted":           {"/x?signature=REDACTED", "/x?signature=REDACTED"},
	} {
		if got := middleware.Redact(test.in); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}

type stringer struct{ u *url.URL }

func (s stringer) String() string { return s.u.String() }

// bare is a slice of bytes of its own type, which slog writes as text.
type bare []byte

// marshaler shows its link only to the handlers that ask for a text.
type marshaler struct{ link string }

func (m marshaler) String() string               { return "m" }
func (m marshaler) MarshalText() ([]byte, error) { return []byte(m.link), nil }
func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(`"m"`), nil }

// formatted is an error that hides its link from fmt.
type formatted struct{ link string }

func (e formatted) Error() string              { return e.link }
func (e formatted) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("e")) }

// panicker has methods that panic for a nil pointer.
type panicker struct{ link string }

func (p *panicker) Error() string                { return p.link }
func (p *panicker) MarshalText() ([]byte, error) { return []byte(p.link), nil }

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
			bare(link), marshaler{link}, formatted{link}, &panicker{link}, (*panicker)(nil), &http.Cookie{Name: "CloudFront-Signature", Value: signature},
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

// secretText is a signature whose pieces no other text has.
const secretText = "Q2Xk-_aZ7Wp9LmT4RvB8NcY1HsD6GfJ3KxU5EoQ0iAz"

func TestANameIsRedactedInEverySpelling(t *testing.T) {
	const sig = secretText
	for name, in := range map[string]string{
		"percent-escaped":                         "/x?a=1&%73ignature=" + sig,
		"percent-escaped in the middle":           "/x?a=1&s%69gnatur%65=" + sig,
		"percent-escaped within a URL":            "/login?next=%2Fx%3F%2573ignature%3D" + sig,
		"percent-escaped in turn":                 "/x?%2525252573ignature=" + sig,
		"an escape made of escapes":               "/x?%2%35%373ignature=" + sig,
		"JSON":                                    `{"u":"/x?\u0073ignature=` + sig + `"}`,
		"JSON in JSON":                            `{\"u\":\"/x?\\u0073ignature\\u003d` + sig + `\"}`,
		"JSON from PHP":                           `{"u":"\/x?token=\/media\/a(1).pdf:1r31eq:` + sig + `"}`,
		"percent-escaped in JSON":                 `/x?\u00257\u0033ignature=` + sig,
		"JSON in a parameter":                     "/x?j=%7B%22%5Cu0073ignature%22%3A%22" + sig + "%22%7D",
		"Go's hexadecimal":                        `"/x?\x73ignature\x3d` + sig + `"`,
		"Go's long form":                          `"/x?\U00000073ignature=` + sig + `"`,
		"a quoted cookie's octal":                 `signed="\163ignature=` + sig + `"`,
		"HTML in decimal":                         "/x?&#115;ignature=" + sig,
		"HTML in hexadecimal":                     "/x?&#x73;&#X69;gnature&#x3D;" + sig,
		"HTML without semicolons":                 "/x?&#115ignature&#61" + sig[:1] + sig[1:],
		"HTML without semicolons, twice":          "/x?sig&#x6e&#x61ture=" + sig,
		"HTML without semicolons, and percent":    "/x?sig&#x6e%61ture=" + sig,
		"HTML in HTML by number":                  "/x?&#38;#1&#49;5;ignature=" + sig,
		"JSON in HTML in Go's quotes":             `"/x?sig&#92;\\u006eature=` + sig + `"`,
		"JSON and percent-escapes by turns":       "/x?sig%255C%5Cu0075006eature=" + sig,
		"HTML with leading zeros":                 "/x?&#00000000000000115;ignature=" + sig,
		"HTML by name":                            "/x?signature&equals;" + sig,
		"HTML in HTML":                            "/x?&amp;amp;#115;ignature=" + sig,
		"HTML, percent-escaped":                   "/x?q=%26%23115%3Bignature%3D" + sig,
		"upper case":                              "/x?SIGNATURE=" + sig,
		"upper case, percent-escaped":             "/x?%53IGNATURE=" + sig,
		"blanks around the name":                  "/x?+signature+=" + sig,
		"escaped blanks around the name":          "/x?%20signature%20=" + sig,
		"an array of PHP":                         "/x?signature[]=" + sig,
		"an array of PHP with an index":           "/x?signature%5Babc%5D=" + sig,
		"a NUL, where PHP ends a name":            "/x?signature%00x=" + sig,
		"a line break, which browsers remove":     "/x?signa\nture=" + sig,
		"a line break of HTML":                    `<a href="/x?signa&#10;ture=` + sig + `">`,
		"a line break of HTML in the value":       `<a href="/x?signature=` + sig[:8] + "&#10;" + sig[8:] + `">`,
		"a Cookie header":                         "Cookie: CloudFront-Policy=abc; CloudFront-%53ignature=" + sig,
		"a Set-Cookie header":                     "Set-Cookie: CloudFront-Signature=" + sig + "; Path=/; Secure",
		"a Referer":                               "Referer: https://example.com/x?X-Amz-%53ignature=" + sig,
		"Google":                                  "/x?X-Goog-Signatur%65=" + sig,
		"a session token":                         "/x?X-Amz-Security-%54oken=" + sig,
		"a value with an escaped delimiter":       "/x?token=a%26b%3A1abc%3A" + sig,
		"a value with escaped quotes and blanks":  "/x?token=a%22%20%3C%23%0A%00b:1abc:" + sig,
		"a value with parentheses":                "/x?token=/media/a(1),b;c'd.pdf:1abc:" + sig,
		"a value with a raw quote":                `/x?token=/media/a"b.pdf:1r31eq:` + sig,
		"a value with a raw number sign":          "/x?token=/media/a#b.pdf:1r31eq:" + sig,
		"a value with escapes of JSON":            `{"u":"/x?signature=` + sig[:9] + `\u0041` + sig[9:] + `"}`,
		"a value with references of HTML":         "/x?signature=" + sig[:7] + "&#45;" + sig[7:],
		"a quoted value with escaped quotes":      `{\"token\":\"a \\\"b\\\":1abc:` + sig + `\"}`,
		"a quoted value with blanks":              `{"token":"/a b.pdf:1abc:` + sig + `"}`,
		"Python":                                  "{'token': '/a b.pdf:1abc:" + sig + "'}",
		"TOML":                                    `signature = "` + sig + `"`,
		"indented JSON":                           "{\n  \"signature\": [\n    \"x\",\n    \"" + sig + "\"\n  ]\n}",
		"the second of two values":                `{"signature":["x","` + sig + `"]}`,
		"the second of two values in a map":       "map[signature:[x " + sig + "] w:[1]]",
		"a value with blanks in a map":            "map[token:[/a b.pdf:1r31eq:" + sig + "]]",
		"Go syntax":                               `url.Values{"a":[]string{"b"}, "signature":[]string{"x", "` + sig + `"}}`,
		"the fields of a cookie":                  "&{Name:CloudFront-Signature Value:" + sig + " Quoted:false}",
		"the fields of a cookie in Go syntax":     `&http.Cookie{Name:"CloudFront-Signature", Value:"` + sig + `"}`,
		"the fields of a cookie in JSON":          `{"Name":"CloudFront-Signature","Value":"` + sig + `"}`,
		"a HAR file":                              `{"name": "signature", "value": "` + sig + `"}`,
		"an attribute of OpenTelemetry":           `{"key":"signature","value":{"stringValue":"` + sig + `"}}`,
		"an attribute of OpenTelemetry's own log": `{"Key":"signature","Value":{"Type":"STRING","Value":"` + sig + `"}}`,
		"XML":                   "<Token>" + sig + "</Token>",
		"a form":                `<input name="signature" value="` + sig + `">`,
		"a backslash before it": `C:\token=` + sig,
	} {
		got := middleware.Redact(in)
		if piece := secretPiece(got, sig); piece != "" || !strings.Contains(got, "REDACTED") {
			t.Errorf("%s: %q remains\nin   %s\ngot  %s", name, piece, in, got)
		}
		if again := middleware.Redact(got); again != got {
			t.Errorf("%s: redacted twice\nfirst  %s\nsecond %s", name, got, again)
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{
		"/x?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101&Policy=eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNl&Key-Pair-Id=K2JCJMDEHXQW5F",
		"/x?%2525252525&%zz&%u&\\&\\u00&&#;&#x;&#xfffffffffff;&nosuch;",
		`{"signature":"","path":"/files/kyc/2026/card.jpg"}`,
		`{"u":"/x?signature=","path":"/files/kyc/2026/card.jpg"}`,
		"no token, but a path: /files/kyc/2026/card.jpg",
		"signatures, tokens and signature_version=1",
		"/x?monkey=1&key=2",
	} {
		if got := middleware.Redact(text); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
}

func TestPunctuationAfterALinkStays(t *testing.T) {
	for in, want := range map[string]string{
		"(see /x?signature=abc), then": "(see /x?signature=REDACTED), then",
		"['/x?signature=abc', '/y']":   "['/x?signature=REDACTED', '/y']",
		"a signature='abc' b":          "a signature='REDACTED' b",
		"signature=abc;":               "signature=REDACTED;",
		"{URL:/x?signature=abc} {b}":   "{URL:/x?signature=REDACTED} {b}",
		"/x?signature=abc\nGET /y?w=1": "/x?signature=REDACTED\nGET /y?w=1",
	} {
		if got := middleware.Redact(in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestARedactedTextStays(t *testing.T) {
	for _, text := range []string{
		"\"signature\":[%26`&#x#signature%3dasignature: \"\"signature\":[%5c:&#&#34;%xsignature%3d\\n\\&7",
		"\"signature\":[\n&\t=\\avalue&quot;value'( \ntoken='\\u00#&#1%22'signature%3dusignature: \"&\"",
	} {
		first := middleware.Redact(text)
		if second := middleware.Redact(first); second != first {
			t.Errorf("first  %q\nsecond %q", first, second)
		}
	}
}

func TestSecretParamsRedactFurtherNames(t *testing.T) {
	secrets := middleware.SecretParams{"k.y", "", "Clé"}
	for in, want := range map[string]string{
		"/x?k.y=abc&w=1":               "/x?k.y=REDACTED&w=1",
		"/x?w=1&%6B%2ey=abc":           "/x?w=1&%6B%2ey=REDACTED",
		"/login?next=%2Fx%3Fk.y%3Dabc": "/login?next=%2Fx%3Fk.y%3DREDACTED",
		`"\u0026K.Y=abc"`:              `"\u0026K.Y=REDACTED"`,
		`"a\nk.y=abc"`:                 `"a\nk.y=REDACTED"`,
		"/x?w=1&ampk.y=abc":            "/x?w=1&ampk.y=REDACTED",
		"/x?cl%C3%A9=abc":              "/x?cl%C3%A9=REDACTED",
		`/x?cl\u00e9=abc`:              `/x?cl\u00e9=REDACTED`,
		"/x?clé=abc":                   "/x?clé=REDACTED",
		"/x?k.y%00a=abc":               "/x?k.y%00a=REDACTED",
		"/x?monk.y=abc&k.yo=1&kxy=2":   "/x?monk.y=abc&k.yo=1&kxy=2",
		"/x?=1&signature=abc":          "/x?=1&signature=REDACTED",
	} {
		if got := secrets.Redact(in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for _, a := range []slog.Attr{slog.String("k.y", "abc"), slog.String("a", "/x?%6b.y=abc"), slog.Any("a", errors.New("k.y=abc")), slog.Group("K.Y", slog.String("a", "abc"))} {
		if got := secrets.RedactAttr(nil, a); strings.Contains(got.String(), "abc") || !strings.Contains(got.String(), "REDACTED") {
			t.Errorf("%v becomes %v", a, got)
		}
	}
	if got := secrets.RedactAttr([]string{"k.y"}, slog.String("a", "abc")); got.Value.String() != "REDACTED" {
		t.Errorf("an attribute in a group of the name: %v", got)
	}
}

func TestRedactAllocatesNothingWithoutASecret(t *testing.T) {
	if raced {
		t.Skip("sync.Pool drops values under the race detector")
	}
	for _, text := range []string{
		"/files/card.jpg?w=100&h=200", "/files/a%20b.jpg?next=%252Fa&x=1", `{"a":"b\u0026c"}`, "<a>&amp;</a>", "the signature does not match",
	} {
		if n := testing.AllocsPerRun(100, func() { middleware.Redact(text) }); n != 0 {
			t.Errorf("%v allocations for %s", n, text)
		}
	}
}

// Quadratic work on a text of this length takes minutes.
func TestHostileTextsAreRedactedInLinearTime(t *testing.T) {
	for _, unit := range []string{
		"%25", "%", "25", "signature", "signature=", "signature=\"", "signature='x\"", "signature:[", "signature: ", "signature[", "signature\x00", "signature+", `"signature","`, "s\n", "signatur\n",
		"\\", `\u005c`, "&#", "&#0", "&#x0", "&#38;", "&amp;", "&am", "0", "0%25", `\u003`, "%u0025", "token#", "token=#aaaaaaaaaaaaaaaaaa", `"`, "value", "signature value",
	} {
		for _, first := range []string{"", "&#", "signature:["} {
			text := first + strings.Repeat(unit, (1<<18)/len(unit))
			began := time.Now()
			middleware.Redact(text)
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%q after %q: %v for %d bytes", unit, first, took, len(text))
			}
		}
	}
}

// secretPiece returns a piece of 12 characters of sig that text still holds, in
// whatever spelling. It decodes on its own: with the decoders of the standard
// library, until nothing changes.
func secretPiece(text, sig string) string {
	percent := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	escape := regexp.MustCompile(`\\+(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|["'/\\])`)
	for before := ""; before != text; {
		before = text
		for i := range len(sig) - 11 {
			if strings.Contains(text, sig[i:i+12]) {
				return sig[i : i+12]
			}
		}
		text = percent.ReplaceAllStringFunc(text, func(s string) string {
			s, _ = url.PathUnescape(s)
			return s
		})
		text = escape.ReplaceAllStringFunc(text, func(s string) string {
			s = strings.TrimLeft(s, `\`)
			if s == "" {
				return `\`
			}
			if n, err := strconv.ParseUint(s[1:], 16, 32); err == nil && len(s) > 1 {
				return string(rune(n))
			}
			return s
		})
		text = html.UnescapeString(text)
	}
	return ""
}

// speller nests a link in texts and spells it anew, as its recipe says.
type speller struct{ recipe []byte }

func (s *speller) next(n int) int {
	if len(s.recipe) == 0 {
		return 0
	}
	c := s.recipe[0]
	s.recipe = s.recipe[1:]
	return int(c) % n
}

func (s *speller) each(text string, spell func(c byte, choice int) string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteString(spell(c, s.next(6)))
	}
	return b.String()
}

// link returns a link to which any server would give the meaning of
// "/x?w=1&name=value".
func (s *speller) link(name, value string) string {
	percent := func(c byte, choice int) string {
		switch choice {
		case 1:
			return fmt.Sprintf("%%%02x", c)
		case 2:
			return fmt.Sprintf("%%%02X", c)
		case 3:
			return strings.ToUpper(string(c))
		}
		return string(c)
	}
	keep := func(c byte, choice int) string {
		if choice == 3 || c == ' ' || c == '&' {
			choice %= 2 // a signer escapes them, and does not change the case
		}
		if c == ' ' || c == '&' {
			choice++
		}
		return percent(c, choice)
	}
	return "/x?w=1&" + s.each(name, percent) + "=" + s.each(value, keep)
}

func (s *speller) nest(text string) string {
	switch s.next(12) {
	case 1:
		return "/login?a=b&next=" + url.QueryEscape(text)
	case 2: // every character may be escaped
		return "/login?next=" + s.each(text, func(c byte, choice int) string {
			if choice == 1 {
				return fmt.Sprintf("%%%02x", c)
			}
			return url.QueryEscape(string([]byte{c}))
		}) + "&c=d"
	case 3:
		j, _ := json.Marshal(map[string]string{"a": "b", "u": text})
		return string(j)
	case 4:
		return `{"u":"` + s.each(text, func(c byte, choice int) string {
			switch {
			case choice == 1 && c < 0x80:
				return fmt.Sprintf(`\u%04x`, c)
			case c == '"' || c == '\\' || c == '/' && choice == 2:
				return `\` + string([]byte{c})
			}
			return string([]byte{c})
		}) + `"}`
	case 5:
		return `<a href="` + html.EscapeString(text) + `">x</a>`
	case 6:
		return `<a href="` + s.each(text, func(c byte, choice int) string {
			switch {
			case choice == 1 && c < 0x80:
				return fmt.Sprintf("&#%d;", c)
			case choice == 2 && c < 0x80:
				return fmt.Sprintf("&#x%x;", c)
			}
			return html.EscapeString(string([]byte{c}))
		}) + `">x</a>`
	case 7:
		return fmt.Sprintf("%q", text)
	case 8:
		return fmt.Sprintf("%+v", map[string][]string{"Referer": {"https://example.com" + text, "b"}})
	case 9:
		return fmt.Sprintf("%#v", struct{ URL, Other string }{text, "b"})
	case 10:
		return "Cookie: a=b; signed=" + text + "; c=d"
	case 11:
		return "192.0.2.1 - - \"GET " + text + " HTTP/1.1\" 200 5 \"-\""
	}
	return text
}

var secretParams = [...]string{"signature", "token", "Signature", "X-Goog-Signature", "X-Amz-Signature", "X-Amz-Security-Token", "CloudFront-Signature"}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(nil), "", "")
	f.Add([]byte{1}, "/x?expires_at=1&b=", "&w=1")
	f.Add([]byte{2, 1, 2, 3, 4, 5, 1, 2, 3}, "{\"u\":\"", "\"}")
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		recipe := make([]byte, rnd.IntN(2000))
		for j := range recipe {
			recipe[j] = byte(rnd.Uint32())
		}
		f.Add(recipe, []string{"", "token=", "signature: \"", "%", "\\", "&#", "'"}[i%7], []string{"", "\"", "&a=b", "%", " signature=", "'"}[i%6])
	}
	f.Fuzz(func(t *testing.T, recipe []byte, before, after string) {
		s := &speller{recipe: recipe}
		depth := s.next(4)
		text := s.link(secretParams[s.next(len(secretParams))], []string{"", "a&b:1abc:", "/m/a (1).pdf:"}[s.next(3)]+secretText)
		for range depth {
			text = s.nest(text)
		}
		if depth < 2 && secretPiece(text, secretText) == "" {
			t.Fatalf("the test does not see the signature in %q", text)
		}
		text = before + text + after
		got := middleware.Redact(text)
		if !strings.Contains(got, "REDACTED") {
			t.Errorf("nothing is redacted in %q", text)
		}
		if piece := secretPiece(got, secretText); piece != "" && secretPiece(before+after, secretText) == "" {
			t.Errorf("%q remains\nin   %q\ngot  %q", piece, text, got)
		}
		if again := middleware.Redact(got); again != got {
			t.Errorf("redacted twice\nin     %q\nfirst  %q\nsecond %q", text, got, again)
		}
		if len(recipe) > 0 && recipe[len(recipe)-1]%8 != 0 {
			return // the handlers take longer than all the rest
		}
		var out bytes.Buffer
		opts := &slog.HandlerOptions{ReplaceAttr: middleware.RedactAttr}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, opts), slog.NewJSONHandler(&out, opts)} {
			out.Reset()
			slog.New(h).Info(text, "s", text, "e", errors.New(text), "b", []byte(text), "l", []string{text}, slog.Group("g", "m", map[string]string{"u": text}))
			if piece := secretPiece(out.String(), secretText); piece != "" && secretPiece(before+after, secretText) == "" {
				t.Errorf("%q is logged\nfor %q:\n%s", piece, text, &out)
			}
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
