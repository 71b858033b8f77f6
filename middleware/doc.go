// Package middleware signs URLs that expire, and checks them in front of an
// [http.Handler].
//
// A service that stores private files gives out links that work for a short
// time. The link carries its expiry and a signature made with a secret; the
// middleware checks it on every request. There is no session, no database and
// no call to a third party on the way. What is unsigned or altered is refused
// with 403, what has expired with 404.
//
// A signed link is a bearer token: whoever has it may use it. It travels in
// the open, through logs, Referer headers, chat histories and caches. So a
// link can be limited (see [Claims]), a reply never outlives its link in a
// cache, and [Redact] keeps signatures out of logs.
//
// # Signing
//
// A [Keyring] holds the keys of a service, of which the first signs. A
// [URLBuilder] makes links to the names below one prefix, whatever characters
// they hold. Sign takes absolute times and never looks at the clock: equal
// arguments give equal links.
//
// # Verifying
//
// A [Verifier] decides about a request ([Verifier.Verify]), stands in front of
// a handler ([Verifier.Handler], which fits alice and every router that takes
// func(http.Handler) http.Handler), and explains a decision to the operator
// ([Verifier.Explain]). The handler behind it finds the link's claims with
// [LinkFromContext].
//
// It verifies r.URL's escaped path, since that is what the next handler serves.
// Where outer handlers or a proxy take a prefix off the path, name it in
// [Options].Prefix. The path of r.RequestURI, if there is one, must be the same
// path, with the prefix or without it: otherwise one verifier that is mounted
// below /a/ and /b/ would open /b/card with the link to /a/card.
//
// Behind the middleware alone, [http.FileServer] redirects some requests to
// another path, which the link is not for: a directory without its slash, a
// file with one, and every path that ends in /index.html. The client then gets
// 403. Package signedfs serves files without such redirects.
//
// # Keys
//
// A key has an id, which every link names, and a text form, one key a line:
//
//	2026a:hmac-sha256:BASE64URL
//	2026b:ed25519:BASE64URL          (the 32-byte seed)
//	2026b:ed25519-public:BASE64URL
//
// The last part is unpadded base64url (RFC 4648, section 5) in its one
// canonical spelling. Secrets under 32 bytes or all zero, ids used twice, and
// Ed25519 public keys that are not valid points, or are of low order, are refused. To
// rotate: add the new key behind the old one on every server, put it first,
// and drop the old one when its last link has expired. A [FormatVar] changes
// the ring while requests are served, and [Link].KeyID shows which keys are
// still in use.
//
// # Format
//
// This section is normative: it is enough to write a signer or a verifier in
// another language. The files in testdata/vectors show every rule of it.
//
//	/files/kyc/card.jpg?expires_at=1767225600&signed_by=2026a&signature=Q2Xk...43 characters
//
// Reserved are the parameters expires_at and signature, and every name that
// begins with signed_. All other parameters are the application's, and are
// signed too. A URL that already carries a reserved name cannot be signed.
//
// expires_at is required: seconds since the Unix epoch in decimal, without
// sign or leading zero, at most 253402300799 (the year 9999), or the word
// never. The link is refused from that second on, plus the verifier's leeway.
// signed_by is required: the id of the key, 1 to 64 of A-Z a-z 0-9 - _ . and
// signature, the unpadded base64url of the MAC (HMAC-SHA-256, RFC 2104: 43
// characters) or the signature (Ed25519, RFC 8032: 86 characters). It has one
// spelling: padding, line breaks, escapes and stray bits in the last character
// are refused. The algorithm belongs to the key; a link cannot name one.
//
// The signed bytes are four lines, separated by LF (0x0A):
//
//	signed-url/1 LF path LF query LF binding
//
// Path. The path as it was sent is decoded once. Refused are: no leading "/",
// an invalid escape, a byte 00 to 1F or 7F; and, when the decoded path is cut
// at every "/" (raw or encoded) and every "\", a part that is "." or "..", or
// an empty part that is not the last. What remains is encoded again between
// the raw slashes: all but the unreserved characters of RFC 3986 (A-Z a-z 0-9 -
// . _ ~) as %XX in upper case. An encoded slash stays %2F.
//
// Query. All pairs but the signature and those that signed_ignore names; name
// and value decoded ("+" is a space) and encoded again as above; sorted by the
// bytes of the encoded name, pairs of one name in the order they came; joined
// as name=value with "&". Refused are: a raw ";", an invalid escape, an empty
// pair or name, a reserved name that comes twice or is spelled with escapes, a
// reserved parameter with an empty value, an unknown name that begins with
// signed_ (so that an old verifier never overlooks a limit that a new signer
// set), more than 128 pairs, and a target of more than 8192 bytes.
//
// Binding. Empty, or the value that signed_for names, encoded as above.
//
// The builder writes the canonical path and the canonical query, then the
// signature last. A verifier accepts every spelling that has the same signed
// bytes.
//
// # Limits
//
// A link carries its limits as parameters, which are signed like all others:
//
//	signed_from     not valid before this time, written as expires_at
//	signed_under    a canonical path that ends in "/": the link opens that path
//	                itself and what lies below it, by whole segments. The path
//	                line is this path, and the query line has only the reserved
//	                parameters. Other parameters on the request are refused
//	                unless signed_ignore names them.
//	signed_methods  methods, upper case, separated by commas; without it GET and
//	                HEAD. GET always includes HEAD.
//	signed_host     host[:port] in lower-case ASCII, without the scheme's
//	                default port; compared with the Host of the request.
//	signed_ip       IPv4 or IPv6 addresses or CIDR blocks, separated by commas;
//	                the client's address must be in one. Bits behind a block's
//	                length do not count, and ::ffff:192.0.2.1 is 192.0.2.1.
//	signed_for      the name (as a key id) of a value that the link does not
//	                show and the verifier knows: session, user, version. The
//	                value is the binding line. Absent or empty, it refuses.
//	signed_id       1 to 128 printable ASCII bytes: an id for revocation,
//	                counting and audit, of one link or of many.
//	signed_uses     1 to 1000000: how many uses the id has. It needs signed_id
//	                and an expiry. Every request but HEAD takes one.
//	signed_ignore   up to 64 names [A-Za-z0-9._~-]+, separated by commas, with an
//	                optional "*" at the end, of parameters that are not signed.
//	                Reserved names are never ignored.
//	signed_as       the reply is an attachment of this name: UTF-8, no slash or
//	                backslash, no control character, not "." or "..".
//	signed_type     the reply has this media type: printable ASCII with a "/".
//
// A value to which links are bound need not be secret, but a thief who can
// present it can use the link: a session id is a good one, a user's number is
// as good as the check that finds it for the request.
//
// # Order of checks
//
// The shape of the request, the presence of a signature, the key, the value of
// a binding, the signature in constant time, the path below the subtree; then
// time; then method, host and address; then revocation and uses. Whoever
// cannot sign learns nothing about clock, file or store.
//
// # Cookies
//
// A subtree link can travel as a cookie, so that a page with a hundred images
// needs one signature. The cookie's value is the reserved parameters of the
// link as a query, signed_under among them, and the first line of its signed
// bytes is signed-cookie/1: a link never works as a cookie, nor a cookie as a
// link. If the URL holds a reserved parameter, no cookie is looked at. Of the
// first 64 cookies of the name, up to 4 whose subtree holds the path are tried,
// and the first that passes all checks that need no store counts.
//
// # Replies
//
//	ErrUnsigned, ErrInvalid, ErrNotAllowed      403
//	ErrExpired                                  404 (or 410, by an option)
//	ErrNotYet, ErrRevoked, ErrUsedUp            404
//	ErrUnavailable                              503
//
// All that is not signed gets the same bytes. Every refusal is Cache-Control:
// no-store.
//
// # What a link does not do
//
// A link does not name the host it is for, unless Claims.Host does: services
// that share a key open each other's links. It does not know who uses it, unless it is bound to a value that only one
// client can present. It cannot be taken back before it expires, unless it has
// an id and the verifier [Revocations]. It protects the request, not the
// bytes: who got the file has it. And it is only as secret as the channel:
// without TLS, everyone on the way can read and use it.
package middleware

// The files read downwards: none uses a definition of one that is named before
// it. handler.go, verifier.go, urlbuilder.go, keyring.go, params.go, limits.go,
// subtree.go, key.go, canonical.go, format.go, explain.go, claims.go,
// clientaddr.go, cookie.go, store.go, redact.go, errors.go
