// Package extauthz answers Envoy, and what speaks its protocol, such as the
// implementations of the Gateway API, whether a request may pass: the gRPC form of
// ext_authz (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/external_auth.proto).
// The form over HTTP is the profile Envoy of package forwardauth, whose rules hold
// here too.
//
//	verifier, err := middleware.NewVerifier(keys, nil)
//	check, err := extauthz.New(verifier, &forwardauth.Options{
//		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
//	})
//	server := grpc.NewServer()
//	authv3.RegisterAuthorizationServer(server, check)
//
// This protocol alone lets the answer change the reply to the client: it gets the
// Cache-Control of the link, so that a file does not outlive it in a cache,
// Referrer-Policy, and the name and the type that the link asks for. They are set on
// every reply of the upstream, errors included. And it lets the answer change the
// request: the upstream does not get the parameters of the link, which it could log
// or pass on. A cookie that carries a link goes on.
//
// The client is the peer of Envoy (source.address). If that is a proxy, the
// verifier's own [middleware.Options.TrustedProxies] must name it; Envoy must then
// append its peer to X-Forwarded-For (use_remote_address) or pass it on as that proxy
// wrote it. A refusal has the verifier's status, header and body. Leave
// failure_mode_allow off.
package extauthz

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/forwardauth"
)

// New returns a service that answers by the verifier's word. The options say which
// Envoys may ask; SetsReplyHeaders is taken for granted. The errors are those of
// [forwardauth.New]. New panics if v is nil. The service is safe for concurrent use.
func New(v *middleware.Verifier, opts *forwardauth.Options) (authv3.AuthorizationServer, error) {
	var o forwardauth.Options
	if opts != nil {
		o = *opts
	}
	o.SetsReplyHeaders = true
	// A question is put as Caddy would put it.
	check, err := forwardauth.New(v, forwardauth.Caddy, &o)
	if err != nil {
		return nil, err
	}
	return &service{check: check}, nil
}

type service struct {
	authv3.UnimplementedAuthorizationServer
	check http.Handler
}

// Check implements [authv3.AuthorizationServer]. It returns no error: what is wrong
// with a question is a refusal.
func (s *service) Check(ctx context.Context, q *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	a := &answer{header: make(http.Header)}
	asked := q.GetAttributes().GetRequest().GetHttp()
	s.check.ServeHTTP(a, question(ctx, q))
	if a.status == http.StatusOK {
		return passed(a, asked.GetPath()), nil
	}
	return denied(a), nil
}

// question returns the question as Caddy would put it over HTTP.
func question(ctx context.Context, q *authv3.CheckRequest) *http.Request {
	asked := q.GetAttributes().GetRequest().GetHttp()
	r := (&http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/"}, RequestURI: "/", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody,
	}).WithContext(ctx)
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		r.RemoteAddr = p.Addr.String()
	}
	for name, value := range asked.GetHeaders() {
		if !strings.HasPrefix(name, ":") {
			r.Header.Add(name, value)
		}
	}
	for _, h := range asked.GetHeaderMap().GetHeaders() { // with encode_raw_headers
		if !strings.HasPrefix(h.GetKey(), ":") {
			r.Header.Add(h.GetKey(), string(h.GetRawValue()))
		}
	}
	r.Header["X-Forwarded-Method"] = []string{asked.GetMethod()}
	r.Header["X-Forwarded-Uri"] = []string{asked.GetPath()}
	r.Header["X-Forwarded-Host"] = []string{asked.GetHost()}
	// The peer of Envoy comes last, whether or not Envoy appends it too.
	clients := append(r.Header["X-Forwarded-For"], q.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress())
	r.Header["X-Forwarded-For"] = []string{strings.Join(clients, ", ")}
	return r
}

// answer is a reply to a question over HTTP.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.status == 0 && code >= 200 {
		a.status = code
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

const signed = "X-Signed-"

func passed(a *answer, target string) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{QueryParametersToRemove: linkParameters(target)}
	for name, values := range a.header {
		if name, ok2 := strings.CutPrefix(name, signed); ok2 {
			action := corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
			if name == "Vary" {
				action = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
			}
			ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, option(name, strings.Join(values, ", "), action))
		}
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

func denied(a *answer) *authv3.CheckResponse {
	no := &authv3.DeniedHttpResponse{
		Status: &typev3.HttpStatus{Code: typev3.StatusCode(a.status)},
		Body:   a.body.String(),
	}
	for name, values := range a.header {
		if name != "Content-Length" { // Envoy counts
			for _, v := range values {
				no.Headers = append(no.Headers, option(name, v, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD))
			}
		}
	}
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: no},
	}
}

func option(name, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: strings.ToLower(name), Value: value},
		AppendAction: action,
	}
}

// linkParameters returns the names of the parameters in a target that are reserved
// for links, and of those of other formats that hold a signature.
func linkParameters(target string) (names []string) {
	_, query, _ := strings.Cut(target, "?")
	for pair := range strings.SplitSeq(query, "&") {
		raw, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if err == nil && (name == "expires_at" || strings.HasPrefix(name, "signed_") || middleware.Redact("/?"+pair) != "/?"+pair) {
			names = append(names, name)
		}
	}
	return names
}
