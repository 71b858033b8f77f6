package middleware_test

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
)

// foreign returns the link that a signer without scruples would make for /x.
func foreign(query string) string {
	signed, _ := oracle("/x", query)
	return "/x?" + query + "&signature=" + macText(signed)
}

// escapeAll is how a link spells a value.
func escapeAll(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// A value that Sign refuses is refused in a link, too, and one that it takes
// comes back.
func TestEachByteOfALimitIsJudgedAlikeBySignerAndVerifier(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, &middleware.Options{
		Binding:         func(*http.Request, string) (string, error) { return sessionValue, nil },
		EnforcesUploads: true,
	})
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	printable := ""
	for c := byte('!'); c < 0x7F; c++ {
		printable += string(c)
	}
	for _, limit := range []struct {
		name         string
		before, tail string // of the byte
		good         string
		set          func(c *middleware.Claims, value string)
		get          func(l middleware.Link) string
		length       int // the greatest
	}{
		{"signed_methods", "GE", "T", upper + digits + "-_,", func(c *middleware.Claims, s string) { c.Methods = strings.Split(s, ",") }, func(l middleware.Link) string { return strings.Join(l.Methods, ",") }, 0},
		{"signed_host", "a", "z", lower + digits + "-._:[]", func(c *middleware.Claims, s string) { c.Host = s }, func(l middleware.Link) string { return l.Host }, 261},
		{"signed_id", "a", "z", printable, func(c *middleware.Claims, s string) { c.ID = s }, func(l middleware.Link) string { return l.ID }, 128},
		{"signed_for", "a", "z", lower + upper + digits + "-_.", func(c *middleware.Claims, s string) { c.Binding = middleware.Binding{Name: s, Value: sessionValue} }, func(l middleware.Link) string { return l.Binding.Name }, 64},
		{"signed_ignore", "a", "z", lower + upper + digits + "-_.~,", func(c *middleware.Claims, s string) { c.Ignore = strings.Split(s, ",") }, func(l middleware.Link) string { return strings.Join(l.Ignore, ",") }, 0},
		{"signed_as", "a", "z", strings.NewReplacer("/", "", `\`, "").Replace(" " + printable), func(c *middleware.Claims, s string) { c.DownloadName = s }, func(l middleware.Link) string { return l.DownloadName }, 0},
		{"signed_accept", "a/b,a", "z/b", lower + digits + "!#$&-^_.+", func(c *middleware.Claims, s string) { c.Upload.Accept = strings.Split(s, ",") }, func(l middleware.Link) string { return strings.Join(l.Upload.Accept, ",") }, 0},
		{"signed_accept", "a/b,c/", "z", lower + digits, func(c *middleware.Claims, s string) { c.Upload.Accept = strings.Split(s, ",") }, func(l middleware.Link) string { return strings.Join(l.Upload.Accept, ",") }, 0},
		{"signed_type", "a/b;c=\"", "\"", strings.NewReplacer(`"`, "", `\`, "").Replace(" " + printable), func(c *middleware.Claims, s string) { c.ContentType = s }, func(l middleware.Link) string { return l.ContentType }, 0},
	} {
		values := map[string]bool{}
		for c := range 256 {
			s := string([]byte{byte(c)})
			values[limit.before+s+limit.tail] = strings.Contains(limit.good, s)
		}
		if limit.name == "signed_type" { // read more leniently than written
			delete(values, `a/b;c="""`)
			delete(values, `a/b;c="\"`)
		}
		if n := limit.length; n > 0 {
			values[strings.Repeat("a", n)], values[strings.Repeat("a", n+1)] = true, false
			values["a"] = true
		}
		for value, want := range values {
			c := middleware.Claims{Expires: time.Unix(4102444800, 0)}
			limit.set(&c, value)
			u, err := ring.Sign(&url.URL{Path: "/x"}, c)
			if (err == nil) != want {
				t.Errorf("%s=%q: signed %v, %v", limit.name, value, u, err)
			}
			pairs := strings.Split(usual+"&"+limit.name+"="+escapeAll(value), "&")
			slices.Sort(pairs)
			target := foreign(strings.Join(pairs, "&"))
			r := request(t, "GET", target)
			switch limit.name {
			case "signed_methods":
				r.Method = strings.Split(value, ",")[0]
			case "signed_host":
				r.Host = value
			}
			l, err := v.Verify(r)
			if (err == nil) != want || err == nil && limit.get(l) != value {
				t.Errorf("%s: %+v, %v", target, l, err)
			}
			if want && limit.name != "signed_for" {
				if signed := sign(t, ring, "/x", c); signed != target {
					t.Errorf("signed as %s, and not as %s", signed, target)
				}
			}
		}
	}
}

func TestALimitAsAForeignSignerWritesIt(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, &middleware.Options{
		AllowPermanent: true,
		Uses:           uses(func(middleware.Use) (bool, error) { return true, nil }),
	})
	for query, want := range map[string]string{
		usual + "&signed_uses=1&signed_id=a":                         "",
		usual + "&signed_uses=1000000&signed_id=a":                   "",
		usual + "&signed_uses=%31&signed_id=a":                       "",
		usual + "&signed_uses=1000001&signed_id=a":                   "signed_uses is not",
		usual + "&signed_uses=0&signed_id=a":                         "signed_uses is not",
		usual + "&signed_uses=01&signed_id=a":                        "signed_uses is not",
		usual + "&signed_uses=-1&signed_id=a":                        "signed_uses is not",
		usual + "&signed_uses=1":                                     "signed_uses is not",
		"expires_at=never&signed_by=2026a&signed_uses=1&signed_id=a": "signed_uses is not",
		"expires_at=never&signed_by=2026a":                           "",
		"expires_at=%6Eever&signed_by=2026a":                         "",
		"expires_at=neverr&signed_by=2026a":                          "expires_at is not",
		"expires_at=01&signed_by=2026a":                              "expires_at is not",
		usual + "&signed_from=0":                                     "",
		usual + "&signed_from=%30":                                   "",
		usual + "&signed_from=00":                                    "signed_from is not",
		usual + "&signed_from=253402300800":                          "signed_from is not",
		usual + "&signed_inline=1&signed_as=a":                       "",
		usual + "&signed_inline=%31&signed_as=a":                     "",
		usual + "&signed_inline=2&signed_as=a":                       "signed_inline is not",
		usual + "&signed_inline=11&signed_as=a":                      "signed_inline is not",
		usual + "&signed_inline=1":                                   "signed_inline is not",
		usual + "&signed_as=..":                                      "signed_as is not",
		usual + "&signed_as=a+b":                                     "",
		usual + "&signed_host=files.example.com":                     "",
		usual + "&signed_host=files.example.com:443":                 "signed_host is not",
		usual + "&signed_host=files.example.com%3A80":                "signed_host is not",
		usual + "&signed_host=files.example.com:":                    "signed_host is not",
		usual + "&signed_type=image%2Fjpeg":                          "",
		usual + "&signed_type=image/jpeg":                            "",
		usual + "&signed_type=jpeg":                                  "signed_type is not",
		usual + "&signed_methods=GET,PUT":                            "",
		usual + "&signed_methods=GET%2CPUT":                          "",
		usual + "&signed_methods=%47ET":                              "",
		usual + "&signed_methods=GET,":                               "signed_methods is not",
		usual + "&signed_methods=,GET":                               "signed_methods is not",
		usual + "&signed_methods=GET,,PUT":                           "signed_methods is not",
		usual + "&signed_ip=x":                                       "signed_ip is not",
		usual + "&signed_id=a b":                                     "",
		usual + "&signed_ignore=utm_*":                               "",
		usual + "&signed_ignore=utm_%2A&utm_a=1":                     "",
		usual + "&signed_ignore=*":                                   "signed_ignore is not",
		usual + "&signed_ignore=a**":                                 "signed_ignore is not",
		usual + "&signed_ignore=a*b":                                 "signed_ignore is not",
		usual + "&signed_under=/x":                                   "signed_under is not",
		usual + "&signed_for=session":                                "the verifier knows no value of that name",
		usual + "&signed_for=a b":                                    "signed_for is not",
		// The faults of a query.
		usual + strings.Repeat("&a=1", 125):                    "",
		usual + strings.Repeat("&a=1", 126):                    "more than 128 parameters",
		usual + "&signed_by=2026a":                             "a reserved parameter is there twice",
		usual + "&expires_at=" + future:                        "a reserved parameter is there twice",
		usual + "&signed_id=":                                  "a reserved parameter has an empty value",
		usual + "&signed_id=&signed_host=x":                    "a reserved parameter has an empty value",
		usual + "&signed_id":                                   "a reserved parameter has an empty value",
		usual + "&signature=":                                  "a reserved parameter has an empty value",
		"signature=&" + usual:                                  "a reserved parameter has an empty value",
		"signature&" + usual:                                   "a reserved parameter has an empty value",
		"expires_at&signed_by=2026a":                           "a reserved parameter has an empty value",
		"expires_at=&signed_by=2026a":                          "a reserved parameter has an empty value",
		usual + "&signed_ids=a":                                "a signed_ parameter that this version does not know",
		usual + "&signed_=a":                                   "a signed_ parameter that this version does not know",
		usual + "&signed_methodsx=GET":                         "a signed_ parameter that this version does not know",
		usual + "&signed_i=GET":                                "a signed_ parameter that this version does not know",
		usual + "&signed_x":                                    "a signed_ parameter that this version does not know",
		usual + "&%73igned_id=a":                               "name is spelled with escapes",
		usual + "&s%69gned_+=a":                                "name is spelled with escapes",
		usual + "&signed%5F":                                   "name is spelled with escapes",
		usual + "&expires%5Fat=1":                              "name is spelled with escapes",
		usual + "&signatur%65=1":                               "name is spelled with escapes",
		usual + "&s%69gned_" + strings.Repeat("x", 100) + "=a": "name is spelled with escapes",
		usual + "&signatur%66=1":                               "",
		usual + "&expires_a%75=1":                              "",
		usual + "&" + strings.Repeat("%73", 30) + "=a":         "",
		usual + "&=a":                                          "an empty parameter, or one with an empty name",
		usual + "&&a=1":                                        "an empty parameter, or one with an empty name",
		"&" + usual:                                            "an empty parameter, or one with an empty name",
		usual + "&a;b=1":                                       "raw semicolon",
		usual + "&a=b;c":                                       "raw semicolon",
		usual + "&a%zz=1":                                      "an invalid escape",
		usual + "&a=%4":                                        "an invalid escape",
		usual + "&signed_id=%zz":                               "an invalid escape",
		// Spellings of which only one part is canonical.
		usual + "&a=%20+":                "",
		usual + "&a=+%20":                "",
		usual + "&a=%2f%2F":              "",
		usual + "&a=%2F%2f":              "",
		usual + "&a=%61%20":              "",
		usual + "&a=%20%61":              "",
		usual + "&+%20=1":                "",
		usual + "&%20+=1":                "",
		usual + "&%2f%2F=1":              "",
		usual + "&%61%20=1":              "",
		usual + "&a=1&A=2&a=0":           "",
		"a=b&" + usual:                   "",
		"signed_id=a b&" + usual + "&a=": "",
	} {
		if strings.Contains(query, "signed_id=a b") {
			want = "signed_id is not"
		}
		target := foreign(query)
		_, raw, _ := strings.Cut(target, "?")
		r := request(t, "GET", "/x")
		r.URL.RawQuery, r.RequestURI = raw, ""
		_, err := v.Verify(r)
		switch {
		case want == "" && err != nil:
			t.Errorf("%.200s: %v", target, err)
		case want != "" && (!errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), want)):
			t.Errorf("%.200s: %v; want %q", target, err, want)
		}
		if e := v.Explain(r); (e.Err == nil) != (err == nil) || err != nil && e.Err.Error() != err.Error() {
			t.Errorf("%.200s: explained as %v, decided %v", target, e.Err, err)
		}
	}
}

