// Package gcs signs and verifies V4 signed URLs of Google Cloud Storage: a
// [middleware.Format]. Links that a Google client library made open files
// behind a [middleware.Verifier], and links made here open objects in Cloud
// Storage.
//
// # A link
//
//	https://storage.googleapis.com/bucket/object?X-Goog-Algorithm=GOOG4-RSA-SHA256
//	  &X-Goog-Credential=name%40project.iam.gserviceaccount.com%2F20260101%2Fauto%2Fstorage%2Fgoog4_request
//	  &X-Goog-Date=20260101T000000Z&X-Goog-Expires=3600
//	  &X-Goog-SignedHeaders=host
//	  &X-Goog-Signature=512 hex digits
//
// The signature covers the method, the path, all parameters but itself, the
// host without its port, the other header fields that X-Goog-SignedHeaders
// names, and the hash of the payload. It does not cover the scheme and the
// port. There are two algorithms:
//
//   - GOOG4-RSA-SHA256: RSASSA-PKCS1-v1_5 with the key of a service account,
//     whose public half is enough to verify; 512 hex digits for 2048 bits
//   - GOOG4-HMAC-SHA256: HMAC-SHA-256 with a key that is derived from the
//     secret of an HMAC key for one day; 64 hex digits
//
// The algorithm belongs to the key: a link that names a key and another
// algorithm than the key's is refused.
//
// Sign takes the bucket from the URL, which has one of Cloud Storage's forms:
//
//	https://storage.googleapis.com/bucket/object     path style
//	https://bucket.storage.googleapis.com/object     virtual-hosted style
//	https://cdn.example.com/object                   bucket-bound host
//
// # Claims
//
// A link is good from X-Goog-Date on and lives seven days at most. Google
// documents how long a link is valid, and not whether the last second counts.
// Here it does not: Expires, the first second at which a link is refused, is
// X-Goog-Expires after X-Goog-Date. A link is good for the one method that was
// signed. A link for GET is not good for HEAD: the method is signed, and nobody
// was given a HEAD link.
//
// DownloadName and ContentType are the parameters
// response-content-disposition and response-content-type. A disposition that
// is an attachment sets the DownloadName, from the last part of the path if the
// disposition has no usable name. Any other disposition is signed and has no
// effect here.
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
// A server that verifies HMAC links holds the secret that signs them, and at
// Google that secret opens everything that its account may open. Verify RSA
// links with [NewServiceAccountPublicKey]: a compromised server then cannot
// issue links.
//
// Google checks more than the signature: the permissions of the account, and
// whether the key was deleted. Here a link is good until it expires, or until
// its key is removed from the [Format].
//
// Anyone who has a link for PUT or POST can store anything of any size: the
// payload is not signed unless the link signs X-Goog-Content-Sha256. That hash
// is then part of the signed text, but the body is not read here: the handler
// must compare the two.
//
// The query says what a link is for, and most handlers do not look at it. To a
// file server, which knows no such parameters, a link to the access list of an
// object ("?acl"), to an old version of it or to a list of names is a link to
// the object. If a key signs such links too, check the query after the
// verifier, or use a key of its own for links to files. A link for another
// method than GET opens the file if the handler does not check the method.
// http.FileServer does not; package signedfs does.
//
// In the names of objects, empty parts count: bucket//a and bucket/a are two
// objects, and one file to http.FileServer without a ServeMux before it, which
// cleans the path. Package signedfs has no file for the first.
//
// # Stricter than Cloud Storage
//
// These links are refused, whether or not Cloud Storage accepts them. No client
// library writes them, except for those of the last two entries.
//
//   - a parameter of the signature that is there twice, has its name escaped or
//     in another case, or is empty: two readers would see two links
//   - a raw semicolon, an invalid escape, an empty pair ("&&", or "&" at an
//     end), a parameter without a name: net/url drops some of them in silence,
//     and they would stay in RawQuery for the handler
//   - a path in any spelling but the canonical one, which is signed: escapes in
//     lower case, escapes that are not needed, reserved characters without an
//     escape, and encoded slashes, which would be signed like raw ones and are
//     another file to net/http
//   - a lifetime with a sign or a leading zero, a signature in upper case
//   - a signed header field that the request does not have
//   - more than 128 parameters, 32 signed header fields or 8 KiB of either
//   - a location other than auto in the credential
//   - anything that is not V4 in the query: V2 signed URLs, X-Amz- parameters,
//     signatures in the Authorization field, policy documents for uploads
//   - an object whose name has a control character or, between slashes or
//     backslashes, a part that is "." or ".." up to its first semicolon: to a
//     browser, a proxy or a file server the path is then another one. Sign refuses such names too
//   - a parameter whose name needs an escape and that the library sorted by the
//     name before it was escaped, as the Go library does: "é" sorts after
//     "X-Goog-Date", and "%C3%A9", its canonical form, before it. Sign sorts the
//     escaped names, as the Node.js library does
//
// Other orders of the parameters are accepted, and a query with escapes in
// lower case or that were not needed, or with "+" for a space, as the Go
// library writes it.
//
// # Other libraries
//
// Sign writes the parameters sorted and the signature last, as in Google's
// conformance cases. The Go library sorts the signature too, and writes "+" for
// a space. The Node.js library writes the caller's parameters after Google's, in
// the order in which it got them. The signatures are the same, unless a
// parameter's name needs an escape.
package gcs
