"""The Stream port on PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from shared.streams.erasure import Located
from shared.streams.partitioning import partition_for
from shared.streams.port import OwnershipListener, Record, Subscription
from shared.streams.postgres import statements
from shared.streams.postgres.appender import Appender
from shared.streams.postgres.database import Database
from shared.streams.postgres.options import PostgresOptions
from shared.streams.postgres.retention import sweep_forever
from shared.streams.postgres.subscription import PostgresSubscription, stored
from shared.streams.sizes import check_sizes


class PostgresStream:
    """Opens its connections when they are first needed; so it can be made before the database is there."""

    def __init__(self, options: PostgresOptions) -> None:
        self._options = options
        self._database = Database(options)
        self._appender = Appender(self._database)
        self._sweeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._sweeping = asyncio.create_task(sweep_forever(self._database), name="postgres-stream-sweep")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        await self._appender.close()
        await self._database.close()

    async def ensure_topic(self, topic: str, *, partitions: int) -> None:
        """As the port says."""
        async with self._database.connection(f"creating topic {topic!r}") as connection:
            await connection.execute(statements.CREATE_TOPIC, topic, partitions)

    async def partitions(self, topic: str) -> int:
        """As the port says."""
        return (await self._database.topic(topic)).partitions

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        """As the port says; bounded by `append_timeout_seconds`."""
        check_sizes(topic, records, max_record_bytes=self._options.max_record_bytes)
        await self._appender.append(await self._database.topic(topic), records)

    def subscribe(
        self, topic: str, *, group: str, listener: OwnershipListener
    ) -> AbstractAsyncContextManager[Subscription]:
        """As the port says."""
        return PostgresSubscription(self._database, topic=topic, group=group, listener=listener)

    async def end_offsets(self, topic: str) -> Mapping[int, int]:
        """As the port says."""
        known = await self._database.topic(topic)
        async with self._database.connection(f"asking for the end of {topic!r}") as connection:
            rows = await connection.fetch(statements.ENDS, known.topic_id)
        return {row["partition"]: row["next_offset"] for row in rows}

    async def erase(self, topic: str, *, key: bytes, before: int) -> int:
        """As `ErasableStream` says."""
        known = await self._database.topic(topic)
        partition = partition_for(key, known.partitions)
        async with self._database.connection(f"erasing from {topic!r}") as connection:
            status = await connection.execute(statements.ERASE, known.topic_id, partition, key, before)
        return int(status.rpartition(" ")[2])

    async def search(self, topic: str, *, key: bytes, containing: bytes) -> Sequence[Located]:
        """As `ErasableStream` says."""
        known = await self._database.topic(topic)
        partition = partition_for(key, known.partitions)
        async with self._database.connection(f"searching {topic!r}") as connection:
            rows = await connection.fetch(statements.SEARCH, known.topic_id, partition, key, containing)
        return [Located(partition=partition, record=stored(*row)) for row in rows]

    async def replace(self, topic: str, *, partition: int, offset: int, value: bytes | None) -> None:
        """As `ErasableStream` says."""
        known = await self._database.topic(topic)
        async with self._database.connection(f"changing {topic!r}") as connection:
            if value is None:
                await connection.execute(statements.REMOVE, known.topic_id, partition, offset)
            else:
                await connection.execute(statements.REPLACE, known.topic_id, partition, offset, value)

    async def ready(self) -> None:
        """As the port says."""
        async with self._database.connection("asking whether it answers") as connection:
            await connection.execute("SELECT 1")
