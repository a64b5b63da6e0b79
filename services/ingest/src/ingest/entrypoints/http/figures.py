"""The metrics of receiving, with every known combination of labels made at start."""

from collections.abc import Iterable

from prometheus_client import Counter, Histogram

from ingest.entrypoints.http.refusals import REASONS, TITLES
from shared.metrics import WEBHOOK_DURATION, WEBHOOK_REJECTED, WEBHOOK_REQUESTS, Metrics

UNKNOWN = "unknown"
"""The label `source` of requests to a source that is not configured: what a stranger asks for is no label."""
STATUSES = (200, 202, 204, *TITLES)


class SourceFigures:
    """One source's figures; the children are looked up once, not in every request."""

    def __init__(self, source: str, requests: Counter, rejected: Counter, duration: Histogram) -> None:
        self._by_status = {status: requests.labels(source=source, status=str(status)) for status in STATUSES}
        self._by_reason = {reason: rejected.labels(source=source, reason=reason) for reason in REASONS}
        self._duration = duration.labels(source=source)

    def stored(self, status: int, *, seconds: float) -> None:
        """A request was stored and answered."""
        self._by_status[status].inc()
        self._duration.observe(seconds)

    def refused(self, status: int, reason: str, *, seconds: float) -> None:
        """A request was refused."""
        self._by_status[status].inc()
        self._by_reason[reason].inc()
        self._duration.observe(seconds)


class Figures:
    """The figures of all sources."""

    def __init__(self, metrics: Metrics, sources: Iterable[str]) -> None:
        parts = (
            metrics.counter(WEBHOOK_REQUESTS),
            metrics.counter(WEBHOOK_REJECTED),
            metrics.histogram(WEBHOOK_DURATION),
        )
        self._of = {source: SourceFigures(source, *parts) for source in sources}
        self._unknown = SourceFigures(UNKNOWN, *parts)

    def of(self, source: str) -> SourceFigures:
        """Those of a source; unknown ones share theirs."""
        return self._of.get(source, self._unknown)
