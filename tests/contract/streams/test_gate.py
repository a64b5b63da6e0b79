"""The gate: `read_through` never passes a record that was acknowledged before it and not yet handed out."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from shared.streams.partitioning import partition_for
from shared.streams.port import Fetch, Record, Stream
from tests.contract.streams.engines import Engine
from tests.contract.streams.members import Member, Store

PARTITIONS = 3
APPENDERS = 8
APPENDS_EACH = 120


async def test_the_gate_stays_closed_until_the_end_is_reached(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    await stream.append(topic, [Record(key=b"k", value=b"%d" % n) for n in range(100)])
    store = Store()
    began = datetime.now(UTC)
    async with Member(stream, topic, store=store) as member:
        while len(store.received) < 100:
            await member.fetch(max_records=30)
            if len(store.received) < 100:
                assert member.read_through.get(0) is None
        await member.until(lambda: (member.read_through[0] or began) > began)


async def test_empty_fetches_move_the_gate_of_an_idle_partition(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    async with Member(stream, topic, store=Store()) as member:
        await member.until(lambda: len(member.owned) == PARTITIONS)
        for _ in range(3):
            before = datetime.now(UTC)
            fetched = await member.fetch(timeout_seconds=0.1)
            assert {fetch.partition for fetch in fetched} == set(range(PARTITIONS))
            assert all(fetch.read_through and fetch.read_through >= before for fetch in fetched)
            assert not any(fetch.records for fetch in fetched)


async def test_the_gate_never_moves_back(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    last = datetime.min.replace(tzinfo=UTC)
    async with Member(stream, topic, store=Store()) as member:
        for number in range(30):
            await stream.append(topic, [Record(key=b"k", value=b"%d" % number)])
            for fetch in await member.fetch(timeout_seconds=0.02):
                assert fetch.read_through is None or fetch.read_through >= last
                last = fetch.read_through or last
    assert last > datetime.min.replace(tzinfo=UTC)


async def test_the_gate_stands_before_what_is_acknowledged_while_the_answer_is_on_its_way(
    engine: Engine, stream: Stream, topic: str
) -> None:
    await stream.ensure_topic(topic, partitions=1)
    store = Store()
    acknowledged: dict[bytes, datetime] = {}

    async def append() -> None:
        value = b"%d" % len(acknowledged)
        await stream.append(topic, [Record(key=b"k", value=value)])
        acknowledged[value] = datetime.now(UTC)

    async with Member(stream, topic, store=store) as member:
        await member.until(lambda: len(member.owned) == 1)
        assert member.subscription is not None
        engine.delay_answers(member.subscription, append)
        while len(store.received) < 20:
            for fetch in await member.fetch(timeout_seconds=0.02):
                for value, at in acknowledged.items():
                    assert fetch.read_through is None or at >= fetch.read_through or value in store.values


@pytest.mark.parametrize("max_records", [7, 1000])
async def test_the_gate_never_passes_an_acknowledged_record(engine: Engine, topic: str, max_records: int) -> None:
    """Appenders note when each record was acknowledged; the reader checks every fetch against all of that."""
    async with engine.open() as reading, engine.open() as appending:
        await reading.ensure_topic(topic, partitions=PARTITIONS)
        acknowledged: dict[int, list[tuple[datetime, bytes]]] = {partition: [] for partition in range(PARTITIONS)}
        received: set[bytes] = set()
        checked = 0

        async def append(appender: int) -> None:
            for number in range(APPENDS_EACH):
                key = b"%d" % (appender * 31 + number)
                value = b"%d/%d" % (appender, number)
                await appending.append(topic, [Record(key=key, value=value)])
                acknowledged[partition_for(key, PARTITIONS)].append((datetime.now(UTC), value))
                await asyncio.sleep(0.001 * (number % 5))

        def check(fetched: Sequence[Fetch]) -> int:
            found = 0
            for fetch in fetched:
                received.update(record.value for record in fetch.records)
                if fetch.read_through is None:
                    continue
                for at, value in acknowledged[fetch.partition]:
                    if at < fetch.read_through:
                        assert value in received, f"{value!r} was acknowledged at {at}, gate {fetch.read_through}"
                        found += 1
            return found

        async with Member(reading, topic, store=Store()) as member:
            await member.until(lambda: len(member.owned) == PARTITIONS)
            appenders = [asyncio.create_task(append(number)) for number in range(APPENDERS)]
            while not all(task.done() for task in appenders):
                checked += check(await member.fetch(max_records=max_records, timeout_seconds=0.01))
            await asyncio.gather(*appenders)
            while len(received) < APPENDERS * APPENDS_EACH:
                checked += check(await member.fetch(max_records=max_records))
            checked += check(await member.fetch())
    assert checked >= APPENDERS * APPENDS_EACH, "the gate opened too seldom for the check to mean anything"
