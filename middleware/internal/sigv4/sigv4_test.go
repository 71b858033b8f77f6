package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/sigv4"
)

// system is a dialect together with what the tests' own signer, which knows
// nothing of the package, needs of it.
type system struct {
	name, brand, prefix, scope string
	dialect                    sigv4.Dialect
}

var (
	aws    = system{"aws", "AWS4", "X-Amz-", "eu-central-1/s3/aws4_request", sigv4.AWS("eu-central-1", "s3")}
	google = system{"google", "GOOG4", "X-Goog-", "auto/storage/goog4_request", sigv4.Google()}
	both   = []system{aws, google}
)

const (
	accessID = "AKIDTESTONLY"
	secret   = "a secret of tests, and of nothing else"
)

func hmacKey(t testing.TB, id, secret, token string) sigv4.Key {
	t.Helper()
	k, err := sigv4.HMACKey(id, secret, token)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s system) format(t testing.TB) *sigv4.Format {
	t.Helper()
	f, err := sigv4.New(s.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "")}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// link is a request to be signed by a plain reading of the documentation: it
// signs whatever it is told to, so that a test can show that a link is refused
// although its signature is right.
type link struct {
	system
	method, host, path string
	params             []string // name=value, as sent
	header             http.Header
	signed             []string // the lines of the signed headers
	payload            string
	secret             string
	day                string // of the signing key
	after              func(signature string) []string
}

func (s system) link() *link {
	return &link{
		system: s, method: "GET", host: "files.example", path: "/bucket/card.jpg",
		params: []string{
			s.prefix + "Algorithm=" + s.brand + "-HMAC-SHA256",
			s.prefix + "Credential=" + accessID + "%2F20231114%2F" + strings.ReplaceAll(s.scope, "/", "%2F"),
			s.prefix + "Date=20231114T221320Z",
			s.prefix + "Expires=3600",
			s.prefix + "SignedHeaders=host",
		},
		header: http.Header{}, signed: []string{"host:files.example"}, payload: "UNSIGNED-PAYLOAD",
		secret: secret, day: "20231114",
		after: func(sig string) []string { return []string{s.prefix + "Signature=" + sig} },
	}
}

// set replaces a parameter of the signature.
func (l *link) set(name, value string) {
	for i, p := range l.params {
		if strings.HasPrefix(p, l.prefix+name+"=") {
			l.params[i] = l.prefix + name + "=" + value
		}
	}
}

func (l *link) remove(name string) {
	l.params = slices.DeleteFunc(l.params, func(p string) bool { return strings.HasPrefix(p, l.prefix+name+"=") })
}

func (l *link) value(name string) string {
	for _, p := range l.params {
		if v, ok := strings.CutPrefix(p, l.prefix+name+"="); ok {
			v, _ = url.QueryUnescape(v)
			return v
		}
	}
	return ""
}

func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func (l *link) request() middleware.Request {
	var pairs [][2]string
	for _, p := range l.params {
		name, value, _ := strings.Cut(p, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		pairs = append(pairs, [2]string{encode(name), encode(value)})
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int {
		if n := strings.Compare(a[0], b[0]); n != 0 || l.brand != "AWS4" {
			return n
		}
		return strings.Compare(a[1], b[1])
	})
	var query []string
	for _, p := range pairs {
		query = append(query, p[0]+"="+p[1])
	}
	path, _ := url.PathUnescape(l.path)
	path = strings.ReplaceAll(encode(path), "%2F", "/")
	var names []string
	for _, h := range l.signed {
		name, _, _ := strings.Cut(h, ":")
		names = append(names, name)
	}
	canonical := strings.Join([]string{
		l.method, path, strings.Join(query, "&"), strings.Join(l.signed, "\n"), "", strings.Join(names, ";"), l.payload,
	}, "\n")
	hash := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{
		l.value("Algorithm"), l.value("Date"), l.day + "/" + l.scope, hex.EncodeToString(hash[:]),
	}, "\n")
	key := []byte(l.brand + l.secret)
	for _, part := range append(strings.Split(l.day+"/"+l.scope, "/"), text) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	all := append(slices.Clone(l.params), l.after(hex.EncodeToString(key))...)
	return middleware.Request{
		Method: l.method, Scheme: "https", Host: l.host, Path: l.path,
		RawQuery: strings.Join(all, "&"), Header: l.header,
	}
}

