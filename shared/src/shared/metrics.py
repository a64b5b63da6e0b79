"""Every metric of every service: its name, kind, labels and meaning, in one place.

Prefix `leadpact_`, base units, `_total` on counters, ratios 0-1. No lead id and no address is ever a label.
`docs/metrics.md` is generated from this file.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# Without this every counter and histogram gets a `_created` series of its own. Said by a call: the variable that says
# the same is read when prometheus_client is first imported, which may have happened before.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library annotates all but this

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DELAY_BUCKETS = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
DURATION_BUCKETS = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 172800.0, 604800.0)


class Kind(StrEnum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric, as it stands in the documents."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


BUILD_INFO = Metric("leadpact_build_info", Kind.GAUGE, "Always 1; which version runs.", ("service", "version"))
SCRAPE_REFRESH_FAILURES = Metric(
    "leadpact_scrape_refresh_failures_total",
    Kind.COUNTER,
    "Scrapes at which gauges from the database could not be refreshed and kept their last value.",
    ("refresh",),
)

# ingest
WEBHOOK_REQUESTS = Metric(
    "leadpact_webhook_requests_total",
    Kind.COUNTER,
    "Webhook requests answered, by source and status.",
    ("source", "status"),
)
WEBHOOK_REJECTED = Metric(
    "leadpact_webhook_rejected_total",
    Kind.COUNTER,
    "Webhook requests refused, by reason.",
    ("source", "reason"),
)
WEBHOOK_DURATION = Metric(
    "leadpact_webhook_duration_seconds",
    Kind.HISTOGRAM,
    "From a request's first byte to its answer.",
    ("source",),
    LATENCY_BUCKETS,
)
EVENTS_TRANSLATED = Metric(
    "leadpact_events_translated_total",
    Kind.COUNTER,
    "Lead events made from raw requests.",
    ("source", "type"),
)
EVENTS_DEAD_LETTERED = Metric(
    "leadpact_events_dead_lettered_total",
    Kind.COUNTER,
    "Events put aside because they could not be processed.",
    ("service", "reason"),
)
SOURCE_LAST_EVENT = Metric(
    "leadpact_source_last_event_timestamp_seconds",
    Kind.GAUGE,
    "When a source was last heard of (Unix time).",
    ("source",),
)
SPOOL_PENDING = Metric(
    "leadpact_spool_pending_requests", Kind.GAUGE, "Requests in the local spool, waiting for the stream."
)
SPOOL_BYTES = Metric("leadpact_spool_bytes", Kind.GAUGE, "Bytes that the local spool holds.")

# everybody who consumes
CONSUMER_LAG = Metric(
    "leadpact_consumer_lag_records",
    Kind.GAUGE,
    "Records between what was processed and the end of the log.",
    ("topic", "partition"),
)
EVENTS_CONSUMED = Metric(
    "leadpact_events_consumed_total", Kind.COUNTER, "Events taken from the stream.", ("topic", "type")
)
EVENT_PROCESSING = Metric(
    "leadpact_event_processing_duration_seconds",
    Kind.HISTOGRAM,
    "Time to process and commit one batch.",
    ("topic",),
    LATENCY_BUCKETS,
)
OUTBOX_PENDING = Metric(
    "leadpact_outbox_pending_records", Kind.GAUGE, "Records committed but not yet published to the stream."
)

# sla-engine
WINDOW_OBLIGATIONS = Metric(
    "leadpact_window_obligations",
    Kind.GAUGE,
    "Obligations that ended in the window, exact, from the database.",
    ("clock", "team", "window", "outcome"),
)
OPEN_OBLIGATIONS = Metric("leadpact_open_obligations", Kind.GAUGE, "Obligations open now.", ("clock", "team", "state"))
NEXT_DEADLINE = Metric(
    "leadpact_next_deadline_timestamp_seconds",
    Kind.GAUGE,
    "The nearest deadline (Unix time); 0 if none.",
    ("clock", "team"),
)
OBLIGATIONS_OPENED = Metric("leadpact_obligations_opened_total", Kind.COUNTER, "Obligations opened.", ("clock", "team"))
OBLIGATIONS_CLOSED = Metric(
    "leadpact_obligations_closed_total", Kind.COUNTER, "Obligations that ended.", ("clock", "team", "outcome")
)
OBLIGATION_DURATION = Metric(
    "leadpact_obligation_duration_seconds",
    Kind.HISTOGRAM,
    "From start to the instant the promise was kept.",
    ("clock", "team", "time"),
    DURATION_BUCKETS,
)
BREACH_LATENESS = Metric(
    "leadpact_breach_lateness_seconds",
    Kind.HISTOGRAM,
    "From the instant a breach could be announced (deadline and settle time) to its commit.",
    (),
    DELAY_BUCKETS,
)
TARGET_RATIO = Metric(
    "leadpact_target_ratio",
    Kind.GAUGE,
    "The share of a clock's promises that the agreement wants kept.",
    ("clock", "team"),
)
TARGET_SECONDS = Metric(
    "leadpact_target_seconds", Kind.GAUGE, "The promised time of a clock in its default segment.", ("clock", "team")
)
BUSINESS_HOURS_OPEN = Metric(
    "leadpact_business_hours_open", Kind.GAUGE, "1 while the clock's calendar is open.", ("clock", "team")
)
AGREEMENT_INFO = Metric("leadpact_agreement_info", Kind.GAUGE, "Always 1; the agreement in force.", ("name", "version"))
PARTITIONS_OWNED = Metric("leadpact_partitions_owned", Kind.GAUGE, "Partitions that this process owns.", ("topic",))

# notifier
NOTIFICATION_DELAY = Metric(
    "leadpact_notification_delay_seconds",
    Kind.HISTOGRAM,
    "From an announcement's commit to the provider's receipt.",
    ("channel",),
    DELAY_BUCKETS,
)
DELIVERIES = Metric("leadpact_deliveries", Kind.GAUGE, "Deliveries by state.", ("channel", "state"))
DELIVERY_ATTEMPTS = Metric(
    "leadpact_delivery_attempts_total", Kind.COUNTER, "Attempts to deliver, by outcome.", ("channel", "outcome")
)


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self, *, service: str, version: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self.gauge(BUILD_INFO).labels(service=service, version=version).set(1)

    def counter(self, metric: Metric) -> Counter:
        """Make a counter; label combinations known in advance should be touched once, so that they read 0."""
        assert metric.kind is Kind.COUNTER, metric
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def gauge(self, metric: Metric) -> Gauge:
        """Make a gauge."""
        assert metric.kind is Kind.GAUGE, metric
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def histogram(self, metric: Metric, *, edges: Sequence[float] = ()) -> Histogram:
        """Make a histogram; `edges` are added to its buckets, so that each configured target is one."""
        assert metric.kind is Kind.HISTOGRAM, metric
        buckets = sorted({*metric.buckets, *edges})
        return Histogram(metric.name, metric.help, metric.labels, registry=self.registry, buckets=buckets)


def all_metrics() -> list[Metric]:
    """Every metric of this file, in its order."""
    return [value for value in globals().values() if isinstance(value, Metric)]
