package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// flaky is a writer whose writes take as many bytes as the test allows.
type flaky struct {
	bytes.Buffer
	allow []int // for each write, until there are none left
}

func (f *flaky) Write(b []byte) (int, error) {
	if len(f.allow) == 0 {
		return f.Buffer.Write(b)
	}
	n := min(f.allow[0], len(b))
	f.allow = f.allow[1:]
	f.Buffer.Write(b[:n])
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestRecordsThatCannotBeWrittenAreCountedAndReported(t *testing.T) {
	report := func(n int64) []byte { return fmt.Appendf(nil, "dropped %d\n", n) }
	for _, test := range []struct {
		name    string
		allow   []int
		want    string
		dropped int64
	}{
		{"all is well", nil, "one\ntwo\nthree\n", 0},
		{"the reader is away for one record", []int{0}, "two\ndropped 1\nthree\n", 1},
		{"the reader is away for all", []int{0, 0, 0}, "", 3},
		{"a record is torn", []int{2}, "on\ntwo\ndropped 1\nthree\n", 1},
		{"a record is torn, and the next one is lost", []int{2, 0}, "on\nthree\ndropped 2\n", 2},
		{"only the line feed is lost", []int{3}, "one\ntwo\ndropped 1\nthree\n", 1},
		{"the report is lost at first", []int{0, 4, 0}, "two\nthree\ndropped 1\n", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &flaky{allow: test.allow}
				s := newSink(out, report)
				for _, record := range []string{"one\n", "two\n", "three\n"} {
					if n, err := s.Write([]byte(record)); n != len(record) || err != nil {
						t.Errorf("Write returned %d, %v", n, err)
					}
					synctest.Wait()
				}
				s.close(time.Second)
				if out.String() != test.want || s.dropped.Load() != test.dropped {
					t.Errorf("written %q and dropped %d, want %q and %d", out, s.dropped.Load(), test.want, test.dropped)
				}
			})
		})
	}
}

func TestASinkHoldsNoMoreThanItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // blocks until it is read
		s := newSink(w, nil)
		record := []byte(strings.Repeat("x", 1023) + "\n")
		for range 3 * maxPending / len(record) {
			s.Write(record)
		}
		synctest.Wait()
		begin := time.Now()
		s.close(time.Second)
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("close took %v, want its timeout of a second", waited)
		}
		s.Write(record) // after close
		var got bytes.Buffer
		go io.Copy(&got, r)
		<-s.done
		w.Close()
		synctest.Wait()
		kept, dropped := int64(got.Len()/len(record)), s.dropped.Load()
		if kept+dropped != 3*maxPending/int64(len(record))+1 || got.Len() > 2*maxPending || got.Len() < maxPending {
			t.Errorf("kept %d records and dropped %d", kept, dropped)
		}
	})
}

func TestEveryValueIsBoundedAfterQuoting(t *testing.T) {
	for name, unit := range map[string]string{
		"bytes that are no UTF-8":        "\x80",
		"letters":                        "a",
		"quotes":                         `"`,
		"backslashes":                    `\`,
		"control characters":             "\x01",
		"deletes":                        "\x7f",
		"line feeds":                     "\n",
		"letters of three bytes":         "ツ",
		"line separators":                "\u2028",
		"replacement characters":         "\ufffd",
		"private characters":             "\ue000",
		"characters of four bytes":       "😀",
		"private ones of four bytes":     "\U0010fffd",
		"invalid bytes between letters":  "a\xff",
		"a rune that is cut off in time": "\xf0\x9f\x98",
	} {
		for _, format := range []string{"text", "json"} {
			long := strings.Repeat(unit, 40000/len(unit))
			for kind, value := range map[string]any{"string": long, "error": errors.New(long), "slice": []string{long}} {
				var out bytes.Buffer
				log, sink := newLogger(&out, format, []string{"token"})
				log.Info("m", "value", value)
				sink.close(time.Minute)
				_, quoted, _ := strings.Cut(out.String(), "value")
				if len(quoted) > maxValue+40 || len(quoted) < maxValue/6 {
					t.Errorf("%s, a %s of %s takes %d bytes", format, kind, name, len(quoted))
				}
				if !strings.Contains(quoted, " bytes)") {
					t.Errorf("%s, a %s of %s: the log does not say that it is cut", format, kind, name)
				}
			}
		}
	}
}

func TestShortValuesAreNotCut(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("a", maxValue), strings.Repeat("\x80", maxValue/longestQuoted)} {
		if got := cut(text); got != text {
			t.Errorf("%d bytes are cut to %d", len(text), len(got))
		}
	}
}

func TestTheMessageIsBoundedAndTheLevelStays(t *testing.T) {
	var out bytes.Buffer
	log, sink := newLogger(&out, "json", []string{"token"})
	log.Warn(strings.Repeat("m", 50000), slog.Group("g", slog.Duration("took", 1500*time.Millisecond)))
	sink.close(time.Minute)
	var line struct {
		Level, Msg string
		G          map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Level != "WARN" || len(line.Msg) > maxValue+40 || line.G["took_seconds"] != 1.5 {
		t.Errorf("level %s, a message of %d bytes, group %v; want WARN, at most %d, and 1.5 seconds", line.Level, len(line.Msg), line.G, maxValue+40)
	}
}

func TestAParameterOfTheOperatorsChoiceIsRedactedInEverySpelling(t *testing.T) {
	const token = "L2E:1r31eq:Q2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2X"
	for _, name := range []string{"key", "k.y"} {
		first := fmt.Sprintf("%%%02x", name[0])
		for _, target := range []string{
			"/a?" + name + "=" + token,
			"/a?b=c&" + name + "=" + token + "&d=e",
			"/a?" + first + name[1:] + "=" + token,
			"/a?" + strings.ToUpper(first) + name[1:] + "=" + token,
			"/login?next=%2Fa%3F" + name + "%3D" + token,
			"/login?next=%2Fa%3F" + strings.ReplaceAll(first, "%", "%25") + name[1:] + "%253D" + token,
		} {
			var out bytes.Buffer
			log, sink := newLogger(&out, "text", []string{name})
			log.Info("m", "target", target, "error", errors.New(target))
			sink.close(time.Minute)
			if strings.Contains(out.String(), token) || strings.Count(out.String(), "REDACTED") != 2 {
				t.Errorf("the log shows the token of %s:\n%s", target, &out)
			}
		}
	}
}
