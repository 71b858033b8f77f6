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
// The bucket is in the same place as for S3: first in the path (path style) or
// in the host (virtual-hosted style). Here it is a part of the path or the host
// like any other.
//
// # Claims
//
// A link is good from X-Amz-Date on, and through the second that is
// X-Amz-Expires later. So its Expires, the first second at which it is refused,
// is one second more. It lives seven days at most. It is good for the one
// method that was signed. As in S3, a link for GET is not good for HEAD: the
// method is signed, and a HEAD request tells the size and type of a file for
// which nobody was given a HEAD link.
//
// DownloadName and ContentType are the parameters
// response-content-disposition and response-content-type. A disposition that
// is an attachment sets the DownloadName, from the last part of the path if the
// disposition has no usable name. Any other disposition is signed and has no
// effect here, and the same is true of the other response- parameters.
//
// The host is signed, so that a link does not verify for another one.
// Authenticate leaves the claim Host empty.
//
// A link has no place for anything else: no subtree, network, binding, id,
// count of uses or ignored parameter, and no link is permanent. What a verifier
// adds through [middleware.Options], such as a shorter MaxLifetime, applies to
// these links too.
//
// # Threats
//
// A server that verifies such links holds the secret that signs them, and at
// AWS that secret opens everything that the access key may open. Create an
// access key for links alone, with no other permission, or with none at all if
// S3 never sees the links.
//
// AWS checks more than the signature: the policies of the key's owner and of the
// bucket, whether the key was disabled, and whether its session ended. Here a
// link is good until it expires, or until its key is removed from the [Format].
//
// Anyone who has a link for PUT or POST can store anything of any size: the
// payload is not signed unless the link carries its hash (X-Amz-Content-Sha256
// as a parameter or a signed header field). The hash is then part of the signed
// text, but the body is not read here: the handler must compare the two.
//
// The query says what a link is for, and most handlers do not look at it. To a
// file server, which knows no such parameters, a link to the tags of an object
// ("?tagging"), to an old version of it or to a list of names is a link to the
// object. If a key signs such links too, check the query after the verifier, or
// use a key of its own for links to files. A link for another method than GET
// opens the file if the handler does not check the method. http.FileServer does
// not; package signedfs does.
//
// In the names of objects, empty parts count: bucket//a and bucket/a are two
// objects, and one file to http.FileServer without a ServeMux before it, which
// cleans the path. Package signedfs has no file for the first.
//
// A key can have one session token. A link with another token, or with a token
// for a key that has none, is refused.
//
// # Stricter than S3
//
// These links are refused although S3, or a server like it, accepts them. No SDK
// writes them, except for those of the last entry.
//
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
//   - an object whose name has a control character or, between slashes or
//     backslashes, a part that is "." or ".." up to its first semicolon: to a
//     browser, a proxy or a file server the path is then another one. The SDKs and botocore sign such
//     names, and Sign refuses them too
//
// Other orders of the parameters are accepted, and path and query with escapes
// in lower case or that were not needed: S3 canonicalizes them to the same text.
//
// # Other libraries
//
// The SDKs add parameters of their own (x-id, X-Amz-Content-Sha256,
// x-amz-checksum-mode); add them to the URL before Sign to get their links byte
// for byte. Sign writes the parameters in the order of the Go SDK: sorted, the
// signature last. The JavaScript SDK sorts the signature too, and botocore
// writes the session token after the signed headers. The signatures are the
// same.
package s3
