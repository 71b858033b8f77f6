package middleware_test

import (
	"bufio"
	"errors"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// No claim can be taken out of a link, put into it or changed.
func TestNoClaimCanBeRemovedAddedOrChanged(t *testing.T) {
	ring := testRing(t)
	all := in(time.Hour)
	all.NotBefore, all.Under, all.Methods, all.Host = time.Unix(1, 0), "/files/a/", []string{"GET"}, "files.example.com"
	all.Networks, all.Binding = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, middleware.Binding{Name: "session", Value: sessionValue}
	all.ID, all.Uses, all.Ignore, all.DownloadName, all.ContentType = "id", 5, []string{"utm_*"}, "a.pdf", "application/pdf"
	v := newVerifier(ring, &middleware.Options{
		AllowPermanent: true,
		Binding:        func(*http.Request, string) (string, error) { return sessionValue, nil },
		Uses:           uses(func(middleware.Use) (bool, error) { return true, nil }),
	})
	link := sign(t, ring, "/files/a/b.pdf", all)
	address, query, _ := strings.Cut(link, "?")
	pairs := strings.Split(query, "&")
	if len(pairs) != 14 {
		t.Fatalf("%d parameters in %s", len(pairs), link)
	}
	refused := func(what, target string) {
		t.Helper()
		if c, err := v.Verify(request(t, "GET", target)); !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned) {
			t.Errorf("%s: %s\nclaims %+v, error %v", what, target, c, err)
		}
	}
	if _, err := v.Verify(request(t, "GET", link)); err != nil {
		t.Fatal(err)
	}
	plain := sign(t, ring, "/files/a/b.pdf", in(time.Hour))
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		join := func(p ...string) string { return address + "?" + strings.Join(p, "&") }
		rest := append(append([]string{}, pairs[:i]...), pairs[i+1:]...)
		refused("without "+name, join(rest...))
		refused("with an empty "+name, join(append(rest, name+"=")...))
		refused("with "+name+" twice", join(append(pairs[:len(pairs):len(pairs)], pair)...))
		refused("with another name", join(append(rest, strings.ToUpper(name)+"="+value)...))
		for _, other := range []string{value + "0", "1" + value, value[1:], "never", "9999999999", "%2F", "x"} {
			if other != value && other != "" {
				refused("with another "+name, join(append(rest, name+"="+other)...))
			}
		}
		if name != "expires_at" && name != "signed_by" && name != "signature" {
			refused("with "+name+" added", plain+"&"+pair)
			refused("with "+name+" added in front", strings.Replace(plain, "?", "?"+pair+"&", 1))
		}
	}
}

// opened is the path that a careless file system opens for an escaped path:
// decoded, with backslashes for slashes, and cleaned; a directory keeps its
// slash.
func opened(r *http.Request) string {
	p := "/" + strings.ReplaceAll(r.URL.Path, `\`, "/")
	if clean := path.Clean(p); clean == "/" || !strings.HasSuffix(p, "/") {
		return clean
	}
	return path.Clean(p) + "/"
}

// FuzzSubtree asks for fuzzed targets with the link and with the cookie to a
// subtree. Neither opens anything but its path and what lies below it, whatever the
// spelling.
func FuzzSubtree(f *testing.F) {
	ring := testRing(f)
	b := builder(f, "/files/", ring)
	tree, err := b.Subtree("alice", middleware.Claims{Expires: time.Unix(4102444800, 0)})
	if err != nil {
		f.Fatal(err)
	}
	list, err := tree.Cookies("signed")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		f.Add(p)
		f.Add("/files/alice" + p)
		f.Add(strings.Replace(p, "/files/", "/files/alice/../", 1))
	}
	for _, target := range seeds(f, "target") {
		p, _, _ := strings.Cut(target, "?")
		f.Add(p)
	}
	v := newVerifier(ring, &middleware.Options{Cookie: "signed"})
	f.Fuzz(func(t *testing.T, p string) {
		for _, text := range []string{
			"GET " + p + "?" + tree.Query() + " HTTP/1.1\r\nHost: x\r\n\r\n",
			"GET " + p + " HTTP/1.1\r\nHost: x\r\nCookie: signed=" + list[0].Value + "\r\n\r\n",
		} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				continue
			}
			c, err := v.Verify(r)
			if err != nil {
				continue
			}
			if file := opened(r); !strings.HasPrefix(file, "/files/alice/") || c.Under != "/files/alice/" || strings.Contains(r.URL.RawQuery, "&x") {
				t.Errorf("%q opens %q with claims %+v", p, file, c)
			}
		}
	})
}
