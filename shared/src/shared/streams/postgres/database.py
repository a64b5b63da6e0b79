"""The log's connections for short statements: a small pool, opened when first needed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.streams.port import StreamUnavailable
from shared.streams.postgres import schema, statements
from shared.streams.postgres.errors import FAILURES, translated
from shared.streams.postgres.options import PostgresOptions
from shared.streams.postgres.schema import Connection

POOL_SIZE = 3
"""One append at a time, a question, and the sweep."""
CLOSE_TIMEOUT_SECONDS = 3.0


class Topic:
    """A topic as the log knows it; neither of its numbers ever changes."""

    __slots__ = ("partitions", "topic_id")

    def __init__(self, topic_id: int, partitions: int) -> None:
        self.topic_id = topic_id
        self.partitions = partitions


class Database:
    """Connections and the topics known so far. The log's tables are created before the first use."""

    def __init__(self, options: PostgresOptions) -> None:
        self.options = options
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._prepared = False
        self._topics: dict[str, Topic] = {}

    @asynccontextmanager
    async def connection(self, doing: str) -> AsyncIterator[Connection]:
        """A connection to a prepared log. Raises `StreamUnavailable` for whatever goes wrong inside."""
        options = self.options
        with translated(doing, address=options.address):
            pool = await self._opened()
            async with pool.acquire(timeout=options.connect_timeout_seconds) as connection:
                if not self._prepared:
                    await schema.prepare(connection)
                    self._prepared = True
                try:
                    yield connection
                except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                    self._prepared = False  # somebody made the database anew
                    self._topics.clear()
                    raise

    async def topic(self, name: str) -> Topic:
        """Raises `StreamUnavailable` while the topic does not exist."""
        if (known := self._topics.get(name)) is not None:
            return known
        async with self.connection(f"looking for topic {name!r}") as connection:
            row = await connection.fetchrow(statements.TOPIC, name)
        if row is None:
            raise StreamUnavailable(f"{self.options.address} has no topic {name!r} (yet): create it")
        self._topics[name] = Topic(row["topic_id"], row["partitions"])
        return self._topics[name]

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                    await pool.close()
            except FAILURES:
                pool.terminate()

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                options = self.options
                self._pool = await asyncpg.create_pool(
                    dsn(options),
                    min_size=0,
                    max_size=POOL_SIZE,
                    timeout=options.connect_timeout_seconds,
                    command_timeout=options.command_timeout_seconds,
                    server_settings={"application_name": f"{options.client_id} stream"},
                )
            return self._pool


def dsn(options: PostgresOptions) -> str:
    """The address as asyncpg takes it; SQLAlchemy's driver suffix is dropped."""
    return options.dsn.replace("postgresql+asyncpg://", "postgresql://", 1)
