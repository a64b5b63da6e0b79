"""The server goes away and comes back, or is not there yet; everything recovers by itself and nothing is lost."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from shared.streams.port import Record, Stream, StreamUnavailable
from tests.contract.streams.engines import Breakable
from tests.contract.streams.members import Member, Store, eventually_true

pytestmark = pytest.mark.slow

PARTITIONS = 2
APPEND_TIMEOUT_SECONDS = 2.0
REFUSED_WITHIN_SECONDS = 5.0
"""The append's own limit, and one question about the topic before it."""


class Teller:
    """Appends numbers without end, one after the other per key, and tries again when the stream is unavailable."""

    def __init__(self, stream: Stream, topic: str) -> None:
        self._stream = stream
        self._topic = topic
        self.acknowledged: list[bytes] = []
        self.retried: set[bytes] = set()

    async def tell(self, teller: int) -> None:
        """Until cancelled."""
        number = 0
        while True:
            value = b"%d/%d" % (teller, number)
            try:
                await self._stream.append(self._topic, [Record(key=b"%d" % teller, value=value)])
            except StreamUnavailable:
                self.retried.add(value)
                await asyncio.sleep(0.05)
            else:
                self.acknowledged.append(value)
                number += 1
                await asyncio.sleep(0.002)

    @contextlib.asynccontextmanager
    async def telling(self, tellers: int) -> AsyncIterator[None]:
        """In the background."""
        tasks = [asyncio.create_task(self.tell(teller)) for teller in range(tellers)]
        try:
            yield
            assert not [task for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_a_server_that_restarts_in_mid_stream_loses_nothing(breakable: Breakable, topic: str, way: str) -> None:
    store = Store()
    async with breakable.engine.open(append_timeout_seconds=APPEND_TIMEOUT_SECONDS) as stream:
        await stream.ensure_topic(topic, partitions=PARTITIONS)
        teller = Teller(stream, topic)
        async with Member(stream, topic, store=store) as member, member.running():
            async with teller.telling(6):
                await eventually_true(lambda: len(store.received) > 100, within_seconds=20, what="a first part")
                await (breakable.stop() if way == "stop" else breakable.kill())
                await eventually_true(lambda: len(teller.retried) >= 6, within_seconds=10, what="appends refused")
                await eventually_true(lambda: member.unavailable > 0, within_seconds=10, what="fetches refused")
                so_far = len(teller.acknowledged)
                await breakable.start()
                await eventually_true(
                    lambda: len(teller.acknowledged) > so_far + 200, within_seconds=30, what="appends go on"
                )
            await eventually_true(
                lambda: set(teller.acknowledged) <= set(store.values), within_seconds=30, what="all acknowledged read"
            )
    doubled = {value for value, times in Counter(store.values).items() if times > 1}
    assert doubled <= teller.retried
    for number in range(6):
        firsts = [v for v in dict.fromkeys(store.values) if v.startswith(b"%d/" % number)]
        assert firsts == [b"%d/%d" % (number, n) for n in range(len(firsts))], "order per key survives"


async def test_a_server_that_is_not_there_yet(breakable: Breakable, topic: str) -> None:
    await breakable.stop()
    store = Store()
    record = Record(key=b"k", value=b"kept by the caller")
    async with (
        breakable.engine.open(append_timeout_seconds=APPEND_TIMEOUT_SECONDS) as stream,
        Member(stream, topic, store=store) as member,
        member.running(),
    ):
        for refused in (stream.ready(), stream.append(topic, [record]), stream.ensure_topic(topic, partitions=1)):
            began = time.monotonic()
            with pytest.raises(StreamUnavailable, match=r"127\.0\.0\.1|postgresql://") as raised:
                await refused
            assert time.monotonic() - began < REFUSED_WITHIN_SECONDS
            assert raised.value.__cause__ is not None
        await eventually_true(lambda: member.unavailable > 0, within_seconds=10, what="a fetch refused")
        await breakable.start()
        await stream.ready()
        await stream.ensure_topic(topic, partitions=1)
        await stream.append(topic, [record])
        await eventually_true(lambda: store.values == [record.value], within_seconds=20, what="the record")


async def test_appends_are_refused_within_the_bound_and_go_on_later(breakable: Breakable, topic: str) -> None:
    async with breakable.engine.open(append_timeout_seconds=APPEND_TIMEOUT_SECONDS) as stream:
        await stream.ensure_topic(topic, partitions=PARTITIONS)
        await stream.append(topic, [Record(key=b"k", value=b"before")])
        await breakable.stop()
        began = time.monotonic()
        many = [stream.append(topic, [Record(key=b"%d" % n, value=b"lost?")]) for n in range(50)]
        answers = await asyncio.gather(*many, return_exceptions=True)
        assert {type(answer) for answer in answers} == {StreamUnavailable}
        assert time.monotonic() - began < REFUSED_WITHIN_SECONDS
        await breakable.start()

        async def appended() -> bool:
            with contextlib.suppress(StreamUnavailable):
                await stream.append(topic, [Record(key=b"k", value=b"after")])
                return True
            return False

        deadline = time.monotonic() + 20
        while not await appended():
            assert time.monotonic() < deadline, "appends did not come back"
        store = Store()
        async with Member(stream, topic, store=store) as member:
            await member.until(lambda: b"after" in store.values)
        assert b"before" in store.values


async def test_closing_while_the_server_is_away_takes_a_bounded_time(breakable: Breakable, topic: str) -> None:
    """A service has ten seconds to stop in, whatever is away."""
    store = Store()
    async with contextlib.AsyncExitStack() as stack:
        stream = await stack.enter_async_context(breakable.engine.open(append_timeout_seconds=APPEND_TIMEOUT_SECONDS))
        await stream.ensure_topic(topic, partitions=PARTITIONS)
        member = await stack.enter_async_context(Member(stream, topic, store=store))
        await member.until(lambda: len(member.owned) == PARTITIONS)
        await stream.append(topic, [Record(key=b"k", value=b"v")])
        await breakable.kill()
        waiting = asyncio.create_task(stream.append(topic, [Record(key=b"k", value=b"lost?")]))
        async with asyncio.timeout(10):
            await stack.aclose()
            with pytest.raises(StreamUnavailable):
                await waiting
    assert member.told[-1][0] == "revoked", "who leaves is told so, even then"
    await breakable.start()
