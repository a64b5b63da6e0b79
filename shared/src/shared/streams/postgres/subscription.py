"""A member of a group: fetches, positions and the gate."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import asyncpg
import msgspec

from shared.logs import get_logger
from shared.streams.gate import Gate
from shared.streams.port import Fetch, OwnershipListener, StoredRecord, StreamUnavailable
from shared.streams.postgres import statements
from shared.streams.postgres.database import Database, Topic
from shared.streams.postgres.session import Session

logger = get_logger(__name__)

TOPIC_POLL_SECONDS = 0.3

_decode_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class _Owned:
    """One owned partition: what was handed out, and how far the gate is open."""

    __slots__ = ("gate", "position", "reported")

    def __init__(self, position: int) -> None:
        self.position = position
        self.gate = Gate()
        self.reported: datetime | None = None


class PostgresSubscription:
    """The Stream port's subscription on the log in PostgreSQL."""

    def __init__(self, database: Database, *, topic: str, group: str, listener: OwnershipListener) -> None:
        self._database = database
        self._options = database.options
        self._topic_name = topic
        self._group = group
        self._listener = listener
        self._topic: Topic | None = None
        self._session: Session | None = None
        self._owned: dict[int, _Owned] = {}
        self._was_full = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def fetch(self, *, max_records: int, timeout_seconds: float) -> Sequence[Fetch]:
        """As the port says."""
        deadline = time.monotonic() + timeout_seconds
        session = await self._joined(deadline)
        if session is None:
            return ()
        try:
            return await self._fetch(session, max_records, deadline)
        except StreamUnavailable:
            if session.lost:
                await self._leave()
            raise

    async def _joined(self, deadline: float) -> Session | None:
        if self._session is not None and self._session.lost:
            await self._leave()
        while self._session is None:
            self._topic = await self._found_topic()
            if self._topic is not None:
                self._session = await Session.join(self._options, self._topic, self._group)
                break
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            await asyncio.sleep(min(TOPIC_POLL_SECONDS, left))
        return self._session

    async def _found_topic(self) -> Topic | None:
        try:
            return await self._database.topic(self._topic_name)
        except StreamUnavailable as missing:
            if missing.__cause__ is None:  # the database answers; it is the topic that is not there
                return None
            raise

    async def _fetch(self, session: Session, max_records: int, deadline: float) -> Sequence[Fetch]:
        while True:
            session.wake.clear()  # before looking: what comes after the look wakes us
            if session.regroup or session.claimed != self._owned.keys():  # the latter: the listener failed before
                await self._regroup(session)
            if session.lost:
                raise StreamUnavailable(f"{self._options.address}: the session of group {self._group!r} was lost")
            fetched, found = await self._look(session, max_records)
            left = deadline - time.monotonic()
            if found or left <= 0:
                for fetch in fetched:
                    owned = self._owned[fetch.partition]
                    owned.position, owned.reported = fetch.position, fetch.read_through
                return fetched
            try:
                async with asyncio.timeout(min(left, self._options.poll_seconds)):
                    await session.wake.wait()
            except TimeoutError:
                continue

    async def _regroup(self, session: Session) -> None:
        """Take part in sharing, and tell the caller, in its own task, what changed."""
        surplus = await session.regroup_now()
        if session.lost:
            return
        if surplus:
            try:
                await self._give_up(surplus)
            finally:
                await session.give_back(surplus)
        fresh = sorted(session.claimed - self._owned.keys())
        if fresh:
            offsets = await self._listener.assigned(fresh)
            for partition in fresh:
                self._owned[partition] = _Owned(offsets.get(partition, 0))

    async def _look(self, session: Session, max_records: int) -> tuple[Sequence[Fetch], bool]:
        """One snapshot of all owned partitions: what is new, and whether there are records or an end of ownership."""
        if not self._owned or self._topic is None:
            return (), False
        # After a full fetch each partition gets its part, so that a busy one does not starve the others.
        each = -(-max_records // len(self._owned)) if self._was_full else max_records
        asked_at = self._options.clock()
        rows = await session.fetch(
            statements.FETCH,
            self._topic.topic_id,
            self._group,
            list(self._owned),
            [owned.position for owned in self._owned.values()],
            max_records,
            session.member_id,
            each,
        )
        ends, records = _sorted_out(rows)
        if ends.keys() != self._owned.keys():
            session.expelled()
            raise StreamUnavailable(f"{self._options.address}: group {self._group!r} went on without this member")
        handed_out = len(rows) - len(ends)
        self._was_full = handed_out >= max_records
        fetched = []
        for partition, owned in self._owned.items():
            found = records.get(partition, [])
            exhausted = handed_out < max_records and len(found) < each
            position = ends[partition] if exhausted else (found[-1].offset + 1 if found else owned.position)
            owned.gate.probed(asked_at, ends[partition])
            read_through = owned.gate.reached(position)
            if found or position != owned.position or read_through != owned.reported:
                fetched.append(Fetch(partition=partition, records=found, position=position, read_through=read_through))
        return fetched, handed_out > 0

    async def _give_up(self, partitions: Sequence[int]) -> None:
        held = [partition for partition in partitions if self._owned.pop(partition, None) is not None]
        if held:
            await self._listener.revoked(held)

    async def _leave(self) -> None:
        session, self._session = self._session, None
        try:
            await self._give_up(sorted(self._owned))
        finally:
            if session is not None:
                await session.close()


def _sorted_out(rows: Sequence[asyncpg.Record]) -> tuple[dict[int, int], dict[int, list[StoredRecord]]]:
    """The ends of the partitions, and their records."""
    ends: dict[int, int] = {}
    records: dict[int, list[StoredRecord]] = defaultdict(list)
    for partition, offset, key, value, headers, appended_at in rows:
        if key is None:
            ends[partition] = offset
        else:
            records[partition].append(stored(offset, key, value, headers, appended_at))
    return ends, records


def stored(offset: int, key: bytes, value: bytes, headers: bytes | None, appended_at: datetime) -> StoredRecord:
    """A record from its columns."""
    return StoredRecord(
        offset=offset,
        key=key,
        value=value,
        headers=_decode_headers(headers) if headers else (),
        appended_at=appended_at,
    )
