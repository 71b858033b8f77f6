package middleware_test

import (
	"os"
	"testing"
)

// missing ends a test that needs a program which is not installed: with a
// failure where SIGNEDURL_REQUIRE_SIGNERS is set, as it is in CI.
func missing(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("SIGNEDURL_REQUIRE_SIGNERS") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}
