package telemetry

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.com/signedurl/middleware"
)

const scope = "example.com/signedurl/middleware/telemetry"

// Metrics are the instruments for one or more verifiers. It is safe for concurrent use.
type Metrics struct {
	decisions metric.Int64Counter
	remaining metric.Float64Histogram
	store     metric.Float64Histogram
	stored    metric.Int64Counter
	bytes     metric.Int64Counter
}

// New returns instruments of a provider:
//
//   - signedurl.decisions counts decisions, by signedurl.reason, as [middleware.Reason]
//     says, and for authentic links by signedurl.key_id. While a key is counted, it
//     must not be deleted.
//   - signedurl.link.remaining is how long accepted links are still good, in seconds.
//   - signedurl.store.duration is how long the stores took, in seconds, by
//     signedurl.operation (take, give_back or revoked) and, if there was one,
//     error.type.
//   - signedurl.uploads and signedurl.upload.bytes count what is stored.
//
// All attributes have few values, whatever clients send. IDs of links and paths are none of
// them. New panics if the provider is nil.
func New(provider metric.MeterProvider) (*Metrics, error) {
	meter := provider.Meter(scope)
	m := new(Metrics)
	var errs [5]error
	m.decisions, errs[0] = meter.Int64Counter("signedurl.decisions", metric.WithUnit("{decision}"),
		metric.WithDescription("Decisions about requests, by reason."))
	m.remaining, errs[1] = meter.Float64Histogram("signedurl.link.remaining", metric.WithUnit("s"),
		metric.WithDescription("How long accepted links are still good."),
		metric.WithExplicitBucketBoundaries(1, 10, 60, 300, 900, 3600, 21600, 86400, 604800, 2592000))
	m.store, errs[2] = meter.Float64Histogram("signedurl.store.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a store took to answer."),
		metric.WithExplicitBucketBoundaries(1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, .1, .25, .5, 1, 2.5))
	m.stored, errs[3] = meter.Int64Counter("signedurl.uploads", metric.WithUnit("{file}"),
		metric.WithDescription("Files that were stored."))
	m.bytes, errs[4] = meter.Int64Counter("signedurl.upload.bytes", metric.WithUnit("By"),
		metric.WithDescription("Bytes of files that were stored."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return m, nil
}

const (
	reasonKey    = attribute.Key("signedurl.reason")
	keyIDKey     = attribute.Key("signedurl.key_id")
	operationKey = attribute.Key("signedurl.operation")
	errorKey     = attribute.Key("error.type")
)

// Observe is for [middleware.Options.Observe]. It also gives the reason to the span of the
// request, if there is one.
func (m *Metrics) Observe(r *http.Request, l middleware.Link, err error) {
	ctx := r.Context()
	reason := reasonKey.String(middleware.Reason(err))
	trace.SpanFromContext(ctx).SetAttributes(reason)
	if l.KeyID == "" { // not authentic: the client could choose it
		m.decisions.Add(ctx, 1, metric.WithAttributes(reason))
		return
	}
	m.decisions.Add(ctx, 1, metric.WithAttributes(reason, keyIDKey.String(l.KeyID)))
	if expiry := l.Expiry(); err == nil && !expiry.IsZero() {
		m.remaining.Record(ctx, time.Until(expiry).Seconds())
	}
}

// OnStored is for Uploads.OnStored of package signedfs. It returns nil.
func (m *Metrics) OnStored(ctx context.Context, _ string, info fs.FileInfo) error {
	m.stored.Add(ctx, 1)
	m.bytes.Add(ctx, info.Size())
	return nil
}

// asked records how long a store took.
func (m *Metrics) asked(ctx context.Context, operation string, start time.Time, err error) {
	took := time.Since(start).Seconds()
	if err != nil {
		m.store.Record(ctx, took, metric.WithAttributes(operationKey.String(operation), errorKey.String("unavailable")))
		return
	}
	m.store.Record(ctx, took, metric.WithAttributes(operationKey.String(operation)))
}

// Uses returns a store that counts in another one, and times it.
func (m *Metrics) Uses(s middleware.UseStore) middleware.UseStore { return timedUses{m, s} }

type timedUses struct {
	m *Metrics
	s middleware.UseStore
}

func (t timedUses) Take(ctx context.Context, u middleware.Use) (bool, error) {
	start := time.Now()
	ok, err := t.s.Take(ctx, u)
	t.m.asked(ctx, "take", start, err)
	return ok, err
}

func (t timedUses) GiveBack(ctx context.Context, u middleware.Use) error {
	start := time.Now()
	err := t.s.GiveBack(ctx, u)
	t.m.asked(ctx, "give_back", start, err)
	return err
}

// Revocations returns revocations that ask others, and times them.
func (m *Metrics) Revocations(r middleware.Revocations) middleware.Revocations {
	return timedRevocations{m, r}
}

type timedRevocations struct {
	m *Metrics
	r middleware.Revocations
}

func (t timedRevocations) Revoked(ctx context.Context, id string) (bool, error) {
	start := time.Now()
	revoked, err := t.r.Revoked(ctx, id)
	t.m.asked(ctx, "revoked", start, err)
	return revoked, err
}
