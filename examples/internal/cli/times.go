package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DurationVar defines a flag that takes a duration, which is not negative, in
// days too: 7d, 1d12h, 90s.
func (f *Flags) DurationVar(d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	f.Var((*duration)(d), name, usage)
}

type duration time.Duration

func (d *duration) Set(s string) error {
	v, ok := parseDuration(s)
	switch {
	case !ok:
		return errors.New("it is not a duration such as 90s, 15m, 12h or 7d")
	case v < 0:
		return errors.New("it must not be negative")
	}
	*d = duration(v)
	return nil
}

// String leaves out the units of time.Duration that say nothing.
func (d *duration) String() string {
	s := time.Duration(*d).String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

// maxDays is the largest number of days that a time.Duration holds.
const maxDays = uint64(1<<63-1) / uint64(24*time.Hour)

// parseDuration is time.ParseDuration with days before the hours.
func parseDuration(s string) (d time.Duration, ok bool) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		d, err := time.ParseDuration(s)
		return d, err == nil
	}
	n, err := strconv.ParseUint(days, 10, 64)
	if err != nil || n > maxDays {
		return 0, false
	}
	d = time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, true
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || rest[0] == '+' || d+more < d {
		return 0, false
	}
	return d + more, true
}

// TimeVar defines a flag that takes a time, a date, which means the beginning
// of that day in UTC, or a duration from now.
func (f *Flags) TimeVar(at *time.Time, name, usage string) {
	f.Func(name, usage, func(s string) (err error) {
		*at, err = parseTime(s, 0)
		return err
	})
}

// DeadlineVar defines a flag that takes a time in the future. A date means the
// end of that day in UTC, and a duration counts from now.
func (f *Flags) DeadlineVar(at *time.Time, name, usage string) {
	f.Func(name, usage, func(s string) (err error) {
		if *at, err = parseTime(s, 1); err == nil && !at.After(time.Now()) {
			return fmt.Errorf("%s is in the past", at.UTC().Format(time.RFC3339))
		}
		return err
	})
}

// parseTime parses a time. A date is the beginning of the day that follows it
// by the given number of days.
func parseTime(s string, days int) (time.Time, error) {
	if d, ok := parseDuration(s); ok {
		return time.Now().Add(d), nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.AddDate(0, 0, days), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, errors.New("it is neither a time such as 2026-01-02T15:04:05Z, nor a date such as 2026-01-02, nor a duration such as 15m or 7d")
	}
	return t, nil
}
