//go:build !cgo

package interop_test

import "testing"

func TestLinksOfKeysInAToken(t *testing.T) { missing(t, "there is no C compiler") }
