"""Each partition has one owner at a time; members that come, go, die or hang change who.

That no partition is given to two, and no record of a partition handed to one who does not own it, is checked by
`Member` in every test of this suite.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from shared.streams.port import Record, Stream
from tests.contract.streams.engines import Engine
from tests.contract.streams.members import Member, Store, eventually_true

PARTITIONS = 4
MOVED_WITHIN_SECONDS = 10.0
"""What the port's users count on when a member dies or hangs."""


def numbered(count: int, *, start: int = 0) -> list[Record]:
    return [Record(key=b"key-%d" % (n % 16), value=b"%d" % n) for n in range(start, start + count)]


async def test_members_share_the_partitions_and_each_record_goes_to_one(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    store = Store()
    async with (
        Member(stream, topic, store=store, name="a") as a,
        Member(stream, topic, store=store, name="b") as b,
        a.running(),
        b.running(),
    ):
        await eventually_true(lambda: len(a.owned) == len(b.owned) == 2, within_seconds=20, what="a fair share")
        for start in range(0, 400, 100):
            await stream.append(topic, numbered(100, start=start))
        await eventually_true(lambda: len(store.received) >= 400, within_seconds=20, what="all records")
        assert a.owned | b.owned == set(range(PARTITIONS))
    assert sorted(map(int, store.values)) == list(range(400))
    assert store.owner == {}


async def test_a_member_that_joins_takes_its_share_after_it_was_given_back(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    store = Store()
    async with Member(stream, topic, store=store, name="a") as a, a.running():
        await eventually_true(lambda: len(a.owned) == PARTITIONS, within_seconds=20, what="a owns all")
        async with Member(stream, topic, store=store, name="b") as b, b.running():
            for start in range(0, 1000, 50):
                await stream.append(topic, numbered(50, start=start))
            await eventually_true(lambda: len(b.owned) == 2, within_seconds=20, what="b has its share")
        # b has left: its partitions come back at once, not after its session
        await eventually_true(lambda: len(a.owned) == PARTITIONS, within_seconds=5, what="a owns all again")
        await eventually_true(lambda: len(store.received) >= 1000, within_seconds=20, what="all records")
    assert sorted(map(int, store.values)) == list(range(1000))
    assert "revoked" in {what for what, _ in a.told}


async def test_more_members_than_partitions_leave_some_idle(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=1)
    store = Store()
    async with (
        Member(stream, topic, store=store, name="a") as a,
        Member(stream, topic, store=store, name="b") as b,
        a.running(),
        b.running(),
    ):
        await stream.append(topic, numbered(10))
        await eventually_true(lambda: len(store.received) >= 10, within_seconds=20, what="all records")
        assert sorted([len(a.owned), len(b.owned)]) == [0, 1]


@contextlib.asynccontextmanager
async def member_process(engine: Engine, topic: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.streams.member_process",
        engine.url,
        engine.database_url or "",
        topic,
        f"{topic}.group",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_it_owns(process: asyncio.subprocess.Process, partitions: set[int]) -> None:
    """Read what the process says until it owns all of these."""
    assert process.stdout is not None
    owned: set[int] = set()
    async with asyncio.timeout(20):
        while owned != partitions:
            said = json.loads(await process.stdout.readline())
            owned |= set(said.get("assigned", ()))
            owned -= set(said.get("revoked", ()))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_dead_or_frozen_members_partitions_move(
    engine: Engine, stream: Stream, topic: str, end: signal.Signals
) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    store = Store()
    async with member_process(engine, topic) as other, Member(stream, topic, store=store) as member:
        await until_it_owns(other, set(range(PARTITIONS)))
        await stream.append(topic, numbered(100))
        os.kill(other.pid, end)
        await member.until(lambda: len(member.owned) == PARTITIONS, within_seconds=MOVED_WITHIN_SECONDS)
        await member.until(lambda: len(store.received) >= 100)
    assert sorted(map(int, store.values)) == list(range(100))


class FailsOnce(Member):
    """Its database is away when it is first told."""

    failed = False

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Fail the first time."""
        if not self.failed:
            self.failed = True
            raise ConnectionRefusedError("the database is away")
        return await super().assigned(partitions)


async def test_a_listener_that_fails_hears_of_its_partitions_again(stream: Stream, topic: str) -> None:
    await stream.ensure_topic(topic, partitions=PARTITIONS)
    await stream.append(topic, numbered(10))
    store = Store()
    async with FailsOnce(stream, topic, store=store) as member:
        with pytest.raises(ConnectionRefusedError):
            await member.until(lambda: len(member.owned) == PARTITIONS)
        assert store.received == []
        await member.until(lambda: len(store.received) == 10)
