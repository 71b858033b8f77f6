// Package laravel reads and writes the signed URLs of the Laravel framework,
// those of URL::signedRoute and URL::temporarySignedRoute. A Go server behind
// a [middleware.Verifier] can serve what a Laravel application has signed, with
// no change to the application, and can sign what Laravel's "signed"
// middleware verifies.
//
//	f, err := laravel.New("https://example.com", os.Getenv("APP_KEY"), nil)
//	verifier, err := middleware.NewVerifier(f, nil)
//	http.Handle("/files/", verifier.Handler(files))
//
// # Format
//
// What follows is the behaviour of Laravel 8 to 13, which make the same links.
//
//	https://example.com/files/card.jpg?expires=1767225600&signature=5ca1...64 digits
//
// The signature is HMAC-SHA-256 in lower-case hexadecimal digits, under the
// application's key as it is configured ("base64:" included), over the URL
// without it: origin, path and query, or for relative links path and query.
// Laravel signs parameters sorted by name, and puts the signature behind them,
// though before values that have no name; it verifies the raw bytes, in the
// order in which they came, with every parameter named signature taken out.
// Nothing is decoded. The parameter expires is the last second at which the
// link is good, so that [middleware.Claims] have the second after it. A link
// without it never expires, and passes only where the verifier's Options allow
// permanent links.
//
// Sign writes what signedRoute writes, byte for byte, but for "|", "%" and "?"
// in a path: it escapes them. Laravel leaves them raw, where the first is no
// URL and the others change what the URL means; it verifies both.
//
// An absolute link is good for the origin's host; a verifier compares it with
// the host of the request (see [Options.AnyHost]). The scheme is not compared,
// since behind a proxy that ends TLS the server cannot see it.
//
// # Refused, though Laravel accepts it
//
//   - A slash at the end of the path, and doubled slashes. Laravel takes them
//     off before it hashes, so that a link to /a opens /a/ as well. To a file
//     server that is another path.
//   - A path with a part that is "." or "..", however it is spelled. Laravel
//     signs "../" in a route parameter as it is.
//   - More than one signature or expires. Laravel takes the last of each, and
//     net/url the first. A value without a name that a user may choose,
//     signedRoute('x', [$value]), is copied into the URL raw, and makes
//     Laravel honour the user's own "expires=9999999999".
//   - Spellings that PHP reads as one of these names, such as expires[] and
//     %73ignature. Laravel up to version 12 takes expires[]=1 for a link that
//     never expires.
//   - An expires that is not a plain number, and 0, which Laravel takes for a
//     link that never expires.
//   - An empty parameter ("?&a=1", "a=1&"), a raw semicolon and an invalid
//     escape. net/url drops the last two in silence, and whoever reads the raw
//     query would see them all the same.
//   - A question mark at the end of the query. Laravel takes it off before it
//     hashes, so that a link to a=1 opens a=1? as well.
//   - An empty key. Laravel signs with it.
//
// Accepted as by Laravel are re-spellings that mean the same: the signature
// anywhere in the query, the host in another case or with the scheme's default
// port, and anything in a parameter that is ignored.
//
// # Threats
//
// Laravel signs a raw URL and says nothing of methods: links are good for GET
// and HEAD. A link carries an expiry and no other limit.
//
// The key is the application's only one. Who holds it can also forge session
// cookies and decrypt what the application encrypted, so a Go server that is
// given APP_KEY must be guarded like the application itself.
//
// Relative links do not cover the host: two sites that share a key share their
// relative links. So do absolute ones where AnyHost is set.
//
// Claims.KeyID is "0" for the key that signs and "1" and up for the previous
// keys. When no link has had another than "0" for as long as links live, the
// previous keys can go.
package laravel
