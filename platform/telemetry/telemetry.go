// Package telemetry measures what the server does, and writes its log.
//
// It promises that nothing is measured where nothing was asked for: a nil
// *[Telemetry] is one that is off, and every method of it returns what costs
// nothing. It promises that measures and traces carry only what was named at
// build time (operations, statements' first words, commands, kinds) and never
// an id, an address or a text; and that metrics are served on a private address
// alone. What a log line may say is one list ([Fields]).
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	metricsdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says what is measured. The zero value measures nothing.
type Config struct {
	// Listen is where Prometheus finds the metrics: a loopback or private address.
	Listen string
	// TracesURL is where traces go by OTLP over HTTP.
	TracesURL string
	// TracesRatio is the share of requests that are traced; 0.01 where zero.
	TracesRatio float64
}

// Telemetry measures. The nil value is off.
type Telemetry struct {
	meter    *metricsdk.MeterProvider
	tracer   *tracesdk.TracerProvider
	listener net.Listener
	server   *http.Server
}

// Observe begins to measure one piece of work; ended says what it was and how
// it came out, each a word of a short list.
type Observe func(ctx context.Context) (_ context.Context, ended func(what, outcome string))

// buckets, in seconds, are fine around the promise of 300 ms.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2.5, 5, 10, 30}

// Start begins to serve metrics and to send traces; it returns nil where none
// of it was asked for.
func Start(ctx context.Context, c Config) (*Telemetry, error) {
	if c.Listen == "" && c.TracesURL == "" {
		return nil, nil //nolint:nilnil // nil is off
	}
	t := &Telemetry{}
	about := resource.NewSchemaless(attribute.String("service.name", "siegel"))
	if c.TracesURL != "" {
		if err := t.trace(ctx, c, about); err != nil {
			return nil, err
		}
	}
	if c.Listen != "" {
		if err := t.serve(c, about); err != nil {
			return nil, errors.Join(err, t.Close(ctx))
		}
	}
	return t, nil
}

func (t *Telemetry) trace(ctx context.Context, c Config, about *resource.Resource) error {
	if u, err := url.Parse(c.TracesURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("telemetry: the address for traces is not like http://127.0.0.1:4318/v1/traces")
	}
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.TracesURL), otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return fmt.Errorf("telemetry: traces: %w", err)
	}
	if c.TracesRatio == 0 {
		c.TracesRatio = 0.01
	}
	// Whoever asks us has no say in whether they are traced.
	t.tracer = tracesdk.NewTracerProvider(tracesdk.WithResource(about), tracesdk.WithBatcher(out),
		tracesdk.WithSampler(tracesdk.ParentBased(tracesdk.TraceIDRatioBased(c.TracesRatio))))
	return nil
}

func (t *Telemetry) serve(c Config, about *resource.Resource) error {
	at, err := netip.ParseAddrPort(c.Listen)
	if err != nil || !at.Addr().IsLoopback() && !at.Addr().IsPrivate() && !at.Addr().IsLinkLocalUnicast() {
		return errors.New("telemetry: metrics are served on a loopback or private address only, like 127.0.0.1:9464")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	read, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return fmt.Errorf("telemetry: metrics: %w", err)
	}
	t.meter = metricsdk.NewMeterProvider(metricsdk.WithResource(about), metricsdk.WithReader(read),
		metricsdk.WithView(metricsdk.NewView(metricsdk.Instrument{Kind: metricsdk.InstrumentKindHistogram},
			metricsdk.Stream{Aggregation: metricsdk.AggregationExplicitBucketHistogram{Boundaries: buckets, NoMinMax: true}})))
	if t.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	t.server = &http.Server{Handler: pages, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 8 << 10}
	go t.server.Serve(t.listener) //nolint:errcheck // ends with Close
	return nil
}

// Addr is where metrics are served; empty where they are not.
func (t *Telemetry) Addr() string {
	if t == nil || t.listener == nil {
		return ""
	}
	return t.listener.Addr().String()
}

// Close sends what is left, for as long as ctx lasts.
func (t *Telemetry) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	var failed []error
	if t.server != nil {
		failed = append(failed, t.server.Close())
	}
	if t.meter != nil {
		failed = append(failed, t.meter.Shutdown(ctx))
	}
	if t.tracer != nil {
		failed = append(failed, t.tracer.Shutdown(ctx))
	}
	return errors.Join(failed...)
}

// Part measures one part of the server as the histogram siegel_<part>_seconds
// with the labels what and outcome, and as spans; nil where nothing is measured.
func (t *Telemetry) Part(part string) Observe {
	if t == nil {
		return nil
	}
	var took metric.Float64Histogram
	if t.meter != nil {
		var err error
		if took, err = t.meter.Meter("siegel").Float64Histogram("siegel."+part, metric.WithUnit("s")); err != nil {
			took = nil // a malformed name, which a test would have shown
		}
	}
	var spans trace.Tracer
	if t.tracer != nil {
		spans = t.tracer.Tracer("siegel")
	}
	return func(ctx context.Context) (context.Context, func(what, outcome string)) {
		began := time.Now()
		var span trace.Span
		if spans != nil {
			ctx, span = spans.Start(ctx, part)
		}
		return ctx, func(what, outcome string) {
			if took != nil {
				took.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attribute.String("what", what), attribute.String("outcome", outcome)))
			}
			if span != nil {
				span.SetName(part + " " + what)
				span.SetAttributes(attribute.String("outcome", outcome))
				if outcome == Failed || outcome >= "500" && outcome <= "599" {
					span.SetStatus(codes.Error, "")
				}
				span.End()
			}
		}
	}
}

// Outcomes of what has no status of its own.
const (
	Done   = "ok"
	Failed = "error"
)

// OutcomeOf is Done or Failed.
func OutcomeOf(err error) string {
	if err != nil {
		return Failed
	}
	return Done
}

// Gauge has a figure read whenever somebody asks for the metrics; one that
// cannot be read is left out.
func (t *Telemetry) Gauge(name, help string, read func(context.Context) (float64, error)) error {
	if t == nil || t.meter == nil {
		return nil
	}
	_, err := t.meter.Meter("siegel").Float64ObservableGauge(name, metric.WithDescription(help),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			value, err := read(ctx)
			if err == nil {
				o.Observe(value)
			}
			return err
		}))
	if err != nil {
		return fmt.Errorf("telemetry: %s: %w", name, err)
	}
	return nil
}
