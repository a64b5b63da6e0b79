"""The simulated log: partitions of entries, some of which are no records, and who waits for more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.streams.partitioning import partition_for
from shared.streams.port import StoredRecord
from tests.support.simulation.chance import Chance
from tests.support.simulation.loop import VirtualLoop
from tests.support.simulation.process import BEGIN


@dataclass(frozen=True, slots=True)
class Entry:
    """An offset of the log. `record` None: a marker of a transaction. `acknowledged_at`: true time, in seconds."""

    offset: int
    record: StoredRecord | None
    acknowledged_at: float


class Partition:
    """One partition; it begins anywhere, for old records may be gone."""

    def __init__(self, beginning: int) -> None:
        self.beginning = beginning
        self.entries: list[Entry] = []

    @property
    def end(self) -> int:
        """The offset after the last entry."""
        return self.beginning + len(self.entries)

    def from_offset(self, offset: int) -> Sequence[Entry]:
        """What stands at this offset and behind it."""
        assert offset >= self.beginning, "nobody asks for what is gone"
        return self.entries[offset - self.beginning :]


class Log:
    """All partitions of `lead.events`."""

    def __init__(self, partitions: int, *, loop: VirtualLoop, chance: Chance, markers: float) -> None:
        self._loop = loop
        self._chance = chance
        self._markers = markers
        self.partitions = [Partition(chance.pick((0, 0, 7, 1000))) for _ in range(partitions)]
        self._waiting: dict[asyncio.Future[None], None] = {}  # in order: a set's order differs from run to run

    def append(self, key: bytes, value: bytes) -> None:
        """Append a record, acknowledged at once; a marker may follow it."""
        partition = self.partitions[partition_for(key, len(self.partitions))]
        at = self._loop.time()
        stamp = BEGIN + timedelta(milliseconds=int(at * 1000))
        self._add(partition, _record(partition.end, key, value, stamp))
        if self._chance.happens(self._markers):
            self._add(partition, None)
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def more(self, timeout_seconds: float) -> None:
        """Wait until something is appended, or for so long."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._waiting[waiting] = None
        timer = self._loop.call_later(timeout_seconds, _resolve, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            self._waiting.pop(waiting, None)

    def _add(self, partition: Partition, record: StoredRecord | None) -> None:
        partition.entries.append(Entry(partition.end, record, self._loop.time()))


def _record(offset: int, key: bytes, value: bytes, stamp: datetime) -> StoredRecord:
    return StoredRecord(offset=offset, key=key, value=value, headers=(), appended_at=stamp)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
