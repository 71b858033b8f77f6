package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"example.com/signedurl/middleware"
)

// newLogger returns a logger and the sink to which it writes.
//
// It writes no signature, whatever is logged: a link in a log is a key under
// the mat for as long as it lives. The secrets are parameters that hold a
// signature under a name of the operator's choice. No client can write much of it, and
// durations are in seconds, which their names say.
func newLogger(w io.Writer, format string, secrets []string) (*slog.Logger, *sink) {
	redact := middleware.SecretParams(secrets).RedactAttr
	opts := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		return bounded(inSeconds(redact(groups, a)))
	}}
	handler := func(w io.Writer) slog.Handler {
		if format == "json" {
			return slog.NewJSONHandler(w, opts)
		}
		return slog.NewTextHandler(w, opts)
	}
	s := newSink(w, func(dropped int64) []byte {
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "records of the log were dropped, since they could not be written", 0)
		r.AddAttrs(slog.Int64("dropped", dropped))
		var b bytes.Buffer
		_ = handler(&b).Handle(context.Background(), r) // a bytes.Buffer takes everything
		return b.Bytes()
	})
	return slog.New(handler(s)), s
}

// inSeconds turns durations, which JSON shows as bare nanoseconds, into
// seconds.
func inSeconds(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key+"_seconds", a.Value.Duration().Seconds())
	}
	return a
}

// maxValue is the largest number of bytes that one value takes in the log, not
// counting the words that say how much is missing. Most come from clients.
const maxValue = 4 << 10

// bounded cuts off values that are too long.
func bounded(a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
	case slog.KindAny:
		switch a.Value.Any().(type) {
		case slog.Level, *slog.Source, nil:
			return a
		}
	default:
		return a
	}
	if text := a.Value.String(); a.Value.Kind() == slog.KindAny || len(text) > maxValue/longestQuoted {
		a.Value = slog.StringValue(cut(text))
	}
	return a
}

// longestQuoted is the largest number of bytes by which the handlers of slog
// write one byte of a value: JSON writes \ufffd for a byte that is not UTF-8.
const longestQuoted = 6

// cut returns the beginning of a text that takes at most maxValue bytes in
// quotes, and how long it was if that is not all.
func cut(text string) string {
	size := 0
	for i, width := 0, 0; i < len(text); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"' || r == '\\':
			size += 2
		case r > 0xFFFF && !strconv.IsPrint(r):
			size += len(`\U0010ffff`)
		case r == utf8.RuneError || !strconv.IsPrint(r):
			size += longestQuoted
		default:
			size += width
		}
		if size > maxValue {
			return fmt.Sprintf("%s... (%d bytes)", text[:i], len(text))
		}
	}
	return text
}
