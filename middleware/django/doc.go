// Package django reads and writes links that carry a token of the Django
// framework's module django.core.signing: what TimestampSigner, Signer, dumps
// and sign_object return for the path of the link. A Go server behind a
// [middleware.Verifier] can serve what a Django application has signed. Django
// has no link format of its own, so that it takes a few lines there:
//
//	token = TimestampSigner(salt="files").sign(path)
//	link = quote(path) + "?" + urlencode({"token": token})
//
// and here:
//
//	f, err := django.New(os.Getenv("SECRET_KEY"), &django.Options{Salt: "files", MaxAge: 5 * time.Minute})
//	verifier, err := middleware.NewVerifier(f, nil)
//	http.Handle("/files/", verifier.Handler(files))
//
// # Format
//
// What follows is the behaviour of Django 3.2 to 5.2.
//
//	derived   = H(salt "signer" key)
//	signature = unpadded base64url of HMAC-H(derived, body)
//	token     = body separator signature
//	body      = value                                  (Signer)
//	body      = value separator base62(Unix seconds)   (TimestampSigner)
//	value     = the path, or for objects ["."] unpadded base64url of JSON
//
// The separator is ":", H is SHA-256; both are options. A token is taken apart
// from its end, so that the value may hold the separator. After the "." the
// JSON is compressed with zlib. A token holds the time at which it was made,
// and whoever verifies it says how old it may become: [Options.MaxAge]. A
// token of exactly that age is good, so that [middleware.Claims] have
// the second after it; in the fractions of that second Django already refuses.
//
// A request is accepted if the signed text is its path, or with
// [Options.Subtree] a path ending in "/" below which it lies, whole segments
// only. A token that signs anything else opens nothing. The text is compared
// with the decoded path, which is what request.path is; with [Options.Escaped]
// it is decoded first, for applications that sign what reverse or
// FieldFile.url give. It is one or the other and never both, since the text
// "/a%20b" would otherwise open two files.
//
// # Refused, though Django accepts it
//
//   - A token from the future. Django has no lower bound; here the time at
//     which a token was made is the claims' NotBefore, which the verifier holds
//     within its Leeway.
//   - A path with an encoded slash, which the signed text cannot tell from a
//     raw one, and one with empty parts or parts that are "." or "..".
//   - Any parameter besides the token, since the token does not cover it, unless
//     [Options.Ignore] names it; and the token twice, of which Django takes the
//     last and net/url the first.
//   - A raw semicolon, an invalid escape or an empty parameter in the query.
//     net/url drops the first two in silence.
//   - A time, or base64, that is not in its one spelling; an object that unpacks
//     to more than 64 KiB, that holds other bytes than ASCII, or whose path
//     holds half a surrogate pair, for which Go would put another character.
//   - The SHA-1 signatures that Django 3.2 still takes beside those of SHA-256.
//     Where an application signs with SHA-1, say so in [Options.Hash]. As part
//     of an HMAC it is not known to be broken.
//   - An empty key.
//
// # Threats
//
// Give every purpose its own salt. Under Django's default salts a token that
// was made for an e-mail's unsubscribe link stands for a link to a file as soon
// as its value looks like a path. A token of TimestampSigner is also one of
// Signer under the same salt, over a value that ends in the time; and who may
// have a name of his choice signed by Signer can end it in a time, and holds a
// token of TimestampSigner. Django joins
// salt, the word signer and key without a boundary, so that a salt must not be
// chosen by a user.
//
// The token is all that is signed. The host is not: two sites that share a key
// share their tokens. Neither is the method, so that links are good for GET and
// HEAD. A token carries a time and a path, and no other limit.
//
// SECRET_KEY signs sessions and password resets, too. A Go server that is given
// it must be guarded like the application itself; better give both a key of
// their own, TimestampSigner(key=...).
//
// Claims.KeyID is "0" for the key that signs and "1" and up for the fallback
// keys. When no token has had another than "0" for as long as tokens live, the
// fallback keys can go.
package django
