"""Personal data can be taken back out of the log in PostgreSQL; readers go on over the gaps."""

import pytest

from shared.streams.erasure import ErasableStream
from shared.streams.partitioning import partition_for
from shared.streams.port import Record
from shared.streams.postgres import PostgresOptions, PostgresStream
from tests.contract.streams.members import Member, Store

pytestmark = pytest.mark.postgres

PARTITIONS = 3
ADA, BEN = b"crm:acc:ada", b"crm:acc:ben"


async def test_what_was_erased_is_gone_and_readers_go_on_over_the_gap(database_url: str) -> None:
    async with PostgresStream(PostgresOptions(dsn=database_url, client_id="test")) as stream:
        assert isinstance(stream, ErasableStream)
        await stream.ensure_topic("events", partitions=PARTITIONS)
        for number in range(4):
            await stream.append("events", [Record(key=ADA, value=b"ada %d" % number, headers=(("h", b"x"),))])
            await stream.append("events", [Record(key=BEN, value=b"ben %d" % number)])
        found = await stream.search("events", key=ADA, containing=b"ada")
        assert [each.record.value for each in found] == [b"ada 0", b"ada 1", b"ada 2", b"ada 3"]
        assert {each.partition for each in found} == {partition_for(ADA, PARTITIONS)}
        assert await stream.search("events", key=ADA, containing=b"ben") == []

        before = found[2].record.offset
        assert await stream.erase("events", key=ADA, before=before) == 2
        assert await stream.erase("events", key=ADA, before=before) == 0, "once is enough"
        await stream.replace("events", partition=found[2].partition, offset=before, value=b"nobody")
        await stream.replace("events", partition=found[3].partition, offset=found[3].record.offset, value=None)

        store = Store()
        async with Member(stream, "events", store=store) as member:
            await member.until(lambda: len(store.received) >= 5)
            await stream.append("events", [Record(key=ADA, value=b"later")])
            await member.until(lambda: len(store.received) >= 6)
        assert sorted(store.values) == [b"ben 0", b"ben 1", b"ben 2", b"ben 3", b"later", b"nobody"]
