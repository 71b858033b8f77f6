// Package forwardauth answers the question that a proxy asks before it serves a
// request: may it pass? The proxy then sends the file itself, or passes the
// request on to a server that knows nothing of links.
//
//	verifier, err := middleware.NewVerifier(keys, nil)
//	check, err := forwardauth.New(verifier, forwardauth.NGINX, &forwardauth.Options{
//		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
//	})
//	mux.Handle("/verify", check)
//
// For files there is a better way: package signedfs with its option Offload opens
// and judges the file, and nginx or Apache sends it. Take this package for what is
// not a file of this machine, and for proxies that cannot offload.
//
// # What is checked
//
// The request that is judged is the one that the proxy got. Its method, target,
// host and client address come from the fields that the [Profile] names and from
// nowhere else. Each must be there exactly once, and the peer must be a proxy
// that [Options] trusts: everything else is 403, since whoever can reach
// the handler could make up a request. Make the proxy set every one of them: a
// field that it lets through is the client's own.
//
//	              nginx              Caddy, Traefik       Envoy
//	method        X-Original-Method  X-Forwarded-Method   the method
//	target        X-Original-URI     X-Forwarded-Uri      the target, behind Options.PathPrefix
//	host          X-Original-Host    X-Forwarded-Host     Host
//	client        X-Forwarded-For    X-Forwarded-For      X-Forwarded-For
//
// The client is the last entry of X-Forwarded-For, which is the peer of the
// proxy. If that is a proxy too, of the verifier's own
// [middleware.Options.TrustedProxies], the entries before it count. Envoy appends its
// own address too (https://github.com/envoyproxy/envoy/issues/21519), which is
// skipped; it must be allowed to send the field, and use_remote_address must be on.
//
// The target must be as the client sent it. Proxies serve another path than that: they
// resolve dots, merge slashes, decode "%2F" and cut at "#". Where this could lead to
// another file, the request is refused: besides what every [middleware.Verifier]
// refuses, an empty part of a path, an encoded slash, and every byte that
// RFC 3986 does not allow in path and query.
//
// Refused are also links that limit an upload, since nobody would hold the body
// against them, those that ask for the type of the reply, which proxies cannot
// replace, and by the profiles of Caddy, Traefik and Envoy those that ask for its
// file name, unless [Options.SetsReplyHeaders] is set. A link with
// limited uses is counted for each request, ranges included, unless the verifier has
// a UseWindow. Links that a person has to confirm first do not pass.
//
// # The answer
//
// What passes is 200, or 204 for nginx. What does not is the reply of the verifier,
// which Caddy, Traefik and Envoy give to the client. nginx knows 401 and 403 alone,
// and makes 500 of all others: its profile answers 403 for a link that is forged or
// not allowed, and 401 for one that is authentic and over (the verifier's 404 or
// 410), so that the configuration can tell them apart:
//
//	error_page 401 =404 /expired;
//
// If a store does not answer, the reply is 503. Do not let Envoy pass
// such requests (failure_mode_allow).
//
// The answer itself is Cache-Control: no-store. What the reply to the client should
// have is in fields of its own: X-Signed-Cache-Control, X-Signed-Referrer-Policy and,
// as the link asks for them, X-Signed-Vary, X-Signed-Content-Type and
// X-Signed-Content-Disposition. A proxy that does not copy the first one lets files
// outlive their links in caches. nginx copies with auth_request_set and add_header,
// Caddy with copy_headers and a deferred header. Let the proxy remove what a client
// sends under these names.
//
// Complete configurations are in the directory examples/fileserver/deploy.
package forwardauth
