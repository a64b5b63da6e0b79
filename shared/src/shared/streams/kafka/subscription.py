"""A member of a consumer group: fetches, positions and the gate."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from shared.logs import get_logger
from shared.streams.gate import Gate
from shared.streams.kafka.broker_view import BrokerView
from shared.streams.kafka.membership import Membership
from shared.streams.kafka.options import KafkaOptions
from shared.streams.kafka.rebalance import Assigned, RebalanceQueue
from shared.streams.port import Fetch, OwnershipListener, StoredRecord, StreamUnavailable

logger = get_logger(__name__)

TOPIC_POLL_SECONDS = 0.3
PROBE_AT_LEAST_EVERY_SECONDS = 1.0

Batch = Mapping[TopicPartition, Sequence[Any]]


class _Owned:
    """One owned partition: what was handed out, and how far the gate is open."""

    __slots__ = ("gate", "position", "reported", "stalled_since")

    def __init__(self, position: int) -> None:
        self.position = position
        self.gate = Gate()
        self.reported: datetime | None = None
        self.stalled_since: float | None = None


class KafkaSubscription:
    """The Stream port's subscription on a consumer group."""

    def __init__(
        self, options: KafkaOptions, view: BrokerView, *, topic: str, group: str, listener: OwnershipListener
    ) -> None:
        self._options = options
        self._view = view
        self._topic = topic
        self._listener = listener
        self._membership = Membership(options, topic=topic, group=group)
        self._owned: dict[int, _Owned] = {}
        self._handing_out = False
        self._was_full = False
        self._probed_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._give_up_all()
        finally:
            await self._membership.leave()

    async def fetch(self, *, max_records: int, timeout_seconds: float) -> Sequence[Fetch]:
        """As the port says."""
        deadline = time.monotonic() + timeout_seconds
        if not await self._joined(deadline):
            return ()
        try:
            return await self._fetch(max_records, deadline)
        except StreamUnavailable:
            if self._membership.dead():
                await self._replace_consumer()
            raise

    async def _joined(self, deadline: float) -> bool:
        while self._membership.consumer is None:
            if self._topic in await self._view.topics():
                await self._membership.join()
                break
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(TOPIC_POLL_SECONDS, left))
        return True

    async def _fetch(self, max_records: int, deadline: float) -> Sequence[Fetch]:
        while True:
            queue = self._membership.queue
            await self._settle(queue)
            if queue.owning and self._owned:
                generation = queue.generation
                self._rewind_if_lost()
                self._handing_out = True
                batch = await self._poll(queue, max_records, deadline)
                if generation == queue.generation and (batch or not queue.changed.is_set()):
                    fetched = await self._report(batch, max_records)
                    if generation == queue.generation:
                        self._handing_out = False
                        return fetched
            elif not await _within(queue.changed, deadline):
                self._membership.check()
                return ()

    async def _poll(self, queue: RebalanceQueue, max_records: int, deadline: float) -> Batch:
        """Records that are there, or that come before the deadline; nothing when a rebalance begins meanwhile."""
        batch = await self._at_hand(max_records)
        left = deadline - time.monotonic()
        if batch or left <= 0 or queue.changed.is_set():
            return batch
        polling = asyncio.create_task(self._membership.getmany(timeout_seconds=left, max_records=max_records))
        changing = asyncio.create_task(queue.changed.wait())
        try:
            await asyncio.wait({polling, changing}, return_when=asyncio.FIRST_COMPLETED)
            # Once a rebalance has begun, getmany would wait for its end, and the rebalance for our caller.
            return polling.result() if polling.done() else {}
        finally:
            changing.cancel()
            polling.cancel()
            await asyncio.wait({polling, changing})

    async def _at_hand(self, max_records: int) -> Batch:
        """What has been fetched already. After a full fetch each partition gets its part of the next one: aiokafka
        would hand out one partition's megabytes before it looks at another's.
        """
        if not self._was_full:
            return await self._membership.getmany(timeout_seconds=0, max_records=max_records)
        each = -(-max_records // len(self._owned))
        batch: dict[TopicPartition, Sequence[Any]] = {}
        for partition in self._owned:
            most = min(each, max_records - sum(map(len, batch.values())))
            if most > 0:
                batch |= await self._membership.getmany(self._where(partition), timeout_seconds=0, max_records=most)
        return batch

    async def _report(self, batch: Batch, max_records: int) -> Sequence[Fetch]:
        self._was_full = sum(map(len, batch.values())) >= max_records
        await self._probe(idle=not batch, full=self._was_full)
        fetched = []
        for partition, owned in self._owned.items():
            records = batch.get(self._where(partition), ())
            position = await self._position(partition)
            read_through = owned.gate.reached(position)
            if records or position != owned.position or read_through != owned.reported:
                fetched.append(
                    Fetch(
                        partition=partition,
                        records=[_stored(record) for record in records],
                        position=position,
                        read_through=read_through,
                    )
                )
        for fetch in fetched:
            owned = self._owned[fetch.partition]
            if fetch.position != owned.position:
                owned.position, owned.stalled_since = fetch.position, None
            owned.reported = fetch.read_through
        return fetched

    async def _probe(self, *, idle: bool, full: bool) -> None:
        """Ask where the log ends: always when idle, and now and then when busy, more often when near the end."""
        since = time.monotonic() - self._probed_at
        if not idle and since < (PROBE_AT_LEAST_EVERY_SECONDS if full else self._options.probe_every_seconds):
            return
        self._probed_at = time.monotonic()
        asked_at = self._options.clock()
        try:
            ends = await self._view.ends(self._topic, self._owned)
        except StreamUnavailable:
            if idle:
                raise
            return  # what was read is handed out all the same; the gate stays where it is
        for partition, end in ends.items():
            if (owned := self._owned.get(partition)) is not None:
                owned.gate.probed(asked_at, end)
        self._notice_stuck(ends)

    def _notice_stuck(self, ends: Mapping[int, int]) -> None:
        """aiokafka may stop fetching a partition without a word (its issue 1037)."""
        now = time.monotonic()
        for partition, owned in self._owned.items():
            readable = self._membership.readable_end(self._where(partition), ends.get(partition, 0))
            if readable <= owned.position:
                owned.stalled_since = None
            elif owned.stalled_since is None:
                owned.stalled_since = now
            elif (stalled_seconds := now - owned.stalled_since) > self._options.stuck_after_seconds:
                self._membership.condemn()
                raise StreamUnavailable(
                    f"{self._options.address}: the consumer got nothing of partition {partition} of {self._topic!r} "
                    f"for {stalled_seconds:.0f} s although there is more; it is replaced"
                )

    async def _settle(self, queue: RebalanceQueue) -> None:
        """Tell the caller, in its own task, what the rebalances changed."""
        while queue.pending:
            change = queue.pending[0]
            try:
                if not isinstance(change, Assigned):
                    queue.owning = False
                    await self._give_up_all()
                elif len(queue.pending) == 1:
                    await self._take(queue, change.partitions)
            except BaseException:
                if not isinstance(
                    change, Assigned
                ):  # given up, whatever the listener says; an assignment is told again
                    queue.settled()
                raise
            queue.settled()

    async def _take(self, queue: RebalanceQueue, partitions: Sequence[int]) -> None:
        queue.owning = True
        if not partitions:
            return
        beginnings = await self._view.beginnings(self._topic, partitions)
        offsets = await self._listener.assigned(partitions)
        self._owned = {p: _Owned(offsets.get(p, beginnings.get(p, 0))) for p in partitions}
        try:
            for partition, owned in self._owned.items():
                self._membership.seek(self._where(partition), owned.position)
        except IllegalStateError:
            logger.info("kafka_assignment_overtaken", topic=self._topic, partitions=list(partitions))

    async def _give_up_all(self) -> None:
        partitions, self._owned = sorted(self._owned), {}
        self._handing_out = False
        if partitions:
            await self._listener.revoked(partitions)

    async def _replace_consumer(self) -> None:
        try:
            await self._give_up_all()
        finally:
            await self._membership.leave()

    def _rewind_if_lost(self) -> None:
        """Records taken by a fetch that failed or was cancelled midway were never handed out: read them again."""
        if self._handing_out:
            for partition, owned in self._owned.items():
                self._membership.seek(self._where(partition), owned.position)

    async def _position(self, partition: int) -> int:
        return await self._membership.position(self._where(partition))

    def _where(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


async def _within(event: asyncio.Event, deadline: float) -> bool:
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _stored(record: Any) -> StoredRecord:  # noqa: ANN401 - aiokafka's ConsumerRecord is untyped
    return StoredRecord(
        offset=record.offset,
        key=record.key or b"",
        value=record.value or b"",
        headers=record.headers,
        appended_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