func TestAuthenticateAcceptsWhatMeansTheSame(t *testing.T) {
	tests := []struct {
		name  string
		only  string // the system, if not both
		edit  func(l *link)
		after func(r *middleware.Request)
	}{
		{name: "a plain link"},
		{name: "parameters of the application, in any order", edit: func(l *link) {
			l.params = append([]string{"z=1", "a=%C3%A9", "Z=2"}, l.params...)
		}},
		{name: "a parameter without an equals sign", edit: func(l *link) { l.params = append(l.params, "versions") }},
		{name: "a plus sign for a space", edit: func(l *link) { l.params = append(l.params, "prefix=a+b%2Bc") }},
		{name: "names that are prefixes of each other", edit: func(l *link) { l.params = append(l.params, "a-b=1", "a=2", "a.b=3") }},
		{name: "escapes in lower case in the query", after: func(r *middleware.Request) {
			r.RawQuery = strings.ReplaceAll(r.RawQuery, "%2F", "%2f")
		}},
		{name: "escapes that were not needed in the query", edit: func(l *link) { l.params = append(l.params, "%61=%7E") }},
		{name: "the signature anywhere", after: func(r *middleware.Request) {
			i := strings.LastIndexByte(r.RawQuery, '&')
			r.RawQuery = r.RawQuery[i+1:] + "&" + r.RawQuery[:i]
		}},
		{name: "doubled slashes in the path", edit: func(l *link) { l.path = "/bucket//a///b" }},
		{name: "a literal %2F in the path", edit: func(l *link) { l.path = "/bucket/a%252Fb" }},
		{name: "reserved characters in the path", edit: func(l *link) { l.path = "/%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%3F%23%5B%5D~-._" }},
		{name: "escapes in lower case in the path", only: "aws", edit: func(l *link) { l.path = "/%c3%a9" }},
		{name: "characters in the path that need no escape and have one", only: "aws", edit: func(l *link) { l.path = "/%61@b" }},
		{name: "another port", only: "google", after: func(r *middleware.Request) { r.Host = "files.example:8443" }},
		{name: "an IPv6 host with a port", only: "google", edit: func(l *link) {
			l.host, l.signed = "[2001:db8::1]:8080", []string{"host:[2001:db8::1]"}
		}},
		{name: "an IPv6 host without a port", edit: func(l *link) {
			l.host, l.signed = "[2001:db8::443]", []string{"host:[2001:db8::443]"}
		}},
		{name: "a port that is no default, in the signature", only: "aws", edit: func(l *link) {
			l.host, l.signed = "files.example:9000", []string{"host:files.example:9000"}
		}},
		{name: "the default port of https", after: func(r *middleware.Request) { r.Host = "files.example:443" }},
		{name: "the default port of http", after: func(r *middleware.Request) { r.Host, r.Scheme = "files.example:80", "http" }},
		{name: "signed header fields, with blanks", edit: func(l *link) {
			l.set("SignedHeaders", "host%3Bx-a%3Bx-b")
			l.header = http.Header{"X-A": {"\t one \t two  "}, "X-B": {"1", " 2 , 3 "}, "X-C": {"not signed"}}
			l.signed = append(l.signed, "x-a:one two", "x-b:1,2 , 3")
		}},
		{name: "the hash of the payload in a signed header field", edit: func(l *link) {
			name := strings.ToLower(l.prefix) + "content-sha256"
			l.payload = strings.Repeat("0a", 32)
			l.set("SignedHeaders", "host%3B"+name)
			l.header.Set(name, l.payload)
			l.signed = append(l.signed, name+":"+l.payload)
		}},
		{name: "the hash of the payload in a header field that is not signed", edit: func(l *link) {
			l.header.Set(l.prefix+"Content-Sha256", strings.Repeat("0a", 32))
		}},
		{name: "the hash of the payload as a parameter", only: "aws", edit: func(l *link) {
			l.payload = strings.Repeat("0a", 32)
			l.params = append(l.params, "X-Amz-Content-Sha256="+l.payload)
		}},
		{name: "UNSIGNED-PAYLOAD as a parameter", only: "aws", edit: func(l *link) {
			l.params = append(l.params, "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")
		}},
		{name: "a parameter of the system that the package does not know", edit: func(l *link) {
			l.params = append(l.params, l.prefix+"Meta-Foo=bar", strings.ToLower(l.prefix)+"checksum-mode=ENABLED")
		}},
		{name: "values of one name sorted", only: "aws", edit: func(l *link) { l.params = append(l.params, "k=b", "k=a") }},
		{name: "values of one name in another order, which is signed sorted", only: "aws",
			edit:  func(l *link) { l.params = append(l.params, "k=b", "k=a") },
			after: func(r *middleware.Request) { r.RawQuery = strings.Replace(r.RawQuery, "k=b&k=a", "k=a&k=b", 1) }},
		{name: "values of one name in their order", only: "google", edit: func(l *link) { l.params = append(l.params, "k=b", "k=a") }},
		{name: "the last second of a leap day", edit: func(l *link) {
			l.day = "20240229"
			l.set("Date", "20240229T235959Z")
			l.set("Credential", strings.ReplaceAll(accessID+"/20240229/"+l.scope, "/", "%2F"))
		}},
		{name: "the first second of 1970", edit: func(l *link) {
			l.day = "19700101"
			l.set("Date", "19700101T000000Z")
			l.set("Credential", strings.ReplaceAll(accessID+"/19700101/"+l.scope, "/", "%2F"))
		}},
		{name: "an escaped asterisk in the query, in lower case", after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "k=%2A", "k=%2a", 1)
		}, edit: func(l *link) { l.params = append(l.params, "k=%2A") }},
		{name: "the parameters in the reverse order", after: func(r *middleware.Request) {
			all := strings.Split(r.RawQuery, "&")
			slices.Reverse(all)
			r.RawQuery = strings.Join(all, "&")
		}},
		{name: "an empty response-content-type", edit: func(l *link) { l.params = append(l.params, "response-content-type=") }},
		{name: "32 signed header fields", edit: func(l *link) {
			names := []string{"host"}
			for i := range 31 {
				name := fmt.Sprintf("x-%02d", i)
				names = append(names, name)
				l.header[http.CanonicalHeaderKey(name)] = []string{"a"}
				l.signed = append(l.signed, name+":a")
			}
			l.set("SignedHeaders", strings.Join(names, "%3B"))
		}},
		{name: "8 KiB of header fields", edit: func(l *link) {
			long := strings.Repeat("a", 8<<10-len("host:files.example\nx-a:"))
			l.set("SignedHeaders", "host%3Bx-a")
			l.header = http.Header{"X-A": {long}}
			l.signed = append(l.signed, "x-a:"+long)
		}},
		{name: "another method", edit: func(l *link) { l.method = "PUT" }},
		{name: "128 parameters", edit: func(l *link) {
			for i := len(l.params) + 1; i < 128; i++ {
				l.params = append(l.params, fmt.Sprintf("p%d=", 1000-i))
			}
		}},
	}
	for _, tt := range tests {
		for _, s := range both {
			if tt.only != "" && tt.only != s.name {
				continue
			}
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				l := s.link()
				if tt.edit != nil {
					tt.edit(l)
				}
				r := l.request()
				if tt.after != nil {
					tt.after(&r)
				}
				c, err := s.format(t).Authenticate(r)
				if err != nil {
					t.Fatal(err)
				}
				if c.KeyID != accessID || !slices.Equal(c.Methods, []string{l.method}) || c.Expires.IsZero() || c.NotBefore.IsZero() {
					t.Errorf("claims: %+v", c)
				}
			})
		}
	}
}

