//go:build !linux

package signedfs

import (
	"errors"
	"os"
)

func openUnnamed(*os.Root) (*os.File, error) { return nil, errors.ErrUnsupported }

func linkUnnamed(*os.File, *os.Root, string) error { return errors.ErrUnsupported }

func freeSpace(*os.File) (int64, bool) { return 0, false }