// A handler that does not know the limits of an upload would take anything, so
// its verifier must be told that it does.
func TestTheLimitsOfAnUpload(t *testing.T) {
	ring := testRing(t)
	strict, lax := newVerifier(ring, nil), newVerifier(ring, &middleware.Options{EnforcesUploads: true})
	for _, test := range []struct {
		name   string
		upload middleware.Upload
		param  string // "": Sign refuses it
		traced string
	}{
		{"a size", middleware.Upload{MaxBytes: 5 << 20}, "signed_max=5242880", "at most 5242880 bytes"},
		{"the greatest size", middleware.Upload{MaxBytes: 1<<53 - 1}, "signed_max=9007199254740991", "at most 9007199254740991 bytes"},
		{"a size that is too great", middleware.Upload{MaxBytes: 1 << 53}, "", ""},
		{"a size below zero", middleware.Upload{MaxBytes: -1}, "", ""},
		{"a digest", middleware.Upload{SHA256: sha256.Sum256([]byte("body"))}, "signed_sum=sha-256%3AIw2DWNyOiJC0xY3utikS7i8gNXrpKlzIYbmOaP4xrLU", "with SHA-256 230d8358dc"},
		{"a wildcard and a type", middleware.Upload{Accept: []string{"image/*", "application/pdf"}}, "signed_accept=image%2F%2A%2Capplication%2Fpdf", "of type image/* or application/pdf"},
		{"no type at all", middleware.Upload{Accept: []string{}}, "", ""},
		{"a type in upper case", middleware.Upload{Accept: []string{"image/PNG"}}, "", ""},
		{"a type with a comma in it", middleware.Upload{Accept: []string{"image/png,image/gif"}}, "", ""},
		{"everything", middleware.Upload{Accept: []string{"*/*"}}, "", ""},
		{"65 types", middleware.Upload{Accept: slices.Repeat([]string{"image/png"}, 65)}, "", ""},
		{"leave to replace", middleware.Upload{Replace: true}, "signed_replace=1", "may replace a file"},
	} {
		c := middleware.Claims{Expires: time.Unix(4102444800, 0), Methods: []string{"PUT"}, Upload: test.upload}
		u, err := ring.Sign(&url.URL{Path: "/x"}, c)
		if test.param == "" {
			if err == nil {
				t.Errorf("%s: signed %s", test.name, u)
			}
			continue
		}
		if err != nil || !strings.Contains(u.RawQuery, "&"+test.param+"&") {
			t.Errorf("%s: signed %v, %v; want %s in it", test.name, u, err, test.param)
			continue
		}
		r := request(t, "PUT", u.String())
		if l, err := strict.Verify(r); !errors.Is(err, middleware.ErrNotAllowed) || !cmp.Equal(l, middleware.Link{}) {
			t.Errorf("%s, which nothing enforces: %+v, %v", test.name, l, err)
		}
		l, err := lax.Verify(r)
		if diff := cmp.Diff(test.upload, l.Upload); err != nil || diff != "" || l.MaxBytes() != test.upload.MaxBytes {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
		if e := lax.Explain(r); !strings.Contains(e.String(), test.traced) {
			t.Errorf("%s: the explanation lacks %q:\n%s", test.name, test.traced, e)
		}
	}
	if e := lax.Explain(request(t, "GET", foreign(usual))); strings.Contains(e.String(), "upload") {
		t.Errorf("a link without such limits:\n%s", e)
	}
}

func TestTheTypesThatALinkAccepts(t *testing.T) {
	for _, test := range []struct {
		accept []string
		t      string
		want   bool
	}{
		{nil, "text/html", true},
		{[]string{"application/pdf"}, "application/pdf", true},
		{[]string{"application/pdf"}, "application/pd", false},
		{[]string{"application/pdf"}, "", false},
		{[]string{"image/*"}, "image/png", true},
		{[]string{"image/*"}, "image/", false},
		{[]string{"image/*"}, "image", false},
		{[]string{"image/*"}, "imagex/png", false},
		{[]string{"image/*"}, "video/mp4", false},
		{[]string{"video/*", "image/*"}, "image/jpeg", true},
		{[]string{"image/*"}, "image/svg+xml", false}, // it can hold scripts
		{[]string{"image/*", "image/svg+xml"}, "image/svg+xml", true},
	} {
		l := middleware.Link{Claims: middleware.Claims{Upload: middleware.Upload{Accept: test.accept}}}
		if got := l.Accepts(test.t); got != test.want {
			t.Errorf("%v accepts %q: %v", test.accept, test.t, got)
		}
	}
}

// Without one of its three parameters a link is none, and the operator is told
// which one.
func TestALinkWithoutOneOfItsThreeParameters(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, nil)
	signed, _ := oracle("/x", usual)
	for target, want := range map[string]string{
		"/x?" + usual: "there is no signature",
		"/x?signed_by=2026a&signature=" + macText(signed):                       "there is no expires_at",
		"/x?expires_at=" + future + "&signature=" + macText(signed):             "there is no signed_by",
		"/x?expires_at=" + future + "&signed_by=b&signature=" + macText(signed): "names a key that is not in the ring",
		"/y?" + usual + "&signature=" + macText(signed):                         "the signature does not match",
		"/x?" + usual + "&signature=" + macText(signed)[1:]:                     "the signature does not match",
		"/x/" + strings.Repeat("x", 8192) + "?" + usual:                         "longer than 8 KiB",
		"/x?" + strings.Repeat("x", 8192):                                       "longer than 8 KiB",
		"/x?" + usual + "&signature=" + macText(signed) + "&":                   "an empty parameter",
		"/x;y?" + usual + "&signature=" + macText(signed):                       "the path holds a raw semicolon",
		"/x//y?" + usual + "&signature=" + macText(signed):                      "the path holds an empty part",
		"/x/../y?" + usual + "&signature=" + macText(signed):                    "the path holds a part that is . or ..",
		"/x%0Ay?" + usual + "&signature=" + macText(signed):                     "the path holds a control character",
	} {
		_, err := v.Verify(request(t, "GET", target))
		if !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", target, err, want)
		}
		path, query, _ := strings.Cut(target, "?")
		l, direct := ring.Authenticate(middleware.Request{Path: path, RawQuery: query})
		if !errors.Is(direct, middleware.ErrInvalid) || direct.Error() != err.Error() || !cmp.Equal(l, middleware.Link{}) {
			t.Errorf("%.100s: asked directly: %+v, %v", target, l, direct)
		}
	}
	for _, target := range []string{"/x", "/x?a=1", "/x?signee=1&a"} {
		path, query, _ := strings.Cut(target, "?")
		if l, err := ring.Authenticate(middleware.Request{Path: path, RawQuery: query}); err != middleware.ErrUnsigned || !cmp.Equal(l, middleware.Link{}) {
			t.Errorf("%s: %+v, %v", target, l, err)
		}
	}
}

