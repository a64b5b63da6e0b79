"""Ingest's figures. Every combination of labels that can be known at start is there from the start."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import get_args

from ingest.application.letters import REASONS, Translated
from ingest.domain.sources import Sources
from shared import metrics as table
from shared.events.lead import LeadEvent, event_type
from shared.events.topics import CRM_RECEIVED
from shared.metrics import Metrics
from shared.streams.port import Stream

SERVICE = "ingest"
EVENT_TYPES = tuple(str(each.__struct_config__.tag) for each in get_args(LeadEvent))


class TranslationMetrics:
    """The `Watcher` of the translation."""

    def __init__(self, metrics: Metrics, sources: Sources) -> None:
        self._sources = frozenset(sources)
        self._made = metrics.counter(table.EVENTS_TRANSLATED)
        self._dead = metrics.counter(table.EVENTS_DEAD_LETTERED)
        self._consumed = metrics.counter(table.EVENTS_CONSUMED).labels(topic=CRM_RECEIVED, type="raw_request")
        self._seconds = metrics.histogram(table.EVENT_PROCESSING).labels(topic=CRM_RECEIVED)
        self._owned = metrics.gauge(table.PARTITIONS_OWNED).labels(topic=CRM_RECEIVED)
        self._lag = metrics.gauge(table.CONSUMER_LAG)
        self._heard = metrics.gauge(table.SOURCE_LAST_EVENT)
        for source in sources:
            for kind in EVENT_TYPES:
                self._made.labels(source=source, type=kind)
        for reason in REASONS:
            self._dead.labels(service=SERVICE, reason=reason)

    def translated(self, results: Sequence[Translated], *, seconds: float) -> None:
        """As the port says."""
        self._consumed.inc(len(results))
        self._seconds.observe(seconds)
        made = Counter((event.source, event_type(event)) for result in results for event in result.events)
        for (source, kind), count in made.items():
            self._made.labels(source=source, type=kind).inc(count)
        for reason, count in Counter(letter.reason for result in results for letter in result.letters).items():
            self._dead.labels(service=SERVICE, reason=reason).inc(count)

    def owns(self, partitions: Sequence[int]) -> None:
        """As the port says."""
        self._owned.set(len(partitions))
        self._lag.clear()
        for partition in partitions:
            self._lag.labels(topic=CRM_RECEIVED, partition=partition)

    def lag_of(self, stream: Stream, positions: Callable[[], Mapping[int, int]]) -> Callable[[], Awaitable[None]]:
        """What to await at a scrape, so that the lag is that of now."""

        async def refresh() -> None:
            own = positions()
            if own:
                ends = await stream.end_offsets(CRM_RECEIVED)
                for partition, position in own.items():
                    lag = max(0, ends.get(partition, position) - position)
                    self._lag.labels(topic=CRM_RECEIVED, partition=partition).set(lag)

        return refresh

    def heard_of(self, heard: Callable[[], Awaitable[Mapping[str, datetime]]]) -> Callable[[], Awaitable[None]]:
        """What to await at a scrape: when each source was last heard, whichever replica heard it."""

        async def refresh() -> None:
            for source, instant in (await heard()).items():
                if source in self._sources:
                    self._heard.labels(source=source).set(instant.timestamp())

        return refresh
