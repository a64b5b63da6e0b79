"""Consume `sla.events`: a thin loop over the intake."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from prometheus_client import Counter, Gauge, Histogram

from notifier.application.intake import Intake, Taken
from notifier.application.ports import Inbox, OwnershipLostError
from notifier.application.reading import Reading
from shared.database import DatabaseUnavailable
from shared.events.sla import Saying, event_type
from shared.events.topics import SLA_EVENTS
from shared.logs import get_logger
from shared.metrics import (
    CONSUMER_LAG,
    EVENT_PROCESSING,
    EVENTS_CONSUMED,
    EVENTS_DEAD_LETTERED,
    PARTITIONS_OWNED,
    Metrics,
)
from shared.streams.port import Fetch, Stream, StreamUnavailable, Subscription
from shared.supervision import wait_or_stop

logger = get_logger(__name__)

GROUP = "notifier"
MAX_RECORDS = 500
FETCH_SECONDS = 1.0
PAUSE_SECONDS = 1.0
UNDECODABLE = "undecodable"


class ConsumerMetrics:
    """What the consumer tells Prometheus."""

    def __init__(self, metrics: Metrics) -> None:
        self.consumed: Counter = metrics.counter(EVENTS_CONSUMED)
        self.dead: Counter = metrics.counter(EVENTS_DEAD_LETTERED)
        self.duration: Histogram = metrics.histogram(EVENT_PROCESSING)
        self.owned: Gauge = metrics.gauge(PARTITIONS_OWNED)
        self.lag: Gauge = metrics.gauge(CONSUMER_LAG)
        for type_ in Saying.__args__:
            self.consumed.labels(topic=SLA_EVENTS, type=str(type_.__struct_config__.tag))
        self.dead.labels(service="notifier", reason=UNDECODABLE)
        self.duration.labels(topic=SLA_EVENTS)
        self.owned.labels(topic=SLA_EVENTS).set(0)

    def took(self, taken: Taken) -> None:
        """Count what one fetch came to."""
        for event in (*taken.events, *taken.forgotten):
            self.consumed.labels(topic=SLA_EVENTS, type=event_type(event)).inc()
        self.dead.labels(service="notifier", reason=UNDECODABLE).inc(len(taken.undecodable))


class Consumer:
    """Owns partitions while it runs; its progress is in the inbox.

    `database` translates the driver's errors, so that a database that is away is waited for. `forgotten` is called when
    leads were forgotten. `reading` is told how far the log is read.
    """

    def __init__(
        self,
        *,
        stream: Stream,
        intake: Intake,
        inbox: Inbox,
        metrics: Metrics,
        planned: Callable[[], None],
        forgotten: Callable[[], Awaitable[object]] | None = None,
        database: Callable[[], AbstractContextManager[None]] = nullcontext,
        reading: Reading | None = None,
    ) -> None:
        self._reading = reading or Reading()
        self._stream = stream
        self._intake = intake
        self._inbox = inbox
        self._planned = planned
        self._forgotten = forgotten
        self._database = database
        self._metrics = ConsumerMetrics(metrics)
        self._owned: set[int] = set()
        self._positions: dict[int, int] = {}

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with self._database():
            positions = await self._inbox.own(SLA_EVENTS, partitions)
        self._owned.update(partitions)
        self._reading.owns(partitions)
        self._positions.update({partition: positions.get(partition, 0) for partition in partitions})
        self._metrics.owned.labels(topic=SLA_EVENTS).set(len(self._owned))
        return positions

    async def revoked(self, partitions: Sequence[int]) -> None:
        self._owned.difference_update(partitions)
        self._reading.owns_no_more(partitions)
        for partition in partitions:
            self._positions.pop(partition, None)
        self._metrics.owned.labels(topic=SLA_EVENTS).set(len(self._owned))

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until stopped. A log that can't be reached is waited for; anything else ends the service."""
        while not stop.is_set():
            try:
                async with self._stream.subscribe(SLA_EVENTS, group=GROUP, listener=self) as subscription:
                    await self._consume(subscription, stop)
            except (StreamUnavailable, DatabaseUnavailable) as error:
                logger.warning("consumer_paused", detail=str(error))
                await wait_or_stop(stop, PAUSE_SECONDS)
            except OwnershipLostError as error:
                # Another process took the partition while this one believed to own it: join again, from its position.
                logger.warning("ownership_lost", detail=str(error))

    async def _consume(self, subscription: Subscription, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                fetches = await subscription.fetch(max_records=MAX_RECORDS, timeout_seconds=FETCH_SECONDS)
            except StreamUnavailable as error:
                logger.warning("stream_unavailable", detail=str(error))
                await wait_or_stop(stop, PAUSE_SECONDS)
                continue
            for fetch in fetches:
                await self._take(fetch)
                self._reading.took(fetch)

    async def _take(self, fetch: Fetch) -> None:
        if not fetch.records and self._positions.get(fetch.partition) == fetch.position:
            return
        with self._database(), self._metrics.duration.labels(topic=SLA_EVENTS).time():
            taken = await self._intake.take(fetch)
        self._positions[fetch.partition] = fetch.position
        self._metrics.took(taken)
        for letter in taken.undecodable:
            logger.error("record_undecodable", partition=letter.partition, offset=letter.offset, reason=letter.reason)
        if taken.planned:
            self._planned()
        if taken.forgotten and self._forgotten is not None:
            with self._database():
                await self._forgotten()

    async def refresh_lag(self) -> None:
        """Set the gauge of lag for the owned partitions."""
        ends = await self._stream.end_offsets(SLA_EVENTS)
        self._metrics.lag.clear()
        for partition in self._owned:
            behind = ends.get(partition, 0) - self._positions.get(partition, 0)
            self._metrics.lag.labels(topic=SLA_EVENTS, partition=str(partition)).set(max(0, behind))
