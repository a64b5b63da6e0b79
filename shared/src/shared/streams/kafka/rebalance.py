"""Rebalances happen in aiokafka's background task; here they are queued until `fetch` tells its caller about them."""

import asyncio
from collections import deque
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from shared.logs import get_logger

logger = get_logger(__name__)


class Assigned:
    """The group gave us these partitions."""

    __slots__ = ("partitions",)

    def __init__(self, partitions: list[int]) -> None:
        self.partitions = partitions


class Revoked:
    """The group wants all partitions back and waits (for a bounded time) until `told` is set."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told = asyncio.Event()


class RebalanceQueue(ConsumerRebalanceListener):
    """What aiokafka calls back, in order.

    `changed` is set while there is something to settle; `generation` counts the assignments that were given back
    without waiting any longer, so that what was fetched under one is not handed out.
    """

    def __init__(self, consumer: AIOKafkaConsumer, *, group: str, revocation_wait_seconds: float) -> None:
        self._consumer = consumer
        self._group = group
        self._revocation_wait_seconds = revocation_wait_seconds
        self._closed = asyncio.Event()
        self.owning = False
        self.generation = 0
        self.changed = asyncio.Event()
        self.pending: deque[Assigned | Revoked] = deque()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Hold the rebalance up until the caller of `fetch` has let go, but never for longer than the bound."""
        change = Revoked()
        self.pending.append(change)
        self.changed.set()
        if not self.owning and len(self.pending) == 1:
            return
        told = asyncio.create_task(change.told.wait())
        closed = asyncio.create_task(self._closed.wait())
        try:
            done, _ = await asyncio.wait(
                {told, closed}, timeout=self._revocation_wait_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            told.cancel()
            closed.cancel()
        if not done:
            partitions = sorted(where.partition for where in revoked)
            logger.warning("kafka_partitions_taken_from_busy_owner", group=self._group, partitions=partitions)
        self.generation += 1

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Must not wait: heartbeats begin only after it. Pauses, so that nothing is read before the seek."""
        where = list(assigned)
        self._consumer.pause(*where)
        self.pending.append(Assigned(sorted(one.partition for one in where)))
        self.changed.set()

    def settled(self) -> None:
        """The oldest change was told."""
        change = self.pending.popleft()
        if isinstance(change, Revoked):
            change.told.set()
        if not self.pending:
            self.changed.clear()

    def close(self) -> None:
        """No `fetch` will come any more: hold nothing up."""
        self._closed.set()
