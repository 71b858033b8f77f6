// Package cloudfront signs and verifies Amazon CloudFront's signed URLs and
// signed cookies, so that a Go server can take the place of a distribution, or
// stand beside one, for links that an AWS SDK made; and so that a Go program
// can issue links that CloudFront accepts. A [Format] is a
// [middleware.Format]: the claims that it reads from a link are enforced by
// the same [middleware.Verifier] as those of this project's own links.
//
// # The format
//
// What is signed is a policy, a text in JSON:
//
//	{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/a.jpg","Condition":{"DateLessThan":{"AWS:EpochTime":1767225600}}}]}
//
// This one is a canned policy: it says when the link expires and no more. It
// is not sent, since the verifier can make it from the URL and its expiry:
//
//	https://d111111abcdef8.cloudfront.net/a.jpg?Expires=1767225600&Key-Pair-Id=K2JCJMDEHXQW5F&Signature=...&Hash-Algorithm=SHA256
//
// A custom policy is sent as Policy in place of Expires. It can also have a
// DateGreaterThan, an IpAddress, and wildcards in its Resource. The signature
// is RSASSA-PKCS1-v1_5 or ECDSA on P-256 (as ASN.1 DER) over the policy's
// bytes, with SHA-256, or with SHA-1 where Hash-Algorithm does not say SHA256.
// Policy and Signature are written in base64 with - _ ~ for + = /. A set of
// cookies has the same parameters, their names beginning with "CloudFront-".
//
// The URL that is held against the policy is the origin given to [New], the
// path, and the query without the five parameters Expires, Policy, Signature,
// Key-Pair-Id and Hash-Algorithm, wherever they stand: byte for byte as it was
// sent, with nothing decoded and nothing put in order. The next handler sees
// the five parameters too. The application's own parameters cannot have these
// names.
//
// The claims of a link are Expires (DateLessThan), NotBefore
// (DateGreaterThan), Networks (IpAddress), Host (the origin's), Under and
// KeyID. CloudFront signs no method: the Verifier takes such links to be good
// for GET and HEAD. What a policy has no place for (Permanent, Methods,
// another Host, Binding, ID, Uses, DownloadName, ContentType, Ignore) is an
// error at signing.
//
// The Resource is matched in four sections, protocol://domain/path?query. In
// each, "*" stands for zero or more characters, slashes included, and "?" for
// exactly one. A "*" at the end of the path opens every query, one at the end
// of the domain every path and query; "*" alone opens everything. The mark
// before the query is written "?" by the SDKs and `\?` where wildcards are
// meant in the path as well; a "?" is not taken for a wildcard in the path if
// a "=" follows it and there is no `\?`.
//
// # Where it is stricter
//
// It refuses what CloudFront may take: a parameter that is there twice or
// whose name is spelled with escapes; Expires together with Policy; base64 in
// other than its one spelling; numbers with signs, leading zeros, fractions or
// exponents; policies with a member twice, an unknown member, more than one
// statement, trailing data, more than 4096 bytes or any but printable ASCII
// characters; policies without a Resource; networks of IPv6; raw double
// quotes, backslashes, spaces and bytes outside ASCII in the URL; a path that
// holds "." or ".." as a part, however spelled; and, where wildcards decide,
// one that holds an empty part. A path that merely is spelled in another way
// than the signed one is refused as well.
//
// What CloudFront does in the very second of a boundary is documented for
// DateGreaterThan (no access at that time) and not for DateLessThan. Here, as
// in all formats, a link is honoured from NotBefore on and refused from
// Expires on.
//
// # Threats
//
// SHA-1 is broken. Two texts of equal hash, each beginning as the attacker
// likes, cost some tens of thousands of dollars of computing. Whoever may
// choose a part of what is signed, a file's name for instance, could have one
// text signed and use the signature for another, that opens everything. The
// blocks that make such texts collide are binary; here they are refused in
// policies, before signing and after verifying, which raises the price but is
// no proof. So SHA-1 is refused unless [Options.InsecureAllowSHA1] is set. Set
// it for links of the Go SDK and of botocore, which know no other hash; then
// let no stranger choose names, and move the signers to SHA-256.
//
// Neither Key-Pair-Id nor Hash-Algorithm is signed. The first only finds the
// key. The second selects among what the options allow, and never beyond; and
// an RSA signature names its hash itself, so that one made with SHA-256 does
// not verify as one with SHA-1. The harm of allowing SHA-1 lies in signing
// with it.
//
// A signature does not say what it is for. That of a canned policy can be sent
// with the policy's text, as a custom one; and then a "*" or "?" in the URL is
// a wildcard. Escape both in names (%2A and %3F): Sign insists on it, while
// the SDKs sign what they are given. For the same reason a link can be used as
// cookies, and cookies as a link, where [Options.Cookies] is set; both open
// the same. A "?" before a query without "=" remains: a link for /a?b may open
// a file called /aXb, for any one character X.
//
// Wildcards cross slashes, and a "*" at the end of a path covers any query: an
// application must not hang rights on parameters of such links. Policies for
// everything ("*", "https://*", "http*://*/*") are honoured, since they say
// what they mean: they open this server too if it shares a key with the one
// they were made for. Give each service keys of its own.
//
// An IpAddress is an IPv4 network. Clients that come over IPv6 are refused by
// it, also by 0.0.0.0/0. Whether the address is the client's depends on the
// verifier's TrustedProxies.
//
// ECDSA signatures can be changed by anybody into another one of the same
// text. A link is the same link then: do not use a signature's text to tell
// links apart.
package cloudfront
