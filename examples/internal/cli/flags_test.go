package cli_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/examples/internal/cli"
)

// values holds what a command line sets.
type values struct {
	Duration        time.Duration
	Begin, Deadline time.Time
	List            []string
	Networks        []string
	Pairs           map[string]string
	Switch          bool
	Size            int64
	Text            string
}

// parse parses a command line.
func parse(args ...string) (values, error) {
	v := values{Pairs: map[string]string{}}
	var networks []netip.Prefix
	fs := cli.NewFlags("program", "command", "[NAME]", "About the command.")
	fs.DurationVar(&v.Duration, "duration", 90*time.Minute, "a `duration`")
	fs.TimeVar(&v.Begin, "begin", "a `time`")
	fs.DeadlineVar(&v.Deadline, "deadline", "a `time`")
	fs.ListVar(&v.List, "list", "a `list`")
	fs.NetworksVar(&networks, "networks", "some `networks`")
	fs.PairsVar(v.Pairs, "pair", "a `pair`")
	fs.SizeVar(&v.Size, "size", 0, "a `size`")
	fs.BoolVar(&v.Switch, "switch", false, "a switch")
	fs.StringVar(&v.Text, "text", "", "a `text`")
	err := fs.ParseArgs(args, 0, 1, io.Discard)
	for _, n := range networks {
		v.Networks = append(v.Networks, n.String())
	}
	return v, err
}

// now is when the tests with a clock begin.
var now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestFlagsTakeWhatPeopleWrite(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		args []string
		want values
	}{
		{nil, values{Duration: 90 * time.Minute}},
		{[]string{"-duration", "0"}, values{}},
		{[]string{"-duration", "1h30m"}, values{Duration: 90 * time.Minute}},
		{[]string{"-duration", "7d"}, values{Duration: 7 * day}},
		{[]string{"-duration", "0d"}, values{}},
		{[]string{"-duration", "1d12h"}, values{Duration: 36 * time.Hour}},
		{[]string{"-duration", "106751d23h47m16s"}, values{Duration: 106751*day + 23*time.Hour + 47*time.Minute + 16*time.Second}},
		{[]string{"-begin", "2026-11-26"}, values{Duration: 90 * time.Minute, Begin: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}},
		{[]string{"-begin", "1999-11-26"}, values{Duration: 90 * time.Minute, Begin: time.Date(1999, 11, 26, 0, 0, 0, 0, time.UTC)}},
		{[]string{"-begin", "-5m"}, values{Duration: 90 * time.Minute, Begin: now.Add(-5 * time.Minute)}},
		{[]string{"-deadline", "2026-11-26"}, values{Duration: 90 * time.Minute, Deadline: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}},
		{[]string{"-deadline", "2000-12-31"}, values{Duration: 90 * time.Minute, Deadline: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{[]string{"-deadline", "2000-01-01"}, values{Duration: 90 * time.Minute, Deadline: now.Add(day)}},
		{[]string{"-deadline", "2026-11-26T12:00:00+02:00"}, values{Duration: 90 * time.Minute, Deadline: time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)}},
		{[]string{"-deadline", "3d"}, values{Duration: 90 * time.Minute, Deadline: now.Add(3 * day)}},
		{[]string{"-size", "5000"}, values{Duration: 90 * time.Minute, Size: 5000}},
		{[]string{"-size", "5MB"}, values{Duration: 90 * time.Minute, Size: 5e6}},
		{[]string{"-size", "100MiB"}, values{Duration: 90 * time.Minute, Size: 100 << 20}},
		{[]string{"-size", "8388607TiB"}, values{Duration: 90 * time.Minute, Size: 8388607 << 40}},
		{[]string{"-list", "a,b", "-list", "c"}, values{Duration: 90 * time.Minute, List: []string{"a", "b", "c"}}},
		{[]string{"-networks", "192.0.2.1,10.0.0.0/8", "-networks", "2001:db8::1"}, values{Duration: 90 * time.Minute, Networks: []string{"192.0.2.1/32", "10.0.0.0/8", "2001:db8::1/128"}}},
		{[]string{"-pair", "a=b", "-pair", "c=d=e"}, values{Duration: 90 * time.Minute, Pairs: map[string]string{"a": "b", "c": "d=e"}}},
		{[]string{"-switch", "-text", "a", "name"}, values{Duration: 90 * time.Minute, Switch: true, Text: "a"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := parse(test.args...)
				if err != nil {
					t.Fatal(err)
				}
				if test.want.Pairs == nil {
					test.want.Pairs = map[string]string{}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestMistakesInFlagsAreUsageErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no unit", []string{"-duration", "15"}, "not a duration such as"},
		{"a negative duration", []string{"-duration", "-1s"}, "must not be negative"},
		{"negative days", []string{"-duration", "-1d"}, "not a duration such as"},
		{"days with a sign", []string{"-duration", "+1d"}, "not a duration such as"},
		{"days without a number", []string{"-duration", "d"}, "not a duration such as"},
		{"days and a negative rest", []string{"-duration", "1d-1h"}, "not a duration such as"},
		{"days and a rest with a sign", []string{"-duration", "1d+1h"}, "not a duration such as"},
		{"days twice", []string{"-duration", "1d1d"}, "not a duration such as"},
		{"too many days", []string{"-duration", "106752d"}, "not a duration such as"},
		{"too many hours after the days", []string{"-duration", "106751d24h"}, "not a duration such as"},
		{"a day that does not exist", []string{"-begin", "2026-02-29"}, "neither a time such as"},
		{"a time without a zone", []string{"-begin", "2026-01-02T15:04:05"}, "neither a time such as"},
		{"a deadline that is over", []string{"-deadline", "1999-12-30"}, "1999-12-31T00:00:00Z is in the past"},
		{"a deadline that is now", []string{"-deadline", "1999-12-31"}, "2000-01-01T00:00:00Z is in the past"},
		{"a deadline some time ago", []string{"-deadline", "-1s"}, "is in the past"},
		{"no size", []string{"-size", "MiB"}, "not a size such as"},
		{"a size of nothing", []string{"-size", "0"}, "not a size such as"},
		{"a negative size", []string{"-size", "-1"}, "not a size such as"},
		{"half a size", []string{"-size", "1.5MiB"}, "not a size such as"},
		{"a size too large", []string{"-size", "8388608TiB"}, "not a size such as"},
		{"an empty item", []string{"-list", "a,,b"}, "an item of the list is empty"},
		{"a network that is none", []string{"-networks", "10.0.0.0/33"}, "neither an address nor a network"},
		{"an address with a zone", []string{"-networks", "fe80::1%eth0"}, "neither an address nor a network"},
		{"a pair without a value", []string{"-pair", "a="}, "must be name=value"},
		{"a pair without a name", []string{"-pair", "=a"}, "must be name=value"},
		{"two pairs of a name", []string{"-pair", "a=b", "-pair", "a=c"}, "a is given twice"},
		{"two texts", []string{"-text", "a", "-text", "a"}, "given twice"},
		{"two switches", []string{"-switch", "-switch"}, "given twice"},
		{"two durations", []string{"-duration", "1s", "-duration=1s"}, "given twice"},
		{"two times", []string{"-begin", "1s", "--begin", "1s"}, "given twice"},
		{"two deadlines", []string{"-deadline", "1s", "-deadline", "2s"}, "given twice"},
		{"an empty text", []string{"-text", ""}, "the value is empty"},
		{"an empty list", []string{"-list="}, "the value is empty"},
		{"an argument too many", []string{"a", "b"}, `"b" is one too many`},
		{"a flag after the arguments", []string{"a", "-text"}, "-text comes too late"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := parse(test.args...)
				var usage cli.UsageError
				if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the error is %v, want a UsageError with %q", err, test.want)
				}
			})
		})
	}
}

