// Package s3 signs and verifies presigned URLs of Amazon S3, with Signature
// Version 4 in query parameters: a [middleware.Format]. Links that an AWS SDK
// made open files behind a [middleware.Verifier], and links made here open
// objects in S3 and in servers that speak its protocol.
//
// # A link
//
//	https://s3.example.com/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256
//	  &X-Amz-Credential=AKIAEXAMPLE%2F20260101%2Feu-central-1%2Fs3%2Faws4_request
//	  &X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600
//	  &X-Amz-SignedHeaders=host&x-id=GetObject
//	  &X-Amz-Signature=64 hex digits
//
// The signature is an HMAC-SHA-256 over the method, the path, all parameters
// but itself, the host, the other header fields that X-Amz-SignedHeaders
// names, and the hash of the payload. Its key is derived from the secret
// access key for one day, region and service. It does not cover the scheme.
//
// The bucket is where it is for S3: first in the path (path style) or in the
// host (virtual-hosted style). Here it is a part of the path or the host like
// any other.
//
// # Claims
//
// A link is good from X-Amz-Date on, and through the second that is
// X-Amz-Expires later: so its Expires, the first second at which it is
// refused, is one more. It lives seven days at most. It is good for the one
// method that was signed. As in S3, a link for GET is not good for HEAD: the
// method is in the signed text, and the answer to a HEAD request tells size
// and type of a file that nobody was given a HEAD link for.
//
// DownloadName and ContentType are the parameters
// response-content-disposition and response-content-type. A disposition that
// is an attachment gives the DownloadName, by the name of the path if it has
// no usable one of its own; any other is signed and has no effect here, and
// the same is true of the other response- parameters.
//
// The host is in the signed text, so that another one does not verify;
// Authenticate leaves the claim Host empty.
//
// Nothing else fits into a link: no subtree, network, binding, id, count of
// uses, ignored parameter, and no link is permanent. What a verifier adds
// through [middleware.Options], such as a shorter MaxLifetime, holds for these
// links too.
//
// # Threats
//
// Whoever verifies such a link holds the secret that signs it, and at AWS that
// secret opens whatever the access key may do. Make an access key for links
// alone, with no other permission, or none at all if S3 never sees the links.
//
// AWS looks at more than the signature: at the policy of the key's owner, at
// the bucket's policy, at whether the key was disabled and its session ended.
// Here a link is good until it expires, or until its key is taken out of the
// [Format].
//
// A link for PUT or POST lets whoever has it store anything of any size: the
// payload is not signed unless the link carries its hash (X-Amz-Content-Sha256
// as a parameter or a signed header field). The hash is then part of what is
// signed, but the body is not read here: the handler must compare the two.
//
// The query says what a link is for, and most handlers do not ask: a link to
// the tags of an object ("?tagging"), to an old version of it or to a list of
// names is a link to the object for a file server, which knows none of these.
// Where one key signs such links too, look at the query behind the verifier, or
// keep a key for links to files. A link for another method than GET opens the
// file to a handler that does not look at the method, as http.FileServer does
// not; package signedfs does.
//
// In names, empty parts count: bucket//a and bucket/a are two objects, and one
// file to http.FileServer without a ServeMux in front, which cleans the path.
// Package signedfs has no file for the first.
//
// The expected session token is that of the key. Any other token, and any
// token with a key that has none, is refused.
//
// # Stricter than S3
//
// These links are refused although S3, or a server like it, takes them. No SDK
// writes them.
//   - a parameter of the signature that is there twice, has its name escaped or
//     in another case, or is empty: two readers would see two links
//   - a raw semicolon, an invalid escape, an empty pair ("&&", or "&" at an
//     end), a parameter without a name: net/url drops some of them in silence,
//     and they would stay in RawQuery for the handler
//   - an encoded slash in the path: it is signed like a raw one, but is another
//     file to net/http
//   - a lifetime with a sign or a leading zero, a signature in upper case
//   - a signed header field that the request does not have
//   - more than 128 parameters, 32 signed header fields or 8 KiB of either
//   - X-Amz-Date in the future beyond the verifier's leeway
//   - anything that is not SigV4 in the query: Signature Version 2, Version 4A,
//     signatures in the Authorization field, form uploads with a POST policy
//
// Accepted are other orders of the parameters, and path and query with escapes
// in lower case or that were not needed: S3 brings them to the same text.
//
// # Other libraries
//
// The SDKs add parameters of their own (x-id, X-Amz-Content-Sha256,
// x-amz-checksum-mode); put them into the URL before Sign to get their links
// byte for byte. The order in which Sign writes is that of the Go SDK: sorted,
// the signature last. The JavaScript SDK sorts the signature too, and botocore
// writes the session token after the signed headers; the signatures are the
// same.
package s3
