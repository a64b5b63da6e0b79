"""The `Stream` port on the simulated log and group, as one process sees it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.events.topics import LEAD_EVENTS
from shared.streams.gate import Gate
from shared.streams.port import Fetch, OwnershipListener, Record, StoredRecord, StreamUnavailable
from sla_engine.application.engine import GROUP, LONGEST_WAIT_SECONDS
from tests.support.simulation.chance import Chance
from tests.support.simulation.group import Group, Member
from tests.support.simulation.log import Log, Partition
from tests.support.simulation.loop import VirtualLoop
from tests.support.simulation.process import Process


@dataclass(kw_only=True, slots=True)
class StreamFaults:
    """How the log and the group treat their users. Probabilities are per fetch."""

    unavailable: float = 0.0
    rebalance: float = 0.0
    zombie_seconds: float = 0.0
    """At most so long goes a member on that was expelled, before it notices."""
    eager: bool = False
    """Give everything up in each rebalance, as Kafka's eager protocol does."""
    patience: float = 1.0
    """An idle fetch takes up to so many times the wait that was asked for: brokers may be slow, and it saves steps."""

    def cease(self) -> None:
        """Nothing goes wrong any more."""
        self.unavailable = self.rebalance = 0.0


class SimulatedStream:
    """One process's connection."""

    def __init__(
        self, *, log: Log, group: Group, process: Process, loop: VirtualLoop, chance: Chance, faults: StreamFaults
    ) -> None:
        self.log = log
        self.group = group
        self.process = process
        self.loop = loop
        self.chance = chance
        self.faults = faults

    @contextlib.asynccontextmanager
    async def subscribe(
        self, topic: str, *, group: str, listener: OwnershipListener
    ) -> AsyncIterator["SimulatedSubscription"]:
        """As the port says."""
        assert (topic, group) == (LEAD_EVENTS, GROUP)
        subscription = SimulatedSubscription(self, listener)
        try:
            yield subscription
        finally:
            await subscription.leave()

    async def ensure_topic(self, topic: str, *, partitions: int) -> None:
        """As the port says."""
        assert (topic, partitions) == (LEAD_EVENTS, len(self.log.partitions)), "the topic is there"

    async def partitions(self, topic: str) -> int:
        """As the port says."""
        assert topic == LEAD_EVENTS
        return len(self.log.partitions)

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """As the port says; the engine's application never does."""
        raise AssertionError(f"the engine appends through its outbox, not {len(records)} records to {topic}")

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """As the port says."""
        assert topic == LEAD_EVENTS
        return {at: each.end for at, each in enumerate(self.log.partitions)}

    async def ready(self) -> None:
        """As the port says."""
        await self.answer()

    async def answer(self) -> None:
        """Wait for the broker; it may not be there."""
        await asyncio.sleep(self.chance.latency())
        away = self.process.machine.no_log_until > self.loop.time()
        if away or self.chance.happens(self.faults.unavailable):
            raise StreamUnavailable("the broker does not answer")


class _Owned:
    __slots__ = ("gate", "position", "reported")

    def __init__(self, position: int) -> None:
        self.position = position
        self.gate = Gate()
        self.reported: datetime | None = None


