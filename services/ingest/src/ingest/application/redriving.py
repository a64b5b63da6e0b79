"""After the mapping was corrected: translate dead letters, or a stretch of `crm.received`, once more."""

import asyncio
import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from ingest.application.letters import translated
from ingest.application.ports import DeadLetters, StoredDeadLetter
from ingest.domain.sources import Sources
from shared.events.topics import CRM_RECEIVED, LEAD_EVENTS
from shared.streams.port import Fetch, Record, Stream

FETCH_SECONDS = 1.0
FETCH_RECORDS = 500


class Redriven(enum.StrEnum):
    """What came of one dead letter."""

    TRANSLATED = "translated"
    FAILED_AGAIN = "failed again"


async def redrive(
    stored: StoredDeadLetter, *, letters: DeadLetters, stream: Stream, sources: Sources, now: datetime
) -> Redriven:
    """Translate its request with the present mapping; append what comes of it, then mark the letter.

    Events of other parts of the same request are appended again: the same ids, a later reading.
    """
    letter = stored.letter
    result = translated(letter.request, sources, reading=reading_at(now))
    again = next((one for one in result.letters if one.part in {letter.part, None}), None)
    if again is not None:
        await letters.failed_again(letter.id, reason=again.reason, detail=again.detail)
        return Redriven.FAILED_AGAIN
    if result.records:
        await stream.append(LEAD_EVENTS, result.records)
    await letters.add(result.letters)  # a request that failed as a whole may fail in part now
    await letters.redriven(letter.id)
    return Redriven.TRANSLATED


def reading_at(now: datetime) -> int:
    """The reading of events that are translated again at `now`."""
    return int(now.timestamp() * 1000)


class ReplayFrom(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replay begins: at what was received at `instant` or later, or at an offset of every partition."""

    instant: datetime | None = None
    offset: int | None = None


class ReplayCount(msgspec.Struct, kw_only=True):
    """How far a replay has come."""

    read: int = 0
    requests: int = 0
    events: int = 0
    failures: int = 0


class Replay:
    """Reads `crm.received` from the start point to its end of now, in a group of its own: nobody's offsets change."""

    def __init__(
        self,
        start: ReplayFrom,
        *,
        stream: Stream,
        sources: Sources,
        only_source: str | None,
        now: datetime,
        told: Callable[[ReplayCount], None],
    ) -> None:
        self._start = start
        self._stream = stream
        self._sources = sources
        self._only_source = only_source
        self._reading = reading_at(now)
        self._told = told
        self.count = ReplayCount()
        self._ends: Mapping[int, int] = {}

    async def run(self, *, group: str) -> ReplayCount:
        """Do it. Raises `StreamUnavailable`; it may be run again, all is idempotent."""
        self._ends = ends = await self._stream.end_offsets(CRM_RECEIVED)
        left = {partition for partition, end in ends.items() if end > 0}
        async with self._stream.subscribe(CRM_RECEIVED, group=group, listener=self) as subscription:
            while left:
                for fetch in await subscription.fetch(max_records=FETCH_RECORDS, timeout_seconds=FETCH_SECONDS):
                    await self._replay(fetch)
                    if fetch.position >= ends.get(fetch.partition, 0):
                        left.discard(fetch.partition)
                self._told(self.count)
                await asyncio.sleep(0)
        return self.count

    async def _replay(self, fetch: Fetch) -> None:
        records: list[Record] = []
        for stored in fetch.records:
            self.count.read += 1
            if not self._begun(stored.appended_at):
                continue
            if self._only_source is not None and stored.key != self._only_source.encode():
                continue
            result = translated(stored.value, self._sources, reading=self._reading)
            # What waited in a spool was appended long after it was received.
            if result.request is not None and not self._begun(result.request.received_at):
                continue
            self.count.requests += 1
            self.count.failures += bool(result.letters)
            records.extend(result.records)
        if records:
            await self._stream.append(LEAD_EVENTS, records)
            self.count.events += len(records)

    def _begun(self, instant: datetime) -> bool:
        return self._start.instant is None or instant >= self._start.instant

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """All partitions are ours: the group has one member."""
        if self._start.offset is None:
            return {}
        return {partition: min(self._start.offset, self._ends.get(partition, 0)) for partition in partitions}

    async def revoked(self, partitions: Sequence[int]) -> None:
        """Nothing is held."""
