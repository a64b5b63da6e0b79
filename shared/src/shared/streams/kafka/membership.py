"""One aiokafka consumer in its group: joined, watched, left, and replaced when it is beyond help."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from shared.logs import get_logger
from shared.streams.kafka.errors import cancelled_from_within, translated
from shared.streams.kafka.options import KafkaOptions
from shared.streams.kafka.rebalance import RebalanceQueue

logger = get_logger(__name__)

PARTITION_FETCH_BYTES = 4 * 1024 * 1024
"""Per partition and request: above the largest record, and enough for batches of thousands."""
JOIN_TIMEOUT_SECONDS = 5.0
LEAVE_TIMEOUT_SECONDS = 2.0
POSITION_TIMEOUT_SECONDS = 3.0


class Membership:
    """Holds the consumer; None before joining and after leaving."""

    def __init__(self, options: KafkaOptions, *, topic: str, group: str) -> None:
        self._options = options
        self._topic = topic
        self._group = group
        self._dead = False
        self.consumer: AIOKafkaConsumer | None = None
        self._queue: RebalanceQueue | None = None

    @property
    def queue(self) -> RebalanceQueue:
        """The rebalances to settle. Only after `join`."""
        if self._queue is None:
            raise RuntimeError("not joined")
        return self._queue

    async def join(self) -> None:
        """Start a consumer and ask to join; the assignment comes later, through the queue."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._options.bootstrap,
            client_id=self._options.client_id,
            group_id=self._group,
            group_instance_id=self._options.member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            fetch_max_wait_ms=int(self._options.fetch_wait_seconds * 1000),
            session_timeout_ms=int(self._options.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(self._options.heartbeat_seconds * 1000),
            rebalance_timeout_ms=int(self._options.rebalance_timeout_seconds * 1000),
            # A join is answered only after the slowest member's; the request must outlive that.
            request_timeout_ms=int(self._options.rebalance_timeout_seconds * 1000) + 3000,
            metadata_max_age_ms=60_000,
        )
        queue = RebalanceQueue(
            consumer, group=self._group, revocation_wait_seconds=self._options.revocation_wait_seconds
        )
        try:
            with translated(f"joining group {self._group!r}", address=self._options.address):
                async with asyncio.timeout(JOIN_TIMEOUT_SECONDS):
                    await consumer.start()
        except BaseException:
            await _stop(consumer)
            raise
        consumer.subscribe([self._topic], listener=queue)
        self.consumer, self._queue, self._dead = consumer, queue, False

    async def leave(self) -> None:
        """Leave the group, so that the partitions move at once; bounded, for the broker may be gone."""
        consumer, self.consumer = self.consumer, None
        if consumer is not None:
            self.queue.close()
            if consumer._coordinator is not None:  # noqa: SLF001 - aiokafka would let a named member never leave
                consumer._coordinator._group_instance_id = None  # noqa: SLF001 - same
            await _stop(consumer)

    async def getmany(
        self, *where: TopicPartition, timeout_seconds: float, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        """aiokafka's own, for all partitions or these; an error marks the consumer for replacement."""
        with self._watched("fetching"):
            found: Mapping[TopicPartition, Sequence[Any]] = await self._joined().getmany(
                *where, timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        return found

    def check(self) -> None:
        """Raise what the background tasks ended with, for a member that waits for its assignment."""
        coordinator = self._joined()._coordinator  # noqa: SLF001 - aiokafka tells only those who call getmany
        if coordinator is not None:
            with self._watched("waiting for partitions"):
                coordinator.check_errors()

    async def position(self, where: TopicPartition) -> int:
        """The offset to resume from; waits a little while aiokafka looks for a new one (the log's head was deleted)."""
        with translated(f"finding the position in {where}", address=self._options.address):
            async with asyncio.timeout(POSITION_TIMEOUT_SECONDS):
                return int(await self._joined().position(where))

    def seek(self, where: TopicPartition, offset: int) -> None:
        """Read on from this offset. Raises aiokafka's IllegalStateError when the partition is no longer assigned."""
        self._joined().seek(where, offset)
        self._joined().resume(where)

    def readable_end(self, where: TopicPartition, end: int) -> int:
        """Where reading must stop for now: an open transaction hides what lies behind its beginning.

        Only if the consumer heard so lately; one that has stopped fetching still believes an end of long ago.
        """
        consumer = self._joined()
        if where not in consumer.assignment():
            return end
        stable, polled_at_ms = consumer.last_stable_offset(where), consumer.last_poll_timestamp(where)
        if stable is None or stable < 0 or polled_at_ms is None:
            return end
        silent_seconds = time.time() - polled_at_ms / 1000
        return end if silent_seconds > self._options.stuck_after_seconds else min(end, int(stable))

    def condemn(self) -> None:
        """The consumer is to be replaced."""
        self._dead = True

    def dead(self) -> bool:
        """Whether the consumer is to be replaced."""
        return self._dead

    @contextlib.contextmanager
    def _watched(self, doing: str) -> Iterator[None]:
        with translated(f"{doing} in group {self._group!r} of {self._topic!r}", address=self._options.address):
            try:
                yield
            except KafkaError:
                self.condemn()
                raise
            except asyncio.CancelledError:
                if cancelled_from_within():
                    self.condemn()
                raise

    def _joined(self) -> AIOKafkaConsumer:
        if self.consumer is None:
            raise RuntimeError("not joined")
        return self.consumer


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop within a bound: aiokafka waits for the answer to a join under way, which may never come.

    In a task of its own, for a CancelledError of aiokafka's inner tasks may come out of it, which is not ours.
    """
    stopping = asyncio.create_task(consumer.stop(), name="stop-kafka-consumer")
    _, late = await asyncio.wait({stopping}, timeout=LEAVE_TIMEOUT_SECONDS)
    for task in late:
        task.cancel()
        await asyncio.wait({task}, timeout=LEAVE_TIMEOUT_SECONDS)
    if stopping.done() and (stopping.cancelled() or stopping.exception() is not None):
        await _stop_rest(consumer)


async def _stop_rest(consumer: AIOKafkaConsumer) -> None:
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001 - stop() was cut short
    rest: list[Coroutine[Any, Any, None]] = [consumer._client.close()]  # noqa: SLF001 - same
    if fetcher is not None:
        rest.insert(0, fetcher.close())
    if coordinator is not None:
        rest.insert(0, coordinator._stop_commit_offsets_refresh_task())  # noqa: SLF001 - same
        rest.insert(0, coordinator._stop_heartbeat_task())  # noqa: SLF001 - same
    for step in rest:
        await asyncio.gather(step, return_exceptions=True)
