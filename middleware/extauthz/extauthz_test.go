package extauthz_test

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/extauthz"
	"example.com/signedurl/middleware/forwardauth"
	"example.com/signedurl/middleware/memstore"
)

var keys = func() *middleware.Keyring {
	key, err := middleware.NewHMACKey("2026a", []byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	return ring
}()

func sign(t *testing.T, target string, change func(c *middleware.Claims)) string {
	t.Helper()
	c := middleware.Claims{Expires: time.Now().Add(time.Hour)}
	if change != nil {
		change(&c)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = keys.Sign(u, c); err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// start serves over a real connection, and returns a client.
func start(t *testing.T, verify middleware.Options, trusted string) authv3.AuthorizationClient {
	t.Helper()
	v, err := middleware.NewVerifier(keys, &verify)
	if err != nil {
		t.Fatal(err)
	}
	check, err := extauthz.New(v, &forwardauth.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix(trusted)}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, check)
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(ln.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// question is one as Envoy asks it.
func question(method, target, client string, headers map[string]string) *authv3.CheckRequest {
	all := map[string]string{":method": method, ":path": target, ":authority": "files.example.com", ":scheme": "https"}
	for k, v := range headers {
		all[k] = v
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: client, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 40000}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: method, Path: target, Host: "files.example.com", Scheme: "https", Protocol: "HTTP/2", Headers: all,
		}},
	}}
}

