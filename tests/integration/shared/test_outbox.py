"""The outbox on a real PostgreSQL: in order, at least once, nothing lost, whoever dies when."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import asyncpg
import pytest
from sqlalchemy import MetaData

from shared.database import DatabaseUnavailable, open_pool
from shared.database.migrations import MigrationSource, upgrade
from shared.outbox import Outbox, Relay, RelayPass
from shared.outbox.table import outbox_table
from shared.streams.port import Record, RecordTooLarge, StreamUnavailable
from tests.integration.shared.migrations_suite import MigrationsSuite
from tests.support.eventually import eventually
from tests.support.postgres_server import BreakablePostgres

pytestmark = pytest.mark.postgres

SCHEMA = "posting"
SOURCE = MigrationSource(schema=SCHEMA, package="tests.integration.shared.outbox_migrations")
METADATA = MetaData()
outbox_table(METADATA, schema=SCHEMA)
TOPIC = "announcements"
OUTBOX = Outbox(SCHEMA)
LARGEST_VALUE_BYTES = 100
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class TestOutboxMigrations(MigrationsSuite):
    source = SOURCE
    metadata = METADATA


class Log:
    """The appending half of a stream, in memory; it refuses, hangs or forgets to answer when told to."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Record]] = defaultdict(list)
        self.before_append: Callable[[], Awaitable[None]] | None = None
        self.after_append: Callable[[], Awaitable[None]] | None = None

    async def append(self, topic: str, records: Sequence[Record]) -> None:
        if self.before_append is not None:
            await self.before_append()
        if any(len(record.value) > LARGEST_VALUE_BYTES for record in records):
            raise RecordTooLarge("a value of more than 100 bytes")
        self.topics[topic].extend(records)
        if self.after_append is not None:
            await self.after_append()

    def values(self, topic: str = TOPIC, *, key: bytes | None = None) -> list[bytes]:
        return [record.value for record in self.topics[topic] if key is None or record.key == key]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    await upgrade(database_url, SOURCE)
    async with open_pool(database_url, application_name="test", max_size=8) as opened:
        yield opened


@pytest.fixture
def log() -> Log:
    return Log()


def relay(pool: Pool, log: Log, **options: object) -> Relay:
    return Relay(OUTBOX, pool=pool, stream=log, url="postgresql:///test", **options)  # type: ignore[arg-type] # the other half of the port is not asked for


def records(*values: str, key: str = "lead") -> list[Record]:
    return [Record(key=key.encode(), value=value.encode(), headers=(("ce_id", value.encode()),)) for value in values]


async def add(pool: Pool, given: Sequence[Record], *, partition: int = 0, topic: str = TOPIC) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await OUTBOX.add(connection, partition=partition, topic=topic, records=given)


async def pending(pool: Pool) -> int:
    async with pool.acquire() as connection:
        return await OUTBOX.pending(connection)


class TestPublishing:
    async def test_records_arrive_as_they_were_given_and_are_forgotten(self, pool: Pool, log: Log) -> None:
        given = [
            Record(key=b"\x00\xff", value=b"", headers=()),
            Record(key=b"", value=b"\x00\x01", headers=(("ce_id", b"1"), ("ce_id", b"\xfe"), ("é", b""))),
        ]
        await add(pool, given)
        assert await relay(pool, log).run_once() == RelayPass(published=2, refused=0, more=False, contended=False)
        assert log.topics == {TOPIC: given}
        assert await pending(pool) == 0

    async def test_what_is_rolled_back_is_never_published(self, pool: Pool, log: Log) -> None:
        with contextlib.suppress(ZeroDivisionError):
            async with pool.acquire() as connection, connection.transaction():
                await OUTBOX.add(connection, partition=0, topic=TOPIC, records=records("never"))
                raise ZeroDivisionError
        await relay(pool, log).run_once()
        assert log.values() == []

    async def test_batches_go_out_in_order_per_partition_and_no_partition_starves(self, pool: Pool, log: Log) -> None:
        await add(pool, records(*map(str, range(25)), key="a"), partition=1)
        await add(pool, records(*map(str, range(3)), key="b"), partition=7)
        relaying = relay(pool, log, batch_records=10)
        first = await relaying.run_once()
        assert first.more
        assert log.values(key=b"b") == [b"0", b"1", b"2"]
        while (await relaying.run_once()).published:
            pass
        assert log.values(key=b"a") == [str(n).encode() for n in range(25)]
        assert await pending(pool) == 0

    async def test_topics_go_apart(self, pool: Pool, log: Log) -> None:
        await add(pool, records("1"), topic="one")
        await add(pool, records("2"), topic="two")
        await add(pool, records("3"), topic="one")
        await relay(pool, log).run_once()
        assert (log.values("one"), log.values("two")) == ([b"1", b"3"], [b"2"])

    async def test_a_relay_leaves_partitions_that_are_not_its_own(self, pool: Pool, log: Log) -> None:
        await add(pool, records("mine"), partition=1)
        await add(pool, records("yours"), partition=2)
        await relay(pool, log, owned=lambda: {1, 5}).run_once()
        assert log.values() == [b"mine"]
        assert await pending(pool) == 1


