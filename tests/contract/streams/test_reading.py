"""What is appended is read: all of it, in order per key, from where the reader says."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from shared.streams.partitioning import partition_for
from shared.streams.port import Record, StoredRecord, Stream
from tests.contract.streams.members import Member, Store

PARTITIONS = 4


def numbered(count: int, *, keys: int = 16, start: int = 0) -> list[Record]:
    return [Record(key=b"key-%d" % (n % keys), value=b"%d" % n) for n in range(start, start + count)]


async def test_a_record_comes_back_as_it_was_appended(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    record = Record(key=b"lead-1", value=b'{"a": 1}', headers=(("ce_type", b"lead.created"), ("empty", b"")))
    await stream.append(topic, [record, Record(key=b"", value=b"")])
    found: dict[bytes, tuple[int, StoredRecord]] = {}
    async with Member(stream, topic, store=Store()) as member:
        while len(found) < 2:
            for fetch in await member.fetch():
                found.update({stored.key: (fetch.partition, stored) for stored in fetch.records})
    partition, stored = found[b"lead-1"]
    assert (stored.value, stored.headers) == (record.value, record.headers)
    assert before <= stored.appended_at <= datetime.now(UTC)
    assert stored.appended_at.utcoffset() == timedelta(0)
    assert partition == partition_for(b"lead-1", PARTITIONS)
    assert (found[b""][1].value, found[b""][1].headers) == (b"", ())


async def test_records_of_a_key_stay_in_order_while_many_append(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)

    async def tell(key: bytes) -> None:
        for step in range(20):
            await stream.append(topic, [Record(key=key, value=b"%d" % (step * 3 + n)) for n in range(3)])

    keys = [b"lead-%d" % n for n in range(40)]
    await asyncio.gather(*map(tell, keys))
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(store.received) >= 40 * 60)
    by_key = defaultdict(list)
    for _, _, key, value in store.received:
        by_key[key].append(int(value))
    assert by_key == {key: list(range(60)) for key in keys}


async def test_batches_of_thousands_come_whole_and_within_the_limit(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    await stream.append(topic, numbered(10_000, keys=500))
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(store.received) >= 10_000, max_records=1_500)
        await member.fetch()
    assert sorted(map(int, store.values)) == list(range(10_000))
    assert store.offsets == await stream.end_offsets(topic)


async def test_a_busy_partition_does_not_starve_the_others(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=2)
    busy = next(b"%d" % n for n in range(99) if partition_for(b"%d" % n, 2) == 0)
    quiet = next(b"%d" % n for n in range(99) if partition_for(b"%d" % n, 2) == 1)
    await stream.append(topic, [Record(key=busy, value=b"-") for _ in range(4_000)])
    await stream.append(topic, [Record(key=quiet, value=b"heard")])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: b"heard" in store.values, max_records=100)
    assert len(store.received) < 4_000


async def test_a_new_owner_resumes_from_the_stored_offsets(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    await stream.append(topic, numbered(300))
    store = Store()
    async with Member(stream, topic, store=store) as first:
        await first.until(lambda: len(store.received) >= 100, max_records=50)
    assert len(store.received) < 300
    await stream.append(topic, numbered(100, start=300))
    async with Member(stream, topic, store=store, name="b") as second:
        await second.until(lambda: len(store.received) >= 400)
        await second.fetch()
    assert sorted(map(int, store.values)) == list(range(400))


async def test_without_a_stored_offset_reading_begins_at_the_earliest(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    await stream.append(topic, numbered(50))
    end = dict(await stream.end_offsets(topic))
    store = Store()
    store.offsets = {partition: offset for partition, offset in end.items() if partition != 0}
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: store.offsets == end)
    assert {partition for partition, *_ in store.received} <= {0}
    assert len(store.received) == end[0]


async def test_groups_read_apart(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    await stream.append(topic, numbered(20))
    one, other = Store(), Store()
    async with (
        Member(stream, topic, store=one, group="one") as first,
        Member(stream, topic, store=other, group="other") as second,
    ):
        await first.until(lambda: len(one.received) == 20)
        await second.until(lambda: len(other.received) == 20)
    assert sorted(one.received) == sorted(other.received)


async def test_a_fetch_that_is_cancelled_loses_nothing(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(member.owned) == PARTITIONS)
        for number in range(60):
            fetching = asyncio.create_task(member.fetch(timeout_seconds=5))
            await stream.append(topic, numbered(5, start=number * 5))
            for _ in range(number % 7):
                await asyncio.sleep(0)
            fetching.cancel()
            await asyncio.wait({fetching})
        await member.until(lambda: len(store.received) >= 300)
        await member.fetch()
    assert sorted(map(int, store.values)) == list(range(300))


async def test_an_existing_topic_keeps_its_partitions(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=3)
    await stream.ensure_topic(topic, partitions=5)
    assert await stream.partitions(topic) == 3
    assert await stream.end_offsets(topic) == {0: 0, 1: 0, 2: 0}