// Every link here has a signature that is right for what it says, unless the
// row changes it afterwards.
func TestAuthenticateRefuses(t *testing.T) {
	credential := func(id, rest string) func(l *link) {
		return func(l *link) { l.set("Credential", strings.ReplaceAll(id+"/"+rest, "/", "%2F")) }
	}
	value := func(name, value string) func(l *link) { return func(l *link) { l.set(name, value) } }
	date := func(d string) func(l *link) {
		return func(l *link) {
			l.set("Date", d)
			if len(d) >= 8 {
				l.day = d[:8]
			}
			credential(accessID, l.day+"/"+l.scope)(l)
		}
	}
	headers := func(list string, lines ...string) func(l *link) {
		return func(l *link) {
			l.header = http.Header{"X-A": {"1"}, "X-B": {"2"}}
			l.signed = lines
			l.set("SignedHeaders", strings.ReplaceAll(list, ";", "%3B"))
		}
	}
	add := func(params ...string) func(l *link) {
		return func(l *link) { l.params = append(l.params, params...) }
	}
	tests := []struct {
		name  string
		only  string
		edit  func(l *link)
		after func(r *middleware.Request)
		want  string // a part of the error's text
	}{
		{name: "another secret", edit: func(l *link) { l.secret += "!" }, want: "signature does not match"},
		{name: "another method", after: func(r *middleware.Request) { r.Method = "POST" }, want: "signature does not match"},
		{name: "HEAD with a link for GET", after: func(r *middleware.Request) { r.Method = "HEAD" }, want: "signature does not match"},
		{name: "a method that breaks the line", edit: func(l *link) { l.method = "GET\n/other" }, want: "method"},
		{name: "a method in lower case", edit: func(l *link) { l.method = "get" }, want: "method"},
		{name: "no method", edit: func(l *link) { l.method = "" }, want: "method"},
		{name: "another host", after: func(r *middleware.Request) { r.Host = "evil.example" }, want: "signature does not match"},
		{name: "a host in upper case", after: func(r *middleware.Request) { r.Host = "FILES.EXAMPLE" }, want: "signature does not match"},
		{name: "another port, which is signed", only: "aws", after: func(r *middleware.Request) { r.Host += ":8443" }, want: "signature does not match"},
		{name: "no host", edit: func(l *link) { l.host, l.signed = "", []string{"host:"} }, want: "host"},
		{name: "a host that breaks the line", edit: func(l *link) {
			l.host, l.signed = "a\nx-a:1", []string{"host:a", "x-a:1"}
			l.set("SignedHeaders", "host%3Bx-a")
		}, want: "host"},
		{name: "another path", after: func(r *middleware.Request) { r.Path += "x" }, want: "signature does not match"},
		{name: "a slash more", after: func(r *middleware.Request) { r.Path += "/" }, want: "signature does not match"},
		{name: "no path", edit: func(l *link) { l.path = "" }, want: "slash"},
		{name: "the path of OPTIONS *", edit: func(l *link) { l.path = "*" }, want: "slash"},
		{name: "an encoded slash", edit: func(l *link) { l.path = "/bucket%2Fcard.jpg" }, want: "encoded slash"},
		{name: "an encoded slash in lower case", edit: func(l *link) { l.path = "/bucket%2fcard.jpg" }, want: "encoded slash"},
		{name: "an invalid escape in the path", edit: func(l *link) { l.path = "/a%zz" }, want: "escape"},
		{name: "a cut escape in the path", edit: func(l *link) { l.path = "/a%2" }, want: "escape"},
		{name: "an escape in lower case in the path", only: "google", edit: func(l *link) { l.path = "/%c3%a9" }, want: "percent-encoded"},
		{name: "an escape in the path that is not needed", only: "google", edit: func(l *link) { l.path = "/%61" }, want: "percent-encoded"},
		{name: "a reserved character in the path without an escape", only: "google", edit: func(l *link) { l.path = "/a@b" }, want: "percent-encoded"},

		{name: "a parameter added", after: func(r *middleware.Request) { r.RawQuery += "&x=1" }, want: "signature does not match"},
		{name: "a parameter changed", edit: add("x=1"), after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "x=1", "x=2", 1)
		}, want: "signature does not match"},
		{name: "two values of one name swapped", only: "google", edit: add("k=b", "k=a"), after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "k=b&k=a", "k=a&k=b", 1)
		}, want: "signature does not match"},
		{name: "a raw semicolon", edit: add("a;b=1"), want: "semicolon"},
		{name: "an invalid escape in a name", after: func(r *middleware.Request) { r.RawQuery += "&x%zz=1" }, want: "escape"},
		{name: "an invalid escape in a value", after: func(r *middleware.Request) { r.RawQuery += "&x=%4" }, want: "escape"},
		{name: "an ampersand at the end", after: func(r *middleware.Request) { r.RawQuery += "&" }, want: "empty parameter"},
		{name: "an ampersand at the beginning", after: func(r *middleware.Request) { r.RawQuery = "&" + r.RawQuery }, want: "empty parameter"},
		{name: "two ampersands", after: func(r *middleware.Request) { r.RawQuery = strings.Replace(r.RawQuery, "&", "&&", 1) }, want: "empty parameter"},
		{name: "a parameter without a name", edit: add("=1"), want: "empty name"},
		{name: "129 parameters", edit: func(l *link) {
			for i := len(l.params) + 1; i < 129; i++ {
				l.params = append(l.params, fmt.Sprintf("p%d=", i))
			}
		}, want: "128"},
		{name: "more than 8 KiB", edit: add("x=" + strings.Repeat("y", 8<<10)), want: "8 KiB"},

		{name: "a date twice", edit: func(l *link) { add(l.prefix + "Date=20231114T221320Z")(l) }, want: "twice"},
		{name: "the signature twice", after: func(r *middleware.Request) {
			r.RawQuery += r.RawQuery[strings.LastIndexByte(r.RawQuery, '&'):]
		}, want: "twice"},
		{name: "a parameter's name with an escape", after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "Expires=", "E%78pires=", 1)
		}, want: "spelled"},
		{name: "the signature's name with an escape", after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "Signature=", "%53ignature=", 1)
		}, want: "spelled"},
		{name: "the signature's value with an escape", after: func(r *middleware.Request) {
			i := len(r.RawQuery) - 1
			r.RawQuery = r.RawQuery[:i] + fmt.Sprintf("%%%02X", r.RawQuery[i])
		}, want: "spelled"},
		{name: "a second date in lower case", edit: func(l *link) { add(strings.ToLower(l.prefix) + "date=20231114T221320Z")(l) }, want: "another case"},
		{name: "an empty date", edit: value("Date", ""), want: "empty value"},
		{name: "no algorithm", edit: func(l *link) { l.remove("Algorithm") }, want: "no algorithm"},
		{name: "no credential", edit: func(l *link) { l.remove("Credential") }, want: "no credential"},
		{name: "no date", edit: func(l *link) { l.remove("Date") }, want: "no date"},
		{name: "no lifetime", edit: func(l *link) { l.remove("Expires") }, want: "no lifetime"},
		{name: "no list of signed headers", edit: func(l *link) { l.remove("SignedHeaders") }, want: "no list"},
		{name: "no signature", edit: func(l *link) { l.after = func(string) []string { return nil } }, want: "no signature"},

		{name: "an algorithm that no key has", edit: func(l *link) { l.set("Algorithm", l.brand+"-HMAC-SHA1") }, want: "no key"},
		{name: "an algorithm without the name of the system", edit: value("Algorithm", "HMAC-SHA256"), want: "no key"},
		{name: "an unknown access id", edit: func(l *link) { credential("AKIDOTHER", l.day+"/"+l.scope)(l) }, want: "no key"},
		{name: "an empty access id", edit: func(l *link) { credential("", l.day+"/"+l.scope)(l) }, want: "no key"},
		{name: "a part before the access id", edit: func(l *link) { credential("x/"+accessID, l.day+"/"+l.scope)(l) }, want: "no key"},
		{name: "the scope of another day", edit: func(l *link) {
			l.day = "20231113"
			credential(accessID, l.day+"/"+l.scope)(l)
		}, want: "credential"},
		{name: "the scope of another region", edit: func(l *link) {
			l.scope = "xx" + l.scope
			credential(accessID, l.day+"/"+l.scope)(l)
		}, want: "credential"},
		{name: "the scope of another service", edit: func(l *link) {
			l.scope = strings.Replace(l.scope, "/s", "/x", 1)
			credential(accessID, l.day+"/"+l.scope)(l)
		}, want: "credential"},
		{name: "a part behind the scope", edit: func(l *link) { credential(accessID, l.day+"/"+l.scope+"/x")(l) }, want: "credential"},
		{name: "a credential without a scope", edit: func(l *link) { credential(accessID, l.day)(l) }, want: "credential"},
		{name: "a credential that is only the scope", edit: func(l *link) { l.set("Credential", strings.ReplaceAll(l.day+"/"+l.scope, "/", "%2F")) }, want: "credential"},

		{name: "a lifetime of zero", edit: value("Expires", "0"), want: "lifetime"},
		{name: "a lifetime of more than seven days", edit: value("Expires", "604801"), want: "lifetime"},
		{name: "a lifetime that overflows", edit: value("Expires", "18446744073709555216"), want: "lifetime"},
		{name: "a lifetime with a leading zero", edit: value("Expires", "03600"), want: "lifetime"},
		{name: "a lifetime with a plus sign", edit: value("Expires", "%2B3600"), want: "lifetime"},
		{name: "a negative lifetime", edit: value("Expires", "-3600"), want: "lifetime"},
		{name: "a lifetime with a fraction", edit: value("Expires", "3600.0"), want: "lifetime"},
		{name: "a lifetime with a blank behind it", edit: value("Expires", "3600%20"), want: "lifetime"},
		{name: "a lifetime in hex", edit: value("Expires", "0xe10"), want: "lifetime"},
		{name: "a date with a fraction", edit: date("20231114T221320.5Z"), want: "date"},
		{name: "a date with an offset", edit: date("20231114T221320+00:00"), want: "date"},
		{name: "a date in lower case", edit: date("20231114t221320z"), want: "date"},
		{name: "a date in extended form", edit: date("2023-11-14T22:13:20Z"), want: "date"},
		{name: "a date that the month does not have", edit: date("20230229T000000Z"), want: "date"},
		{name: "a month that the year does not have", edit: date("20231301T000000Z"), want: "date"},
		{name: "a month of zero", edit: date("20230001T000000Z"), want: "date"},
		{name: "a day of zero", edit: date("20230100T000000Z"), want: "date"},
		{name: "the hour 24", edit: date("20231114T240000Z"), want: "date"},
		{name: "the minute 60", edit: date("20231114T226000Z"), want: "date"},
		{name: "the second 60", edit: date("20231114T221360Z"), want: "date"},
		{name: "a date with another letter for the T", edit: date("20231114-221320Z"), want: "date"},
		{name: "a date with a digit for the Z", edit: date("20231114T2213200"), want: "date"},
		{name: "a leap second", edit: date("20231231T235960Z"), want: "date"},
		{name: "a year before 1970", edit: date("19691231T235959Z"), want: "date"},
		{name: "a date that is only a day", edit: date("20231114"), want: "date"},

		{name: "signed headers without the host", edit: headers("x-a", "x-a:1"), want: "signed headers"},
		{name: "signed headers that are not sorted", edit: headers("x-a;host", "x-a:1", "host:files.example"), want: "signed headers"},
		{name: "a signed header twice", edit: headers("host;x-a;x-a", "host:files.example", "x-a:1", "x-a:1"), want: "signed headers"},
		{name: "a signed header in upper case", edit: headers("host;x-B", "host:files.example", "x-B:2"), want: "signed headers"},
		{name: "an empty signed header", edit: headers(";host", ":", "host:files.example"), want: "signed headers"},
		{name: "a semicolon behind the signed headers", edit: headers("host;", "host:files.example", ":"), want: "signed headers"},
		{name: "signed headers with a raw semicolon", edit: func(l *link) {
			headers("host", "host:files.example", "x-a:1")(l)
			l.set("SignedHeaders", "host;x-a")
		}, want: "semicolon"},
		{name: "a signed header that breaks the line", edit: headers("host;x-a%0Ax-b", "host:files.example", "x-a\nx-b:2"), want: "signed headers"},
		{name: "a signed header that the request lacks", edit: func(l *link) {
			headers("host;x-c", "host:files.example", "x-c:")(l)
		}, want: "lacks"},
		{name: "a signed header of another value", edit: func(l *link) {
			headers("host;x-a", "host:files.example", "x-a:1")(l)
			l.header.Set("X-A", "2")
		}, want: "signature does not match"},
		{name: "a signed header with one value more", edit: func(l *link) {
			headers("host;x-a", "host:files.example", "x-a:1")(l)
			l.header.Add("X-A", "2")
		}, want: "signature does not match"},
		{name: "a header value that breaks the line", edit: func(l *link) {
			headers("host;x-a;x-b", "host:files.example", "x-a:1", "x-b:2")(l)
			l.header = http.Header{"X-A": {"1\nx-b:2"}, "X-B": {"2"}}
		}, want: "control character"},
		{name: "33 signed headers", edit: func(l *link) {
			list := "host"
			for i := range 32 {
				name := fmt.Sprintf("x-%02d", i)
				list += ";" + name
				l.header.Set(name, "1")
			}
			l.set("SignedHeaders", strings.ReplaceAll(list, ";", "%3B"))
		}, want: "32 signed"},
		{name: "signed headers of more than 8 KiB", edit: func(l *link) {
			l.set("SignedHeaders", "host%3Bx-a")
			l.header.Set("X-A", strings.Repeat("x", 8<<10))
		}, want: "8 KiB"},

		{name: "a hash of the payload in upper case", only: "aws", edit: func(l *link) {
			l.payload = strings.Repeat("0A", 32)
			add("X-Amz-Content-Sha256=" + l.payload)(l)
		}, want: "payload"},
		{name: "a hash of the payload that is none", only: "aws", edit: func(l *link) {
			l.payload = "anything"
			add("X-Amz-Content-Sha256=" + l.payload)(l)
		}, want: "payload"},
		{name: "two hashes of the payload", only: "aws", edit: func(l *link) {
			add("X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")(l)
			l.header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			l.signed = append(l.signed, "x-amz-content-sha256:UNSIGNED-PAYLOAD")
			l.set("SignedHeaders", "host%3Bx-amz-content-sha256")
		}, want: "payload"},
		{name: "a session token that no key has", only: "aws", edit: add("X-Amz-Security-Token=token"), want: "token"},

		{name: "a signature in upper case", after: func(r *middleware.Request) {
			i := strings.LastIndexByte(r.RawQuery, '=')
			r.RawQuery = r.RawQuery[:i] + strings.ToUpper(r.RawQuery[i:])
		}, want: "signature does not match"},
		{name: "a signature with a digit less", after: func(r *middleware.Request) { r.RawQuery = r.RawQuery[:len(r.RawQuery)-1] }, want: "signature does not match"},
		{name: "a signature with a digit more", after: func(r *middleware.Request) { r.RawQuery += "0" }, want: "signature does not match"},
		{name: "an empty signature", edit: func(l *link) {
			l.after = func(string) []string { return []string{l.prefix + "Signature="} }
		}, want: "empty value"},
		{name: "a signature as an array", after: func(r *middleware.Request) {
			r.RawQuery = strings.Replace(r.RawQuery, "Signature=", "Signature[]=", 1)
		}, want: "no signature"},

		{name: "a response-content-type twice", edit: add("response-content-type=text/plain", "response-content-type=text/html"), want: "twice"},
		{name: "a response-content-type with a line break", edit: add("response-content-type=text/html%0D%0AX-A:1"), want: "response-content-type"},
	}
	for _, tt := range tests {
		for _, s := range both {
			if tt.only != "" && tt.only != s.name {
				continue
			}
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				l := s.link()
				if tt.edit != nil {
					tt.edit(l)
				}
				r := l.request()
				if tt.after != nil {
					tt.after(&r)
				}
				c, err := s.format(t).Authenticate(r)
				if !errors.Is(err, middleware.ErrInvalid) {
					t.Fatalf("the error is %v, and does not wrap ErrInvalid", err)
				}
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("the error is %q, without %q", err, tt.want)
				}
				if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
					t.Errorf("claims of a refused link (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAuthenticateSaysUnsignedOnlyIfNoParameterIsThere(t *testing.T) {
	for _, s := range both {
		other := google
		if s.name == "google" {
			other = aws
		}
		tests := []struct {
			name, query string
			want        error
		}{
			{"no query", "", middleware.ErrUnsigned},
			{"parameters of the application", "a=1&x-id=GetObject", middleware.ErrUnsigned},
			{"parameters of the other system", other.link().request().RawQuery, middleware.ErrUnsigned},
			{"an unknown parameter of the system", s.prefix + "Meta-Foo=1", middleware.ErrUnsigned},
			{"a signature alone", s.prefix + "Signature=0", middleware.ErrInvalid},
			{"a date alone", s.prefix + "Date=20231114T221320Z", middleware.ErrInvalid},
			{"a misspelled signature", strings.ToLower(s.prefix) + "signature=0", middleware.ErrInvalid},
			{"a query that does not parse", "a=%zz", middleware.ErrInvalid},
		}
		for _, tt := range tests {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				r := s.link().request()
				r.RawQuery = tt.query
				_, err := s.format(t).Authenticate(r)
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		}
	}
}

func TestNilFormatRefuses(t *testing.T) {
	var f *sigv4.Format
	if _, err := f.Authenticate(aws.link().request()); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("Authenticate: %v", err)
	}
	if _, err := f.Sign(&url.URL{Path: "/"}, middleware.Claims{}); err == nil {
		t.Error("Sign made a link")
	}
}

