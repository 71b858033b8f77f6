// Package laravel reads and writes the signed URLs of the Laravel framework,
// those of URL::signedRoute and URL::temporarySignedRoute. A Go server behind
// a [middleware.Verifier] can serve the files for which a Laravel application
// signs links, with no change to the application, and can sign links that
// Laravel's "signed" middleware accepts.
//
//	f, err := laravel.New("https://example.com", os.Getenv("APP_KEY"), nil)
//	verifier, err := middleware.NewVerifier(f, nil)
//	http.Handle("/files/", verifier.Handler(files))
//
// # Format
//
// This section describes Laravel 8 to 13, which make the same links.
//
//	https://example.com/files/card.jpg?expires=1767225600&signature=5ca1...64 digits
//
// The signature is an HMAC-SHA-256 in lower-case hexadecimal digits. Its key is
// the application's key as configured, "base64:" included. Its message is the
// URL without the signature: origin, path and query, or path and query for
// relative links. Laravel signs the parameters sorted by name and appends the
// signature, followed by values that have no name. It verifies the raw bytes in
// the order in which they were sent, without every parameter named signature,
// and decodes nothing. The parameter expires is the last second at which the
// link is good, so [middleware.Claims] hold the second after it. A link without
// it never expires, and is accepted only if the verifier's options allow
// permanent links.
//
// Sign writes the same bytes as signedRoute, with two exceptions:
//
//   - It escapes "|", "%" and "?" in a path. Laravel leaves them raw, although
//     "|" is not allowed in a URL and the others change the URL's meaning. It
//     accepts both spellings.
//   - PHP takes the names "1.5", "+1" and "1 " for numbers, though not for the
//     integers that number a list. Sign sorts them as text, Laravel as numbers.
//     If the query also has a value without a name, Laravel repeats their
//     values among those without names, and Sign writes the parameters there,
//     as Laravel writes a value "1.5=a".
//
// Sign refuses a query with one name both with "=" and without, as in "a&a=1":
// Laravel would write the second value first.
//
// An absolute link is good for the origin's host. The verifier compares it with
// the host of the request, see [Options.AnyHost]. It does not compare the
// scheme, which a server behind a proxy that terminates TLS cannot see.
//
// # Refused, though Laravel accepts it
//
//   - A slash at the end of the path, and doubled slashes. Laravel strips them
//     before it hashes, so that a link to /a opens /a/ as well. To a file
//     server that is another path.
//   - A path with a part that is "." or "..", or with a control character,
//     however it is spelled. A backslash separates parts like a slash, as it
//     does on Windows and in browsers, and a part ends at its first semicolon,
//     as it does for servlet containers. Laravel signs a "../" in a route
//     parameter as is.
//   - More than one signature or expires. Laravel takes the last of each, and
//     net/url the first. If a user can choose a value without a name, as in
//     signedRoute('x', [$value]), Laravel copies it into the URL raw and
//     honours the user's own "expires=9999999999".
//   - Names that PHP reads as one of these two, such as expires[] and
//     %73ignature. Laravel up to version 12 takes expires[]=1 for a link that
//     never expires.
//   - An expires that is not a plain number, and 0, which Laravel takes for a
//     link that never expires.
//   - An empty parameter ("?&a=1", "a=1&"), a raw semicolon and an invalid
//     escape. net/url drops the last two in silence, while code that reads the
//     raw query sees them.
//   - A question mark at the end of the query. Laravel strips it before it
//     hashes, so that a link to a=1 opens a=1? as well.
//   - An empty key. Laravel signs with it.
//
// Other spellings of the same link are accepted, as by Laravel: the signature
// anywhere in the query, the host in another case or with the scheme's default
// port, and any value of an ignored parameter.
//
// # Threats
//
// Laravel signs a raw URL and no method: links are good for GET and HEAD. A
// link carries an expiry and no other limit.
//
// An application has one key for everything. Anyone who has it can also forge
// session cookies and decrypt what the application encrypted. A Go server that
// is given APP_KEY must be guarded like the application itself.
//
// Relative links do not cover the host: sites that share a key share their
// relative links. The same is true of absolute links if AnyHost is set.
//
// The link's KeyID is "0" for the key that signs, and "1", "2" and so on for
// the previous keys. Once every link has had KeyID "0" for as long as a link
// lives, the previous keys can be removed.
package laravel
