package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"example.com/signedurl/middleware"
)

// RedactSpans returns a processor that passes spans on to another one without the
// signatures in them, as [middleware.Redact] removes them: in names, attributes, events,
// links and descriptions of errors. So url.full, url.query and whatever else
// instrumentation records stay useful, and open nothing. Put every processor that exports
// behind one. RedactSpans panics if next is nil.
func RedactSpans(next sdktrace.SpanProcessor) sdktrace.SpanProcessor {
	if next == nil {
		panic("signedurl: telemetry.RedactSpans with a nil SpanProcessor")
	}
	return redactor{next}
}

type redactor struct{ next sdktrace.SpanProcessor }

func (p redactor) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) { p.next.OnStart(ctx, s) }
func (p redactor) OnEnd(s sdktrace.ReadOnlySpan)                         { p.next.OnEnd(redacted{s}) }
func (p redactor) Shutdown(ctx context.Context) error                    { return p.next.Shutdown(ctx) }
func (p redactor) ForceFlush(ctx context.Context) error                  { return p.next.ForceFlush(ctx) }

// redacted is a span that has ended, without its signatures.
type redacted struct{ sdktrace.ReadOnlySpan }

func (s redacted) Name() string { return middleware.Redact(s.ReadOnlySpan.Name()) }

func (s redacted) Attributes() []attribute.KeyValue { return redactAll(s.ReadOnlySpan.Attributes()) }

func (s redacted) Events() []sdktrace.Event {
	events := append([]sdktrace.Event(nil), s.ReadOnlySpan.Events()...)
	for i := range events {
		events[i].Name = middleware.Redact(events[i].Name)
		events[i].Attributes = redactAll(events[i].Attributes)
	}
	return events
}

func (s redacted) Links() []sdktrace.Link {
	links := append([]sdktrace.Link(nil), s.ReadOnlySpan.Links()...)
	for i := range links {
		links[i].Attributes = redactAll(links[i].Attributes)
	}
	return links
}

func (s redacted) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = middleware.Redact(status.Description)
	return status
}

// redactAll returns a copy of attributes in which texts have no signature. A text under a
// key that is the name of a signature is one.
func redactAll(attrs []attribute.KeyValue) []attribute.KeyValue {
	out := append([]attribute.KeyValue(nil), attrs...)
	for i, a := range out {
		switch a.Value.Type() {
		case attribute.STRING:
			out[i].Value = attribute.StringValue(redactUnder(a.Key, a.Value.AsString()))
		case attribute.STRINGSLICE:
			texts := a.Value.AsStringSlice()
			for j := range texts {
				texts[j] = redactUnder(a.Key, texts[j])
			}
			out[i].Value = attribute.StringSliceValue(texts)
		}
	}
	return out
}

func redactUnder(key attribute.Key, text string) string {
	const mark = "="
	name := string(key) + mark
	if safe := middleware.Redact(name + text); len(safe) < len(name) || safe[:len(name)] != name || safe[len(name):] != text {
		// Either the text has a signature, or it is one by its name.
		if alone := middleware.Redact(text); alone != text {
			return alone
		}
		return "REDACTED"
	}
	return text
}
