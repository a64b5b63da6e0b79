"""The log in PostgreSQL keeps its records for a time, and deletes none that is younger."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.streams.port import Record
from shared.streams.postgres import PostgresOptions, PostgresStream
from shared.streams.postgres.retention import SWEEP_RECORDS, sweep
from tests.contract.streams.members import Member, Store

pytestmark = pytest.mark.postgres

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def records(count: int, *, start: int) -> list[Record]:
    return [Record(key=b"k", value=b"%d" % n) for n in range(start, start + count)]


async def test_old_records_go_and_younger_ones_stay(database_url: str) -> None:
    now = NOON
    options = PostgresOptions(dsn=database_url, client_id="test", clock=lambda: now)
    old = 2 * SWEEP_RECORDS + 1
    async with PostgresStream(options) as stream:
        await stream.ensure_topic("events", partitions=1)
        await stream.append("events", records(old, start=0))
        now = NOON + timedelta(days=8)
        await stream.append("events", records(10, start=old))
        now = NOON  # a process whose clock is behind: a young record stands before it, so it stays with that one
        await stream.append("events", records(1, start=old + 10))

        assert await sweep(stream._database, older_than=NOON) == 0
        assert await sweep(stream._database, older_than=NOON + timedelta(days=1)) == old
        store = Store()
        async with Member(stream, "events", store=store) as member:
            await member.until(lambda: len(store.received) >= 11)
        assert store.values == [b"%d" % n for n in range(old, old + 11)]
        assert await stream.end_offsets("events") == {0: old + 11}
