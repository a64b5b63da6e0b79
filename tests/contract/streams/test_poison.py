"""What nobody can make sense of passes through untouched; what is too large is refused, and hurts nobody else."""

import asyncio
import random

import pytest

from shared.streams.port import Record, RecordTooLarge, Stream
from shared.streams.sizes import MAX_RECORD_BYTES
from tests.contract.streams.members import Member, Store

SEED = 20_240_229


async def test_arbitrary_bytes_pass_through_untouched(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=2)
    chance = random.Random(SEED)
    records = [
        Record(
            key=chance.randbytes(chance.randrange(40)),
            value=chance.randbytes(chance.randrange(3000)),
            headers=tuple((f"h{n}", chance.randbytes(chance.randrange(20))) for n in range(chance.randrange(4))),
        )
        for _ in range(200)
    ]
    await stream.append(topic, records)
    found: list[Record] = []
    async with Member(stream, topic, store=Store()) as member:
        while len(found) < len(records):
            for fetch in await member.fetch():
                found += [Record(key=r.key, value=r.value, headers=r.headers) for r in fetch.records]
    assert sorted(map(repr, found)) == sorted(map(repr, records))


async def test_a_record_near_the_limit_passes(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    large = Record(key=b"k", value=b"x" * (MAX_RECORD_BYTES - 200))
    await stream.append(topic, [large])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: store.values == [large.value])


async def test_a_huge_record_is_refused_and_others_are_unaffected(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    huge = Record(key=b"k", value=b"x" * (MAX_RECORD_BYTES + 1))

    async def refused() -> None:
        with pytest.raises(RecordTooLarge, match=str(MAX_RECORD_BYTES)):
            await stream.append(topic, [Record(key=b"k", value=b"beside it"), huge])

    await asyncio.gather(
        refused(), *(stream.append(topic, [Record(key=b"k", value=b"%d" % n)]) for n in range(20)), refused()
    )
    await stream.append(topic, [Record(key=b"k", value=b"after")])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: b"after" in store.values)
    assert sorted(store.values) == sorted([*(b"%d" % n for n in range(20)), b"after"])
