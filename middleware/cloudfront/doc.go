// Package cloudfront signs and verifies Amazon CloudFront's signed URLs and
// signed cookies. A Go server can take the place of a distribution, or stand
// beside one, for links that an AWS SDK made, and a Go program can issue links
// that CloudFront accepts. A [Format] is a [middleware.Format]: a
// [middleware.Verifier] enforces the claims of these links as it does those of
// this project's own links.
//
// # The format
//
// The signature is over a policy, which is JSON:
//
//	{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/a.jpg","Condition":{"DateLessThan":{"AWS:EpochTime":1767225600}}}]}
//
// This is a canned policy: it says when the link expires and no more. It is not
// sent, since the verifier can build it from the URL and its expiry:
//
//	https://d111111abcdef8.cloudfront.net/a.jpg?Expires=1767225600&Key-Pair-Id=K2JCJMDEHXQW5F&Signature=...&Hash-Algorithm=SHA256
//
// A custom policy is sent as Policy instead of Expires. It can also have a
// DateGreaterThan, an IpAddress, and wildcards in its Resource. The signature
// is RSASSA-PKCS1-v1_5 or ECDSA on P-256 (as ASN.1 DER) over the policy's
// bytes, with SHA-256 if Hash-Algorithm is SHA256, and with SHA-1 otherwise.
// Policy and Signature are base64 with - _ ~ for + = /. A set of cookies has the
// same parameters, with names that begin with "CloudFront-".
//
// The policy is compared with a URL made of the origin given to [New], the
// path, and the query without the five parameters Expires, Policy, Signature,
// Key-Pair-Id and Hash-Algorithm, wherever they are. Path and query are taken
// byte for byte as sent: nothing is decoded and nothing is sorted. The next
// handler sees the five parameters too. The application's own parameters cannot
// have these names.
//
// The claims of a link are Expires (DateLessThan), NotBefore
// (DateGreaterThan), Networks (IpAddress), Host (the origin's) and Under.
// CloudFront signs no method: the Verifier takes such links to be good for GET
// and HEAD. A policy has no place for any other claim, nor for another Host or a
// second network; setting one is an error when signing.
//
// The Resource is matched in four sections, protocol://domain/path?query. In
// each, "*" stands for zero or more characters, slashes included, and "?" for
// exactly one. A "*" at the end of the path opens every query, and one at the
// end of the domain every path and query; "*" alone opens everything. The SDKs
// write "?" before the query, and policies with wildcards in the path write
// `\?`. If there is no `\?`, a "?" that is followed by a "=" is not a wildcard
// in the path.
//
// # Where it is stricter
//
// The following is refused, although CloudFront may accept it: a parameter that
// is there twice or whose name is spelled with escapes; Expires together with
// Policy; base64 in any but its one spelling; numbers with signs, leading
// zeros, fractions or exponents; policies with a member twice, an unknown
// member, more than one statement, trailing data, more than 4096 bytes or any
// character outside printable ASCII; policies without a Resource; networks of
// IPv6; raw double quotes, backslashes, spaces and bytes outside ASCII in the
// URL; a path with a control character, or with a part that is "." or "..", or
// is that up to its first semicolon, however spelled; and, where wildcards
// decide, a path with an empty part. A path in another spelling than the signed
// one is refused as well.
//
// CloudFront documents what happens in the very second of DateGreaterThan (no
// access at that time), but not of DateLessThan. Here, as in all formats, a
// link is honoured from NotBefore on and refused from Expires on.
//
// # Threats
//
// SHA-1 is broken. Two messages of equal hash, with beginnings of the
// attacker's choice, cost some tens of thousands of dollars of computing. Anyone
// who may choose a part of what is signed, such as a file's name, could have one
// message signed and use the signature for another that opens everything. The
// blocks that make such messages collide are binary; they are refused in
// policies, before signing and after verifying, which raises the price but is
// no proof. So SHA-1 is refused unless [Options.InsecureAllowSHA1] is set. Set
// it for links of the Go SDK and of botocore, which know no other hash; then let
// no stranger choose names, and move the signers to SHA-256.
//
// Neither Key-Pair-Id nor Hash-Algorithm is signed. The first only finds the
// key. The second selects among the hashes that the options allow; and an RSA
// signature names its hash itself, so that one made with SHA-256 does not verify
// as one with SHA-1. The harm of allowing SHA-1 lies in signing with it.
//
// A signature does not say what it is for. The signature of a canned policy can
// be sent with the policy itself, as a custom one; then a "*" or "?" in the URL
// is a wildcard. Escape both in names (%2A and %3F): Sign insists on it, while
// the SDKs sign what they are given. For the same reason a link can be used as
// cookies, and cookies as a link, if [Options.Cookies] is set; both open the
// same. A "?" before a query without "=" remains: a link for /a?b may open a
// file called /aXb, for any one character X.
//
// Wildcards cross slashes, and a "*" at the end of a path covers any query: an
// application must not derive rights from parameters of such links. Policies for
// everything ("*", "https://*", "http*://*/*") are honoured, since they are
// explicit: they open this server too if it shares a key with the server they
// were made for. Give each service its own keys.
//
// An IpAddress is an IPv4 network. It refuses clients that come over IPv6, even
// 0.0.0.0/0 does. Whether the address is the client's depends on the verifier's
// TrustedProxies.
//
// Anyone can change an ECDSA signature into another one of the same message. The
// link remains the same link: do not use the bytes of a signature to tell links
// apart.
package cloudfront
