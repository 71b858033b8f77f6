package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// SizeVar defines a flag that takes a number of bytes, which is positive, with
// a unit if there is one: 5000000, 5MB, 100MiB.
func (f *Flags) SizeVar(n *int64, name string, value int64, usage string) {
	*n = value
	f.Var((*size)(n), name, usage)
}

type size int64

var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

func (n *size) Set(s string) error {
	unit := int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = rest, u.bytes
			break
		}
	}
	v, err := strconv.ParseUint(s, 10, 63)
	if err != nil || v == 0 || int64(v) > math.MaxInt64/unit {
		return errors.New("it is not a size such as 5000000, 5MB or 100MiB")
	}
	*n = size(int64(v) * unit)
	return nil
}

func (n *size) String() string {
	if *n == 0 {
		return ""
	}
	for _, u := range units {
		if v := int64(*n); v%u.bytes == 0 && u.name != "B" {
			return strconv.FormatInt(v/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*n), 10)
}
