// Package interop tests the packages django, cloudfront, gcs and s3 against
// the code of the systems whose links they read and write: Django, the AWS
// SDKs for Go and JavaScript, and Google's storage library for Go. It holds no
// code but tests, and is a module of its own, so that nobody who imports the
// middleware gets an SDK along with it.
//
// In one direction the other side signs, and a
// [example.com/signedurl/middleware.Verifier] must open the link in the first
// and the last second of its life, in none before or after, and not once with
// a letter or digit of it changed. In the other direction we sign. Django can
// verify, and does. No cloud can be asked off-line: its SDK then signs the same
// request at the same time, and the two links must be equal. ECDSA signatures
// are random in the SDKs, and never equal: those of ours are verified by the
// OpenSSL in Node.js.
//
// Clocks are set and never waited for. SDKs in Go run in a bubble of
// [testing/synctest], as the verifier does; those in Python and JavaScript are
// told the time.
//
// The script setup.sh installs what the tests need besides Go, on Debian.
// Tests whose other side is not installed are skipped, unless
// SIGNEDURL_REQUIRE_INTEROP=1 is set: then they fail.
//
//	./setup.sh
//	SIGNEDURL_REQUIRE_INTEROP=1 go test ./...
package interop