// The session token is issued together with the key.
func TestTokenMustBeThatOfTheKey(t *testing.T) {
	const token = "FwoGZXIv//+=="
	f, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, token)}})
	if err != nil {
		t.Fatal(err)
	}
	for sent, want := range map[string]bool{token: true, "": false, "other": false, token + "x": false} {
		l := aws.link()
		if sent != "" {
			l.params = append(l.params, "X-Amz-Security-Token="+url.QueryEscape(sent))
		}
		if _, err := f.Authenticate(l.request()); (err == nil) != want {
			t.Errorf("token %q: %v", sent, err)
		}
	}
}

func TestEachKeyOpensOnlyItsOwnLinks(t *testing.T) {
	f, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{
		hmacKey(t, "OLD", "the secret of the old key", ""),
		hmacKey(t, "NEW", "the secret of the new key", ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id, secret string
		want       bool
	}{
		{"OLD", "the secret of the old key", true},
		{"NEW", "the secret of the new key", true},
		{"OLD", "the secret of the new key", false},
		{"NEW", "the secret of the old key", false},
	} {
		l := aws.link()
		l.secret = tt.secret
		l.set("Credential", strings.ReplaceAll(tt.id+"/20231114/"+l.scope, "/", "%2F"))
		c, err := f.Authenticate(l.request())
		if (err == nil) != tt.want || (tt.want && c.KeyID != tt.id) {
			t.Errorf("%s with %q: claims %+v, error %v", tt.id, tt.secret, c, err)
		}
	}
}

// at makes a link dated on the n-th day after another one.
func (s system) at(n int) *link {
	l := s.link()
	d := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC).AddDate(0, 0, n).Format("20060102T150405Z")
	l.day = d[:8]
	l.set("Date", d)
	l.set("Credential", strings.ReplaceAll(accessID+"/"+l.day+"/"+l.scope, "/", "%2F"))
	return l
}