func ask(t *testing.T, c authv3.AuthorizationClient, q *authv3.CheckRequest) (status int, headers map[string]string, resp *authv3.CheckResponse) {
	t.Helper()
	resp, err := c.Check(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	options, status := resp.GetOkResponse().GetResponseHeadersToAdd(), 200
	if no := resp.GetDeniedResponse(); no != nil {
		options, status = no.GetHeaders(), int(no.GetStatus().GetCode())
	}
	if (status == 200) != (resp.GetStatus().GetCode() == int32(codes.OK)) {
		t.Errorf("status %d with code %d", status, resp.GetStatus().GetCode())
	}
	headers = map[string]string{}
	for _, o := range options {
		headers[o.GetHeader().GetKey()] = o.GetHeader().GetValue()
	}
	return status, headers, resp
}

// narrow narrows a link by a step.
func narrow(t *testing.T, link string, step middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(link)
	if err == nil {
		u, err = middleware.Narrow(u, step)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func TestEnvoyHearsWhetherARequestMayPass(t *testing.T) {
	const client = "192.0.2.7"
	c := start(t, middleware.Options{
		Uses: memstore.NewUses(nil), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Cookie: "link",
	}, "127.0.0.1/32")
	good := sign(t, "/files/card.jpg", nil)
	mine := sign(t, "/files/card.jpg", func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix(client + "/32")} })
	once := sign(t, "/files/once.jpg", func(c *middleware.Claims) { c.ID, c.Uses = "x", 1 })
	tree := sign(t, "/files/card.jpg", func(c *middleware.Claims) { c.Under, c.Methods = "/files/", []string{"GET", "PUT"} })
	cookie, err := keys.SignCookies("link", middleware.Claims{Expires: time.Now().Add(time.Hour), Under: "/files/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name                   string
		method, target, client string
		headers                map[string]string
		want                   int
	}{
		{"a link", "GET", good, client, nil, 200},
		{"HEAD", "HEAD", good, client, nil, 200},
		{"another method", "DELETE", good, client, nil, 403},
		{"no link", "GET", "/files/card.jpg", client, nil, 403},
		{"an altered link", "GET", good + "A", client, nil, 403},
		{"an expired link", "GET", sign(t, "/files/card.jpg", func(c *middleware.Claims) { c.Expires = time.Now().Add(-time.Hour) }), client, nil, 404},
		{"dots", "GET", strings.Replace(good, "/files/", "/files/x/../", 1), client, nil, 403},
		{"an encoded slash", "GET", strings.Replace(good, "/card", "%2Fcard", 1), client, nil, 403},
		{"a fragment", "GET", strings.Replace(good, "?", "#?", 1), client, nil, 403},
		{"a spoofed target", "GET", "/files/other.jpg", client, map[string]string{"x-forwarded-uri": good, "x-original-uri": good}, 403},
		{"a spoofed method", "DELETE", good, client, map[string]string{"x-forwarded-method": "GET"}, 403},
		{"for this client", "GET", mine, client, nil, 200},
		{"for another client", "GET", mine, "192.0.2.8", nil, 403},
		{"a spoofed client", "GET", mine, "192.0.2.8", map[string]string{"x-forwarded-for": client}, 403},
		{"behind a proxy that appends", "GET", mine, "10.0.0.1", map[string]string{"x-forwarded-for": client + ",10.0.0.1"}, 200},
		{"behind a proxy that is not appended", "GET", mine, "10.0.0.1", map[string]string{"x-forwarded-for": client}, 200},
		{"no client", "GET", good, "", nil, 403},
		{"no method", "", good, client, nil, 403},
		{"no target", "GET", "", client, nil, 403},
		{"a cookie", "GET", "/files/card.jpg", client, map[string]string{"cookie": cookie[0].String()}, 200},
		{"a narrowed link", "GET", narrow(t, good, middleware.Claims{Methods: []string{"GET"}}), client, nil, 200},
		{"a method that was taken away", "HEAD", narrow(t, tree, middleware.Claims{Methods: []string{"PUT"}}), client, nil, 403},
		{"a file that is left", "GET", narrow(t, tree, middleware.Claims{Only: "/files/card.jpg"}), client, nil, 200},
		{"a file that is not", "GET", strings.Replace(narrow(t, tree, middleware.Claims{Only: "/files/card.jpg"}), "/card", "/other", 1), client, nil, 403},
		{"narrowed to another client", "GET", narrow(t, good, middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}), client, nil, 403},
		{"narrowed to the past", "GET", narrow(t, good, middleware.Claims{Expires: time.Unix(1, 0)}), client, nil, 404},
		{"a step taken away", "GET", strings.Replace(narrow(t, good, middleware.Claims{Expires: time.Unix(1, 0)}), "signed_narrow", "x", 1), client, nil, 403},
		{"a use", "GET", once, client, nil, 200},
		{"no further use", "GET", once, client, nil, 404},
		{"an upload", "PUT", sign(t, "/files/a", func(c *middleware.Claims) { c.Methods, c.Upload.MaxBytes = []string{"PUT"}, 10 }), client, nil, 403},
	} {
		status, headers, _ := ask(t, c, question(test.method, test.target, test.client, test.headers))
		if status != test.want {
			t.Errorf("%s: %d, want %d", test.name, status, test.want)
		}
		if want := "no-store"; status != 200 && headers["cache-control"] != want || status == 200 && !strings.HasPrefix(headers["cache-control"], "private, max-age=3") {
			t.Errorf("%s: %v", test.name, headers)
		}
	}
	if _, err := c.Check(context.Background(), &authv3.CheckRequest{}); err != nil {
		t.Errorf("an empty question: %v", err)
	}
}

func TestTheLinkChangesRequestAndReply(t *testing.T) {
	c := start(t, middleware.Options{}, "127.0.0.1/32")
	link := sign(t, "/files/card.jpg?width=200&expires=x", func(c *middleware.Claims) { c.DownloadName, c.ContentType = "Your card.jpg", "image/jpeg" })
	status, headers, resp := ask(t, c, question("GET", link, "192.0.2.7", nil))
	if status != 200 || headers["content-disposition"] != `attachment; filename="Your card.jpg"` || headers["content-type"] != "image/jpeg" || headers["referrer-policy"] != "no-referrer" {
		t.Errorf("%d, %v", status, headers)
	}
	removed := resp.GetOkResponse().GetQueryParametersToRemove()
	slices.Sort(removed)
	if want := []string{"expires_at", "signature", "signed_as", "signed_by", "signed_type"}; !slices.Equal(removed, want) {
		t.Errorf("the upstream does not get %q, want %q", removed, want)
	}
}

func TestStrangersMayNotAsk(t *testing.T) {
	c := start(t, middleware.Options{}, "10.0.0.0/8")
	if status, _, _ := ask(t, c, question("GET", sign(t, "/files/card.jpg", nil), "192.0.2.7", nil)); status != 403 {
		t.Errorf("%d", status)
	}
	v, err := middleware.NewVerifier(keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []*forwardauth.Options{nil, {}, {TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::/0")}, PathPrefix: "/verify"}} {
		if _, err := extauthz.New(v, opts); err == nil {
			t.Errorf("%+v: no error", opts)
		}
	}
}
