"""Offsets and dead letters on PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import asyncpg

from ingest.adapters import queries
from ingest.application.ports import Claim, DeadLetter, Fenced, Remains, StoredDeadLetter, StoreUnavailable
from shared.database import DatabaseError, database_errors, open_pool

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

PASSING = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Statements that fail with one of these may succeed when the work is taken up again from what is durable."""


class AmbiguousId(Exception):  # noqa: N818 - it says what is wrong with what was asked
    """The beginning of an id fits several dead letters."""


class Database:
    """A pool that is opened when first asked for: ingest starts, and spools, while the database is away."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._stack = contextlib.AsyncExitStack()
        self._opening = asyncio.Lock()
        self._pool: Pool | None = None

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection. Raises `StoreUnavailable` for what passes by itself."""
        with self._translated():
            pool = await self._opened()
            async with pool.acquire() as connection:
                yield connection

    async def ready(self) -> None:
        """Raise `StoreUnavailable` unless the database answers now."""
        async with self.connection() as connection:
            await connection.execute(queries.READY)

    async def close(self) -> None:
        """Close what was opened."""
        await self._stack.aclose()

    async def _opened(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                opening = open_pool(self.url, application_name="leadpact-ingest", max_size=4, wait_seconds=0)
                self._pool = await self._stack.enter_async_context(opening)
            return self._pool

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with database_errors(self.url):
                yield
        except DatabaseError as error:
            raise StoreUnavailable(str(error)) from error
        except PASSING as error:
            raise StoreUnavailable(f"the database gave up on a statement: {error}") from error


class PostgresLedger:
    """The `Ledger` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, partition: int, *, owner: str) -> Claim:
        """As the port says."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.CLAIM, partition, owner)
        assert row is not None
        return Claim(partition=partition, epoch=row["epoch"], position=row["position"])

    async def commit(
        self,
        claim: Claim,
        *,
        position: int,
        letters: Sequence[DeadLetter],
        heard: Mapping[str, datetime],
    ) -> None:
        """As the port says."""
        async with self._database.connection() as connection, connection.transaction():
            fenced = await connection.execute(queries.FENCE, claim.partition, claim.epoch, position)
            if not fenced.endswith(" 1"):
                raise Fenced(claim.partition, claim.epoch)
            await _keep(connection, letters)
            if heard:
                # In one order, so that two partitions' commits can't wait for each other.
                names = sorted(heard)
                await connection.execute(queries.HEARD, names, [heard[name] for name in names])

    async def forgotten(self, leads: Sequence[str]) -> frozenset[str]:
        """As the port says."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.FORGOTTEN_AMONG, list(leads))
        return frozenset(row["lead"] for row in rows)

    async def all_forgotten(self) -> Sequence[str]:
        """As the port says."""
        async with self._database.connection() as connection:
            return [row["lead"] for row in await connection.fetch(queries.ALL_FORGOTTEN)]

    async def heard(self) -> Mapping[str, datetime]:
        """When each source was last heard."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.ALL_HEARD)
        return {row["source"]: row["last_received_at"] for row in rows}


class PostgresDeadLetters:
    """The `DeadLetters` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, *, source: str | None, reason: str | None, open_only: bool, limit: int
    ) -> Sequence[StoredDeadLetter]:
        """As the port says."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.LIST, source, reason, open_only, limit)
        return [_stored(row) for row in rows]

    async def get(self, letter_id: str) -> StoredDeadLetter | None:
        """As the port says. Raises `AmbiguousId`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.GET, letter_id)
        if len(rows) > 1 and rows[0]["id"] != letter_id:
            raise AmbiguousId(f"several dead letters begin with {letter_id}: write more of it")
        return _stored(rows[0]) if rows else None

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """As the port says."""
        async with self._database.connection() as connection, connection.transaction():
            await _keep(connection, letters)

    async def redriven(self, letter_id: str) -> None:
        """As the port says."""
        async with self._database.connection() as connection:
            await connection.execute(queries.REDRIVEN, letter_id)

    async def failed_again(self, letter_id: str, *, reason: str, detail: str) -> None:
        """As the port says."""
        async with self._database.connection() as connection:
            await connection.execute(queries.FAILED_AGAIN, letter_id, reason, _text(detail))

    async def delete_before(self, instant: datetime) -> int:
        """As the port says: raw requests, and with them their letters."""
        async with self._database.connection() as connection:
            status = await connection.execute(queries.DELETE_BEFORE, instant)
        return int(status.rpartition(" ")[2])


class PostgresOblivion:
    """The `Oblivion` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def positions(self) -> Mapping[int, int]:
        """As the port says."""
        async with self._database.connection() as connection:
            return {row["partition"]: row["position"] for row in await connection.fetch(queries.FORGETTING_POSITIONS)}

    async def moved(self, partition: int, position: int) -> None:
        """As the port says."""
        async with self._database.connection() as connection:
            await connection.execute(queries.MOVE_FORGETTING, partition, position)

    async def translated(self) -> Mapping[int, int]:
        """As the port says."""
        async with self._database.connection() as connection:
            return {row["partition"]: row["position"] for row in await connection.fetch(queries.POSITIONS)}

    async def forget(self, lead: str, *, containing: bytes, bare: Callable[[bytes], Remains]) -> int:
        """As the port says."""
        changed = 0
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(queries.FORGET, lead)
            for row in await connection.fetch(queries.REQUESTS_WITH, containing):
                left = bare(row["request"])
                if left.value is None:
                    await connection.execute(queries.DELETE_REQUEST, row["raw_id"])
                elif left.value != row["request"]:
                    await connection.execute(queries.REWRITE_REQUEST, row["raw_id"], left.value)
                    await connection.execute(queries.DELETE_PARTS, row["raw_id"], sorted(left.gone))
                changed += left.value != row["request"]
        return changed


async def _keep(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    requests = {letter.raw_id: letter for letter in letters}
    await connection.execute(
        queries.KEEP_REQUESTS,
        list(requests),
        [_text(letter.source) for letter in requests.values()],
        [letter.received_at for letter in requests.values()],
        [letter.request for letter in requests.values()],
    )
    await connection.execute(
        queries.KEEP_LETTERS,
        [letter.id for letter in letters],
        [letter.raw_id for letter in letters],
        [letter.part for letter in letters],
        [letter.reason for letter in letters],
        [_text(letter.detail) for letter in letters],
    )


def _text(text: str) -> str:
    """A text that PostgreSQL takes: it has no NUL and no lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _stored(row: asyncpg.Record) -> StoredDeadLetter:
    letter = DeadLetter(
        id=row["id"],
        raw_id=row["raw_id"],
        source=row["source"],
        part=row["part"],
        reason=row["reason"],
        detail=row["detail"],
        request=row["request"],
        received_at=row["received_at"],
    )
    return StoredDeadLetter(
        letter=letter, first_seen=row["first_seen"], redriven_at=row["redriven_at"], attempts=row["attempts"]
    )