// Deriving a day's key allocates several times what finding a kept one does.
func TestForgedLinksDoNotPushOutDerivedKeys(t *testing.T) {
	f := aws.format(t)
	cost := func(r middleware.Request, want bool) float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := f.Authenticate(r); (err == nil) != want {
				t.Fatal(err)
			}
		})
	}
	forge := func(n int) middleware.Request {
		l := aws.at(n)
		l.secret = "not the secret at all"
		return l.request()
	}
	good := aws.at(0).request()
	derived := cost(forge(1), false)
	check := func(when string) {
		t.Helper()
		if kept := cost(good, true); kept > derived/2 {
			t.Errorf("%s, a link costs %v allocations, and one whose key is derived %v", when, kept, derived)
		}
	}
	check("at first")
	for n := range 100 {
		if _, err := f.Authenticate(forge(n + 1)); err == nil {
			t.Fatal("a forged link was accepted")
		}
	}
	check("after forged links")
	for n := range 100 {
		if _, err := f.Authenticate(aws.at(-n - 1).request()); err != nil {
			t.Fatal(err)
		}
	}
	check("after old links")
	for n := range 10 {
		if _, err := f.Authenticate(aws.at(n + 1).request()); err != nil {
			t.Fatal(err)
		}
	}
	check("after links dated ahead")
}

