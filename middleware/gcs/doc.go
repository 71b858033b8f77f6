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
// port. It is made with one of
//
//   - GOOG4-RSA-SHA256: RSASSA-PKCS1-v1_5 with the key of a service account,
//     whose public half is enough to verify; 512 hex digits for 2048 bits
//   - GOOG4-HMAC-SHA256: HMAC-SHA-256 with a key that is derived from the
//     secret of an HMAC key for one day; 64 hex digits
//
// The algorithm belongs to the key: a link that asks for another one than that
// of the key it names is refused.
//
// The bucket is where Cloud Storage has it, and Sign takes it from the URL:
//
//	https://storage.googleapis.com/bucket/object     path style
//	https://bucket.storage.googleapis.com/object     virtual-hosted style
//	https://cdn.example.com/object                   bucket-bound host
//
// # Claims
//
// A link is good from X-Goog-Date on and lives seven days at most. Google says
// for how long a link is valid and not whether the last second counts; here it
// does not: Expires, the first second at which a link is refused, is
// X-Goog-Expires after X-Goog-Date. A link is good for the one method that was
// signed. One for GET is not good for HEAD: the method is in the signed text,
// and nobody was given a HEAD link.
//
// DownloadName and ContentType are the parameters
// response-content-disposition and response-content-type. A disposition that
// is an attachment gives the DownloadName, by the name of the path if it has
// no usable one of its own; any other is signed and has no effect here.
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
// Whoever verifies HMAC links holds the secret that signs them, and at Google
// that secret opens whatever its account may do. Verify RSA links with
// [NewServiceAccountPublicKey]: a server that was broken into then cannot
// issue links.
//
// Google looks at more than the signature: at the permissions of the account
// and at whether the key was deleted. Here a link is good until it expires, or
// until its key is taken out of the [Format].
//
// A link for PUT or POST lets whoever has it store anything of any size: the
// payload is not signed unless the link signs X-Goog-Content-Sha256. That hash
// is then part of what is signed, but the body is not read here: the handler
// must compare the two.
//
// The query says what a link is for, and most handlers do not ask: a link to
// the access list of an object ("?acl"), to an old version of it or to a list of
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
// # Stricter than Cloud Storage
//
// These links are refused, whatever Cloud Storage makes of them. No client
// library writes them.
//   - a parameter of the signature that is there twice, has its name escaped or
//     in another case, or is empty: two readers would see two links
//   - a raw semicolon, an invalid escape, an empty pair ("&&", or "&" at an
//     end), a parameter without a name: net/url drops some of them in silence,
//     and they would stay in RawQuery for the handler
//   - a path in any other spelling than the canonical one, in which it is
//     signed: escapes in lower case, escapes that are not needed, reserved
//     characters without an escape. An encoded slash is among them, which would
//     be signed like a raw one and is another file to net/http
//   - a lifetime with a sign or a leading zero, a signature in upper case
//   - a signed header field that the request does not have
//   - more than 128 parameters, 32 signed header fields or 8 KiB of either
//   - a location other than auto in the credential
//   - anything that is not V4 in the query: V2 signed URLs, X-Amz- parameters,
//     signatures in the Authorization field, policy documents for uploads
//
// A [middleware.Verifier] also refuses control characters in a path, so that
// an object with a line feed in its name can be linked to, in Cloud Storage,
// but not served here.
//
// Accepted are other orders of the parameters, and a query with escapes in
// lower case or that were not needed, or with "+" for a space: the Go library
// writes it so.
//
// # Other libraries
//
// Sign writes the parameters sorted and the signature last, as Google's
// conformance cases have it. The Go library sorts the signature too, and
// writes "+" for a space; the Node.js library puts the own parameters behind
// Google's in the order in which it got them. The signatures are the same.
package gcs
