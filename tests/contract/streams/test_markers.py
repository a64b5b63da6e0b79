"""A log holds entries that are no records: transaction markers, aborted records, ranges that retention deleted."""

from datetime import UTC, datetime

from shared.streams.port import Record, Stream
from tests.contract.streams.engines import Engine
from tests.contract.streams.members import Member, Store

KEY = b"lead-1"


def record(value: bytes) -> Record:
    return Record(key=KEY, value=value)


async def test_the_position_passes_a_gap_at_the_end_of_the_log(engine: Engine, stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    await stream.append(topic, [record(b"one")])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: store.values == [b"one"])
        after_one = store.offsets[0]
        await engine.leave_gap(stream, topic, record(b"never seen"))
        end = (await stream.end_offsets(topic))[0]
        assert end > after_one
        now = datetime.now(UTC)
        await member.until(lambda: store.offsets[0] == end)
        await member.until(lambda: (member.read_through[0] or now) > now)
    assert store.values == [b"one"]


async def test_records_behind_a_gap_are_read_and_resumed_from(engine: Engine, stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    await stream.append(topic, [record(b"one")])
    store = Store()
    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: store.values == [b"one"])
    after_one = store.offsets[0]
    await engine.leave_gap(stream, topic, record(b"never seen"))
    await stream.append(topic, [record(b"two"), record(b"three")])
    async with Member(stream, topic, store=store, name="b") as member:
        await member.until(lambda: len(store.received) >= 2, max_records=1)
        assert store.received[1][1] > after_one, "a position is not the last offset + 1"
    async with Member(stream, topic, store=store, name="c") as member:
        await member.until(lambda: store.offsets == {0: store.received[1][1] + 2})
    assert store.values == [b"one", b"two", b"three"]


async def test_gaps_between_many_records_hide_none(engine: Engine, stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    store = Store()
    async with Member(stream, topic, store=store) as member:
        for number in range(4):
            await stream.append(topic, [record(b"%d" % (number * 10 + n)) for n in range(10)])
            await member.until(lambda: len(store.received) >= (number + 1) * 10, max_records=3)  # noqa: B023 - run now
            await engine.leave_gap(stream, topic, record(b"never seen"))
        end = await stream.end_offsets(topic)
        await member.until(lambda: store.offsets == end)
    assert store.values == [b"%d" % n for n in range(40)]
