package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/middleware/telemetry"
)

var keys = func() *middleware.Keyring {
	key, err := middleware.NewHMACKey("2026a", []byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	return ring
}()

func sign(t *testing.T, change func(c *middleware.Claims)) (link, signature string) {
	t.Helper()
	c := middleware.Claims{Expires: time.Now().Add(time.Hour)}
	if change != nil {
		change(&c)
	}
	u, err := keys.Sign(&url.URL{Path: "/files/card.jpg"}, c)
	if err != nil {
		t.Fatal(err)
	}
	return u.String(), u.Query().Get("signature")
}

// traced serves one request through otelhttp, as a server and as a client, and returns
// everything that the spans say.
func traced(t *testing.T, wrap func(sdktrace.SpanProcessor) sdktrace.SpanProcessor) (told, signature string) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(wrap(sdktrace.NewSimpleSpanProcessor(exporter))))
	v, err := middleware.NewVerifier(keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		span.RecordError(fmt.Errorf("cannot read %s", r.URL))
		span.SetStatus(codes.Error, "GET "+r.RequestURI)
		span.SetAttributes(attribute.StringSlice("targets", []string{r.RequestURI}), attribute.Int("n", 1))
		io.WriteString(w, "the card")
	})
	s := httptest.NewServer(otelhttp.NewHandler(v.Handler(file), "files", otelhttp.WithTracerProvider(provider)))
	defer s.Close()
	link, signature := sign(t, nil)
	client := &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(provider))}
	resp, err := client.Get(s.URL + link)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	s.Close()
	for _, span := range exporter.GetSpans() {
		told += fmt.Sprintf("%s %+v %+v %+v %+v\n", span.Name, span.Attributes, span.Events, span.Links, span.Status)
	}
	return told, signature
}

func TestInstrumentationRecordsLinksThatWork(t *testing.T) {
	told, signature := traced(t, func(p sdktrace.SpanProcessor) sdktrace.SpanProcessor { return p })
	if !strings.Contains(told, signature) {
		t.Errorf("otelhttp no longer records signatures, and RedactSpans may not be needed:\n%s", told)
	}
}

func TestRedactSpansLeavesTheRest(t *testing.T) {
	told, signature := traced(t, telemetry.RedactSpans)
	if strings.Contains(told, signature) {
		t.Errorf("the spans have the signature:\n%s", told)
	}
	for _, want := range []string{"/files/card.jpg", "expires_at=", "signature=REDACTED", "url.full", "http.response.status_code"} {
		if !strings.Contains(told, want) {
			t.Errorf("the spans have no %s:\n%s", want, told)
		}
	}
}

func TestATextUnderTheNameOfASignatureIsOne(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(telemetry.RedactSpans(sdktrace.NewSimpleSpanProcessor(exporter))))
	_, span := provider.Tracer("test").Start(context.Background(), "GET /a?signature=abcdefghijklmnop", trace.WithLinks(trace.Link{
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}),
		Attributes:  []attribute.KeyValue{attribute.String("of", "/a?signature=abcdefghijklmnop")},
	}))
	span.SetAttributes(attribute.String("signature", "abcdefghijklmnop"), attribute.String("http.request.header.x_token", "abcdefghijklmnop"), attribute.String("name", "card.jpg"))
	span.End()
	told := fmt.Sprintf("%+v", exporter.GetSpans())
	if strings.Contains(told, "abcdefghijklmnop") || !strings.Contains(told, "card.jpg") {
		t.Error(told)
	}
}

type down struct{}

func (down) Revoked(context.Context, string) (bool, error) { return false, errors.New("down") }

func TestMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	m, err := telemetry.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	verifier := func(o middleware.Options) *middleware.Verifier {
		o.Observe = m.Observe
		v, err := middleware.NewVerifier(keys, &o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	counted := verifier(middleware.Options{Uses: m.Uses(memstore.NewUses(nil)), Revocations: m.Revocations(memstore.NewRevocations(nil))})
	broken := verifier(middleware.Options{Revocations: m.Revocations(down{})})
	once, _ := sign(t, func(c *middleware.Claims) { c.ID, c.Uses = "x", 1 })
	old, _ := sign(t, func(c *middleware.Claims) { c.Expires = time.Now().Add(-time.Hour) })
	h := counted.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { middleware.GiveBack(r.Context()) }))
	get := func(h http.Handler, link string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", link, nil))
	}
	get(h, once)
	get(counted.Handler(http.NotFoundHandler()), once)
	get(h, once)
	get(h, old)
	get(h, "/files/card.jpg?signed_by=a-key-of-a-stranger&expires_at=1&signature=x")
	get(broken.Handler(h), once)
	info, err := fstest.MapFS{"a": {Data: []byte("12345")}}.Stat("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.OnStored(t.Context(), "/a", info); err != nil {
		t.Fatal(err)
	}

	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, metric := range scope.Metrics {
			switch data := metric.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found[metric.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found[metric.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Count)
				}
			}
		}
	}
	for name, want := range map[string]float64{
		"signedurl.decisions signedurl.key_id=2026a,signedurl.reason=ok":              2,
		"signedurl.decisions signedurl.key_id=2026a,signedurl.reason=used_up":         1,
		"signedurl.decisions signedurl.key_id=2026a,signedurl.reason=expired":         1,
		"signedurl.decisions signedurl.key_id=2026a,signedurl.reason=unavailable":     1,
		"signedurl.decisions signedurl.reason=invalid":                                1,
		"signedurl.link.remaining ":                                                   2,
		"signedurl.store.duration signedurl.operation=take":                           3,
		"signedurl.store.duration signedurl.operation=give_back":                      1,
		"signedurl.store.duration signedurl.operation=revoked":                        3,
		"signedurl.store.duration error.type=unavailable,signedurl.operation=revoked": 1,
		"signedurl.uploads ":      1,
		"signedurl.upload.bytes ": 5,
	} {
		if found[name] != want {
			t.Errorf("%s is %v, want %v", name, found[name], want)
		}
		delete(found, name)
	}
	if len(found) != 0 {
		t.Errorf("there is more: %v", found)
	}
}
