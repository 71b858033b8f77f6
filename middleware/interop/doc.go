// Package interop tests the packages django, cloudfront, gcs and s3 against the
// code of the systems whose links they read and write: Django, the AWS SDKs for
// Go and JavaScript, and Google's storage library for Go. It also signs with
// keys in an agent and in a hardware module. It has no code but tests. It is a
// module of its own, so that a program which imports the middleware does not
// depend on the SDKs.
//
// In one direction the other system signs. A
// [example.com/signedurl/middleware.Verifier] must accept the link in the first
// and in the last second of its life, and refuse it before, after, and with any
// letter or digit changed. In the other direction this project signs. Django
// can verify, and does. No cloud can be asked offline: instead its SDK signs the
// same request at the same time, and the two links must be equal. ECDSA
// signatures of the SDKs are random and never equal; those of this project are
// verified by the OpenSSL in Node.js.
//
// Keys that the process does not hold are in the ssh-agent of OpenSSH and, over
// PKCS #11, in SoftHSM, which generates its own. Their links are those of the
// same keys elsewhere, and there are none once the agent is locked, the key
// removed or the session closed.
//
// No test waits for a clock. SDKs in Go run in a bubble of [testing/synctest],
// as the verifier does; those in Python and JavaScript are given the time.
//
// The script setup.sh installs what the tests need besides Go, on Debian. Tests
// whose other system is not installed are skipped, unless
// SIGNEDURL_REQUIRE_INTEROP=1 is set: then they fail.
//
//	./setup.sh
//	SIGNEDURL_REQUIRE_INTEROP=1 go test ./...
package interop
