package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware/telemetry"
)

// exportTimeout is how long the last export may hold up the end of the process.
const exportTimeout = 5 * time.Second

// observation is what the gateway tells about itself: metrics for Prometheus
// and, with a collector, metrics and traces by OTLP.
type observation struct {
	*telemetry.Metrics
	registry *prometheus.Registry
	meters   *sdkmetric.MeterProvider
	tracers  *sdktrace.TracerProvider // or nil
}

// observe makes the instruments. The collector is the base URL of one that
// takes OTLP over HTTP, or "".
func observe(ctx context.Context, collector string) (*observation, error) {
	o := &observation{registry: prometheus.NewRegistry()}
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(o.registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithHost())
	if err != nil {
		return nil, err
	}
	options := []sdkmetric.Option{sdkmetric.WithReader(reader), sdkmetric.WithResource(about)}
	if collector != "" {
		u, err := url.Parse(collector)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
			return nil, cli.Usagef("-otlp must be the URL of a collector for OTLP over HTTP, such as http://localhost:4318; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
		}
		base := strings.TrimSuffix(u.String(), "/")
		metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base+"/v1/metrics"))
		if err != nil {
			return nil, err
		}
		traces, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"))
		if err != nil {
			return nil, err
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))
		o.tracers = sdktrace.NewTracerProvider(
			sdktrace.WithResource(about),
			// otelhttp records whole URLs, and with them live signatures.
			sdktrace.WithSpanProcessor(telemetry.RedactSpans(sdktrace.NewBatchSpanProcessor(traces))),
		)
	}
	o.meters = sdkmetric.NewMeterProvider(options...)
	if o.Metrics, err = telemetry.New(o.meters); err != nil {
		return nil, err
	}
	return o, nil
}

// hook adds the observation to a server.
func (o *observation) hook(h *server.Hooks, log func(msg string, args ...any)) {
	h.Observe = o.Observe
	h.Metrics = o.write
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log("telemetry", "error", err) }))
	if o.tracers != nil {
		h.Wrap = func(next http.Handler) http.Handler {
			return otelhttp.NewHandler(next, "serve",
				otelhttp.WithTracerProvider(o.tracers),
				otelhttp.WithMeterProvider(o.meters),
				otelhttp.WithPropagators(propagation.TraceContext{}),
				// Whoever sends a request must not choose its trace.
				otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }))
		}
	}
}

// write writes the metrics that the server does not count itself.
func (o *observation) write(w io.Writer) error {
	families, err := o.registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "signedurl_decisions") {
			continue // the server's own are by reason and by key
		}
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}

// close exports what is left.
func (o *observation) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	err := o.meters.Shutdown(ctx)
	if o.tracers != nil {
		if e := o.tracers.Shutdown(ctx); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("the last metrics and traces may be lost: %w", err)
	}
	return nil
}
