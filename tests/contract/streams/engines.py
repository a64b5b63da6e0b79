"""The engines behind the suite: how to open a stream on each, and how to break what stands behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from shared.streams.connect import open_stream
from shared.streams.kafka.subscription import KafkaSubscription
from shared.streams.port import Record, Stream, Subscription
from shared.streams.postgres import PostgresOptions
from shared.streams.postgres.database import Database
from shared.streams.postgres.retention import sweep
from shared.streams.postgres.subscription import PostgresSubscription
from tests.support.eventually import eventually
from tests.support.kafka_broker import KafkaBroker
from tests.support.postgres_server import BreakablePostgres

Meanwhile = Callable[[], Awaitable[None]]
Row = Any


class Engine(Protocol):
    """A running engine."""

    url: str
    database_url: str | None

    def open(self, *, append_timeout_seconds: float = 5.0) -> AbstractAsyncContextManager[Stream]:
        """The stream on it."""
        ...

    async def leave_gap(self, stream: Stream, topic: str, record: Record) -> None:
        """Move the end of the record's partition on without leaving anything to read there."""
        ...

    def delay_answers(self, subscription: Subscription, meanwhile: Meanwhile) -> None:
        """Let something happen each time after the log has looked at its end and before its answer arrives."""
        ...


class KafkaEngine:
    """Gaps come from transactions: an aborted one's records, and the markers that end each."""

    def __init__(self, bootstrap: str) -> None:
        self.url = f"kafka://{bootstrap}"
        self.database_url: str | None = None
        self._bootstrap = bootstrap

    def open(self, *, append_timeout_seconds: float = 5.0) -> AbstractAsyncContextManager[Stream]:
        """As `Engine` says."""
        return open_stream(
            self.url, database_url=None, client_id="contract", append_timeout_seconds=append_timeout_seconds
        )

    async def leave_gap(self, stream: Stream, topic: str, record: Record) -> None:
        """As `Engine` says: an aborted transaction, and its marker."""
        before = sum((await stream.end_offsets(topic)).values())
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, transactional_id=f"gap-{topic}")
        async with producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, record.value, key=record.key)
            await producer.abort_transaction()

        async def marked() -> bool:
            return sum((await stream.end_offsets(topic)).values()) == before + 2

        # The broker writes the marker after it has answered.
        await eventually(marked, within_seconds=10, what="the marker of the aborted transaction")

    def delay_answers(self, subscription: Subscription, meanwhile: Meanwhile) -> None:
        """As `Engine` says."""
        assert isinstance(subscription, KafkaSubscription)
        ask = subscription._view.ends

        async def delayed(topic: str, partitions: Iterable[int]) -> Mapping[int, int]:
            answer = await ask(topic, partitions)
            await meanwhile()
            return answer

        subscription._view.ends = delayed  # type: ignore[method-assign]


class PostgresEngine:
    """Gaps come from retention."""

    def __init__(self, database_url: str) -> None:
        self.url = ""
        self.database_url: str | None = database_url
        self._options = PostgresOptions(dsn=database_url, client_id="contract")

    def open(self, *, append_timeout_seconds: float = 5.0) -> AbstractAsyncContextManager[Stream]:
        """As `Engine` says."""
        return open_stream(
            None,
            database_url=self.database_url,
            client_id="contract",
            append_timeout_seconds=append_timeout_seconds,
        )

    async def leave_gap(self, stream: Stream, topic: str, record: Record) -> None:
        """As `Engine` says: the sweep deletes this record and all before it."""
        await stream.append(topic, [record])
        database = Database(self._options)
        try:
            assert await sweep(database, older_than=datetime.now(UTC)) > 0
        finally:
            await database.close()

    def delay_answers(self, subscription: Subscription, meanwhile: Meanwhile) -> None:
        """As `Engine` says."""
        assert isinstance(subscription, PostgresSubscription)
        assert subscription._session is not None
        ask = subscription._session.fetch

        async def delayed(statement: str, *arguments: object) -> Sequence[Row]:
            answer = await ask(statement, *arguments)
            await meanwhile()
            return answer

        subscription._session.fetch = delayed  # type: ignore[method-assign]


class Breakable(Protocol):
    """An engine whose server the test may take away. Its address stays."""

    engine: Engine

    async def start(self) -> None:
        """Start the server, with the data it had."""
        ...

    async def stop(self) -> None:
        """Stop it in good order."""
        ...

    async def kill(self) -> None:
        """Kill it with -9."""
        ...


class BreakableKafka:
    """A broker of one's own."""

    def __init__(self, broker: KafkaBroker) -> None:
        self.engine: Engine = KafkaEngine(broker.bootstrap)
        self._broker = broker

    async def start(self) -> None:
        """As `Breakable` says."""
        await self._apart(self._broker.start)

    async def stop(self) -> None:
        """As `Breakable` says."""
        await self._apart(self._broker.stop)

    async def kill(self) -> None:
        """As `Breakable` says."""
        await self._apart(self._broker.kill)

    async def _apart(self, act: Callable[[], None]) -> None:
        await asyncio.to_thread(act)


class BreakableLog:
    """A PostgreSQL of one's own."""

    def __init__(self, server: BreakablePostgres) -> None:
        self.engine: Engine = PostgresEngine(server.url)
        self._server = server

    async def start(self) -> None:
        """As `Breakable` says."""
        await self._server.start()

    async def stop(self) -> None:
        """As `Breakable` says."""
        await self._server.stop()

    async def kill(self) -> None:
        """As `Breakable` says."""
        await self._server.kill()