class SimulatedSubscription:
    """The order of things is that of the real adapters: settle the ownership, look, hand out."""

    def __init__(self, stream: SimulatedStream, listener: OwnershipListener) -> None:
        self._stream = stream
        self._listener = listener
        self._member: Member | None = None
        self._owned: dict[int, _Owned] = {}
        self._notices_at: float | None = None

    async def fetch(self, *, max_records: int, timeout_seconds: float) -> Sequence[Fetch]:
        """As the port says."""
        stream = self._stream
        patience = stream.chance.between(1, stream.faults.patience) if timeout_seconds >= LONGEST_WAIT_SECONDS else 1
        deadline = stream.loop.time() + timeout_seconds * patience
        if stream.chance.happens(stream.faults.rebalance):
            stream.group.share()
        while True:
            await self._settle()
            found = await self._look(max_records)
            left = deadline - stream.loop.time()
            if left <= 0 or any(fetch.records for fetch in found):
                for fetch in found:
                    owned = self._owned[fetch.partition]
                    owned.position, owned.reported = fetch.position, fetch.read_through
                if any(fetch.records for fetch in found):
                    stream.process.reaches("records fetched")
                    await asyncio.sleep(0)
                return found
            await stream.log.more(left)

    async def leave(self) -> None:
        """Give everything back. A dead process gives nothing back: this runs while its remains are cleared away."""
        if self._stream.process.dead:
            return
        member, self._member = self._member, None
        try:
            await self._give_up(sorted(self._owned))
        finally:
            if member is not None:
                self._stream.group.leave(member)

    async def _settle(self) -> None:
        """Take part in the group, and tell the listener what changed."""
        stream = self._stream
        if self._member is None:
            await stream.answer()
            self._member = stream.group.join(stream.process)
        member = self._member
        if member.expelled:
            if not self._notices():
                return
            await self.leave()
            raise StreamUnavailable("the group went on without this member")
        surplus = stream.group.surplus(member)
        if surplus:
            giving = sorted(member.owned) if stream.faults.eager else surplus
            try:
                await self._give_up(giving)
            finally:
                stream.group.give_back(member, giving)
        stream.group.take(member)  # nothing, should it have been expelled meanwhile
        fresh = sorted(member.owned - self._owned.keys())
        if fresh:
            offsets = await self._listener.assigned(fresh)
            for partition in fresh:
                beginning = stream.log.partitions[partition].beginning
                self._owned[partition] = _Owned(offsets.get(partition, beginning))

    def _notices(self) -> bool:
        """Whether an expelled member knows it by now."""
        stream = self._stream
        if self._notices_at is None:
            self._notices_at = stream.loop.time() + stream.chance.between(0, stream.faults.zombie_seconds)
        if stream.loop.time() < self._notices_at:
            return False
        self._notices_at = None
        return True

    async def _give_up(self, partitions: Sequence[int]) -> None:
        held = [partition for partition in partitions if self._owned.pop(partition, None) is not None]
        if held:
            self._stream.process.reaches("partitions taken away")
            await asyncio.sleep(0)
            await self._listener.revoked(held)

    async def _look(self, max_records: int) -> list[Fetch]:
        """Records are asked for before the log's end or after it; the gate's instant is taken before that question."""
        stream = self._stream
        if not self._owned:
            await stream.answer()
            return []
        records_first = stream.chance.happens(0.5)
        batches = self._batches(max_records) if records_first else {}
        asked_at = stream.process.machine.clock()
        await stream.answer()
        ends = {at: stream.log.partitions[at].end for at in self._owned}
        if not records_first:
            await stream.answer()
            batches = self._batches(max_records)
        await stream.answer()
        found = []
        for at, owned in self._owned.items():
            records, position = batches[at]
            owned.gate.probed(asked_at, ends[at])
            read_through = owned.gate.reached(position)
            if records or position != owned.position or read_through != owned.reported:
                found.append(Fetch(partition=at, records=records, position=position, read_through=read_through))
        return found

    def _batches(self, max_records: int) -> dict[int, tuple[list[StoredRecord], int]]:
        left = max_records
        batches = {}
        for at in self._stream.chance.shuffled(list(self._owned)):
            batches[at] = _read(self._stream.log.partitions[at], self._owned[at].position, left)
            left -= len(batches[at][0])
        return batches


def _read(partition: Partition, position: int, limit: int) -> tuple[list[StoredRecord], int]:
    """At most `limit` records from `position` on, and the offset behind them and the markers after them."""
    records: list[StoredRecord] = []
    for entry in partition.from_offset(position):
        if entry.record is not None:
            if len(records) == limit:
                break
            records.append(entry.record)
        position = entry.offset + 1
    return records, position