func TestHelpShowsDurationsWithoutUnitsThatSayNothing(t *testing.T) {
	for value, want := range map[time.Duration]string{
		time.Minute:                            "(default 1m)",
		90 * time.Second:                       "(default 1m30s)",
		2 * time.Hour:                          "(default 2h)",
		90 * time.Minute:                       "(default 1h30m)",
		10 * time.Second:                       "(default 10s)",
		10*time.Hour + 10*time.Minute:          "(default 10h10m)",
		20 * time.Hour:                         "(default 20h)",
		time.Hour + 5*time.Second:              "(default 1h0m5s)",
		0:                                      "a duration\n",
		1500 * time.Millisecond:                "(default 1.5s)",
		24*time.Hour + 0*time.Minute:           "(default 24h)",
		100*time.Minute + 0*time.Second:        "(default 1h40m)",
		time.Duration(50) * time.Millisecond:   "(default 50ms)",
		time.Duration(1000) * time.Microsecond: "(default 1ms)",
	} {
		var d time.Duration
		var out bytes.Buffer
		fs := cli.NewFlags("program", "command", "NAME", "About the command.")
		fs.DurationVar(&d, "d", value, "a `duration`")
		err := fs.ParseArgs([]string{"-h"}, 1, 1, &out)
		if err == nil || d != value || !strings.Contains(out.String(), want) {
			t.Errorf("%v, %v: want %q in\n%s", err, d, want, &out)
		}
		if !strings.HasPrefix(out.String(), "Usage: program command [flags] NAME\n\nAbout the command.\n\nFlags:\n") {
			t.Errorf("the help is\n%s", &out)
		}
	}
}
