// Package telemetry tells OpenTelemetry what a [middleware.Verifier] does, and keeps
// signatures out of what is told.
//
// Instrumentation such as otelhttp records the URLs of requests. A signed URL is a
// secret until it expires, and a trace is read by many: without [RedactSpans], each span
// of a request to a signed link holds a link that works.
//
//	processor := telemetry.RedactSpans(sdktrace.NewBatchSpanProcessor(exporter))
//	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor))
//
// [Metrics] counts decisions, and times the stores:
//
//	metrics, err := telemetry.New(meters)
//	verifier, err := middleware.NewVerifier(keys, &middleware.Options{
//		Observe: metrics.Observe,
//		Uses:    metrics.Uses(store),
//	})
//
// Where they are exported to, by OTLP or to Prometheus, is for the program to say, which
// makes the providers.
package telemetry