class TestFailures:
    async def test_a_crash_between_append_and_delete_publishes_the_same_ids_again(self, pool: Pool, log: Log) -> None:
        await add(pool, records("1", "2"))

        async def crash() -> None:
            raise KeyboardInterrupt

        log.after_append = crash
        with pytest.raises(KeyboardInterrupt):
            await relay(pool, log).run_once()
        assert await pending(pool) == 2
        log.after_append = None
        await add(pool, records("3"))
        await relay(pool, log).run_once()
        assert log.values() == [b"1", b"2", b"1", b"2", b"3"]
        assert [record.headers for record in log.topics[TOPIC][:2]] == [
            record.headers for record in log.topics[TOPIC][2:4]
        ]

    async def test_an_unavailable_stream_keeps_the_records_and_the_order(self, pool: Pool, log: Log) -> None:
        refusals = iter([True, True])

        async def refuse_twice() -> None:
            if next(refusals, False):
                raise StreamUnavailable("the broker is away")

        log.before_append = refuse_twice
        await add(pool, records("1", "2"))
        async with running(relay(pool, log)):
            await eventually(lambda: drained(pool), within_seconds=10, what="the outbox is drained")
        assert log.values() == [b"1", b"2"]

    async def test_a_record_that_the_stream_never_takes_is_passed_over_and_kept_with_the_reason(
        self, pool: Pool, log: Log
    ) -> None:
        await add(pool, records("1", "x" * 101, "3"))
        assert await relay(pool, log).run_once() == RelayPass(published=2, refused=1, more=False, contended=False)
        assert log.values() == [b"1", b"3"]
        async with pool.acquire() as connection:
            assert await OUTBOX.refused(connection) == 1
            assert await connection.fetchval("SELECT refused FROM posting.outbox") == "a value of more than 100 bytes"
        assert await relay(pool, log).run_once() == RelayPass(published=0, refused=0, more=False, contended=False)

    async def test_a_record_that_commits_late_with_a_lower_id_is_not_deleted_with_the_others(
        self, pool: Pool, log: Log
    ) -> None:
        async with pool.acquire() as early, early.transaction():
            await OUTBOX.add(early, partition=0, topic=TOPIC, records=records("low", key="a"))
            await add(pool, records("high", key="b"))
            await relay(pool, log).run_once()
            assert log.values() == [b"high"]
        await relay(pool, log).run_once()
        assert log.values() == [b"high", b"low"]

    async def test_a_database_that_dies_is_a_temporary_error_and_loses_nothing(
        self, breakable_postgres: BreakablePostgres, log: Log
    ) -> None:
        url = breakable_postgres.url
        await upgrade(url, SOURCE)
        async with open_pool(url, application_name="test") as pool:
            await add(pool, records("1", "2"))
            log.after_append = breakable_postgres.kill
            with pytest.raises(DatabaseUnavailable, match="database 'test'"):
                await relay(pool, log).run_once()
            log.after_append = None
            async with running(relay(pool, log)):
                await breakable_postgres.start()
                await eventually(lambda: drained(pool), within_seconds=20, what="the outbox is drained")
        assert log.values() == [b"1", b"2", b"1", b"2"]


class TestReplicas:
    async def test_one_relay_at_a_time_works_on_a_partition(self, pool: Pool, log: Log) -> None:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            arrived.set()
            await go_on.wait()

        log.before_append = hold
        await add(pool, records("1"))
        first = asyncio.create_task(relay(pool, log).run_once())
        await arrived.wait()
        await add(pool, records("2"))
        assert await relay(pool, log).run_once() == RelayPass(published=0, refused=0, more=False, contended=True)
        go_on.set()
        assert (await first).published == 1
        await relay(pool, log).run_once()
        assert log.values() == [b"1", b"2"]

    async def test_several_relays_and_writers_keep_each_key_in_order(self, pool: Pool, log: Log) -> None:
        async def write(partition: int) -> None:
            for number in range(60):
                await add(pool, records(str(number), key=str(partition)), partition=partition)
                for one in relays:
                    one.wake()

        relays = [relay(pool, log, batch_records=7) for _ in range(3)]
        async with contextlib.AsyncExitStack() as stack:
            for one in relays:
                await stack.enter_async_context(running(one))
            await asyncio.gather(*(write(partition) for partition in range(4)))
            await eventually(lambda: drained(pool), within_seconds=20, what="the outbox is drained")
        for partition in range(4):
            assert log.values(key=str(partition).encode()) == [str(n).encode() for n in range(60)]


class TestLoop:
    async def test_a_woken_relay_publishes_at_once(self, pool: Pool, log: Log) -> None:
        relaying = relay(pool, log, poll_seconds=3600.0)
        async with running(relaying):
            await add(pool, records("1"))
            relaying.wake()
            await eventually(lambda: drained(pool), within_seconds=10, what="the outbox is drained")

    async def test_an_unwoken_relay_finds_what_another_process_wrote(self, pool: Pool, log: Log) -> None:
        async with running(relay(pool, log, poll_seconds=0.1)):
            await add(pool, records("1"))
            await eventually(lambda: drained(pool), within_seconds=10, what="the outbox is drained")


async def drained(pool: Pool) -> bool:
    try:
        return await pending(pool) == 0
    except asyncpg.PostgresError as error:
        raise OSError(str(error)) from error


@contextlib.asynccontextmanager
async def running(relaying: Relay) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(relaying.run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task
