// Package django reads and writes links with a token of the Django framework's
// module django.core.signing: the result of TimestampSigner, Signer, dumps or
// sign_object for the path of the link. A Go server behind a
// [middleware.Verifier] can serve the files for which a Django application
// signs links. Django has no link format of its own, so the application needs a
// few lines:
//
//	token = TimestampSigner(salt="files").sign(path)
//	link = quote(path) + "?" + urlencode({"token": token})
//
// and the server a few more:
//
//	f, err := django.New(os.Getenv("SECRET_KEY"), &django.Options{Salt: "files", MaxAge: 5 * time.Minute})
//	verifier, err := middleware.NewVerifier(f, nil)
//	http.Handle("/files/", verifier.Handler(files))
//
// # Format
//
// This section describes Django 3.2 to 5.2.
//
//	derived   = H(salt "signer" key)
//	signature = unpadded base64url of HMAC-H(derived, body)
//	token     = body separator signature
//	body      = value                                  (Signer)
//	body      = value separator base62(Unix seconds)   (TimestampSigner)
//	value     = the path, or for objects ["."] unpadded base64url of JSON
//
// The separator is ":" and H is SHA-256 by default; both are options. A token
// is split from its end, so that the value may hold the separator. After the
// "." the JSON is compressed with zlib. A token holds the time at which it was
// made, and the verifier says how old it may become: [Options.MaxAge]. A token
// of exactly that age is good, so [middleware.Claims] hold the second after it;
// in the fractions of that second Django already refuses.
//
// A request is accepted if the signed string is its path or, with
// [Options.Subtree], if the string ends in "/" and the path begins with it. A
// token for any other string opens nothing. The string is compared with the
// decoded path, which is what request.path is. With [Options.Escaped] the string
// is decoded first, for applications that sign the result of reverse or
// FieldFile.url. It is one or the other and never both, since the string
// "/a%20b" would otherwise open two files.
//
// # Refused, though Django accepts it
//
//   - A token from the future. Django has no lower bound; here the time at
//     which a token was made is the claims' NotBefore, which the verifier
//     enforces within its Leeway.
//   - A path with an encoded slash, which the signed string cannot tell from a
//     raw one, with an empty part, a part that is "." or "..", or a control
//     character. A backslash separates parts like a slash, as it does on
//     Windows and in browsers, and a part ends at its first semicolon, as it
//     does for servlet containers.
//   - Any parameter besides the token, since the token does not cover it, unless
//     [Options.Ignore] names it; and a second token, since Django takes the last
//     and net/url the first.
//   - A raw semicolon, an invalid escape or an empty parameter in the query.
//     net/url drops the first two in silence.
//   - A time, or base64, that is not in its one spelling; an object that
//     decompresses to more than 64 KiB or holds bytes outside ASCII, or whose
//     path holds half of a surrogate pair, which Go would replace by another
//     character.
//   - The SHA-1 signatures that Django 3.2 still accepts beside those of
//     SHA-256. If an application signs with SHA-1, select it in [Options.Hash].
//     SHA-1 is not known to be broken as part of an HMAC.
//   - An empty key.
//
// # Threats
//
// Give every purpose its own salt. Under Django's default salts, a token made
// for the unsubscribe link of an e-mail is a link to a file as soon as its value
// looks like a path. A token of TimestampSigner is also a token of Signer under the
// same salt, for a value that ends in the time; and anyone who can have a name
// of their choice signed by Signer can end it in a time, and then has a token
// of TimestampSigner. Django joins salt, the word "signer" and key without a
// boundary, so a user must not choose a salt.
//
// The token is all that is signed. It does not cover the host: two sites that
// share a key share their tokens. It does not cover the method: links are good
// for GET and HEAD. A token carries a time and a path, and no other limit.
//
// SECRET_KEY also signs sessions and password resets. A Go server that is given
// it must be guarded like the application itself; better give both a key for
// links alone, TimestampSigner(key=...).
//
// The link's KeyID is "0" for the key that signs, and "1", "2" and so on for
// the fallback keys. Once every token has had KeyID "0" for as long as a token
// lives, the fallback keys can be removed.
package django