func TestConcurrentUse(t *testing.T) {
	f := google.format(t)
	var good, bad []middleware.Request
	for n := range 40 {
		l := google.at(n)
		good = append(good, l.request())
		l.secret = "not the secret at all"
		bad = append(bad, l.request())
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 400 {
				k := (n*7 + i*11) % len(good)
				if c, err := f.Authenticate(good[k]); err != nil || c.KeyID != accessID {
					t.Errorf("good link: %v", err)
				}
				if _, err := f.Authenticate(bad[k]); err == nil {
					t.Error("a forged link was accepted")
				}
				if _, err := f.Sign(&url.URL{Host: "h", Path: "/"}, middleware.Claims{Expires: time.Unix(1700000000+86400*int64(k), 0)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// The text is for the operator: it names what is wrong before the signature is
// looked at, which is wrong here.
func TestErrorsSayWhatIsWrong(t *testing.T) {
	type row struct{ param, value, want string }
	rows := []row{
		{"Credential", accessID + "%2F20231115%2F", "credential"},
		{"Credential", accessID + "%2F20231114", "credential"},
		{"Credential", accessID + "%2F%2Feu-central-1%2Fs3%2Faws4_request", "credential"},
		{"Algorithm", "AWS4-HMAC-SHA1", "access id and algorithm"},
	}
	for i := range "20231114T221320Z" { // every byte of a date that is no digit, or another letter
		for _, c := range "/:0aTZ" {
			d := []byte("20231114T221320Z")
			if d[i] == byte(c) || ('0' <= d[i] && d[i] <= '9' && c == '0') {
				continue
			}
			d[i] = byte(c)
			rows = append(rows, row{"Date", url.QueryEscape(string(d)), "the date"})
		}
	}
	for _, d := range []string{"19691231T235959Z", "20230014T221320Z", "20231314T221320Z", "20231100T221320Z", "20231131T221320Z", "20231132T221320Z", "20230229T000000Z",
		"20231114T240000Z", "20231114T226020Z", "20231114T221360Z"} {
		rows = append(rows, row{"Date", d, "the date"})
	}
	for _, names := range []string{"host%3B", "%3Bhost", "host%3Bhost", "host%3Ba", "host%3Bx%20a", "host%3Bx%1F", "host%3Bx%7F", "host%3Bx%80", "host%3Bx%3Aa", "host%3Bx%2Ca", "host%3BxA", "host%3BxZ"} {
		rows = append(rows, row{"SignedHeaders", names, "list of signed headers"})
	}
	for _, names := range []string{"host%3Bx%21", "host%3Bx~", "host%3Bx%40", "host%3Bx%5B", "host%3Bx%2Fa"} {
		rows = append(rows, row{"SignedHeaders", names, "lacks a header field"})
	}
	for _, r := range rows {
		l := aws.link()
		l.set(r.param, r.value)
		_, err := aws.format(t).Authenticate(l.request())
		if !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s=%s: got %v, want %q", r.param, r.value, err, r.want)
		}
	}
	for _, tt := range []struct {
		name string
		edit func(r *middleware.Request)
		want string
	}{
		{"a misspelled algorithm alone", func(r *middleware.Request) { r.RawQuery = "x-amz-algorithm=AWS4-HMAC-SHA256" }, "another case"},
		{"an invalid escape in the path", func(r *middleware.Request) { r.Path = "/a%2" }, "escape"},
		{"an invalid escape in the query", func(r *middleware.Request) { r.RawQuery += "&a=%2" }, "escape"},
		{"an invalid escape in a name", func(r *middleware.Request) { r.RawQuery += "&%zz=a" }, "escape"},
		{"a host with a blank", func(r *middleware.Request) { r.Host = "files.example a" }, "the host"},
		{"a host with a line feed", func(r *middleware.Request) { r.Host = "files.example\n" }, "the host"},
		{"a host with DEL", func(r *middleware.Request) { r.Host = "files.example\x7f" }, "the host"},
		{"a host outside ASCII", func(r *middleware.Request) { r.Host = "files.example\x80" }, "the host"},
		{"no host", func(r *middleware.Request) { r.Host = "" }, "the host"},
		{"a host of other printable characters", func(r *middleware.Request) { r.Host = "!~" }, "the signature"},
		{"a method in lower case", func(r *middleware.Request) { r.Method = "get" }, "the method"},
		{"a method with a bracket", func(r *middleware.Request) { r.Method = "G[" }, "the method"},
		{"a method with an at sign", func(r *middleware.Request) { r.Method = "G@" }, "the method"},
		{"a method with a colon", func(r *middleware.Request) { r.Method = "G:" }, "the method"},
		{"a method with a slash", func(r *middleware.Request) { r.Method = "G/" }, "the method"},
		{"no method", func(r *middleware.Request) { r.Method = "" }, "the method"},
		{"a method of all that one may hold", func(r *middleware.Request) { r.Method = "AZ09-_" }, "the signature"},
	} {
		r := aws.link().request()
		tt.edit(&r)
		if _, err := aws.format(t).Authenticate(r); !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, p := range []string{"/%2a", "/%c3%A9", "/%C3%a9", "/%41", "/a+b", "/+AB", "/+", "/a%20b%"} {
		l := google.link()
		l.path = p
		if _, err := google.format(t).Authenticate(l.request()); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("google: the path %s: %v", p, err)
		}
	}
}

func TestHeaderFieldsThatAreTooManyOrTooLong(t *testing.T) {
	names := []string{"host"}
	l := aws.link()
	for i := range 32 {
		names = append(names, fmt.Sprintf("x-%02d", i))
		l.header[http.CanonicalHeaderKey(names[i+1])] = []string{"a"}
	}
	l.set("SignedHeaders", strings.Join(names, "%3B"))
	if _, err := aws.format(t).Authenticate(l.request()); err == nil || !strings.Contains(err.Error(), "32 signed header fields") {
		t.Errorf("33 fields: %v", err)
	}
	for _, values := range [][]string{
		{strings.Repeat("a", 8<<10-len("host:files.example\nx-a:")+1)},
		{"a", strings.Repeat("a", 8<<10-len("host:files.example\nx-a:a,")+1)},
	} {
		l := aws.link()
		l.set("SignedHeaders", "host%3Bx-a")
		l.header["X-A"] = values
		if _, err := aws.format(t).Authenticate(l.request()); err == nil || !strings.Contains(err.Error(), "8 KiB") {
			t.Errorf("a value of more than 8 KiB: %v", err)
		}
	}
	for _, c := range "\x00\n\x1f\x7f" {
		l := aws.link()
		l.set("SignedHeaders", "host%3Bx-a")
		l.header["X-A"] = []string{"a" + string(c)}
		if _, err := aws.format(t).Authenticate(l.request()); err == nil || !strings.Contains(err.Error(), "control character") {
			t.Errorf("a value with %q: %v", c, err)
		}
	}
}

func TestExplainShowsTheSignedTextWithoutSecrets(t *testing.T) {
	f, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "the token")}})
	if err != nil {
		t.Fatal(err)
	}
	l := aws.link()
	l.path = "/host"
	l.params = append(l.params, "X-Amz-Security-Token=the%20token", "a=b")
	l.set("SignedHeaders", "host%3Bx-a")
	l.header = http.Header{"X-A": {"a secret"}}
	l.signed = append(l.signed, "x-a:a secret")
	r := l.request()
	if _, err := f.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	v, err := middleware.NewVerifier(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &http.Request{Method: "GET", Host: r.Host, URL: &url.URL{Path: r.Path, RawQuery: r.RawQuery}, Header: r.Header, RemoteAddr: "192.0.2.1:1"}
	canonical := "GET\n/host\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDTESTONLY%2F20231114%2Feu-central-1%2Fs3%2Faws4_request" +
		"&X-Amz-Date=20231114T221320Z&X-Amz-Expires=3600&X-Amz-Security-Token=[not shown]&X-Amz-SignedHeaders=host%3Bx-a&a=b\n" +
		"host:files.example\nx-a:[not shown]\n\nhost;x-a\nUNSIGNED-PAYLOAD"
	hash := sha256.Sum256([]byte(strings.NewReplacer("[not shown]&", "the%20token&", "[not shown]", "a secret").Replace(canonical)))
	want := "AWS4-HMAC-SHA256\n20231114T221320Z\n20231114/eu-central-1/s3/aws4_request\n" + hex.EncodeToString(hash[:]) + "\n\n" + canonical
	if diff := cmp.Diff(want, v.Explain(in).Signed); diff != "" {
		t.Errorf("the signed text (-want +got):\n%s", diff)
	}
}

// A key that was derived for a day is kept for the next link of that day. The
// days that are kept are the latest.
func TestDerivedKeysOfTheLatestDaysAreKept(t *testing.T) {
	f := aws.format(t)
	for n := range 20 {
		if _, err := f.Authenticate(aws.at((7 * n) % 20).request()); err != nil {
			t.Fatal(err)
		}
	}
	cost := func(n int) float64 {
		r := aws.at(n).request()
		return testing.AllocsPerRun(20, func() {
			if _, err := f.Authenticate(r); err != nil {
				t.Error(err)
			}
		})
	}
	dropped := cost(0)
	for n := 4; n < 20; n++ { // half, since the race detector empties pools at random
		if got := cost(n); got > dropped/2 {
			t.Errorf("day %d: %v allocations, and %v for the earliest of 20 days: it is not kept", n, got, dropped)
		}
	}
}

func TestKeysOfOneID(t *testing.T) {
	signing := errors.New("the key is gone")
	key := func(unique bool) sigv4.Key {
		return sigv4.Key{ID: "name@project", Suffix: "-TEST", Unique: unique, Open: func(*sigv4.Dialect) sigv4.Signer {
			return sigv4.Signer{
				Sign:   func(string, []byte) (string, error) { return "", signing },
				Verify: func(string, []byte, string) bool { return false },
			}
		}}
	}
	many := func(n int, unique bool) error {
		var keys []sigv4.Key
		for range n {
			keys = append(keys, key(unique))
		}
		_, err := sigv4.New(google.dialect, sigv4.Config{Keys: keys})
		return err
	}
	if err := many(10, false); err != nil {
		t.Errorf("ten keys of one id: %v", err)
	}
	if err := many(11, false); err == nil {
		t.Error("eleven keys of one id were accepted")
	}
	if err := many(2, true); err == nil {
		t.Error("two keys of one id that must be unique were accepted")
	}
	f, err := sigv4.New(google.dialect, sigv4.Config{Keys: []sigv4.Key{key(false), key(false)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Sign(parse(t, anyURL), anHour); !errors.Is(err, signing) {
		t.Errorf("a key that cannot sign: %v", err)
	}
	if got, want := f.String(), "2 keys, first name@project (GOOG4-TEST)"; got != want {
		t.Errorf("String is %q, want %q", got, want)
	}
	verifies := key(false)
	verifies.Open = func(*sigv4.Dialect) sigv4.Signer {
		return sigv4.Signer{Verify: func(string, []byte, string) bool { return false }}
	}
	public, err := sigv4.New(google.dialect, sigv4.Config{Keys: []sigv4.Key{verifies}})
	if err != nil || public.CanSign() {
		t.Errorf("a key that only verifies can sign: %v", err)
	}
	if u, err := public.Sign(parse(t, anyURL), anHour); err == nil {
		t.Errorf("a key that only verifies signed: %v", u)
	}
	var none *sigv4.Format
	if none.CanSign() || !f.CanSign() || none.String() != "no keys" {
		t.Errorf("a nil Format signs: %v; %v signs: %v", none, f, f.CanSign())
	}
}

func TestIDsAndSecrets(t *testing.T) {
	for _, tt := range []struct {
		id, secret string
		want       bool
	}{
		{accessID, "exactly 16 bytes", true},
		{accessID, "only fifteen by", false},
		{strings.Repeat("a", 128), secret, true},
		{strings.Repeat("a", 129), secret, false},
		{"", secret, false},
		{"!~", secret, true},
		{"a/b", secret, false},
		{"a b", secret, false},
		{"a\x7f", secret, false},
		{"a\x80", secret, false},
	} {
		if _, err := sigv4.HMACKey(tt.id, tt.secret, ""); (err == nil) != tt.want {
			t.Errorf("%q with a secret of %d bytes: %v", tt.id, len(tt.secret), err)
		}
	}
}