// What is too long or too much is refused by the signer as such, and never cut.
func TestSignRefusesWhatIsTooMuch(t *testing.T) {
	ring := testRing(t)
	c := middleware.Claims{Expires: time.Unix(epoch, 0)}
	for _, test := range []struct {
		name string
		u    url.URL
		ok   bool
	}{
		{"125 parameters", url.URL{Path: "/x", RawQuery: "a=1" + strings.Repeat("&a=1", 124)}, true},
		{"126 parameters", url.URL{Path: "/x", RawQuery: "a=1" + strings.Repeat("&a=1", 125)}, false},
		{"127 parameters", url.URL{Path: "/x", RawQuery: "a=1" + strings.Repeat("&a=1", 126)}, false},
		{"300 parameters", url.URL{Path: "/x", RawQuery: "a=1" + strings.Repeat("&a=1", 299)}, false},
		{"a value of 9000 bytes", url.URL{Path: "/x", RawQuery: "a=" + strings.Repeat("1", 9000)}, false},
		{"a value of 70000 bytes", url.URL{Path: "/x", RawQuery: "a=" + strings.Repeat("1", 70000)}, false},
		{"a value that becomes too long", url.URL{Path: "/x", RawQuery: "a=" + strings.Repeat("/", 3000)}, false},
		{"an empty parameter", url.URL{Path: "/x", RawQuery: "a=1&"}, false},
		{"a question mark alone", url.URL{Path: "/x", ForceQuery: true}, true},
	} {
		u, err := ring.Sign(&test.u, c)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil {
			if _, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: u.RawQuery}); err != nil || !strings.Contains(u.RawQuery, test.u.RawQuery) || u.ForceQuery {
				t.Errorf("%s: %s: %v", test.name, u, err)
			}
		}
	}
	// The longest link, and one more byte.
	for n := 8000; n < 8192; n++ {
		if _, err := ring.Sign(&url.URL{Path: "/" + strings.Repeat("x", n)}, c); err != nil {
			if n < 8050 {
				t.Fatal(err)
			}
			u, err := ring.Sign(&url.URL{Path: "/" + strings.Repeat("x", n-1)}, c)
			if err != nil || len(u.String()) != 8192 {
				t.Errorf("the longest link has %d bytes", len(u.String()))
			}
			return
		}
	}
	t.Error("no link is too long")
}
