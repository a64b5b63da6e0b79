"""The outbox relayed to both engines of the stream, and by processes that are killed while they do it."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import uuid4

import pytest

from shared.database import open_pool
from shared.database.migrations import MigrationSource, upgrade
from shared.outbox import Outbox, Relay
from shared.streams.connect import open_stream
from shared.streams.port import Record, StoredRecord, Stream
from tests.support.kafka_broker import kafka_broker
from tests.support.relay_process import BATCH_RECORDS

__all__ = ["kafka_broker"]

pytestmark = pytest.mark.postgres

SCHEMA = "posting"
SOURCE = MigrationSource(schema=SCHEMA, package="tests.integration.shared.outbox_migrations")
OUTBOX = Outbox(SCHEMA)
KEYS = 5
SEED = 20_260_101


class FromTheBeginning:
    """A listener that reads each partition from its first record."""

    async def assigned(self, _partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    async def revoked(self, _partitions: Sequence[int]) -> None:
        pass


async def read_all(stream: Stream, topic: str) -> list[StoredRecord]:
    """Everything on the topic so far, in order per partition."""
    expected = sum((await stream.end_offsets(topic)).values())
    found: list[StoredRecord] = []
    async with asyncio.timeout(60), stream.subscribe(topic, group=f"g-{uuid4()}", listener=FromTheBeginning()) as seen:
        while len(found) < expected:
            for fetch in await seen.fetch(max_records=1000, timeout_seconds=1.0):
                found.extend(fetch.records)
    return found


def numbered(numbers: range) -> list[Record]:
    return [Record(key=b"%d" % (n % KEYS), value=b"%d" % n, headers=(("ce_id", b"id-%d" % n),)) for n in numbers]


@pytest.fixture(params=[pytest.param("kafka", marks=pytest.mark.kafka), "postgres"])
async def stream(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Stream]:
    url = None
    if request.param == "kafka":
        url = f"kafka://{request.getfixturevalue('kafka_broker').bootstrap}"
    async with open_stream(url, database_url=database_url, client_id="test") as opened:
        yield opened


async def test_records_reach_the_stream_in_order_per_key(database_url: str, stream: Stream) -> None:
    topic = f"outbox-{uuid4()}"
    await stream.ensure_topic(topic, partitions=3)
    await upgrade(database_url, SOURCE)
    given = numbered(range(250))
    async with open_pool(database_url, application_name="test") as pool:
        async with pool.acquire() as connection, connection.transaction():
            await OUTBOX.add(connection, partition=0, topic=topic, records=given)
        relay = Relay(OUTBOX, pool=pool, stream=stream, url=database_url, batch_records=100)
        assert [(await relay.run_once()).published for _ in range(4)] == [100, 100, 50, 0]
    found = await read_all(stream, topic)
    for key in {record.key for record in given}:
        assert [(record.value, record.headers) for record in found if record.key == key] == [
            (record.value, record.headers) for record in given if record.key == key
        ]


async def test_relays_that_are_killed_again_and_again_lose_nothing_and_keep_the_order(database_url: str) -> None:
    count = 2_000
    randomness = random.Random(SEED)
    await upgrade(database_url, SOURCE)
    async with (
        open_stream(None, database_url=database_url, client_id="test") as stream,
        open_pool(database_url, application_name="test") as pool,
    ):
        await stream.ensure_topic("relayed", partitions=3)
        async with pool.acquire() as connection, connection.transaction():
            await OUTBOX.add(connection, partition=0, topic="relayed", records=numbered(range(count)))

        async def pending() -> int:
            async with pool.acquire() as connection:
                return await OUTBOX.pending(connection)

        left = count
        while left > count // 4:
            batches, where = randomness.randrange(3, 25), randomness.choice(["before", "after"])
            assert await _relayed_until_killed(database_url, batches, where) == -signal.SIGKILL
            assert await pending() == left - (batches - 1) * BATCH_RECORDS, (
                f"killed {where} the append of batch {batches}"
            )
            left = await pending()
        relay = Relay(OUTBOX, pool=pool, stream=stream, url=database_url)
        async with asyncio.timeout(60):
            while await pending():
                await relay.run_once()
        found = await read_all(stream, "relayed")
    first_seen = list({record.headers: record for record in found}.values())
    assert len(first_seen) == count
    for key in range(KEYS):
        values = [int(record.value) for record in first_seen if record.key == b"%d" % key]
        assert values == list(range(key, count, KEYS))


async def _relayed_until_killed(url: str, batches: int, where: str) -> int:
    """What a relay in a process of its own ended with; it dies at the append of the batch."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.relay_process", url, SCHEMA, str(batches), where
    )
    try:
        return await asyncio.wait_for(process.wait(), 60)
    finally:
        if process.returncode is None:
            process.kill()
