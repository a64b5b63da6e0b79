"""The relay: takes what transactions have left in the outbox to the stream."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from itertools import groupby
from typing import NamedTuple

import asyncpg

from shared.database.errors import DatabaseUnavailable, database_errors
from shared.logs import get_logger
from shared.outbox.store import Connection, Outbox, Pending
from shared.streams.port import RecordTooLarge, Stream, StreamUnavailable

logger = get_logger(__name__)

BATCH_RECORDS = 2_000
POLL_SECONDS = 1.0
CONTENDED_SECONDS = 0.05
"""When another relay holds a partition: it may have read before our record was there."""
APPEND_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class RelayPass(NamedTuple):
    """What one pass did. `more`: there may be more, look again at once. `contended`: another relay held a partition."""

    published: int
    refused: int
    more: bool
    contended: bool


class Relay:
    """Publishes an outbox to a stream: in id order per partition, at least once.

    Any number of relays may run: each partition is relayed by one at a time, who holds its advisory lock. `owned`
    narrows a relay to the partitions that its process works on. `url` is only for naming the database in errors.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        pool: "asyncpg.Pool[asyncpg.Record]",
        stream: Stream,
        url: str,
        owned: Callable[[], Collection[int]] | None = None,
        batch_records: int = BATCH_RECORDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._pool = pool
        self._stream = stream
        self._url = url
        self._owned = owned
        self._batch_records = batch_records
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        self._random = random.Random()  # noqa: S311 - spreads retries

    def wake(self) -> None:
        """Say that something was committed; without it the relay looks once every `poll_seconds`."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; errors that pass are retried, anything else is raised.

        On `stop` what is pending stays stored, for the next start.
        """
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            self._woken.clear()
            try:
                done = await self.run_once()
            except (StreamUnavailable, DatabaseUnavailable) as error:
                logger.warning("outbox_waits", reason=str(error), retry_seconds=round(pause, 1))
                await self._rest(stop, pause * self._random.uniform(0.8, 1.2), wakeable=False)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            if not done.more:
                await self._rest(stop, CONTENDED_SECONDS if done.contended else self._poll_seconds, wakeable=True)

    async def run_once(self) -> RelayPass:
        """Publish a batch, of all partitions that nobody else is relaying.

        Raises `StreamUnavailable` or `DatabaseUnavailable`: some of it may be on the stream, and is published again.
        """
        with database_errors(self._url):
            async with self._pool.acquire() as connection:
                waiting = await self._outbox.waiting_partitions(connection)
                if self._owned is not None:
                    waiting = sorted(set(waiting) & set(self._owned()))
                if not waiting:
                    return RelayPass(published=0, refused=0, more=False, contended=False)
                async with self._locked(connection, waiting) as mine:
                    return await self._publish(connection, mine, contended=len(mine) < len(waiting))

    @contextlib.asynccontextmanager
    async def _locked(self, connection: Connection, partitions: Collection[int]) -> AsyncIterator[list[int]]:
        """Unlocked at the end; after an error the pool's reset, or the session's end, sees to it."""
        mine = await self._outbox.lock(connection, partitions)
        yield mine
        await self._outbox.unlock(connection, mine)

    async def _publish(self, connection: Connection, mine: Collection[int], *, contended: bool) -> RelayPass:
        limit = -(-self._batch_records // max(1, len(mine)))  # rounded up: of each partition one at least
        batch = await self._outbox.read(connection, mine, limit=limit)
        refused = 0
        for topic, pendings in _by_topic(batch):
            refused += await self._append(connection, topic, pendings)
        more = len(batch) >= limit
        return RelayPass(published=len(batch) - refused, refused=refused, more=more, contended=contended)

    async def _append(self, connection: Connection, topic: str, batch: Sequence[Pending]) -> int:
        """Append and then forget; returns how many of them the stream will never take."""
        try:
            await self._acknowledged(topic, batch)
        except RecordTooLarge as error:
            if len(batch) > 1:  # find which one
                return sum([await self._append(connection, topic, [pending]) for pending in batch])
            await self._outbox.refuse(connection, batch[0], str(error))
            logger.exception("record_refused", topic=topic, outbox_id=batch[0].id)
            return 1
        await self._outbox.delete(connection, batch)
        return 0

    async def _acknowledged(self, topic: str, batch: Sequence[Pending]) -> None:
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                await self._stream.append(topic, [pending.record for pending in batch])
        except TimeoutError as error:
            raise StreamUnavailable(f"'{topic}' did not acknowledge within {APPEND_SECONDS:g} s") from error

    async def _rest(self, stop: asyncio.Event, seconds: float, *, wakeable: bool) -> None:
        """Until time is up, `stop` is set or, where `wakeable`, somebody wakes the relay."""
        events = [stop, self._woken] if wakeable else [stop]
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _by_topic(batch: Sequence[Pending]) -> list[tuple[str, list[Pending]]]:
    """One group a topic, each in its order: order is promised per key, hence within a topic only."""
    by_topic = sorted(batch, key=lambda pending: pending.topic)  # sorting is stable
    return [(topic, list(pendings)) for topic, pendings in groupby(by_topic, key=lambda pending: pending.topic)]
