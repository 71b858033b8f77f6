// Package middleware signs URLs that expire, and verifies them in front of an
// [http.Handler].
//
// A service that stores private files hands out links that work for a short
// time. A link carries its expiry and a signature made with a secret, and the
// middleware verifies both on every request. There is no session, no database
// and no call to a third party. A request that is unsigned or was altered is
// refused with 403, and one that has expired with 404.
//
// A signed link is a bearer token: anyone who has it can use it. It travels in
// the open, through logs, Referer headers, chat histories and caches. So a
// link can be limited (see [Claims]), no reply outlives its link in a cache,
// and [Redact] keeps signatures out of logs.
//
// # Signing
//
// A [Keyring] holds the keys of a service. Its first key signs. A [URLBuilder]
// makes links to the names below one prefix, and escapes whatever characters
// the names have. Signing uses absolute times and does not read the clock: equal
// arguments give equal links. Only the Max-Age of a cookie depends on the clock.
//
// # Verifying
//
// A [Verifier] decides about a request. [Verifier.Verify] returns the decision,
// [Verifier.Handler] enforces it in front of another handler, and
// [Verifier.Explain] explains it to the operator. The Handler method fits alice
// and every router that takes func(http.Handler) http.Handler. The next handler
// gets the link from [LinkFromContext].
//
// The path that is verified is the escaped path of r.URL, since that is what
// the next handler serves. If outer handlers or a proxy strip a prefix, name it
// in [Options].Prefix. The path of r.RequestURI, if there is one, must be the
// same path, with the prefix or without it. Otherwise one verifier mounted
// below both /a/ and /b/ would open /b/card with the link to /a/card.
//
// Path and query decide. The scheme and the host of r.URL, or of a request
// target in absolute form, do not, since clients choose them: the host is r.Host.
// User information, an opaque part, and schemes other than http and https in the
// target are refused.
//
// The client's address is that of r.RemoteAddr, with or without a port. If it is
// in [Options].TrustedProxies, the rightmost address in X-Forwarded-For that is
// not a trusted proxy counts. A server that listens on a Unix socket behind a
// proxy needs [Options].InsecureTrustUnixSocket.
//
// In front of [http.FileServer], nothing is served without a link, but FileServer
// was not made for it:
//
//   - It redirects a directory without its slash, a file with one, and every
//     path that ends in /index.html. The link is not signed for the new path,
//     so the client gets 403.
//   - It lists the directory that a link is for, and all directories in a subtree
//     that a link is for.
//   - It serves the file for every method that the link grants, DELETE included.
//   - It limits the ranges of a request only by their sum: a Range header of one
//     megabyte makes a reply of 36, most of it the headers of the parts.
//   - It does not send X-Content-Type-Options: nosniff, and HTML and SVG files
//     run their scripts on the service's own origin.
//
// Package signedfs serves files without these problems.
//
// # Keys
//
// A key has an ID, which every link names, and a text form of one line:
//
//	2026a:hmac-sha256:BASE64URL
//	2026b:ed25519:BASE64URL          (the 32-byte seed)
//	2026b:ed25519-public:BASE64URL
//
// The last part is unpadded base64url (RFC 4648, section 5) in its one
// canonical spelling. Secrets that are shorter than 32 bytes or all zero,
// repeated IDs, and Ed25519 public keys that are not valid points or are of low
// order are refused.
//
// The private half of an Ed25519 key can also be in an agent, a hardware module
// or a key management service: [NewSignerKey] takes any [crypto.Signer]. Each of
// its signatures is verified before it leaves.
//
// To rotate keys, add the new key after the old one on every server, then move
// it first, then drop the old one when its last link has expired. A [FormatVar]
// replaces the ring while requests are served, and [Link].KeyID shows which
// keys are still in use.
//
// # Format
//
// The sections from here to Replies are normative. They suffice to write a
// signer or a verifier in another language. The files in testdata/vectors test
// every rule.
//
//	/files/kyc/card.jpg?expires_at=1767225600&signed_by=2026a&signature=Q2Xk...43 characters
//
// The parameters expires_at and signature, and every name that begins with
// signed_, are reserved. Names are case-sensitive. All other parameters belong
// to the application and are signed too. A URL that already has a reserved
// parameter cannot be signed.
//
// The parameter expires_at is required. It is the number of seconds since the
// Unix epoch in decimal, without sign or leading zero and at most 253402300799
// (the year 9999), or the word never. The link is refused once that second, plus
// the verifier's leeway, is reached.
//
// The parameter signed_by is required. It is the ID of the key: 1 to 64 of the
// characters A-Z a-z 0-9 - _ .
//
// The parameter signature is required. It is the unpadded base64url of the MAC
// (HMAC-SHA-256, RFC 2104: 43 characters) or of the signature (Ed25519, RFC
// 8032: 86 characters). It has one spelling: padding, line breaks, escapes and
// stray bits in the last character are refused. The key determines the
// algorithm. A link cannot name one.
//
// The signed bytes are four lines, separated by LF (0x0A):
//
//	signed-url/1 LF path LF query LF binding
//
// Path. The path as sent is decoded once. Both signer and verifier refuse a
// path that does not begin with "/", has an invalid escape, or decodes to a byte
// 00 to 1F or 7F. What follows the first "/" of the decoded path is then split at
// every "/" and "\", raw or encoded. An empty part is refused unless it is the
// last. A
// part is refused if what precedes its first ";", raw or encoded, is "." or
// "..": servlet containers and some proxies drop ";" and what follows it. Apart
// from the rule for empty parts, this holds for the links of every [Format].
// A verifier also refuses a raw ";"; a signer writes it as %3B. The decoded path
// is encoded again between the raw slashes: every byte becomes %XX, in upper case,
// except the unreserved characters of RFC 3986 (A-Z a-z 0-9 - . _ ~). An encoded
// slash stays %2F. The result is the canonical path.
//
// Query. All pairs except signature, signed_narrow (see Narrowing) and those that
// signed_ignore names.
// Name and value are decoded ("+" is a space) and encoded again as above. The
// pairs are sorted by the bytes of the encoded name, and pairs of one name stay
// in the order in which they came. They are joined as name=value with "&"; a
// pair without "=" has an empty value. The result is the canonical query. Both signer and verifier refuse a raw
// ";", an invalid escape, an empty pair or name, a reserved name that is
// repeated or spelled with escapes, a reserved parameter with an empty value,
// and an unknown name that begins with signed_, so that an old verifier never
// overlooks a limit that a new signer set. Only signed_narrow may be
// repeated, whose values the signature covers in another way. They also refuse more than 128 pairs,
// counting the signature and ignored ones, and a target (path, "?" and query) of
// more than 8192 bytes.
//
// Binding. The value that signed_for names, encoded as above, or nothing.
//
// A signer writes the canonical path and the canonical query, and the signature
// last. A verifier accepts every spelling that has the same signed bytes.
//
// # Limits
//
// A link carries its limits as parameters, which are signed like all others:
//
//	signed_from     not valid before this time, a number as in expires_at
//	signed_under    a canonical path that ends in "/": the link opens that path
//	                itself and everything below it, by whole segments. The path
//	                line is this path, and the query line has only the reserved
//	                parameters. Other parameters of the request are refused
//	                unless signed_ignore names them.
//	signed_methods  methods in upper case, separated by commas. The default is
//	                GET and HEAD, and GET always includes HEAD.
//	signed_host     host[:port] in lower-case ASCII, without port 80 or 443: the
//	                request's Host must be equal once it is in lower case and
//	                has lost an empty port, 80 or 443
//	signed_ip       IPv4 or IPv6 addresses or CIDR blocks, separated by commas:
//	                one must contain the client's address. Bits beyond a
//	                block's length do not count, and ::ffff:192.0.2.1 is
//	                192.0.2.1; a block of such addresses has 96 bits or more.
//	signed_for      the name, of the characters of a key ID, of a value that the
//	                link does not show and the verifier knows: session, user,
//	                version. The value is the binding line. A missing or empty
//	                value refuses the link.
//	signed_id       1 to 128 printable ASCII bytes without space: an ID for
//	                revocation, counting and audit, of one link or of many
//	signed_uses     1 to 1000000: the number of uses of the ID. It needs
//	                signed_id and an expiry.
//	signed_ignore   up to 64 names [A-Za-z0-9._~-]+ with an optional "*" at the
//	                end, separated by commas, of parameters that are not
//	                signed. Reserved names are never ignored.
//	signed_as       the reply is an attachment with this name: UTF-8, not "." or
//	                "..", without slash, backslash, control characters (0000
//	                to 001F, 007F to 009F), and the separators and
//	                bidirectional controls that make a name look like another
//	                one (061C, 200E, 200F, 2028 to 202E, 2066 to 2069)
//	signed_inline   1: the reply is shown, and saved under the name of
//	                signed_as, which it needs
//	signed_max      1 to 9007199254740991: the size of the largest body that may
//	                be uploaded, in bytes
//	signed_sum      sha-256: and the unpadded base64url of the SHA-256 digest
//	                that the uploaded body must have, which is not all zero
//	signed_accept   up to 64 media types, separated by commas, that the uploaded
//	                body may have: in lower case (the names of RFC 6838, section
//	                4.2), without parameters, or image/*, audio/*, video/*,
//	                font/*, which stand for all types of the kind whose name
//	                does not end in +xml
//	signed_replace  1: the upload may replace an existing file
//	signed_type     the reply has this media type: printable ASCII with a "/"
//
// A bound value need not be secret, but a thief who can present it can use the
// link. A session ID is a good value. A user's number is as good as the check
// by which the verifier finds it for a request.
//
// The limits of an upload bind the handler that reads the body, as package
// signedfs does. A verifier refuses a link that has one unless its
// [Options].EnforcesUploads is set. A link that has none permits an upload of
// anything that the handler takes. The body itself is not signed.
//
// # Uses
//
// Every request except HEAD takes a use, after all other checks and before the
// next handler runs. A handler that acts, such as one that confirms or deletes
// something, therefore never acts twice for one use. A handler whose reply has
// nothing of the file, such as 304 or 404, can return the use with [GiveBack],
// as package signedfs does. The middleware never does so by itself.
//
// The middleware cannot tell people from programs. Chat programs that show a
// preview and mail servers that scan for malware open the links in a message,
// often before its reader does. Each of them takes a use. A link with one use
// that is sent this way may be used up when its reader opens it. Send such a
// link to a page of your own with a button that leads to it, or allow a few
// uses more. The window of [Options].UseWindow, within which a client's further
// requests take no use, does not help: the scanner has another address.
//
// # Order of checks
//
// The shape of the request, the presence of a signature, the key, the value of
// a binding, the signature in constant time, and the path in the subtree; then
// the time; then method, host, address and the verifier's policy; then
// revocation and uses. A client that cannot sign learns nothing about clock,
// file or store.
//
// # Cookies
//
// A subtree link can travel as a cookie, so that a page with a hundred images
// needs one signature. The value of the cookie is the reserved parameters of
// the link as a query, with signed_under among them. The first line of its
// signed bytes is signed-cookie/1, so that a link never works as a cookie, nor a
// cookie as a link. Name and value have at most 4096 bytes together.
//
// Cookies are ignored if the URL has a reserved parameter. Other parameters of
// the request are refused unless the cookie's signed_ignore names them. Of the
// first 64 cookies of the name, up to 4 whose subtree contains the path are
// tried. The first that passes all checks that need no store is used.
//
// # Narrowing
//
// Whoever holds a link that is signed with HMAC can make a narrower one from it,
// offline and without a key, with [Narrow]: a front end that was given a folder for
// an hour hands a browser one file for a minute. The signature of the narrower link
// does not lead back to that of the wider one. Macaroons do this for tokens
// (https://research.google/pubs/pub41892/).
//
// A narrower link is the link itself, without its signature, with one parameter
// more, signed_narrow, and a new signature. The value of the parameter is a step: a query
// string of one or more of
//
//	expires_at      as in a link, and not never: the earliest counts
//	signed_accept   as in a link (see Limits)
//	signed_from     as in a link
//	signed_host     as in a link
//	signed_ip       as in a link
//	signed_max      as in a link
//	signed_methods  as in a link; without it, those of the link
//	signed_only     a canonical path: the only one that is left. A link has no
//	                parameter of this name.
//	signed_under    as in a link: the subtree that is left
//
// A step is spelled as a canonical query is (see Format): names and values are encoded,
// and the pairs are sorted by name. No name comes twice, and no value is empty. Lists
// keep their order and have at most 64 items. A step has at most 1024 bytes. A link has at most 4 steps, each in a
// parameter signed_narrow of its own, whose value is the step encoded once more. Each is
// one of the 128 pairs, and all are part of the 8192 bytes.
//
// With S(0) the 32 bytes of the link's own MAC, which the base64url of its signature
// decodes to, each step makes
//
//	S(n) = HMAC-SHA-256(key: S(n-1), message: signed-narrow/1 LF step)
//
// with no LF at the end, and the signature of the narrower link is the base64url of
// S(n). The message has the step as it is before it is encoded for signed_narrow. To
// narrow a link that has steps, take the signature that it has.
//
// For example, with the key
//
//	2026a:hmac-sha256:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY
//
// the link
//
//	/files/kyc/42/my%20card.jpg?expires_at=1767225600&signed_by=2026a&signed_under=%2Ffiles%2Fkyc%2F42%2F&signature=Z9z2clJJPaQLeJeEZfMbWks1MOu168SE342K9AohqiI
//
// becomes by the step
//
//	expires_at=1767222060&signed_only=%2Ffiles%2Fkyc%2F42%2Fmy%2520card.jpg
//
// the link
//
//	/files/kyc/42/my%20card.jpg?expires_at=1767225600&signed_by=2026a&signed_narrow=expires_at%3D1767222060%26signed_only%3D%252Ffiles%252Fkyc%252F42%252Fmy%252520card.jpg&signed_under=%2Ffiles%2Fkyc%2F42%2F&signature=zPCyJgrzYmv95pkp6zDsvQeqTzYWBfg7_Psbm8AqAqY
//
// and that by the step
//
//	signed_ip=2001%3Adb8%3A%3A%2F32
//
// the link
//
//	/files/kyc/42/my%20card.jpg?expires_at=1767225600&signed_by=2026a&signed_narrow=expires_at%3D1767222060%26signed_only%3D%252Ffiles%252Fkyc%252F42%252Fmy%252520card.jpg&signed_narrow=signed_ip%3D2001%253Adb8%253A%253A%252F32&signed_under=%2Ffiles%2Fkyc%2F42%2F&signature=t8MoQ9aNOFLHXfT5ViaBmzvevmuS_m9rxykl9ITwz4U
//
// A canonical path has escapes of its own, so that the space is escaped three times
// in the link. The parameters of the narrower link are in the order of a canonical
// query, those that signed_ignore names included, and the new signed_narrow stands
// after earlier ones. The signature is last.
//
// What makes links narrower never changes their path: whoever holds a link to a subtree
// gives it the path of the file first. signed_only leaves the path that is equal to it in
// canonical form, and signed_under those that begin with it, slash included:
// /files/kyc/42/ leaves neither /files/kyc/42 nor /files/kyc/42%2Fcard.jpg. Whether a
// step is narrower than the link need not be checked, since no step widens one: the
// verifier holds a request against the link and against each of its steps, and all must
// permit it. [Narrow] refuses what is wider, since it is probably a mistake, and it refuses
// a signature of 86 characters, which is Ed25519's.
//
// To verify, leave out the steps, compute the MAC of the link itself, then that of
// each step in the order in which they stand, and compare the last one with the
// signature. A step that is not in its canonical form or has another name is refused,
// although its signature is right. So is a step in a link that is signed with Ed25519.
// That each step leaves the path is checked with the signature. The other limits of a
// step are checked after those of the link and of the steps before it, the time first,
// and before the policy. A size or a type in a step needs [Options].EnforcesUploads, as
// in a link.
//
// A cookie is narrowed in the same way, with [NarrowCookie]. Which cookies are tried
// depends on their signed_under and not on their steps.
//
// The verifier's policy and its stores look at the link itself: a narrower link may
// live as long as [Options].MaxLifetime lets the link itself, and takes its uses from
// the same count. Its ID, binding, ignored parameters and the name and type of the
// reply stay what they are. The reply is fresh until the earliest expiry.
//
// # Replies
//
//	ErrUnsigned, ErrInvalid, ErrNotAllowed      403
//	ErrExpired                                  404 (or 410, by an option)
//	ErrNotYet, ErrRevoked, ErrUsedUp            404
//	ErrUnavailable                              503
//
// All requests without a valid signature get the same bytes. Every refusal has
// Cache-Control: no-store.
//
// The reply to an accepted request is private, and fresh for no longer than the
// link lives. The next handler, or a backend behind a
// [net/http/httputil.ReverseProxy], can make its Cache-Control stricter and not
// looser. A reply with any other status than 2xx and 304 is not the file: it has
// Cache-Control: no-store and neither the name nor the media type of the link.
// See [Verifier.Handler].
//
// # CORS
//
// Pages of other origins show images, videos and downloads without permission.
// A script that reads a file, and a player that is a script, need it from the
// server, by the CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol).
// A handler for it belongs outside the verifier:
//
//	pages, err := cors.NewMiddleware(cors.Config{ // github.com/jub0bs/cors
//		Origins:         []string{"https://app.example"},
//		Methods:         []string{"GET", "HEAD"},
//		RequestHeaders:  []string{"Range", "If-Range"},
//		ResponseHeaders: []string{"Accept-Ranges", "Content-Range", "ETag"},
//	})
//	...
//	mux.Handle("/files/", pages.Wrap(v.Handler(files)))
//
// There it answers the preflight requests, which no client signs and the verifier
// refuses. It also adds its fields to refusals, without which a script sees a
// failed connection instead of the status of an expired link.
//
// A page of another site gets the cookies of a subtree sent only if they are
// SameSite=None, and in more and more browsers only if they are Partitioned:
//
//	cookies, err := subtree.Cookies("files")
//	...
//	for _, c := range cookies {
//		c.SameSite = http.SameSiteNoneMode
//		c.Partitioned = true
//		http.SetCookie(w, c)
//	}
//
// The host of the files must set them itself, in its reply to a request that the
// page sends with credentials, as it does those for the files (fetch with
// credentials: "include", <video crossorigin="use-credentials">). Both replies need
// Credentialed, with which every origin in the list can read what the
// visitor's cookies open.
//
// # Threats
//
// Hand-written code for signed links often has these faults, each of which was
// found in real systems. This package has an answer to each:
//
//   - Fields are joined without a separator, as in Sprintf("%d%s", expires,
//     name), so that digits can move from one to the other. The signed bytes
//     are injective, and tagged with their version and purpose.
//   - The signature covers the path as sent, and the file is opened by the
//     cleaned path: /a/%2e%2e/b, /a/..%2Fb, /a/..;/b. All of these are refused,
//     in every spelling. (http.ServeMux redirects a raw ".." or "//" before it
//     calls any handler, and the new path is verified.)
//   - strings.HasPrefix(path, "/files/a") opens /files/ab. Subtrees are compared
//     by whole segments.
//   - Signatures are compared with ==. Here the comparison takes constant time.
//   - ParseInt accepts +5 and 005, and base64 has four spellings of a MAC.
//     Numbers and signatures have one spelling.
//   - URL.Query drops a;b=c without an error, and another parser does not. What
//     does not parse is refused.
//   - The expiry is checked before the signature, and tells a forger what
//     exists. The signature is checked first, and all forgeries get one reply.
//   - The link names the algorithm, or the secret is a short word. The key
//     determines the algorithm, and secrets have at least 32 bytes.
//   - Any method passes, so that a link to read a file deletes it. GET and HEAD
//     are the default.
//   - A shared cache keeps the reply after the link has expired, or a browser
//     keeps an error for as long as the file. Replies are private and fresh for
//     no longer than the link lives. Refusals and errors are not stored.
//   - A download name has a character that reverses the text after it, so that
//     a program looks like a document. Such names are refused.
//   - Every log has live links. [Redact] and [RedactAttr] remove the signatures,
//     and [SecretParams] the parameters of other names.
//   - Large input costs more than it should. Length, parameters, cookies and
//     ignored names are bounded before anything is hashed.
//
// # A person in between
//
// Mail scanners and chat previews open links, and would spend the uses of a link that
// is good for one. With [Options.Confirm], GET and HEAD of such a link get a page that
// names the file, and neither the file nor a use; its button sends a POST that stands
// for the GET, from the same origin alone. With a UseWindow, one press is one file,
// however many requests the client needs: ranges, a seek, a download that goes on.
// The window tells clients apart by their address. A proxy that asks (package
// forwardauth) has no page, and such links do not pass there. A proxy in front must
// leave the host of requests as it is, since browsers may name only their origin.
//
// [Options.Pages] shows people what is wrong with a link, on pages of the application or
// the plain ones of [DefaultPages]. Clients that ask for JSON get problem details (RFC
// 9457), and everybody else text. A page has nothing of the request on it, and a link
// that is not authentic gets the same page whatever is wrong with it.
//
// # What a link does not do
//
// A link does not name its host unless Claims.Host does: services that share a
// key open each other's links. It does not know who uses it unless it is bound
// to a value that only one client can present. It cannot be taken back before
// it expires unless it has an ID and the verifier has [Revocations], or its
// bound value changes. It does not hide its path, expiry and limits. It protects
// the request, not the file: anyone who has downloaded the file keeps it. And it
// is only as secret as the channel: without TLS, everyone on the way can read
// and use it.
package middleware

// The files read downwards: none uses a definition of one that is named before
// it. handler.go, header.go, verifier.go, page.go, confirm.go, urlbuilder.go, narrow.go,
// keyring.go, step.go, params.go, limits.go, subtree.go, signerkey.go, key.go, canonical.go,
// format.go, explain.go, claims.go, clientaddr.go, cookie.go, store.go, redact.go,
// decoded.go, errors.go
